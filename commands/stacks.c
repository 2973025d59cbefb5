/* stacks: where all tasks stand, those with the same stack together; rows or a flame graph. */
#include <errno.h>
#include <string.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

/* In text the frames stand below PID. */
enum { FRAME_INDENT = 14, NOTE_INDENT = FRAME_INDENT + 3 };

static const struct column frame_columns[] = { { "indent", .width = FRAME_INDENT,
						       .text_only = true },
	{ "location", .text_only = true }, { "n", .hidden = true }, { "pc", .hidden = true },
	{ "symbol", .hidden = true }, { "offset", .hidden = true }, { "size", .hidden = true },
	{ "module", .hidden = true }, { "trust", .hidden = true }, { 0 } };
static const struct table frame_table = { .layout = LAYOUT_LINES, .columns = frame_columns };

static const struct column member_columns[] = { { "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" }, { "comm" }, { 0 } };
static const struct table member_table = { .layout = LAYOUT_LINES, .columns = member_columns };

#define GROUP_COLUMNS                                                                              \
	{ "count", .width = 7, .align = ALIGN_RIGHT }, { "state", .width = 5 },                    \
		{ "pid", .width = 7, .align = ALIGN_RIGHT },                                       \
		{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" },                \
		{ "comm", .title = "COMMAND", .hidden = true },                                    \
		{ "names", .title = "COMMAND", .text_only = true }, { "end", .hidden = true },     \
		{ "broken", .hidden = true }, { "frames", .list = &frame_table },                  \
	{                                                                                          \
		"note", .title = "", .text_only = true                                             \
	}

static const struct column group_columns[] = { GROUP_COLUMNS,
	{ "tasks", .list = &member_table, .hidden = true }, { 0 } };
static const struct table group_table = { .layout = LAYOUT_TABLE, .columns = group_columns };

static const struct column all_columns[] = { GROUP_COLUMNS,
	{ "tasks", .title = "tasks", .list = &member_table }, { 0 } };
static const struct table all_table = { .layout = LAYOUT_TABLE, .columns = all_columns };

static const struct column file_columns[] = { { "file" }, { "tasks" }, { "groups" }, { 0 } };
static const struct table file_table = { .layout = LAYOUT_RECORD, .columns = file_columns };

static const struct option stacks_options[] = {
	{ 'n', NULL, "alike by function, whatever the place in it" },
	{ 'r', NULL, "the rarest first" }, { 'a', NULL, "list each group's tasks" },
	{ 'c', "FUNC", "only stacks with this function (* and ? as in the shell)" },
	{ 'C', "FUNC", "only stacks without it" },
	{ 'm', "MODULE",
		"only stacks with a function of this module; \"kernel\" is the kernel itself" },
	{ 'M', "MODULE", "only stacks without one" },
	{ 't', "STATE",
		"only tasks in this state: R S D T t X Z P I, or RU IN UN ST TR DE ZO PA ID" },
	{ 'T', "STATE", "only tasks in other states" },
	{ 'g', "FILE", "draw a flame graph into FILE (SVG)", .word = "-flame" },
	{ 'F', NULL, "write over FILE if it exists" }, { 0 }
};

/* ---- what is asked for ------------------------------------------------------------------- */

struct wanted {
	struct task_select select;
	struct stack_filter filter;
};

static void wanted_deinit(struct wanted *w)
{
	task_select_deinit(&w->select);
	stack_filter_deinit(&w->filter);
}

#define ADD_ALL(a, letter, list)                                                                   \
	for (size_t option_i = 0; args_option_at(a, letter, option_i); option_i++)                 \
	vec_push(list, args_option_at(a, letter, option_i))

/* -t and -T: bits as task_select has them. */
static struct err *parse_states(const struct args *a, char letter, uint32_t *ret)
{
	struct task_select s = { 0 };
	const char *text;
	for (size_t i = 0; (text = args_option_at(a, letter, i)); i++) {
		uint32_t before = s.states;
		s.states = 0;
		if (!task_select_keyword(&s, text) || !s.states)
			return err_new(ERR_USAGE,
				"%s is no state: they are R S D T t X Z P I, "
				"or RU IN UN ST TR DE ZO PA ID",
				text);
		s.states |= before;
	}
	*ret = s.states;
	return NULL;
}

static struct err *parse_tasks(const struct args *a, struct task_select *s)
{
	struct err *err = NULL;
	for (int i = 0; !err && i < args_count(a); i++) {
		if (task_select_keyword(s, args_get(a, i)))
			continue;
		err = args_point(a, i, 0, task_select_add(s, args_get(a, i)));
	}
	return err;
}

static struct err *parse(const struct args *a, struct wanted *w)
{
	enum { STATES_ALL = 0x1ff, STATES_NONE = 0x200 };
	uint32_t states, others;
	ADD_ALL(a, 'c', &w->filter.functions);
	ADD_ALL(a, 'C', &w->filter.not_functions);
	ADD_ALL(a, 'm', &w->filter.modules);
	ADD_ALL(a, 'M', &w->filter.not_modules);
	struct err *err = parse_tasks(a, &w->select);
	if (!err)
		err = parse_states(a, 't', &states);
	if (!err)
		err = parse_states(a, 'T', &others);
	if (err)
		return err;
	w->select.states |= states;
	if (others) {
		uint32_t of = w->select.states ? w->select.states : STATES_ALL;
		w->select.states = of & ~others ? of & ~others : STATES_NONE;
	}
	return NULL;
}

/* What is wrong with one task is said, and the next follows. */
static struct err *collect(struct cx *cx, struct wanted *w, struct stack_groups *g)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, cx->target);
	struct progress progress;
	uint64_t total = 0, done = 0;
	(void)target_try_variable(cx->target, "nr_threads", &total); /* 0: not known */
	progress_begin(&progress, "stacks", PROGRESS_THINGS, total);
	while (!err && more) {
		progress_step(&progress, done++);
		struct task task;
		bool wanted = false;
		err = task_iter_next(&it, &task, &more);
		if (!err && more)
			err = task_select_wants(&w->select, cx->target, &task, &wanted);
		if (!err && wanted)
			err = stack_groups_add(g, &task, &w->filter);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	progress_end(&progress);
	return err;
}

