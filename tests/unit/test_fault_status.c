/* Fault status registers in words, by value: numbers that kernels printed, and corners that no dump
 * has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "arch/arch.h"

static struct fault_status decode(const struct arch *arch, uint64_t v)
{
	struct fault_status s;
	arch->describe_fault(v, &s);
	assert_true(s.nfields > 0 && s.nfields <= FAULT_FIELDS_MAX);
	return s;
}

static uint64_t field(const struct fault_status *s, const char *name)
{
	for (unsigned i = 0; i < s->nfields; i++)
		if (!strcmp(s->field[i].name, name))
			return s->field[i].value;
	fail_msg("no field %s", name);
	return 0;
}

static void words(const struct arch *arch, uint64_t v, const char *what, const char *details,
	enum fault_access access, enum fault_cause cause)
{
	struct fault_status s = decode(arch, v);
	assert_string_equal(s.what, what);
	if (details)
		assert_string_equal(s.details, details);
	else
		assert_null(s.details);
	assert_int_equal(s.access, access);
	assert_int_equal(s.cause, cause);
}

static void arm64_words(void **state)
{
	const struct arch *a = &arch_arm64;
	(void)state;
	words(a, 0x96000006, "DABT (current EL)", "level 2 translation fault", FAULT_READS,
		CAUSE_TRANSLATION);
	words(a, 0x96000046, "DABT (current EL)", "level 2 translation fault", FAULT_WRITES,
		CAUSE_TRANSLATION);
	words(a, 0x9600004f, "DABT (current EL)", "level 3 permission fault", FAULT_WRITES,
		CAUSE_PERMISSION);
	words(a, 0x86000006, "IABT (current EL)", "level 2 translation fault", FAULT_EXECUTES,
		CAUSE_TRANSLATION);
	words(a, 0x8600000f, "IABT (current EL)", "level 3 permission fault", FAULT_EXECUTES,
		CAUSE_PERMISSION);
	words(a, 0x92000021, "DABT (lower EL)", "alignment fault", FAULT_READS, CAUSE_ALIGNMENT);
	words(a, 0x96000011, "DABT (current EL)", "synchronous tag check fault", FAULT_READS,
		CAUSE_TAG);
	words(a, 0x96000000, "DABT (current EL)", "ttbr address size fault", FAULT_READS,
		CAUSE_ADDRESS_SIZE);
	words(a, 0x9600002b, "DABT (current EL)", "level -1 translation fault", FAULT_READS,
		CAUSE_TRANSLATION);
	words(a, 0x96000017, "DABT (current EL)", "level 3 (translation table walk)", FAULT_READS,
		CAUSE_EXTERNAL);
	words(a, 0x9600003f, "DABT (current EL)", "unknown fault status", FAULT_READS, CAUSE_OTHER);
	/* Cache maintenance says WnR = 1 whatever it is. */
	words(a, 0x96000146, "DABT (current EL)", "level 2 translation fault", FAULT_ACCESS_UNKNOWN,
		CAUSE_TRANSLATION);
	words(a, 0xf2000800, "BRK (AArch64)", "BUG() or WARN()", FAULT_ACCESS_UNKNOWN, CAUSE_OTHER);
	words(a, 0xf2000920, "BRK (AArch64)", "KASAN, inline check", FAULT_ACCESS_UNKNOWN,
		CAUSE_OTHER);
	words(a, 0xf2005512, "BRK (AArch64)", "UBSAN trap", FAULT_ACCESS_UNKNOWN, CAUSE_OTHER);
	words(a, 0xf2008228, "BRK (AArch64)", "CFI: a call to a function of another type",
		FAULT_ACCESS_UNKNOWN, CAUSE_OTHER);
	words(a, 0xf2000001, "BRK (AArch64)", NULL, FAULT_ACCESS_UNKNOWN, CAUSE_OTHER);
	words(a, 0x8a000000, "PC Alignment", NULL, FAULT_EXECUTES, CAUSE_ALIGNMENT);
	words(a, 0x02000000, "Unknown/Uncategorized", NULL, FAULT_ACCESS_UNKNOWN, CAUSE_OTHER);
	words(a, 0xbe000000, "SError", NULL, FAULT_ACCESS_UNKNOWN, CAUSE_OTHER);
	words(a, 0xfe000000, "unknown exception class", NULL, FAULT_ACCESS_UNKNOWN, CAUSE_OTHER);
	words(a, 0x72000000, "FPAC", NULL, FAULT_ACCESS_UNKNOWN, CAUSE_OTHER);
	words(a, 0x36000003, "BTI", NULL, FAULT_ACCESS_UNKNOWN, CAUSE_OTHER);
	words(a, 0xd6000062, "Watchpoint (current EL)", NULL, FAULT_WRITES, CAUSE_OTHER);
}

