/*
 * What TAB has to offer of each kind: commands, symbols, types, members, tasks, walkers, caches.
 * One row of a table is a kind: its name in struct command, the words that usages have for it, and
 * who lists it.
 */
#include "analyzer/shell/complete_internal.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/expr.h"
#include "analyzer/kernel/slab_cache.h"
#include "analyzer/kernel/task.h"
#include "analyzer/shell/walker.h"
#include "analyzer/target/target.h"

/* A list longer than this helps nobody, and 200,000 symbols would stall the prompt. */
enum { MAX_CANDIDATES = 5000 };

void candidates_deinit(struct candidates *c)
{
	for (size_t i = 0; i < c->names.n; i++)
		free(c->names.v[i]);
	vec_deinit(&c->names);
}

void candidates_add(struct candidates *c, const char *name, const char *prefix)
{
	if (strncmp(name, prefix, strlen(prefix)) == 0 && c->names.n < MAX_CANDIDATES)
		vec_push(&c->names, xstrdup(name));
}

static void add_commands(const struct session *s, const char *prefix, struct candidates *ret)
{
	const struct command *c;
	for (size_t i = 0; (c = session_command(s, i)); i++) {
		candidates_add(ret, c->name, prefix);
		if (c->alias && strlen(c->alias) > 1)
			candidates_add(ret, c->alias, prefix);
	}
}

static void add_symbols(const struct session *s, const char *prefix, struct candidates *ret)
{
	struct target *t = session_target(s);
	const struct symtab *st = t ? target_symbols(t) : NULL;
	if (!st)
		return;
	size_t n = symtab_count(st);
	for (size_t i = 0; i < n; i++) {
		struct symbol sym;
		symtab_get(st, i, &sym);
		if (sym.name[0] != '$') /* ARM's mapping symbols */
			candidates_add(ret, sym.name, prefix);
	}
}

/* ---- types and members ------------------------------------------------------------------- */

struct offer {
	struct candidates *to;
	const char *prefix;
};

static struct err *offer_type(void *cx, const struct type *t)
{
	const struct offer *o = cx;
	candidates_add(o->to, t->name, o->prefix);
	return o->to->names.n < MAX_CANDIDATES ? NULL : err_new(ERR_LIMIT, "enough");
}

/* Structs and unions, where naming them all costs no scan of DWARF. */
static void add_types(const struct session *s, const char *prefix, struct candidates *ret)
{
	struct target *t = session_target(s);
	struct offer o = { ret, prefix };
	if (!t || !t->types || !types_whole(t->types))
		return;
	struct err *err = types_each(t->types, TYPE_STRUCT, offer_type, &o);
	if (!err)
		err = types_each(t->types, TYPE_UNION, offer_type, &o);
	err_drop(err); /* what was found until then is what can be offered */
}

/* Members by name, those of anonymous structs as if they were the outer one's own. */
static void add_members_of(struct types *db, const struct type *t, const char *owner,
	const char *prefix, unsigned depth, struct candidates *ret)
{
	t = type_strip(t);
	if (t->kind == TYPE_POINTER)
		t = type_strip(t->target);
	if (depth > 8 || (t->kind != TYPE_STRUCT && t->kind != TYPE_UNION))
		return;
	struct err *err = type_complete(db, t);
	if (err) {
		err_drop(err); /* nothing to offer */
		return;
	}
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->member[i];
		if (!m->name) {
			add_members_of(db, m->type, owner, prefix, depth + 1, ret);
			continue;
		}
		scoped_free char *whole = xasprintf("%s%s", owner, m->name);
		candidates_add(ret, whole, prefix);
	}
}

/* "init_task.mm->pg" or, for a type, "task_struct.co": what stands before the last dot or arrow
 * says whose members they are. False: there is no dot. */
