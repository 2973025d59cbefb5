/* DFSR and IFSR in words, both forms, and which entry code means which exception. Knows numbers
 * only. */
#include <string.h>

#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"

/* arch/arm/mm/fault.h, 4.19 to 7.2: what do_PrefetchAbort() hands on has Linux's own bit 31 set. */
enum { LPAE = 1 << 9, FS4 = 1 << 10, WRITE = 1 << 11, EXTERNAL = 1 << 12, CM = 1 << 13 };
static const uint32_t PREFETCH = 1u << 31;

struct fault_words {
	const char *name;
	enum fault_cause cause;
};

/* ARM ARM v7-A, B3.13.3, "short-descriptor format FSR encodings"; level 1 is a section, level 2 a
 * page. Words as Linux has them where it has some (arch/arm/mm/fsr-2level.c). */
static const struct fault_words short_form[32] = {
	[0x01] = { "alignment exception", CAUSE_ALIGNMENT },
	[0x02] = { "debug event", CAUSE_OTHER },
	[0x03] = { "section access flag fault", CAUSE_ACCESS_FLAG },
	[0x04] = { "instruction cache maintenance fault", CAUSE_OTHER },
	[0x05] = { "section translation fault", CAUSE_TRANSLATION },
	[0x06] = { "page access flag fault", CAUSE_ACCESS_FLAG },
	[0x07] = { "page translation fault", CAUSE_TRANSLATION },
	[0x08] = { "synchronous external abort", CAUSE_EXTERNAL },
	[0x09] = { "section domain fault", CAUSE_DOMAIN },
	[0x0b] = { "page domain fault", CAUSE_DOMAIN },
	[0x0c] = { "external abort on translation, level 1", CAUSE_EXTERNAL },
	[0x0d] = { "section permission fault", CAUSE_PERMISSION },
	[0x0e] = { "external abort on translation, level 2", CAUSE_EXTERNAL },
	[0x0f] = { "page permission fault", CAUSE_PERMISSION },
	[0x10] = { "TLB conflict abort", CAUSE_OTHER },
	[0x14] = { "implementation fault (lockdown abort)", CAUSE_OTHER },
	[0x16] = { "imprecise external abort", CAUSE_EXTERNAL },
	[0x18] = { "asynchronous parity error", CAUSE_EXTERNAL },
	[0x19] = { "synchronous parity error", CAUSE_EXTERNAL },
	[0x1a] = { "implementation fault (coprocessor abort)", CAUSE_OTHER },
	[0x1c] = { "parity error on translation, level 1", CAUSE_EXTERNAL },
	[0x1e] = { "parity error on translation, level 2", CAUSE_EXTERNAL },
};

/* B3.13.3, "long-descriptor format FSR encodings" */
static const struct fault_words long_form[64] = {
	[0x05] = { "level 1 translation fault", CAUSE_TRANSLATION },
	[0x06] = { "level 2 translation fault", CAUSE_TRANSLATION },
	[0x07] = { "level 3 translation fault", CAUSE_TRANSLATION },
	[0x09] = { "level 1 access flag fault", CAUSE_ACCESS_FLAG },
	[0x0a] = { "level 2 access flag fault", CAUSE_ACCESS_FLAG },
	[0x0b] = { "level 3 access flag fault", CAUSE_ACCESS_FLAG },
	[0x0d] = { "level 1 permission fault", CAUSE_PERMISSION },
	[0x0e] = { "level 2 permission fault", CAUSE_PERMISSION },
	[0x0f] = { "level 3 permission fault", CAUSE_PERMISSION },
	[0x10] = { "synchronous external abort", CAUSE_EXTERNAL },
	[0x11] = { "asynchronous external abort", CAUSE_EXTERNAL },
	[0x15] = { "synchronous external abort, level 1 translation table walk", CAUSE_EXTERNAL },
	[0x16] = { "synchronous external abort, level 2 translation table walk", CAUSE_EXTERNAL },
	[0x17] = { "synchronous external abort, level 3 translation table walk", CAUSE_EXTERNAL },
	[0x18] = { "synchronous parity error", CAUSE_EXTERNAL },
	[0x19] = { "asynchronous parity error", CAUSE_EXTERNAL },
	[0x1d] = { "synchronous parity error, level 1 translation table walk", CAUSE_EXTERNAL },
	[0x1e] = { "synchronous parity error, level 2 translation table walk", CAUSE_EXTERNAL },
	[0x1f] = { "synchronous parity error, level 3 translation table walk", CAUSE_EXTERNAL },
	[0x21] = { "alignment fault", CAUSE_ALIGNMENT },
	[0x22] = { "debug event", CAUSE_OTHER },
	[0x30] = { "TLB conflict abort", CAUSE_OTHER },
	[0x34] = { "implementation fault (lockdown abort)", CAUSE_OTHER },
	[0x3a] = { "implementation fault (coprocessor abort)", CAUSE_OTHER },
};

