/*
 * kallsyms_token_table, and backwards from it kallsyms_num_syms and kallsyms_names. Knows in which
 * order and alignment scripts/kallsyms.c lays them out; takes nothing that another table
 * contradicts.
 */
#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/target/kallsyms_internal.h"

enum {
	SYMBOLS_MIN = 256,
	SYMBOLS_MAX = 4 << 20,
	BACK_STEP = 256 << 10,
	BACK_MAX = 32 << 20, /* names, markers and seqs of a million symbols take 20 MB */
};

size_t kallsyms_read_some(struct dump *d, uint64_t pa, void *buf, size_t n)
{
	struct paddr bad;
	return dump_try_read(d, (struct paddr){ pa }, buf, n, &bad) == FAULT_NONE ? n : bad.v - pa;
}

static uint64_t align_up(uint64_t v, unsigned align)
{
	return (v + align - 1) & ~(uint64_t)(align - 1);
}

/* ---- tokens ----------------------------------------------- */

/* The index, at either alignment (8 on 64 bits up to v6.12, 4 else), must say what the strings say.
 */
static bool index_agrees(struct dump *d, const struct abi *abi, struct token_table *t, uint64_t end)
{
	uint8_t raw[TOKENS * 2];
	for (unsigned align = 4; align <= 8; align += 4) {
		uint64_t pa = align_up(end, align);
		unsigned i = 0;
		if (dump_try_read(d, (struct paddr){ pa }, raw, sizeof(raw), NULL) != FAULT_NONE)
			continue;
		while (i < TOKENS && get_u16(abi, raw + 2 * i) == t->index[i])
			i++;
		if (i == TOKENS) {
			t->end.v = pa + sizeof(raw);
			return true;
		}
	}
	return false;
}

bool token_table_read(
	struct dump *d, const struct abi *abi, struct paddr pa, struct token_table *ret)
{
	size_t n = kallsyms_read_some(d, pa.v, ret->text, sizeof(ret->text)), at = 0;
	ret->pa = pa;
	for (unsigned i = 0; i < TOKENS; i++) {
		const char *nul = memchr(ret->text + at, '\0', n - at);
		if (!nul)
			return false;
		ret->index[i] = (uint16_t)at;
		at = (size_t)(nul - ret->text) + 1;
	}
	return index_agrees(d, abi, ret, pa.v + at);
}

/* ---- names ----------------------------------------------- */

/* Memory before the token table, grown downwards as the search goes on: bytes [lo, size). */
struct back {
	struct dump *d;
	uint64_t end_pa; /* of byte .size */
	uint8_t *bytes;
	size_t size, lo;
	uint64_t budget; /* names that may still be looked at: crafted memory could take hours */
};

/* Takes @n more bytes from below. */
static bool back_take(struct back *b, size_t n)
{
	uint64_t lowest = b->end_pa - (b->size - b->lo);
	if (!n || n > b->lo || n > lowest ||
		dump_try_read(b->d, (struct paddr){ lowest - n }, b->bytes + b->lo - n, n, NULL) !=
			FAULT_NONE)
		return false;
	b->lo -= n;
	return true;
}

/* Memory may begin within the next step: then page by page. */
static bool back_grow(struct back *b)
{
	uint64_t lowest = b->end_pa - (b->size - b->lo);
	return back_take(b, BACK_STEP) || back_take(b, (size_t)((lowest - 1) % 4096 + 1));
}

/* The length of the name at @at and of its prefix: bit 7 announces a second byte (v6.1). False at
 * the end of memory or for an empty name, which no symbol has. */
static bool name_length(const uint8_t *p, size_t size, size_t at, size_t *ret_skip, size_t *ret_len)
{
	if (at + 2 > size || !p[at])
		return false;
	bool big = p[at] & 0x80;
	size_t len = big ? (size_t)(p[at] & 0x7f) | (size_t)p[at + 1] << 7 : p[at];
	*ret_skip = big ? 2 : 1;
	*ret_len = len;
	return range_inside(at + *ret_skip, len, size);
}

/* Whether @n markers of @bytes each at @at are those in @want, and what follows them, if anything,
 * is kallsyms_seqs_of_names (three bytes a symbol) up to the token table. */
static bool markers_agree(const struct back *b, const struct abi *abi, size_t at, unsigned bytes,
	const uint32_t *want, uint32_t nsyms)
{
	size_t n = (nsyms + MARKER_STEP - 1) / MARKER_STEP;
	if (!range_inside(at, (uint64_t)n * bytes, b->size))
		return false;
	for (size_t i = 0; i < n; i++)
		if (load_uint(abi, b->bytes + at + i * bytes, bytes) != want[i])
			return false;
	uint64_t left = b->size - (at + n * bytes), seqs = (uint64_t)nsyms * 3;
	return left < 8 || (left >= seqs && left - seqs < 16);
}

