/* Code that the kernel wrote: BPF's and kprobes', found by any address within, on both word sizes
 * and with every shape of struct kprobe; lists that lead astray leave what was found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "tests/unit/fake_code.h"

#define EACH(f)                                                                                    \
	for (unsigned word = 4; word <= 8; word += 4)                                              \
		for (unsigned era = 0; era < CODE_ERAS && (fake_code(&f, word, era), 1);           \
			fake_deinit(&f), era++)

static const struct generated_code *at(
	struct fake *f, const struct generated_codes *c, uint64_t off)
{
	return generated_codes_find(c, fake_va(f, off));
}

static void test_all(void **state)
{
	struct fake f;
	(void)state;
	EACH(f)
	{
		scoped_generated_codes struct generated_codes c = { 0 };
		struct err *damage = NULL;
		assert_null(generated_codes_read(f.t, &c, &damage));
		assert_null(damage);
		assert_int_equal(c.code.n, 3 + 4096 / 8);
		const struct generated_code *p = at(&f, &c, CODE_BODY + 0x57);
		assert_string_equal(p->name, "bpf_prog_aa_count");
		assert_int_equal(p->kind, CODE_BPF_PROGRAM);
		assert_string_equal(p->type, "struct bpf_prog_aux");
		assert_int_equal(p->object_va,
			fake_va(&f, CODE_KSYM) - fake_offsetof(&f, "bpf_prog_aux", "ksym"));
		assert_null(at(&f, &c, CODE_BODY + 0x58));
		assert_null(at(&f, &c, CODE_BODY - 1));
		p = at(&f, &c, CODE_BODY + 0x100);
		assert_int_equal(p->kind, CODE_BPF_IMAGE);
		assert_string_equal(p->type, "struct bpf_ksym");
		p = at(&f, &c, CODE_INSNS + 7);
		assert_int_equal(p->kind, CODE_KPROBE_SLOT);
		assert_string_equal(p->name, "vfs_write");
		assert_int_equal(p->object_va, fake_va(&f, CODE_KPROBE));
		p = at(&f, &c, CODE_INSNS + 8);
		assert_int_equal(p->kind, CODE_KPROBE_SLOT);
		assert_string_equal(p->name, ""); /* its kprobe is going */
		assert_int_equal(at(&f, &c, CODE_INSNS + 16)->kind, CODE_KPROBE_SLOT_FREE);
		assert_null(at(&f, &c, CODE_INSNS + 4096));
	}
}

/* The probed instruction of the second probe is in the middle of a function. */
static void test_offset(void **state)
{
	struct fake f;
	(void)state;
	EACH(f)
	{
		scoped_generated_codes struct generated_codes c = { 0 };
		struct err *damage = NULL;
		code_kprobe(&f, era, 1, fake_va(&f, CODE_INSNS + 8));
		assert_null(generated_codes_read(f.t, &c, &damage));
		assert_string_equal(at(&f, &c, CODE_INSNS + 8)->name, "vfs_write+0x10");
		assert_int_equal(
			at(&f, &c, CODE_INSNS + 8)->probed_va, fake_va(&f, CODE_FUNCTION + 0x10));
		/* one that says that its copy is in the middle of a slot does not own that */
		scoped_generated_codes struct generated_codes odd = { 0 };
		code_kprobe(&f, era, 1, fake_va(&f, CODE_INSNS + 12));
		assert_null(generated_codes_read(f.t, &odd, &damage));
		assert_string_equal(at(&f, &odd, CODE_INSNS + 8)->name, "");
	}
}

static void test_astray(void **state)
{
	struct fake f;
	(void)state;
	EACH(f)
	{
		/* A list that ends in nothing, one that is a loop, a page of slots that is not
		 * there. */
		for (unsigned how = 0; how < 3; how++) {
			scoped_generated_codes struct generated_codes c = { 0 };
			struct err *damage = NULL;
			uint64_t node = code_node(&f, 0);
			if (how == 0)
				fake_put(f.t->dump, node, fake_va(&f, 0x3f000000), word);
			else if (how == 1)
				fake_put(f.t->dump, node, fake_va(&f, code_node(&f, 2)), word);
			else
				fake_put(f.t->dump, CODE_SLOT_PAGE, fake_va(&f, 0x3f000000), word);
			assert_null(generated_codes_read(f.t, &c, &damage));
			assert_non_null(damage);
			err_drop(damage);
			assert_non_null(at(&f, &c, CODE_BODY + 0x200));
			assert_non_null(at(&f, &c, CODE_INSNS));
		}
	}
}

/* Ends before its start, or a gigabyte: no code. A kernel without any of it has none, and no
 * trouble. */
static void test_nonsense(void **state)
{
	struct fake f;
	(void)state;
	EACH(f)
	{
		scoped_generated_codes struct generated_codes c = { 0 };
		struct err *damage = NULL;
		fake_set(&f, "bpf_ksym", CODE_KSYM, "end", fake_va(&f, CODE_BODY - 1));
		fake_set(&f, "bpf_ksym", CODE_KSYM + CODE_KSYM_BYTES, "end",
			fake_va(&f, CODE_BODY + 0x3f000000));
		fake_set(&f, "kprobe_insn_cache", CODE_CACHE, "insn_size", 0);
		assert_null(generated_codes_read(f.t, &c, &damage));
		assert_null(damage);
		assert_int_equal(c.code.n, 1);
	}
	fake_init(&f, 8);
	scoped_generated_codes struct generated_codes none = { 0 };
	struct err *damage = NULL;
	assert_null(generated_codes_read(f.t, &none, &damage));
	assert_null(damage);
	assert_int_equal(none.code.n, 0);
	fake_deinit(&f);
}

static void test_interrupt(void **state)
{
	struct fake f;
	(void)state;
	fake_code(&f, 8, 2);
	scoped_generated_codes struct generated_codes c = { 0 };
	struct err *damage = NULL;
	interrupt_raise();
	scoped_err struct err *err = generated_codes_read(f.t, &c, &damage);
	interrupt_clear();
	assert_non_null(err);
	assert_int_equal(err->code, ERR_INTERRUPTED);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_astray),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_interrupt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
