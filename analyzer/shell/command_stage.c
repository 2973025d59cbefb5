/* Runs a command for each row. */
#include "analyzer/shell/command_stage.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/shell/args.h"
#include "analyzer/shell/row_names.h"
#include "analyzer/shell/running.h"

struct command_stage {
	const struct command *command;
	const char *text, *takes;
	size_t *caret;
	struct row_names names;
	struct arena arena; /* of one row */
	struct strbuf line;
};

static const char *takes_of(const struct command *c)
{
	if (c->takes)
		return c->takes;
	return c->complete && !strcmp(c->complete, "task") ? "struct task_struct" : NULL;
}

/* "comm", "it", "it->comm", "start+8": whether @word begins with a name that only a row has. */
static bool names_row(const struct table *t, const char *word)
{
	size_t n = 0, i;
	while (isalnum((unsigned char)word[n]) || word[n] == '_')
		n++;
	scoped_free char *name = xstrndup(word, n);
	return !strcmp(name, "it") || (t && table_find(t, name, &i));
}

/* Whether the object has to be put behind the arguments. */
static bool wants_object(
	const struct command_stage *st, const struct table *t, const struct args *a)
{
	if (!st->takes)
		return false;
	for (int i = 0; i < args_count(a); i++)
		if (names_row(t, args_get(a, i)))
			return false;
	return true;
}

static struct err *check_object(const struct command_stage *st, const struct table *t)
{
	size_t i;
	const char *have = table_object(t, &i) ? t->columns[i].object : NULL;
	*st->caret = 0;
	if (!have)
		return err_new(ERR_USAGE,
			"%s wants a %s, and these rows stand for nothing; name a column: | %s KEY",
			st->command->name, strcmp(st->takes, "*") ? st->takes : "thing",
			st->command->name);
	if (strcmp(st->takes, "*") && strcmp(st->takes, have))
		return err_new(ERR_USAGE, "%s wants a %s, these rows are of %s", st->command->name,
			st->takes, have);
	return NULL;
}

/* The words with @va behind them, if it belongs there. */
static struct err *parse(struct command_stage *st, const struct table *t, uint64_t va,
	bool *ret_object, struct args *ret)
{
	strbuf_reset(&st->line);
	strbuf_addf(&st->line, "%s 0x%" PRIx64, st->text, va);
	struct err *err =
		args_parse(&st->arena, st->command, strbuf_text(&st->line), ret, st->caret);
	struct args bare;
	struct err *without = args_parse(&st->arena, st->command, st->text, &bare, st->caret);
	*ret_object = !without ? wants_object(st, t, &bare) : st->takes != NULL;
	if (!*ret_object) {
		err_drop(err); /* the words are complete without it */
		*ret = bare;
		return without;
	}
	err_drop(without); /* what is missing is the object */
	return err;
}

static struct err *command_stage_row(
	struct cx *cx, void *state, const struct table *t, const struct row *row, bool *ret_enough)
{
	struct command_stage *st = state;
	struct args a;
	uint64_t va = 0;
	bool object;
	(void)ret_enough;
	bool has = row_object(t, row, &va, NULL);
	arena_reset(&st->arena);
	struct err *err = parse(st, t, va, &object, &a);
	if (!err && object)
		err = check_object(st, t);
	if (err || (object && !has))
		return err; /* the row's cell is empty: there is nothing to run for */
	struct target *target = cx->target;
	const struct expr_names *outer = target ? target->debug.names : NULL;
	struct cx inner = { target, cx->out, &st->arena, cx->session };
	row_names_set(&st->names, t, row);
	if (target)
		target->debug.names = &st->names.names;
	err = command_run(st->command, &inner, &a);
	if (target)
		target->debug.names = outer;
	if (err && err->code != ERR_INTERRUPTED && err->code != ERR_USAGE) {
		out_complain(cx->out, err);
		err = NULL;
	}
	return err;
}

static void command_stage_close(void *state)
{
	struct command_stage *st = state;
	arena_deinit(&st->arena);
	strbuf_deinit(&st->line);
	free(st);
}

static const struct stage_ops command_stage_ops = {
	.row = command_stage_row,
	.close = command_stage_close,
};

/* What can be known before the first row. */
static struct err *check_words(struct command_stage *st, const struct table *rows)
{
	struct args a;
	bool object;
	if (!st->takes && !st->command->per_row) {
		*st->caret = 0;
		return err_new(ERR_USAGE,
			"%s takes nothing from a pipe; `| command %s` is the host's",
			st->command->name, st->command->name);
	}
	struct err *err = parse(st, rows, 0, &object, &a);
	if (!err && object && rows)
		err = check_object(st, rows);
	return err;
}

struct err *command_stage_open(const struct cx *cx, const struct command *c, const char *text,
	size_t *caret, const struct table **io_rows, const struct stage_ops **ret_ops, void **ret)
{
	struct command_stage *st = xcalloc(1, sizeof(*st));
	*st = (struct command_stage){
		.command = c, .text = text, .takes = takes_of(c), .caret = caret
	};
	if (cx->target)
		row_names_init(&st->names, cx->target, *io_rows);
	struct err *err = check_words(st, *io_rows);
	if (err) {
		command_stage_close(st);
		return err;
	}
	*io_rows = c->rows;
	*ret_ops = &command_stage_ops;
	*ret = st;
	return NULL;
}
