/* stackcheck: stacks that ran over or are damaged, and how full all of them have ever been. */
#include <string.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column check_columns[] = { { "used", .title = "USED", .width = 6,
						       .align = ALIGN_RIGHT },
	{ "size", .width = 6, .align = ALIGN_RIGHT },
	{ "percent", .title = "%", .width = 3, .align = ALIGN_RIGHT },
	{ "now", .title = "NOW", .width = 6, .align = ALIGN_RIGHT },
	{ "stack", .width = WIDTH_ADDRESS }, { "kind", .width = 8 }, { "cpu", .hidden = true },
	{ "pid", .width = 7, .align = ALIGN_RIGHT }, { "comm", .title = "COMMAND", .width = 15 },
	{ "finding" }, { "task", .hidden = true, .object = "struct task_struct" },
	{ "end", .hidden = true }, { "end_word", .hidden = true }, { "sp", .hidden = true },
	{ "canary", .hidden = true }, { "guard", .hidden = true }, { "copies", .hidden = true },
	{ "fill", .hidden = true }, { "unknown", .hidden = true },
	{ "canary_frames", .hidden = true }, { "canaries_checked", .hidden = true },
	{ "canaries_damaged", .hidden = true }, { "frame", .hidden = true },
	{ "function", .hidden = true }, { "slot", .hidden = true }, { "found", .hidden = true },
	{ "variable", .hidden = true }, { 0 } };
static const struct table check_table = { .layout = LAYOUT_TABLE, .columns = check_columns };

static const struct option stackcheck_options[] = {
	{ 'a', NULL, "all stacks; else those with findings and the ten that were filled most" },
	{ 'd', NULL, "only those with findings" }, { 0 }
};

/* ---- findings in words ------------------------------------------------------------------- */

static void add(struct strbuf *out, const char *text)
{
	strbuf_addf(out, "%s%s", out->len ? "; " : "", text);
}

static void describe_end(const struct stack_check *c, struct strbuf *out)
{
	add(out, "");
	strbuf_addf(out, "its end 0x%llx holds 0x%llx instead of 0x%llx",
		(unsigned long long)c->end_va, (unsigned long long)c->end_word,
		(unsigned long long)c->end_magic);
}

static void describe_overflow(const struct stack_check *c, struct strbuf *out)
{
	add(out, "ran over");
	if (c->sp_known && c->sp < c->stack.lo)
		strbuf_addf(out, ": sp 0x%llx is %llu bytes below it", (unsigned long long)c->sp,
			(unsigned long long)(c->stack.lo - c->sp));
	else
		strbuf_add(out, ": its CPU has moved to the overflow stack");
}

static void describe_protector(struct cx *cx, const struct stack_check *c, struct strbuf *out)
{
	add(out, "a canary was overwritten");
	if (c->fail_pc)
		strbuf_add(out, ", as found by ");
	if (c->fail_pc && !symtab_format(cx->target->syms, c->fail_pc, false, out))
		strbuf_addf(out, "0x%llx", (unsigned long long)c->fail_pc);
}

/* The word's bytes as they stand in memory, where they are text; a 0 may end it. */
static void describe_text(struct cx *cx, uint64_t word, struct strbuf *out)
{
	unsigned n = cx->target->abi.word_bytes, length = 0;
	char text[9] = "";
	for (unsigned i = 0; i < n; i++)
		text[i] = (char)(word >> 8 * (cx->target->abi.big_endian ? n - 1 - i : i));
	while (length < n && text[length] >= ' ' && text[length] <= '~')
		length++;
	for (unsigned i = length; i < n; i++)
		if (text[i])
			return;
	if (length >= n / 2)
		strbuf_addf(out, " (\"%.*s\")", (int)length, text);
}

static void add_function(struct cx *cx, uint64_t pc, struct strbuf *out)
{
	struct symbol sym;
	if (symtab_at(cx->target->syms, pc, &sym))
		strbuf_add(out, sym.name);
	else
		strbuf_addf(out, "0x%llx", (unsigned long long)pc);
}

static void describe_canary(struct cx *cx, const struct stack_check *c, struct strbuf *out)
{
	const struct canary_found *f = &c->canaries.found;
	add(out, "frame ");
	strbuf_addf(out, "#%u: ", f->frame);
	add_function(cx, f->lookup_pc, out);
	strbuf_addf(out, "'s canary at 0x%llx is 0x%llx", (unsigned long long)f->slot_va,
		(unsigned long long)f->found);
	describe_text(cx, f->found, out);
	strbuf_addf(out, " instead of 0x%llx", (unsigned long long)c->guard);
	if (c->neighbour.name[0])
		strbuf_addf(out, "; below it ends its variable %s (%llu bytes at 0x%llx)",
			c->neighbour.name, (unsigned long long)c->neighbour.bytes,
			(unsigned long long)c->neighbour.va);
	if (c->canaries.damaged > 1)
		strbuf_addf(out, "; so are those of %u more frames", c->canaries.damaged - 1);
}

