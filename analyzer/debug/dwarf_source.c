/*
 * The DWARF provider: opens the debug information of one ELF file through libdw and answers the
 * type database's questions from its units.
 */
#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/dwarf.h"

static struct err *find_type(struct type_provider *p, enum type_kind kind, const char *name,
	const char *hint, const struct type **ret)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	static const unsigned masks[] = {
		[TYPE_VOID] =
			1 << NAME_STRUCT | 1 << NAME_UNION | 1 << NAME_TYPEDEF | 1 << NAME_ENUM,
		[TYPE_INT] = 1 << NAME_BASE,
		[TYPE_FLOAT] = 1 << NAME_BASE,
		[TYPE_ENUM] = 1 << NAME_ENUM,
		[TYPE_STRUCT] = 1 << NAME_STRUCT,
		[TYPE_UNION] = 1 << NAME_UNION,
		[TYPE_TYPEDEF] = 1 << NAME_TYPEDEF,
	};
	unsigned mask = (unsigned)kind < ARRAY_SIZE(masks) ? masks[kind] : 0;
	if (!mask)
		return NULL; /* the other kinds have no names */
	Dwarf_Off off;
	Dwarf_Die die;
	struct err *e = dwarf_units_find(s, mask, name, hint, &off);
	if (!e && off && dwarf_offdie(s->dw, off - 1, &die)) {
		const struct type *t = dwarf_type_at(s, &die);
		if (t->kind == kind || kind == TYPE_VOID)
			*ret = t;
	}
	return e;
}

static struct err *find_variable(
	struct type_provider *p, const char *name, const char *hint, const struct type **ret)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	Dwarf_Off off;
	Dwarf_Die die;
	struct err *e = dwarf_units_find(s, 1 << NAME_VARIABLE, name, hint, &off);
	if (!e && off && dwarf_offdie(s->dw, off - 1, &die))
		*ret = dwarf_type_of(s, &die);
	return e;
}

static void destroy(struct type_provider *p)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	for (size_t i = 0; i < NNAMES; i++)
		strmap_deinit(&s->name[i]);
	strmap_deinit(&s->files);
	idmap_deinit(&s->type_of);
	vec_deinit(&s->unit);
	vec_deinit(&s->range);
	dwarf_end(s->dw);
	free(s);
}

struct err *types_add_dwarf(struct types *db, int fd, const char *path)
{
	if (db->provider)
		return err_new(ERR_USAGE, "%s: this database has debug information already", path);
	Dwarf *dw = dwarf_begin(fd, DWARF_C_READ);
	if (!dw)
		return err_new(ERR_MISSING, "%s: no debug information: %s", path, dwarf_errmsg(-1));
	struct dwarf_source *s = xcalloc(1, sizeof(*s));
	*s = (struct dwarf_source){
		.provider = { .find = find_type,
			.find_variable = find_variable,
			.complete = dwarf_type_complete,
			.source_line = dwarf_source_line,
			.destroy = destroy },
		.db = db,
		.dw = dw,
	};
	Dwarf_Half version = 0;
	Dwarf_Off next;
	size_t header;
	if (!dwarf_next_unit(dw, 0, &next, &header, &version, NULL, NULL, NULL, NULL, NULL))
		snprintf(s->label, sizeof(s->label), "DWARF %u", version);
	dwarf_units_open(s);
	if (!s->unit.n) {
		destroy(&s->provider);
		return err_new(ERR_MISSING, "%s: its debug information has no units", path);
	}
	s->provider.name = s->label;
	db->provider = &s->provider;
	return NULL;
}
