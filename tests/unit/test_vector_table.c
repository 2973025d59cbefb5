/* Exception vectors in memory made by hand: where each leads, which CPUs use which table, ARM32's
 * poison and helpers, and pages that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/vector_table.h"
#include "tests/unit/fake_kernel.h"

enum { MOST = 256 };

struct seen {
	struct vector v[MOST];
	unsigned n;
};

static void keep(void *cx, const struct vector *v)
{
	struct seen *s = cx;
	assert_true(s->n < MOST);
	s->v[s->n++] = *v;
}

static struct seen tell(struct fake *f)
{
	struct seen s = { 0 };
	assert_null(vector_table_each(f->t, keep, &s));
	return s;
}

static const struct vector *by_name(const struct seen *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].name, name))
			return &s->v[i];
	fail_msg("no vector %s", name);
	return NULL;
}

static void expect_missing(struct fake *f, const char *word)
{
	struct seen s = { 0 };
	struct err *err = vector_table_each(f->t, keep, &s);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_MISSING);
	assert_non_null(strstr(err->msg, word));
	assert_int_equal(s.n, 0);
	err_drop(err);
}

/* ---- arm64 ------------------------------------------------------------------------------- */

enum {
	TABLE = 0x800,
	ENTRY = 0x80,
	VECTORS = 0x10000,
	TRAMP = 0x20000,
	LABEL = 0x30000,
	HANDLER = 0x40000,
	PERCPU = 0x50000
};
#define NOP 0xd503201f
#define RET 0xd65f03c0

static void put_code(struct fake *f, uint64_t off, uint32_t insn)
{
	fake_put(f->t->dump, off, insn, 4);
}

static uint32_t branch(uint64_t from, uint64_t to)
{
	return 0x14000000 | ((uint32_t)(to - from) >> 2 & 0x03ffffff);
}

/* A table of @n entries, each of nops, then @last in its place. */
static void put_table(struct fake *f, uint64_t off, unsigned tables)
{
	for (unsigned i = 0; i < tables * TABLE; i += 4)
		put_code(f, off + i, NOP);
}

static void arm64_exits(void **state)
{
	struct fake f;
	(void)state;
	fake_init(&f, 8);
	fake_symbol(&f, "vectors", VECTORS, TABLE);
	put_table(&f, VECTORS, 1);
	/* el1h sync as the kernel has it: a test within the entry, then out */
	uint64_t at = VECTORS + 4 * ENTRY;
	put_code(&f, at + 4, 0x37700000 | 4 << 5); /* tbnz w0, #14, +16: inside */
	put_code(&f, at + 8, branch(at + 8, HANDLER));
	put_code(&f, at + 20, branch(at + 20, HANDLER + 0x100)); /* a later one does not count */
	fake_symbol(&f, "el1h_64_sync", HANDLER, 0x100);
	/* others: by register, by return, by a condition far away, backwards, a call through a
	 * register first */
	put_code(&f, VECTORS + 5 * ENTRY, 0xd61f0200); /* br x16 */
	put_code(&f, VECTORS + 6 * ENTRY + 8, RET);
	put_code(&f, VECTORS + 7 * ENTRY, 0xd63f0200); /* blr x16 comes back */
	put_code(&f, VECTORS + 7 * ENTRY + 4, 0x54000000 | (0x200 / 4) << 5); /* b.eq */
	put_code(&f, VECTORS + 8 * ENTRY, branch(VECTORS + 8 * ENTRY, VECTORS - 0x400));
	put_code(&f, VECTORS + 9 * ENTRY, 0x34000000 | (0x400 / 4) << 5); /* cbz */
	put_code(&f, VECTORS + 10 * ENTRY, 0xd69f03e0);			  /* eret */
	struct seen s = tell(&f);
	assert_int_equal(s.n, 16);
	assert_string_equal(s.v[0].set, "vectors");
	assert_string_equal(s.v[0].name, "el1t sync");
	assert_string_equal(s.v[0].insn, "");
	assert_string_equal(s.v[15].name, "el0 32 error");
	assert_int_equal(s.v[4].target, fake_va(&f, HANDLER));
	assert_non_null(strstr(s.v[4].insn, "<el1h_64_sync>"));
	assert_string_equal(s.v[5].insn, "br x16");
	assert_int_equal(s.v[5].target, 0);
	assert_string_equal(s.v[6].insn, "ret");
	assert_int_equal(s.v[7].target, fake_va(&f, VECTORS + 7 * ENTRY + 4 + 0x200));
	assert_int_equal(s.v[8].target, fake_va(&f, VECTORS - 0x400));
	assert_int_equal(s.v[9].target, fake_va(&f, VECTORS + 9 * ENTRY + 0x400));
	assert_string_equal(s.v[10].insn, "eret");
	fake_deinit(&f);
}

