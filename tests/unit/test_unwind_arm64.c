/* arm64 unwinding: frame records, exceptions of the kernel, metadata records, ends, broken chains.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "arch/arm64/arm64.h"
#include "tests/unit/fake_memory.h"

/* The fake's physical memory serves as virtual memory, one to one. */
static struct dump mem;
static uint64_t stackframe_off; /* 0: the types are not known */

#define FN    0xffff800008000000ull /* functions of 0x100 bytes each */
#define STACK 0xffff80000a000000ull
#define IRQ   0xffff80000b000000ull
enum { STACK_BYTES = 0x4000 };

static const char *const fn_name[] = { "leaf", "middle", "caller", "el1h_64_irq",
	"el1h_64_irq_handler", "el0t_64_sync", "el1_abort", "el1_sync", "el1_da", "leaf.cold",
	"return_to_handler" };
static bool new_entry;	/* the kernel has el1h_64_sync */
static bool entry_text; /* the first function is entry code */

static bool mem_read(void *cx, uint64_t va, void *buf, size_t n)
{
	(void)cx;
	return dump_try_read(&mem, (struct paddr){ va }, buf, n, NULL) == FAULT_NONE;
}

static bool mem_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	(void)cx;
	if (pc < FN || pc >= FN + 0x100 * ARRAY_SIZE(fn_name))
		return false;
	*ret_name = fn_name[(pc - FN) / 0x100];
	*ret_start = pc & ~0xffull;
	return true;
}

static bool mem_symbol(void *cx, const char *name, uint64_t *ret)
{
	(void)cx;
	*ret = strcmp(name, "__entry_text_end") ? FN : FN + 0x100;
	if (!strncmp(name, "__entry_text_", 13))
		return entry_text;
	return new_entry && !strcmp(name, "el1h_64_sync");
}

static bool mem_stack(void *cx, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi)
{
	(void)cx;
	uint64_t base = sp - IRQ < STACK_BYTES ? IRQ : STACK;
	if (sp - base >= STACK_BYTES)
		return false;
	*ret_lo = base;
	*ret_hi = base + STACK_BYTES;
	return true;
}

static bool mem_number(void *cx, const char *key, uint64_t *ret)
{
	(void)cx;
	if (!stackframe_off)
		return false;
	if (!strcmp(key, "offsetof(pt_regs.stackframe)"))
		*ret = stackframe_off;
	else if (!strcmp(key, "sizeof(pt_regs.stackframe)"))
		*ret = stackframe_off == 296 ? 24 : 16;
	else
		return false;
	return true;
}

static const struct arch_env env = { .read = mem_read,
	.symbol = mem_symbol,
	.function = mem_function,
	.stack = mem_stack,
	.number = mem_number };
static const struct arch_layout layout = { .paging.va_bits = 48 };

