/*
 * The stubs behind ARM32's exception vectors: where a CPU that is stopped there has left the
 * interrupted context. Knows nothing of the vectors themselves, where all is in registers still.
 */
#include "arch/arm/arm.h"

/*
 * arch/arm/kernel/entry-armv.S, vector_stub, v4.19 to v7.2: `sub lr, lr, #correction` (not for
 * all), `stmia sp, {r0, lr}`, `mrs lr, spsr`, `str lr, [sp, #8]`; from then on r0, pc and cpsr of
 * the interrupted code stand in the three words of stacks[CPU] that the mode's sp points to. The
 * page of stubs is the second of the vectors.
 */
enum { STUBS = 0xffff1000u, STUBS_BYTES = 4096, STUB_WORDS = 32 };
enum { STM = 0xe88d4001u, STR = 0xe58de008u, SUB = 0xe24ee000u };

static bool own_mode(uint32_t cpsr)
{
	uint32_t mode = cpsr & 31;
	return mode == 0x11 || mode == 0x12 || mode == 0x17 || mode == 0x1b; /* FIQ IRQ ABT UND */
}

static bool code_at(const struct arch_env *env, uint32_t va, uint32_t *ret)
{
	uint8_t raw[4];
	if (va < STUBS || va - STUBS > STUBS_BYTES - 4 || !env_read(env, va, raw, sizeof(raw)))
		return false;
	*ret = load_u32le(raw); /* little-endian on BE8 too */
	return true;
}

/* The `stmia` of the stub that @pc is in, at or before @pc, or else right behind. */
static bool find_store(const struct arch_env *env, uint32_t pc, uint32_t *ret_va)
{
	uint32_t insn;
	for (unsigned i = 0; i < STUB_WORDS && code_at(env, pc - 4 * i, &insn); i++) {
		if (insn == STM) {
			*ret_va = pc - 4 * i;
			return true;
		}
		if ((insn & 0xffffff00) == SUB)
			break;
	}
	for (unsigned i = 0; i < 2 && code_at(env, pc + 4 * i, &insn); i++)
		if (insn == STM) {
			*ret_va = pc + 4 * i;
			return true;
		}
	return false;
}

bool arm_interrupted_entry(const struct arch_env *env, const struct abi *abi, struct regs *io)
{
	const uint64_t lost = 1ull << ARM_LR | 1ull << ARM_SP | 1ull << ARM_CPSR;
	uint32_t pc = (uint32_t)io->v[ARM_PC], sp = (uint32_t)io->v[ARM_SP], store, insn;
	uint8_t raw[12];

	if (!own_mode((uint32_t)io->v[ARM_CPSR]) || !find_store(env, pc, &store))
		return false;
	if (pc <= store) { /* nothing is saved yet: lr leads back, corrected or not */
		uint32_t lr = (uint32_t)io->v[ARM_LR];
		if (code_at(env, pc, &insn) && (insn & 0xffffff00) == SUB)
			lr -= insn & 0xff;
		regs_set(io, ARM_PC, lr);
		io->valid &= ~lost;
		return true;
	}
	if ((sp & 3) || !env_read(env, sp, raw, sizeof(raw)))
		return false;
	regs_set(io, 0, get_u32(abi, raw));
	regs_set(io, ARM_PC, get_u32(abi, raw + 4));
	io->valid &= ~lost;
	/* `str lr, [sp, #8]` comes two instructions later. */
	if (pc > store + 8 && code_at(env, store + 8, &insn) && insn == STR)
		regs_set(io, ARM_CPSR, get_u32(abi, raw + 8));
	return true;
}
