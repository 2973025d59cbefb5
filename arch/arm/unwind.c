/*
 * One ARM32 frame to its caller: by the unwind tables, else by frame pointers. Knows entry code,
 * both ends of a chain and exception frames; the tables' bytes are exidx.c's, the frame-pointer
 * chain unwind_fp.c's.
 */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"
#include "arch/arm/exidx.h"

/*
 * Where chains begin. arch/arm/kernel/entry-armv.S, entry-common.S, head-common.S (v4.19 … v7.3):
 * entry from user mode, return to it, the first instruction of a task and of a CPU.
 */
static const char *const outermost[] = { "vector_swi", "vector_bhb_loop8_swi",
	"vector_bhb_bpiall_swi", "ret_fast_syscall", "__ret_fast_syscall", "ret_slow_syscall",
	"ret_to_user", "ret_to_user_from_irq", "slow_work_pending", "work_pending",
	"no_work_pending", "ret_from_fork", "ret_from_exception", "__sys_trace",
	"__sys_trace_return", "__switch_to", "__mmap_switched", "__und_usr_fault_32",
	"__und_usr_fault_16", "call_fpe", "start_kernel", "secondary_start_kernel" };

static bool is_outermost(const char *name)
{
	size_t n = strlen(name);

	/* __dabt_usr, __irq_usr, __und_usr, __pabt_usr, __fiq_usr */
	if (n > 6 && !strncmp(name, "__", 2) && !strcmp(name + n - 4, "_usr"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(outermost); i++)
		if (!strcmp(name, outermost[i]))
			return true;
	return false;
}

/*
 * The name of @pc's function when the chain ends there. A return address is taken one byte back,
 * except the first of its function: entry code sets lr to such labels (`badr lr,
 * ret_fast_syscall`).
 */
static bool at_outermost(const struct arch_env *env, uint32_t pc, bool exact, const char **ret)
{
	uint64_t start;

	if (env_function(env, pc, ret, &start) && (exact || start == pc) && is_outermost(*ret))
		return true;
	return !exact && env_function(env, pc - 1, ret, &start) && is_outermost(*ret);
}

bool arm_read_pt_regs(
	const struct arch_env *env, const struct abi *abi, uint32_t va, struct regs *ret)
{
	/* arch/arm/include/uapi/asm/ptrace.h, L8: uregs[18], in our order */
	uint8_t raw[ARM_NREGS * 4];
	struct regs r = { 0 };

	if (!env_read(env, va, raw, sizeof(raw)))
		return false;
	for (unsigned i = 0; i < ARM_NREGS; i++)
		regs_set(&r, i, get_u32(abi, raw + 4 * i));
	*ret = r;
	return true;
}

void arm_unwind_lr(struct regs *io, struct unwind_step *step)
{
	uint32_t lr = io->v[ARM_LR] & ~1u;

	if (!regs_has(io, ARM_LR) || lr == io->v[ARM_PC]) {
		arm_unwind_end(step, true, "no return address");
		return;
	}
	step->thumb = io->v[ARM_LR] & 1;
	regs_set(io, ARM_PC, lr);
	/* r0-r3, ip, lr and flags belong to what runs now */
	io->valid &= ~(
		0xfull | 1ull << ARM_IP | 1ull << ARM_LR | 1ull << ARM_CPSR | 1ull << ARM_ORIG_R0);
	step->how = HOW_REGS;
	step->exact = false;
}

/*
 * The opcodes of svc_entry pop r0-pc (.save {r0 - pc}, entry-armv.S, L8), the beginning of a
 * pt_regs: the words after it are cpsr and orig_r0.
 */
static void note_pt_regs(const struct exidx_vm *vm, struct regs *r, struct unwind_step *step)
{
	uint8_t raw[8];

	if (vm->popped != 0xffff || vm->pop_va[0] + 4 * ARM_PC != vm->pop_va[ARM_PC])
		return;
	step->pt_regs_va = vm->pop_va[0];
	if (!env_read(vm->env, vm->pop_va[0] + 4 * ARM_CPSR, raw, sizeof(raw)))
		return;
	regs_set(r, ARM_CPSR, get_u32(&vm->abi, raw));
	regs_set(r, ARM_ORIG_R0, get_u32(&vm->abi, raw + 4));
}

/* The registers after the opcodes: what the callee may have changed and did not save is not known.
 */
static void adopt(const struct exidx_vm *vm, struct regs *io, struct unwind_step *step)
{
	const uint32_t kept = 0x0ff0 | 1u << ARM_SP; /* r4-fp: AAPCS callee-saved */
	bool interrupted = vm->popped >> ARM_PC & 1;
	uint32_t pc = (interrupted ? vm->r[ARM_PC] : vm->r[ARM_LR]) & ~1u;
	struct regs r = { 0 };

	if (!interrupted && !(vm->valid >> ARM_LR & 1)) {
		arm_unwind_end(step, true, "return address was not saved");
		return;
	}
	/* A call through NULL was interrupted at pc 0: the next step goes by lr. */
	if (!pc && !interrupted) {
		arm_unwind_end(step, false, "no caller");
		return;
	}
	bool moved = vm->stack_changed || vm->r[ARM_SP] > io->v[ARM_SP];
	if (!moved && (!step->exact || pc == io->v[ARM_PC])) {
		arm_unwind_end(step, true, "stack pointer does not advance");
		return;
	}
	uint32_t known = interrupted ? vm->valid : vm->valid & kept;
	for (unsigned i = 0; i <= ARM_LR; i++)
		if (known >> i & 1)
			regs_set(&r, i, vm->r[i]);
	regs_set(&r, ARM_PC, pc);
	step->how = HOW_EXIDX;
	step->exact = interrupted;
	step->thumb = !interrupted && vm->r[ARM_LR] & 1;
	step->floor_va = vm->r[ARM_SP];
	if (interrupted)
		note_pt_regs(vm, &r, step);
	*io = r;
}

/* At least this much below a stack of VMAP_STACK has no memory; when it ran over, sp is there. */
enum { GUARD_BYTES = 4096 };

static void step_by_table(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step, const struct exidx_entry *e)
{
	struct exidx_vm vm = { .env = env, .abi = *abi };
	uint32_t sp = io->v[ARM_SP];
	uint64_t lo;

	if (!regs_has(io, ARM_SP)) {
		arm_unwind_end(step, true, "stack pointer is not known");
		return;
	}
	for (unsigned i = 0; i < ARM_PC; i++)
		vm.r[i] = io->v[i];
	vm.valid = io->valid & 0x7fff;
	vm.lo = sp;
	/* sp may stand at the very top. On no known stack: THREAD_SIZE is at most 16 KiB and stacks
	 * are aligned to it (arch/arm/include/asm/thread_info.h, L8). */
	if (!env_stack(env, sp, &lo, &vm.hi) && !env_stack(env, sp - 4, &lo, &vm.hi) &&
		!env_stack(env, (uint64_t)sp + GUARD_BYTES, &lo, &vm.hi))
		vm.hi = ((uint64_t)sp | 0x3fff) + 1;
	const char *why = exidx_run(e, &vm);
	if (why)
		arm_unwind_end(step, true, why);
	else
		adopt(&vm, io, step);
}

/*
 * A stack that ran over: __bad_stack() has moved to the overflow stack and built a pt_regs at sp there
 * (arch/arm/kernel/entry-armv.S; seen in 6.1). The interrupted sp may be in the guard page, so the
 * table's opcodes, which stay on one stack, do not get there.
 */
static bool step_from_overflow(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step)
{
	uint32_t sp = io->v[ARM_SP];
	uint64_t lo, hi, start;
	const char *name;
	struct regs r;

	if (step->exact || !regs_has(io, ARM_SP) || (sp & 3) ||
		!env_function(env, io->v[ARM_PC] - 1, &name, &start) || strcmp(name, "__bad_stack") ||
		!env_stack(env, sp, &lo, &hi) || !arm_read_pt_regs(env, abi, sp, &r) ||
		(r.v[ARM_SP] >= lo && r.v[ARM_SP] <= hi))
		return false;
	*io = r;
	step->how = HOW_REGS;
	step->exact = true;
	step->pt_regs_va = sp;
	step->floor_va = r.v[ARM_SP];
	return true;
}

/* Whether instruction @insn may write lr or sp. In doubt yes: ARM ARM v7-A, A5, where r13 and r14 stand as
 * a destination or as a base that is written back. */
static bool may_write_lr_or_sp(uint32_t insn)
{
	uint32_t kind = insn >> 25 & 7, d = insn >> 12 & 15, n = insn >> 16 & 15;

	if (kind == 5) /* B, BL, BLX: a jump leaves lr alone */
		return insn >> 28 == 0xf || (insn & 1 << 24);
	if ((insn & 0x0ffffff0) == 0x012fff30) /* BLX register */
		return true;
	if (kind == 4 && (insn & 0x6000)) /* LDM, STM */
		return true;
	return d == ARM_SP || d == ARM_LR || n == ARM_SP || n == ARM_LR;
}

/* Whether nothing in the function that begins at @start and holds @pc can have changed lr or sp, on any path: so
 * both are its caller's. ARM code only. */
static bool lr_is_intact(const struct arch_env *env, uint32_t start, uint32_t pc)
{
	enum { WORDS_MAX = 64 };
	uint64_t of = start;
	const char *name;
	uint8_t raw[4];
	unsigned i;

	for (i = 0; i < WORDS_MAX && env_function(env, start + 4 * i, &name, &of) && of == start; i++)
		if (!env_read(env, start + 4 * i, raw, sizeof(raw)) ||
			may_write_lr_or_sp(load_u32le(raw)))
			return false;
	return i < WORDS_MAX && pc >= start && pc < start + 4 * i;
}

static void step_frame(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step)
{
	uint32_t pc = io->v[ARM_PC], lookup = step->exact ? pc : pc - 1;
	uint64_t start, stop;
	struct exidx_entry e;
	const char *name;

	if (arch_arm.user_mode(io)) {
		arm_unwind_end(step, false, "user mode");
		return;
	}
	if (at_outermost(env, pc, step->exact, &name)) {
		arm_unwind_end(step, false, "outermost function");
		return;
	}
	if (step_from_overflow(env, abi, io, step))
		return;
	if (!env_unwind_table(env, lookup, &start, &stop)) {
		/* A call to nowhere: the caller is in lr (unwind_backtrace() does the same). */
		if (step->exact && regs_has(io, ARM_LR) && !env_function(env, pc, &name, &start) &&
			env_function(env, (io->v[ARM_LR] & ~1u) - 1, &name, &start))
			arm_unwind_lr(io, step);
		else
			arm_unwind_fp(env, abi, io, step);
		return;
	}
	if (!exidx_find(env, abi, start, stop, lookup, &e)) {
		arm_unwind_end(step, true, "no unwind information");
		return;
	}
	/* Nothing is pushed yet (arch/arm/kernel/unwind.c since v5.19 or so; true of all). */
	bool at_start = step->exact && pc == (e.fn & ~1u);
	/* Assembly without unwind directives, a processor's idle loop for one, is mostly leaves. */
	bool leaf = step->exact && e.word == EXIDX_CANTUNWIND && regs_has(io, ARM_LR);
	if (at_start || leaf) {
		uint64_t fn;
		bool intact = at_start ||
			(env_function(env, pc, &name, &fn) && !(io->v[ARM_CPSR] & 0x20) &&
				lr_is_intact(env, (uint32_t)fn, pc));
		arm_unwind_lr(io, step);
		step->unproved = !intact;
	} else if (e.word == EXIDX_CANTUNWIND) {
		arm_unwind_end(step, true, "marked as not unwindable");
	} else {
		step_by_table(env, abi, io, step, &e);
	}
}

struct err *arm_unwind(const struct arch_env *env, const struct arch_layout *l, struct regs *io,
	struct unwind_step *step)
{
	const struct abi abi = { .word_bytes = 4, .big_endian = l->paging.big_endian };
	struct err *err = interrupt_check();

	if (err)
		return err;
	*step = (struct unwind_step){ .exact = step->exact, .floor_va = step->floor_va };
	if (!regs_has(io, ARM_PC)) {
		arm_unwind_end(step, true, "program counter is not known");
		return NULL;
	}
	step_frame(env, &abi, io, step);
	return NULL;
}