static int setup(void **state)
{
	(void)state;
	stackframe_off = 304;
	new_entry = false;
	for (unsigned i = 0; i < STACK_BYTES; i += FAKE_PAGE) {
		fake_at(&mem, STACK + i);
		fake_at(&mem, IRQ + i);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_clear(&mem);
	return 0;
}

static struct regs regs_at(uint64_t pc, uint64_t fp)
{
	struct regs r = { 0 };
	regs_set(&r, A64_PC, pc);
	regs_set(&r, A64_FP, fp);
	return r;
}

static void put_record(uint64_t at, uint64_t fp, uint64_t lr)
{
	fake_put(&mem, at, fp, 8);
	fake_put(&mem, at + 8, lr, 8);
}

static void put_pt_regs(uint64_t at, uint64_t fp, uint64_t sp, uint64_t pc, uint64_t pstate)
{
	for (unsigned i = 0; i < 31; i++)
		fake_put(&mem, at + 8 * i, 0x1000 + i, 8);
	fake_put(&mem, at + 8 * A64_FP, fp, 8);
	fake_put(&mem, at + 8 * A64_SP, sp, 8);
	fake_put(&mem, at + 8 * A64_PC, pc, 8);
	fake_put(&mem, at + 8 * A64_PSTATE, pstate, 8);
}

static void go(struct regs *r, struct unwind_step *st)
{
	assert_null(arch_arm64.unwind(&env, &layout, r, st));
}

static void expect_end(struct regs r, struct unwind_step st, bool broken, const char *why)
{
	struct regs before = r;

	go(&r, &st);
	assert_true(st.end);
	assert_string_equal(st.why, why);
	assert_int_equal(st.broken, broken);
	assert_memory_equal(&r, &before, sizeof(r));
}

static void test_chain(void **state)
{
	struct regs r = regs_at(FN + 0x40, STACK + 0x100);
	struct unwind_step st = { .exact = true };

	(void)state;
	put_record(STACK + 0x100, STACK + 0x180, 0x002a800008000150); /* PAC in 54:48 and above */
	put_record(STACK + 0x180, STACK + 0x200, FN + 0x240);
	put_record(STACK + 0x200, 0, 0);
	regs_set(&r, A64_SP, STACK + 0x100);
	regs_set(&r, 19, 5);
	fake_put(&mem, STACK + 0x108, 0x7f2a800008000150 | 1ull << 55, 8);
	go(&r, &st);
	assert_false(st.end);
	assert_int_equal(st.how, HOW_FP);
	assert_false(st.exact);
	assert_int_equal(r.v[A64_PC], FN + 0x150);
	assert_int_equal(r.v[A64_FP], STACK + 0x180);
	assert_false(regs_has(&r, 19));
	assert_false(regs_has(&r, A64_SP));
	assert_false(regs_has(&r, A64_LR));
	assert_int_equal(st.floor_va, STACK + 0x110);
	go(&r, &st);
	assert_false(st.end);
	assert_int_equal(r.v[A64_PC], FN + 0x240);
	expect_end(r, st, false, "last frame record");
	r.v[A64_FP] = 0;
	expect_end(r, st, false, "no frame pointer");
}

static void test_broken(void **state)
{
	struct unwind_step st = { .floor_va = STACK + 0x110 };

	(void)state;
	put_record(STACK + 0x100, STACK + 0x100, FN + 0x150);
	put_record(STACK + 0x200, STACK + 0x300, 0);
	expect_end(regs_at(FN + 0x40, STACK + 0x104), st, true, "frame pointer is not aligned");
	expect_end(regs_at(FN + 0x40, 0x1000), st, true, "frame pointer is on no known stack");
	expect_end(regs_at(FN + 0x40, STACK + STACK_BYTES - 8), st, true,
		"frame pointer is on no known stack");
	expect_end(regs_at(FN + 0x40, STACK + 0x100), st, true, "frame pointer does not advance");
	expect_end(regs_at(FN + 0x40, STACK + 0x200), st, true, "return address is zero");
	fake_fault(&mem, STACK + 0x1000, FAULT_EXCLUDED);
	expect_end(regs_at(FN + 0x40, STACK + 0x1100), st, true, "frame record not readable");
	struct regs r = regs_at(FN + 0x40, STACK + 0x100);
	regs_set(&r, A64_PSTATE, 0);
	expect_end(r, st, false, "user mode");
	/* a record that points to itself ends at its second visit */
	r = regs_at(FN + 0x40, STACK + 0x100);
	st = (struct unwind_step){ 0 };
	go(&r, &st);
	assert_false(st.end);
	expect_end(r, st, true, "frame pointer does not advance");
	/* sp alone bounds too */
	r = regs_at(FN + 0x40, STACK + 0x100);
	regs_set(&r, A64_SP, STACK + 0x180);
	expect_end(r, (struct unwind_step){ 0 }, true, "frame pointer does not advance");
}

/* From the irq stack to the task's, on to an exception, through it, and to the entry from user
 * mode. */
static void exception(uint64_t off, bool meta, bool known)
{
	uint64_t size = off == 296 ? 320 : 336, regs_va = STACK + 0x1200, rec = regs_va + off;
	struct regs r = regs_at(FN + 0x40, IRQ + 0x3f00);
	struct unwind_step st = { 0 };

	stackframe_off = known ? off : 0;
	put_record(IRQ + 0x3f00, rec, FN + 0x348);
	put_pt_regs(regs_va, STACK + 0x1400, regs_va + size, FN + 0x64, 0x60400005);
	put_record(rec, meta ? 0 : STACK + 0x1400, meta ? 0 : FN + 0x64);
	if (meta)
		fake_put(&mem, rec + 16, 2, 8);
	put_record(STACK + 0x1400, STACK + 0x2000 + off, FN + 0x520);
	put_pt_regs(STACK + 0x2000, 0x123, 0x456, 0x400080, 0);
	put_record(STACK + 0x2000 + off, 0, 0);
	fake_put(&mem, STACK + 0x2000 + off + 16, meta ? 1 : 0, 8);

	go(&r, &st);
	assert_false(st.end);
	assert_int_equal(r.v[A64_FP], rec);
	go(&r, &st);
	assert_false(st.end);
	assert_true(st.exact);
	assert_int_equal(st.pt_regs_va, regs_va);
	assert_int_equal(r.v[A64_PC], FN + 0x64);
	assert_int_equal(r.v[A64_LR], 0x101e);
	assert_int_equal(r.v[0], 0x1000);
	assert_int_equal(r.v[A64_SP], regs_va + size);
	go(&r, &st);
	assert_false(st.end);
	assert_int_equal(st.pt_regs_va, 0);
	assert_int_equal(r.v[A64_PC], FN + 0x520);
	expect_end(r, st, false, "last frame record");
}

static void test_exception(void **state)
{
	(void)state;
	exception(304, false, true);
	exception(304, false, false);
	exception(296, true, true);
	exception(296, true, false);
}

/* Old kernels end with two zeroes too; what follows them there is no type. */
static void test_old_end(void **state)
{
	struct regs r = regs_at(FN + 0x520, STACK + 0x2000 + 304);

	(void)state;
	put_pt_regs(STACK + 0x2000, 0, 0x456, 0x400080, 5);
	fake_put(&mem, STACK + 0x2000 + 320, 2, 8);
	expect_end(r, (struct unwind_step){ 0 }, false, "last frame record");
	stackframe_off = 296;
	fake_put(&mem, STACK + 0x2000 + 320, 7, 8);
	expect_end(r, (struct unwind_step){ 0 }, true, "frame record of unknown type");
}

/* The record says that it is metadata, whatever the code is called. */
static void test_metadata(void **state)
{
	struct regs r = regs_at(FN + 0x140, STACK + 0x200 + 296);
	struct unwind_step st = { 0 };

	(void)state;
	stackframe_off = 296;
	put_pt_regs(STACK + 0x200, STACK + 0x400, STACK + 0x200 + 320, FN + 0x64, 0x60400005);
	put_record(STACK + 0x200 + 296, 0, 0);
	fake_put(&mem, STACK + 0x200 + 312, 2, 8);
	go(&r, &st);
	assert_false(st.end);
	assert_int_equal(st.pt_regs_va, STACK + 0x200);
	assert_int_equal(r.v[A64_PC], FN + 0x64);
	/* a pt_regs that leads back to its own record */
	r = regs_at(FN + 0x140, STACK + 0x200 + 296);
	put_pt_regs(STACK + 0x200, STACK + 0x200 + 296, STACK + 0x200 + 280, FN + 0x64, 0x60400005);
	expect_end(r, (struct unwind_step){ 0 }, true, "stack pointer does not advance");
}

/* C functions whose names begin like a stub's, and a fixup that changed the stub's pt_regs.pc. */
static void test_stub_names(void **state)
{
	struct regs r = regs_at(FN + 0x440, STACK + 0x100);
	struct unwind_step st = { 0 };

	(void)state;
	put_record(STACK + 0x100, STACK + 0x200 + 304, FN + 0x348);
	go(&r, &st);
	assert_int_equal(st.pt_regs_va, 0);
	put_record(STACK + 0x200 + 304, STACK + 0x400, FN + 0x64);
	put_pt_regs(STACK + 0x200, STACK + 0x400, STACK + 0x350, FN + 0x180, 0x60400005);
	go(&r, &st);
	assert_false(st.end);
	assert_int_equal(r.v[A64_PC], FN + 0x180);
	assert_int_equal(st.pt_regs_va, STACK + 0x200);
	/* a pt_regs whose sp leads down */
	r = regs_at(FN + 0x348, STACK + 0x200 + 304);
	put_pt_regs(STACK + 0x200, STACK + 0x400, STACK + 0x100, FN + 0x180, 0x60400005);
	expect_end(r, (struct unwind_step){ 0 }, true, "stack pointer does not advance");
}

/* el1_sync is an old kernel's entry, or a label of KVM's vectors in a newer one: there its frame is
 * like any other, whatever stands below it. */
static void test_old_stub_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct regs r = regs_at(FN + (i & 1 ? 0x848 : 0x748), STACK + 0x200 + 304);
		struct unwind_step st = { 0 };

		new_entry = i & 2;
		put_record(STACK + 0x200 + 304, STACK + 0x400, FN + 0x64);
		put_pt_regs(STACK + 0x200, STACK + 0x400, STACK + 0x350, FN + 0x180, 0x60400005);
		go(&r, &st);
		assert_false(st.end);
		assert_int_equal(st.pt_regs_va, new_entry ? 0 : STACK + 0x200);
		assert_int_equal(r.v[A64_PC], new_entry ? FN + 0x64 : FN + 0x180);
	}
}

