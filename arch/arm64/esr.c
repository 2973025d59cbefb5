/* ESR_EL1 in words, and which entry code means which exception. Knows numbers only: neither what
 * the address was nor whose fault it is. */
#include <string.h>

#include "analyzer/base/scope.h"
#include "arch/arm64/arm64.h"

/* Arm ARM D19.2.37, ESR_EL1: EC is bits 31:26, IL bit 25, ISS 24:0. */
enum {
	EC_UNKNOWN = 0x00,
	EC_BTI = 0x0d,
	EC_ILL = 0x0e,
	EC_FPAC = 0x1c,
	EC_IABT_LOW = 0x20,
	EC_IABT_CUR = 0x21,
	EC_PC_ALIGN = 0x22,
	EC_DABT_LOW = 0x24,
	EC_DABT_CUR = 0x25,
	EC_SP_ALIGN = 0x26,
	EC_MOPS = 0x27,
	EC_GCS = 0x2d,
	EC_SERROR = 0x2f,
	EC_WATCHPT_LOW = 0x34,
	EC_WATCHPT_CUR = 0x35,
	EC_BRK64 = 0x3c,
};

/* The kernel's short words where it has any: arch/arm64/kernel/traps.c, v6.1 to v7.2,
 * esr_class_str[]. */
static const char *const class_name[64] = { [EC_UNKNOWN] = "Unknown/Uncategorized",
	[0x01] = "WFI/WFE",
	[0x03] = "CP15 MCR/MRC",
	[0x04] = "CP15 MCRR/MRRC",
	[0x05] = "CP14 MCR/MRC",
	[0x06] = "CP14 LDC/STC",
	[0x07] = "ASIMD",
	[0x08] = "CP10 MRC/VMRS",
	[0x09] = "PAC",
	[0x0a] = "LD64B/ST64B*",
	[0x0c] = "CP14 MCRR/MRRC",
	[EC_BTI] = "BTI",
	[EC_ILL] = "PSTATE.IL",
	[0x11] = "SVC (AArch32)",
	[0x12] = "HVC (AArch32)",
	[0x13] = "SMC (AArch32)",
	[0x15] = "SVC (AArch64)",
	[0x16] = "HVC (AArch64)",
	[0x17] = "SMC (AArch64)",
	[0x18] = "MSR/MRS (AArch64)",
	[0x19] = "SVE",
	[0x1a] = "ERET/ERETAA/ERETAB",
	[EC_FPAC] = "FPAC",
	[0x1d] = "SME",
	[0x1f] = "EL3 IMP DEF",
	[EC_IABT_LOW] = "IABT (lower EL)",
	[EC_IABT_CUR] = "IABT (current EL)",
	[EC_PC_ALIGN] = "PC Alignment",
	[EC_DABT_LOW] = "DABT (lower EL)",
	[EC_DABT_CUR] = "DABT (current EL)",
	[EC_SP_ALIGN] = "SP Alignment",
	[EC_MOPS] = "MOPS",
	[0x28] = "FP (AArch32)",
	[0x2c] = "FP (AArch64)",
	[EC_GCS] = "Guarded Control Stack",
	[EC_SERROR] = "SError",
	[0x30] = "Breakpoint (lower EL)",
	[0x31] = "Breakpoint (current EL)",
	[0x32] = "Software Step (lower EL)",
	[0x33] = "Software Step (current EL)",
	[EC_WATCHPT_LOW] = "Watchpoint (lower EL)",
	[EC_WATCHPT_CUR] = "Watchpoint (current EL)",
	[0x38] = "BKPT (AArch32)",
	[0x3a] = "Vector catch (AArch32)",
	[EC_BRK64] = "BRK (AArch64)" };

/* Arm ARM D19.2.37, "ISS encoding for an exception from a Data Abort", DFSC; IFSC is the same where
 * both have a code. Levels -1 are FEAT_LPA2's. */
