/*
 * lib/stackdepot.c: pools of four pages, records one behind the other, and handles made of a pool's
 * number and an offset in units of 16 bytes. The widths come from union handle_parts; whether pool
 * numbers count from 0 or 1, and whether the pools' addresses stand in an array or behind a pointer
 * (since 6.18), is proved by the first record's own handle. Knows no hash table: pools alone are
 * complete.
 */
#include "analyzer/kernel/stack_depot.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/xalloc.h"

#define DEPOT_HINT "lib/stackdepot.c"

enum {
	UNIT_BITS = 4,	       /* DEPOT_STACK_ALIGN, STACK_ALLOC_ALIGN */
	OFFSET_WIDTH_MAX = 14, /* pools of four 64K pages */
	PROOF_POOLS = 4,       /* pools that are tried until one can be read */
};

/* include/linux/refcount.h: REFCOUNT_SATURATED is INT_MIN / 2; what is near it was not counted */
static bool is_saturated(uint32_t count)
{
	return count >> 31;
}

/* ---- binding ----------------------------------------------- */

static struct err *field(
	struct target *t, const struct type *type, const char *name, struct field_ref *ret)
{
	struct err *err = type_field(t->types, type, name, ret);
	if (err && err->code != ERR_NOT_FOUND && err->code != ERR_MISSING)
		return err;
	*ret = err ? (struct field_ref){ 0 } : *ret;
	err_drop(err); /* absent: the type stays NULL */
	return NULL;
}

/* Newest name first; NULL ends the names. */
static struct err *bits_of(struct target *t, const struct type *parts, const char *const *names,
	struct stack_depot_bits *ret, unsigned *ret_which)
{
	struct field_ref f = { 0 };
	struct err *err = NULL;
	unsigned i;
	for (i = 0; !err && !f.type && names[i]; i++)
		err = field(t, parts, names[i], &f);
	if (err || !f.type)
		return err;
	unsigned width = f.bit_size ? f.bit_size : (unsigned)f.type->size * 8;
	if (f.bit_offset >= 32 || width > 32 - f.bit_offset)
		return err_new(
			ERR_FORMAT, "union handle_parts: %s lies beyond 32 bits", names[i - 1]);
	/* big-endian compilers give bits out from the top */
	unsigned shift =
		t->abi.big_endian ? 32 - (unsigned)f.bit_offset - width : (unsigned)f.bit_offset;
	*ret = (struct stack_depot_bits){ (uint8_t)shift, (uint8_t)width };
	*ret_which = i - 1;
	return NULL;
}

static struct err *bind_handle(struct stack_depot *d, bool *ret_bias_known)
{
	static const char *const index[] = { "pool_index_plus_1", "pool_index", "slabindex", NULL };
	static const char *const offset[] = { "offset", NULL }, *const valid[] = { "valid", NULL },
				 *const extra[] = { "extra", NULL };
	const struct type *parts;
	unsigned which = 0, ignored;
	struct err *err = types_find(d->t->types, TYPE_UNION, "handle_parts", DEPOT_HINT, &parts);
	if (!err)
		err = bits_of(d->t, parts, index, &d->index, &which);
	if (!err)
		err = bits_of(d->t, parts, offset, &d->offset, &ignored);
	if (!err)
		err = bits_of(d->t, parts, valid, &d->valid, &ignored);
	if (!err)
		err = bits_of(d->t, parts, extra, &d->extra, &ignored);
	if (err)
		return err;
	if (!d->index.width || !d->offset.width || d->offset.width > OFFSET_WIDTH_MAX)
		return err_new(
			ERR_FORMAT, "union handle_parts has no index and offset that make sense");
	d->index_bias = which == 0;
	/* 6.8's pool_index counts from 0 in some releases and from 1 in others, under one name;
	 * with a valid bit it is always 0 */
	*ret_bias_known = which != 1 || d->valid.width;
	d->pool_bytes = 1ull << (d->offset.width + UNIT_BITS);
	return NULL;
}

static struct err *bind_record(struct stack_depot *d)
{
	const struct type *type;
	struct field_ref handle, size, count, entries;
	struct err *err = types_find(d->t->types, TYPE_STRUCT, "stack_record", DEPOT_HINT, &type);
	if (!err)
		err = field(d->t, type, "handle", &handle);
	if (!err)
		err = field(d->t, type, "size", &size);
	if (!err)
		err = field(d->t, type, "count", &count);
	if (!err)
		err = field(d->t, type, "entries", &entries);
	if (err)
		return err;
	if (!handle.type || !size.type || !entries.type)
		return err_new(ERR_MISSING, "struct stack_record lacks handle, size or entries");
	d->handle_at = handle.bit_offset / 8;
	d->size_at = size.bit_offset / 8;
	d->count_at = count.bit_offset / 8;
	d->counted = count.type;
	d->entries_at = entries.bit_offset / 8;
	d->record_bytes = type->size;
	if (d->entries_at > 256 || d->handle_at > d->entries_at || d->size_at > d->entries_at ||
		d->count_at > d->entries_at)
		return err_new(ERR_FORMAT,
			"struct stack_record makes no sense: entries at %" PRIu64, d->entries_at);
	return NULL;
}