static void describe_odd(const struct stack_check *c, struct strbuf *out)
{
	add(out, "");
	if (c->canaries.damaged)
		strbuf_addf(out, "all %u frames have canary 0x%llx, the task has 0x%llx",
			c->canaries.damaged, (unsigned long long)c->canaries.found.found,
			(unsigned long long)c->guard);
	else
		strbuf_addf(out, "canary 0x%llx is not a canary of this task (0x%llx)",
			(unsigned long long)c->guard, (unsigned long long)c->canary);
}

static void describe(struct cx *cx, const struct stack_check *c, struct strbuf *out)
{
	if (c->findings & STACK_OVERFLOWED)
		describe_overflow(c, out);
	if (c->findings & STACK_OVERFLOW_USED)
		add(out, "has been used: some stack ran over on this CPU");
	if (c->findings & STACK_END_LOST)
		describe_end(c, out);
	if (c->findings & STACK_INFO_LOST) {
		add(out, "");
		strbuf_addf(out, "thread_info.task at its base is 0x%llx",
			(unsigned long long)c->info_task);
	}
	if (c->findings & STACK_PROTECTOR_FIRED)
		describe_protector(cx, c, out);
	if (c->findings & STACK_CANARY_LOST)
		describe_canary(cx, c, out);
	if (c->findings & STACK_CANARY_ODD)
		describe_odd(c, out);
	if (c->findings & STACK_POINTER_LOST) {
		add(out, "");
		strbuf_addf(out, "the saved sp 0x%llx is not on it", (unsigned long long)c->sp);
	}
}

/* ---- rows -------------------------------------------------------------------------------- */

static void show_owner(struct cx *cx, const struct stack_check *c)
{
	if (!c->task.va) {
		out_uint(cx->out, "cpu", c->cpu);
		out_strf(cx->out, "comm", "CPU %u", c->cpu);
		return;
	}
	out_uint(cx->out, "pid", c->task.pid);
	out_addr(cx->out, "task", c->task.va);
	out_str_n(cx->out, "comm", c->task.comm, (size_t)task_comm_length(&c->task));
}

static void show_details(struct cx *cx, const struct stack_check *c)
{
	if (c->has_end)
		out_addr(cx->out, "end", c->end_va);
	if (c->end_known)
		out_hex(cx->out, "end_word", c->end_word);
	if (c->sp_known)
		out_addr(cx->out, "sp", c->sp);
	if (c->canary_known) {
		out_hex(cx->out, "canary", c->canary);
		out_hex(cx->out, "guard", c->guard);
	}
	if (c->canary_known && c->sp_known)
		out_uint(cx->out, "copies", c->copies);
	if (c->used_known)
		out_hex(cx->out, "fill", c->fill);
}

static void show_frames(struct cx *cx, const struct stack_check *c)
{
	const struct canary_counts *n = &c->canaries;
	scoped_strbuf struct strbuf name = { 0 };
	if (!c->frames_known)
		return;
	out_uint(cx->out, "canary_frames", n->frames);
	out_uint(cx->out, "canaries_checked", n->checked);
	out_uint(cx->out, "canaries_damaged", n->damaged);
	if (!n->damaged)
		return;
	add_function(cx, n->found.lookup_pc, &name);
	out_uint(cx->out, "frame", n->found.frame);
	out_str(cx->out, "function", strbuf_text(&name));
	out_addr(cx->out, "slot", n->found.slot_va);
	out_hex(cx->out, "found", n->found.found);
	out_str(cx->out, "variable", c->neighbour.name[0] ? c->neighbour.name : NULL);
}

static void show(struct cx *cx, const struct stack_check *c)
{
	uint64_t size = c->stack.hi - c->stack.lo;
	scoped_strbuf struct strbuf finding = { 0 };
	out_row(cx->out);
	out_uint(cx->out, "size", size);
	out_addr(cx->out, "stack", c->stack.lo);
	out_str(cx->out, "kind", c->stack.name);
	if (c->used_known) {
		out_uint(cx->out, "used", c->used_bytes);
		out_uint(cx->out, "percent", c->used_bytes * 100 / size);
	}
	out_str(cx->out, "unknown", c->used_why);
	if (c->sp_known && c->sp >= c->stack.lo && c->sp <= c->stack.hi)
		out_uint(cx->out, "now", c->shadow ? c->sp - c->stack.lo : c->stack.hi - c->sp);
	show_owner(cx, c);
	show_details(cx, c);
	show_frames(cx, c);
	describe(cx, c, &finding);
	if (c->findings)
		out_str(cx->out, "finding", strbuf_text(&finding));
}

/* ---- the command ------------------------------------------------------------------------- */

struct checks {
	VEC(struct stack_check) v;
	struct arena scratch;
	struct canaries *canaries;
};

static void checks_deinit(struct checks *c)
{
	vec_deinit(&c->v);
	arena_deinit(&c->scratch);
	canaries_destroy(c->canaries);
}

