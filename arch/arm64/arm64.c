/*
 * arm64 as data: registers, note layout, where a switched-out task keeps its registers, tags and
 * pointer authentication, calls. What is more than a table stands in the files beside it.
 */
#include <capstone/capstone.h>
#include <elf.h>

#include "analyzer/base/scope.h"
#include "arch/arm64/arm64.h"

static const char *const reg_name[A64_NREGS] = { "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7",
	"x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20",
	"x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp", "pc",
	"pstate" };

/* arch/arm64/include/asm/processor.h, L8: struct cpu_context; cpu_switch_to stores lr as pc. */
#define HOME(n)                                                                                    \
	{                                                                                          \
		n,                                                                                 \
		{                                                                                  \
			"thread.cpu_context.x" #n                                                  \
		}                                                                                  \
	}
static const struct reg_home switch_home[] = { HOME(19), HOME(20), HOME(21), HOME(22), HOME(23),
	HOME(24), HOME(25), HOME(26), HOME(27), HOME(28), { A64_FP, { "thread.cpu_context.fp" } },
	{ A64_SP, { "thread.cpu_context.sp" } }, { A64_PC, { "thread.cpu_context.pc" } } };

/* arch/arm64/include/asm/memory.h, L8: __untagged_addr() extends the sign from bit 55. */
static uint64_t arm64_untag(const struct arch_layout *l, uint64_t va)
{
	(void)l;
	return (uint64_t)sign_extend(va, 56);
}

/* arch/arm64/include/asm/pointer_auth.h, V:5.10 7.3: the signature fills the bits from
 * vabits_actual up, without bit 55, which selects the half. */
uint64_t arm64_strip(const struct arch_layout *l, uint64_t va)
{
	uint64_t low = (1ull << l->paging.va_bits) - 1;

	return va >> 55 & 1 ? va | ~low : va & low;
}

/* arch/arm64/include/asm/ptrace.h, L8: PSR_MODE_EL0t is 0, for AArch32 too. */
static bool arm64_user_mode(const struct regs *r)
{
	return regs_has(r, A64_PSTATE) && (r->v[A64_PSTATE] & 0xf) == 0;
}

/* Arm ARM C6.2: BL; BLR, BLRAAZ, BLRABZ, BLRAA, BLRAB */
static bool arm64_is_call(const uint8_t code[4], uint64_t ra, uint64_t *ret_target)
{
	uint32_t insn = load_u32le(code);

	if ((insn & 0xfc000000) == 0x94000000) {
		*ret_target = ra - 4 + (uint64_t)sign_extend((insn & 0x03ffffff) << 2, 28);
		return true;
	}
	if ((insn & 0xfffffc1f) == 0xd63f0000 || (insn & 0xfffff81f) == 0xd63f081f ||
		(insn & 0xfffff800) == 0xd73f0800) {
		*ret_target = 0;
		return true;
	}
	return false;
}

/* arch/arm64/kernel/irq.c, traps.c, sdei.c, 4.19 to 7.3: the pointers hold the base */
static const struct arch_stack arm64_stacks[] = {
	{ .name = "irq", .symbol = "irq_stack_ptr", .is_pointer = true },
	{ .name = "overflow", .symbol = "overflow_stack", .bytes = 4096 },
	{ .name = "sdei normal", .symbol = "sdei_stack_normal_ptr", .is_pointer = true },
	{ .name = "sdei critical", .symbol = "sdei_stack_critical_ptr", .is_pointer = true },
	/* Runtime services of EFI (arch/arm64/kernel/efi.c, since 6.2 and 6.1.7). */
	{ .name = "efi",
		.symbol = "efi_rt_stack_top",
		.is_pointer = true,
		.is_top = true,
		.is_global = true },
	{ 0 }
};

const struct arch arch_arm64 = {
	.name = "arm64",
	.elf_machine = EM_AARCH64,
	.abi = { .word_bytes = 8 },
	.reg_name = reg_name,
	.nregs = A64_NREGS,
	.reg_pc = A64_PC,
	.reg_sp = A64_SP,
	.reg_fp = A64_FP,
	.reg_lr = A64_LR,
	.reg_status = A64_PSTATE,
	.saved_regs = 0x7ffull << 19, /* x19 to x29 */
	.frame_records = true,
	/* include/linux/elfcore.h: struct elf_prstatus with 34 registers */
	.prstatus_bytes = 392,
	.prstatus_pid_off = 32,
	.prstatus_regs_off = 112,
	.pt_regs_regs = A64_NREGS,
	.switch_home = switch_home,
	.nswitch_home = ARRAY_SIZE(switch_home),
	.stacks = arm64_stacks,
	.layout = arm64_layout,
	.find_image = arm64_find_image,
	.whole_table = arm64_whole_table,
	.address_map = arm64_address_map,
	.map_words = arm64_map_words,
	.ptdump = { .holes = true },
	.swap_form = arm64_swap_form,
	.vectors = arm64_vectors,
	.cpu_vectors = "this_cpu_vector",
	/* Relocatable kernels keep 64 KiB only: include/linux/efi.h, EFI_KIMG_ALIGN; the boot
	 * protocol's 2 MiB hold for the others. */
	.image_align = 64 << 10,
	.strip = arm64_strip,
	.untag = arm64_untag,
	.unwind = arm64_unwind,
	.unwind_user = arm64_unwind_user,
	.compat_machine = EM_ARM,
	.compat_regs = arm64_compat_regs,
	.user_mode = arm64_user_mode,
	.kernel_status = arm64_kernel_status,
	.describe_status = arm64_describe_status,
	.describe_fault = arm64_describe_fault,
	.plausible_fault = arm64_plausible_fault,
	.exception_name = arm64_exception_name,
	.is_call = arm64_is_call,
	.code_refs = arm64_code_refs,
	.canary = arm64_canary,
	.capstone_arch = CS_ARCH_ARM64,
	.capstone_mode = CS_MODE_ARM,
	.capstone_thumb_mode = CS_MODE_ARM,
};
