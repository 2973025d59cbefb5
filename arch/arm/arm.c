/*
 * ARM32 as data: registers, note layout, where a switched-out task keeps its registers, calls in
 * ARM and Thumb-2 code. What is more than a table stands in the files beside it.
 */
#include <capstone/capstone.h>
#include <elf.h>

#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"

static const char *const reg_name[ARM_NREGS] = { "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7",
	"r8", "r9", "r10", "fp", "ip", "sp", "lr", "pc", "cpsr", "orig_r0" };

/*
 * arch/arm/include/asm/thread_info.h, struct cpu_context_save; __switch_to stores lr as pc. v6.1
 * has thread_info inside task_struct, v5.15 and older at the stack's base.
 */
#define HOMES(prefix)                                                                              \
	{ 4, { prefix "r4" } }, { 5, { prefix "r5" } }, { 6, { prefix "r6" } },                    \
		{ 7, { prefix "r7" } }, { 8, { prefix "r8" } }, { 9, { prefix "r9" } },            \
		{ 10, { prefix "sl" } }, { ARM_FP, { prefix "fp" } }, { ARM_SP, { prefix "sp" } }, \
	{                                                                                          \
		ARM_PC,                                                                            \
		{                                                                                  \
			prefix "pc"                                                                \
		}                                                                                  \
	}

static const struct reg_home switch_home[] = { HOMES("thread_info.cpu_context.") };
static const struct reg_home thread_info_home[] = { HOMES("cpu_context.") };

static uint64_t arm_strip(const struct arch_layout *l, uint64_t va)
{
	(void)l;
	return va;
}

/* arch/arm/kernel/irq.c, traps.c: both hold the upper end; since v5.18, with VMAP_STACK */
static const struct arch_stack arm_stacks[] = {
	{ .name = "irq", .symbol = "irq_stack_ptr", .is_pointer = true, .is_top = true },
	{ .name = "overflow",
		.symbol = "overflow_stack_ptr",
		.is_pointer = true,
		.is_top = true,
		.bytes = 4096 },
	{ 0 }
};

/*
 * ARM ARM v7-A, B1.8.3, table B1-7: how far lr of the exception's mode is past the interrupted
 * instruction, by vector. Only on the vector itself is lr still what the CPU put there.
 */
static bool arm_interrupted(struct regs *io)
{
	enum { VECTORS_HIGH = 0xffff0000u, MODE_MASK = 0x1f, IRQ = 0x12, ABT = 0x17, UND = 0x1b };
	static const uint8_t past[8] = { 0, 4, 0, 4, 8, 0, 4, 0 };
	uint32_t vector = (uint32_t)io->v[ARM_PC] - VECTORS_HIGH,
		 mode = io->v[ARM_CPSR] & MODE_MASK;
	if (vector >= sizeof(past) * 4 || !past[vector / 4] ||
		(mode != IRQ && mode != ABT && mode != UND))
		return false;
	regs_set(io, ARM_PC, (uint32_t)io->v[ARM_LR] - past[vector / 4]);
	io->valid &= ~(1ull << ARM_LR | 1ull << ARM_SP | 1ull << ARM_CPSR);
	return true;
}

/* arch/arm/include/asm/ptrace.h, v6.1: user_mode() is mode bits 3:0 == 0 (USR26 and USR32) */
static bool arm_user_mode(const struct regs *r)
{
	return regs_has(r, ARM_CPSR) && (r->v[ARM_CPSR] & 0xf) == 0;
}

/* ARM ARM v7-A, A8.8.25 BL, BLX (immediate), encodings T1 and T2; A8.8.26 BLX (register) */
static bool thumb_is_call(const uint8_t code[4], uint32_t ra, uint64_t *ret_target)
{
	uint32_t h1 = load_u16le(code), h2 = load_u16le(code + 2);

	if ((h2 & 0xff87) == 0x4780 && (h2 >> 3 & 15) != ARM_PC) {
		*ret_target = 0;
		return true;
	}
	if ((h1 & 0xf800) != 0xf000 || (h2 & 0xc000) != 0xc000)
		return false;
	bool to_arm = !(h2 & 1 << 12);
	if (to_arm && (h2 & 1))
		return false;
	uint32_t s = h1 >> 10 & 1, i1 = !((h2 >> 13 & 1) ^ s), i2 = !((h2 >> 11 & 1) ^ s);
	uint32_t imm = s << 24 | i1 << 23 | i2 << 22 | (h1 & 0x3ff) << 12 | (h2 & 0x7ff) << 1;
	uint32_t pc = to_arm ? ra & ~3u : ra; /* the call's own address + 4 is @ra */
	*ret_target = (uint32_t)(pc + (uint32_t)sign_extend(imm, 25));
	return true;
}

