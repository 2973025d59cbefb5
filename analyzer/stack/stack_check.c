/* Reads stacks as memory, not as frames. Knows what fork() and the compiler leave in them. */
#include "analyzer/stack/stack_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/stack/trace.h"

struct canary_view {
	uint64_t canary;
	uint64_t info_va;
};
enum { CANARY_VALUE, CANARY_INFO };
static const struct view_field canary_fields[] = {
	[CANARY_VALUE] = FIELD_OPTIONAL(struct canary_view, canary, "stack_canary"),
	/* CONFIG_THREAD_INFO_IN_TASK: then nothing but the magic stands at the stack's end. */
	[CANARY_INFO] = FIELD_ADDRESS_OPTIONAL(struct canary_view, info_va, "thread_info"),
};
static const struct view_spec canary_spec = {
	.type = "task_struct",
	.hint = "init/main.c",
	.fields = canary_fields,
	.nfields = ARRAY_SIZE(canary_fields),
};

/* ARM up to v5.15 has it at the stack's base (arch/arm/include/asm/thread_info.h). */
struct base_info {
	uint64_t task, canary;
};
enum { BASE_TASK, BASE_CANARY };
static const struct view_field base_fields[] = {
	[BASE_TASK] = FIELD_OPTIONAL(struct base_info, task, "task"),
	[BASE_CANARY] = FIELD_OPTIONAL(struct base_info, canary, "stack_canary"),
};
static const struct view_spec base_spec = {
	.type = "thread_info",
	.hint = "init/main.c",
	.fields = base_fields,
	.nfields = ARRAY_SIZE(base_fields),
};

static uint64_t word_at(const struct target *t, const uint8_t *memory, uint64_t offset)
{
	return get_word(&t->abi, memory + offset);
}

/* ---- the end ----------------------------------------------------------------------------- */

/* include/linux/sched/task_stack.h end_of_stack(): at the base, or just above a thread_info there.
 * kernel/fork.c set_task_stack_end_magic(): an unsigned long, for every task in every
 * configuration. */
static void check_end(struct target *t, bool info_in_task, struct stack_check *c)
{
	const struct view *view;
	struct base_info info = { 0 };
	c->has_end = true;
	c->end_va = c->stack.lo;
	c->end_magic = STACK_END_MAGIC;
	if (!info_in_task) {
		scoped_err struct err *err = target_view(t, &base_spec, &view);
		if (err)
			return;
		c->end_va += view_size(view);
		if (view_has(view, BASE_TASK) &&
			view_try_read(view, t->kernel, c->stack.lo, &info) &&
			info.task != c->task.va) {
			c->findings |= STACK_INFO_LOST;
			c->info_task = info.task;
		}
		/* CONFIG_STACKPROTECTOR_PER_TASK: functions take it from there. */
		if (view_has(view, BASE_CANARY) && c->canary_known) {
			c->guard = info.canary;
			c->findings |= info.canary != c->canary ? STACK_CANARY_ODD : 0;
		}
	}
	if (c->end_va >= c->stack.hi || !vspace_try_word(t->kernel, c->end_va, &c->end_word))
		return;
	c->end_known = true;
	c->findings |= c->end_word != c->end_magic ? STACK_END_LOST : 0;
}

/* ---- how far it was used ----------------------------------------------------------------- */

/* kernel/stackleak.c, v4.20 to v6.16, then kernel/kstack_erase.c: what a stack holds where system
 * calls have been; such words were in use. */
static bool is_erased(const struct target *t, uint64_t word)
{
	return word == (t->abi.word_bytes == 4 ? (uint32_t)-0xbeef : (uint64_t)-0xbeefll);
}

/*
 * New stacks are zero (include/linux/thread_info.h THREADINFO_GFP; kernel/fork.c clears those that
 * it uses again), or hold an allocator's poison, the same word over and over.
 */
static bool find_fill(
	const struct target *t, const uint8_t *memory, uint64_t from, uint64_t n, uint64_t *ret)
{
	enum { POISON_WORDS = 16 };
	unsigned bytes = t->abi.word_bytes;
	if (from + bytes > n)
		return false;
	uint64_t first = word_at(t, memory, from);
	if (!first) {
		*ret = 0;
		return true;
	}
	if (is_erased(t, first) || from + (uint64_t)POISON_WORDS * bytes > n)
		return false;
	for (unsigned i = 1; i < POISON_WORDS; i++)
		if (word_at(t, memory, from + (uint64_t)i * bytes) != first)
			return false;
	*ret = first;
	return true;
}

static void measure(const struct target *t, const uint8_t *memory, struct stack_check *c)
{
	unsigned bytes = t->abi.word_bytes;
	uint64_t n = c->stack.hi - c->stack.lo,
		 at = c->has_end ? c->end_va - c->stack.lo + bytes : 0;
	if (at >= n)
		return;
	if (!find_fill(t, memory, at, n, &c->fill)) {
		c->used_known = true;
		c->used_bytes = n - at;
		return;
	}
	while (at + bytes <= n && word_at(t, memory, at) == c->fill)
		at += bytes;
	c->used_known = true;
	c->used_bytes = n - at;
}

