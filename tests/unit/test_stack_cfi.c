/*
 * Steps by call frame information: what proves one, when it outweighs the architecture's, and what
 * registers a trace ends up with. Rules and stacks come from here; the file under test is included
 * for its inner functions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/cfi.c"
#include "tests/unit/fake_kernel.h"

enum {
	LEAF = 0x1000,
	MIDDLE = 0x1100,
	OUTER = 0x1200,
	DATA = 0x3000,
	STACK = 0x8000,
	STACK_BYTES = 0x1000
};

static struct fake f;
static struct {
	uint64_t start;
	struct cfi_row row;
} rules[4];
static unsigned nrules;
static uint64_t noreturn_va;

bool types_cfi(struct types *db, uint64_t link_va, bool modules, struct cfi_row *ret)
{
	(void)db, (void)modules;
	for (unsigned i = 0; i < nrules; i++) {
		if (link_va - rules[i].start < 0x100) {
			*ret = rules[i].row;
			return true;
		}
	}
	return false;
}

void types_cfi_close(struct provider_slot *s)
{
	(void)s;
}

bool types_noreturn(struct types *db, uint64_t link_va)
{
	(void)db;
	return noreturn_va && link_va - noreturn_va < 0x100;
}

bool stack_find(struct target *t, const struct task *task, uint64_t sp, struct stack *ret)
{
	(void)t, (void)task;
	*ret = (struct stack){ .lo = fake_va(&f, STACK), .hi = fake_va(&f, STACK + STACK_BYTES) };
	return sp >= ret->lo && sp <= ret->hi;
}

/* A function with CFA = sp + @frame_bytes, and a frame record at its lower end where @record. */
static struct cfi_row *function(uint64_t off, const char *name, int64_t frame_bytes, bool record)
{
	struct cfi_row *row = &rules[nrules].row;
	const struct arch *arch = f.t->arch;
	rules[nrules++].start = fake_va(&f, off);
	*row = (struct cfi_row){ .return_column = arch->reg_lr,
		.cfa = { .how = CFI_REGISTER, .reg = arch->reg_sp, .offset = frame_bytes } };
	if (record) {
		row->reg[arch->reg_fp] =
			(struct cfi_rule){ .how = CFI_OFFSET, .offset = -frame_bytes };
		row->reg[arch->reg_lr] = (struct cfi_rule){ .how = CFI_OFFSET,
			.offset = -frame_bytes + f.t->abi.word_bytes };
	}
	symtab_add(f.t->syms, name, fake_va(&f, off), 0x100, 't', NULL);
	return row;
}

static void word(uint64_t off, uint64_t v)
{
	fake_put(f.t->dump, off, v, f.t->abi.word_bytes);
}

/* A call stands before @off. */
static uint64_t call_at(uint64_t off)
{
	fake_put(f.t->dump, off - 4, f.t->abi.word_bytes == 8 ? 0x94000000 : 0xeb000000, 4);
	return fake_va(&f, off);
}

static struct regs at(uint64_t pc, uint64_t sp)
{
	struct regs r = { 0 };
	regs_set(&r, f.t->arch->reg_pc, pc);
	regs_set(&r, f.t->arch->reg_sp, fake_va(&f, sp));
	return r;
}

static void begin(unsigned word_bytes)
{
	fake_init(&f, word_bytes);
	nrules = 0;
	noreturn_va = 0;
}

/* leaf without a frame, called by middle with 32 bytes, called by outer with 64 */
static struct regs begin_chain(void)
{
	begin(8);
	function(LEAF, "leaf", 0, false);
	function(MIDDLE, "middle", 32, true);
	function(OUTER, "outer", 64, true);
	symtab_finish(f.t->syms);
	struct regs r = at(fake_va(&f, LEAF + 8), STACK + 0x100);
	regs_set(&r, 30, call_at(MIDDLE + 0x10));
	regs_set(&r, 29, fake_va(&f, STACK + 0x100));
	regs_set(&r, 19, 19);
	regs_set(&r, 3, 3);
	word(STACK + 0x100, fake_va(&f, STACK + 0x120));
	word(STACK + 0x108, call_at(OUTER + 0x10));
	return r;
}

