/*
 * The order of symbols: by address, aliases of one address as the kernel has them, and ranges that
 * do not overlap. Knows nothing of names' lookup.
 */
#include "analyzer/debug/symtab_internal.h"

#include <stdlib.h>
#include <string.h>

/* scripts/kallsyms.c may_be_linker_script_provide_symbol(), v6.1. */
static bool is_script_symbol(const char *s, size_t len)
{
	if (len < 8 || s[0] != '_' || s[1] != '_')
		return false;
	return !memcmp(s + 2, "start_", 6) || !memcmp(s + 2, "stop_", 5) ||
	       !memcmp(s + 2, "end_", 4) || !memcmp(s + len - 6, "_start", 6) ||
	       !memcmp(s + len - 4, "_end", 4);
}

/* scripts/kallsyms.c compare_symbols(), v6.1: strong before weak, then the linker script's last,
 * then fewer leading underscores. What is left keeps the order of `nm -n`: by name. */
uint8_t symtab_rank(const char *name, size_t len, char type)
{
	size_t underscores = strspn(name, "_");
	return (uint8_t)((type == 'w' || type == 'W' ? 0x80 : 0) |
			 (is_script_symbol(name, len) ? 0x40 : 0) |
			 (underscores > 0x3f ? 0x3f : underscores));
}

/* True when @a stands before @b of the same address. A module's symbols keep the order of its own
 * table: kernel/module/kallsyms.c find_kallsyms_symbol() takes the first. */
static bool alias_before(const struct symtab_entry *a, const struct symtab_entry *b)
{
	if (a->module != b->module)
		return a->module < b->module;
	if (a->module)
		return false;
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return strcmp(a->name, b->name) < 0;
}

static int compare_alias(const void *x, const void *y)
{
	const struct symtab_entry *a = x, *b = y;
	return alias_before(a, b) ? -1 : alias_before(b, a) ? 1 : 0;
}

enum { RADIX_BITS = 11, RADIX = 1 << RADIX_BITS };

/* One stable pass by @shift; false when all keys share this digit and nothing was moved. */
static bool radix_pass(const struct symtab_entry *from, struct symtab_entry *to, size_t n,
	uint64_t base, unsigned shift)
{
	uint32_t count[RADIX] = { 0 };
	for (size_t i = 0; i < n; i++)
		count[(from[i].va - base) >> shift & (RADIX - 1)]++;
	uint32_t at = 0;
	for (unsigned d = 0; d < RADIX; d++) {
		uint32_t c = count[d];
		if (c == n)
			return false;
		count[d] = at;
		at += c;
	}
	for (size_t i = 0; i < n; i++)
		to[count[(from[i].va - base) >> shift & (RADIX - 1)]++] = from[i];
	return true;
}

/* Sorts by address, stable: addresses of one kernel differ in some 26 bits, so that three passes do
 * what a comparing sort needs 18 levels for. */
static void sort_by_address(struct symtab *st)
{
	size_t n = st->sym.n;
	if (n < 2)
		return;
	uint64_t lo = UINT64_MAX, hi = 0;
	for (size_t i = 0; i < n; i++) {
		lo = st->sym.v[i].va < lo ? st->sym.v[i].va : lo;
		hi = st->sym.v[i].va > hi ? st->sym.v[i].va : hi;
	}
	struct symtab_entry *from = st->sym.v, *to = xrealloc_array(NULL, n, sizeof(*to));
	for (unsigned shift = 0; shift < 64 && (hi - lo) >> shift; shift += RADIX_BITS) {
		if (!radix_pass(from, to, n, lo, shift))
			continue;
		struct symtab_entry *swap = from;
		from = to;
		to = swap;
	}
	free(to);
	st->sym.v = from;
	st->sym.cap = n;
}

/* Aliases are short runs, where insertion is best; a damaged table can put everything at one
 * address, so that long kernel runs are left to qsort (whose order is total by name). */
static void sort_aliases(struct symtab *st)
{
	struct symtab_entry *e = st->sym.v;
	for (size_t i = 0, end; i < st->sym.n; i = end) {
		for (end = i + 1; end < st->sym.n && e[end].va == e[i].va;)
			end++;
		if (end - i > 64) {
			qsort(e + i, end - i, sizeof(*e), compare_alias);
			continue;
		}
		for (size_t k = i + 1; k < end; k++) {
			struct symtab_entry x = e[k];
			size_t j = k;
			for (; j > i && alias_before(&x, &e[j - 1]); j--)
				e[j] = e[j - 1];
			e[j] = x;
		}
	}
}

static int compare_range(const void *x, const void *y)
{
	const struct symtab_range *a = x, *b = y;
	return a->start < b->start ? -1 : a->start > b->start;
}

/* Ranges of one owner that overlap become one; those that only touch stay apart, because an end
 * also ends a symbol. */
static void sort_ranges(struct symtab *st)
{
	if (!st->range.n)
		return;
	qsort(st->range.v, st->range.n, sizeof(*st->range.v), compare_range);
	size_t n = 1;
	for (size_t i = 1; i < st->range.n; i++) {
		struct symtab_range *last = &st->range.v[n - 1], *r = &st->range.v[i];
		if (r->module == last->module && r->start < last->end) {
			if (r->end > last->end)
				last->end = r->end;
		} else {
			st->range.v[n++] = *r;
		}
	}
	st->range.n = n;
}

void symtab_sort(struct symtab *st)
{
	sort_by_address(st);
	sort_aliases(st);
	sort_ranges(st);
}
