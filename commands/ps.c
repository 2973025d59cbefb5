/* ps: tasks, chosen by what is known of them, and shown from several sides. */
#include "analyzer/api.h"
#include "analyzer/model.h"

/* The first columns of every table but -a's, -g's, -r's, -p's and -c's. */
#define IDENTITY                                                                                   \
	{ "current", .title = "", .width = 1 }, { "pid", .width = 7, .align = ALIGN_RIGHT },       \
		{ "tgid", .hidden = true }, { "ppid", .width = 7, .align = ALIGN_RIGHT },          \
	{                                                                                          \
		"cpu", .width = 4, .align = ALIGN_RIGHT                                            \
	}
/* What a row stands for. */
#define TASK(how)                                                                                  \
	{                                                                                          \
		"task", how, .object = "struct task_struct"                                        \
	}
#define MEMORY                                                                                     \
	{ "state", .title = "ST", .width = 2 }, { "kernel", .hidden = true },                      \
		{ "mem", .title = "%MEM", .width = 5, .align = ALIGN_RIGHT },                      \
		{ "vsz", .width = 7, .align = ALIGN_RIGHT },                                       \
		{ "rss", .width = 7, .align = ALIGN_RIGHT }, { "rss_counted", .hidden = true },    \
	{                                                                                          \
		"comm"                                                                             \
	}

static const struct column ps_columns[] = { IDENTITY, TASK(.width = WIDTH_ADDRESS), MEMORY, { 0 } };
static const struct table ps_table = { .layout = LAYOUT_TABLE, .columns = ps_columns };

static const struct column stack_columns[] = { IDENTITY, TASK(.hidden = true),
	{ "stack_pointer", .title = "KSTACKP", .width = WIDTH_ADDRESS }, MEMORY, { 0 } };
static const struct table stack_table = { .layout = LAYOUT_TABLE, .columns = stack_columns };

static const struct column last_columns[] = { { "last_run", .title = "LAST RUN", .width = 14,
						      .align = ALIGN_RIGHT },
	{ "ago", .width = 14, .align = ALIGN_RIGHT }, IDENTITY, TASK(.width = WIDTH_ADDRESS),
	{ "state", .title = "ST", .width = 2 }, { "kernel", .hidden = true }, { "comm" }, { 0 } };
static const struct table last_table = { .layout = LAYOUT_TABLE, .columns = last_columns };

static const struct column times_columns[] = { IDENTITY, TASK(.hidden = true),
	{ "run", .title = "RUN TIME", .width = 12, .align = ALIGN_RIGHT },
	{ "start", .title = "START TIME", .width = 12, .align = ALIGN_RIGHT },
	{ "utime", .width = 12, .align = ALIGN_RIGHT },
	{ "stime", .width = 12, .align = ALIGN_RIGHT }, { "state", .hidden = true },
	{ "kernel", .hidden = true }, { "comm" }, { 0 } };
static const struct table times_table = { .layout = LAYOUT_TABLE, .columns = times_columns };

static const struct column count_columns[] = { { "state", .title = "ST", .width = 2 },
	{ "name", .width = 12 }, { "count", .width = 7, .align = ALIGN_RIGHT }, { 0 } };
static const struct table count_table = { .layout = LAYOUT_TABLE, .columns = count_columns };

static const struct column string_columns[] = { { "string" }, { 0 } };
static const struct table string_table = { .layout = LAYOUT_LINES, .columns = string_columns };
static const struct column limit_columns[] = { { "limit", .width = 10 },
	{ "soft", .width = 20, .align = ALIGN_RIGHT },
	{ "hard", .width = 20, .align = ALIGN_RIGHT }, { 0 } };
static const struct table limit_table = { .layout = LAYOUT_TABLE, .columns = limit_columns };
static const struct column relative_columns[] = { { "pid", .width = 7, .align = ALIGN_RIGHT },
	TASK(.width = WIDTH_ADDRESS), { "cpu", .width = 4, .align = ALIGN_RIGHT },
	{ "state", .title = "ST", .width = 2 }, { "comm" }, { 0 } };
static const struct table relative_table = { .layout = LAYOUT_TABLE, .columns = relative_columns };
static const struct column headline_columns[] = { { "pid" }, { "task" }, { "cpu" },
	{ "comm", .title = "COMMAND" }, { "note" }, { "arguments", .list = &string_table },
	{ "environment", .list = &string_table }, { "limits", .list = &limit_table },
	{ "threads", .list = &relative_table }, { "parents", .list = &relative_table },
	{ "children", .list = &relative_table }, { 0 } };
