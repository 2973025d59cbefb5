/* CPSR in words. Knows nothing of other registers. */
#include "arch/arm/arm.h"

/* ARM ARM v7-A, B1.3.3; arch/arm/include/uapi/asm/ptrace.h, v6.1: PSR_*. A capital is a set bit. */
void arm_describe_status(uint64_t status, struct strbuf *out)
{
	static const char *const mode[32] = { [0x10] = "USR",
		[0x11] = "FIQ",
		[0x12] = "IRQ",
		[0x13] = "SVC",
		[0x16] = "MON",
		[0x17] = "ABT",
		[0x1a] = "HYP",
		[0x1b] = "UND",
		[0x1f] = "SYS" };

	for (unsigned i = 0; i < 5; i++)
		strbuf_addf(out, "%c", status >> (31 - i) & 1 ? "NZCVQ"[i] : "nzcvq"[i]);
	strbuf_add(out, " ");
	for (unsigned i = 0; i < 3; i++)
		strbuf_addf(out, "%c", status >> (8 - i) & 1 ? "AIF"[i] : "aif"[i]);
	if (status >> 9 & 1)
		strbuf_add(out, " BE");
	strbuf_addf(out, " %s", mode[status & 31] ? mode[status & 31] : "impossible mode");
	strbuf_add(out, status & 0x20 ? " Thumb" : " ARM");
}

/* arch/arm/include/uapi/asm/ptrace.h, v6.1: any mode but USR; a 26-bit mode no kernel of today has.
 */
bool arm_kernel_status(uint64_t status)
{
	uint64_t mode = status & 31;

	return mode == 0x11 || mode == 0x12 || mode == 0x13 || mode == 0x17 || mode == 0x1a ||
	       mode == 0x1b || mode == 0x1f;
}
