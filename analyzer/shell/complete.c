/* TAB: which word of the line is typed, and so what may stand there. What there is of it is
 * complete_kinds.c's. */
#include "analyzer/shell/complete.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/shell/complete_internal.h"
#include "analyzer/shell/walker.h"

static void add_options(const struct command *c, const char *prefix, struct candidates *ret)
{
	for (const struct option *o = c->options; o && o->letter; o++) {
		scoped_free char *name =
			o->word ? xasprintf("-%s", o->word) : xasprintf("-%c", o->letter);
		candidates_add(ret, name, prefix);
	}
}

/* What may stand behind a `|`. */
static void add_stages(const struct session *s, const char *prefix, struct candidates *ret)
{
	const struct command *c;
	for (size_t i = 0; (c = session_command(s, i)); i++)
		if (c->stage || c->takes || c->per_row ||
			(c->complete && !strcmp(c->complete, "task")))
			candidates_add(ret, c->name, prefix);
}

/* The command that @line begins with, NULL when there is none such. */
static const struct command *command_of(const struct session *s, const char *line, size_t first)
{
	scoped_free char *name = xstrndup(line + first, strcspn(line + first, " \t"));
	const struct command *c = NULL;
	err_drop(registry_find(session_registry(s), name, &c)); /* unknown: nothing to offer */
	return c;
}

/* Where the command that the word at @start belongs to begins: behind the last `|` that is ours.
 * What a
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

/* Of "walk vma …"; NULL when there is none such. */
static const struct walker *walker_of(const struct session *s, const char *segment)
{
	const struct walker *w = NULL;
	segment += strcspn(segment, " \t");
	segment += strspn(segment, " \t");
	scoped_free char *name = xstrndup(segment, strcspn(segment, " \t"));
	err_drop(session_find_walker(s, name, &w)); /* unknown: nothing to offer */
	return w;
}

/* What a row of the command before the `|` has: its columns, and the members of the object that it
 * is. */
static void add_keys(const struct session *s, const char *line, size_t first, const char *prefix,
	struct candidates *ret)
{
	scoped_free char *before = xstrndup(line, first);
	for (char *bar; (bar = strrchr(before, '|'));) {
		*bar = '\0';
		bool file;
		size_t at = command_start(before, strlen(before), &file);
		const struct command *c = command_of(s, before, at);
		const struct walker *w =
			c && !strcmp(c->name, "walk") ? walker_of(s, before + at) : NULL;
		if (w)
			complete_members_of(s, w->yields, prefix, ret);
		for (const struct column *k = c && c->rows ? c->rows->columns : NULL; k && k->key;
			k++) {
			if (!k->text_only)
				candidates_add(ret, k->key, prefix);
			complete_members_of(s, k->object, prefix, ret);
		}
		if (w || !c || c->rows)
			return;
	}
}

/* The words that a usage has as they are typed: "[load FILE|list|unload NAME]". */
static void add_words(const char *usage, const char *prefix, struct candidates *ret)
{
	for (const char *at = usage; at && *at;) {
		size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
		scoped_free char *word = xstrndup(at, n);
		if (n > 1)
			candidates_add(ret, word, prefix);
		at += n ? n : *at == '-' && at[1] ? 2 : 1; /* "-n COUNT" is no word */
	}
}

/* The option of @c whose argument the word at @start is; NULL: of none. */
static const struct option *option_of(const struct command *c, const char *line, size_t start)
{
	while (start && strchr(" \t", line[start - 1]))
		start--;
	if (start < 2 || line[start - 2] != '-' || (start > 2 && !strchr(" \t", line[start - 3])))
		return NULL;
	for (const struct option *o = c->options; o && o->letter; o++)
		if (!o->word && o->letter == line[start - 1] && o->arg)
			return o;
	return NULL;
}

static void complete_argument(const struct session *s, const struct command *c, const char *line,
	size_t first, size_t start, const char *prefix, struct candidates *ret)
{
	const struct option *o = option_of(c, line, start);
	unsigned which = o ? complete_kinds_of(o->arg)
			   : complete_kinds_of(c->usage) | complete_kind(c->complete);
	if (!o && prefix[0] == '-' && isalpha((unsigned char)(prefix[1] ? prefix[1] : 'a'))) {
		add_options(c, prefix, ret);
		return;
	}
	if (complete_members(s, which & complete_kind("type"), prefix, ret))
		return;
	size_t command_end = first + strcspn(line + first, " \t");
	if (!o && command_end + strspn(line + command_end, " \t") == start)
		add_words(c->usage, prefix, ret);
	if (c->stage && !o)
		add_keys(s, line, first, prefix, ret);
	complete_kinds(s, which, prefix, ret);
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
			complete_kinds(s, complete_kind("command"), prefix, ret);
		return;
	}
	const struct command *c = command_of(s, line, first);
	if (c)
		complete_argument(s, c, line, first, start, prefix, ret);
	else
		ret->files = first > strspn(line, " \t"); /* a command of the host's */
}
