/*
 * One ARM32 frame to its caller: where it was interrupted by its instructions, else by the unwind
 * tables, else by frame pointers. Knows entry code, both ends of a chain and exception frames; the
 * tables' bytes are exidx.c's, the instructions code_flow.c's, the frame-pointer chain
 * unwind_fp.c's.
 */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"
#include "arch/arm/code_flow.h"
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

/* The end of the stack that @sp is on. It may stand at the very top. On no known stack: THREAD_SIZE
 * is at most 16 KiB and stacks are aligned to it (arch/arm/include/asm/thread_info.h, L8). */
static uint64_t stack_end(const struct arch_env *env, uint32_t sp)
{
	uint64_t lo, hi;

	if (env_stack(env, sp, &lo, &hi) || env_stack(env, sp - 4, &lo, &hi) ||
		env_stack(env, (uint64_t)sp + GUARD_BYTES, &lo, &hi))
		return hi;
	return ((uint64_t)sp | 0x3fff) + 1;
}

/* Runs the table's opcodes over @io; NULL, or why that cannot be. */
static const char *run_table(const struct arch_env *env, const struct abi *abi,
	const struct regs *io, const struct exidx_entry *e, struct exidx_vm *ret)
{
	if (!regs_has(io, ARM_SP))
		return "stack pointer is not known";
	*ret = (struct exidx_vm){ .env = env, .abi = *abi };
	for (unsigned i = 0; i < ARM_PC; i++)
		ret->r[i] = io->v[i];
	ret->valid = io->valid & 0x7fff;
	ret->lo = io->v[ARM_SP];
	ret->hi = stack_end(env, io->v[ARM_SP]);
	return exidx_run(e, ret);
}

static void step_by_table(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step, const struct exidx_entry *e)
{
	struct exidx_vm vm;
	const char *why = run_table(env, abi, io, e, &vm);

	if (why)
		arm_unwind_end(step, true, why);
	else
		adopt(&vm, io, step);
}

/*
 * A stack that ran over: __bad_stack() has moved to the overflow stack and built a pt_regs at sp
 * there (arch/arm/kernel/entry-armv.S; seen in 6.1). The interrupted sp may be in the guard page,
 * so the table's opcodes, which stay on one stack, do not get there.
 */
static bool step_from_overflow(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step)
{
	uint32_t sp = io->v[ARM_SP];
	uint64_t lo, hi, start;
	const char *name;
	struct regs r;

	if (step->exact || !regs_has(io, ARM_SP) || (sp & 3) ||
		!env_function(env, io->v[ARM_PC] - 1, &name, &start) ||
		strcmp(name, "__bad_stack") || !env_stack(env, sp, &lo, &hi) ||
		!arm_read_pt_regs(env, abi, sp, &r) || (r.v[ARM_SP] >= lo && r.v[ARM_SP] <= hi))
		return false;
	*io = r;
	step->how = HOW_REGS;
	step->exact = true;
	step->pt_regs_va = sp;
	step->floor_va = r.v[ARM_SP];
	return true;
}

/* ---- by the function's instructions ------------------------------------------------------ */

static bool follows_call(const struct arch_env *env, uint32_t ra)
{
	uint8_t code[4];
	uint64_t target;

	return ra > 4 && env_read(env, (ra & ~1u) - 4, code, sizeof(code)) &&
	       arch_arm.is_call(code, ra, &target);
}

/* Whether the table of the code at @io's pc, which holds for a function's body only, has another
 * opinion, and one that may be true. */
static bool table_objects(
	const struct arch_env *env, const struct abi *abi, const struct regs *io, uint32_t ra)
{
	uint64_t start, stop;
	struct exidx_entry e;
	struct exidx_vm vm;

	if (!env_unwind_table(env, io->v[ARM_PC], &start, &stop) ||
		!exidx_find(env, abi, start, stop, io->v[ARM_PC], &e) ||
		e.word == EXIDX_CANTUNWIND || (e.fn & ~1u) == io->v[ARM_PC] ||
		run_table(env, abi, io, &e, &vm) || !(vm.valid >> ARM_LR & 1) ||
		vm.popped >> ARM_PC & 1)
		return false;
	return vm.r[ARM_LR] != ra && follows_call(env, vm.r[ARM_LR]);
}

