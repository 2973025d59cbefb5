/* The list of commands, and what to say to a name that is not on it. */
#include "analyzer/shell/registry.h"

#include <ctype.h>
#include <string.h>

void registry_deinit(struct registry *r)
{
	vec_deinit(&r->commands);
}

static const struct command *lookup(const struct registry *r, const char *name)
{
	for (size_t i = 0; i < r->commands.n; i++) {
		const struct command *c = r->commands.v[i];
		if (strcmp(c->name, name) == 0 || (c->alias && strcmp(c->alias, name) == 0))
			return c;
	}
	return NULL;
}

struct err *registry_add(struct registry *r, const struct command *c)
{
	const char *names[] = { c->name, c->alias };
	for (size_t i = 0; i < 2; i++) {
		const struct command *other = names[i] ? lookup(r, names[i]) : NULL;
		if (other)
			return err_new(ERR_MISMATCH, "the name %s belongs to the command %s",
				names[i], other->name);
	}
	vec_push(&r->commands, c);
	return NULL;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned edit_distance(const char *a, const char *b)
{
	enum { MAX_LEN = 32 };
	size_t n = strlen(a), m = strlen(b);
	if (n > MAX_LEN || m > MAX_LEN)
		return EDIT_LIMIT + 1;
	unsigned d[MAX_LEN + 1][MAX_LEN + 1];
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			unsigned v = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			v = least(v, d[i - 1][j] + 1);
			v = least(v, d[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				v = least(v, d[i - 2][j - 2] + 1);
			d[i][j] = v;
		}
	}
	return least(d[n][m], EDIT_LIMIT + 1);
}

/* How far @name is from what was typed; a name that continues it is near as well. */
static unsigned distance(const char *typed, const char *name)
{
	size_t n = strlen(typed);
	unsigned d = edit_distance(typed, name);
	if (n >= 2 && strncmp(name, typed, n) == 0)
		d = least(d, 1);
	return d;
}

/* The nearest name: at most one edit away for short words, two for longer ones. */
static const char *suggest(const struct registry *r, const char *typed)
{
	unsigned best = strlen(typed) < 4 ? 2 : 3; /* the first that is too far */
	const char *name = NULL;
	if (strlen(typed) < 2)
		return NULL;
	for (size_t i = 0; i < r->commands.n; i++) {
		const struct command *c = r->commands.v[i];
		const char *names[] = { c->name, c->alias };
		for (size_t k = 0; k < 2 && names[k]; k++) {
			unsigned d = distance(typed, names[k]);
			if (d < best) {
				best = d;
				name = names[k];
			}
		}
	}
	return name;
}

struct err *registry_find(const struct registry *r, const char *name, const struct command **ret)
{
	const struct command *c = lookup(r, name);
	if (c) {
		*ret = c;
		return NULL;
	}
	const char *near = suggest(r, name);
	if (near)
		return err_new(ERR_NOT_FOUND, "no such command; did you mean %s?", near);
	return err_new(ERR_NOT_FOUND, "no such command; try: help");
}

void command_usage(const struct command *c, struct strbuf *out)
{
	strbuf_add(out, c->name);
	bool flags = false;
	for (const struct option *o = c->options; o && o->letter; o++) {
		if (o->arg || o->word)
			continue;
		strbuf_add(out, flags ? "" : " [-");
		strbuf_add_char(out, o->letter);
		flags = true;
	}
	if (flags)
		strbuf_add_char(out, ']');
	for (const struct option *o = c->options; o && o->letter; o++)
		if (o->word)
			strbuf_addf(out, " [-%s]", o->word);
		else if (o->arg)
			strbuf_addf(out, " [-%c %s]", o->letter, o->arg);
	if (c->usage && *c->usage)
		strbuf_addf(out, " %s", c->usage);
}
