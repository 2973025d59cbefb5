/*
 * The symbol table: entries sorted by address, ranges that say whose an address is, and a hash over
 * names. Knows the kernel's rules of which symbol an address belongs to; not where symbols come
 * from.
 */
#include "analyzer/debug/symtab_image.h"

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
	symtab_image_destroy(st->image);
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

void symtab_add_kallsyms(
	struct symtab *st, const char *name, uint64_t va, char type, uint32_t order)
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

void symtab_add_recovered(
	struct symtab *st, const char *name, uint64_t va, char type, const char *source)
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

/* ---- names ----------------------------------------------- */

static const struct symtab_entry *entry_at(const struct symtab *st, size_t i)
{
	return i < st->sym.n ? &st->sym.v[i] : &st->hidden.v[i - st->sym.n];
}

uint32_t symtab_hash(const char *s, size_t n)
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
		uint32_t hash = symtab_hash(name, strlen(name));
		uint64_t *slot = name_slot(st, name, hash);
		st->next[i] = (uint32_t)*slot;
		*slot = (uint64_t)hash << 32 | (i + 1);
	}
}

void symtab_finish(struct symtab *st)
{
	if (!st->finished)
		symtab_sort(st);
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

void symtab_load_more_later(struct symtab *st, symtab_load_fn more, void *cx)
{
	st->more = more;
	st->more_cx = cx;
}

static bool load_more(const struct symtab *st)
{
	struct symtab *table = (struct symtab *)st;
	symtab_load_fn more = st->more;
	if (!more)
		return false;
	table->more = NULL;
	more(st->more_cx);
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
		.thumb = e->thumb,
	};
	for (size_t k = 0; i >= st->sym.n && k < st->source.n; k++)
		if (st->source.v[k].hidden == i - st->sym.n)
			ret->source = st->source.v[k].text;
}

static void fill_image(const struct symtab *st, size_t i, struct symbol *ret)
{
	const struct symtab_image *im = st->image;
	struct symtab_entry e = symtab_image_entry(im, i);
	uint64_t end = e.va + e.size;
	if (i < im->n) {
		const struct symtab_range *r = range_of(st, e.va);
		size_t k = symtab_image_count_up_to(im, e.va);
		struct symtab_entry next = symtab_image_entry(im, k);
		end = r ? r->end : end;
		if (k < im->n && !(r && next.va >= r->end))
			end = next.va;
	}
	*ret = (struct symbol){ .va = e.va,
		.size = end - e.va,
		.object_size = e.size,
		.name = e.name,
		.type = e.type,
		.thumb = e.thumb };
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

static bool is_better(const struct symtab_entry *e, const struct symtab_entry *best)
{
	if (!best->name || (!e->module && best->module))
		return true;
	bool same_kind = !e->module == !best->module;
	return same_kind && is_global(e->type) && !is_global(best->type);
}

/* The best of that name; @module 0: of any owner, or of the kernel when @kernel_only. */
static bool find_name(const struct symtab *st, const char *name, uint16_t module, bool kernel_only,
	struct symbol *ret)
{
	struct symtab_entry best = { 0 };
	bool in_image = false;
	size_t index = 0;
	uint32_t i = st->image && !module ? symtab_image_first(st->image, name) : 0;
	for (; i; i = symtab_image_next(st->image, i)) {
		struct symtab_entry e = symtab_image_entry(st->image, i - 1);
		if (is_better(&e, &best)) {
			best = e;
			in_image = true;
			index = i - 1;
		}
	}
	i = st->finished && st->nslots
		    ? (uint32_t)*name_slot(st, name, symtab_hash(name, strlen(name)))
		    : 0;
	for (; i; i = st->next[i - 1]) {
		const struct symtab_entry *e = entry_at(st, i - 1);
		if ((module && e->module != module) || (kernel_only && e->module) ||
			!is_better(e, &best))
			continue;
		best = *e;
		in_image = false;
		index = i - 1;
	}
	if (best.name && in_image)
		fill_image(st, index, ret);
	else if (best.name)
		fill(st, index, ret);
	return best.name;
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
	} while (load_late(st) || load_more(st));
	return false;
}

/* Among the vmlinux's symbols, where @r (may be NULL) says that @va is the kernel's. */
static bool find_in_image(
	const struct symtab *st, const struct symtab_range *r, uint64_t va, struct symbol *ret)
{
	size_t i = symtab_image_count_up_to(st->image, va);
	struct symbol s;
	if (!i)
		return false;
	uint64_t first_va = symtab_image_entry(st->image, i - 1).va;
	i = first_va ? symtab_image_count_up_to(st->image, first_va - 1) : 0;
	if (i >= st->image->n || (r && first_va < r->start))
		return false;
	fill_image(st, i, &s);
	if (va - s.va >= s.size && !(va == s.va && !r))
		return false;
	*ret = s;
	return true;
}

static bool find_at(const struct symtab *st, uint64_t va, struct symbol *ret)
{
	const struct symtab_range *r = range_of(st, va);
	if (!r && load_late(st))
		r = range_of(st, va);
	if (!st->finished || (!r && st->range.n))
		return false;
	if (st->image && (!r || !r->module))
		return find_in_image(st, r, va, ret);
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

bool symtab_at(const struct symtab *st, uint64_t va, struct symbol *ret)
{
	if (find_at(st, va, ret))
		return true;
	const struct symtab_range *r = range_of(st, va);
	return r && r->module && load_more(st) && find_at(st, va, ret);
}

size_t symtab_count(const struct symtab *st)
{
	load_late(st);
	return st->sym.n + (st->image ? st->image->n : 0);
}

/* How many of the vmlinux's symbols stand before number @i of all: those and the others are two
 * sorted lists, of which the vmlinux's go first where addresses are equal. */
static size_t image_share(const struct symtab *st, size_t i)
{
	size_t lo = i > st->sym.n ? i - st->sym.n : 0, hi = i < st->image->n ? i : st->image->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (symtab_image_entry(st->image, mid).va <= st->sym.v[i - mid - 1].va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void symtab_get(const struct symtab *st, size_t i, struct symbol *ret)
{
	size_t k = st->image ? image_share(st, i) : 0;
	bool in_image =
		st->image && k < st->image->n &&
		(i - k >= st->sym.n || symtab_image_entry(st->image, k).va <= st->sym.v[i - k].va);
	if (in_image)
		fill_image(st, k, ret);
	else
		fill(st, i - k, ret);
}

bool symtab_format(const struct symtab *st, uint64_t va, bool is_return, struct strbuf *out)
{
	return symtab_format_from(st, is_return ? va - 1 : va, va, out);
}

bool symtab_format_from(
	const struct symtab *st, uint64_t lookup_va, uint64_t va, struct strbuf *out)
{
	struct symbol s;
	if (!symtab_at(st, lookup_va, &s))
		return false;
	strbuf_addf(out, "%s+0x%llx/0x%llx", s.name, (unsigned long long)(va - s.va),
		(unsigned long long)s.size);
	if (s.module)
		strbuf_addf(out, " [%s]", s.module);
	return true;
}