/* ---- canaries ---------------------------------------------------------------------------- */

/*
 * include/linux/random.h, since v6.2 stackprotector.h: get_random_canary() clears the byte that
 * comes first in memory, on 64 bits only. Without CONFIG_STACKPROTECTOR_PER_TASK all functions
 * check with
 * __stack_chk_guard, which is the boot task's, or on one CPU the running task's (arch/arm/kernel/
 * entry-armv.S, __switch_to).
 */
static void read_canary(struct target *t, const struct canary_view *view, struct stack_check *c)
{
	uint64_t guard;
	c->canary_known = true;
	c->canary = c->guard = view->canary;
	uint64_t first = t->abi.big_endian ? c->canary >> 56 : c->canary & 0xff;
	if (t->abi.word_bytes == 8 && first)
		c->findings |= STACK_CANARY_ODD;
	if (target_has_symbol(t, "secondary_start_kernel") &&
		target_try_variable(t, "__stack_chk_guard", &guard))
		c->guard = guard;
}

static void count_copies(const struct target *t, const uint8_t *memory, struct stack_check *c)
{
	uint64_t n = c->stack.hi - c->stack.lo, bytes = t->abi.word_bytes;
	if (!c->canary_known || !c->guard || !c->sp_known || c->sp < c->stack.lo ||
		c->sp > c->stack.hi)
		return;
	for (uint64_t at = (c->sp - c->stack.lo) / bytes * bytes; at + bytes <= n; at += bytes)
		c->copies += word_at(t, memory, at) == c->guard;
}

/*
 * kernel/panic.c: __stack_chk_fail() calls panic() and does not come back, so that a return address
 * in it on a stack is proof enough, where the overwritten stack leads no unwinder further. Above it
 * stands the return address of the function that had found the damage.
 */
static void find_protector(struct target *t, const uint8_t *memory, struct stack_check *c)
{
	uint64_t n = c->stack.hi - c->stack.lo, bytes = t->abi.word_bytes;
	const struct arch_layout *layout = &vspace_facts(t->kernel)->layout;
	struct symbol fail;
	if (!c->running || !symtab_find_kernel(t->syms, "__stack_chk_fail", &fail))
		return;
	for (uint64_t at = 0; at + bytes <= n && !c->fail_pc; at += bytes) {
		uint64_t ra = t->arch->strip(layout, word_at(t, memory, at)), callee;
		uint8_t code[4];
		if (ra > fail.va && ra - fail.va <= fail.size)
			c->findings |= STACK_PROTECTOR_FIRED;
		else if ((c->findings & STACK_PROTECTOR_FIRED) &&
			 vspace_try_read(t->kernel, (ra & ~1ull) - sizeof(code), code, sizeof(code),
				 NULL) == FAULT_NONE &&
			 t->arch->is_call(code, ra, &callee) && callee == fail.va)
			c->fail_pc = (ra & ~1ull) - 1;
	}
}

/* ---- stack pointers ---------------------------------------------------------------------- */

/* Below the stack by no more than its own size, and on none of the CPUs'. */
static bool is_below(struct target *t, const struct stack_check *c, uint64_t sp)
{
	struct stack other;
	return sp < c->stack.lo && c->stack.lo - sp <= c->stack.hi - c->stack.lo &&
	       !stack_find(t, NULL, sp, &other);
}

static void look_at_frame(struct target *t, const struct frame *f, struct stack_check *c)
{
	struct stack on;
	bool ran_over = is_below(t, c, f->sp);
	if (ran_over || (stack_find(t, &c->task, f->sp, &on) && !strcmp(on.name, "overflow")))
		c->findings |= STACK_OVERFLOWED;
	if (ran_over) {
		c->sp = f->sp;
		c->sp_known = true;
	}
}

static void look_at_frames(struct target *t, struct arena *scratch, struct stack_check *c)
{
	struct trace trace;
	scoped_err struct err *err = trace_task(t, &c->task, scratch, &trace);
	for (size_t i = 0; !err && i < trace.nframes; i++)
		look_at_frame(t, &trace.frame[i], c);
}

static void look_at_pointer(struct target *t, const struct task_regs *start, struct stack_check *c)
{
	struct stack on;
	uint64_t sp = start->regs.v[t->arch->reg_sp];
	c->sp = sp;
	c->sp_known = true;
	if (is_below(t, c, sp))
		c->findings |= STACK_OVERFLOWED;
	else if (!c->running && !(stack_find(t, &c->task, sp, &on) && on.lo == c->stack.lo))
		c->findings |= STACK_POINTER_LOST;
	else if (sp < c->stack.lo || sp > c->stack.hi)
		c->sp_known = false; /* a CPU's stack: where its own stands, is further up */
}