static void test_link_register(void **state)
{
	struct regs r = regs_at(0, STACK + 0x100);
	struct unwind_step st = { .exact = true };

	(void)state;
	put_record(STACK + 0x100, STACK + 0x200, FN + 0x250);
	regs_set(&r, A64_LR, FN + 0x140);
	regs_set(&r, A64_SP, STACK + 0x100);
	go(&r, &st); /* a call through NULL */
	assert_int_equal(r.v[A64_PC], FN + 0x140);
	assert_int_equal(st.how, HOW_REGS);
	assert_false(st.exact);
	assert_true(regs_has(&r, A64_SP));
	r = regs_at(FN + 0x100, STACK + 0x100); /* first instruction */
	regs_set(&r, A64_LR, FN + 0x250);
	st = (struct unwind_step){ .exact = true };
	go(&r, &st);
	assert_int_equal(r.v[A64_PC], FN + 0x250);
	r = regs_at(FN + 0x104, STACK + 0x100);
	regs_set(&r, A64_LR, FN + 0x140);
	st = (struct unwind_step){ .exact = true };
	go(&r, &st);
	assert_int_equal(st.how, HOW_FP);
	assert_int_equal(r.v[A64_PC], FN + 0x250);
}

/* One step from @pc, interrupted, with a record at x29 that leads to @record_lr: where to. */
static uint64_t caller_of(
	uint64_t pc, uint64_t lr, uint64_t record_lr, struct unwind_step *ret_step)
{
	struct regs r = regs_at(pc, STACK + 0x100);

	put_record(STACK + 0x100, STACK + 0x180, record_lr);
	regs_set(&r, A64_LR, lr);
	regs_set(&r, A64_SP, STACK + 0xf0);
	regs_set(&r, 19, 7);
	*ret_step = (struct unwind_step){ .exact = true };
	go(&r, ret_step);
	if (ret_step->aside) {
		assert_int_equal(r.v[A64_FP], STACK + 0x100);
		assert_false(regs_has(&r, A64_SP)); /* a leaf may have pushed what it likes */
		assert_false(regs_has(&r, 19));
		assert_int_equal(ret_step->floor_va, STACK + 0xf0);
	}
	return r.v[A64_PC];
}