static enum cfi_outcome step(const struct regs *r, struct cfi_step *ret)
{
	return cfi_step(f.t, NULL, r, r->v[f.t->arch->reg_pc], CFI_OPEN_KERNEL, ret);
}

static void a_chain(void **state)
{
	(void)state;
	struct regs r = begin_chain();
	struct cfi_step s;
	assert_int_equal(step(&r, &s), CFI_STEP_DONE);
	assert_true(s.called && s.cfa == fake_va(&f, STACK + 0x100));
	assert_int_equal(s.regs.v[32], fake_va(&f, MIDDLE + 0x10));
	assert_true(regs_has(&s.regs, 19) && s.regs.v[19] == 19 && s.regs.v[31] == s.cfa);
	assert_false(regs_has(&s.regs, 3) || regs_has(&s.regs, 30));
	r = s.regs;
	assert_int_equal(step(&r, &s), CFI_STEP_DONE);
	assert_int_equal(s.regs.v[32], fake_va(&f, OUTER + 0x10));
	assert_int_equal(s.regs.v[29], fake_va(&f, STACK + 0x120));
	assert_true(s.cfa == fake_va(&f, STACK + 0x120) && s.restored == (1ull << 29 | 1ull << 30));
	/* Without sp the frame record tells where the frame is. */
	r.valid &= ~(1ull << 31);
	assert_int_equal(step(&r, &s), CFI_STEP_DONE);
	assert_int_equal(s.cfa, fake_va(&f, STACK + 0x120));
	r.valid &= ~(1ull << 29);
	assert_int_equal(step(&r, &s), CFI_STEP_LOST);
	fake_deinit(&f);
}

static void what_proves_a_step(void **state)
{
	(void)state;
	struct regs r = begin_chain();
	struct cfi_step s;
	struct cfi_row *leaf = &rules[0].row;
	r.v[30] = fake_va(&f, DATA); /* no code: no symbol holds it */
	assert_int_equal(step(&r, &s), CFI_STEP_WRONG);
	r.v[30] = fake_va(&f, MIDDLE + 0x20); /* code, but no call before it */
	assert_int_equal(step(&r, &s), CFI_STEP_DONE);
	assert_false(s.called);
	r.valid &= ~(1ull << 30);
	assert_int_equal(step(&r, &s), CFI_STEP_LOST);
	regs_set(&r, 30, fake_va(&f, MIDDLE + 0x10));
	leaf->cfa.offset = -16; /* below what is in use */
	assert_int_equal(step(&r, &s), CFI_STEP_WRONG);
	leaf->cfa.offset = 4;
	assert_int_equal(step(&r, &s), CFI_STEP_WRONG);
	leaf->cfa.offset = STACK_BYTES; /* beyond the stack */
	assert_int_equal(step(&r, &s), CFI_STEP_WRONG);
	leaf->cfa.offset = 0;
	r.v[31] = fake_va(&f, DATA); /* on no stack */
	assert_int_equal(step(&r, &s), CFI_STEP_WRONG);
	r.v[31] = fake_va(&f, STACK);
	leaf->reg[30].how = CFI_UNDEFINED;
	assert_int_equal(step(&r, &s), CFI_STEP_END);
	r.v[32] = fake_va(&f, DATA);
	assert_int_equal(step(&r, &s), CFI_STEP_NONE);
	fake_deinit(&f);
}

