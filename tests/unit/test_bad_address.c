/* What addresses mean that nothing should have touched, over a kernel made by hand, for both word
 * sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/bad_address.h"
#include "tests/unit/fake_kernel.h"

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (init(f, words[w]), 1); deinit(f), w++)

enum { STACK_AT = 0x40000, STACK_BYTES = 0x2000 };
static struct arena arena;

static void init(struct fake *f, unsigned word)
{
	fake_init(f, word);
	struct space_facts facts = *vspace_facts(f->t->kernel);
	facts.layout.user_end = word == 8 ? 1ull << 48 : 0xbf000000;
	/* What is mapped ends in the middle: addresses behind it are holes. */
	facts.layout.window[0].size = 16 << 20;
	vspace_destroy(f->t->kernel);
	f->t->kernel = vspace_create(f->t->dump, &facts);
	FAKE_STRUCT(f, "inner", "a:u32", "b:u32[4]");
	FAKE_STRUCT(f, "account", "next:word", "in:inner[2]", "balance:u32");
	fake_symbol(f, "init_stack", STACK_AT, 0);
	fake_symbol(f, "__end_init_stack", STACK_AT + STACK_BYTES, 0);
}

static void deinit(struct fake *f)
{
	fake_deinit(f);
	arena_deinit(&arena);
	arena = (struct arena){ 0 };
}

static const struct type *account(struct fake *f)
{
	return fake_known(&f->provider, "account", false)->type;
}

/* The first explanation is of @kind, and its text has @words. */
static void means(struct fake *f, uint64_t va, const struct bad_address_hint *hint,
	const char *kind, const char *words_wanted)
{
	struct bad_address said;
	assert_null(bad_address_explain(f->t, va, hint, &arena, &said));
	if (!said.n)
		fail_msg("0x%llx: nothing", (unsigned long long)va);
	if (strcmp(said.row[0].kind, kind) || !strstr(said.row[0].text, words_wanted))
		fail_msg("0x%llx: %s: %s", (unsigned long long)va, said.row[0].kind,
			said.row[0].text);
}

static uint64_t word_of(const struct fake *f, uint64_t v)
{
	return f->t->abi.word_bytes == 4 ? (uint32_t)v : v;
}

static struct bad_address_hint based(const struct fake *f, uint64_t base, int64_t offset)
{
	return (struct bad_address_hint){
		.has_base = true, .base = word_of(f, base), .offset = offset, .base_name = "r1"
	};
}

static void members(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		const struct {
			unsigned offset;
			const char *path;
		} wanted[] = { { 0, "next" }, { 1, "next+1" }, { f->t->abi.word_bytes, "in[0].a" },
			{ f->t->abi.word_bytes + 4, "in[0].b[0]" },
			{ f->t->abi.word_bytes + 20 + 12, "in[1].b[2]" },
			{ f->t->abi.word_bytes + 40, "balance" } };
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
			scoped_strbuf struct strbuf path = { 0 };
			assert_true(bad_address_member(
				f->t->types, account(f), wanted[i].offset, &path));
			assert_string_equal(strbuf_text(&path), wanted[i].path);
		}
		scoped_strbuf struct strbuf none = { 0 };
		assert_false(bad_address_member(f->t->types, account(f), 4096, &none));
	}
}

static void null_and_errors(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct fault_pointer p = { "a", account(f) };
		unsigned balance = f->t->abi.word_bytes + 40;
		struct bad_address_hint hint = based(f, 0, balance);
		means(f, 0, NULL, "null", "NULL");
		means(f, 0x48, NULL, "null", "NULL + 0x48");
		means(f, 4095, NULL, "null", "NULL + 0xfff");
		hint.pointer = &p;
		hint.npointers = 1;
		means(f, balance, &hint, "null", "member balance of struct account (variable a)");
		/* Far from NULL, and yet made from it: a member of a large array. */
		hint = based(f, 0, 0x12000);
		means(f, 0x12000, &hint, "null", "NULL + 0x12000");
		hint = based(f, 0, -16);
		means(f, word_of(f, -16ull), &hint, "null", "NULL - 0x10");
		hint = based(f, -19ull, balance);
		hint.pointer = &p;
		hint.npointers = 1;
		means(f, word_of(f, balance - 19ull), &hint, "error-pointer", "-ENODEV (-19) + 0x");
		means(f, word_of(f, -22ull), NULL, "error-pointer", "-EINVAL (-22)");
		means(f, word_of(f, -4095ull), NULL, "error-pointer", "(-4095)");
		/* One more is no error. */
		struct bad_address said;
		assert_null(bad_address_explain(f->t, word_of(f, -4097ull), NULL, &arena, &said));
		assert_true(!said.n || strcmp(said.row[0].kind, "error-pointer"));
	}
}