/* A leaf, or a function before or behind its own record: who called it is in x30 alone. */
static void test_live_link_register(void **state)
{
	const uint64_t pc = FN + 0x40, caller = FN + 0x140, next = FN + 0x250;
	struct unwind_step st;

	(void)state;
	fake_put(&mem, caller - 4, 0x94000000, 4); /* bl */
	fake_put(&mem, FN + 0x20, 0x94000000, 4);
	assert_int_equal(caller_of(pc, caller, next, &st), caller);
	assert_true(st.aside && !st.exact && st.how == HOW_REGS && !st.end);
	assert_int_equal(caller_of(pc, caller | 0x2aull << 48, next, &st), caller); /* signed */
	/* Its record stands: x30 is as it was at entry, or from a call of its own. */
	assert_int_equal(caller_of(pc, caller, caller, &st), caller);
	assert_true(!st.aside && st.how == HOW_FP);
	assert_int_equal(caller_of(pc, FN + 0x24, next, &st), next);
	assert_false(st.aside);
	/* What x30 holds is no return address; or nothing was called there. */
	assert_int_equal(caller_of(pc, FN + 0x180, next, &st), next);
	assert_int_equal(caller_of(pc, 0x1234, next, &st), next);
	fake_put(&mem, caller - 4, 0xd63f0100, 4); /* blr x8 */
	assert_int_equal(caller_of(pc, caller, next, &st), caller);
	/* A part that the compiler has moved away is the function itself. */
	fake_put(&mem, FN + 0x920 - 4, 0x94000000, 4);
	assert_int_equal(caller_of(pc, FN + 0x920, next, &st), next);
	assert_false(st.aside);
	/* A tracer's return address has no call before it. */
	assert_int_equal(caller_of(pc, FN + 0xa00, next, &st), FN + 0xa00);
	assert_true(st.aside);
	assert_int_equal(caller_of(pc, FN + 0xa04, next, &st), next);
	/* Entry code is called by nobody. */
	entry_text = true;
	assert_int_equal(caller_of(pc, caller, next, &st), next);
	entry_text = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exception, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_metadata, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stub_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_stub_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_register, setup, teardown),
		cmocka_unit_test_setup_teardown(test_live_link_register, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