/* ---- rows -------------------------------------------------------------------------------- */

static void show_frame(struct cx *cx, const struct frame *f, unsigned n, bool by_function)
{
	const struct symtab *syms = cx->target->syms;
	struct symbol sym;
	scoped_strbuf struct strbuf location = { 0 };
	bool known = symtab_at(syms, f->lookup_pc, &sym);
	out_row(cx->out);
	out_uint(cx->out, "n", n);
	out_str(cx->out, "trust", frame_trust_name(f->trust));
	if (known && by_function)
		strbuf_addf(&location, sym.module ? "%s [%s]" : "%s", sym.name, sym.module);
	else if (known)
		symtab_format_from(syms, f->lookup_pc, f->pc, &location);
	else
		strbuf_addf(&location, "0x%llx", (unsigned long long)f->pc);
	if (f->trust != TRUST_SURE)
		strbuf_addf(&location, " (%s)", frame_trust_name(f->trust));
	out_str(cx->out, "location", strbuf_text(&location));
	if (!by_function)
		out_addr(cx->out, "pc", f->pc);
	if (!known)
		return;
	out_str(cx->out, "symbol", sym.name);
	out_str(cx->out, "module", sym.module);
	out_hex(cx->out, "size", sym.size);
	if (!by_function)
		out_hex(cx->out, "offset", f->pc - sym.va);
}

static void show_frames(struct cx *cx, const struct stack_group *g, bool by_function)
{
	const struct trace *trace = &g->trace;
	out_list_begin(cx->out, "frames");
	for (size_t i = 0; i < trace->nframes; i++)
		show_frame(cx, &trace->frame[i], (unsigned)i, by_function);
	out_list_end(cx->out);
	scoped_strbuf struct strbuf note = { 0 };
	strbuf_addf(&note, "%*s(%s%s)", NOTE_INDENT, "",
		trace->broken ? "the chain breaks off: " : "", trace->end);
	if (!trace->nframes || trace->broken)
		out_block(cx->out, "note", strbuf_text(&note));
}

static void show_members(struct cx *cx, const struct stack_group *g)
{
	out_list_begin(cx->out, "tasks");
	for (size_t i = 0; i < g->members.n; i++) {
		const struct stack_member *m = &g->members.v[i];
		out_row(cx->out);
		out_uint(cx->out, "pid", m->pid);
		out_addr(cx->out, "task", m->task_va);
		out_str(cx->out, "comm", m->comm);
	}
	out_list_end(cx->out);
}

