/* The kernel's log in memory made by hand: the ring since v5.10 and the byte log before it (of
 * which there is no dump, so this is its only proof), whole, wrapped and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/fake_printk.h"

/* All texts, one a line; the error that ended it behind them. */
static char *read_all(struct fake *f, uint64_t *ret_lost, uint64_t *ret_first_seq)
{
	struct strbuf b = { 0 };
	struct printk_iter it;
	struct printk_record r;
	bool more = true, first = true;
	struct err *err = printk_iter_init(&it, f->t);
	while (!err && !(err = printk_iter_next(&it, &r, &more)) && more) {
		strbuf_add_bytes(&b, r.text, r.text_bytes);
		strbuf_add(&b, "\n");
		if (first && ret_first_seq)
			*ret_first_seq = r.seq;
		first = false;
	}
	if (err)
		strbuf_addf(&b, "error: %s\n", err->msg);
	if (ret_lost)
		*ret_lost = it.lost;
	err_drop(err);
	printk_iter_deinit(&it);
	return strbuf_take(&b);
}

static void expect_log(struct fake *f, uint64_t lost, const char *text)
{
	uint64_t got_lost;
	char *got = read_all(f, &got_lost, NULL);
	assert_string_equal(got, text);
	assert_int_equal(got_lost, lost);
	free(got);
}

static void expect_error(struct fake *f, const char *text, const char *word)
{
	char *got = read_all(f, NULL, NULL);
	if (strncmp(got, text, strlen(text)) || !strstr(got, "error: ") || !strstr(got, word))
		fail_msg("\"%s\" lacks \"%s\" or \"%s\"", got, text, word);
	free(got);
}

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (fake_init(f, words[w]), 1); fake_deinit(f), w++)

/* Four records in a ring of four and 256 bytes: ids from @first. */
static void simple_ring(struct fake *f, uint64_t first)
{
	static const char *const text[] = { "zero", "one", "two", "three" };
	fake_ring(f, 2, 8, first, first + 3);
	for (unsigned i = 0; i < 4; i++) {
		fake_desc(
			f, 2, first + i, FINALIZED, i * 64, i * 64 + 64, (unsigned)strlen(text[i]));
		fake_block(f, 8, i * 64, first + i, text[i]);
	}
}

static void ring_in_order(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct printk_iter it;
		struct printk_record r;
		bool more;
		simple_ring(f, 8);
		expect_log(f, 0, "zero\none\ntwo\nthree\n");
		assert_null(printk_iter_init(&it, f->t));
		assert_null(printk_iter_next(&it, &r, &more));
		assert_true(more);
		assert_int_equal(r.level, 3);
		assert_int_equal(r.facility, 1);
		assert_int_equal(r.caller_id, 77);
		assert_true(r.ts_ns == 1000000000);
		assert_true(r.seq == 0);
		printk_iter_deinit(&it);
	}
}

/* The id counter passes its 30 or 62 bits; the index is not 0 where the tail is. */
static void ring_ids_wrap(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		simple_ring(f, fake_id_mask(f) - 1);
		expect_log(f, 0, "zero\none\ntwo\nthree\n");
	}
}

static void ring_text_wraps(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		uint64_t high = f->t->abi.word_bytes == 4 ? 0xffffff00 : 0xffffffffffffff00;
		simple_ring(f, 8);
		/* Begins at 0xe0, would pass 0x100: stands at the start. */
		fake_desc(f, 2, 8, FINALIZED, 0xe0, 0x120, 5);
		fake_block(f, 8, 0x100, 8, "again");
		/* Ends exactly with the ring (v7.0 allows it). */
		fake_desc(f, 2, 11, FINALIZED, 0xc0, 0x100, 4);
		fake_block(f, 8, 0xc0, 11, "edge");
		expect_log(f, 0, "again\none\ntwo\nedge\n");
		/* Positions are longs and wrap, too. */
		fake_desc(f, 2, 8, FINALIZED, high + 0xe0, 0x20, 5);
		fake_desc(f, 2, 11, FINALIZED, high + 0xc0, 0, 4);
		expect_log(f, 0, "again\none\ntwo\nedge\n");
	}
}

