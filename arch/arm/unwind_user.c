/*
 * Frames of ARM32 programs: by the unwind tables that the mapped file has, by lr where the
 * interrupted function has not saved it, by frame pointers where what they point to proves itself,
 * by what a function's first instructions push, and through signal frames. Of Thumb code gcc keeps
 * no frame pointers that lead anywhere, and most C programs have no tables.
 */
#include "analyzer/base/interrupt.h"
#include "arch/arm/arm.h"
#include "arch/arm/exidx.h"
#include "arch/arm/user_prologue.h"
#include "arch/user_code.h"

enum { R7 = 7, CPSR_T = 0x20 };

static bool read_word(const struct arch_env *env, const struct abi *abi, uint32_t va, uint32_t *ret)
{
	uint8_t raw[4];

	if (!env_read(env, va, raw, sizeof(raw)))
		return false;
	*ret = get_u32(abi, raw);
	return true;
}

/* Instructions are little-endian on BE8, too. */
static bool read_code(const struct arch_env *env, uint32_t va, uint32_t *ret)
{
	uint8_t raw[4];

	if (!env_read(env, va, raw, sizeof(raw)))
		return false;
	*ret = load_u32le(raw);
	return true;
}

/* Whether @ra, its Thumb bit included, stands behind a call; *ret_target is 0 where that is
 * indirect. */
static bool behind_call(const struct arch_env *env, uint32_t ra, uint64_t *ret_target)
{
	uint8_t code[4];

	return ra > 4 && env_read(env, (ra & ~1u) - 4, code, sizeof(code)) &&
	       arch_arm.is_call(code, ra, ret_target);
}

/*
 * Whether @pc is where handlers of signals return to: mov r7, #119 (sigreturn) or #173
 * (rt_sigreturn), then swi, of the kernel's sigpage (arch/arm/kernel/sigreturn_codes.S, 4.19
 * to 7.3) or of libc, whose Thumb code has a wide mov. The number; 0: it is not.
 */
static uint32_t sigreturn_at(const struct arch_env *env, uint32_t pc, bool thumb)
{
	enum {
		MOV = 0xe3a07000,
		MOVS = 0xdf002700,
		MOV_W = 0x0700f04f,
		SVC = 0xdf00,
		SWI_OABI = 0xef900000,
		SWI = 0xef000000
	};
	uint32_t code, swi;

	if (!read_code(env, pc, &code))
		return 0;
	bool wide = thumb && (code & 0xff00ffff) == MOV_W;
	uint32_t number = code >> (wide ? 16 : 0) & 0xff;
	if (number != 119 && number != 173)
		return 0;
	if (thumb && !wide)
		return (code & ~0xffu) == MOVS ? number : 0;
	if (!read_code(env, pc + 4, &swi))
		return 0;
	if (wide)
		return (swi & 0xffff) == SVC ? number : 0;
	return (code & ~0xffu) == MOV && (swi == SWI_OABI + number || swi == SWI) ? number : 0;
}

/* Whether @ra, its Thumb bit included, is what a function can return to: behind a call, or, of a
 * signal's handler, the code that returns from it, which nobody calls. */
static bool can_return_to(const struct arch_env *env, uint32_t ra, uint64_t *ret_target)
{
	*ret_target = 0;
	return behind_call(env, ra, ret_target) || sigreturn_at(env, ra & ~1u, ra & 1);
}

/* ---- the link register ------------------------------------------------------------------- */

static bool step_to_lr(
	const struct arch_env *env, struct regs *io, struct unwind_step *step, bool thumb)
{
	uint32_t pc = io->v[ARM_PC], lr = io->v[ARM_LR], code;
	const char *name;
	uint64_t start;
	int32_t down = 0;

	if (!step->exact || !regs_has(io, ARM_LR) || !behind_call(env, lr, &start))
		return false;
	bool nowhere = !read_code(
		env, pc & ~3u, &code); /* a call of no code came from where there is some */
	bool found = env_function(env, pc, &name, &start) || start;
	if (!nowhere &&
		(!found || !ra_is_live(env, start & ~1ull, pc, thumb, arm_code_event, &down)))
		return false;
	arm_unwind_lr(io, step);
	if (down) {
		io->valid &= 1ull << ARM_PC | 1ull << ARM_SP;
		io->v[ARM_SP] = (uint32_t)(io->v[ARM_SP] + (uint32_t)down);
	}
	return !step->end;
}

/* ---- unwind tables ----------------------------------------------------------------------- */

