/*
 * The symbol table: entries sorted by address, ranges that say whose an address is, and a hash over
 * names. Knows the kernel's rules of which symbol an address belongs to; not where symbols come
 * from.
 */
#include "analyzer/debug/symtab_internal.h"

#include <stdlib.h>
#include <string.h>

struct symtab *symtab_create(void)
{
	struct symtab *st = xcalloc(1, sizeof(*st));
	vec_push(&st->module, NULL);
	return st;
}

void symtab_destroy(struct symtab *st)
{
	if (!st)
		return;
	vec_deinit(&st->sym);
	vec_deinit(&st->hidden);
	vec_deinit(&st->range);
	vec_deinit(&st->source);
	vec_deinit(&st->module);
	strmap_deinit(&st->modules);
	arena_deinit(&st->names);
	free(st->slot);
	free(st->next);
	free(st);
}

uint16_t symtab_module_index(struct symtab *st, const char *module)
{
	if (!module)
		return 0;
	uintptr_t known = (uintptr_t)strmap_get(&st->modules, module);
	if (known)
		return (uint16_t)known;
	if (st->module.n > UINT16_MAX)
		return UINT16_MAX; /* a damaged list: its modules share one */
	const char *copy = arena_strdup(&st->names, module);
	vec_push(&st->module, copy);
	uintptr_t i = st->module.n - 1;
	strmap_set(&st->modules, copy, (void *)i);
	return (uint16_t)i;
}

void symtab_add(struct symtab *st, const char *name, uint64_t va, uint64_t size, char type,
	const char *module)
{
	struct symtab_entry e = {
		.va = va,
		.name = arena_strdup(&st->names, name),
		.size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size,
		.module = symtab_module_index(st, module),
		.type = type,
	};
	e.rank = symtab_rank(name, strlen(name), type);
	vec_push(&st->sym, e);
	st->finished = false;
}

void symtab_add_kallsyms(struct symtab *st, const char *name, uint64_t va, char type,
	uint32_t order)
{
	struct symtab_entry e = {
		.va = va,
		.name = name,
		.type = type,
		.rank = order > UINT8_MAX ? UINT8_MAX : (uint8_t)order,
	};
	vec_push(&st->sym, e);
	st->finished = false;
}

void symtab_add_recovered(struct symtab *st, const char *name, uint64_t va, char type,
	const char *source)
{
	struct symtab_source s = { (uint32_t)st->hidden.n, source };
	struct symtab_entry e = { .va = va, .name = arena_strdup(&st->names, name), .type = type };
	vec_push(&st->source, s);
	vec_push(&st->hidden, e);
	st->indexed = false;
}

void symtab_add_range(struct symtab *st, uint64_t start, uint64_t end, const char *module)
{
	if (end <= start)
		return;
	struct symtab_range r = { start, end, symtab_module_index(st, module) };
	vec_push(&st->range, r);
	st->finished = false;
}

/* ---- order ----------------------------------------------- */

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

/* ---- names ----------------------------------------------- */

static const struct symtab_entry *entry_at(const struct symtab *st, size_t i)
{
	return i < st->sym.n ? &st->sym.v[i] : &st->hidden.v[i - st->sym.n];
}

static uint32_t name_hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h;
}

static uint64_t *name_slot(const struct symtab *st, const char *name, uint32_t hash)
{
	uint32_t i = hash & (st->nslots - 1);
	for (;; i = (i + 1) & (st->nslots - 1)) {
		uint64_t s = st->slot[i];
		if (!s || (s >> 32 == hash && !strcmp(entry_at(st, (uint32_t)s - 1)->name, name)))
			return &st->slot[i];
	}
}

/* From the last to the first, so that each chain ascends. */
static void index_names(struct symtab *st)
{
	size_t n = st->sym.n + st->hidden.n;
	uint32_t nslots = 64;
	while (nslots < n * 2)
		nslots *= 2;
	free(st->slot);
	free(st->next);
	st->nslots = nslots;
	st->slot = xcalloc(nslots, sizeof(*st->slot));
	st->next = xrealloc_array(NULL, n + 1, sizeof(*st->next));
	for (size_t i = n; i--;) {
		const char *name = entry_at(st, i)->name;
		uint32_t hash = name_hash(name, strlen(name));
		uint64_t *slot = name_slot(st, name, hash);
		st->next[i] = (uint32_t)*slot;
		*slot = (uint64_t)hash << 32 | (i + 1);
	}
}

void symtab_finish(struct symtab *st)
{
	if (!st->finished) {
		sort_by_address(st);
		sort_aliases(st);
		sort_ranges(st);
	}
	if (!st->finished || !st->indexed)
		index_names(st);
	st->finished = st->indexed = true;
}

/* ---- late symbols ----------------------------------------------- */

void symtab_load_later(struct symtab *st, symtab_load_fn load, void *cx)
{
	st->load = load;
	st->load_cx = cx;
}

/* Loads what was put off; true when that may have added something. The table is complete in meaning
 * before and after, which is why lookups take it const. */
static bool load_late(const struct symtab *st)
{
	struct symtab *table = (struct symtab *)st;
	symtab_load_fn load = st->load;
	if (!load)
		return false;
	table->load = NULL;
	load(st->load_cx);
	return true;
}

/* ---- looking up ----------------------------------------------- */