static void arm64_bits(void **state)
{
	(void)state;
	/* ISV with SAS 2, SSE, SRT 19, SF, AR; SET is not there then. */
	struct fault_status s = decode(&arch_arm64, 0x93b3c007);
	assert_int_equal(field(&s, "EC"), 0x24);
	assert_int_equal(field(&s, "IL"), 1);
	assert_int_equal(field(&s, "ISS"), 0x1b3c007);
	assert_int_equal(field(&s, "ISV"), 1);
	assert_int_equal(field(&s, "SAS"), 2);
	assert_int_equal(field(&s, "SSE"), 1);
	assert_int_equal(field(&s, "SRT"), 19);
	assert_int_equal(field(&s, "SF"), 1);
	assert_int_equal(field(&s, "AR"), 1);
	s = decode(&arch_arm64,
		0x96000000 | 2 << 11 | 1 << 10 | 1 << 9 | 1 << 8 | 1 << 7 | 1 << 6 | 0x10);
	assert_int_equal(field(&s, "SET"), 2);
	assert_int_equal(field(&s, "FnV"), 1);
	assert_int_equal(field(&s, "EA"), 1);
	assert_int_equal(field(&s, "CM"), 1);
	assert_int_equal(field(&s, "S1PTW"), 1);
	assert_int_equal(field(&s, "WnR"), 1);
	assert_int_equal(field(&s, "DFSC"), 0x10);
	assert_false(s.has_address);
	/* Each alone. */
	s = decode(&arch_arm64, 0x96000080);
	assert_int_equal(field(&s, "S1PTW"), 1);
	assert_int_equal(
		field(&s, "EA") | field(&s, "CM") | field(&s, "WnR") | field(&s, "FnV"), 0);
	assert_true(s.has_address);
	s = decode(&arch_arm64, 0x94000006);
	assert_int_equal(field(&s, "IL"), 0);
	assert_false(decode(&arch_arm64, 0xf2000800).has_address);
	assert_true(decode(&arch_arm64, 0x8a000000).has_address);
}