static bool arm_is_call(const uint8_t code[4], uint64_t ra, uint64_t *ret_target)
{
	uint32_t insn = load_u32le(code); /* instructions are little-endian on BE8 too */

	if (ra & 1)
		return thumb_is_call(code, (uint32_t)ra - 1, ret_target);
	uint32_t pc = (uint32_t)ra + 4;		 /* the call's own address + 8 */
	if ((insn & 0xfe000000) == 0xfa000000) { /* BLX imm: H is bit 24 */
		uint32_t off = (uint32_t)sign_extend((insn & 0xffffff) << 2, 26);
		*ret_target = (uint32_t)(pc + off + (insn >> 24 & 1) * 2);
		return true;
	}
	if (insn >> 28 == 0xf)
		return false;
	if ((insn & 0x0f000000) == 0x0b000000) { /* BL */
		*ret_target = (uint32_t)(pc + (uint32_t)sign_extend((insn & 0xffffff) << 2, 26));
		return true;
	}
	/*
	 * BLX register. ARMv4 has none: there `mov lr, pc` stands one instruction earlier and what
	 * is before @ra is a jump, `mov pc, rN` or `ldr pc, [rN …]` (not through pc: a switch
	 * table; not through sp: a return).
	 */
	bool blx = (insn & 0x0ffffff0) == 0x012fff30 && (insn & 15) != ARM_PC;
	bool mov = (insn & 0x0ffffff0) == 0x01a0f000 && (insn & 15) < ARM_SP;
	bool ldr = (insn & 0x0e50f000) == 0x0410f000 && (insn >> 16 & 15) < ARM_SP;
	if (!blx && !mov && !ldr)
		return false;
	*ret_target = 0;
	return true;
}

const struct arch arch_arm = {
	.name = "arm",
	.elf_machine = EM_ARM,
	.abi = { .word_bytes = 4 },
	.reg_name = reg_name,
	.nregs = ARM_NREGS,
	.reg_pc = ARM_PC,
	.reg_sp = ARM_SP,
	.reg_fp = ARM_FP,
	.reg_lr = ARM_LR,
	.reg_status = ARM_CPSR,
	.saved_regs = 0xff << 4, /* r4 to r11 */
	.noreturn_saves_none = true,
	/* include/linux/elfcore.h: struct elf_prstatus with 18 registers */
	.prstatus_bytes = 148,
	.prstatus_pid_off = 24,
	.prstatus_regs_off = 72,
	.pt_regs_regs = ARM_NREGS,
	.switch_home = switch_home,
	.thread_info_home = thread_info_home,
	.nswitch_home = ARRAY_SIZE(switch_home),
	.stacks = arm_stacks,
	.interrupted = arm_interrupted,
	.layout = arm_layout,
	.find_image = arm_find_image,
	.whole_table = arm_whole_table,
	.address_map = arm_address_map,
	.map_words = arm_map_words,
	/* arch/arm/mm/dump.c, 5.10→5.15: FDT Area and the levels came, vmalloc() End went. */
	.ptdump = { .levelless = "vmalloc() End" },
	.fixmap_pages_above =
		1, /* arch/arm/include/asm/fixmap.h: FIXADDR_TOP = FIXADDR_END - PAGE_SIZE */
	.swap_form = arm_swap_form,
	.vectors = arm_vectors,
	/* PHYS_OFFSET is a multiple of 16 MiB up to v5.10, of 2 MiB since; PAGE_OFFSET of 256 MiB
	 */
	.image_align = 2 << 20,
	.strip = arm_strip,
	.untag = arm_strip,
	.unwind = arm_unwind,
	.unwind_user = arm_unwind_user,
	.user_mode = arm_user_mode,
	.interrupted_entry = arm_interrupted_entry,
	.kernel_status = arm_kernel_status,
	.stack_reserve_bytes = 8, /* arch/arm/include/asm/thread_info.h, L8: THREAD_START_SP */
	.describe_status = arm_describe_status,
	.describe_fault = arm_describe_fault,
	.exception_name = arm_exception_name,
	.trap_name = arm_trap_name,
	.is_call = arm_is_call,
	.tail = arm_tail,
	.saved_regs_at = arm_saved_regs,
	.code_refs = arm_code_refs,
	.canary = arm_canary,
	.capstone_arch = CS_ARCH_ARM,
	.capstone_mode = CS_MODE_ARM,
	.capstone_thumb_mode = CS_MODE_THUMB,
};
