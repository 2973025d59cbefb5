/* Looks at rows of plugins before they are registered. Knows no session and no target. */
#include "analyzer/shell/plugin_check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"

enum { ROWS_MAX = 256, NAME_MAX_LETTERS = 32 };

static bool is_name(const char *s)
{
	size_t n = s ? strlen(s) : 0;
	if (!n || n > NAME_MAX_LETTERS || !isalpha((unsigned char)*s))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' && s[i] != '-')
			return false;
	return true;
}

static struct err *check_options(const struct command *c)
{
	bool seen[128] = { false };
	const struct option *o = c->options;
	for (; o && o->letter; o++) {
		unsigned char letter = (unsigned char)o->letter;
		if (letter >= 128 || !isgraph(letter) || seen[letter] || !o->help)
			return err_new(ERR_FORMAT,
				"command %s: its option -%c is given twice or has no help", c->name,
				isgraph(letter) ? letter : '?');
		seen[letter] = true;
	}
	return NULL;
}

struct err *plugin_check_command(const struct command *c)
{
	if (!is_name(c->name))
		return err_new(ERR_FORMAT, "a command without a proper name");
	if (c->alias && !is_name(c->alias))
		return err_new(ERR_FORMAT, "command %s: its alias is no proper name", c->name);
	if (!c->summary || !c->run)
		return err_new(ERR_FORMAT, "command %s has no %s", c->name,
			c->run ? "summary" : "run function");
	if (c->stage)
		return err_new(
			ERR_FORMAT, "command %s: a plugin cannot add stages of pipelines", c->name);
	if (c->max_args >= 0 && c->min_args > c->max_args)
		return err_new(ERR_FORMAT, "command %s wants at least %d arguments and at most %d",
			c->name, c->min_args, c->max_args);
	return check_options(c);
}

static struct err *check_walker(const struct walker *k)
{
	if (!is_name(k->name))
		return err_new(ERR_FORMAT, "a walker without a proper name");
	if (!k->summary || !k->yields || !k->run)
		return err_new(ERR_FORMAT, "walker %s has no %s", k->name,
			!k->run	     ? "run function"
			: !k->yields ? "type that it yields"
				     : "summary");
	return NULL;
}

static struct err *check_printer(const struct plugin_printer *r)
{
	if (!r->type || !*r->type)
		return err_new(ERR_FORMAT, "a printer without a type");
	if (!r->summary || !r->print)
		return err_new(ERR_FORMAT, "the printer of %s has no %s", r->type,
			r->print ? "summary" : "print function");
	return NULL;
}

static struct err *check_reader(const struct plugin_reader *r)
{
	if (!r->name || !*r->name)
		return err_new(ERR_FORMAT, "a dump reader without a name");
	if (!r->summary || !r->recognises || !r->open)
		return err_new(ERR_FORMAT, "dump reader %s has no %s", r->name,
			!r->open	 ? "open function"
			: !r->recognises ? "recognises function"
					 : "summary");
	return NULL;
}

static struct err *check_finder(const struct plugin_finder *r)
{
	if (!r->name || !*r->name)
		return err_new(ERR_FORMAT, "a bootstrap finder without a name");
	if (!r->summary || !r->find)
		return err_new(ERR_FORMAT, "bootstrap finder %s has no %s", r->name,
			r->find ? "summary" : "find function");
	return NULL;
}

static struct err *check_rule(const struct plugin_rule *r)
{
	const unsigned known = PLUGIN_NEEDS_DEATH | PLUGIN_NEEDS_FAULT | PLUGIN_NEEDS_LOG |
			       PLUGIN_NEEDS_TYPES;
	if (!is_name(r->name))
		return err_new(ERR_FORMAT, "a triage rule without a proper name");
	if (!r->summary || !r->run)
		return err_new(ERR_FORMAT, "triage rule %s has no %s", r->name,
			r->run ? "summary" : "run function");
	if (r->needs & ~known)
		return err_new(ERR_FORMAT, "triage rule %s needs what there is not", r->name);
	return NULL;
}

/* Each row of the NULL-terminated array that is member @list of the plugin. */
#define CHECK_ROWS(err, list, check)                                                               \
	for (size_t i_ = 0; !(err) && (list) && (list)[i_]; i_++)                                  \
	(err) = i_ < ROWS_MAX ? check((list)[i_])                                                  \
			      : err_new(ERR_FORMAT, "more than %d " #list, ROWS_MAX)

struct err *plugin_check(const struct plugin *g)
{
	struct err *err = NULL;
	if (!is_name(g->name) || !g->version || !g->summary)
		return err_new(ERR_FORMAT, "it has no proper name, no version or no summary");
	for (size_t i = 0; i < ARRAY_SIZE(g->reserved); i++)
		if (g->reserved[i])
			return err_new(ERR_FORMAT, "what is reserved is not NULL");
	CHECK_ROWS(err, g->commands, plugin_check_command);
	CHECK_ROWS(err, g->walkers, check_walker);
	CHECK_ROWS(err, g->printers, check_printer);
	CHECK_ROWS(err, g->readers, check_reader);
	CHECK_ROWS(err, g->finders, check_finder);
	CHECK_ROWS(err, g->rules, check_rule);
	return err;
}