static const struct {
	const char *name;
	enum fault_cause cause;
} fault_code[64] = {
	[0x00] = { "ttbr address size fault", CAUSE_ADDRESS_SIZE },
	[0x01] = { "level 1 address size fault", CAUSE_ADDRESS_SIZE },
	[0x02] = { "level 2 address size fault", CAUSE_ADDRESS_SIZE },
	[0x03] = { "level 3 address size fault", CAUSE_ADDRESS_SIZE },
	[0x04] = { "level 0 translation fault", CAUSE_TRANSLATION },
	[0x05] = { "level 1 translation fault", CAUSE_TRANSLATION },
	[0x06] = { "level 2 translation fault", CAUSE_TRANSLATION },
	[0x07] = { "level 3 translation fault", CAUSE_TRANSLATION },
	[0x08] = { "level 0 access flag fault", CAUSE_ACCESS_FLAG },
	[0x09] = { "level 1 access flag fault", CAUSE_ACCESS_FLAG },
	[0x0a] = { "level 2 access flag fault", CAUSE_ACCESS_FLAG },
	[0x0b] = { "level 3 access flag fault", CAUSE_ACCESS_FLAG },
	[0x0c] = { "level 0 permission fault", CAUSE_PERMISSION },
	[0x0d] = { "level 1 permission fault", CAUSE_PERMISSION },
	[0x0e] = { "level 2 permission fault", CAUSE_PERMISSION },
	[0x0f] = { "level 3 permission fault", CAUSE_PERMISSION },
	[0x10] = { "synchronous external abort", CAUSE_EXTERNAL },
	[0x11] = { "synchronous tag check fault", CAUSE_TAG },
	[0x13] = { "level -1 (translation table walk)", CAUSE_EXTERNAL },
	[0x14] = { "level 0 (translation table walk)", CAUSE_EXTERNAL },
	[0x15] = { "level 1 (translation table walk)", CAUSE_EXTERNAL },
	[0x16] = { "level 2 (translation table walk)", CAUSE_EXTERNAL },
	[0x17] = { "level 3 (translation table walk)", CAUSE_EXTERNAL },
	[0x18] = { "synchronous parity or ECC error", CAUSE_EXTERNAL },
	[0x1b] = { "level -1 synchronous parity error (translation table walk)", CAUSE_EXTERNAL },
	[0x1c] = { "level 0 synchronous parity error (translation table walk)", CAUSE_EXTERNAL },
	[0x1d] = { "level 1 synchronous parity error (translation table walk)", CAUSE_EXTERNAL },
	[0x1e] = { "level 2 synchronous parity error (translation table walk)", CAUSE_EXTERNAL },
	[0x1f] = { "level 3 synchronous parity error (translation table walk)", CAUSE_EXTERNAL },
	[0x21] = { "alignment fault", CAUSE_ALIGNMENT },
	[0x29] = { "level -1 address size fault", CAUSE_ADDRESS_SIZE },
	[0x2b] = { "level -1 translation fault", CAUSE_TRANSLATION },
	[0x30] = { "TLB conflict abort", CAUSE_OTHER },
	[0x31] = { "unsupported atomic hardware update fault", CAUSE_OTHER },
	[0x34] = { "implementation fault (lockdown abort)", CAUSE_OTHER },
	[0x35] = { "implementation fault (unsupported exclusive)", CAUSE_OTHER },
	[0x3d] = { "section domain fault", CAUSE_DOMAIN },
	[0x3e] = { "page domain fault", CAUSE_DOMAIN },
};

/* arch/arm64/include/asm/brk-imm.h, v5.10 to v7.2 */
static const char *brk_meaning(unsigned imm)
{
	switch (imm) {
	case 0x004:
	case 0x005:
	case 0x006:
		return "kprobes";
	case 0x00d:
		return "uretprobe";
	case 0x100:
		return "a deliberate fault (FAULT_BRK_IMM)";
	case 0x400:
	case 0x401:
		return "KGDB";
	case 0x800:
		return "BUG() or WARN()";
	}
	if (imm >= 0x900 && imm <= 0x9ff)
		return "KASAN, inline check";
	if (imm >= 0x5500 && imm <= 0x55ff)
		return "UBSAN trap";
	if (imm >= 0x8000 && imm <= 0x83ff)
		return "CFI: a call to a function of another type";
	return NULL;
}

static const char *access_size(unsigned sas)
{
	static const char *const name[] = { "1 byte", "2 bytes", "4 bytes", "8 bytes" };

	return name[sas & 3];
}

static void describe_abort(uint64_t esr, bool data, struct fault_status *ret)
{
	unsigned code = esr & 0x3f;
	bool fnv = esr >> 10 & 1, cm = esr >> 8 & 1, wnr = esr >> 6 & 1;

	ret->details = fault_code[code].name ? fault_code[code].name : "unknown fault status";
	ret->cause = fault_code[code].cause;
	ret->has_address = !fnv;
	/* Cache maintenance always counts as a write. */
	ret->access = !data	   ? FAULT_EXECUTES
		      : wnr && !cm ? FAULT_WRITES
		      : cm	   ? FAULT_ACCESS_UNKNOWN
				   : FAULT_READS;
	fault_field_add(ret, data ? "DFSC" : "IFSC", code, ret->details);
	if (data && esr >> 24 & 1) {
		fault_field_add(ret, "ISV", 1, "the register is known");
		fault_field_add(ret, "SAS", esr >> 22 & 3, access_size(esr >> 22 & 3));
		fault_field_add(ret, "SSE", esr >> 21 & 1, NULL);
		fault_field_add(ret, "SRT", esr >> 16 & 31, NULL);
		fault_field_add(ret, "SF", esr >> 15 & 1, NULL);
		fault_field_add(ret, "AR", esr >> 14 & 1, NULL);
	} else {
		fault_field_add(ret, "SET", esr >> 11 & 3, NULL);
	}
	fault_field_add(ret, "FnV", fnv, fnv ? "the fault address is not valid" : NULL);
	fault_field_add(ret, "EA", esr >> 9 & 1, NULL);
	if (data)
		fault_field_add(ret, "CM", cm, cm ? "cache maintenance" : NULL);
	fault_field_add(ret, "S1PTW", esr >> 7 & 1, esr >> 7 & 1 ? "in a walk of stage 1" : NULL);
	if (data)
		fault_field_add(ret, "WnR", wnr, cm ? NULL : wnr ? "a write" : "a read");
}