/* Two tables behind one symbol; a label in front of other code and an odd address are none. */
static void arm64_tables(void **state)
{
	struct fake f;
	(void)state;
	fake_init(&f, 8);
	expect_missing(&f, "`vectors`");
	fake_symbol(&f, "vectors", VECTORS, TABLE);
	fake_symbol(&f, "tramp_vectors", TRAMP, 2 * TABLE);
	fake_symbol(&f, "tramp_exit", TRAMP + 2 * TABLE, 16);
	fake_symbol(&f, "__bp_harden_el1_vectors", LABEL, 4);
	fake_symbol(&f, "other_code", LABEL + 4, 2 * TABLE);
	fake_symbol(&f, "__kvm_hyp_vector", LABEL + 0x10010, TABLE);
	put_table(&f, VECTORS, 1);
	put_table(&f, TRAMP, 2);
	put_code(&f, TRAMP + TABLE, RET);
	struct seen s = tell(&f);
	assert_int_equal(s.n, 48);
	assert_string_equal(s.v[16].set, "tramp_vectors[0]");
	assert_string_equal(s.v[32].set, "tramp_vectors[1]");
	assert_string_equal(s.v[32].name, "el1t sync");
	assert_string_equal(s.v[32].insn, "ret");
	assert_int_equal(s.v[32].va, fake_va(&f, TRAMP + TABLE));
	fake_deinit(&f);
}

/* A page of the table that the dump does not have: the entries there say so, the rest goes on. */
static void arm64_hole(void **state)
{
	struct fake f;
	(void)state;
	fake_init(&f, 8);
	fake_symbol(&f, "vectors", VECTORS + 0x800, TABLE);
	put_table(&f, VECTORS + 0x800, 1);
	fake_fault(f.t->dump, VECTORS, FAULT_EXCLUDED);
	struct seen s = tell(&f);
	assert_int_equal(s.n, 16);
	for (unsigned i = 0; i < s.n; i++)
		assert_int_equal(s.v[i].fault, FAULT_EXCLUDED);
	fake_deinit(&f);
}

/* CPU @cpu traps into the table at @va. */
static void put_cpu(struct fake *f, unsigned cpu, uint64_t va)
{
	fake_put(f->t->dump, 0x300 + 8 * cpu, PERCPU + 0x100 * cpu, 8);
	fake_put(f->t->dump, 0x80 + PERCPU + 0x100 * cpu, va, 8);
}

/* CPUs by their table, also where it is known by its second address. */
static void arm64_cpus(void **state)
{
	struct fake f;
	const uint64_t alias = 0xfffffffffe000000ull;
	(void)state;
	fake_init(&f, 8);
	struct space_facts facts = *vspace_facts(f.t->kernel);
	facts.layout.nwindows = 2;
	facts.layout.window[1] = (struct arch_window){ "fixmap", alias, 0x2000, { TRAMP } };
	vspace_destroy(f.t->kernel);
	f.t->kernel = vspace_create(f.t->dump, &facts);
	fake_symbol(&f, "vectors", VECTORS, TABLE);
	fake_symbol(&f, "tramp_vectors", TRAMP, 2 * TABLE);
	fake_symbol(&f, "tramp_exit", TRAMP + 2 * TABLE, 16);
	fake_symbol(&f, "__per_cpu_offset", 0x300, 8 * 8);
	fake_symbol(&f, "this_cpu_vector", 0x80, 8);
	fake_number(&f, "nr_cpu_ids", 0x100, 8, 4);
	fake_number(&f, "__cpu_possible_mask", 0x200, 0xff, 8);
	put_table(&f, VECTORS, 1);
	put_table(&f, TRAMP, 2);
	static const unsigned tramp[] = { 0, 1, 2, 5 };
	for (unsigned cpu = 0; cpu < 8; cpu++)
		put_cpu(&f, cpu, 0x1234);
	for (size_t i = 0; i < ARRAY_SIZE(tramp); i++)
		put_cpu(&f, tramp[i], alias + TABLE);
	put_cpu(&f, 3, fake_va(&f, VECTORS));
	struct seen s = tell(&f);
	assert_string_equal(s.v[0].set, "vectors (CPU 3)");
	assert_string_equal(s.v[16].set, "tramp_vectors[0]");
	assert_string_equal(s.v[32].set, "tramp_vectors[1] (CPU 0-2,5)");
	fake_deinit(&f);
}

