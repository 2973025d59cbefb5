/*
 * Reads the return addresses that -fsanitize=shadow-call-stack keeps. Knows where the kernel has
 * its shadow stacks; what a frame is, it is told. Nothing on a shadow stack says which frame an
 * entry belongs to: only the order tells.
 */
#include "analyzer/stack/shadow_stack.h"

#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/percpu.h"

/* arch/arm64/include/asm/thread_info.h, v5.8 to v7.2: both with CONFIG_SHADOW_CALL_STACK only. */
struct shadow_view {
	uint64_t base, sp;
};
enum { SHADOW_BASE, SHADOW_SP };
static const struct view_field shadow_fields[] = {
	[SHADOW_BASE] = FIELD_OPTIONAL(struct shadow_view, base, "thread_info.scs_base"),
	[SHADOW_SP] = FIELD_OPTIONAL(struct shadow_view, sp, "thread_info.scs_sp"),
};
static const struct view_spec shadow_spec = {
	.type = "task_struct",
	.hint = "init/main.c",
	.fields = shadow_fields,
	.nfields = ARRAY_SIZE(shadow_fields),
};

static bool read_task(struct target *t, const struct task *task, struct shadow_view *ret)
{
	const struct view *view;
	scoped_err struct err *err = target_view(t, &shadow_spec, &view);
	return !err && view_has(view, SHADOW_BASE) && view_has(view, SHADOW_SP) &&
	       view_try_read(view, t->kernel, task->va, ret) && ret->base;
}

/* include/linux/scs.h: SCS_SIZE is 1 KiB while CPUs' shadow stacks are arrays (v5.8 to v5.10), then
 * a page. */
static uint64_t stack_bytes(const struct target *t)
{
	return target_has_symbol(t, "irq_shadow_call_stack")
		       ? 1024
		       : 1ull << vspace_facts(t->kernel)->layout.paging.page_shift;
}

static bool holds(const struct target *t, uint64_t base, uint64_t sp, struct shadow_stack *ret)
{
	uint64_t bytes = stack_bytes(t);
	if (!base || base % 8 || sp % 8 || sp < base || sp - base >= bytes)
		return false;
	*ret = (struct shadow_stack){ .lo = base, .hi = base + bytes, .sp = sp };
	return true;
}

/* arch/arm64/kernel/irq.c, sdei.c, v5.11 to v7.2: per-CPU pointers to the base; scs.c, v5.8 to
 * v5.10: the stacks themselves. */
static const struct {
	const char *symbol;
	bool is_pointer;
} of_cpu[] = {
	{ "irq_shadow_call_stack_ptr", true },
	{ "sdei_shadow_call_stack_normal_ptr", true },
	{ "sdei_shadow_call_stack_critical_ptr", true },
	{ "irq_shadow_call_stack", false },
	{ "sdei_shadow_call_stack_normal", false },
	{ "sdei_shadow_call_stack_critical", false },
};

static bool base_on_cpu(struct target *t, unsigned cpu, size_t i, uint64_t *ret)
{
	uint64_t va;
	if (!target_has_symbol(t, of_cpu[i].symbol))
		return false;
	scoped_err struct err *err = percpu_symbol(t, of_cpu[i].symbol, cpu, &va);
	if (err || (of_cpu[i].is_pointer && !vspace_try_word(t->kernel, va, &va)))
		return false;
	*ret = va;
	return true;
}

static bool find_on_cpu(struct target *t, unsigned cpu, uint64_t sp, struct shadow_stack *ret)
{
	uint64_t va;
	for (size_t i = 0; i < ARRAY_SIZE(of_cpu); i++)
		if (base_on_cpu(t, cpu, i, &va) && holds(t, va, sp, ret))
			return true;
	return false;
}

bool shadow_stack_of_task(struct target *t, const struct task *task, struct shadow_stack *ret)
{
	struct shadow_view own;
	if (!read_task(t, task, &own) || !holds(t, own.base, own.base, ret))
		return false;
	ret->sp = own.sp;
	return true;
}

bool shadow_stack_of_cpu(
	struct target *t, unsigned cpu, unsigned i, struct shadow_stack *ret, bool *ret_ends)
{
	uint64_t va;
	if (i >= ARRAY_SIZE(of_cpu))
		return false;
	*ret = (struct shadow_stack){ 0 };
	*ret_ends = of_cpu[i].is_pointer;
	if (base_on_cpu(t, cpu, i, &va))
		holds(t, va, va, ret);
	return true;
}

