/* Addresses to source lines: the unit that holds an address, then its line table, both on demand.
 */
#include "analyzer/debug/lines.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/dwarf.h"

static int compare_range(const void *x, const void *y)
{
	const struct dwarf_range *a = x, *b = y;
	return a->start < b->start ? -1 : a->start > b->start;
}

/* .debug_aranges would say the same, but clang leaves it out. */
void dwarf_make_ranges(struct dwarf_source *s)
{
	enum { MAX_RANGES = 1 << 20 };
	s->ranges_made = true;
	for (size_t i = 0; i < s->unit.n; i++) {
		Dwarf_Die unit;
		Dwarf_Addr base, start, end;
		ptrdiff_t at = 0;
		if (!dwarf_offdie(s->dw, s->unit.v[i].die, &unit))
			continue;
		while ((at = dwarf_ranges(&unit, at, &base, &start, &end)) > 0) {
			struct dwarf_range r = { start, end, (uint32_t)i };
			/* A unit of discarded sections stands at 0. */
			if (start && start < end && s->range.n < MAX_RANGES)
				vec_push(&s->range, r);
		}
	}
	if (s->range.n)
		qsort(s->range.v, s->range.n, sizeof(*s->range.v), compare_range);
}

/* Where the source tree lay when it was built: what precedes files that kernels have. C and
 * assembler units may differ: Debian maps the paths of one and not of the other. */
static void find_prefixes(struct dwarf_source *s);

/* A module has none of those files: it was built in the kernel's tree. */
static void take_kernel_prefixes(struct dwarf_source *s)
{
	bool none = true;
	for (size_t k = 0; k < ARRAY_SIZE(s->prefix); k++)
		none = none && !s->prefix[k].len;
	for (size_t i = 0; none && i < s->db->slot.n; i++) {
		if (s->db->slot.v[i].module)
			continue;
		struct type_provider *p = types_provider_at(s->db, i);
		struct dwarf_source *kernel = (struct dwarf_source *)p;
		if (!p || p == &s->provider || p->source_line != s->provider.source_line)
			continue;
		if (!kernel->prefixes_made)
			find_prefixes(kernel);
		memcpy(s->prefix, kernel->prefix, sizeof(s->prefix));
		return;
	}
}

static void find_prefixes(struct dwarf_source *s)
{
	static const char *const known[] = { "/init/main.c", "/arch/arm64/kernel/head.S",
		"/arch/arm/kernel/head.S" };
	s->prefixes_made = true;
	for (size_t i = 0; i < s->unit.n; i++) {
		const char *name = s->unit.v[i].name;
		size_t n = strlen(name);
		for (size_t k = 0; k < ARRAY_SIZE(known); k++) {
			size_t m = strlen(known[k]);
			if (n > m && !s->prefix[k].len && !strcmp(name + n - m, known[k]))
				s->prefix[k] = (struct dwarf_prefix){ name, n - m };
		}
	}
	take_kernel_prefixes(s);
}

static bool skip_prefix(const char **io, const char *prefix, size_t len)
{
	if (!len || strncmp(*io, prefix, len) || (*io)[len] != '/')
		return false;
	*io += len;
	while (**io == '/')
		++*io;
	return true;
}

/* @path with "x/../" and "./" resolved, kept for as long as the database lives. */
static const char *keep_clean(struct dwarf_source *s, const char *path)
{
	const char *kept = strmap_get(&s->files, path);
	if (kept)
		return kept;
	char *clean = arena_alloc(&s->db->arena, strlen(path) + 1), *end = clean;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		bool last = !p[n];
		if (n == 2 && p[0] == '.' && p[1] == '.' && end > clean) {
			for (end--; end > clean && end[-1] != '/';)
				end--;
		} else if (!(n == 1 && p[0] == '.') && (n || p == path)) {
			memcpy(end, p, n);
			end += n;
			if (!last)
				*end++ = '/';
		}
		p += n + !last;
	}
	*end = '\0';
	strmap_set(&s->files, arena_strdup(&s->db->arena, path), clean);
	return clean;
}

/* The compilation directory or the tree's folder is cut off; a relative name is the tree's already.
 */
const char *dwarf_short_path(struct dwarf_source *s, Dwarf_Die *unit, const char *path)
{
	Dwarf_Attribute attr;
	bool cut = false;
	if (!s->prefixes_made)
		find_prefixes(s);
	for (size_t i = 0; i < ARRAY_SIZE(s->prefix) && !cut; i++)
		cut = skip_prefix(&path, s->prefix[i].text, s->prefix[i].len);
	if (!cut && dwarf_attr(unit, DW_AT_comp_dir, &attr)) {
		const char *dir = dwarf_formstring(&attr);
		if (dir)
			skip_prefix(&path, dir, strlen(dir));
	}
	return keep_clean(s, path);
}

/* The last range that begins at or below @va; NULL without one. */
static const struct dwarf_range *range_below(struct dwarf_source *s, uint64_t va)
{
	if (!s->ranges_made)
		dwarf_make_ranges(s);
	size_t lo = 0, hi = s->range.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->range.v[mid].start <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &s->range.v[lo - 1] : NULL;
}

/* The unit whose code has @va; NULL without one. */
static const struct dwarf_unit *find_unit(struct dwarf_source *s, uint64_t va)
{
	const struct dwarf_range *r = range_below(s, va);
	return r && va < r->end ? &s->unit.v[r->unit] : NULL;
}

/*
 * The line of code that no unit's ranges have: gcc 12 ends a unit's range before the functions that
 * it writes behind the last, and its line table still has them (arm64 6.1, kernel/sched/core.c).
 */
static Dwarf_Line *line_behind(struct dwarf_source *s, uint64_t va, Dwarf_Die *ret_unit)
{
	const struct dwarf_range *r = range_below(s, va);
	bool ends;
	if (!r || !dwarf_offdie(s->dw, s->unit.v[r->unit].die, ret_unit))
		return NULL;
	Dwarf_Line *l = dwarf_getsrc_die(ret_unit, va);
	return l && !dwarf_lineendsequence(l, &ends) && !ends ? l : NULL;
}

bool dwarf_unit_at(struct dwarf_source *s, uint64_t va, Dwarf_Die *ret)
{
	const struct dwarf_unit *u = find_unit(s, va);
	return u && dwarf_offdie(s->dw, u->die, ret);
}

bool dwarf_source_line(
	struct type_provider *p, uint64_t link_va, const char **ret_file, int *ret_line)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	Dwarf_Die unit;
	int line;
	Dwarf_Line *l = dwarf_unit_at(s, link_va, &unit) ? dwarf_getsrc_die(&unit, link_va)
							 : line_behind(s, link_va, &unit);
	const char *path = l ? dwarf_linesrc(l, NULL, NULL) : NULL;
	if (!path || dwarf_lineno(l, &line))
		return false;
	*ret_file = dwarf_short_path(s, &unit, path);
	*ret_line = line;
	return true;
}
