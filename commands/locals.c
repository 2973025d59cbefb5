/* locals: parameters and local variables of a task's frames. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column variable_columns[] = { { "text", .text_only = true },
	{ "name", .hidden = true }, { "type", .hidden = true }, { "parameter", .hidden = true },
	{ "state", .hidden = true }, { "address", .hidden = true }, { "value", .hidden = true },
	{ "why", .hidden = true }, { 0 } };
static const struct table variable_table = { .layout = LAYOUT_LINES, .columns = variable_columns };

static const struct column scope_columns[] = { { "number", .width = 3, .align = ALIGN_RIGHT,
						       .text_only = true },
	{ "location", .text_only = true }, { "note", .text_only = true }, { "n", .hidden = true },
	{ "pid", .hidden = true }, { "task", .hidden = true }, { "pc", .hidden = true },
	{ "exact", .hidden = true }, { "function", .hidden = true }, { "inlined", .hidden = true },
	{ "file", .hidden = true }, { "line", .hidden = true },
	{ "variables", .list = &variable_table }, { 0 } };
static const struct table scope_table = { .layout = LAYOUT_LINES, .columns = scope_columns };

static const struct option locals_options[] = {
	{ 'a', NULL, "of all frames; the argument is a task then" },
	{ 'x', NULL, "integers in hexadecimal" },
	{ 'D', "DEPTH", "structs within structs down to this depth (default 4)" },
	{ 'e', "COUNT", "at most so many elements of an array (default 32)" }, { 0 }
};

/* What the words ask for. */
struct locals_wanted {
	struct task task;
	bool all;
	uint64_t frame;
	struct value_style style;
};

static const char *state_name(const struct variable *v)
{
	static const char *const name[] = { [VARIABLE_PLACE] = "memory",
		[VARIABLE_BYTES] = "computed",
		[VARIABLE_ABSENT] = "optimised out",
		[VARIABLE_FAULT] = "fault",
		[VARIABLE_BAD] = "not understood" };
	return name[v->state];
}

static struct err *show_variable(
	struct cx *cx, const struct variable *v, const struct value_style *style)
{
	scoped_strbuf struct strbuf value = { 0 }, type = { 0 }, text = { 0 };
	const char *name = v->name ? v->name : "";
	struct err *err = variable_format(&cx->target->debug, v, style, &value);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	type_declare(v->type, NULL, &type);
	type_declare(v->type, name, &text);
	strbuf_addf(&text, " = %s", strbuf_text(&value));
	out_row(cx->out);
	out_block(cx->out, "text", strbuf_text(&text));
	out_str(cx->out, "name", name);
	out_str(cx->out, "type", strbuf_text(&type));
	out_bool(cx->out, "parameter", v->parameter);
	out_str(cx->out, "state", state_name(v));
	if (v->state == VARIABLE_PLACE)
		out_addr(cx->out, "address", v->va);
	if (v->state == VARIABLE_PLACE || v->state == VARIABLE_BYTES)
		out_block(cx->out, "value", strbuf_text(&value));
	else
		out_str(cx->out, "why", v->why);
	/* A value that is cut is shown as far as it goes. */
	if (err)
		out_complain(cx->out, err_wrap(err, "%s", name));
	return NULL;
}

/* The source has the scopes in the same order; it is shown where it is the same function. */
static void show_place(
	struct cx *cx, const struct variable_scope *s, const struct source_frame *source)
{
	scoped_strbuf struct strbuf note = { 0 };
	if (source && source->file) {
		out_str(cx->out, "file", source->file);
		out_int(cx->out, "line", source->line);
		strbuf_addf(&note, " %s:%d", source->file, source->line);
	}
	if (s->inlined)
		strbuf_add(&note, " (inlined)");
	if (note.len)
		out_str(cx->out, "note", strbuf_text(&note) + 1);
}

static void show_location(struct cx *cx, const struct frame *f, const struct variable_scope *s)
{
	scoped_strbuf struct strbuf location = { 0 };
	if (!s->inlined)
		symtab_format_from(cx->target->syms, f->lookup_pc, f->pc, &location);
	out_str(cx->out, "location",
		s->inlined && s->function ? s->function : strbuf_text(&location));
}

static struct err *show_scope(struct cx *cx, const struct locals_wanted *w, const struct frame *f,
	size_t n, const struct variable_scope *s, const struct source_frame *source)
{
	struct err *err = NULL;
	out_row(cx->out);
	if (!s->inlined)
		out_strf(cx->out, "number", "#%zu", n);
	out_uint(cx->out, "n", n);
	out_uint(cx->out, "pid", w->task.pid);
	out_addr(cx->out, "task", w->task.va);
	out_addr(cx->out, "pc", f->pc);
	out_bool(cx->out, "exact", f->exact);
	out_str(cx->out, "function", s->function);
	out_bool(cx->out, "inlined", s->inlined);
	show_location(cx, f, s);
	show_place(cx, s, source);
	out_list_begin(cx->out, "variables");
	for (size_t i = 0; !err && i < s->nvariables; i++)
		err = show_variable(cx, &s->variable[i], &w->style);
	out_list_end(cx->out);
	return err;
}