static void ring_without_data(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		simple_ring(f, 8);
		fake_desc(f, 2, 9, FINALIZED, 3, 3, 0); /* an empty line */
		expect_log(f, 0, "zero\n\ntwo\nthree\n");
		fake_desc(f, 2, 10, FINALIZED, 1, 1, 7); /* no room for its text: lost */
		expect_log(f, 1, "zero\n\nthree\n");
	}
}

static void ring_states(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		simple_ring(f, 8);
		fake_desc(f, 2, 8, REUSABLE, 0, 64, 4);
		fake_desc(f, 2, 9, COMMITTED, 64, 128, 3);
		fake_desc(f, 2, 11, RESERVED, 192, 256, 5);
		expect_log(f, 0, "one\ntwo\n");
		/* Id 11 was just taken: its descriptor still is of the lap before, or of none. */
		fake_desc(f, 2, 7, FINALIZED, 192, 256, 5);
		expect_log(f, 0, "one\ntwo\n");
		fake_set(f, "prb_desc", DESCS_AT + 3 * fake_sizeof(f, "prb_desc"),
			"state_var.counter", 0);
		expect_log(f, 0, "one\ntwo\n");
		/* Any other id there is damage. */
		fake_desc(f, 2, 99, FINALIZED, 192, 256, 5);
		expect_log(f, 1, "one\ntwo\n");
	}
}

static void ring_text_is_cut_to_its_block(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		unsigned word = f->t->abi.word_bytes;
		simple_ring(f, 8);
		fake_desc(f, 2, 8, FINALIZED, 0, word * 2, 60000);
		/* What is left of 60000 bytes is one word. */
		char *got = read_all(f, NULL, NULL);
		assert_memory_equal(got, "zero", 4);
		assert_int_equal(got[word], '\n');
		free(got);
	}
}

static void ring_bad_blocks(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		simple_ring(f, 8);
		fake_desc(f, 2, 8, FINALIZED, 64, 0, 4);       /* ends before it begins */
		fake_desc(f, 2, 9, FINALIZED, 64, 66, 3);      /* no room for its id */
		fake_desc(f, 2, 10, FINALIZED, 128, 0x2c0, 3); /* two laps on */
		expect_log(f, 3, "three\n");
		/* Of another sequence than its index says. */
		fake_set(f, "printk_info", INFOS_AT + 3 * fake_sizeof(f, "printk_info"), "seq", 6);
		expect_error(f, "", "none of");
	}
}

static void ring_ids_are_damaged(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		simple_ring(f, 8);
		fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.tail_id.counter", 0x3fff0000);
		expect_error(f, "zero\none\ntwo\nthree\n", "damaged");
		fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.tail_id.counter", 8);
		fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.head_id.counter", 0x12345);
		expect_error(f, "zero\none\ntwo\nthree\n", "damaged");
		fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.descs", fake_va(f, 0x3000));
		fake_put(f->t->dump, 0x3000, 0, 8);
		expect_error(f, "", "none of these is in use");
	}
}

static void ring_hostile_sizes(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		simple_ring(f, 8);
		fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.count_bits", 64);
		expect_error(f, "", "no ring");
		/* More records than the machine has memory for. */
		fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.count_bits", 27);
		expect_error(f, "", "no ring");
		fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.count_bits", 2);
		fake_set(f, "printk_ringbuffer", RING_AT, "text_data_ring.size_bits", 0xffffffff);
		expect_error(f, "", "no ring");
		fake_set(f, "printk_ringbuffer", RING_AT, "text_data_ring.size_bits", 8);
		fake_set(f, "printk_ringbuffer", RING_AT, "text_data_ring.data",
			fake_va(f, 0x8000000));
		expect_error(f, "", "none of");
	}
}

static void ring_empty(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		/* DESC0_ID: printk_ringbuffer.h, as it stands before the first message. */
		fake_ring(f, 2, 8, 0 - 5ull, 0 - 5ull);
		fake_desc(f, 2, 0 - 5ull, REUSABLE, 1, 1, 0);
		expect_log(f, 0, "");
	}
}

/* ---- the byte log, 4.19 to 5.9 ----------------------------------------------------------- */