bool complete_members(
	const struct session *s, bool of_type, const char *prefix, struct candidates *ret)
{
	struct target *t = session_target(s);
	const char *dot = strrchr(prefix, '.'), *arrow = strstr(prefix, "->");
	for (const char *next = arrow; next; next = strstr(arrow + 2, "->"))
		arrow = next;
	bool by_arrow = arrow && (!dot || arrow > dot);
	const char *end = by_arrow ? arrow : dot;
	if (!end || !t || !t->types)
		return false;
	scoped_free char *before = xstrndup(prefix, (size_t)(end - prefix));
	scoped_free char *owner =
		xstrndup(prefix, (size_t)(end - prefix) + (by_arrow ? strlen("->") : 1));
	struct value v = { 0 };
	struct arena a = { 0 };
	const struct expr *x;
	size_t at;
	struct err *err = of_type ? expr_parse_type(&t->debug, before, &v.type)
				  : expr_parse(&t->debug, &a, before, EXPR_C, &x, &at);
	if (!err && !of_type)
		err = expr_eval_type(&t->debug, x, &v, &at);
	if (!err)
		add_members_of(t->types, v.type, owner, prefix, 0, ret);
	err_drop(err); /* no such thing has no members */
	arena_deinit(&a);
	return true;
}

/* ---- objects of the dump ----------------------------------------------------------------- */

static void add_caches(const struct session *s, const char *prefix, struct candidates *ret)
{
	struct target *t = session_target(s);
	struct slab_cache_iter it;
	bool more = true;
	struct err *err =
		t ? slab_cache_iter_init(&it, t) : err_new(ERR_MISSING, "no dump is open");
	while (!err && more) {
		struct slab_cache c;
		err = slab_cache_iter_next(&it, &c, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* one that cannot be read cannot be offered */
			err = NULL;
		} else if (!err && more) {
			candidates_add(ret, c.name, prefix);
		}
	}
	err_drop(err); /* those before it are offered */
}

static void add_tasks(const struct session *s, const char *prefix, struct candidates *ret)
{
	struct target *t = session_target(s);
	struct task_iter it;
	bool more = true;
	struct err *err = t ? task_iter_init(&it, t) : err_new(ERR_MISSING, "no dump is open");
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* one task that cannot be read cannot be offered */
			err = NULL;
		} else if (!err && more) {
			scoped_free char *pid = xasprintf("%u", task.pid);
			candidates_add(ret, pid, prefix);
		}
	}
	err_drop(err); /* those before it are offered */
}

static void add_walkers(const struct session *s, const char *prefix, struct candidates *ret)
{
	const struct walker *k;
	for (size_t i = 0; (k = session_walker(s, i)); i++)
		candidates_add(ret, k->name, prefix);
}

static void add_files(const struct session *s, const char *prefix, struct candidates *ret)
{
	(void)s;
	(void)prefix;
	ret->files = true; /* readline knows them */
}

/* What struct command calls it, and what usages and options call their arguments that are such. */
static const struct {
	const char *kind, *words[3];
	void (*add)(const struct session *s, const char *prefix, struct candidates *ret);
} kinds[] = {
	{ "command", { "COMMAND" }, add_commands },
	{ "symbol", { "SYMBOL", "VARIABLE", "FUNCTION" }, add_symbols },
	{ "type", { "TYPE", "STRUCT" }, add_types },
	{ "task", { "PID", "TASK" }, add_tasks },
	{ "walker", { "WALKER" }, add_walkers },
	{ "cache", { "CACHE" }, add_caches },
	{ "file", { "FILE" }, add_files },
};

unsigned complete_kind(const char *name)
{
	for (unsigned i = 0; name && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].kind, name))
			return 1u << i;
	return 0;
}

unsigned complete_kinds_of(const char *usage)
{
	unsigned found = 0;
	for (const char *at = usage; at && *at;) {
		size_t n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		for (unsigned i = 0; n && i < ARRAY_SIZE(kinds); i++)
			for (unsigned k = 0; k < ARRAY_SIZE(kinds[i].words) && kinds[i].words[k];
				k++)
				if (strlen(kinds[i].words[k]) == n &&
					!strncmp(at, kinds[i].words[k], n))
					found |= 1u << i;
		at += n ? n : 1;
	}
	return found;
}

void complete_kinds(
	const struct session *s, unsigned which, const char *prefix, struct candidates *ret)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (which >> i & 1)
			kinds[i].add(s, prefix, ret);
}

void complete_members_of(
	const struct session *s, const char *object, const char *prefix, struct candidates *ret)
{
	struct target *t = session_target(s);
	const struct type *type;
	if (!t || !t->types || !object || !strcmp(object, "*"))
		return;
	struct err *err = expr_parse_type(&t->debug, object, &type);
	if (!err)
		add_members_of(t->types, type, "", prefix, 0, ret);
	err_drop(err); /* no such thing has no members */
}