static struct err *show_frame(
	struct cx *cx, const struct locals_wanted *w, const struct trace *trace, size_t n)
{
	const struct frame *f = &trace->frame[n];
	struct source_frame source[SOURCE_FRAMES_MAX];
	struct variable_scope *scope;
	size_t nscopes;
	struct err *err = frame_variables(cx->target, trace, n, cx->arena, &scope, &nscopes);
	if (err)
		return err;
	size_t nsource = frame_source(cx->target, f, source);
	const struct variable_scope bare = { .function = NULL };
	if (!nscopes)
		err = show_scope(cx, w, f, n, &bare, NULL);
	for (size_t i = 0; !err && i < nscopes; i++)
		err = show_scope(cx, w, f, n, &scope[i], nsource == nscopes ? &source[i] : NULL);
	return err;
}

static struct err *show_frames(struct cx *cx, const struct locals_wanted *w, struct trace *trace)
{
	struct err *err = NULL;
	cfi_fill_registers(cx->target, &w->task, trace);
	out_table(cx->out, &scope_table);
	if (!w->all)
		return show_frame(cx, w, trace, w->frame);
	for (size_t i = 0; !err && i < trace->nframes; i++)
		err = show_frame(cx, w, trace, i);
	return err;
}

/* The task and its frames: of the words, else the selected ones. */
static struct err *find_frames(
	struct cx *cx, const struct args *a, struct locals_wanted *io, struct trace *ret)
{
	enum { FRAME_MAX = 1 << 20 };
	int task = io->all ? 0 : 1; /* which argument it is */
	size_t n;
	if (!args_count(a) && !io->all) {
		struct err *err = current_frame(cx, &io->task, ret, &n);
		io->frame = err ? 0 : n;
		return err;
	}
	struct err *err = io->all ? NULL : args_uint(a, 0, &io->frame);
	/* An address alone is a task's, as foreach gives it: no trace has so many frames. */
	if (!err && !io->all && args_count(a) == 1 && io->frame > FRAME_MAX) {
		io->frame = 0;
		task = 0;
	}
	if (!err)
		err = task < args_count(a) ? arg_task(cx, a, task, &io->task)
					   : current_task(cx, &io->task);
	if (!err)
		err = trace_task(cx->target, &io->task, cx->arena, ret);
	if (err)
		return err;
	if (!ret->nframes)
		return err_new(ERR_MISSING, "pid %u: there are no kernel frames: %s", io->task.pid,
			ret->end);
	if (!io->all && io->frame >= ret->nframes)
		return args_error(
			a, 0, "pid %u has frames 0 to %zu", io->task.pid, ret->nframes - 1);
	return NULL;
}

static struct err *read_style(const struct args *a, struct value_style *ret)
{
	enum { DEPTH = 4, ELEMENTS = 32 };
	uint64_t depth, elements;
	struct err *err = args_option_uint(a, 'D', DEPTH, &depth);
	if (!err)
		err = args_option_uint(a, 'e', ELEMENTS, &elements);
	if (err)
		return err;
	*ret = (struct value_style){
		.hex = args_flag(a, 'x'),
		.max_depth = depth < UINT32_MAX ? (unsigned)depth : UINT32_MAX,
		.max_elements = elements < UINT32_MAX ? (unsigned)elements : UINT32_MAX,
	};
	return NULL;
}

static struct err *locals_run(struct cx *cx, const struct args *a)
{
	struct locals_wanted w = { .all = args_flag(a, 'a') };
	struct trace trace;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = read_style(a, &w.style);
	if (!err)
		err = find_frames(cx, a, &w, &trace);
	return err ? err : show_frames(cx, &w, &trace);
}

static const char *const locals_examples[] = {
	"locals\tthe variables of the selected frame (frame, up, down), at first the innermost",
	"locals 3\tof frame 3, as bt numbers them",
	"locals 2 1\tof pid 1's frame 2",
	"locals -a 1\tof all frames of pid 1",
	"foreach UN locals 3\tof frame 3 of each task that cannot be woken",
	NULL,
};

const struct command cmd_locals = {
	.name = "locals",
	.summary = "parameters and local variables of a task's frames",
	.usage = "[FRAME] [PID|TASK]",
	.complete = "task",
	.details = "Values come from the registers and the memory that each frame still has; what "
		   "the compiler\n"
		   "or a later call has overwritten is <optimised out>. Inlined functions stand "
		   "before the one\n"
		   "that they are part of.",
	.options = locals_options,
	.examples = locals_examples,
	.max_args = 2,
	.run = locals_run,
};
