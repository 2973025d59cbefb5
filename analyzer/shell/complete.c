/*
 * Completion. A kind of argument is one row of a table: its name in struct command and the function
 * that lists what begins with a prefix. Kinds without a row complete to nothing.
 */
#include "analyzer/shell/complete.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/symtab.h"
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

static const struct {
	const char *kind;
	void (*add)(const struct session *s, const char *prefix, struct candidates *ret);
} kinds[] = {
	{ "command", add_commands },
	{ "symbol", add_symbols },
};

/* The command that @line begins with, NULL when there is none such. */
static const struct command *command_of(const struct session *s, const char *line, size_t first)
{
	scoped_free char *name = xstrndup(line + first, strcspn(line + first, " \t"));
	const struct command *c = NULL;
	err_drop(registry_find(session_registry(s), name, &c)); /* unknown: nothing to offer */
	return c;
}

static bool after_operator(const char *line, size_t start)
{
	while (start && (line[start - 1] == ' ' || line[start - 1] == '\t'))
		start--;
	if (start >= 2 && line[start - 1] == '>' && line[start - 2] == '-')
		return false;
	return start && (line[start - 1] == '>' || line[start - 1] == '|');
}

void complete_word(
	const struct session *s, const char *line, size_t start, size_t end, struct candidates *ret)
{
	*ret = (struct candidates){ 0 };
	scoped_free char *prefix = xstrndup(line + start, end - start);
	size_t first = strspn(line, " \t");
	if (line[first] == '!' || after_operator(line, start)) {
		ret->files = true;
		return;
	}
	if (start <= first) {
		add_commands(s, prefix, ret);
		return;
	}
	const struct command *c = command_of(s, line, first);
	if (!c)
		return;
	if (prefix[0] == '-') {
		add_options(c, prefix, ret);
		return;
	}
	for (size_t i = 0; c->complete && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(c->complete, kinds[i].kind) == 0)
			kinds[i].add(s, prefix, ret);
}
