/*
 * Compile units: a table of them from their first DIEs alone, and which names each defines, read
 * unit by unit only when a name is wanted. A Debian kernel has 3,000 units with four million
 * top-level DIEs, yet nearly every question is answered by one or two of them.
 *
 * Units are searched in one fixed order, and the first that defines a name has it. So an answer
 * does not depend on what was asked before, and an index of the first units (dwarf_index.h) gives
 * the same.
 */
#include <dwarf.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/dwarf_index.h"

/* Looked at before all others: together they include nearly every header of the core kernel. */
static const char *const likely_units[] = { "init/main.c", "kernel/sched/core.c", "mm/slub.c",
	"kernel/fork.c", "mm/page_alloc.c", "kernel/module/main.c", "kernel/module.c",
	"mm/vmalloc.c", "kernel/printk/printk.c", "fs/namespace.c", "kernel/workqueue.c",
	"net/core/dev.c" };

static bool path_ends_with(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);
	if (m > n || strcmp(path + n - m, end))
		return false;
	return m == n || path[n - m - 1] == '/';
}

static void make_order(struct dwarf_source *s)
{
	uint32_t n = 0;
	s->order = xcalloc(s->unit.n + 1, sizeof(*s->order));
	for (size_t k = 0; k < ARRAY_SIZE(likely_units); k++)
		for (uint32_t i = 0; i < s->unit.n; i++)
			if (s->unit.v[i].rank == UINT32_MAX &&
				path_ends_with(s->unit.v[i].name, likely_units[k]))
				s->unit.v[s->order[n] = i].rank = n, n++;
	for (uint32_t i = 0; i < s->unit.n; i++)
		if (s->unit.v[i].rank == UINT32_MAX)
			s->unit.v[s->order[n] = i].rank = n, n++;
}

void dwarf_units_open(struct dwarf_source *s)
{
	Dwarf_Off off = 0, next;
	size_t header;
	while (!dwarf_nextcu(s->dw, off, &next, &header, NULL, NULL, NULL) && next > off) {
		Dwarf_Die die;
		struct dwarf_unit u = { .die = off + header, .rank = UINT32_MAX };
		off = next;
		if (!dwarf_offdie(s->dw, u.die, &die) ||
			(dwarf_tag(&die) != DW_TAG_compile_unit &&
				dwarf_tag(&die) != DW_TAG_partial_unit)) /* dwz: what units share */
			continue;
		u.name = dwarf_diename(&die);
		if (!u.name)
			u.name = "";
		u.untyped = dwarf_srclang(&die) == DW_LANG_Mips_Assembler;
		vec_push(&s->unit, u);
	}
	make_order(s);
}

void dwarf_units_deinit(struct dwarf_source *s)
{
	dwarf_names_deinit(&s->names);
	for (size_t i = 0; i < s->unit.n; i++) {
		if (s->unit.v[i].own)
			dwarf_names_deinit(s->unit.v[i].own);
		free(s->unit.v[i].own);
	}
	vec_deinit(&s->unit);
	free(s->order);
}

/* ---- scanning ----------------------------------------------- */

void dwarf_names_deinit(struct dwarf_names *names)
{
	for (size_t i = 0; i < NNAMES; i++)
		strmap_deinit(&names->map[i]);
}

static void remember(
	struct dwarf_names *names, enum dwarf_name what, const char *name, Dwarf_Off off)
{
	if (name && !strmap_get(&names->map[what], name))
		strmap_set(&names->map[what], name, (void *)(uintptr_t)(off + 1));
}

static void scan_enumerators(struct dwarf_names *names, Dwarf_Die *die)
{
	Dwarf_Die child;
	Dwarf_Off at, off = dwarf_dieoffset(die);
	if (dwarf_child(die, &child))
		return;
	do {
		at = dwarf_dieoffset(&child);
		if (dwarf_tag(&child) == DW_TAG_enumerator)
			remember(names, NAME_ENUMERATOR, dwarf_diename(&child), off);
	} while (!dwarf_siblingof(&child, &child) && dwarf_dieoffset(&child) > at);
}

