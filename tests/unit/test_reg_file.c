/* Registers given as text: names of both architectures, and everything that is no such text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/reg_file.h"

static struct reg_file *parse(const struct arch *arch, const char *text)
{
	struct reg_file *f = NULL;
	struct err *err = reg_file_parse(arch, "given", text, strlen(text), &f);
	if (err)
		fail_msg("%s", err->msg);
	return f;
}

static void wrong(const struct arch *arch, const char *text, const char *words)
{
	struct reg_file *f = NULL;
	struct err *err = reg_file_parse(arch, "given", text, strlen(text), &f);
	assert_non_null(err);
	assert_null(f);
	if (err->code != ERR_FORMAT || !strstr(err->msg, words))
		fail_msg("\"%s\" lacks \"%s\"", err->msg, words);
	err_drop(err);
}

static void arm64(void **state)
{
	struct regs regs;
	(void)state;
	struct reg_file *f =
		parse(&arch_arm64, "# by hand\n\ncpu 3  # the one\nPC = FFFFFFC008010000\n x0=0x1\n"
				   "lr=2\nfp = 3\r\nsp\t=\t4\npstate = 600003c5\ncpu0\npc=0");
	assert_false(reg_file_get(f, 1, &regs));
	assert_true(reg_file_get(f, 3, &regs));
	assert_true(regs.v[arch_arm64.reg_pc] == 0xffffffc008010000);
	assert_int_equal(regs.v[0], 1);
	assert_int_equal(regs.v[30], 2);
	assert_int_equal(regs.v[29], 3);
	assert_int_equal(regs.v[31], 4);
	assert_int_equal(regs.v[arch_arm64.reg_status], 0x600003c5);
	assert_true(regs.valid ==
		    (1ull | 1ull << 29 | 1ull << 30 | 1ull << 31 | 1ull << 32 | 1ull << 33));
	assert_true(reg_file_get(f, 0, &regs));
	assert_true(regs.valid == 1ull << arch_arm64.reg_pc);
	assert_false(reg_file_get(NULL, 0, &regs));
	reg_file_close(f);
}

static void arm(void **state)
{
	struct regs regs;
	(void)state;
	struct reg_file *f = parse(&arch_arm,
		"cpu 0\nr15=c0008000\nr14=1\nr13=2\nr12=3\nr11=4\npsr=60000013\nr0=ffffffff");
	assert_true(reg_file_get(f, 0, &regs));
	assert_int_equal(regs.v[15], 0xc0008000);
	assert_int_equal(regs.v[14], 1);
	assert_int_equal(regs.v[13], 2);
	assert_int_equal(regs.v[12], 3);
	assert_int_equal(regs.v[11], 4);
	assert_int_equal(regs.v[16], 0x60000013);
	assert_int_equal(regs.v[0], 0xffffffff);
	reg_file_close(f);
}

static void what_is_no_such_text(void **state)
{
	char line[400];
	(void)state;
	wrong(&arch_arm64, "", "no registers");
	wrong(&arch_arm64, "# nothing\n", "no registers");
	wrong(&arch_arm64, "pc = 1\n", "line 1: a register before");
	wrong(&arch_arm64, "cpu 0\nx0 = 1\n", "CPU 0 has no pc");
	wrong(&arch_arm64, "cpu 0\npc = 1\npc = 2\n", "line 3: this register came before");
	wrong(&arch_arm64, "cpu 0\npc = 1\ncpu 0\npc = 2\n", "line 3: this CPU came before");
	wrong(&arch_arm64, "cpu 0\nx30 = 1\nlr = 1\npc = 1\n", "line 3: this register came before");
	wrong(&arch_arm64, "cpu 0\nr11 = 1\n", "line 2: no register");
	wrong(&arch_arm64, "cpu 0\nx31 = 1\n", "line 2: no register");
	wrong(&arch_arm, "cpu 0\nx0 = 1\n", "line 2: no register");
	wrong(&arch_arm64, "cpu 0\npc = one\n", "line 2: the value");
	wrong(&arch_arm64, "cpu 0\npc =\n", "line 2: the value");
	wrong(&arch_arm64, "cpu 0\npc = 10000000000000000\n", "line 2: the value");
	wrong(&arch_arm, "cpu 0\npc = 100000000\n", "line 2: the value");
	wrong(&arch_arm64, "cpu 4096\n", "line 1: \"cpu\" wants");
	wrong(&arch_arm64, "cpu x\n", "line 1: \"cpu\" wants");
	wrong(&arch_arm64, "cpu 0\npc 1\n", "line 2: neither");
	wrong(&arch_arm64, "cpus 0\n", "line 1: neither");
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	wrong(&arch_arm64, line, "line 1: no text");
	struct reg_file *f = NULL;
	struct err *err = reg_file_parse(&arch_arm64, "given", "cpu\0000\n", 7, &f);
	assert_non_null(err);
	err_drop(err);
	err = reg_file_open(&arch_arm64, "/nonexistent/registers", &f);
	assert_int_equal(err->code, ERR_IO);
	err_drop(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64),
		cmocka_unit_test(arm),
		cmocka_unit_test(what_is_no_such_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