/*
 * Whether markers for @nsyms names could stand before the token table at all: their place follows
 * from the count, up to some alignment, the first is zero and the second behind 256 names. Nearly
 * every number in the names looks like a count; walking from each of them would take seconds.
 */
static bool markers_possible(const struct back *b, const struct abi *abi, uint32_t nsyms)
{
	uint64_t n = (nsyms + MARKER_STEP - 1) / MARKER_STEP, seqs = (uint64_t)nsyms * 3;
	for (unsigned i = 0; i < 64; i++) {
		unsigned bytes = i & 1 ? 8 : 4, slack = i >> 2;
		uint64_t behind = (i & 2 ? seqs : 0) + slack + n * bytes;
		if (behind > b->size - b->lo || (b->end_pa - behind) % 4)
			continue;
		const uint8_t *p = b->bytes + (b->size - behind);
		uint64_t second = n > 1 ? load_uint(abi, p + bytes, bytes) : 2 * MARKER_STEP;
		if (!load_uint(abi, p, bytes) && second >= 2 * MARKER_STEP &&
			second <= MARKER_STEP * 1024)
			return true;
	}
	return false;
}

/* Whether @nsyms names from byte @start on are followed by the markers that belong to them. */
static bool names_fit(
	struct back *b, const struct abi *abi, size_t start, uint32_t nsyms, size_t *ret_end)
{
	scoped_free uint32_t *mark = NULL;
	size_t at = start, skip, len;
	for (uint32_t i = 0; i < nsyms; i++) {
		if (!b->budget || !name_length(b->bytes, b->size, at, &skip, &len))
			return false;
		b->budget--;
		if (i == MARKER_STEP || (!mark && i + 1 == nsyms)) {
			/* Not before: most candidates have failed by here. */
			mark = xcalloc(nsyms / MARKER_STEP + 1, sizeof(*mark));
		}
		if (mark && i % MARKER_STEP == 0)
			mark[i / MARKER_STEP] = (uint32_t)(at - start);
		at += skip + len;
	}
	*ret_end = at;
	/* Bytes of the buffer are aligned as memory is: its end may not be, so count from there. */
	uint64_t end_pa = b->end_pa - (b->size - at);
	for (unsigned align = 4; align <= 8; align += 4) {
		size_t markers = at + (size_t)(align_up(end_pa, align) - end_pa);
		if (markers_agree(b, abi, markers, 4, mark, nsyms) ||
			(align == 8 && markers_agree(b, abi, markers, 8, mark, nsyms)))
			return true;
	}
	return false;
}

/* A count at byte @at, the names four or eight bytes behind. (What stands between is zero, and no
 * name begins so: alignment, or the upper half of 4.19's count.) */
static bool count_fits(struct back *b, const struct abi *abi, size_t at, struct name_table *ret,
	size_t *ret_start, size_t *ret_end)
{
	uint64_t dist = b->size - at;
	uint32_t n = get_u32(abi, b->bytes + at);
	size_t start = at + 4;
	if (n < SYMBOLS_MIN || n > SYMBOLS_MAX || dist < (uint64_t)n * 2)
		return false;
	if (start + 4 <= b->size && !get_u32(abi, b->bytes + start))
		start += 4;
	if (!markers_possible(b, abi, n) || !names_fit(b, abi, start, n, ret_end))
		return false;
	ret->nsyms = n;
	ret->num_syms.v = b->end_pa - dist;
	*ret_start = start;
	return true;
}

/* 4.19's count is a word: in a big-endian 64-bit kernel its upper, zero half comes first. The u32
 * is looked for, so the word begins before it; callers align down. */
bool name_table_find(
	struct dump *d, const struct abi *abi, const struct token_table *t, struct name_table *ret)
{
	scoped_free uint8_t *bytes = malloc(BACK_MAX);
	struct back b = {
		.d = d,
		.end_pa = t->pa.v,
		.bytes = bytes,
		.size = BACK_MAX,
		.lo = BACK_MAX,
		.budget = 64 << 20,
	};
	size_t at = BACK_MAX - t->pa.v % 4, start, end;
	if (!bytes)
		return false;
	while (at >= 4 && b.budget) {
		at -= 4;
		while (at < b.lo)
			if (!back_grow(&b))
				return false;
		if (!count_fits(&b, abi, at, ret, &start, &end))
			continue;
		ret->nbytes = end - start;
		ret->bytes = xmalloc(ret->nbytes);
		memcpy(ret->bytes, bytes + start, ret->nbytes);
		return true;
	}
	return false;
}