static void show_group(struct cx *cx, const struct stack_group *g, bool by_function)
{
	const struct stack_member *first = &g->members.v[0];
	bool others = false;
	for (size_t i = 1; i < g->members.n && !others; i++)
		others = strcmp(g->members.v[i].comm, first->comm) != 0;
	out_row(cx->out);
	out_uint(cx->out, "count", g->members.n);
	out_str(cx->out, "state", g->state);
	out_uint(cx->out, "pid", first->pid);
	out_addr(cx->out, "task", first->task_va);
	out_str(cx->out, "comm", first->comm);
	out_strf(cx->out, "names", "%s%s", first->comm, others ? ", …" : "");
	out_str(cx->out, "end", g->trace.end);
	out_bool(cx->out, "broken", g->trace.broken);
	show_frames(cx, g, by_function);
	show_members(cx, g);
}

static struct err *show_groups(struct cx *cx, const struct args *a, const struct stack_groups *g)
{
	struct err *err = NULL;
	out_table(cx->out, args_flag(a, 'a') ? &all_table : &group_table);
	for (size_t i = 0; !err && i < g->group.n; i++) {
		show_group(cx, g->group.v[i], g->likeness == STACKS_BY_FUNCTION);
		err = interrupt_check();
	}
	return err;
}

/* ---- the flame graph --------------------------------------------------------------------- */

static void flame_add_group(struct cx *cx, struct flame *f, const struct stack_group *g)
{
	const struct trace *trace = &g->trace;
	size_t n = trace->nframes ? trace->nframes : 1;
	struct flame_name *name = arena_alloc(cx->arena, n * sizeof(*name));
	name[0].name = trace->end;
	for (size_t i = 0; i < trace->nframes; i++) {
		struct flame_name *at = &name[n - 1 - i];
		const struct frame *frame = &trace->frame[i];
		struct symbol sym;
		if (symtab_at(cx->target->syms, frame->lookup_pc, &sym))
			*at = (struct flame_name){ sym.name, sym.module };
		else
			at->name = arena_printf(cx->arena, "0x%llx", (unsigned long long)frame->pc);
	}
	flame_add(f, name, n, g->members.n);
}

static struct err *draw(struct cx *cx, const struct args *a, const struct stack_groups *g)
{
	const char *path = args_option(a, 'g');
	scoped_strbuf struct strbuf text = { 0 };
	char *title = arena_printf(cx->arena, "Kernel stacks of %zu tasks", g->ntasks);
	struct flame *f = flame_create(title, "tasks");
	for (size_t i = 0; i < g->group.n; i++)
		flame_add_group(cx, f, g->group.v[i]);
	flame_draw(f, &text);
	flame_destroy(f);
	struct err *err = whole_file_write(path, args_flag(a, 'F'), &text);
	if (err)
		return err;
	out_table(cx->out, &file_table);
	out_row(cx->out);
	out_str(cx->out, "file", path);
	out_uint(cx->out, "tasks", g->ntasks);
	out_uint(cx->out, "groups", g->group.n);
	return NULL;
}

/* ---- the command ------------------------------------------------------------------------- */

static struct err *stacks_run(struct cx *cx, const struct args *a)
{
	__attribute__((cleanup(wanted_deinit))) struct wanted w = { 0 };
	scoped_stack_groups struct stack_groups g;
	const char *unmet;
	stack_groups_init(&g, cx->target, args_flag(a, 'n') ? STACKS_BY_FUNCTION : STACKS_BY_PLACE);
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = parse(a, &w);
	if (!err)
		err = collect(cx, &w, &g);
	if (err)
		return err;
	for (size_t i = 0; (unmet = task_select_unmet(&w.select, &i));)
		out_complain(cx->out, err_new(ERR_NOT_FOUND, "no task is %s", unmet));
	stack_groups_sort(&g, args_flag(a, 'r'));
	return args_option(a, 'g') ? draw(cx, a, &g) : show_groups(cx, a, &g);
}

static const char *const stacks_examples[] = {
	"stacks\tall tasks, the largest group first",
	"stacks -r\tthe rarest first: what is not like the others",
	"stacks -t D\tthose in uninterruptible sleep",
	"stacks -c '*mutex_lock*' -n\tthose that wait for a mutex, by function",
	"stacks -m virtio_net\tthose in a module",
	"stacks --flame tasks.svg\tdraw them",
	NULL,
};

const struct command cmd_stacks = {
	.name = "stacks",
	.summary = "all kernel stacks, those that are alike counted together",
	.usage = "[PID|TASK|COMM|/REGEX/|kernel|user|active|gleader|STATE…]",
	.details = "Tasks are in one group when their stacks have the same frames and they are in "
		   "the same "
		   "state. TASK and PID are the group's first. -c, -C, -m, -M, -t and -T may be "
		   "given several "
		   "times: any of -c will do, none of -C may be there.",
	.options = stacks_options,
	.examples = stacks_examples,
	.max_args = -1,
	.run = stacks_run,
};
