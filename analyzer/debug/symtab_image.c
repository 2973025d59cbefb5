/* The kernel's symbols as one block of bytes: made from a sorted table, used where it is. */
#include "analyzer/debug/symtab_image.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/load.h"
#include "analyzer/base/scope.h"

enum { RECORD_ABSOLUTE = 1 /* does not move with the kernel */, RECORD_THUMB = 2 };

/* Records, slots and names follow, in this order. In the host's byte order. */
struct symtab_image_header {
	uint64_t start, end; /* of the kernel image, at link time; equal: not known */
	uint32_t nrecords, nhidden, nslots, reserved;
	uint64_t names_bytes;
};

struct symtab_record {
	uint64_t va;
	uint32_t name; /* offset in the names */
	uint32_t size;
	uint32_t next; /* index + 1 of the next of this name */
	uint8_t type, flags;
	uint16_t reserved;
};

static const char *record_name(const struct symtab_image *im, const struct symtab_record *r)
{
	return r->name < im->header->names_bytes ? im->names + r->name : "";
}

/* ---- making one ----------------------------------------------- */

static const struct symtab_entry *source_entry(const struct symtab *st, size_t i)
{
	return i < st->sym.n ? &st->sym.v[i] : &st->hidden.v[i - st->sym.n];
}

static uint64_t *slot_of(const struct symtab_image *im, uint64_t *slot, const char *name)
{
	uint32_t hash = symtab_hash(name, strlen(name)), mask = im->header->nslots - 1;
	for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
		uint64_t s = slot[i];
		if (!s)
			slot[i] = (uint64_t)hash << 32;
		if (!s || (s >> 32 == hash &&
				  !strcmp(record_name(im, &im->record[(uint32_t)s - 1]), name)))
			return &slot[i];
	}
}

/* From the last to the first, so that each chain ascends. */
static void index_names(const struct symtab_image *im, struct symtab_record *record, uint64_t *slot)
{
	for (size_t i = im->all; i--;) {
		uint64_t *s = slot_of(im, slot, record_name(im, &record[i]));
		record[i].next = (uint32_t)*s;
		*s = (*s & ~(uint64_t)UINT32_MAX) | (i + 1);
	}
}

static void fill_records(const struct symtab *st, const char *names, struct symtab_record *record)
{
	for (size_t i = 0; i < st->sym.n + st->hidden.n; i++) {
		const struct symtab_entry *e = source_entry(st, i);
		record[i] = (struct symtab_record){ .va = e->va,
			.name = (uint32_t)(e->name - names),
			.size = e->size,
			.type = (uint8_t)e->type,
			.flags = (i >= st->sym.n && e->rank == SYMTAB_RANK_ABSOLUTE
						 ? RECORD_ABSOLUTE
						 : 0) |
				 (e->thumb ? RECORD_THUMB : 0) };
	}
}

struct err *symtab_image_build(const struct symtab *st, const char *names, size_t names_bytes,
	uint64_t slide, struct symtab_image **ret)
{
	size_t all = st->sym.n + st->hidden.n;
	uint32_t nslots = 64;
	if (all > UINT32_MAX / 8 || names_bytes > UINT32_MAX)
		return err_new(ERR_LIMIT, "%zu symbols are too many", all);
	while (nslots < all * 2)
		nslots *= 2;
	struct symtab_image_header *h;
	struct err *e = mem_alloc_array(
		sizeof(*h) + all * sizeof(struct symtab_record) + nslots * 8ull, 1, "symbols", &h);
	if (e)
		return e;
	*h = (struct symtab_image_header){
		.nrecords = (uint32_t)st->sym.n,
		.nhidden = (uint32_t)st->hidden.n,
		.nslots = nslots,
		.names_bytes = names_bytes,
	};
	if (st->range.n) {
		h->start = st->range.v[0].start;
		h->end = st->range.v[0].end;
	}
	struct symtab_record *record = (struct symtab_record *)(h + 1);
	uint64_t *slot = (uint64_t *)(record + all);
	struct symtab_image *im = xcalloc(1, sizeof(*im));
	*im = (struct symtab_image){ .header = h,
		.record = record,
		.slot = slot,
		.names = names,
		.n = st->sym.n,
		.all = all,
		.slide = slide,
		.owned = h };
	fill_records(st, names, record);
	index_names(im, record, slot);
	*ret = im;
	return NULL;
}