static void look_at_registers(struct target *t, struct arena *scratch, struct stack_check *c)
{
	struct task_regs start;
	scoped_err struct err *err = task_regs_read(t, &c->task, &start);
	if (err || (start.exact && t->arch->user_mode(&start.regs)))
		return;
	c->running = start.exact;
	if (start.guess)
		return; /* searched for on this very stack: no proof of anything */
	if (regs_has(&start.regs, t->arch->reg_sp) && !start.sp_unknown)
		look_at_pointer(t, &start, c);
	if (c->running)
		look_at_frames(t, scratch, c);
}

/* ---- one stack --------------------------------------------------------------------------- */

static void read_and_measure(struct target *t, struct arena *scratch, struct stack_check *c)
{
	uint64_t n = c->stack.hi - c->stack.lo, bad;
	uint8_t *memory = arena_alloc(scratch, n);
	enum fault_kind fault = vspace_try_read(t->kernel, c->stack.lo, memory, n, &bad);
	if (fault != FAULT_NONE) {
		c->used_why = "not all of it can be read";
		return;
	}
	measure(t, memory, c);
	count_copies(t, memory, c);
	find_protector(t, memory, c);
}

struct err *stack_check_task(
	struct target *t, const struct task *task, struct arena *scratch, struct stack_check *ret)
{
	struct stack_check c = { .task = *task };
	struct canary_view canary = { 0 };
	const struct view *view;
	uint64_t bytes;
	if (!task->stack)
		return err_new(ERR_MISSING, "pid %u: its stack has been freed", task->pid);
	struct err *err = task_stack_bytes(t, &bytes);
	if (!err)
		err = target_view(t, &canary_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, task->va, &canary);
	if (err)
		return err_wrap(err, "pid %u", task->pid);
	c.stack = (struct stack){ .lo = task->stack, .hi = task->stack + bytes, .name = "task" };
	if (view_has(view, CANARY_VALUE))
		read_canary(t, &canary, &c);
	check_end(t, view_has(view, CANARY_INFO), &c);
	look_at_registers(t, scratch, &c);
	read_and_measure(t, scratch, &c);
	*ret = c;
	return NULL;
}

/* arch/arm64/kernel/traps.c: its overflow stacks are per-CPU variables and zero until they are
 * needed. ARM's come from the page allocator and may hold anything (arch/arm/kernel/traps.c, v5.17
 * on). */
static void check_overflow_stack(struct target *t, struct stack_check *c)
{
	const struct arch_stack *kind = t->arch->stacks;
	while (strcmp(kind->name, c->stack.name) != 0)
		kind++;
	if (kind->is_pointer) {
		c->used_known = false;
		c->used_bytes = 0;
		c->used_why = "it was not cleared before its first use";
	} else if (c->used_known && c->used_bytes) {
		c->findings |= STACK_OVERFLOW_USED;
	}
}

bool stack_check_cpu(
	struct target *t, unsigned cpu, unsigned i, struct arena *scratch, struct stack_check *ret)
{
	struct stack_check c = { .cpu = cpu };
	struct task anybody = { .cpu = cpu };
	if (!i || !stack_of_task(t, &anybody, i, &c.stack))
		return false;
	if (c.stack.shared && cpu)
		c.stack.hi = c.stack.lo; /* looked at with CPU 0's */
	if (c.stack.lo != c.stack.hi)
		read_and_measure(t, scratch, &c);
	if (c.stack.lo != c.stack.hi && !strcmp(c.stack.name, "overflow"))
		check_overflow_stack(t, &c);
	*ret = c;
	return true;
}

/* ---- all of them ------------------------------------------------------------------------- */

static bool is_full(const struct stack_check *c)
{
	uint64_t room = c->stack.hi - c->stack.lo - (c->has_end ? c->end_va - c->stack.lo : 0);
	return c->used_known && c->used_bytes + 16 >= room;
}

static int worst_first(const void *a, const void *b)
{
	const struct stack_check *x = a, *y = b;
	if (!x->findings != !y->findings)
		return x->findings ? -1 : 1;
	if (x->used_known != y->used_known)
		return x->used_known ? -1 : 1;
	double fx = (double)x->used_bytes / (double)(x->stack.hi - x->stack.lo);
	double fy = (double)y->used_bytes / (double)(y->stack.hi - y->stack.lo);
	if (fx != fy)
		return fx > fy ? -1 : 1;
	if (x->task.pid != y->task.pid)
		return x->task.pid < y->task.pid ? -1 : 1;
	return x->stack.lo < y->stack.lo ? -1 : x->stack.lo > y->stack.lo;
}

void stack_checks_settle(struct stack_check *v, size_t n)
{
	size_t ntasks = 0, nfull = 0;
	for (size_t i = 0; i < n; i++) {
		bool counts = v[i].has_end && !v[i].shadow;
		ntasks += counts && v[i].used_known;
		nfull += counts && is_full(&v[i]);
	}
	bool cleared = nfull * 2 <= ntasks;
	for (size_t i = 0; i < n; i++) {
		if (cleared || v[i].shadow || !is_full(&v[i]))
			continue;
		v[i].used_known = false;
		v[i].used_bytes = 0;
		v[i].used_why = "this kernel does not clear its stacks";
	}
	if (n)
		qsort(v, n, sizeof(*v), worst_first);
}
