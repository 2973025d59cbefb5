/* The kernel's log, both eras, from any memory. The input is pages of a fake target (fake_pages.h);
 * bit 1 of its first byte chooses the byte log. */
#include "tests/unit/fake_pages.h"
#include "tests/unit/fake_printk.h"

enum { BYTE_LOG = 2 };

static void read_log(struct fake *f)
{
	struct printk_iter it;
	struct printk_record r;
	bool more = true;
	uint64_t n = 0, sum = 0;
	struct err *err = printk_iter_init(&it, f->t);
	while (!err && !(err = printk_iter_next(&it, &r, &more)) && more) {
		for (size_t i = 0; i < r.text_bytes; i++)
			sum += (uint8_t)r.text[i];
		/* The dump has 2^20 bytes here, and no record is made of less than one. */
		if (++n > 1 << 20)
			abort();
	}
	if ((err && !err->msg[0]) || sum == UINT64_MAX)
		abort();
	err_drop(err);
	printk_iter_deinit(&it);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	f.t->dump->extent.size = 1 << 20;
	if (p[0] & BYTE_LOG)
		fake_log(&f, 0, 0, 0, 0);
	else
		fake_ring(&f, 0, 0, 0, 0);
	fake_pages_load(&f, p, n);
	read_log(&f);
	fake_deinit(&f);
	return 0;
}

static void seed_ring(unsigned word, uint64_t tail, fuzz_add_fn add)
{
	struct fake f;
	fake_init(&f, word);
	fake_ring(&f, 3, 8, tail, tail + 5);
	for (unsigned i = 0; i < 5; i++) {
		fake_desc(&f, 3, tail + i, i == 4 ? COMMITTED : FINALIZED, i * 0x30,
			i * 0x30 + 0x30, 10);
		fake_block(&f, 8, i * 0x30, tail + i, "ten bytes.");
	}
	fake_desc(&f, 3, tail + 5, FINALIZED, 0xf0, 0x120, 8); /* wraps */
	fake_desc(&f, 3, tail + 2, FINALIZED, 3, 3, 0);
	fake_pages_add(&f, 0, add);
	fake_deinit(&f);
}

static void seed_log(unsigned word, fuzz_add_fn add)
{
	struct fake f;
	fake_init(&f, word);
	fake_log(&f, 256, 60, 0, 9);
	uint32_t off = fake_log_record(&f, 60, "older", "SUBSYSTEM=pci");
	off = fake_log_record(&f, off, "old", "");
	fake_set(&f, "printk_log", LOG_AT + off, "len", 0);
	off = fake_log_record(&f, 0, "new", "");
	fake_put(f.t->dump, 0x218, off, 4);
	fake_pages_add(&f, BYTE_LOG, add);
	fake_deinit(&f);
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		seed_ring(word, 8, add);
		seed_ring(word, 0 - 3ull, add);
		seed_log(word, add);
	}
}