/* DFSR bit 9 tells the form: B4.1.52, "LPAE, on taking an exception". IFSR has it in the same
 * place. */
void arm_describe_fault(uint64_t fsr, struct fault_status *ret)
{
	bool lpae = fsr & LPAE, prefetch = fsr & PREFETCH;
	unsigned fs = lpae ? fsr & 0x3f : (fsr & 0xf) | (fsr & FS4) >> 6;
	const struct fault_words *words = lpae ? &long_form[fs] : &short_form[fs];
	/* An asynchronous abort leaves the address register as it was; so does a debug event. */
	bool no_address =
		lpae ? fs == 0x11 || fs == 0x19 || fs == 0x22 : fs == 0x16 || fs == 0x18 || fs == 2;

	*ret = (struct fault_status){
		.what = prefetch ? "prefetch abort" : "data abort",
		.details = words->name ? words->name : "unknown fault status",
		.cause = words->cause,
		.access = prefetch	? FAULT_EXECUTES
			  : fsr & CM	? FAULT_ACCESS_UNKNOWN
			  : fsr & WRITE ? FAULT_WRITES
					: FAULT_READS,
		.has_address = !no_address,
	};
	fault_field_add(ret, lpae ? "STATUS" : "FS", fs, ret->details);
	fault_field_add(ret, "LPAE", lpae, lpae ? "long descriptors" : "short descriptors");
	if (!lpae && !prefetch)
		fault_field_add(ret, "Domain", fsr >> 4 & 0xf, NULL);
	fault_field_add(ret, "ExT", !!(fsr & EXTERNAL), NULL);
	if (prefetch)
		return;
	fault_field_add(ret, "CM", !!(fsr & CM), fsr & CM ? "cache maintenance" : NULL);
	fault_field_add(ret, "WnR", !!(fsr & WRITE),
		fsr & CM      ? NULL
		: fsr & WRITE ? "a write"
			      : "a read");
}

/* arch/arm/kernel/entry-armv.S, 4.19 to 7.2. __bad_stack: the stack ran over (VMAP_STACK). */
const char *arm_exception_name(const char *entry, enum exception_kind *ret_kind)
{
	static const struct {
		const char *entry, *name;
		enum exception_kind kind;
	} entries[] = {
		{ "__dabt_svc", "data abort", EXCEPTION_FAULT },
		{ "__pabt_svc", "prefetch abort", EXCEPTION_FAULT },
		{ "__und_svc", "undefined instruction", EXCEPTION_TRAP },
		{ "__und_svc_fault", "undefined instruction", EXCEPTION_TRAP },
		{ "__und_svc_finish", "undefined instruction", EXCEPTION_TRAP },
		{ "__irq_svc", "interrupt", EXCEPTION_ASIDE },
		{ "__fiq_svc", "fast interrupt", EXCEPTION_ASIDE },
		{ "__fiq_abt", "fast interrupt", EXCEPTION_ASIDE },
		{ "__bad_stack", "stack overflow", EXCEPTION_TRAP },
		{ "__pabt_invalid", "prefetch abort in an impossible mode", EXCEPTION_TRAP },
		{ "__dabt_invalid", "data abort in an impossible mode", EXCEPTION_TRAP },
		{ "__irq_invalid", "interrupt in an impossible mode", EXCEPTION_TRAP },
		{ "__und_invalid", "undefined instruction in an impossible mode", EXCEPTION_TRAP },
	};

	for (size_t i = 0; entry && i < ARRAY_SIZE(entries); i++) {
		if (strcmp(entry, entries[i].entry))
			continue;
		*ret_kind = entries[i].kind;
		return entries[i].name;
	}
	return NULL;
}

/* arch/arm/include/asm/bug.h, kprobes.h, kgdb.h, uprobes.h, 4.19 to 7.2 */
const char *arm_trap_name(const uint8_t code[4], bool thumb)
{
	uint32_t insn = thumb ? load_u16le(code) : load_u32le(code);

	if (thumb)
		return insn == 0xde02 ? "BUG()" : insn == 0xde18 ? "kprobe" : NULL;
	switch (insn & 0x0fffffff) {
	case 0x07f001f2:
		return "BUG()";
	case 0x07f001f8:
	case 0x07f001f9:
		return "kprobe";
	case 0x07ffdefe:
	case 0x07ffdeff:
		return "KGDB";
	default:
		return NULL;
	}
}