void arm64_describe_fault(uint64_t esr, struct fault_status *ret)
{
	unsigned ec = esr >> 26 & 0x3f, iss = esr & 0x1ffffff;

	*ret = (struct fault_status){ .what = class_name[ec] ? class_name[ec]
							     : "unknown exception class" };
	fault_field_add(ret, "EC", ec, ret->what);
	fault_field_add(ret, "IL", esr >> 25 & 1, esr >> 25 & 1 ? "32 bits" : "16 bits");
	fault_field_add(ret, "ISS", iss, NULL);
	switch (ec) {
	case EC_IABT_LOW:
	case EC_IABT_CUR:
		describe_abort(esr, false, ret);
		break;
	case EC_DABT_LOW:
	case EC_DABT_CUR:
		describe_abort(esr, true, ret);
		break;
	case EC_PC_ALIGN:
		ret->access = FAULT_EXECUTES;
		ret->cause = CAUSE_ALIGNMENT;
		ret->has_address = true;
		break;
	case EC_SP_ALIGN:
		ret->cause = CAUSE_ALIGNMENT;
		break;
	case EC_WATCHPT_LOW:
	case EC_WATCHPT_CUR:
		ret->access = iss >> 6 & 1 ? FAULT_WRITES : FAULT_READS;
		ret->has_address = true;
		break;
	case EC_BRK64:
		ret->details = brk_meaning(iss & 0xffff);
		fault_field_add(ret, "comment", iss & 0xffff, ret->details);
		break;
	default:
		break;
	}
}

/* Syndromes of exceptions from EL1 that the kernel dies of. IL is set but for 16-bit instructions,
 * which EL1 of an AArch64 kernel never runs; bits 63:56 are reserved. */
bool arm64_plausible_fault(uint64_t esr)
{
	unsigned ec = esr >> 26 & 0x3f, code = esr & 0x3f;

	if (esr >> 32 || !(esr >> 25 & 1))
		return false;
	if (ec == EC_DABT_CUR || ec == EC_IABT_CUR)
		return fault_code[code].name && !(esr >> 15 & 0x3ff && ec == EC_IABT_CUR);
	if (ec == EC_BRK64)
		return !(esr & 0x1ff0000);
	return ec == EC_PC_ALIGN || ec == EC_SP_ALIGN || ec == EC_FPAC || ec == EC_BTI ||
	       ec == EC_ILL || ec == EC_GCS || (ec == EC_UNKNOWN && !(esr & 0x1ffffff)) ||
	       ec == EC_SERROR;
}

/*
 * arch/arm64/kernel/entry.S: el1_sync and the like up to v5.10, el1h_64_sync since v5.14, which
 * calls …_handler(); el1t_ is without a stack of its own. __bad_stack: the stack ran over.
 */
const char *arm64_exception_name(const char *entry, enum exception_kind *ret_kind)
{
	static const struct {
		const char *prefix, *name;
		enum exception_kind kind;
	} entries[] = {
		{ "el1_sync", "synchronous exception", EXCEPTION_FAULT },
		{ "el1h_64_sync", "synchronous exception", EXCEPTION_FAULT },
		{ "el1t_64_sync", "synchronous exception", EXCEPTION_FAULT },
		{ "el1_irq", "interrupt", EXCEPTION_ASIDE },
		{ "el1h_64_irq", "interrupt", EXCEPTION_ASIDE },
		{ "el1_fiq", "fast interrupt", EXCEPTION_ASIDE },
		{ "el1h_64_fiq", "fast interrupt", EXCEPTION_ASIDE },
		{ "el1_error", "SError", EXCEPTION_FAULT },
		{ "el1h_64_error", "SError", EXCEPTION_FAULT },
		{ "__bad_stack", "stack overflow", EXCEPTION_FAULT },
		{ "__sdei_asm_handler", "SDEI event", EXCEPTION_ASIDE },
		{ "__sdei_handler", "SDEI event", EXCEPTION_ASIDE },
	};

	for (size_t i = 0; entry && i < ARRAY_SIZE(entries); i++) {
		if (strncmp(entry, entries[i].prefix, strlen(entries[i].prefix)))
			continue;
		*ret_kind = entries[i].kind;
		return entries[i].name;
	}
	return NULL;
}