static const struct symtab_range *range_of(const struct symtab *st, uint64_t va)
{
	size_t lo = 0, hi = st->range.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (st->range.v[mid].start <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Ranges of different owners should not overlap; where they do, the innermost start wins.
	 */
	while (lo--)
		if (va < st->range.v[lo].end)
			return &st->range.v[lo];
	return NULL;
}

/* How many symbols have an address of at most @va. */
static size_t count_up_to(const struct symtab *st, uint64_t va)
{
	size_t lo = 0, hi = st->sym.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (st->sym.v[mid].va <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Where the symbol at index @i ends: the next address of its owner that has a symbol, or its range.
 */
static uint64_t end_of(const struct symtab *st, size_t i)
{
	const struct symtab_entry *e = &st->sym.v[i];
	const struct symtab_range *r = range_of(st, e->va);
	for (size_t k = count_up_to(st, e->va); k < st->sym.n; k++) {
		const struct symtab_entry *n = &st->sym.v[k];
		if (r && n->va >= r->end)
			break;
		if (n->module == e->module)
			return n->va;
	}
	return r ? r->end : e->va + e->size;
}

static void fill(const struct symtab *st, size_t i, struct symbol *ret)
{
	const struct symtab_entry *e = entry_at(st, i);
	*ret = (struct symbol){
		.va = e->va,
		.size = i < st->sym.n ? end_of(st, i) - e->va : e->size,
		.object_size = e->size,
		.name = e->name,
		.module = st->module.v[e->module],
		.type = e->type,
	};
	for (size_t k = 0; i >= st->sym.n && k < st->source.n; k++)
		if (st->source.v[k].hidden == i - st->sym.n)
			ret->source = st->source.v[k].text;
}

bool symtab_get_recovered(const struct symtab *st, size_t i, struct symbol *ret)
{
	if (i >= st->source.n)
		return false;
	fill(st, st->sym.n + st->source.v[i].hidden, ret);
	return true;
}

static bool is_global(char type)
{
	return type >= 'A' && type <= 'Z';
}

static const struct symtab_entry *better_of(
	const struct symtab_entry *best, const struct symtab_entry *e)
{
	if (!best || (!e->module && best->module))
		return e;
	bool same_kind = !e->module == !best->module;
	return same_kind && is_global(e->type) && !is_global(best->type) ? e : best;
}

/* The best of that name; @module 0: of any owner, or of the kernel when @kernel_only. */
static bool find_name(const struct symtab *st, const char *name, uint16_t module, bool kernel_only,
	struct symbol *ret)
{
	if (!st->finished || !st->nslots)
		return false;
	const struct symtab_entry *best = NULL;
	uint32_t best_index = 0;
	uint32_t i = (uint32_t)*name_slot(st, name, name_hash(name, strlen(name)));
	for (; i; i = st->next[i - 1]) {
		const struct symtab_entry *e = entry_at(st, i - 1);
		if ((module && e->module != module) || (kernel_only && e->module))
			continue;
		if (better_of(best, e) == e) {
			best = e;
			best_index = i - 1;
		}
	}
	if (best)
		fill(st, best_index, ret);
	return best;
}

bool symtab_find_kernel(const struct symtab *st, const char *name, struct symbol *ret)
{
	return find_name(st, name, 0, true, ret);
}

static bool find_in_module(
	const struct symtab *st, const char *name, const char *colon, struct symbol *ret)
{
	scoped_strbuf struct strbuf owner = { 0 };
	strbuf_add_bytes(&owner, name, (size_t)(colon - name));
	uint16_t module = (uint16_t)(uintptr_t)strmap_get(&st->modules, strbuf_text(&owner));
	return module && find_name(st, colon + 1, module, false, ret);
}

bool symtab_find(const struct symtab *st, const char *name, struct symbol *ret)
{
	const char *colon = strchr(name, ':');
	do {
		if (colon ? find_in_module(st, name, colon, ret)
			  : find_name(st, name, 0, false, ret))
			return true;
	} while (load_late(st));
	return false;
}

bool symtab_at(const struct symtab *st, uint64_t va, struct symbol *ret)
{
	const struct symtab_range *r = range_of(st, va);
	if (!r && load_late(st))
		r = range_of(st, va);
	if (!st->finished || (!r && st->range.n))
		return false;
	size_t lo = count_up_to(st, va);
	while (lo && r && st->sym.v[lo - 1].module != r->module && st->sym.v[lo - 1].va >= r->start)
		lo--;
	if (!lo || (r && st->sym.v[lo - 1].va < r->start))
		return false;
	size_t best = lo - 1;
	const struct symtab_entry *e = &st->sym.v[best];
	for (size_t i = best; i-- && st->sym.v[i].va == e->va;)
		if (st->sym.v[i].module == e->module)
			best = i;
	struct symbol s;
	fill(st, best, &s);
	if (va - s.va >= s.size && !(va == s.va && !r))
		return false;
	*ret = s;
	return true;
}

size_t symtab_count(const struct symtab *st)
{
	load_late(st);
	return st->sym.n;
}

void symtab_get(const struct symtab *st, size_t i, struct symbol *ret)
{
	fill(st, i, ret);
}

bool symtab_format(const struct symtab *st, uint64_t va, bool is_return, struct strbuf *out)
{
	struct symbol s;
	if (!symtab_at(st, is_return ? va - 1 : va, &s))
		return false;
	strbuf_addf(out, "%s+0x%llx/0x%llx", s.name, (unsigned long long)(va - s.va),
		(unsigned long long)s.size);
	if (s.module)
		strbuf_addf(out, " [%s]", s.module);
	return true;
}
