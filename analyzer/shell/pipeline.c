/* Links stages by filter sinks, runs the source into the first, ends them in order. */
#include "analyzer/shell/pipeline.h"

#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/out/filter.h"
#include "analyzer/shell/command_stage.h"
#include "analyzer/shell/running.h"

struct link {
	struct pipeline *p;
	const struct command *command;
	const struct stage_ops *ops;
	struct args args;
	size_t at, caret; /* in the line; in the stage's text, where an error points */
	void *state;
	struct out *in; /* what the one before it writes to */
	struct cx cx;	/* .out: the next one's, or the answer */
};

struct pipeline {
	struct cx cx; /* of the source */
	struct out *answer;
	const struct command *source, *failed;
	const struct args *args;
	struct link *link;
	size_t n;
	size_t *caret;
	struct err *err; /* the first that ended it */
	size_t enough; /* the links before this one want no more rows: who gives them is stopped */
};

/*
 * interrupt_raise() is how a sink tells a command that nobody listens any more. So an "interrupted"
 * that comes back while a link behind has enough is our own, and no reason to complain.
 */
static struct err *without_ours(const struct pipeline *p, size_t i, struct err *err)
{
	if (!err || err->code != ERR_INTERRUPTED || p->enough <= i)
		return err;
	err_drop(err); /* ours, as said above */
	return NULL;
}

static void take_row(void *cx, const struct table *t, const struct row *row)
{
	struct link *k = cx;
	struct pipeline *p = k->p;
	size_t i = (size_t)(k - p->link);
	bool enough = false;
	if (p->err || i < p->enough)
		return;
	p->err = without_ours(p, i, k->ops->row(&k->cx, k->state, t, row, &enough));
	if (p->err)
		p->failed = k->command;
	if (p->err && p->err->code == ERR_USAGE)
		*p->caret = k->at + k->caret;
	if (enough && p->enough < i + 1)
		p->enough = i + 1;
	if (p->err || enough)
		interrupt_raise();
}

/* Straight to the answer: the stages on the way have nothing to do with it. */
static void take_fault(void *cx, const char *command, const struct fault *f)
{
	const struct link *k = cx;
	/* what is made between "enough" and the end of its maker concerns nobody */
	if ((size_t)(k - k->p->link) >= k->p->enough)
		out_forward_fault(k->p->answer, command, f);
}

/* Row after row to a command that knows nothing of rows: command_stage.h. */
static struct err *open_stage(struct link *k, const struct registry *registry,
	const struct line_stage *text, const struct table **io_rows)
{
	struct word *words;
	size_t n;
	struct err *err = words_split(k->cx.arena, text->text, &words, &n, &k->caret);
	if (!err)
		err = registry_find(registry, words[0].text, &k->command);
	if (!err && !k->cx.target && !k->command->needs_no_target)
		err = err_new(ERR_MISSING, "no dump is open");
	if (err)
		return err;
	k->ops = k->command->stage;
	if (!k->ops)
		return command_stage_open(
			&k->cx, k->command, text->text, &k->caret, io_rows, &k->ops, &k->state);
	err = args_parse(k->cx.arena, k->command, text->text, &k->args, &k->caret);
	return err ? err : k->ops->open(&k->cx, &k->args, io_rows, &k->state);
}

static struct err *open_link(struct pipeline *p, struct link *k, const struct registry *registry,
	const struct line_stage *text, const struct table **io_rows)
{
	*k = (struct link){ .p = p, .at = text->at, .cx = p->cx };
	struct err *err = open_stage(k, registry, text, io_rows);
	if (err && (err->code == ERR_USAGE || err->code == ERR_NOT_FOUND))
		*p->caret = k->at + k->caret;
	if (err)
		return err;
	k->in = out_create_filter(
		&(struct out_filter){ take_row, take_fault, k }, out_address_bytes(p->cx.out));
	return NULL;
}

struct err *pipeline_create(const struct cx *cx, const struct registry *registry,
	const struct command *source, const struct args *a, const struct line *l, size_t *caret,
	const struct command **ret_failed, struct pipeline **ret)
{
	struct pipeline *p = xcalloc(1, sizeof(*p));
	*p = (struct pipeline){ .cx = *cx,
		.answer = cx->out,
		.source = source,
		.failed = source,
		.args = a,
		.caret = caret };
	p->link = xcalloc(l->nstages ? l->nstages : 1, sizeof(*p->link));
	const struct table *rows = source->rows;
	struct err *err = NULL;
	if (!source->run) {
		*caret = 0;
		err = err_new(ERR_USAGE, "%s stands behind another command: ps | %s …",
			source->name, source->name);
	}
	for (; !err && p->n < l->nstages; p->n++) {
		err = open_link(p, &p->link[p->n], registry, &l->stage[p->n], &rows);
		if (err && p->link[p->n].command)
			*ret_failed = p->link[p->n].command;
		if (err)
			break;
		if (p->n)
			p->link[p->n - 1].cx.out = p->link[p->n].in;
	}
	if (p->n)
		p->cx.out = p->link[0].in;
	if (err) {
		pipeline_destroy(p);
		return err;
	}
	*ret = p;
	return NULL;
}

void pipeline_destroy(struct pipeline *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		if (p->link[i].ops->close)
			p->link[i].ops->close(p->link[i].state);
		out_destroy(p->link[i].in);
	}
	free(p->link);
	free(p);
}

const struct command *pipeline_answer(const struct pipeline *p)
{
	size_t i = p->n;
	while (i && p->link[i - 1].ops->passes)
		i--;
	return i ? p->link[i - 1].command : p->source;
}

const struct command *pipeline_failed(const struct pipeline *p)
{
	return p->failed;
}

/* What each stage still has; the rows of one may be what the next waits for. */
static struct err *end_stages(struct pipeline *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct link *k = &p->link[i];
		if (p->enough || (p->err && p->err->code != ERR_INTERRUPTED))
			interrupt_clear(); /* take_row()'s */
		out_end(k->in);
		if (p->err || i < p->enough || !k->ops->end)
			continue;
		p->err = without_ours(p, i + 1, k->ops->end(&k->cx, k->state));
	}
	if (p->enough)
		interrupt_clear();
	return take_ptr(p->err);
}

struct err *pipeline_run(struct pipeline *p)
{
	struct err *err;
	for (size_t i = 0; i < p->n; i++)
		out_begin(p->link[i].in, i ? p->link[i - 1].command->name : p->source->name);
	if (!p->source->needs_no_target && !p->cx.target)
		err = err_new(ERR_MISSING, "no dump is open");
	else
		err = command_run(p->source, &p->cx, p->args);
	err = without_ours(p, 0, err);
	if (err && p->err && err->code == ERR_INTERRUPTED) {
		err_drop(err); /* a stage failed and stopped the source */
	} else if (err) {
		err_drop(p->err); /* the source's own comes first */
		p->err = err;
	}
	return end_stages(p);
}