static const struct table headline_table = { .layout = LAYOUT_HEADLINE,
	.columns = headline_columns };

static const struct option ps_options[] = { { 'k', NULL, "kernel threads only" },
	{ 'u', NULL, "user tasks only" }, { 'G', NULL, "thread group leaders only" },
	{ 'A', NULL, "only those that a CPU was running" },
	{ 'y', "POLICY", "only of this scheduling policy: NORMAL, FIFO, RR, …" },
	{ 'C', "CPUS", "only those of these CPUs: 0,2-3" },
	{ 's', NULL, "the kernel stack pointer instead of the task" },
	{ 't', NULL, "times: on a CPU, of the start since boot, in user and in kernel mode" },
	{ 'l', NULL, "when they last got a CPU, and how long ago, the latest first" },
	{ 'm', NULL, "the same" }, { 'a', NULL, "arguments and environment" },
	{ 'g', NULL, "threads by group" }, { 'r', NULL, "resource limits" },
	{ 'p', NULL, "the parents, from the first task down" }, { 'c', NULL, "the children" },
	{ 'S', NULL, "how many are in which state" }, { 0 } };
static const char modes[] = "stlmagrpcS"; /* of them, only one */

struct ps_row {
	struct task task;
	struct task_times times;
	uint64_t clock_ns;
};
struct ps {
	struct cx *cx;
	char mode; /* 0: plain */
	uint64_t ram_bytes;
	uint64_t mm; /* whose .memory is at hand; 0: nobody's */
	struct task_memory memory;
	VEC(struct ps_row)
	all; /* every task, for -g and -c; the chosen ones where they are sorted */
};

static void show_identity(struct cx *cx, const struct task *task)
{
	struct task parent;
	out_str(cx->out, "current", task_is_running(cx->target, task) ? ">" : "");
	out_uint(cx->out, "pid", task->pid);
	out_uint(cx->out, "tgid", task->tgid);
	/* real_parent's thread group, as getppid() gives. */
	struct err *err = task_read(cx->target, task->real_parent, &parent);
	if (err)
		out_fault(cx->out, "ppid", err);
	else
		out_uint(cx->out, "ppid", parent.tgid);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_addr(cx->out, "task", task->va);
	out_str(cx->out, "state", task_state_letter(task));
	out_bool(cx->out, "kernel", task_is_kernel(task));
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
}

static void show_memory(struct ps *p, const struct task *task)
{
	struct out *o = p->cx->out;
	struct err *err = NULL;
	/* Threads, which come one after the other, share theirs. */
	if (!task->mm || task->mm != p->mm)
		err = task_memory_read(p->cx->target, task, &p->memory);
	const struct task_memory m = p->memory;
	p->mm = err ? 0 : task->mm;
	if (err) {
		out_fault(o, "rss", err);
		return;
	}
	uint64_t tenths = p->ram_bytes ? m.resident_bytes * 1000 / p->ram_bytes : 0;
	if (p->ram_bytes)
		out_strf(o, "mem", "%llu.%llu", (unsigned long long)tenths / 10,
			(unsigned long long)tenths % 10);
	out_bytes(o, "vsz", m.total_bytes);
	out_bytes(o, "rss", m.resident_bytes);
	out_bytes(o, "rss_counted", m.counted_bytes);
}

static void show_stack_pointer(struct cx *cx, const struct task *task)
{
	struct task_regs r;
	unsigned sp = cx->target->arch->reg_sp;
	struct err *err = task_regs_read(cx->target, task, &r);
	if (err)
		out_fault(cx->out, "stack_pointer", err);
	else if (!r.sp_unknown && regs_has(&r.regs, sp))
		out_addr(cx->out, "stack_pointer", r.regs.v[sp]);
}

static void show_row(struct ps *p, const struct ps_row *r)
{
	struct out *o = p->cx->out;
	out_row(o);
	show_identity(p->cx, &r->task);
	if (!p->mode || p->mode == 's')
		show_memory(p, &r->task);
	if (p->mode == 's')
		show_stack_pointer(p->cx, &r->task);
	if (p->mode == 't') {
		out_seconds(o, "run", r->times.run_ns);
		out_seconds(o, "start", r->times.start_ns);
		out_seconds(o, "utime", r->times.utime_ns);
		out_seconds(o, "stime", r->times.stime_ns);
	}
	if (p->mode == 'l' || p->mode == 'm')
		out_seconds(o, "last_run", r->times.last_run_ns);
	/* Another CPU may have been ahead of its own queue's clock. */
	if (r->clock_ns)
		out_seconds(o, "ago",
			r->clock_ns > r->times.last_run_ns ? r->clock_ns - r->times.last_run_ns
							   : 0);
}