bool shadow_stack_find(
	struct target *t, const struct task *task, uint64_t sp, struct shadow_stack *ret)
{
	struct shadow_view own;
	struct cpu_mask cpus;
	if (!read_task(t, task, &own))
		return false;
	if (holds(t, own.base, sp, ret))
		return true;
	scoped_err struct err *err = cpu_mask_read(t, CPUS_POSSIBLE, &cpus);
	if (err)
		return false;
	for (unsigned cpu = 0; (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++)
		if (find_on_cpu(t, cpu, sp, ret))
			return true;
	return false;
}

/* ---- entries ----------------------------------------------------------------------------- */

struct entries {
	uint64_t *pc; /* the outermost first; the arena's */
	size_t n;
};

static bool read_entries(
	struct target *t, const struct shadow_stack *s, struct arena *a, struct entries *ret)
{
	size_t bytes = s->sp - s->lo;
	uint8_t *raw = arena_alloc(a, bytes + 8);
	if (bytes && vspace_try_read(t->kernel, s->lo, raw, bytes, NULL) != FAULT_NONE)
		return false;
	ret->n = bytes / 8;
	ret->pc = arena_alloc(a, bytes + 8);
	for (size_t i = 0; i < ret->n; i++)
		ret->pc[i] = t->arch->strip(
			&vspace_facts(t->kernel)->layout, get_u64(&t->abi, raw + 8 * i));
	return true;
}

static bool call_before(struct target *t, uint64_t pc)
{
	uint8_t code[4];
	uint64_t callee;
	return pc >= 4 &&
	       vspace_try_read(t->kernel, pc - 4, code, sizeof(code), NULL) == FAULT_NONE &&
	       t->arch->is_call(code, pc, &callee);
}

/* ---- the comparison ---------------------------------------------------------------------- */

/*
 * Frames [first, end) came out of the chain where entries [from, to) stand. Assembler code has
 * frames without entries, and a function that a tracer watches has the tracer's address for an
 * entry; so only as many of one as of the other, all of them behind calls, are a contradiction.
 */
static void accuse(struct target *t, const struct entries *e, size_t from, size_t to,
	struct trace *io, size_t first, size_t end)
{
	if (first >= end || to - from != end - first)
		return;
	for (size_t i = from; i < to; i++)
		if (!call_before(t, e->pc[i]))
			return;
	for (size_t i = first; i < end; i++) {
		io->frame[i].trust = TRUST_GUESS;
		io->frame[i].note = "the shadow call stack has another return address";
	}
}

/* Goes through the frames from @first, where @e is the shadow stack, to the next exception or the
 * end; *ret_left: how many entries lie beyond them. Returns the frame where it stopped. */
static size_t compare(
	struct target *t, const struct entries *e, struct trace *io, size_t first, size_t *ret_left)
{
	size_t left = e->n, unmatched = first + 1, i = first + 1;
	for (; i < io->nframes && !io->frame[i].exact; i++) {
		size_t k = left;
		while (k && e->pc[k - 1] != io->frame[i].pc)
			k--;
		if (!k)
			continue;
		accuse(t, e, k, left, io, unmatched, i);
		left = k - 1;
		unmatched = i + 1;
	}
	if (i == io->nframes && !io->broken)
		accuse(t, e, 0, left, io, unmatched, i);
	*ret_left = left;
	return i;
}

/* The kernel's shadow stacks are zero where nothing was pushed yet (include/linux/scs.h, GFP_SCS).
 */
static void go_on(
	struct target *t, const struct entries *e, size_t left, struct arena *a, struct trace *io)
{
	struct frame *more = arena_alloc(a, (io->nframes + left) * sizeof(*more));
	struct symbol sym;
	memcpy(more, io->frame, io->nframes * sizeof(*more));
	io->frame = more;
	for (; left && e->pc[left - 1] && symtab_at(t->syms, e->pc[left - 1] - 1, &sym); left--) {
		uint64_t pc = e->pc[left - 1];
		struct frame f = { .pc = pc,
			.lookup_pc = pc - 1,
			.how = HOW_SCS,
			.trust = call_before(t, pc) ? TRUST_LIKELY : TRUST_GUESS,
			.note = "by the shadow call stack" };
		regs_set(&f.regs, t->arch->reg_pc, pc);
		io->frame[io->nframes++] = f;
	}
}

/* Where the shadow stack pointer was while this frame's code ran: in its register, which
 * CONFIG_SHADOW_CALL_STACK reserves (arch/arm64/Makefile, -ffixed-x18), or with a switched-out
 * task. */
static bool pointer_of(
	struct target *t, const struct task *task, const struct frame *f, uint64_t *ret)
{
	struct shadow_view own;
	if (!f->exact) {
		if (!read_task(t, task, &own))
			return false;
		*ret = own.sp;
		return true;
	}
	for (unsigned i = 0; i < t->arch->nregs; i++)
		if (!strcmp(t->arch->reg_name[i], "x18") && regs_has(&f->regs, i)) {
			*ret = f->regs.v[i];
			return true;
		}
	return false;
}

struct err *shadow_stack_apply(
	struct target *t, const struct task *task, struct arena *a, struct trace *io)
{
	struct shadow_view own;
	size_t next, left = 0;
	if (!io->nframes || !read_task(t, task, &own))
		return NULL;
	for (size_t i = 0; i < io->nframes; i = next) {
		struct entries e = { 0 };
		struct shadow_stack s;
		uint64_t sp;
		struct err *err = interrupt_check();
		if (err)
			return err;
		bool known = pointer_of(t, task, &io->frame[i], &sp) &&
			     shadow_stack_find(t, task, sp, &s) && read_entries(t, &s, a, &e);
		next = i + 1;
		if (known)
			next = compare(t, &e, io, i, &left);
		else
			while (next < io->nframes && !io->frame[next].exact)
				next++;
		if (known && next == io->nframes && io->broken) {
			go_on(t, &e, left, a, io);
			break;
		}
	}
	return NULL;
}