static uint32_t make_handle(const struct stack_depot *d, uint64_t pool, uint64_t at)
{
	uint64_t h = (pool + d->index_bias) << d->index.shift | at >> UNIT_BITS << d->offset.shift;
	return (uint32_t)(d->valid.width ? h | 1ull << d->valid.shift : h);
}

/* Whether the first record of a pool says that it is this. ERR_NOT_FOUND: there are no pools. */
static struct err *prove(const struct stack_depot *d, bool *ret)
{
	struct err *err = NULL;
	*ret = false;
	for (uint64_t i = 0; i < PROOF_POOLS && i < d->npools; i++) {
		uint64_t pool, handle;
		err_drop(err); /* of a pool that the dump lacks: the next one may be there */
		err = vspace_read_word(d->t->kernel, d->pools_va + i * d->t->abi.word_bytes, &pool);
		if (!err && !pool)
			return i ? NULL : err_new(ERR_NOT_FOUND, "the stack depot is empty");
		if (!err)
			err = vspace_read_uint(d->t->kernel, pool + d->handle_at, 4, &handle);
		if (err)
			continue;
		*ret = handle == make_handle(d, i, 0);
		return NULL;
	}
	return err;
}

/* All that may be meant, until the memory agrees. */
static struct err *find_pools(struct stack_depot *d, const struct symbol *sym, bool bias_known)
{
	unsigned word = d->t->abi.word_bytes;
	uint64_t room = 1ull << d->index.width,
		 bytes = sym->object_size ? sym->object_size : sym->size;
	struct err *err = NULL;
	bool right = false;
	for (unsigned behind = 0; behind < 2 && !right; behind++) {
		uint64_t va = sym->va, n = bytes / word;
		if ((!behind && sym->object_size == word) || (behind && sym->object_size > word))
			continue;
		if (behind) {
			if (!vspace_try_word(d->t->kernel, va, &va) || !va)
				continue;
			if (!target_try_variable(d->t, "stack_max_pools", &n))
				n = room;
		}
		d->pools_va = va;
		d->npools = n < room ? n : room;
		for (unsigned bias = 0; bias < 2 && !right; bias++) {
			if (bias_known && bias)
				break;
			if (!bias_known)
				d->index_bias = bias;
			err_drop(err); /* of another reading; the last one's is told */
			err = prove(d, &right);
		}
	}
	if (right || err)
		return err;
	return err_new(ERR_FORMAT, "the stack depot's first record does not carry its own handle");
}

struct err *stack_depot_init(struct target *t, struct stack_depot *ret)
{
	struct stack_depot d = { .t = t };
	struct symbol sym;
	bool bias_known = false;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	if (!symtab_find_kernel(t->syms, "stack_pools", &sym) &&
		!symtab_find_kernel(t->syms, "stack_slabs", &sym))
		return err_new(ERR_MISSING,
			"there is neither stack_pools nor stack_slabs among the "
			"symbols: this kernel has no stack depot, or its vmlinux is needed");
	err = bind_handle(&d, &bias_known);
	if (!err)
		err = bind_record(&d);
	if (!err)
		err = find_pools(&d, &sym, bias_known);
	if (!err)
		*ret = d;
	return err_wrap(err, "stack depot");
}

/* ---- one record ----------------------------------------------- */

static uint32_t part(uint32_t handle, struct stack_depot_bits bits)
{
	return (uint32_t)(handle >> bits.shift & ((1ull << bits.width) - 1));
}

unsigned stack_depot_extra(const struct stack_depot *d, uint32_t handle)
{
	return d->extra.width ? part(handle, d->extra) : 0;
}

/* @p: the record at @at of a pool, as far as the pool goes. False: no record with this handle. */
static bool decode(const struct stack_depot *d, const uint8_t *p, uint64_t at, uint32_t handle,
	struct stack_depot_record *ret)
{
	const struct abi *abi = &d->t->abi;
	uint64_t left = d->pool_bytes - at;
	if (left < d->entries_at + abi->word_bytes || get_u32(abi, p + d->handle_at) != handle)
		return false;
	uint32_t n = get_u32(abi, p + d->size_at);
	if (!n || n > STACK_DEPOT_FRAMES_MAX || n * abi->word_bytes > left - d->entries_at)
		return false;
	ret->handle = handle;
	ret->nframes = n;
	ret->count = d->counted ? get_u32(abi, p + d->count_at) : 0;
	ret->has_count = d->counted && !is_saturated(ret->count);
	ret->freed = d->counted && !ret->count;
	for (uint32_t i = 0; i < n; i++)
		ret->pc[i] = get_word(abi, p + d->entries_at + (uint64_t)i * abi->word_bytes);
	return true;
}