/* The architecture went from @before to frame record's caller outer, past middle. */
static void arbiter(void **state)
{
	(void)state;
	struct regs before = begin_chain();
	const struct unwind_step exact = { .exact = true }, call = { 0 };
	struct unwinder u = { .t = f.t,
		.regs = at(fake_va(&f, OUTER + 0x10), STACK + 0x120),
		.step = { .how = HOW_FP } };
	struct unwinder v = u;
	cfi_arbitrate(&v, &before, &call); /* at a call the records are right */
	assert_int_equal(v.regs.v[32], fake_va(&f, OUTER + 0x10));
	v = u;
	cfi_arbitrate(&v, &before, &exact); /* a leaf: its caller has the newest record */
	assert_int_equal(v.regs.v[32], fake_va(&f, MIDDLE + 0x10));
	assert_true(v.step.how == HOW_CFI && !v.step.exact &&
		    v.step.floor_va == fake_va(&f, STACK + 0x100));
	/* The same caller, found by lr: now it is proved, with more registers. */
	v = u;
	v.regs = (struct regs){ 0 };
	regs_set(&v.regs, 32, fake_va(&f, MIDDLE + 0x10));
	v.step = (struct unwind_step){ .how = HOW_REGS, .aside = true, .unproved = true };
	cfi_arbitrate(&v, &before, &exact);
	assert_true(v.step.how == HOW_REGS && !v.step.aside && !v.step.unproved &&
		    regs_has(&v.regs, 19));
	/* A chain that broke off goes on; one that ended does not. */
	v = u;
	v.regs = before;
	v.step = (struct unwind_step){ .end = true, .broken = true };
	cfi_arbitrate(&v, &before, &call);
	assert_int_equal(v.regs.v[32], fake_va(&f, MIDDLE + 0x10));
	v.regs = before;
	v.step = (struct unwind_step){ .end = true };
	cfi_arbitrate(&v, &before, &exact);
	assert_true(v.step.end && v.regs.v[32] == before.v[32]);
	/* An exception's registers are whole; a return address that nothing called proves nothing.
	 */
	v = u;
	v.step.pt_regs_va = 1;
	cfi_arbitrate(&v, &before, &exact);
	assert_int_equal(v.regs.v[32], fake_va(&f, OUTER + 0x10));
	before.v[30] = fake_va(&f, MIDDLE + 0x20);
	v = u;
	cfi_arbitrate(&v, &before, &exact);
	assert_int_equal(v.regs.v[32], fake_va(&f, OUTER + 0x10));
	fake_deinit(&f);
}

static struct frame frame_at(uint64_t pc, const struct regs *r)
{
	return (struct frame){ .pc = pc, .lookup_pc = pc - 1, .regs = *r };
}

static void filled_registers(void **state)
{
	(void)state;
	struct regs r = begin_chain(), bare = { 0 };
	struct frame frame[3] = { frame_at(r.v[32], &r),
		frame_at(fake_va(&f, MIDDLE + 0x10), &bare),
		frame_at(fake_va(&f, OUTER + 0x10), &bare) };
	struct trace trace = { .frame = frame, .nframes = 3 };
	cfi_fill_registers(f.t, NULL, &trace);
	assert_true(regs_has(&frame[2].regs, 19) && frame[2].regs.v[19] == 19);
	assert_int_equal(frame[2].regs.v[31], fake_va(&f, STACK + 0x120));
	assert_null(frame[1].note);
	assert_null(frame[2].note);
	/* Where the chain goes elsewhere it keeps its own, and says so. */
	frame[2] = frame_at(fake_va(&f, LEAF + 0x10), &bare);
	cfi_fill_registers(f.t, NULL, &trace);
	assert_non_null(frame[2].note);
	assert_false(regs_has(&frame[2].regs, 19));
	/* What an exception saved is not touched. */
	frame[2] = frame_at(fake_va(&f, OUTER + 0x10), &bare);
	frame[2].exact = true;
	cfi_fill_registers(f.t, NULL, &trace);
	assert_int_equal(frame[2].regs.valid, 0);
	fake_deinit(&f);
}

/* ARM32: a function that never returns has saved nothing, so its caller's registers are lost until
 * something further up had saved them. */
