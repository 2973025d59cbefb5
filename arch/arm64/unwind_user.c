/*
 * Frames of arm64 programs: by frame records, which compilers make by default, through signal
 * frames, and by x30 where the interrupted function has made none yet. Which areas are stacks, and
 * what symbols there are, the environment says; there may be none.
 */
#include "analyzer/base/interrupt.h"
#include "arch/arm64/arm64.h"
#include "arch/user_code.h"

enum { RECORD_BYTES = 16 };

static void end(struct unwind_step *step, bool broken, const char *why)
{
	step->end = true;
	step->broken = broken;
	step->why = why;
}

static bool read_insn(const struct arch_env *env, uint64_t va, uint32_t *ret)
{
	uint8_t raw[4];

	if ((va & 3) || !env_read(env, va, raw, sizeof(raw)))
		return false;
	*ret = load_u32le(raw); /* little-endian whatever the data are */
	return true;
}

static bool read_word(const struct arch_env *env, const struct abi *abi, uint64_t va, uint64_t *ret)
{
	uint8_t raw[8];

	if (!env_read(env, va, raw, sizeof(raw)))
		return false;
	*ret = get_u64(abi, raw);
	return true;
}

/* ---- the link register ------------------------------------------------------------------- */

/* Arm ARM C6.2: STP, LDP, STR and LDR of x30 with sp as base, in each form of address; BL, BLR;
 * RET, BR, B */
static bool event_at(const struct arch_env *env, uint64_t va, bool thumb, struct code_event *ret)
{
	uint8_t raw[4];
	uint64_t target;

	(void)thumb;
	if ((va & 3) || !env_read(env, va, raw, sizeof(raw)))
		return false;
	uint32_t i = load_u32le(raw);
	bool pair = (i & 0xfe000000) == 0xa8000000 && (i >> 5 & 31) == 31 &&
		    ((i & 31) == 30 || (i >> 10 & 31) == 30);
	bool one = ((i & 0xffa00000) == 0xf8000000 || (i & 0xff800000) == 0xf9000000) &&
		   (i >> 5 & 31) == 31 && (i & 31) == 30;
	bool load = i >> 22 & 1;
	bool leaves = (i & 0xfefff000) == 0xd61f0000 || (i & 0xfffff000) == 0xd65f0000 ||
		      (i & 0xfc000000) == 0x14000000;

	*ret = (struct code_event){ .bytes = 4 };
	ret->what = pair || one				       ? (load ? RA_RESTORED : RA_SAVED)
		    : arch_arm64.is_call(raw, va + 4, &target) ? RA_CALL
		    : leaves				       ? RA_LEAVES
							       : RA_NOTHING;
	return true;
}

/* A call of @target may be one of a linker's stub: adrp x16; ldr x17, [x16, #n]; add x16, …; br
 * x17. */
static uint64_t behind_stub(const struct arch_env *env, const struct abi *abi, uint64_t target)
{
	enum { BTI_C = 0xd503245f, BR_X17 = 0xd61f0220 };
	uint32_t adrp, ldr, br;
	uint64_t got;

	if (!read_insn(env, target, &adrp))
		return target;
	uint64_t va = adrp == BTI_C ? target + 4 : target;
	if (!read_insn(env, va, &adrp) || !read_insn(env, va + 4, &ldr) ||
		!read_insn(env, va + 12, &br) || (adrp & 0x9f00001f) != 0x90000010 ||
		(ldr & 0xffc003ff) != 0xf9400211 || br != BR_X17)
		return target;
	uint64_t pages = (uint64_t)sign_extend((adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3), 21);
	uint64_t slot = (va & ~0xfffull) + (pages << 12) + (ldr >> 10 & 0xfff) * 8;
	return read_word(env, abi, slot, &got) ? got : target;
}

/* Where the function at @pc begins: by its symbol, else by the call that @lr would come back from.
 */
static bool find_start(
	const struct arch_env *env, const struct abi *abi, uint64_t pc, uint64_t lr, uint64_t *ret)
{
	const char *name;
	uint8_t code[4];

	if (env_function(env, pc, &name, ret))
		return true;
	if ((lr & 3) || !env_read(env, lr - 4, code, sizeof(code)) ||
		!arch_arm64.is_call(code, lr, ret) || !*ret)
		return false;
	*ret = behind_stub(env, abi, *ret);
	return true;
}

static bool step_to_lr(const struct arch_env *env, const struct abi *abi,
	const struct arch_layout *l, struct regs *io, struct unwind_step *step)
{
	uint64_t pc = io->v[A64_PC], lr = arm64_strip(l, io->v[A64_LR]), start;
	uint32_t insn;
	int32_t down;

	if (!step->exact || !regs_has(io, A64_LR) || !lr || lr == pc)
		return false;
	/* A call to nowhere: what it called is no code, and where it came from is. */
	bool nowhere = !read_insn(env, pc, &insn) && read_insn(env, lr - 4, &insn);
	if (!nowhere && (!find_start(env, abi, pc, lr, &start) ||
				!ra_is_live(env, start, pc, false, event_at, &down)))
		return false;
	regs_set(io, A64_PC, lr);
	if (regs_has(io, A64_SP))
		step->floor_va = io->v[A64_SP];
	io->valid &= 1ull << A64_FP | 1ull << A64_PC | 1ull << A64_SP;
	step->how = HOW_REGS;
	step->exact = false;
	step->aside = true;
	return true;
}

/* ---- signals ----------------------------------------------------------------------------- */