static bool step_by_table(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step)
{
	const uint32_t kept = 0x0ff0 | 1u << ARM_SP; /* r4-fp: AAPCS callee-saved */
	uint32_t pc = io->v[ARM_PC], sp = io->v[ARM_SP];
	struct exidx_vm vm = { .env = env, .abi = *abi, .lo = sp, .takes_generic = true };
	uint64_t start, stop, lo, ignored;
	struct exidx_entry e;

	if (!regs_has(io, ARM_SP) || !env_stack(env, sp, &lo, &vm.hi) ||
		!env_unwind_table(env, pc, &start, &stop) ||
		!exidx_find(env, abi, start, stop, step->exact ? pc : pc - 1, &e) ||
		e.word == EXIDX_CANTUNWIND)
		return false;
	for (unsigned i = 0; i < ARM_PC; i++)
		vm.r[i] = io->v[i];
	vm.valid = io->valid & 0x7fff;
	if (exidx_run(&e, &vm))
		return false;
	uint32_t ra = vm.popped >> ARM_PC & 1 ? vm.r[ARM_PC] : vm.r[ARM_LR];
	bool known = (vm.popped >> ARM_PC & 1) || (vm.valid >> ARM_LR & 1);
	/* The tables are right where calls are. Elsewhere in a function they may lead astray, and
	 * then hardly to a call; so may a personality routine that keeps its opcodes elsewhere. */
	if (!known || (vm.r[ARM_SP] <= sp && !step->exact) || (ra & ~1u) == pc ||
		((step->exact || vm.generic) && !can_return_to(env, ra, &ignored)))
		return false;
	struct regs r = { 0 };
	for (unsigned i = 0; i <= ARM_SP; i++)
		if (vm.valid & kept & 1u << i)
			regs_set(&r, i, vm.r[i]);
	regs_set(&r, ARM_PC, ra & ~1u);
	*io = r;
	step->how = HOW_EXIDX;
	step->exact = false;
	step->thumb = ra & 1;
	step->floor_va = vm.r[ARM_SP];
	return true;
}

/* ---- frame pointers ---------------------------------------------------------------------- */

/* What a record holds, by whoever made it. */
struct record {
	uint32_t fp, sp, ra;
};

/*
 * gcc's APCS frames, {fp, ip, lr, pc} with fp at the last: pc is that of the push, plus 8 or 12.
 * gcc's later ARM code has {…, fp, lr} with fp at lr; clang's {fp, lr} with fp at the first, in
 * Thumb code by r7.
 */
static bool read_record(const struct arch_env *env, const struct abi *abi, uint32_t va, bool thumb,
	struct record *ret)
{
	uint32_t at[4], above, push;
	uint64_t ignored;

	for (unsigned i = 0; i < 4; i++)
		if (va < 12 || !read_word(env, abi, va - 12 + 4 * i, &at[i]))
			return false;
	for (uint32_t past = 8; !thumb && past <= 12; past += 4)
		if (at[3] > past && read_code(env, at[3] - past, &push) &&
			(push & 0xffffd800) == 0xe92dd800) {
			*ret = (struct record){ .fp = at[0], .sp = at[1], .ra = at[2] };
			return true;
		}
	if (!thumb && can_return_to(env, at[3], &ignored)) {
		*ret = (struct record){ .fp = at[2], .sp = va + 4, .ra = at[3] };
		return true;
	}
	if (!read_word(env, abi, va + 4, &above) || !can_return_to(env, above, &ignored))
		return false;
	*ret = (struct record){ .fp = at[3], .sp = va + 8, .ra = above };
	return true;
}

static bool step_by_record(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step, bool thumb)
{
	unsigned reg = thumb ? R7 : ARM_FP;
	uint32_t va = io->v[reg];
	uint64_t lo, hi, floor = regs_has(io, ARM_SP) ? io->v[ARM_SP] : step->floor_va;
	struct record rec;

	if (!regs_has(io, reg) || (va & 3) || !env_stack(env, va, &lo, &hi) || floor < lo ||
		va < floor || hi - va < 8 || !read_record(env, abi, va, thumb, &rec))
		return false;
	bool up = rec.sp > va - 12 && rec.sp > floor && rec.sp <= hi;
	if (!up || (rec.fp && (rec.fp <= va || rec.fp >= hi)))
		return false;
	*io = (struct regs){ 0 };
	regs_set(io, reg, rec.fp);
	regs_set(io, ARM_SP, rec.sp);
	regs_set(io, ARM_PC, rec.ra & ~1u);
	step->how = HOW_FP;
	step->exact = false;
	step->thumb = rec.ra & 1;
	step->floor_va = rec.sp;
	return true;
}

/* ---- what the code says ------------------------------------------------------------------ */