static void arm64_plausible(void **state)
{
	static const uint64_t good[] = { 0x96000006, 0x9600004f, 0x86000006, 0xf2000800, 0x8a000000,
		0x02000000, 0xbf000000, 0x72000001 };
	static const uint64_t bad[] = { 0, 1, 0x96000006ull << 32, 0x196000006ull, 0x92000006,
		0x94000006, 0x56000000, 0x9600003f, 0xf2010800, 0x02000001, 0xffffffc008000000ull,
		0x42000006 };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(arch_arm64.plausible_fault(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(arch_arm64.plausible_fault(bad[i]));
}

static void arm_words(void **state)
{
	const struct arch *a = &arch_arm;
	(void)state;
	/* Short descriptors: FS is bit 10 and bits 3:0. */
	words(a, 0x005, "data abort", "section translation fault", FAULT_READS, CAUSE_TRANSLATION);
	words(a, 0x817, "data abort", "page translation fault", FAULT_WRITES, CAUSE_TRANSLATION);
	words(a, 0x80d, "data abort", "section permission fault", FAULT_WRITES, CAUSE_PERMISSION);
	words(a, 0x80f, "data abort", "page permission fault", FAULT_WRITES, CAUSE_PERMISSION);
	words(a, 0x001, "data abort", "alignment exception", FAULT_READS, CAUSE_ALIGNMENT);
	words(a, 0x00b, "data abort", "page domain fault", FAULT_READS, CAUSE_DOMAIN);
	words(a, 0x406, "data abort", "imprecise external abort", FAULT_READS, CAUSE_EXTERNAL);
	words(a, 0x400, "data abort", "TLB conflict abort", FAULT_READS, CAUSE_OTHER);
	words(a, 0x000, "data abort", "unknown fault status", FAULT_READS, CAUSE_OTHER);
	words(a, 0x80000017, "prefetch abort", "page translation fault", FAULT_EXECUTES,
		CAUSE_TRANSLATION);
	words(a, 0x2807, "data abort", "page translation fault", FAULT_ACCESS_UNKNOWN,
		CAUSE_TRANSLATION);
	/* Long descriptors: bit 9, and STATUS in bits 5:0. */
	words(a, 0x207, "data abort", "level 3 translation fault", FAULT_READS, CAUSE_TRANSLATION);
	words(a, 0xa0f, "data abort", "level 3 permission fault", FAULT_WRITES, CAUSE_PERMISSION);
	words(a, 0x221, "data abort", "alignment fault", FAULT_READS, CAUSE_ALIGNMENT);
	words(a, 0x211, "data abort", "asynchronous external abort", FAULT_READS, CAUSE_EXTERNAL);
	words(a, 0x80000206, "prefetch abort", "level 2 translation fault", FAULT_EXECUTES,
		CAUSE_TRANSLATION);
	words(a, 0x20d, "data abort", "level 1 permission fault", FAULT_READS, CAUSE_PERMISSION);
}

static void arm_bits(void **state)
{
	(void)state;
	struct fault_status s = decode(&arch_arm, 0x18f7);
	assert_int_equal(field(&s, "FS"), 7);
	assert_int_equal(field(&s, "Domain"), 15);
	assert_int_equal(field(&s, "ExT"), 1);
	assert_int_equal(field(&s, "WnR"), 1);
	assert_int_equal(field(&s, "CM"), 0);
	assert_int_equal(field(&s, "LPAE"), 0);
	s = decode(&arch_arm, 0x2221);
	assert_int_equal(field(&s, "STATUS"), 0x21);
	assert_int_equal(field(&s, "LPAE"), 1);
	assert_int_equal(field(&s, "CM"), 1);
	assert_int_equal(field(&s, "WnR"), 0);
	/* What came late did not say where from. */
	assert_false(decode(&arch_arm, 0x406).has_address);
	assert_false(decode(&arch_arm, 0x211).has_address);
	assert_true(decode(&arch_arm, 0x207).has_address);
	assert_true(decode(&arch_arm, 0x17).has_address);
}

static void entry(
	const struct arch *a, const char *name, const char *exception, enum exception_kind kind)
{
	enum exception_kind got = (enum exception_kind)99;
	const char *said = a->exception_name(name, &got);
	if (!exception) {
		assert_null(said);
		return;
	}
	assert_string_equal(said, exception);
	assert_int_equal(got, kind);
}

static void entries(void **state)
{
	(void)state;
	entry(&arch_arm64, "el1_sync", "synchronous exception", EXCEPTION_FAULT);
	entry(&arch_arm64, "el1h_64_sync", "synchronous exception", EXCEPTION_FAULT);
	entry(&arch_arm64, "el1h_64_sync_handler", "synchronous exception", EXCEPTION_FAULT);
	entry(&arch_arm64, "el1_irq", "interrupt", EXCEPTION_ASIDE);
	entry(&arch_arm64, "el1h_64_error", "SError", EXCEPTION_FAULT);
	entry(&arch_arm64, "__bad_stack", "stack overflow", EXCEPTION_FAULT);
	entry(&arch_arm64, "el0t_64_sync", NULL, 0);
	entry(&arch_arm64, "vfs_read", NULL, 0);
	entry(&arch_arm64, NULL, NULL, 0);
	entry(&arch_arm, "__dabt_svc", "data abort", EXCEPTION_FAULT);
	entry(&arch_arm, "__und_svc", "undefined instruction", EXCEPTION_TRAP);
	entry(&arch_arm, "__irq_svc", "interrupt", EXCEPTION_ASIDE);
	entry(&arch_arm, "__bad_stack", "stack overflow", EXCEPTION_TRAP);
	entry(&arch_arm, "__dabt_usr", NULL, 0);
	entry(&arch_arm, NULL, NULL, 0);
}

static void traps(void **state)
{
	(void)state;
	assert_string_equal(
		arch_arm.trap_name((const uint8_t[]){ 0xf2, 0x01, 0xf0, 0xe7 }, false), "BUG()");
	assert_string_equal(
		arch_arm.trap_name((const uint8_t[]){ 0x02, 0xde, 0, 0 }, true), "BUG()");
	assert_string_equal(
		arch_arm.trap_name((const uint8_t[]){ 0xfe, 0xde, 0xff, 0xe7 }, false), "KGDB");
	assert_null(arch_arm.trap_name((const uint8_t[]){ 0x02, 0xde, 0, 0 }, false));
	assert_null(arch_arm.trap_name((const uint8_t[]){ 0xf2, 0x01, 0xf0, 0xe7 }, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_words),
		cmocka_unit_test(arm64_bits),
		cmocka_unit_test(arm64_plausible),
		cmocka_unit_test(arm_words),
		cmocka_unit_test(arm_bits),
		cmocka_unit_test(entries),
		cmocka_unit_test(traps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
