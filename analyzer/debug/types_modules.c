/*
 * The modules' part of the list of providers: when it is filled, and who may ask it. Where the
 * files are and where the modules lie is found above.
 */
#include "analyzer/debug/types_modules.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/types_internal.h"

void types_set_symbols_dir(struct types *db, const char *dir)
{
	db->symbols_dir = dir ? arena_strdup(&db->arena, dir) : NULL;
}

void types_modules_later(
	struct types *db, void (*load)(void *cx), void (*destroy)(void *cx), void *cx)
{
	db->modules = (struct types_modules){ .load = load, .destroy = destroy, .cx = cx };
}

void *types_modules_cx(const struct types *db)
{
	return db->modules.cx;
}

void types_modules_load(struct types *db)
{
	void (*load)(void *cx) = db->modules.load;
	if (!load)
		return;
	db->modules.load = NULL;
	/* The list must not grow under a thread that opens its first entry. */
	if (db->slot.n && db->slot.v[0].ahead)
		types_provider_at(db, 0);
	load(db->modules.cx);
}

void types_modules_deinit(struct types *db)
{
	if (db->modules.destroy)
		db->modules.destroy(db->modules.cx);
	db->modules = (struct types_modules){ 0 };
}

void types_add_module_dwarf(struct types *db, const struct types_module *m)
{
	struct types_module *copy = xmalloc(sizeof(*copy));
	*copy = *m;
	types_provider_wait_module(db, "DWARF", copy);
}

struct err *types_add_module_btf(
	struct types *db, const char *module, const void *bytes, size_t n, const char *origin)
{
	struct err *e = types_add_btf_module(db, bytes, n, origin);
	for (size_t i = db->slot.n; i--;) {
		struct provider_slot *s = &db->slot.v[i];
		if (s->module || strcmp(s->origin, origin))
			continue;
		s->module = xcalloc(1, sizeof(*s->module));
		*s->module = (struct types_module){ .name = module, .origin = origin };
		break;
	}
	return e;
}

bool types_modules_show(struct types *db)
{
	if (db->modules.visible)
		return false;
	types_modules_load(db);
	for (size_t i = 0; i < db->slot.n && !db->modules.visible; i++)
		db->modules.visible = db->slot.v[i].module;
	return db->modules.visible;
}

void types_modules_hide(struct types *db)
{
	db->modules.visible = false;
}

bool types_slot_hidden(const struct types *db, size_t i)
{
	return db->slot.v[i].module && !db->modules.visible;
}

bool types_slot_covers(const struct types *db, size_t i, uint64_t link_va)
{
	const struct types_module *m = db->slot.v[i].module;
	for (unsigned k = 0; m && k < m->nranges; k++)
		if (link_va >= m->range[k].start && link_va < m->range[k].end)
			return true;
	return !m;
}

struct err *types_find_module_variable(
	struct types *db, const char *module, const char *name, const struct type **ret)
{
	bool asked = false;
	types_modules_load(db);
	for (size_t i = 0; i < db->slot.n; i++) {
		const struct types_module *m = db->slot.v[i].module;
		const struct type *t = NULL;
		if (!m || strcmp(m->name, module))
			continue;
		struct type_provider *p = types_provider_at(db, i);
		struct err *e = p ? p->find_variable(p, name, NULL, &t) : NULL;
		if (e)
			return e;
		asked |= p != NULL;
		if (t) {
			*ret = t;
			return NULL;
		}
	}
	return err_new(asked ? ERR_NOT_FOUND : ERR_MISSING,
		"no debug information for a variable %s of %s", name, module);
}
