/*
 * Compile units: a table of them from their first DIEs alone, and which names each defines, read
 * unit by unit only when a name is wanted. A Debian kernel has 3,000 units with four million
 * top-level DIEs, yet nearly every question is answered by one or two of them.
 */
#include <dwarf.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/debug/dwarf.h"

/* Looked at before all others: together they include nearly every header of the core kernel. */
static const char *const likely_units[] = { "init/main.c", "kernel/sched/core.c", "mm/slub.c",
	"kernel/fork.c", "mm/page_alloc.c", "kernel/module/main.c", "kernel/module.c",
	"mm/vmalloc.c", "kernel/printk/printk.c", "fs/namespace.c", "kernel/workqueue.c",
	"net/core/dev.c" };

void dwarf_units_open(struct dwarf_source *s)
{
	Dwarf_Off off = 0, next;
	size_t header;
	while (!dwarf_nextcu(s->dw, off, &next, &header, NULL, NULL, NULL) && next > off) {
		Dwarf_Die die;
		struct dwarf_unit u = { .die = off + header };
		off = next;
		if (!dwarf_offdie(s->dw, u.die, &die) || dwarf_tag(&die) != DW_TAG_compile_unit)
			continue;
		u.name = dwarf_diename(&die);
		if (!u.name)
			u.name = "";
		u.scanned = dwarf_srclang(&die) == DW_LANG_Mips_Assembler; /* defines no types */
		vec_push(&s->unit, u);
	}
}

static bool path_ends_with(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);
	if (m > n || strcmp(path + n - m, end))
		return false;
	return m == n || path[n - m - 1] == '/';
}

static void remember(struct dwarf_source *s, enum dwarf_name what, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	if (name && !strmap_get(&s->name[what], name))
		strmap_set(&s->name[what], name, (void *)(uintptr_t)(dwarf_dieoffset(die) + 1));
}

static void scan_die(struct dwarf_source *s, Dwarf_Die *die)
{
	enum dwarf_name what;
	switch (dwarf_tag(die)) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		what = NAME_STRUCT;
		break;
	case DW_TAG_union_type:
		what = NAME_UNION;
		break;
	case DW_TAG_enumeration_type:
		what = NAME_ENUM;
		break;
	case DW_TAG_typedef:
		what = NAME_TYPEDEF;
		break;
	case DW_TAG_base_type:
		what = NAME_BASE;
		break;
	case DW_TAG_variable:
		what = NAME_VARIABLE;
		break;
	default:
		return;
	}
	if (dwarf_hasattr(die, DW_AT_declaration)) {
		if (what != NAME_VARIABLE)
			return;
		what = NAME_VARIABLE_DECLARED;
	}
	remember(s, what, die);
}

static void scan_unit(struct dwarf_source *s, struct dwarf_unit *u)
{
	if (u->scanned)
		return;
	u->scanned = true;
	Dwarf_Die unit, die;
	if (!dwarf_offdie(s->dw, u->die, &unit) || dwarf_child(&unit, &die))
		return;
	/* Siblings must go forward: an offset that does not would make a damaged unit endless. */
	Dwarf_Off at;
	do {
		at = dwarf_dieoffset(&die);
		scan_die(s, &die);
	} while (!dwarf_siblingof(&die, &die) && dwarf_dieoffset(&die) > at);
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

static Dwarf_Off known(struct dwarf_source *s, unsigned mask, const char *name)
{
	Dwarf_Off off = 0;
	for (unsigned what = 0; what < NNAMES && !off; what++)
		if (mask >> what & 1)
			off = (uintptr_t)strmap_get(&s->name[what], name);
	if (off || !(mask >> NAME_VARIABLE & 1))
		return off;
	off = (uintptr_t)strmap_get(&s->name[NAME_VARIABLE_DECLARED], name);
	return off && declaration_suffices(s, off) ? off : 0;
}

/* Scans the units whose path ends with @path until @name is known. */
static Dwarf_Off find_in(struct dwarf_source *s, const char *path, unsigned mask, const char *name)
{
	for (size_t i = 0; i < s->unit.n; i++) {
		struct dwarf_unit *u = &s->unit.v[i];
		if (u->scanned || !path_ends_with(u->name, path))
			continue;
		scan_unit(s, u);
		Dwarf_Off off = known(s, mask, name);
		if (off)
			return off;
	}
	return 0;
}

struct err *dwarf_units_find(
	struct dwarf_source *s, unsigned mask, const char *name, const char *hint, Dwarf_Off *ret)
{
	Dwarf_Off off = known(s, mask, name);
	if (!off && hint)
		off = find_in(s, hint, mask, name);
	for (size_t i = 0; !off && s->next_unscanned < s->unit.n && i < ARRAY_SIZE(likely_units);
		i++)
		off = find_in(s, likely_units[i], mask, name);
	for (; !off && s->next_unscanned < s->unit.n; s->next_unscanned++) {
		struct dwarf_unit *u = &s->unit.v[s->next_unscanned];
		if (u->scanned)
			continue;
		struct err *e = interrupt_check();
		if (e)
			return e;
		scan_unit(s, u);
		off = known(s, mask, name);
	}
	if (!off && mask >> NAME_VARIABLE & 1)
		off = (uintptr_t)strmap_get(&s->name[NAME_VARIABLE_DECLARED], name);
	*ret = off;
	return NULL;
}

struct err *dwarf_units_scan(struct dwarf_source *s)
{
	struct err *e = NULL;
	for (; s->next_unscanned < s->unit.n && !(e = interrupt_check()); s->next_unscanned++)
		scan_unit(s, &s->unit.v[s->next_unscanned]);
	return e;
}
