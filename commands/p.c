/* p: the value of an expression, of every CPU's copy where it is asked for. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column p_columns[] = { { "expression", .hidden = true },
	{ "history", .hidden = true }, { "cpu", .hidden = true }, { "type", .hidden = true },
	{ "address", .hidden = true }, { "value", .hidden = true }, { "text", .text_only = true },
	{ 0 } };
static const struct table p_table = { .layout = LAYOUT_LINES, .columns = p_columns };

static const struct option p_options[] = { { 'x', NULL, "integers in hexadecimal" },
	{ 'd', NULL, "integers in decimal" },
	{ 'D', "DEPTH", "structs within structs down to this depth (default 16)" },
	{ 'e', "COUNT", "at most so many elements of an array (default 200)" }, { 0 } };

struct p_line {
	const char *expression;
	const char *name; /* "$1", or NULL */
	struct value_style style;
};

static struct err *show(struct cx *cx, const struct p_line *l, const struct value *v, int cpu)
{
	scoped_strbuf struct strbuf value = { 0 }, type = { 0 }, text = { 0 };
	struct err *err = value_format(&cx->target->debug, v, &l->style, &value);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	type_declare(v->type, NULL, &type);
	if (cpu >= 0)
		strbuf_addf(&text, "%s:%d = ", l->expression, cpu);
	else
		strbuf_addf(&text, "%s = ", l->expression);
	if (l->name)
		strbuf_addf(&text, "%s = ", l->name);
	strbuf_add(&text, strbuf_text(&value));
	out_row(cx->out);
	out_str(cx->out, "expression", l->expression);
	out_str(cx->out, "history", l->name);
	if (cpu >= 0)
		out_int(cx->out, "cpu", cpu);
	out_str(cx->out, "type", strbuf_text(&type));
	if (!v->computed)
		out_addr(cx->out, "address", v->va);
	out_block(cx->out, "value", strbuf_text(&value));
	out_block(cx->out, "text", strbuf_text(&text));
	return err;
}

static struct err *show_copy(struct cx *cx, const struct args *a, const struct p_line *l,
	const struct expr *x, unsigned cpu)
{
	struct debug_env env = cx->target->debug;
	struct percpu_names names;
	struct value v;
	size_t at = 0;
	percpu_names_init(&names, cx->target, cpu);
	env.names = &names.names;
	struct err *err = expr_eval(&env, x, &v, &at);
	if (!err && !names.moved && target_has_symbol(cx->target, "__per_cpu_offset"))
		err = err_new(ERR_USAGE, "there is no per-CPU variable in this");
	return err ? args_point(a, 0, at, err) : show(cx, l, &v, (int)cpu);
}

/* A CPU whose copy cannot be read costs the others nothing; a wrong expression is wrong for all. */
static struct err *show_copies(struct cx *cx, const struct args *a, const struct p_line *l,
	const struct expr *x, const struct cpu_mask *cpus)
{
	for (unsigned cpu = 0; (cpu = cpu_mask_next(cpus, cpu)) < CPUS_MAX; cpu++) {
		struct err *err = show_copy(cx, a, l, x, cpu);
		if (err && err->code != ERR_FAULT)
			return err;
		if (err)
			out_complain(cx->out, err_wrap(err, "CPU %u", cpu));
	}
	return NULL;
}

static struct err *p_run(struct cx *cx, const struct args *a)
{
	const char *rest = args_rest(a, 0);
	size_t n = cpu_suffix_find(rest), at = 0;
	struct p_line l = { .expression = n ? arena_strndup(cx->arena, rest, n) : rest };
	const struct debug_env *env = &cx->target->debug;
	const struct expr *x;
	struct value v;
	struct cpu_mask cpus;
	struct err *err = value_style_read(cx, a, &l.style);
	if (!err)
		err = target_need_kernel(cx->target);
	if (err)
		return err;
	out_table(cx->out, &p_table);
	err = expr_parse(env, cx->arena, l.expression, EXPR_C, &x, &at);
	if (!err && n) {
		err = cpu_list_parse(cx->target, rest + n + 1, &cpus);
		return err ? args_point(a, 0, n + 1, err) : show_copies(cx, a, &l, x, &cpus);
	}
	if (!err)
		err = expr_eval(env, x, &v, &at);
	if (err)
		return args_point(a, 0, at, err);
	if (!expr_is_assignment(x) && env->state)
		l.name = arena_printf(cx->arena, "$%zu", expr_state_remember(env->state, &v));
	return show(cx, &l, &v, -1);
}

static const char *const p_examples[] = {
	"p jiffies\ta variable",
	"p init_task.comm\ta member",
	"p -x init_task.thread_info\ta struct, in hexadecimal",
	"p container_of(init_task.tasks.next, struct task_struct, tasks)->comm\tthe next task's "
	"name",
	"p $t = &init_task\ta variable for later: p $t->pid; $ and $1 are earlier values",
	"p (jiffies > 5 ? sizeof(int) : 0)\t> and | stand in parentheses, else they redirect",
	"p runqueues.nr_running:a\tof each CPU; :0,2-3 of some",
	NULL,
};

const struct command cmd_p = {
	.name = "p",
	.alias = "print",
	.summary = "the value of a C expression over the dump",
	.usage = "EXPRESSION[:CPUS]",
	.details = "C's operators with the target's types and sizes, without assignment, commas "
		   "and floating\n"
		   "point; offsetof, container_of, per_cpu(VAR, CPU), per_cpu_ptr(PTR, CPU); "
		   "a[2..5] are the\n"
		   "elements 2 to 5; a string compares with a char array: comm == \"sh\". A "
		   "pointer's members\n"
		   "can be had with . as with ->.",
	.options = p_options,
	.examples = p_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.per_row = true,
	.complete = "symbol",
	.run = p_run,
};