static bool step_by_prologue(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step, bool thumb)
{
	uint32_t sp = io->v[ARM_SP], value;
	uint64_t lo, hi, target;
	struct arm_prologue p;
	struct regs r = { 0 };

	if (!regs_has(io, ARM_SP) || (sp & 3) || !env_stack(env, sp, &lo, &hi) ||
		!arm_find_prologue(env, io->v[ARM_PC], thumb, &p) || p.below > hi - sp)
		return false;
	uint64_t va = sp + p.below;
	for (unsigned i = 4; i <= ARM_LR; i++) {
		if (!(p.pushed >> i & 1)) {
			if (i < ARM_IP && regs_has(io, i))
				regs_set(&r, i, io->v[i]);
			continue;
		}
		uint64_t slot = va + 4u * (unsigned)__builtin_popcount(p.pushed & ((1u << i) - 1));
		if (slot + 4 > hi || !read_word(env, abi, (uint32_t)slot, &value))
			return false;
		regs_set(&r, i, value);
	}
	uint32_t ra = r.v[ARM_LR];
	uint64_t up = va + 4u * (unsigned)__builtin_popcount(p.pushed) + p.above;
	if (up > hi || !can_return_to(env, ra, &target) ||
		(target &&
			(p.va < (target & ~1ull) || p.va - (target & ~1ull) > ARM_PROLOGUE_BYTES)))
		return false;
	r.valid &= ~(1ull << ARM_LR | 1ull << ARM_IP);
	regs_set(&r, ARM_SP, up);
	regs_set(&r, ARM_PC, ra & ~1u);
	*io = r;
	step->how = HOW_SCAN;
	step->exact = false;
	step->thumb = ra & 1;
	step->floor_va = up;
	return true;
}

/* ---- signals ----------------------------------------------------------------------------- */

/*
 * At sp stands struct sigframe, of rt_sigreturn behind a siginfo of 128 bytes
 * (arch/arm/include/asm/signal.h): a ucontext whose uc_mcontext is at 20, with three words before
 * r0 … pc, cpsr.
 */
static bool step_from_signal(const struct arch_env *env, const struct abi *abi, struct regs *io,
	struct unwind_step *step, bool thumb)
{
	enum { REGS_OFF = 20 + 12, SIGINFO = 128 };
	uint32_t number = sigreturn_at(env, io->v[ARM_PC], thumb), sp = io->v[ARM_SP], v;
	uint64_t lo, hi;
	struct regs r = { 0 };

	if (step->exact || !regs_has(io, ARM_SP) || !number)
		return false;
	uint32_t va = sp + (number == 173 ? SIGINFO : 0) + REGS_OFF;
	for (unsigned i = 0; i <= ARM_CPSR; i++)
		if (read_word(env, abi, va + 4 * i, &v))
			regs_set(&r, i, v);
	if (!regs_has(&r, ARM_CPSR) || !arch_arm.user_mode(&r) || !r.v[ARM_PC] ||
		!env_stack(env, r.v[ARM_SP], &lo, &hi))
		return false;
	*io = r;
	step->how = HOW_REGS;
	step->exact = true;
	step->pt_regs_va = va;
	step->floor_va = r.v[ARM_SP];
	return true;
}

/* Nobody called the first function of a program or a thread: the tables have an entry for it that
 * says no more than that (EHABI section 6, EXIDX_CANTUNWIND). Where it says so of more, a chain may
 * break off here. */
static bool at_outermost(const struct arch_env *env, const struct abi *abi, uint32_t pc)
{
	enum { BYTES_MAX = 128 };
	uint64_t start, stop;
	struct exidx_entry e;

	return env_unwind_table(env, pc, &start, &stop) &&
	       exidx_find(env, abi, start, stop, pc, &e) && e.word == EXIDX_CANTUNWIND &&
	       pc - (e.fn & ~1u) < BYTES_MAX;
}

struct err *arm_unwind_user(const struct arch_env *env, const struct arch_layout *l,
	struct regs *io, struct unwind_step *step)
{
	const struct abi abi = { .word_bytes = 4, .big_endian = l->paging.big_endian };
	struct err *err = interrupt_check();

	if (err)
		return err;
	bool thumb = step->exact ? io->v[ARM_CPSR] & CPSR_T : step->thumb;
	*step = (struct unwind_step){
		.exact = step->exact, .floor_va = step->floor_va, .thumb = thumb
	};
	if (!regs_has(io, ARM_PC))
		arm_unwind_end(step, true, "program counter is not known");
	else if (step_from_signal(env, &abi, io, step, thumb) ||
		 step_by_table(env, &abi, io, step) || step_to_lr(env, io, step, thumb) ||
		 step_by_record(env, &abi, io, step, thumb) ||
		 step_by_prologue(env, &abi, io, step, thumb))
		return NULL;
	else if (at_outermost(env, &abi, io->v[ARM_PC]))
		arm_unwind_end(step, false, "outermost frame");
	else
		arm_unwind_end(step, true, "no unwind information");
	return NULL;
}