/* arch/arm64/kernel/vdso/sigreturn.S, 4.19 to 7.3: mov x8, #139 (rt_sigreturn); svc #0 */
static bool at_sigreturn(const struct arch_env *env, uint64_t pc)
{
	uint32_t mov, svc;

	return read_insn(env, pc, &mov) && read_insn(env, pc + 4, &svc) && mov == 0xd2801168 &&
	       svc == 0xd4000001;
}

/*
 * The registers that a signal came upon, and under which it pushed a record of x29 and x30
 * (@record_va): they lie below it, as far as what the kernel adds for floating point is long.
 * arch/arm64/kernel/signal.c, struct rt_sigframe: siginfo (128), ucontext, whose uc_mcontext is at
 * 176: a fault address, x0 to x30, sp, pc, pstate.
 */
static bool find_signal_regs(const struct arch_env *env, const struct abi *abi, uint64_t record_va,
	uint64_t fp, uint64_t lr, struct regs *ret, uint64_t *ret_va)
{
	enum { REGS_OFF = 128 + 176 + 8, BELOW_MAX = 16 << 10 };
	uint64_t lo, hi;

	for (uint64_t back = 16; back <= BELOW_MAX && back <= record_va; back += 16) {
		uint64_t v, va = (record_va & ~15ull) - back + REGS_OFF;
		struct regs r = { 0 };
		if (va + A64_NREGS * 8 > record_va)
			continue;
		if (!read_word(env, abi, va + A64_FP * 8, &v))
			return false;
		if (v != fp || !read_word(env, abi, va + A64_LR * 8, &v) || v != lr)
			continue;
		for (unsigned i = 0; i < A64_NREGS && read_word(env, abi, va + 8 * i, &v); i++)
			regs_set(&r, i, v);
		if (!regs_has(&r, A64_PSTATE) || !arch_arm64.user_mode(&r) || !r.v[A64_PC] ||
			!env_stack(env, r.v[A64_SP], &lo, &hi))
			continue;
		*ret = r;
		*ret_va = va;
		return true;
	}
	return false;
}

/* ---- frame records ----------------------------------------------------------------------- */

static void step_record(const struct arch_env *env, const struct abi *abi,
	const struct arch_layout *l, struct regs *io, struct unwind_step *step)
{
	uint64_t va = io->v[A64_FP], floor = step->floor_va, lo, hi, fp, lr, regs_va;
	struct regs r;

	if (regs_has(io, A64_SP) && io->v[A64_SP] > floor)
		floor = io->v[A64_SP];
	if (va & 7) {
		end(step, true, "frame pointer is not aligned");
		return;
	}
	if (!env_stack(env, va, &lo, &hi) || hi - va < RECORD_BYTES) {
		end(step, true, "frame pointer is on no stack");
		return;
	}
	if (floor < lo || floor > hi || va < floor) {
		end(step, true, "frame pointer does not advance");
		return;
	}
	if (!read_word(env, abi, va, &fp) || !read_word(env, abi, va + 8, &lr)) {
		end(step, true, "the stack's page is not in the dump");
		return;
	}
	if (!step->exact && at_sigreturn(env, io->v[A64_PC]) &&
		find_signal_regs(env, abi, va, fp, lr, &r, &regs_va)) {
		*io = r;
		step->how = HOW_REGS;
		step->exact = true;
		step->pt_regs_va = regs_va;
		step->floor_va = r.v[A64_SP];
		return;
	}
	lr = arm64_strip(l, lr);
	if (!lr) {
		end(step, fp != 0, fp ? "return address is zero" : "outermost frame");
		return;
	}
	*io = (struct regs){ 0 };
	regs_set(io, A64_FP, fp);
	regs_set(io, A64_PC, lr);
	step->how = HOW_FP;
	step->exact = false;
	step->floor_va = va + RECORD_BYTES;
}

struct err *arm64_unwind_user(const struct arch_env *env, const struct arch_layout *l,
	struct regs *io, struct unwind_step *step)
{
	const struct abi abi = { .word_bytes = 8, .big_endian = l->paging.big_endian };
	struct err *err = interrupt_check();

	if (err)
		return err;
	*step = (struct unwind_step){ .exact = step->exact, .floor_va = step->floor_va };
	if (!regs_has(io, A64_PC))
		end(step, true, "program counter is not known");
	else if (step_to_lr(env, &abi, l, io, step))
		return NULL;
	else if (!regs_has(io, A64_FP) || !io->v[A64_FP])
		end(step, !regs_has(io, A64_FP), "outermost frame");
	else
		step_record(env, &abi, l, io, step);
	return NULL;
}

/* arch/arm64/include/asm/ptrace.h, 4.19 to 7.3: PSR_MODE32_BIT; compat_sp is x13, compat_lr x14. */
bool arm64_compat_regs(const struct regs *r, struct regs *ret)
{
	enum { MODE32 = 0x10, R_SP = 13, R_LR = 14, R_PC = 15, R_CPSR = 16 };

	if (!regs_has(r, A64_PSTATE) || !(r->v[A64_PSTATE] & MODE32))
		return false;
	*ret = (struct regs){ 0 };
	for (unsigned i = 0; i <= R_LR; i++)
		if (regs_has(r, i))
			regs_set(ret, i, (uint32_t)r->v[i]);
	regs_set(ret, R_PC, (uint32_t)r->v[A64_PC]);
	regs_set(ret, R_CPSR, (uint32_t)r->v[A64_PSTATE]);
	return true;
}
