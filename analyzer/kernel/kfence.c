/*
 * mm/kfence/kfence.h and core.c, 5.12 to 7.2: an array of metadata (behind a pointer since 6.6),
 * one entry for every second page of the pool from its third page on. Each entry's address lies on
 * its own page; that invariant also tells how many there are where the configuration does not.
 */
#include "analyzer/kernel/kfence.h"

#include <inttypes.h>

#include "analyzer/kernel/kasan_meta.h"
#include "analyzer/kernel/page.h"

#define KFENCE_HINT "mm/kfence/core.c"

enum { OBJECTS_MAX = 65535, CANARY = 0xaa };

struct metadata {
	uint32_t state;
	uint64_t addr, size, cache_va, unprotected_page, alloc_va, free_va;
};
static const struct view_field metadata_fields[] = {
	FIELD(struct metadata, state, "state"),
	FIELD(struct metadata, addr, "addr"),
	FIELD(struct metadata, size, "size"),
	FIELD(struct metadata, cache_va, "cache"),
	FIELD_OPTIONAL(struct metadata, unprotected_page, "unprotected_page"),
	FIELD_ADDRESS(struct metadata, alloc_va, "alloc_track"),
	FIELD_ADDRESS(struct metadata, free_va, "free_track"),
};
static const struct view_spec metadata_spec = { .type = "kfence_metadata",
	.hint = KFENCE_HINT,
	.fields = metadata_fields,
	.nfields = ARRAY_SIZE(metadata_fields) };

struct track {
	int32_t pid, cpu, n;
	uint64_t ts_ns, entries_va;
};
enum { TRACK_CPU = 1, TRACK_TIME };
static const struct view_field track_fields[] = {
	FIELD(struct track, pid, "pid"),
	[TRACK_CPU] = FIELD_OPTIONAL(struct track, cpu, "cpu"),
	[TRACK_TIME] = FIELD_OPTIONAL(struct track, ts_ns, "ts_nsec"),
	FIELD(struct track, n, "num_stack_entries"),
	FIELD_ADDRESS(struct track, entries_va, "stack_entries"),
};
static const struct view_spec track_spec = { .type = "kfence_track",
	.hint = KFENCE_HINT,
	.fields = track_fields,
	.nfields = ARRAY_SIZE(track_fields) };

/* ---- finding ----------------------------------------------- */

static uint64_t page_of(const struct kfence *k, uint32_t index)
{
	return k->pool_va + ((uint64_t)index + 1) * 2 * k->page_bytes;
}

/* Entries that lie on their own page, from the first one on. */
static uint32_t count_objects(const struct kfence *k, const struct view *v, uint32_t most)
{
	uint32_t n = 0;
	for (; n < most; n++) {
		struct metadata m;
		if (!view_try_read(v, k->t->kernel, k->metadata_va + n * k->entry_bytes, &m) ||
			(m.addr & ~(k->page_bytes - 1)) != page_of(k, n))
			break;
	}
	return n;
}

/* An array, or since 6.6 a pointer to one: whichever's first entry lies on its page. */
static struct err *find_objects(struct kfence *k, const struct view *v)
{
	struct symbol sym;
	uint64_t n;
	uint32_t most = OBJECTS_MAX;
	if (!symtab_find_kernel(k->t->syms, "kfence_metadata", &sym))
		return err_new(ERR_MISSING, "there is no symbol kfence_metadata: give the vmlinux");
	if (target_number(k->t, "CONFIG(KFENCE_NUM_OBJECTS)", &n) && n && n < most)
		most = (uint32_t)n;
	k->metadata_va = sym.va;
	k->nobjects = count_objects(k, v, most);
	if (!k->nobjects && vspace_try_word(k->t->kernel, sym.va, &k->metadata_va) &&
		k->metadata_va)
		k->nobjects = count_objects(k, v, most);
	if (!k->nobjects)
		return err_new(ERR_FORMAT,
			"KFENCE's first object does not lie on its page of the pool at "
			"0x%" PRIx64,
			k->pool_va);
	return NULL;
}

struct err *kfence_init(struct target *t, struct kfence *ret)
{
	struct kfence k = { .t = t };
	const struct view *v;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	if (!target_has_symbol(t, "__kfence_pool"))
		return err_new(ERR_MISSING,
			"there is no __kfence_pool: this kernel was built without "
			"CONFIG_KFENCE, or its vmlinux is needed");
	k.page_bytes = 1ull << page_shift(t);
	err = target_read_variable(t, "__kfence_pool", 0, &k.pool_va);
	if (!err && !k.pool_va)
		err = err_new(ERR_MISSING,
			"KFENCE was off: kfence.sample_interval was 0 when the kernel "
			"booted");
	if (!err)
		err = target_view(t, &metadata_spec, &v);
	if (err)
		return err;
	k.entry_bytes = view_size(v);
	err = find_objects(&k, v);
	if (!err)
		*ret = k;
	return err;
}