/* ---- ARM32 ------------------------------------------------------------------------------- */

enum { HIGH = 0x3fff0000, PAGE = 4096 }; /* 0xffff0000 in the window */
#define POISON 0xe7fddef1

static uint32_t arm_branch(uint32_t from, uint32_t to)
{
	return 0xea000000 | ((to - from - 8) >> 2 & 0xffffff);
}

static void put_arm(struct fake *f)
{
	fake_init(f, 4);
	for (unsigned i = 0; i < PAGE; i += 4)
		put_code(f, HIGH + i, POISON);
	for (unsigned i = 0; i < 8; i++)
		put_code(f, HIGH + 4 * i, arm_branch(4 * i, PAGE + 0x100 * i));
	put_code(f, HIGH + 8, 0xe59ffff0); /* ldr pc, [pc, #4080] */
	put_code(f, HIGH + 0xfe0, 0xee1d0f70);
	put_code(f, HIGH + 0xfe4, 0xe12fff1e);
	for (unsigned i = 0xfe8; i < 0xffc; i += 4)
		put_code(f, HIGH + i, 0);
	put_code(f, HIGH + 0xffc, 5);
	put_code(f, HIGH + PAGE, 0xc0100000);
	put_code(f, HIGH + PAGE + 0x600, 0xe24ee004);
	fake_symbol(f, "vector_irq", HIGH + PAGE + 0x600, 32);
}

static void arm_page(void **state)
{
	struct fake f;
	(void)state;
	put_arm(&f);
	struct seen s = tell(&f);
	assert_string_equal(s.v[0].name, "reset");
	assert_int_equal(s.v[0].va, 0xffff0000);
	assert_int_equal(by_name(&s, "irq")->target, 0xffff1600);
	assert_non_null(strstr(by_name(&s, "irq")->insn, "<vector_irq>"));
	assert_int_equal(by_name(&s, "fiq")->target, 0xffff1700);
	assert_int_equal(strncmp(by_name(&s, "swi")->insn, "ldr pc", 6), 0);
	assert_string_equal(by_name(&s, "poison")->note, "1008 words of 0xe7fddef1, intact");
	assert_int_equal(by_name(&s, "kuser get tls")->va, 0xffff0fe0);
	assert_string_equal(by_name(&s, "kuser version")->note, "5");
	assert_int_equal(by_name(&s, "swi handler")->target, 0xc0100000);
	assert_string_equal(by_name(&s, "vector_irq")->set, "stubs page");
	for (unsigned i = 0; i < s.n; i++)
		assert_string_not_equal(s.v[i].name, "kuser cmpxchg");
	fake_deinit(&f);
}

static void arm_overwritten(void **state)
{
	struct fake f;
	(void)state;
	put_arm(&f);
	put_code(&f, HIGH + 0x200, 0x41414141);
	put_code(&f, HIGH + 0x204, 0x41414141);
	struct seen s = tell(&f);
	assert_string_equal(
		by_name(&s, "poison")->note, "2 of 1008 words are not 0xe7fddef1, first at +0x200");
	fake_deinit(&f);
}

/* Low vectors, and none. */
static void arm_elsewhere(void **state)
{
	struct fake f;
	(void)state;
	put_arm(&f);
	fake_fault(f.t->dump, HIGH, FAULT_EXCLUDED);
	expect_missing(&f, "neither");
	struct space_facts facts = *vspace_facts(f.t->kernel);
	facts.layout.nwindows = 2;
	facts.layout.window[1] = (struct arch_window){ "low", 0, 2 * PAGE, { 0x70000 } };
	vspace_destroy(f.t->kernel);
	f.t->kernel = vspace_create(f.t->dump, &facts);
	for (unsigned i = 0; i < PAGE; i += 4)
		put_code(&f, 0x70000 + i, i < 32 ? 0xeafffffe : POISON);
	struct seen s = tell(&f);
	assert_int_equal(s.v[0].va, 0);
	assert_string_equal(by_name(&s, "poison")->note, "1016 words of 0xe7fddef1, intact");
	for (unsigned i = 0; i < s.n; i++) /* no helpers, and the next page is not in the dump */
		assert_true(strncmp(s.v[i].name, "kuser", 5) && strcmp(s.v[i].name, "swi handler"));
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_exits),
		cmocka_unit_test(arm64_tables),
		cmocka_unit_test(arm64_hole),
		cmocka_unit_test(arm64_cpus),
		cmocka_unit_test(arm_page),
		cmocka_unit_test(arm_overwritten),
		cmocka_unit_test(arm_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
