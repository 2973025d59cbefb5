/* analyzer/space/sweep: every byte once, in order, by any number of threads, and across every seam.
 */
#include "tests/unit/test_dump_file.h"

#include "analyzer/base/interrupt.h"
#include "analyzer/space/sweep.h"

enum { BASE = 0x40000000, RAM = 20 << 20, HOLE = 9 << 20, HOLE_BYTES = 64 << 10, STEP = 1 << 20 };

/* RAM with a hole, and the word "needle" across the end of every megabyte. */
static struct dump *open_ram(void)
{
	scoped_blob struct blob b = { 0 };
	const struct elf_seg seg[] = {
		{ PT_LOAD, 0, BASE, 0x1000, HOLE, HOLE },
		{ PT_LOAD, 0, BASE + HOLE + HOLE_BYTES, 0x1000 + HOLE, RAM - HOLE - HOLE_BYTES,
			RAM - HOLE - HOLE_BYTES },
	};
	const struct elf_spec s = { .is64 = true, .machine = EM_AARCH64, .seg = seg, .nsegs = 2 };
	elf_build(&b, &s);
	for (uint64_t at = STEP; at < RAM; at += STEP)
		if (at < HOLE)
			blob_put(&b, 0x1000 + at - 3, "needle", 6);
		else if (at > HOLE + HOLE_BYTES)
			blob_put(&b, 0x1000 + at - HOLE_BYTES - 3, "needle", 6);
	return open_ok(&b);
}

struct looker {
	uint64_t piece_bytes, at, end; /* where the pieces come from */
	bool apart;		       /* pieces are told by addresses that do not go on */
	uint64_t bytes;		       /* atomic: seen by look */
	uint64_t hit[64];
	size_t nhits, most_hits;
};

static struct err *next(void *cx, struct sweep_piece *ret, bool *ret_more)
{
	struct looker *l = cx;
	*ret_more = l->at < l->end;
	uint64_t n = l->end - l->at < l->piece_bytes ? l->end - l->at : l->piece_bytes;
	ret->addr = l->apart ? l->at * 2 : l->at;
	ret->pa.v = BASE + l->at;
	ret->size = n;
	ret->tag = 77;
	l->at += n;
	return NULL;
}

static void look(void *cx, const struct sweep_run *run, struct sweep_hits *hits)
{
	struct looker *l = cx;
	uint8_t joined[64];
	__atomic_add_fetch(&l->bytes, run->n, __ATOMIC_RELAXED);
	assert_in_range(run->nbefore, 0, 5);
	size_t n = run->n < 5 ? run->n : 5;
	if (run->nbefore)
		memcpy(joined, run->before, run->nbefore);
	memcpy(joined + run->nbefore, run->p, n);
	for (size_t i = 0; i + 6 <= run->nbefore + n; i++)
		if (!memcmp(joined + i, "needle", 6))
			sweep_found(hits, run->addr - run->nbefore + i, 1);
	for (size_t i = 0; i + 6 <= run->n; i++)
		if (run->p[i] == 'n' && !memcmp(run->p + i, "needle", 6))
			sweep_found(hits, run->addr + i, 2);
}

static struct err *hit(void *cx, const struct sweep_hit *h)
{
	struct looker *l = cx;
	assert_int_equal(h->tag, 77);
	assert_true(l->nhits < 64);
	l->hit[l->nhits++] = h->addr;
	return l->nhits == l->most_hits ? err_new(ERR_LIMIT, "enough") : NULL;
}

static void sweep(struct dump *d, struct looker *l, unsigned threads, struct sweep_totals *ret)
{
	struct sweep s = {
		.cx = l, .next = next, .look = look, .hit = hit, .seam_bytes = 5, .threads = threads
	};
	l->end = RAM;
	struct err *err = sweep_memory(d, &s, ret);
	if (err)
		fail_msg("%s", err->msg);
}

/* 1 << 20 and 4 << 20 put the words across pieces and across jobs, 10000 across anything. */
static void all_seams(void **state)
{
	(void)state;
	static const uint64_t piece[] = { 10000, 1 << 20, 4 << 20, 64 << 20 };
	struct dump *d = open_ram();
	for (size_t i = 0; i < ARRAY_SIZE(piece); i++) {
		for (unsigned threads = 1; threads <= 4; threads += 3) {
			struct looker l = { .piece_bytes = piece[i] };
			struct sweep_totals totals;
			sweep(d, &l, threads, &totals);
			assert_int_equal(l.bytes, RAM - HOLE_BYTES);
			assert_int_equal(totals.seen_bytes, RAM - HOLE_BYTES);
			assert_int_equal(totals.missing_bytes[FAULT_BEYOND], HOLE_BYTES);
			size_t n = 0;
			for (uint64_t at = STEP; at < RAM; at += STEP)
				if (at != HOLE)
					assert_int_equal(l.hit[n++], at - 3);
			assert_int_equal(l.nhits, n);
		}
	}
	dump_close(d);
}

/* What lies at the end of one piece and at the beginning of an unrelated one is not one thing. */
static void no_seam_between_strangers(void **state)
{
	(void)state;
	struct dump *d = open_ram();
	struct looker l = { .piece_bytes = STEP, .apart = true };
	sweep(d, &l, 2, NULL);
	assert_int_equal(l.nhits, 0);
	dump_close(d);
}

static void ends_when_told(void **state)
{
	(void)state;
	struct dump *d = open_ram();
	struct looker l = { .piece_bytes = STEP, .end = RAM, .most_hits = 3 };
	struct sweep s = { .cx = &l, .next = next, .look = look, .hit = hit, .seam_bytes = 5 };
	struct err *err = sweep_memory(d, &s, NULL);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_LIMIT);
	err_drop(err);
	assert_int_equal(l.nhits, 3);
	interrupt_raise();
	struct looker again = { .piece_bytes = STEP, .end = RAM };
	s.cx = &again;
	err = sweep_memory(d, &s, NULL);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_INTERRUPTED);
	err_drop(err);
	interrupt_clear();
	dump_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_seams, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(no_seam_between_strangers, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(ends_when_told, tmp_setup, tmp_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