bool kfence_index(const struct kfence *k, uint64_t va, uint32_t *ret_index)
{
	uint64_t pair = (va - k->pool_va) / (2 * k->page_bytes);
	if (va < k->pool_va || !pair || pair > k->nobjects)
		return false;
	*ret_index = (uint32_t)(pair - 1);
	return true;
}

/* ---- one object ----------------------------------------------- */

static enum kfence_state state_of(struct target *t, uint32_t state)
{
	uint64_t rcu, freed;
	if (!target_number(t, "enum(kfence_object_state.KFENCE_OBJECT_FREED)", &freed))
		freed = 2;
	if (!target_number(t, "enum(kfence_object_state.KFENCE_OBJECT_RCU_FREEING)", &rcu))
		rcu = UINT64_MAX; /* since 6.12 */
	return state == 0	? KFENCE_UNUSED
	       : state == 1	? KFENCE_ALLOCATED
	       : state == rcu	? KFENCE_RCU_FREEING
	       : state == freed ? KFENCE_FREED
				: KFENCE_BROKEN;
}

const char *kfence_state_name(enum kfence_state s)
{
	static const char *const name[] = { "unused", "allocated", "rcu freeing", "freed",
		"damaged" };
	return name[s];
}

static struct err *read_track(const struct kfence *k, uint64_t va, struct kfence_track *ret)
{
	const struct view *v;
	struct track raw;
	struct err *err = target_view(k->t, &track_spec, &v);
	if (!err)
		err = view_read(v, k->t->kernel, va, &raw);
	if (err)
		return err;
	if (raw.n < 0 || raw.n > KFENCE_FRAMES_MAX)
		return err_new(ERR_FORMAT, "a stack of %d frames at 0x%" PRIx64, raw.n, va);
	*ret = (struct kfence_track){ .pid = (uint32_t)raw.pid,
		.cpu = (uint32_t)raw.cpu,
		.has_time = view_has(v, TRACK_TIME),
		.ts_ns = raw.ts_ns,
		.nframes = (uint32_t)raw.n };
	unsigned word = k->t->abi.word_bytes;
	for (int32_t i = 0; !err && i < raw.n; i++)
		err = vspace_read_word(
			k->t->kernel, raw.entries_va + (uint64_t)i * word, &ret->pc[i]);
	return err;
}

/* The page's bytes around the object hold a pattern from its allocation on. */
static void check_canary(const struct kfence *k, struct kfence_object *o)
{
	scoped_free uint8_t *page = xcalloc(1, k->page_bytes);
	if (o->size > k->page_bytes || o->addr - o->page_va > k->page_bytes - o->size ||
		vspace_try_read(k->t->kernel, o->page_va, page, k->page_bytes, NULL))
		return;
	o->canary_checked = true;
	for (uint64_t i = 0; i < k->page_bytes; i++) {
		uint64_t at = o->page_va + i;
		if (at - o->addr < o->size || page[i] == (CANARY ^ (at & 7)))
			continue;
		o->first_bad = o->first_bad ? o->first_bad : at;
		o->last_bad = at;
	}
}

struct err *kfence_read(const struct kfence *k, uint32_t index, struct kfence_object *ret)
{
	const struct view *v;
	struct metadata m;
	struct kfence_object o = { .index = index };
	if (index >= k->nobjects)
		return err_new(ERR_NOT_FOUND, "there is no KFENCE object %u: there are %u", index,
			k->nobjects);
	o.metadata_va = k->metadata_va + index * k->entry_bytes;
	struct err *err = target_view(k->t, &metadata_spec, &v);
	if (!err)
		err = view_read(v, k->t->kernel, o.metadata_va, &m);
	if (err)
		return err_wrap(err, "KFENCE object %u", index);
	o.state = state_of(k->t, m.state);
	o.addr = m.addr;
	int32_t size = (int32_t)m.size; /* up to 5.17 its sign told left from right */
	o.size = size < 0 ? -(int64_t)size : size;
	o.page_va = page_of(k, index);
	o.cache_va = m.cache_va;
	o.unprotected_page = m.unprotected_page;
	if (o.state != KFENCE_UNUSED) {
		struct kasan_cache cache;
		err = read_track(k, m.alloc_va, &o.alloc);
		if (!err && (o.state == KFENCE_FREED || o.state == KFENCE_RCU_FREEING))
			err = read_track(k, m.free_va, &o.free);
		if (err)
			return err_wrap(err, "KFENCE object %u", index);
		err = o.cache_va ? kasan_cache_read(k->t, o.cache_va, &cache) : NULL;
		if (!err && o.cache_va)
			memcpy(o.cache, cache.name, sizeof(o.cache));
		err_drop(err); /* a cache that is gone has no name */
		check_canary(k, &o);
	}
	*ret = o;
	return NULL;
}