static struct err *check_task(struct cx *cx, const struct task *task, struct checks *checks)
{
	struct stack_check c;
	arena_reset(&checks->scratch);
	struct err *err = stack_check_task(cx->target, task, &checks->scratch, &c);
	if (!err && checks->canaries)
		err = stack_check_frames(checks->canaries, cx->target, &checks->scratch, &c);
	if (err)
		return err;
	vec_push(&checks->v, c);
	arena_reset(&checks->scratch);
	if (stack_check_shadow(cx->target, task, &checks->scratch, &c))
		vec_push(&checks->v, c);
	return NULL;
}

static struct err *check_tasks(struct cx *cx, struct task_select *s, struct checks *checks)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, cx->target);
	while (!err && more) {
		struct task task;
		bool wanted = false;
		err = task_iter_next(&it, &task, &more);
		if (!err && more)
			err = task_select_wants(s, cx->target, &task, &wanted);
		if (!err && wanted && task.stack) /* a dead task's has been freed */
			err = check_task(cx, &task, checks);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
		if (!err)
			err = interrupt_check();
	}
	return err;
}

static struct err *check_cpus(struct cx *cx, struct checks *checks)
{
	struct cpu_mask cpus;
	struct stack_check c;
	struct err *err = cpu_mask_read(cx->target, CPUS_POSSIBLE, &cpus);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		arena_reset(&checks->scratch);
		for (unsigned i = 1; stack_check_cpu(cx->target, cpu, i, &checks->scratch, &c); i++)
			if (c.stack.lo != c.stack.hi)
				vec_push(&checks->v, c);
		for (unsigned i = 0;
			stack_check_cpu_shadow(cx->target, cpu, i, &checks->scratch, &c); i++)
			if (c.stack.lo != c.stack.hi)
				vec_push(&checks->v, c);
		err = interrupt_check();
	}
	return err;
}

static struct err *parse(const struct args *a, struct task_select *s)
{
	struct err *err = NULL;
	for (int i = 0; !err && i < args_count(a); i++) {
		if (task_select_keyword(s, args_get(a, i)))
			continue;
		err = args_point(a, i, 0, task_select_add(s, args_get(a, i)));
	}
	return err;
}

static struct err *stackcheck_run(struct cx *cx, const struct args *a)
{
	enum { FULLEST = 10 };
	scoped_task_select struct task_select select = { 0 };
	__attribute__((cleanup(checks_deinit))) struct checks checks = { 0 };
	size_t fullest = args_flag(a, 'd') ? 0 : args_flag(a, 'a') ? SIZE_MAX : FULLEST;
	const char *unmet;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		checks.canaries = canaries_create(cx->target);
	if (!err)
		err = parse(a, &select);
	if (!err)
		err = check_tasks(cx, &select, &checks);
	if (!err && !args_count(a))
		err = check_cpus(cx, &checks);
	if (err)
		return err;
	for (size_t i = 0; (unmet = task_select_unmet(&select, &i));)
		out_complain(cx->out, err_new(ERR_NOT_FOUND, "no task is %s", unmet));
	stack_checks_settle(checks.v.v, checks.v.n);
	out_table(cx->out, &check_table);
	for (size_t i = 0; i < checks.v.n; i++) {
		const struct stack_check *c = &checks.v.v[i];
		if (!c->findings && !args_count(a) && !fullest--)
			break;
		show(cx, c);
	}
	return NULL;
}

static const char *const stackcheck_examples[] = {
	"stackcheck\tdamaged stacks, and the ten that were filled most",
	"stackcheck -d\tthe damaged ones only: nothing is good news",
	"stackcheck 1\tpid 1's",
	NULL,
};

const struct command cmd_stackcheck = {
	.name = "stackcheck",
	.summary = "stacks that ran over or are damaged, and how full they have been",
	.usage = "[PID|TASK|COMM|/REGEX/|kernel|user|active|gleader|STATE…]",
	.details = "USED is the deepest use ever: from where a stack begins to the last word that "
		   "a new one would not "
		   "hold. It is empty where that cannot be known, because the kernel does not "
		   "clear its stacks or "
		   "memory is missing. NOW is the use at the end. Findings: a stack pointer below "
		   "the stack, another "
		   "word than 0x57ac6e9d at its end, a thread_info at its base that is not the "
		   "task's, a canary that "
		   "was overwritten or is none, a used overflow stack. Each frame of a backtrace "
		   "whose function keeps "
		   "a canary is looked at: where in the frame it stands, the function's "
		   "instructions say, and where "
		   "they do not say it for certain nothing is told (--json: canary_frames, "
		   "canaries_checked). Shadow "
		   "call stacks, of kernels that have them, are of the kind \"shadow\"; theirs "
		   "ends with "
		   "0xdead0000000005f6.",
	.options = stackcheck_options,
	.examples = stackcheck_examples,
	.max_args = -1,
	.run = stackcheck_run,
};
