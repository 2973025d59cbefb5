/* Gives an architecture's unwinder what it asks for, and counts its steps. */
#include "analyzer/stack/unwinder.h"

#include "analyzer/kernel/module.h"
#include "analyzer/stack/stacks.h"

/* The largest kernel stack is 64 KiB (arm64 with such pages), the smallest frame 16 bytes. */
enum { FRAMES_MAX = 4096 };

static bool answer_read(void *cx, uint64_t va, void *buf, size_t n)
{
	struct unwinder *u = cx;
	return vspace_try_read(u->t->kernel, va, buf, n, NULL) == FAULT_NONE;
}

static bool answer_symbol(void *cx, const char *name, uint64_t *ret_va)
{
	struct unwinder *u = cx;
	struct symbol sym;
	if (!symtab_find_kernel(u->t->syms, name, &sym))
		return false;
	*ret_va = sym.va;
	return true;
}

static bool answer_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	struct unwinder *u = cx;
	struct symbol sym;
	if (!symtab_at(u->t->syms, pc, &sym))
		return false;
	*ret_name = sym.name;
	*ret_start = sym.va;
	return true;
}

static bool answer_number(void *cx, const char *key, uint64_t *ret)
{
	struct unwinder *u = cx;
	return target_number(u->t, key, ret);
}

static bool answer_stack(void *cx, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi)
{
	struct unwinder *u = cx;
	struct stack s;
	if (!stack_find(u->t, u->task, sp, &s))
		return false;
	*ret_lo = s.lo;
	*ret_hi = s.hi;
	return true;
}

/* What is no code has no table: a call to nowhere is told by that. */
static bool answer_unwind_table(void *cx, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop)
{
	struct unwinder *u = cx;
	struct symbol sym;
	if (!symtab_at(u->t->syms, pc, &sym))
		return false;
	if (sym.module)
		return module_unwind_table(u->t, pc, ret_start, ret_stop);
	return answer_symbol(cx, "__start_unwind_idx", ret_start) &&
		answer_symbol(cx, "__stop_unwind_idx", ret_stop);
}

void unwinder_init(struct unwinder *u, struct target *t, const struct task *task,
	const struct regs *start, bool exact)
{
	*u = (struct unwinder){
		.t = t,
		.task = task,
		.regs = *start,
		.step = { .exact = exact },
		.env = {
			.cx = u,
			.read = answer_read,
			.symbol = answer_symbol,
			.function = answer_function,
			.number = answer_number,
			.stack = answer_stack,
			.unwind_table = answer_unwind_table,
		},
	};
	/* A task that sleeps in Thumb code (ARM32) left pc as the address that __switch_to() returns to. */
	uint64_t *pc = &u->regs.v[t->arch->reg_pc];
	if (t->arch->capstone_thumb_mode && !exact && *pc & 1) {
		u->step.thumb = true;
		*pc &= ~1ull;
	}
}

struct err *unwinder_step(struct unwinder *u)
{
	if (++u->frames > FRAMES_MAX) {
		u->step.end = u->step.broken = true;
		u->step.why = "too many frames";
		return NULL;
	}
	const struct arch_layout *layout = &vspace_facts(u->t->kernel)->layout;
	return u->t->arch->unwind(&u->env, layout, &u->regs, &u->step);
}

enum call_match unwinder_call_before(const struct unwinder *u, uint64_t ra, uint64_t callee_pc)
{
	uint8_t code[4];
	uint64_t target;
	struct symbol callee;
	if (vspace_try_read(u->t->kernel, ra - sizeof(code), code, sizeof(code), NULL) ||
		!u->t->arch->is_call(code, ra | u->step.thumb, &target))
		return CALL_NONE;
	if (!target)
		return CALL_INDIRECT;
	return symtab_at(u->t->syms, callee_pc, &callee) && target == callee.va ? CALL_DIRECT :
										CALL_OTHER;
}
