/*
 * Backtraces through Thumb code: which byte of a return address is looked up, by the call that
 * stands before it. Encodings: ARM ARM v7-A, A8.8.25 and A8.8.26. The file under test is included
 * for its inner functions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/stack/trace.c"
#include "tests/unit/fake_kernel.h"

enum { CODE = 0x1000 };

static void put_code(struct fake *f, uint64_t at, uint16_t first, uint16_t second)
{
	fake_put(f->t->dump, CODE + at - 4, first, 2);
	fake_put(f->t->dump, CODE + at - 2, second, 2);
}

static uint64_t looked_up(struct fake *f, uint64_t at, bool thumb)
{
	const struct unwind_step step = { .thumb = thumb };
	return lookup_address(f->t, fake_va(f, CODE + at), &step) - fake_va(f, CODE);
}

static void return_addresses(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f, 4);
	put_code(&f, 0x10, 0xf000, 0xf800); /* bl .+4 */
	assert_int_equal(looked_up(&f, 0x10, true), 0xf);
	put_code(&f, 0x20, 0xbf00, 0x4798); /* nop; blx r3: two bytes */
	assert_int_equal(looked_up(&f, 0x20, true), 0x1f);
	put_code(&f, 0x32, 0xf000, 0xe800); /* blx to ARM code; the address is no multiple of 4 */
	assert_int_equal(looked_up(&f, 0x32, true), 0x31);
	put_code(&f, 0x40, 0xbf00, 0xbf00); /* no call: entry code made it up */
	assert_int_equal(looked_up(&f, 0x40, true), 0x40);
	put_code(&f, 0x50, 0xbf00, 0x47f8); /* blx pc is no instruction */
	assert_int_equal(looked_up(&f, 0x50, true), 0x50);
	/* The same bytes are no call of ARM code, and the other way round. */
	put_code(&f, 0x60, 0xf000, 0xf800);
	assert_int_equal(looked_up(&f, 0x60, false), 0x60);
	put_code(&f, 0x70, 0x0000, 0xeb00); /* ARM: bl */
	assert_int_equal(looked_up(&f, 0x70, false), 0x6f);
	assert_int_equal(looked_up(&f, 0x70, true), 0x70);
	const struct unwind_step exact = { .thumb = true, .exact = true };
	assert_int_equal(
		lookup_address(f.t, fake_va(&f, CODE + 0x10), &exact), fake_va(&f, CODE + 0x10));
	fake_deinit(&f);
}

/* A task that sleeps: __switch_to()'s return address has the bit, and the frame keeps it as the
 * kernel prints it; a register set of an exception has none. */
static void first_frames(void **state)
{
	(void)state;
	struct fake f;
	struct unwinder u;
	struct regs regs = { 0 };
	fake_init(&f, 4);
	put_code(&f, 0x10, 0xf000, 0xf800);
	regs_set(&regs, f.t->arch->reg_pc, fake_va(&f, CODE + 0x11));
	unwinder_init(&u, f.t, NULL, &regs, false);
	struct frame frame = frame_of(f.t, &u);
	assert_int_equal(frame.pc, fake_va(&f, CODE + 0x11));
	assert_int_equal(frame.lookup_pc, fake_va(&f, CODE + 0xf));
	assert_false(frame.exact);
	regs_set(&regs, f.t->arch->reg_pc, fake_va(&f, CODE + 0x10));
	unwinder_init(&u, f.t, NULL, &regs, true);
	frame = frame_of(f.t, &u);
	assert_int_equal(frame.pc, fake_va(&f, CODE + 0x10));
	assert_int_equal(frame.lookup_pc, fake_va(&f, CODE + 0x10));
	assert_true(frame.exact);
	unwinder_init(
		&u, f.t, NULL, &regs, false); /* ARM code: the bytes before are no call of it */
	frame = frame_of(f.t, &u);
	assert_int_equal(frame.lookup_pc, fake_va(&f, CODE + 0x10));
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(return_addresses),
		cmocka_unit_test(first_frames) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