void *symtab_image_save(const struct symtab_image *im, size_t *ret_n)
{
	size_t fixed =
		(size_t)((const char *)(im->slot + im->header->nslots) - (const char *)im->header);
	char *bytes = xmalloc(fixed + im->header->names_bytes);
	memcpy(bytes, im->header, fixed);
	if (im->header->names_bytes)
		memcpy(bytes + fixed, im->names, im->header->names_bytes);
	*ret_n = fixed + im->header->names_bytes;
	return bytes;
}

/* ---- using one ----------------------------------------------- */

struct symtab_image *symtab_image_open(const void *bytes, size_t n, uint64_t slide)
{
	const struct symtab_image_header *h = bytes;
	if (n < sizeof(*h) || (uintptr_t)bytes % 8)
		return NULL;
	uint64_t all = (uint64_t)h->nrecords + h->nhidden;
	uint64_t fixed = sizeof(*h) + all * sizeof(struct symtab_record) + h->nslots * 8ull;
	if (!h->nslots || h->nslots & (h->nslots - 1) || all >= UINT32_MAX || fixed > n ||
		h->names_bytes != n - fixed || !h->names_bytes || h->end < h->start ||
		((const char *)bytes)[n - 1])
		return NULL;
	struct symtab_image *im = xcalloc(1, sizeof(*im));
	const struct symtab_record *record = (const struct symtab_record *)(h + 1);
	*im = (struct symtab_image){ .header = h,
		.record = record,
		.n = h->nrecords,
		.all = all,
		.slot = (const uint64_t *)(record + all),
		.slide = slide,
		.names = (const char *)bytes + fixed };
	return im;
}

void symtab_image_destroy(struct symtab_image *im)
{
	if (im)
		free(im->owned);
	free(im);
}

void symtab_image_range(const struct symtab_image *im, uint64_t *ret_start, uint64_t *ret_end)
{
	bool known = im->header->start != im->header->end;
	*ret_start = known ? im->header->start + im->slide : 0;
	*ret_end = known ? im->header->end + im->slide : 0;
}

struct symtab_entry symtab_image_entry(const struct symtab_image *im, size_t i)
{
	if (i >= im->all)
		return (struct symtab_entry){ .name = "" };
	const struct symtab_record *r = &im->record[i];
	return (struct symtab_entry){
		.va = r->flags & RECORD_ABSOLUTE ? r->va : r->va + im->slide,
		.name = record_name(im, r),
		.size = r->size,
		.type = (char)r->type,
		.thumb = r->flags & RECORD_THUMB,
	};
}

/* Link addresses are what is sorted: where the slide wraps around, they still ascend. */
size_t symtab_image_count_up_to(const struct symtab_image *im, uint64_t va)
{
	uint64_t link_va = va - im->slide;
	size_t lo = 0, hi = im->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (im->record[mid].va <= link_va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t symtab_image_first(const struct symtab_image *im, const char *name)
{
	uint32_t hash = symtab_hash(name, strlen(name)), mask = im->header->nslots - 1;
	for (uint32_t k = 0, i = hash & mask; k <= mask; k++, i = (i + 1) & mask) {
		uint64_t s = im->slot[i];
		uint32_t index = (uint32_t)s;
		if (!s)
			return 0;
		if (s >> 32 == hash && index && index <= im->all &&
			!strcmp(record_name(im, &im->record[index - 1]), name))
			return index;
	}
	return 0;
}

uint32_t symtab_image_next(const struct symtab_image *im, uint32_t i)
{
	uint32_t next = i && i <= im->all ? im->record[i - 1].next : 0;
	return next > i && next <= im->all ? next : 0;
}
