/* sizeof: bytes of a type or of an expression's value, which is not read. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column sizeof_columns[] = { { "size" }, { "of", .hidden = true }, { 0 } };
static const struct table sizeof_table = { .layout = LAYOUT_LINES, .columns = sizeof_columns };

static struct err *sizeof_run(struct cx *cx, const struct args *a)
{
	const struct debug_env *env = &cx->target->debug;
	const char *prefix = "sizeof(";
	const char *text = arena_printf(cx->arena, "%s%s)", prefix, args_rest(a, 0));
	const struct expr *x;
	struct value v;
	uint64_t n;
	size_t at = 0;
	struct err *err = expr_parse(env, cx->arena, text, EXPR_C, &x, &at);
	if (!err)
		err = expr_eval(env, x, &v, &at);
	if (!err)
		err = value_number(env, &v, &n);
	if (err)
		return args_point(a, 0, at > strlen(prefix) ? at - strlen(prefix) : 0, err);
	out_table(cx->out, &sizeof_table);
	out_row(cx->out);
	out_uint(cx->out, "size", n);
	out_str(cx->out, "of", args_rest(a, 0));
	return NULL;
}

static const char *const sizeof_examples[] = {
	"sizeof struct task_struct\tbytes of a type; a bare tag will do",
	"sizeof init_task.comm\tof a variable or a part of it",
	NULL,
};

const struct command cmd_sizeof = {
	.name = "sizeof",
	.summary = "the size of a type or of an expression's value, in bytes",
	.usage = "TYPE|EXPRESSION",
	.examples = sizeof_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.complete = "type",
	.run = sizeof_run,
};