/*
 * What was interrupted may not have pushed its registers yet, or have them popped again, of which
 * no table tells: its instructions do. Code of assembler may be entered elsewhere than at its
 * symbol, so a call is to stand before the return address, and where the table leads to one, too,
 * neither is sure.
 */
static bool step_by_code(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step)
{
	const bool thumb = regs_has(io, ARM_CPSR) && io->v[ARM_CPSR] & 0x20;
	uint32_t pc = io->v[ARM_PC];
	struct regs r = *io;
	struct code_state s;
	const char *name;
	uint64_t start;

	if (!regs_has(io, ARM_SP) || !env_function(env, pc, &name, &start) ||
		strstr(name, ".cold") || !arm_code_state(env, start & ~1u, pc, thumb, &s) ||
		!arm_code_step(env, abi, &s, stack_end(env, io->v[ARM_SP]), &r))
		return false;
	uint32_t ra = r.v[ARM_PC];
	if ((ra & ~1u) == pc || !follows_call(env, ra))
		return false;
	step->unproved = table_objects(env, abi, io, ra);
	step->how = s.place[ARM_LR].home == CODE_IN_REGISTER ? HOW_REGS : HOW_CODE;
	step->exact = false;
	step->thumb = ra & 1;
	step->floor_va = r.v[ARM_SP];
	r.v[ARM_PC] = ra & ~1u;
	*io = r;
	return true;
}

/* Of assembler's code, which no table describes: whether the link register still leads back. */
static bool lr_is_intact(const struct arch_env *env, const struct regs *io)
{
	struct code_state s;
	const char *name;
	uint64_t start;

	return env_function(env, io->v[ARM_PC], &name, &start) && regs_has(io, ARM_CPSR) &&
	       arm_code_state(env, start & ~1u, io->v[ARM_PC], io->v[ARM_CPSR] & 0x20, &s) &&
	       !s.down && s.place[ARM_LR].home == CODE_IN_REGISTER && s.place[ARM_LR].reg == ARM_LR;
}

static bool in_code(const struct arch_env *env, uint32_t pc)
{
	const char *name;
	uint64_t start;

	return env_function(env, pc, &name, &start) || env_function(env, pc - 1, &name, &start);
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
	if (step_from_overflow(env, abi, io, step) ||
		(step->exact && step_by_code(env, abi, io, step)))
		return;
	if (!env_unwind_table(env, lookup, &start, &stop)) {
		/* A call to nowhere: the caller is in lr (unwind_backtrace() does the same). */
		if (step->exact && regs_has(io, ARM_LR) && !env_function(env, pc, &name, &start) &&
			env_function(env, (io->v[ARM_LR] & ~1u) - 1, &name, &start))
			arm_unwind_lr(io, step);
		else if (!step->exact && env_symbol(env, "__start_unwind_idx", &start) &&
			 !in_code(env, pc))
			arm_unwind_end(step, true, "return address is in no function");
		else
			arm_unwind_fp(env, abi, io, step);
		return;
	}
	if (!exidx_find(env, abi, start, stop, lookup, &e)) {
		arm_unwind_end(step, true, "no unwind information");
		return;
	}
	/* Nothing is pushed yet (arch/arm/kernel/unwind.c since v5.19 or so; true of all). */
	bool at_start = step->exact &&
			(pc == (e.fn & ~1u) ||
				(env_function(env, pc, &name, &start) && (start & ~1ull) == pc));
	/* Assembly without unwind directives, a processor's idle loop for one, is mostly leaves. */
	bool leaf = step->exact && e.word == EXIDX_CANTUNWIND && regs_has(io, ARM_LR);
	if (at_start || leaf) {
		bool intact = at_start || lr_is_intact(env, io);
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
