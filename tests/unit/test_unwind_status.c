/* The status registers in words, bit by bit where no dump has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "arch/arch.h"

static void same(const struct arch *arch, uint64_t status, const char *words)
{
	scoped_strbuf struct strbuf s = { 0 };
	arch->describe_status(status, &s);
	assert_string_equal(strbuf_text(&s), words);
}

static void test_arm64(void **state)
{
	(void)state;
	same(&arch_arm64, 0x600003c5, "nZCv DAIF EL1h");
	same(&arch_arm64, 0x80400009, "Nzcv daif PAN EL2h");
	same(&arch_arm64, 0x10800200, "nzcV Daif UAO EL0t");
	same(&arch_arm64, 0x03301c84, "nzcv daIf TCO DIT SS IL SSBS BTYPE=3 EL1t");
	same(&arch_arm64, 0x00000147, "nzcv dAiF impossible mode");
	same(&arch_arm64, 0x40000010, "nZcv AArch32");
	same(&arch_arm64, 0x20000030, "nzCv AArch32 Thumb");
}

static void test_arm(void **state)
{
	(void)state;
	same(&arch_arm, 0x600701d3, "nZCvq AIF SVC ARM");
	same(&arch_arm, 0x88000230, "NzcvQ aif BE USR Thumb");
	same(&arch_arm, 0x10000092, "nzcVq aIf IRQ ARM");
	same(&arch_arm, 0x20000157, "nzCvq AiF ABT ARM");
	same(&arch_arm, 0x00000000, "nzcvq aif impossible mode ARM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arm64),
		cmocka_unit_test(test_arm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