/* ---- one task, with lists ----------------------------------------------- */

static void show_relative(struct cx *cx, const struct task *task)
{
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str(cx->out, "state", task_state_letter(task));
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
}

/* From the first ancestor down to the parent. */
static struct err *show_parents(struct ps *p, const struct task *task)
{
	enum { PARENTS_MAX = 4096 };
	VEC(struct task) chain = { 0 };
	struct task at = *task;
	struct err *err = NULL;
	while (!err && at.real_parent && at.real_parent != at.va && chain.n < PARENTS_MAX) {
		err = task_read(p->cx->target, at.real_parent, &at);
		if (!err)
			vec_push(&chain, at);
	}
	if (!err && chain.n == PARENTS_MAX)
		err = err_new(ERR_LIMIT, "pid %u: its parents never end", task->pid);
	out_list_begin(p->cx->out, "parents");
	for (size_t i = chain.n; !err && i; i--)
		show_relative(p->cx, &chain.v[i - 1]);
	out_list_end(p->cx->out);
	vec_deinit(&chain);
	return err;
}

static void show_related(struct ps *p, const struct task *task)
{
	bool threads = p->mode == 'g';
	out_list_begin(p->cx->out, threads ? "threads" : "children");
	for (size_t i = 0; i < p->all.n; i++) {
		const struct task *other = &p->all.v[i].task;
		bool is_thread = other->pid != other->tgid;
		if (threads ? is_thread && other->group_leader == task->va
			    : !is_thread && other->real_parent == task->va && other->va != task->va)
			show_relative(p->cx, other);
	}
	out_list_end(p->cx->out);
}

static struct err *show_headline(struct ps *p, const struct task *task)
{
	struct cx *cx = p->cx;
	/* Threads stand below their leader. */
	if (p->mode == 'g' && task->pid != task->tgid)
		return NULL;
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
	if (p->mode == 'g' || p->mode == 'c')
		show_related(p, task);
	return p->mode == 'a'	? task_arguments_show(cx, task)
	       : p->mode == 'r' ? task_limits_show(cx, task)
	       : p->mode == 'p' ? show_parents(p, task)
				: NULL;
}

/* ---- the walk ----------------------------------------------- */

typedef struct err *(*ps_fn)(struct ps *p, const struct task *task);