static void poisons(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		bool wide = f->t->abi.word_bytes == 8;
		uint64_t delta = wide ? 0xdead000000000000 : 0;
		struct bad_address_hint hint = based(f, delta + 0x100, 0x44);
		means(f, delta + 0x144, &hint, "list-poison", "LIST_POISON1 + 0x44");
		hint = based(f, delta + 0x122, 8);
		means(f, delta + 0x12a, &hint, "list-poison", "LIST_POISON2 + 0x8");
		hint = based(f, delta + 0x200, 0);
		means(f, delta + 0x200, &hint, "list-poison", "LIST_POISON2");
		hint = based(f, delta + 0x500, 0);
		means(f, delta + 0x500, &hint, "poison", "MUTEX_POISON_WW_CTX");
		/* ARM32's is a small number: by itself it is near NULL. */
		means(f, delta + 0x148, NULL, wide ? "list-poison" : "null",
			wide ? "LIST_POISON2 + 0x26, or LIST_POISON1 + 0x48" : "NULL + 0x148");
		hint = based(f, 0x6b6b6b6b6b6b6b6b, 0x18);
		means(f, word_of(f, wide ? 0x006b6b6b6b6b6b83 : 0x6b6b6b83), &hint, "poison",
			"POISON_FREE (0x6b)");
		means(f, word_of(f, wide ? 0x006b6b6b6b6b6b83 : 0x6b6b6b83), NULL, "poison",
			"POISON_FREE (0x6b)");
		hint = based(f, 0xaaaaaaaaaaaaaaaa, 0);
		means(f, word_of(f, 0xffaaaaaaaaaaaaaa), &hint, "poison", "PAGE_POISON (0xaa)");
		hint = based(f, 0x5a5a5a5a5a5a5a5a, 0);
		means(f, word_of(f, 0x5a5a5a5a5a5a5a5a), &hint, "poison", "POISON_INUSE (0x5a)");
		hint = based(f, 0xbbbbbbbbbbbbbbbb, 0);
		means(f, word_of(f, 0xbbbbbbbbbbbbbbbb), &hint, "poison", "SLUB_RED_INACTIVE");
		hint = based(f, 0xcccccccccccccccc, 0);
		means(f, word_of(f, 0xcccccccccccccccc), &hint, "poison", "SLUB_RED_ACTIVE");
		/* Three bytes of eight, or one of four, are chance. */
		means(f, word_of(f, 0x6b6b6b0012345678 >> (wide ? 0 : 32) >> (wide ? 0 : 16)), NULL,
			wide ? "non-canonical" : "user", "");
	}
}

static void places(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		bool wide = f->t->abi.word_bytes == 8;
		struct task task = {
			.pid = 7, .comm = "seven", .stack = fake_va(f, (16 << 20) + 0x8000)
		};
		struct bad_address_hint hint = { .task = &task };
		struct fault_status status;
		means(f, 0x123456c0, NULL, "user", "a user address");
		means(f, 0x123456c0, &hint, "user", "pid 7 is a kernel thread");
		means(f, fake_va(f, (20 << 20)), NULL, "hole", "nothing is mapped");
		means(f, fake_va(f, (16 << 20) + 0x10), NULL, "hole", "0x10 bytes behind the end");
		means(f, fake_va(f, 0x1000), NULL, "mapped", "it is mapped");
		/* Below and behind a stack. */
		means(f, task.stack - 0x50, &hint, "stack-guard",
			"0x50 bytes below the stack of pid 7 seven");
		means(f, task.stack - STACK_BYTES, &hint, "stack-guard", "0x2000 bytes below");
		means(f, task.stack + STACK_BYTES + 8, &hint, "stack-guard", "0x8 bytes behind");
		means(f, task.stack - STACK_BYTES - 1, &hint, "hole", "");
		/* Mapped, and refused. */
		f->t->arch->describe_fault(wide ? 0x9600004f : 0x80f, &status);
		hint.status = &status;
		means(f, fake_va(f, 0x1000), &hint, "write-protected", "may not be written to");
		f->t->arch->describe_fault(wide ? 0x8600000f : 0x8000000f, &status);
		means(f, fake_va(f, 0x1000), &hint, "not-executable", "no code");
		f->t->arch->describe_fault(wide ? 0x96000021 : 1, &status);
		means(f, fake_va(f, 0x1001), &hint, "unaligned", "must be aligned");
	}
}

static void bits_that_no_address_has(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		if (f->t->abi.word_bytes == 4)
			continue;
		means(f, 0x0012345678abcdef, NULL, "non-canonical", "48 bits");
		struct bad_address_hint hint = based(f, 0xaffffffffffffff5, 0x48);
		means(f, 0xb00000000000003d, &hint, "wild", "top byte 0xaf");
	}
}

static void texts(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		bool wide = f->t->abi.word_bytes == 8;
		struct bad_address_hint hint = based(f, wide ? 0x6f77206f6c6c6568 : 0x6c6c6568, 0);
		means(f, hint.base, &hint, "text", wide ? "\"hello wo\"" : "\"hell\"");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members),
		cmocka_unit_test(null_and_errors),
		cmocka_unit_test(poisons),
		cmocka_unit_test(places),
		cmocka_unit_test(bits_that_no_address_has),
		cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
