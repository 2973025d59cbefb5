/* Who spins on what and who hangs, from any memory and any registers. The input is pages of a fake
 * target (fake_pages.h); the registers are words of its first page. */
#include "tests/unit/fake_pages.h"
#include "tests/unit/fake_waits.h"

enum { TICKET = 2, DEBUG = 4, REGS = 31 };

static void load_registers(struct fake *f, struct frame *frame)
{
	uint64_t at = fake_va(f, 0), word;
	for (unsigned i = 0; i < WAIT_FRAMES; i++)
		for (unsigned r = 0; r < REGS && r < ARCH_MAX_REGS; r++, at += f->t->abi.word_bytes)
			if (vspace_try_word(f->t->kernel, at, &word) && word)
				regs_set(&frame[i].regs, r, word);
}

static void look(struct fake *f)
{
	struct frame frame[WAIT_FRAMES];
	struct spin_wait w;
	struct hung_tasks h;
	struct hung_task t;
	fake_wait_frames(f, frame);
	struct err *err = fake_spin_find(f, frame, WAIT_FRAMES, &w);
	if (!err && (!w.lock.held || !w.lock.valid || w.frame >= WAIT_FRAMES ||
			    (!w.owner_va && !w.owner_unknown)))
		abort();
	err_drop(err); /* its own trouble */
	load_registers(f, frame);
	err_drop(fake_spin_find(f, frame, WAIT_FRAMES, &w)); /* likewise */
	err = hung_tasks_init(&h, f->t);
	if (!err && !h.hz)
		abort();
	for (unsigned i = 0; !err && i < 3; i++) {
		struct task task = { .va = fake_va(f, fake_wait_task(i)), .state = 2 };
		err = hung_task_read(&h, &task, &t);
		if (!err && t.reported && (!t.noted || !h.timeout_s || t.noted_s < h.timeout_s))
			abort();
	}
	err_drop(err); /* likewise */
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	fake_waits(&f, fake_pages_word(p, n), p[0] & TICKET, p[0] & DEBUG);
	fake_pages_load(&f, p, n);
	look(&f);
	fake_deinit(&f);
	return 0;
}

static void seed(unsigned word, bool ticket, bool debug, fuzz_add_fn add)
{
	struct fake f;
	fake_waits(&f, word, ticket, debug);
	if (ticket)
		fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.tickets.next", 3);
	else
		fake_set(&f, "raw_spinlock", SPIN_AT, "raw_lock.val.counter", 1 | 1u << 18);
	fake_set(&f, "qnode", fake_qnode(&f, 0, 0), "mcs.count", 1);
	if (debug) {
		fake_set(&f, "raw_spinlock", SPIN_AT, "magic", 0xdead4ead);
		fake_set(&f, "raw_spinlock", SPIN_AT, "owner", fake_va(&f, fake_wait_task(2)));
	}
	fake_put(f.t->dump, WAIT_STACK_AT + WAIT_FRAME_BYTES + word, fake_va(&f, SPIN_AT), word);
	fake_put(f.t->dump, 4 * word, fake_va(&f, SPIN_AT), word);
	fake_hung(&f);
	fake_pages_add(&f, (ticket ? TICKET : 0) | (debug ? DEBUG : 0), add);
	fake_deinit(&f);
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4)
		for (int form = 0; form < 4; form++)
			seed(word, form & 1, form & 2, add);
}
