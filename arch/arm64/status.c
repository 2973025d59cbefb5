/* PSTATE in words, as it stands in SPSR_EL1 and struct pt_regs. Knows nothing of other registers.
 */
#include "arch/arm64/arm64.h"

/* Arm ARM D19.2, SPSR_EL1; arch/arm64/include/uapi/asm/ptrace.h, v6.1: PSR_*. Flags and masks as
 * the kernel's print_pstate() has them: a capital letter is a set bit. */
static void describe_aarch64(uint64_t status, struct strbuf *out)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} extra[] = { { 25, "TCO" }, { 24, "DIT" }, { 23, "UAO" }, { 22, "PAN" }, { 21, "SS" },
		{ 20, "IL" }, { 12, "SSBS" } };
	static const char *const mode[16] = { [0] = "EL0t",
		[4] = "EL1t",
		[5] = "EL1h",
		[8] = "EL2t",
		[9] = "EL2h",
		[12] = "EL3t",
		[13] = "EL3h" };

	for (unsigned i = 0; i < 4; i++)
		strbuf_addf(out, "%c", status >> (9 - i) & 1 ? "DAIF"[i] : "daif"[i]);
	for (size_t i = 0; i < sizeof(extra) / sizeof(extra[0]); i++)
		if (status >> extra[i].bit & 1)
			strbuf_addf(out, " %s", extra[i].name);
	if (status >> 10 & 3)
		strbuf_addf(out, " BTYPE=%u", (unsigned)(status >> 10 & 3));
	strbuf_addf(out, " %s", mode[status & 15] ? mode[status & 15] : "impossible mode");
}

void arm64_describe_status(uint64_t status, struct strbuf *out)
{
	for (unsigned i = 0; i < 4; i++)
		strbuf_addf(out, "%c", status >> (31 - i) & 1 ? "NZCV"[i] : "nzcv"[i]);
	strbuf_add(out, " ");
	if (status & 0x10) /* PSR_MODE32_BIT */
		strbuf_add(out, status & 0x20 ? "AArch32 Thumb" : "AArch32");
	else
		describe_aarch64(status, out);
}

/* arch/arm64/include/uapi/asm/ptrace.h, v7.2: EL1 or EL2 (VHE) with either stack pointer. Bits
 * above 31 are EL3's and FEAT_*'s, which Linux does not set in a saved PSTATE but for PSR_EXLOCK
 * and the like. */
bool arm64_kernel_status(uint64_t status)
{
	uint64_t mode = status & 0x1f;

	return status >> 36 == 0 && (mode == 4 || mode == 5 || mode == 8 || mode == 9);
}