/* NNAMES for what no name is kept of. */
static enum dwarf_name name_of_tag(int tag)
{
	switch (tag) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		return NAME_STRUCT;
	case DW_TAG_union_type:
		return NAME_UNION;
	case DW_TAG_enumeration_type:
		return NAME_ENUM;
	case DW_TAG_typedef:
		return NAME_TYPEDEF;
	case DW_TAG_base_type:
		return NAME_BASE;
	case DW_TAG_variable:
		return NAME_VARIABLE;
	default:
		return NNAMES;
	}
}

static void scan_die(struct dwarf_names *names, Dwarf_Die *die)
{
	enum dwarf_name what = name_of_tag(dwarf_tag(die));
	if (what == NNAMES)
		return;
	if (dwarf_hasattr(die, DW_AT_declaration)) {
		if (what != NAME_VARIABLE)
			return;
		what = NAME_VARIABLE_DECLARED;
	}
	remember(names, what, dwarf_diename(die), dwarf_dieoffset(die));
	if (what == NAME_ENUM)
		scan_enumerators(names, die);
}

static void scan_unit(struct dwarf_source *s, const struct dwarf_unit *u, struct dwarf_names *names)
{
	Dwarf_Die unit, die;
	if (u->untyped || !dwarf_offdie(s->dw, u->die, &unit) || dwarf_child(&unit, &die))
		return;
	/* Siblings must go forward: an offset that does not would make a damaged unit endless. */
	Dwarf_Off at;
	do {
		at = dwarf_dieoffset(&die);
		scan_die(names, &die);
	} while (!dwarf_siblingof(&die, &die) && dwarf_dieoffset(&die) > at);
}

void dwarf_units_scan_next(struct dwarf_source *s)
{
	scan_unit(s, &s->unit.v[s->order[s->next_unscanned]], &s->names);
	s->next_unscanned++;
}

/* ---- what is known ----------------------------------------------- */

/* The unit that holds a DIE; units ascend. */
static const struct dwarf_unit *unit_of(const struct dwarf_source *s, Dwarf_Off die)
{
	size_t lo = 0, hi = s->unit.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->unit.v[mid].die <= die)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &s->unit.v[lo - 1] : NULL;
}

static bool has_enumerator(Dwarf_Die *die, const char *name)
{
	struct dwarf_names names = { 0 };
	scan_enumerators(&names, die);
	bool found = strmap_get(&names.map[NAME_ENUMERATOR], name);
	dwarf_names_deinit(&names);
	return found;
}

/* An index is only a file's word for it: the DIE itself must agree. */
static bool die_agrees(
	struct dwarf_source *s, Dwarf_Off plus_1, enum dwarf_name what, const char *name)
{
	Dwarf_Die die;
	if (!dwarf_offdie(s->dw, plus_1 - 1, &die))
		return false;
	enum dwarf_name tag = name_of_tag(dwarf_tag(&die));
	if (what == NAME_ENUMERATOR)
		return tag == NAME_ENUM && has_enumerator(&die, name);
	const char *own = dwarf_diename(&die);
	return own && !strcmp(own, name) &&
	       (tag == what || (tag == NAME_VARIABLE && what == NAME_VARIABLE_DECLARED));
}

Dwarf_Off dwarf_units_known(struct dwarf_source *s, enum dwarf_name what, const char *name)
{
	Dwarf_Off off = s->index ? dwarf_index_find(s->index, what, name) : 0;
	if (off && !die_agrees(s, off, what, name)) {
		dwarf_cache_reject(s);
		off = 0;
	}
	return off ? off : (uintptr_t)strmap_get(&s->names.map[what], name);
}

/* A declared variable is as good as a defined one unless its type is an array of unknown length. */
static bool declaration_suffices(struct dwarf_source *s, Dwarf_Off off_plus_1)
{
	Dwarf_Die die;
	if (!dwarf_offdie(s->dw, off_plus_1 - 1, &die))
		return false;
	const struct type *t = type_strip(dwarf_type_of(s, &die));
	return t->kind != TYPE_ARRAY || t->count;
}

