/* The rows of a pipeline kept for `if` and `for`, which have no answer of their own. */
#include "analyzer/shell/session_state.h"

#include "analyzer/out/filter.h"
#include "analyzer/shell/args.h"
#include "analyzer/shell/line.h"
#include "analyzer/shell/pipeline.h"

struct keeper {
	struct session *s;
	struct arena *arena;
	struct kept_rows *rows;
};

static void keep_row(void *cx, const struct table *t, const struct row *row)
{
	struct keeper *k = cx;
	struct kept_row *kept = arena_alloc(k->arena, sizeof(*kept));
	*kept = (struct kept_row){ .table = t, .row = row_copy(k->arena, t, row) };
	*k->rows->end = kept;
	k->rows->end = &kept->next;
}

static void keep_fault(void *cx, const char *command, const struct fault *f)
{
	const struct keeper *k = cx;
	session_report_lost(k->s, command, err_new(ERR_FORMAT, "%s", f->msg));
}

static struct err *run_into(
	struct session *s, const struct line *l, struct out *out, struct arena *a, size_t *ret_at)
{
	struct word *words;
	size_t n;
	struct args args;
	struct pipeline *p;
	const struct command *c, *failed;
	struct cx cx = { s->target, out, a, s };
	struct err *err = words_split(a, l->command, &words, &n, ret_at);
	if (!err)
		err = registry_find(&s->registry, n ? words[0].text : "", &c);
	if (!err)
		err = args_parse(a, c, l->command, &args, ret_at);
	if (!err)
		err = pipeline_create(&cx, &s->registry, c, &args, l, ret_at, &failed, &p);
	if (err)
		return err;
	out_begin(out, pipeline_answer(p)->name);
	err = pipeline_run(p);
	out_end(out);
	pipeline_destroy(p);
	return err;
}

struct err *session_stream(struct session *s, struct arena *a, const char *text,
	const struct out_filter *to, size_t *ret_at)
{
	struct line line;
	*ret_at = 0;
	struct err *err = line_parse(a, text, session_is_stage, &s->registry, &line, ret_at);
	if (!err && (line.kind != LINE_COMMAND || line.file || line.host)) {
		*ret_at = line.host ? line.host_at : line.file_at;
		err = err_new(ERR_USAGE,
			"a command with its stages stands here, and nothing of the host's");
	}
	if (err)
		return err;
	struct out *out = out_create_filter(to, out_address_bytes(s->out));
	err = run_into(s, &line, out, a, ret_at);
	out_destroy(out);
	return err;
}

struct err *session_rows(
	struct session *s, struct arena *a, const char *text, struct kept_rows *ret, size_t *ret_at)
{
	interrupt_clear();
	*ret = (struct kept_rows){ .end = &ret->first };
	struct keeper k = { s, a, ret };
	return session_stream(s, a, text, &(struct out_filter){ keep_row, keep_fault, &k }, ret_at);
}