/* At most @max bytes of it from @at on. */
static struct err *read_pool(const struct stack_depot *d, uint64_t pool, uint64_t at, uint64_t max,
	uint64_t *ret_va, uint8_t **ret)
{
	uint64_t va, n = d->pool_bytes - at < max ? d->pool_bytes - at : max;
	struct err *err =
		vspace_read_word(d->t->kernel, d->pools_va + pool * d->t->abi.word_bytes, &va);
	if (!err && !va)
		err = err_new(ERR_NOT_FOUND, "there is none");
	scoped_free uint8_t *bytes = err ? NULL : xcalloc(1, n);
	if (!err)
		err = vspace_read(d->t->kernel, va + at, bytes, n);
	if (err)
		return err_wrap(err, "pool %" PRIu64 " of the stack depot", pool);
	*ret_va = va;
	*ret = take_ptr(bytes);
	return NULL;
}

struct err *stack_depot_find(
	const struct stack_depot *d, uint32_t handle, struct stack_depot_record *ret)
{
	uint32_t plain = d->extra.width ? handle & ~(uint32_t)(((1ull << d->extra.width) - 1)
							       << d->extra.shift)
					: handle;
	uint64_t pool = part(plain, d->index), at = (uint64_t)part(plain, d->offset) << UNIT_BITS,
		 va;
	scoped_free uint8_t *bytes = NULL;
	if (!handle)
		return err_new(ERR_NOT_FOUND, "no stack was saved");
	if (pool < d->index_bias || pool - d->index_bias >= d->npools)
		return err_new(ERR_FORMAT,
			"stack handle 0x%08x: its pool %" PRIu64 " is beyond the last", handle,
			pool);
	pool -= d->index_bias;
	uint64_t most = d->entries_at + (uint64_t)STACK_DEPOT_FRAMES_MAX * d->t->abi.word_bytes;
	struct err *err = read_pool(d, pool, at, most, &va, &bytes);
	if (err)
		return err_wrap(err, "stack handle 0x%08x", handle);
	if (!decode(d, bytes, at, plain, ret))
		return err_new(ERR_FORMAT, "stack handle 0x%08x: no record with it at 0x%" PRIx64,
			handle, va + at);
	ret->va = va + at;
	if (ret->freed)
		return err_new(ERR_NOT_FOUND, "stack handle 0x%08x: its record was freed", handle);
	return NULL;
}

struct err *stack_depot_fetch(
	struct target *t, uint32_t handle, uint64_t *pcs, size_t max, size_t *ret_n)
{
	struct stack_depot d;
	struct err *err = stack_depot_init(t, &d);
	if (err)
		return err;
	scoped_free struct stack_depot_record *r = xcalloc(1, sizeof(*r));
	err = stack_depot_find(&d, handle, r);
	if (err)
		return err;
	*ret_n = r->nframes < max ? r->nframes : max;
	memcpy(pcs, r->pc, *ret_n * sizeof(*pcs));
	return NULL;
}

/* ---- all records ----------------------------------------------- */

struct err *stack_depot_iter_init(struct stack_depot_iter *it, struct target *t)
{
	*it = (struct stack_depot_iter){ 0 };
	return stack_depot_init(t, &it->depot);
}

void stack_depot_iter_deinit(struct stack_depot_iter *it)
{
	free(it->bytes);
	it->bytes = NULL;
}

/*
 * The next record of the pool in hand. A record takes what its frames take, or, where it may be
 * freed and used again, as much as the largest; its count does not tell which, since page_owner
 * starts to count records that were saved as uncounted. So the next place that carries its own
 * handle is the next record.
 */
static bool next_in_pool(struct stack_depot_iter *it, struct stack_depot_record *ret)
{
	const struct stack_depot *d = &it->depot;
	for (uint64_t at = it->at; at < d->pool_bytes; at += 1u << UNIT_BITS) {
		if (!decode(d, it->bytes + at, at, make_handle(d, it->pool, at), ret))
			continue;
		uint64_t bytes = d->entries_at + (uint64_t)ret->nframes * d->t->abi.word_bytes;
		it->at = at + ((bytes + (1u << UNIT_BITS) - 1) >> UNIT_BITS << UNIT_BITS);
		ret->va += at;
		return true;
	}
	return false;
}

struct err *stack_depot_iter_next(
	struct stack_depot_iter *it, struct stack_depot_record *ret, bool *ret_more)
{
	const struct stack_depot *d = &it->depot;
	*ret_more = false;
	for (; it->pool < d->npools; it->pool++, it->at = 0) {
		uint64_t va;
		struct err *err = interrupt_check();
		if (err)
			return err;
		err = vspace_read_word(
			d->t->kernel, d->pools_va + it->pool * d->t->abi.word_bytes, &va);
		if (err || !va)
			return err; /* they are filled in order: behind the first empty one is none
				     */
		if (!it->bytes)
			err = read_pool(d, it->pool, 0, d->pool_bytes, &va, &it->bytes);
		if (err) {
			it->pool++;
			*ret_more = true;
			return err;
		}
		ret->va = va;
		if (next_in_pool(it, ret)) {
			*ret_more = true;
			return NULL;
		}
		stack_depot_iter_deinit(it);
	}
	return NULL;
}
