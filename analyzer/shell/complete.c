/*
 * Completion. A kind of argument is one row of a table: its name in struct command and the function
 * that lists what begins with a prefix. Kinds without a row complete to nothing.
 */
#include "analyzer/shell/complete.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/expr.h"
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

static void add(struct candidates *c, const char *name, const char *prefix)
{
	if (strncmp(name, prefix, strlen(prefix)) == 0 && c->names.n < MAX_CANDIDATES)
		vec_push(&c->names, xstrdup(name));
}

static void add_commands(const struct session *s, const char *prefix, struct candidates *ret)
{
	const struct command *c;
	for (size_t i = 0; (c = session_command(s, i)); i++) {
		add(ret, c->name, prefix);
		if (c->alias && strlen(c->alias) > 1)
			add(ret, c->alias, prefix);
	}
}

static void add_options(const struct command *c, const char *prefix, struct candidates *ret)
{
	for (const struct option *o = c->options; o && o->letter; o++)
		if (!o->word)
			add(ret, (char[]){ '-', o->letter, '\0' }, prefix);
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
			add(ret, sym.name, prefix);
	}
}

/* ---- types and members ------------------------------------------------------------------------- */

struct offer {
	struct candidates *to;
	const char *prefix;
};

static struct err *offer_type(void *cx, const struct type *t)
{
	const struct offer *o = cx;
	add(o->to, t->name, o->prefix);
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
		add(ret, whole, prefix);
	}
}

/* "init_task.mm->pg" or, for a type, "task_struct.co": what stands before the last dot or arrow says whose
 * members they are. False: there is no dot. */
static bool add_members(
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
	struct err *err = of_type ? expr_parse_type(&t->debug, before, &v.type) :
				    expr_parse(&t->debug, &a, before, EXPR_C, &x, &at);
	if (!err && !of_type)
		err = expr_eval_type(&t->debug, x, &v, &at);
	if (!err)
		add_members_of(t->types, v.type, owner, prefix, 0, ret);
	err_drop(err); /* no such thing has no members */
	arena_deinit(&a);
	return true;
}

/* ---- objects of the dump ----------------------------------------------------------------------- */

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
			add(ret, pid, prefix);
		}
	}
	err_drop(err); /* those before it are offered */
}

static void add_walkers(const struct session *s, const char *prefix, struct candidates *ret)
{
	const struct walker *k;
	for (size_t i = 0; (k = session_walker(s, i)); i++)
		add(ret, k->name, prefix);
}

/* What may stand behind a `|`. */
static void add_stages(const struct session *s, const char *prefix, struct candidates *ret)
{
	const struct command *c;
	for (size_t i = 0; (c = session_command(s, i)); i++)
		if (c->stage || c->takes || c->per_row || (c->complete && !strcmp(c->complete, "task")))
			add(ret, c->name, prefix);
}

static const struct {
	const char *kind;
	void (*add)(const struct session *s, const char *prefix, struct candidates *ret);
} kinds[] = {
	{ "command", add_commands },
	{ "symbol", add_symbols },
	{ "type", add_types },
	{ "task", add_tasks },
	{ "walker", add_walkers },
};

/* The command that @line begins with, NULL when there is none such. */
static const struct command *command_of(const struct session *s, const char *line, size_t first)
{
	scoped_free char *name = xstrndup(line + first, strcspn(line + first, " \t"));
	const struct command *c = NULL;
	err_drop(registry_find(session_registry(s), name, &c)); /* unknown: nothing to offer */
	return c;
}

/* Where the command that the word at @start belongs to begins: behind the last `|` that is ours. What a
 * `>` or `<` precedes is a file's name. */
static size_t command_start(const char *line, size_t start, bool *ret_file)
{
	size_t from = strspn(line, " \t");
	*ret_file = line[from] == '<';
	for (size_t i = from; i < start; i++) {
		bool arrow = line[i] == '>' && i && line[i - 1] == '-';
		if (line[i] == '|') {
			from = i + 1 + strspn(line + i + 1, " \t");
			*ret_file = false;
		} else if (line[i] == '>' && !arrow) {
			*ret_file = true;
		}
	}
	return from;
}

static void complete_argument(const struct session *s, const struct command *c, const char *prefix,
	struct candidates *ret)
{
	bool of_type = c->complete && !strcmp(c->complete, "type");
	if (prefix[0] == '-' && isalpha((unsigned char)(prefix[1] ? prefix[1] : 'a'))) {
		add_options(c, prefix, ret);
		return;
	}
	if (add_members(s, of_type, prefix, ret))
		return;
	for (size_t i = 0; c->complete && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(c->complete, kinds[i].kind) == 0)
			kinds[i].add(s, prefix, ret);
}

void complete_word(
	const struct session *s, const char *line, size_t start, size_t end, struct candidates *ret)
{
	*ret = (struct candidates){ 0 };
	scoped_free char *prefix = xstrndup(line + start, end - start);
	bool file;
	size_t first = command_start(line, start, &file);
	if (line[strspn(line, " \t")] == '!' || file) {
		ret->files = true;
		return;
	}
	if (start <= first) {
		if (first > strspn(line, " \t"))
			add_stages(s, prefix, ret);
		else
			add_commands(s, prefix, ret);
		return;
	}
	const struct command *c = command_of(s, line, first);
	if (c)
		complete_argument(s, c, prefix, ret);
	else
		ret->files = first > strspn(line, " \t"); /* a command of the host's */
}
