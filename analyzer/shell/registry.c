/* The lists of commands and walkers, and what to say to a name that is not on it. */
#include "analyzer/shell/registry.h"

#include <ctype.h>
#include <string.h>

#include "analyzer/base/near.h"
#include "analyzer/base/scope.h"

#include "analyzer/shell/plugin_hint.h"

void registry_deinit(struct registry *r)
{
	vec_deinit(&r->commands);
	vec_deinit(&r->walkers);
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

bool registry_has(const struct registry *r, const char *name)
{
	return lookup(r, name) != NULL;
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

bool registry_is_builtin(const struct command *c)
{
	for (const struct command *const *b = builtin_commands; *b; b++)
		if (*b == c)
			return true;
	return false;
}

struct err *registry_find(const struct registry *r, const char *name, const struct command **ret)
{
	const struct command *c = lookup(r, name);
	if (c) {
		*ret = c;
		return NULL;
	}
	struct near_names near;
	scoped_free char *hint = plugin_hint(name);
	if (hint)
		return err_new(ERR_NOT_FOUND, "no such command; %s", hint);
	near_init(&near, name);
	for (size_t i = 0; i < r->commands.n; i++) {
		near_offer(&near, r->commands.v[i]->name);
		if (r->commands.v[i]->alias)
			near_offer(&near, r->commands.v[i]->alias);
	}
	if (near.n)
		return near_suggest(&near, err_new(ERR_NOT_FOUND, "no such command"));
	return err_new(ERR_NOT_FOUND, "no such command; try: help");
}

struct err *registry_add_walker(struct registry *r, const struct walker *k)
{
	for (size_t i = 0; i < r->walkers.n; i++)
		if (!strcmp(r->walkers.v[i]->name, k->name))
			return err_new(ERR_MISMATCH, "there is a walker %s already", k->name);
	vec_push(&r->walkers, k);
	return NULL;
}

struct err *registry_find_walker(
	const struct registry *r, const char *name, const struct walker **ret)
{
	struct near_names near;
	near_init(&near, name);
	for (size_t i = 0; i < r->walkers.n; i++) {
		near_offer(&near, r->walkers.v[i]->name);
		if (!strcmp(r->walkers.v[i]->name, name)) {
			*ret = r->walkers.v[i];
			return NULL;
		}
	}
	return near_suggest(&near, err_new(ERR_NOT_FOUND, "no walker %s", name));
}

void registry_remove(struct registry *r, const struct command *c)
{
	size_t kept = 0;
	for (size_t i = 0; i < r->commands.n; i++)
		if (r->commands.v[i] != c)
			r->commands.v[kept++] = r->commands.v[i];
	r->commands.n = kept;
}

void registry_remove_walker(struct registry *r, const struct walker *k)
{
	size_t kept = 0;
	for (size_t i = 0; i < r->walkers.n; i++)
		if (r->walkers.v[i] != k)
			r->walkers.v[kept++] = r->walkers.v[i];
	r->walkers.n = kept;
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
			strbuf_addf(out, " [-%s%s%s]", o->word, o->arg ? " " : "",
				o->arg ? o->arg : "");
		else if (o->arg)
			strbuf_addf(out, " [-%c %s]", o->letter, o->arg);
	if (c->usage && *c->usage)
		strbuf_addf(out, " %s", c->usage);
}