static void lost_registers(void **state)
{
	(void)state;
	begin(4);
	function(LEAF, "panic", 8, false)->reg[14] =
		(struct cfi_rule){ .how = CFI_OFFSET, .offset = -4 };
	function(MIDDLE, "middle", 16, false)->reg[14] =
		(struct cfi_rule){ .how = CFI_OFFSET, .offset = -4 };
	rules[1].row.reg[4] = (struct cfi_rule){ .how = CFI_OFFSET, .offset = -8 };
	symtab_finish(f.t->syms);
	word(STACK + 0x104, call_at(MIDDLE + 0x10));
	word(STACK + 0x114, call_at(OUTER + 0x10));
	word(STACK + 0x110, 44);
	symtab_add(f.t->syms, "outer", fake_va(&f, OUTER), 0x100, 't', NULL);
	symtab_finish(f.t->syms);
	struct regs r = at(fake_va(&f, LEAF + 8), STACK + 0x100), all = r;
	for (unsigned i = 4; i < 12; i++) {
		regs_set(&r, i, i);
		regs_set(&all, i, i);
	}
	struct frame start[3] = { frame_at(fake_va(&f, LEAF + 8), &r),
		frame_at(fake_va(&f, MIDDLE + 0x10), &all),
		frame_at(fake_va(&f, OUTER + 0x10), &all) },
		     frame[3];
	struct trace trace = { .frame = frame, .nframes = 3 };
	memcpy(frame, start, sizeof(frame));
	cfi_fill_registers(f.t, NULL, &trace);
	assert_true(regs_has(&frame[1].regs, 4) && regs_has(&frame[2].regs, 5));
	noreturn_va = fake_va(&f, LEAF);
	memcpy(frame, start, sizeof(frame));
	cfi_fill_registers(f.t, NULL, &trace);
	assert_false(regs_has(&frame[1].regs, 4) || regs_has(&frame[1].regs, 5) ||
		     regs_has(&frame[2].regs, 5));
	assert_true(regs_has(&frame[2].regs, 4) && frame[2].regs.v[4] == 44);
	/* The same where only the architecture knows the way. */
	nrules = 1;
	memcpy(frame, start, sizeof(frame));
	cfi_fill_registers(f.t, NULL, &trace);
	assert_false(regs_has(&frame[2].regs, 4));
	assert_true(regs_has(&frame[2].regs, 13));
	fake_deinit(&f);
}

/* The same of one that nobody says it of, as the compiler found out by itself: its instructions
 * tell. */
static void lost_by_instructions(void **state)
{
	static const uint32_t code[] = { 0xe92d4080, 0xe1a07000, 0xe1a05003,
		0xeb000000 }; /* push {r7, lr} … mov r5, r3 */
	(void)state;
	begin(4);
	struct cfi_row *row = function(LEAF, "die", 8, false);
	row->reg[14] = (struct cfi_rule){ .how = CFI_OFFSET, .offset = -4 };
	row->reg[7] = (struct cfi_rule){ .how = CFI_OFFSET, .offset = -8 };
	function(MIDDLE, "middle", 16, false)->reg[14] =
		(struct cfi_rule){ .how = CFI_OFFSET, .offset = -4 };
	symtab_finish(f.t->syms);
	for (unsigned i = 0; i < ARRAY_SIZE(code); i++)
		fake_put(f.t->dump, LEAF + 4 * i, code[i], 4);
	word(STACK + 0x100, 77);
	word(STACK + 0x104, call_at(MIDDLE + 0x10));
	struct regs r = at(fake_va(&f, LEAF + 0x10), STACK + 0x100);
	for (unsigned i = 4; i < 12; i++)
		regs_set(&r, i, i);
	struct frame frame[2] = { frame_at(fake_va(&f, LEAF + 0x10), &r),
		frame_at(fake_va(&f, MIDDLE + 0x10), &r) };
	struct trace trace = { .frame = frame, .nframes = 2 };
	cfi_fill_registers(f.t, NULL, &trace);
	assert_false(regs_has(&frame[1].regs, 5));
	assert_true(regs_has(&frame[1].regs, 4) && frame[1].regs.v[4] == 4);
	assert_true(regs_has(&frame[1].regs, 7) && frame[1].regs.v[7] == 77);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_chain),
		cmocka_unit_test(what_proves_a_step), cmocka_unit_test(arbiter),
		cmocka_unit_test(filled_registers), cmocka_unit_test(lost_registers),
		cmocka_unit_test(lost_by_instructions) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