/* Of the names that @mask asks for the one whose unit is searched first. */
static Dwarf_Off known(struct dwarf_source *s, unsigned mask, const char *name)
{
	Dwarf_Off best = 0;
	uint32_t best_rank = UINT32_MAX;
	if (mask >> NAME_VARIABLE & 1)
		mask |= 1 << NAME_VARIABLE_DECLARED;
	for (unsigned what = 0; what < NNAMES; what++) {
		Dwarf_Off off = mask >> what & 1 ? dwarf_units_known(s, what, name) : 0;
		if (!off || (what == NAME_VARIABLE_DECLARED && !declaration_suffices(s, off)))
			continue;
		const struct dwarf_unit *u = unit_of(s, off - 1);
		if (!best || (u && u->rank < best_rank)) {
			best = off;
			best_rank = u ? u->rank : UINT32_MAX;
		}
	}
	return best;
}

static Dwarf_Off find_own(
	struct dwarf_source *s, struct dwarf_unit *u, unsigned mask, const char *name)
{
	if (!u->own) {
		u->own = xcalloc(1, sizeof(*u->own));
		scan_unit(s, u, u->own);
	}
	for (unsigned what = 0; what < NNAMES; what++) {
		Dwarf_Off off =
			mask >> what & 1 ? (uintptr_t)strmap_get(&u->own->map[what], name) : 0;
		if (off)
			return off;
	}
	return 0;
}

/* What the units whose path ends with @hint define: the one of them that is searched first. Usually
 * the whole order's first is theirs, and nothing is read. */
static Dwarf_Off find_hinted(
	struct dwarf_source *s, const char *hint, unsigned mask, const char *name)
{
	while (s->next_unscanned < s->unit.n &&
		path_ends_with(s->unit.v[s->order[s->next_unscanned]].name, hint))
		dwarf_units_scan_next(s);
	Dwarf_Off off = known(s, mask, name);
	const struct dwarf_unit *has = off ? unit_of(s, off - 1) : NULL;
	if (has && path_ends_with(has->name, hint))
		return off;
	for (size_t i = 0; i < s->unit.n; i++) {
		struct dwarf_unit *u = &s->unit.v[s->order[i]];
		off = path_ends_with(u->name, hint) ? find_own(s, u, mask, name) : 0;
		if (off)
			return off;
	}
	return 0;
}

struct err *dwarf_units_find(
	struct dwarf_source *s, unsigned mask, const char *name, const char *hint, Dwarf_Off *ret)
{
	dwarf_cache_adopt(s);
	Dwarf_Off off = hint ? find_hinted(s, hint, mask, name) : 0;
	if (!off)
		off = known(s, mask, name);
	while (!off && s->next_unscanned < s->unit.n) {
		struct err *e = interrupt_check();
		if (e)
			return e;
		dwarf_units_scan_next(s);
		off = known(s, mask, name);
	}
	if (!off && mask >> NAME_VARIABLE & 1)
		off = dwarf_units_known(s, NAME_VARIABLE_DECLARED, name);
	*ret = off;
	return NULL;
}

struct err *dwarf_units_scan(struct dwarf_source *s)
{
	struct err *e = NULL;
	dwarf_cache_adopt(s);
	while (s->next_unscanned < s->unit.n && !(e = interrupt_check()))
		dwarf_units_scan_next(s);
	return e;
}

struct err *dwarf_units_each(
	struct dwarf_source *s, enum dwarf_name what, dwarf_each_fn each, void *cx)
{
	enum dwarf_name kind;
	const char *name;
	Dwarf_Off off;
	struct err *e = NULL;
	for (size_t i = 0; !e && s->index && dwarf_index_get(s->index, i, &kind, &name, &off); i++)
		if (kind == what && off && die_agrees(s, off, what, name))
			e = each(cx, name, off - 1);
	const struct strmap *map = &s->names.map[what];
	for (size_t i = 0; !e && i < map->cap; i++)
		if (map->slot[i].key &&
			(!s->index || !dwarf_index_find(s->index, what, map->slot[i].key)))
			e = each(cx, map->slot[i].key, (uintptr_t)map->slot[i].value - 1);
	return e;
}