/* Calls @fn for each task that @s (NULL: every one) wants. */
static struct err *each_task(struct ps *p, struct task_select *s, ps_fn fn)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, p->cx->target);
	while (!err && more) {
		struct task task;
		bool wanted = !s;
		err = task_iter_next(&it, &task, &more);
		if (!err && more && s)
			err = task_select_wants(s, p->cx->target, &task, &wanted);
		if (!err && more && wanted)
			err = fn(p, &task);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(p->cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static struct err *read_row(struct ps *p, const struct task *task, struct ps_row *ret)
{
	*ret = (struct ps_row){ .task = *task };
	struct err *err = NULL;
	if (p->mode && strchr("tlm", p->mode))
		err = task_times_read(p->cx->target, task, &ret->times);
	if (!err && strchr("lm", p->mode ? p->mode : '-') && task->cpu < CPUS_MAX)
		err = task_clock_read(p->cx->target, task->cpu, &ret->clock_ns);
	return err;
}

static struct err *show_at_once(struct ps *p, const struct task *task)
{
	struct ps_row row;
	struct err *err = read_row(p, task, &row);
	if (!err)
		show_row(p, &row);
	return err;
}

static struct err *remember(struct ps *p, const struct task *task)
{
	struct ps_row row;
	struct err *err = read_row(p, task, &row);
	if (!err)
		vec_push(&p->all, row);
	return err;
}

static int later_first(const void *a, const void *b)
{
	const struct ps_row *x = a, *y = b;
	return (x->times.last_run_ns < y->times.last_run_ns) -
	       (x->times.last_run_ns > y->times.last_run_ns);
}

static void show_counts(struct ps *p)
{
	static const char letters[] = "RSDTtXZPI";
	for (const char *l = letters; *l; l++) {
		uint64_t count = 0;
		const char *name = NULL;
		for (size_t i = 0; i < p->all.n; i++) {
			if (task_state_letter(&p->all.v[i].task)[0] != *l)
				continue;
			count++;
			name = task_state_name(&p->all.v[i].task);
		}
		if (!count)
			continue;
		out_row(p->cx->out);
		out_str_n(p->cx->out, "state", l, 1);
		out_str(p->cx->out, "name", name);
		out_uint(p->cx->out, "count", count);
	}
}

static struct err *show(struct ps *p, struct task_select *s)
{
	bool sorted = p->mode == 'l' || p->mode == 'm';
	struct err *err = NULL;
	if (p->mode && strchr("agrpc", p->mode)) {
		out_table(p->cx->out, &headline_table);
		if (p->mode == 'g' || p->mode == 'c')
			err = each_task(p, NULL, remember);
		return err ? err : each_task(p, s, show_headline);
	}
	out_table(p->cx->out, sorted	       ? &last_table
			      : p->mode == 't' ? &times_table
			      : p->mode == 's' ? &stack_table
			      : p->mode == 'S' ? &count_table
					       : &ps_table);
	if (!sorted && p->mode != 'S')
		return each_task(p, s, show_at_once);
	err = each_task(p, s, remember);
	if (sorted && p->all.n)
		qsort(p->all.v, p->all.n, sizeof(*p->all.v), later_first);
	for (size_t i = 0; !err && sorted && i < p->all.n; i++)
		show_row(p, &p->all.v[i]);
	if (!err && !sorted)
		show_counts(p);
	return err;
}

/* ---- the words ----------------------------------------------- */

/* "0,2-3" */
static struct err *parse_cpus(const char *text, struct cpu_mask *ret)
{
	scoped_free char *copy = xstrdup(text);
	char *rest = copy, *word;
	while ((word = strsep(&rest, ","))) {
		char *dash = strchr(word, '-');
		uint64_t first, last;
		if (dash)
			*dash = '\0';
		if (!number_parse(word, &first) || !number_parse(dash ? dash + 1 : word, &last) ||
			first > last || last >= CPUS_MAX)
			return err_new(ERR_USAGE, "%s: no CPUs, like 0,2-3", text);
		for (uint64_t cpu = first; cpu <= last; cpu++)
			ret->bits[cpu / 64] |= 1ull << (cpu % 64);
	}
	return NULL;
}

static struct err *parse(const struct args *a, struct task_select *s, char *ret_mode)
{
	struct err *err = NULL;
	s->kernel = args_flag(a, 'k');
	s->user = args_flag(a, 'u');
	s->leaders = args_flag(a, 'G');
	s->active = args_flag(a, 'A');
	s->by_policy = args_option(a, 'y') != NULL;
	s->by_cpu = args_option(a, 'C') != NULL;
	if (s->by_policy)
		err = task_policy_parse(args_option(a, 'y'), &s->policy);
	if (!err && s->by_cpu)
		err = parse_cpus(args_option(a, 'C'), &s->cpus);
	for (int i = 0; !err && i < args_count(a); i++) {
		err = task_select_add(s, args_get(a, i));
		if (err)
			err = args_point(a, i, 0, err);
	}
	for (const char *m = modes; !err && *m; m++) {
		if (!args_flag(a, *m))
			continue;
		if (*ret_mode)
			err = err_new(ERR_USAGE, "-%c and -%c: one of them", *ret_mode, *m);
		*ret_mode = *m;
	}
	return err;
}

static struct err *ps_run(struct cx *cx, const struct args *a)
{
	struct ps p = { .cx = cx };
	scoped_task_select struct task_select s = { 0 };
	const char *unmet;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = parse(a, &s, &p.mode);
	if (err)
		return err;
	err_drop(system_ram_bytes(cx->target, &p.ram_bytes)); /* then there is no %MEM */
	err = show(&p, &s);
	for (size_t i = 0; !err && (unmet = task_select_unmet(&s, &i));)
		out_complain(cx->out, err_new(ERR_NOT_FOUND, "no task is %s", unmet));
	vec_deinit(&p.all);
	return err;
}

static const char *const ps_examples[] = {
	"ps\tall tasks; > marks those that were running",
	"ps 1 kthreadd /^kworker/\tby pid, by name, by regular expression",
	"ps -l\twho ran last, and how long ago",
	"ps -a 1\tits arguments and environment",
	"ps -S\thow many are in which state",
	NULL,
};

const struct command cmd_ps = {
	.name = "ps",
	.summary = "tasks: pid, parent, CPU, state, memory, name",
	.usage = "[PID|TASK|COMM|/REGEX/…]",
	.options = ps_options,
	.examples = ps_examples,
	.max_args = -1,
	.complete = "task",
	.rows = &ps_table,
	.run = ps_run,
};