static void log_in_order(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_log(f, 256, 0, 0, 41);
		uint32_t off = fake_log_record(f, 0, "first", "");
		off = fake_log_record(f, off, "", "SUBSYSTEM=pci");
		off = fake_log_record(f, off, "third", "DEVICE=+x");
		fake_number(f, "log_next_idx", 0x218, off, 4);
		expect_log(f, 0, "first\n\nthird\n");
		uint64_t seq = 0;
		free(read_all(f, NULL, &seq));
		assert_true(seq == 41);
	}
}

static void log_wraps(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_log(f, 96, 0, 0, 0x100000007ull);
		uint32_t end = fake_log_record(f, 0, "newest", "");
		uint32_t off = fake_log_record(f, 40, "oldest", "");
		fake_set(f, "printk_log", LOG_AT + off, "len", 0); /* the rest is unused */
		fake_put(f->t->dump, 0x210, 40, 4);
		fake_put(f->t->dump, 0x218, end, 4);
		uint64_t seq = 0;
		expect_log(f, 0, "oldest\nnewest\n");
		free(read_all(f, NULL, &seq));
		assert_true(seq == 0x100000007ull); /* 64 bits on 32-bit machines, too */
		/* The wrap is the last thing there is. */
		fake_put(f->t->dump, 0x218, 0, 4);
		expect_log(f, 0, "oldest\n");
	}
}

static void log_empty(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_log(f, 256, 32, 32, 0);
		expect_log(f, 0, "");
	}
}

static void log_damaged(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_log(f, 256, 0, 0, 0);
		uint32_t off = fake_log_record(f, 0, "good", ""), second = off;
		off = fake_log_record(f, off, "second", "");
		fake_put(f->t->dump, 0x218, off, 4);
		expect_log(f, 0, "good\nsecond\n");
		fake_set(f, "printk_log", LOG_AT + second, "text_len", 60000);
		expect_error(f, "good\nerror: ", "damaged");
		fake_set(f, "printk_log", LOG_AT + second, "text_len", 6);
		fake_set(f, "printk_log", LOG_AT + second, "len", 4);
		expect_error(f, "good\nerror: ", "damaged");
		fake_set(f, "printk_log", LOG_AT + second, "len", 250); /* beyond the buffer */
		expect_error(f, "good\nerror: ", "damaged");
		/* No record at the very start, where the wrap leads to. */
		fake_set(f, "printk_log", LOG_AT + second, "len", 0);
		fake_set(f, "printk_log", LOG_AT, "len", 0);
		expect_error(f, "", "damaged");
	}
}

/* Records that go round without ever meeting log_next_idx. */
static void log_goes_round(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_log(f, 48, 0, 0, 0);
		uint32_t off = fake_log_record(f, 0, "roundx", "");
		assert_int_equal(off, 24);
		off = fake_log_record(f, 24, "roundy", "");
		*fake_at(f->t->dump, LOG_AT + 48) = 0; /* a wrap mark behind the end */
		fake_put(f->t->dump, 0x218, 25, 4);
		expect_error(f, "roundx\nroundy\n", "damaged");
	}
}

static void log_indices_outside(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_log(f, 64, 64, 0, 0);
		expect_error(f, "", "outside");
		fake_put(f->t->dump, 0x210, 0, 4);
		fake_put(f->t->dump, 0x218, 0xffffffff, 4);
		expect_error(f, "", "outside");
	}
}

static void no_log_at_all(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		expect_error(f, "", "neither symbol prb");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_in_order),
		cmocka_unit_test(ring_ids_wrap),
		cmocka_unit_test(ring_text_wraps),
		cmocka_unit_test(ring_without_data),
		cmocka_unit_test(ring_states),
		cmocka_unit_test(ring_text_is_cut_to_its_block),
		cmocka_unit_test(ring_bad_blocks),
		cmocka_unit_test(ring_ids_are_damaged),
		cmocka_unit_test(ring_hostile_sizes),
		cmocka_unit_test(ring_empty),
		cmocka_unit_test(log_in_order),
		cmocka_unit_test(log_wraps),
		cmocka_unit_test(log_empty),
		cmocka_unit_test(log_damaged),
		cmocka_unit_test(log_goes_round),
		cmocka_unit_test(log_indices_outside),
		cmocka_unit_test(no_log_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
