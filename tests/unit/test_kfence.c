/* KFENCE's pool in memory made by hand: both places of the metadata, states, tracks, guard bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/kernel/kfence.h"
#include "tests/unit/fake_kernel.h"

enum { POOL_AT = 0x20000, META_AT = 0x8000, POINTERS_AT = 0x4000, OBJECTS = 3 };

#define EACH(f, behind)                                                                            \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (unsigned w = 4; w <= 8; w += 4)                                               \
			for (unsigned behind = 0; behind < 2 && (start(f, w, behind), 1);          \
				fake_deinit(f), behind++)

static void expect_err(struct err *err, enum err_code code, const char *word)
{
	assert_non_null(err);
	if (err->code != code || !strstr(err->msg, word))
		fail_msg("code %d, \"%s\" lacks \"%s\"", err->code, err->msg, word);
	err_drop(err);
}

static uint64_t page_off(unsigned i)
{
	return POOL_AT + (i + 1) * 2 * FAKE_PAGE;
}

static uint64_t meta_off(struct fake *f, unsigned i)
{
	return META_AT + i * fake_sizeof(f, "kfence_metadata");
}

static void start(struct fake *f, unsigned word, bool behind)
{
	fake_init(f, word);
	FAKE_STRUCT(f, "kfence_track", "pid:u32", "cpu:u32", "ts_nsec:u64", "num_stack_entries:u32",
		"stack_entries:word[64]");
	FAKE_STRUCT(f, "kfence_metadata", "list:list", "state:u32", "addr:word", "size:word",
		"cache:word", "unprotected_page:word", "alloc_track:kfence_track",
		"free_track:kfence_track");
	fake_number(f, "__kfence_pool", POINTERS_AT, fake_va(f, POOL_AT), word);
	if (behind)
		fake_number(f, "kfence_metadata", POINTERS_AT + 16, fake_va(f, META_AT), word);
	else
		fake_symbol(f, "kfence_metadata", META_AT, 1);
	for (unsigned i = 0; i < OBJECTS; i++) {
		fake_set(f, "kfence_metadata", meta_off(f, i), "addr", fake_va(f, page_off(i)));
		for (unsigned b = 0; b < FAKE_PAGE; b++)
			*fake_at(f->t->dump, page_off(i) + b) = 0xaa ^ (b & 7);
	}
	fake_at(f->t->dump,
		meta_off(f, OBJECTS + 1)); /* the next entry is there, and no object's */
}

/* Object 1: 32 bytes at the end of its page, allocated by 5. */
static void allocate(struct fake *f)
{
	uint64_t m = meta_off(f, 1),
		 stack = m + fake_offsetof(f, "kfence_metadata", "alloc_track.stack_entries");
	fake_set(f, "kfence_metadata", m, "state", 1);
	fake_set(f, "kfence_metadata", m, "addr", fake_va(f, page_off(1) + FAKE_PAGE - 40));
	fake_set(f, "kfence_metadata", m, "size", 32);
	fake_set(f, "kfence_metadata", m, "alloc_track.pid", 5);
	fake_set(f, "kfence_metadata", m, "alloc_track.num_stack_entries", 2);
	fake_put(f->t->dump, stack, 0x111, f->t->abi.word_bytes);
	fake_put(f->t->dump, stack + f->t->abi.word_bytes, 0x222, f->t->abi.word_bytes);
	memset(fake_at(f->t->dump, page_off(1) + FAKE_PAGE - 40), 0x55, 32);
}

static void found(void **state)
{
	(void)state;
	EACH(f, behind)
	{
		struct kfence k;
		uint32_t index = 9;
		assert_null(kfence_init(f->t, &k));
		assert_int_equal(k.nobjects, OBJECTS);
		assert_int_equal(k.metadata_va, fake_va(f, META_AT));
		assert_true(kfence_index(&k, fake_va(f, page_off(2) + 5), &index));
		assert_int_equal(index, 2);
		assert_true(kfence_index(
			&k, fake_va(f, page_off(2) + FAKE_PAGE), &index)); /* its guard */
		assert_false(kfence_index(&k, fake_va(f, POOL_AT + 5), &index));
		assert_false(kfence_index(&k, fake_va(f, page_off(3)), &index));
		assert_false(kfence_index(&k, fake_va(f, POOL_AT) - 1, &index));
	}
}

static void one_object(void **state)
{
	struct kfence_object *o = xcalloc(1, sizeof(*o));
	(void)state;
	EACH(f, behind)
	{
		struct kfence k;
		allocate(f);
		assert_null(kfence_init(f->t, &k));
		assert_null(kfence_read(&k, 0, o));
		assert_int_equal(o->state, KFENCE_UNUSED);
		assert_null(kfence_read(&k, 1, o));
		assert_int_equal(o->state, KFENCE_ALLOCATED);
		assert_int_equal(o->alloc.pid, 5);
		assert_int_equal(o->alloc.nframes, 2);
		assert_int_equal(o->alloc.pc[1], 0x222);
		assert_int_equal(o->size, 32);
		assert_true(o->canary_checked);
		assert_int_equal(o->first_bad, 0);
		/* one byte directly behind, one before */
		*fake_at(f->t->dump, page_off(1) + FAKE_PAGE - 8) = 0;
		assert_null(kfence_read(&k, 1, o));
		assert_int_equal(o->first_bad, o->addr + 32);
		assert_int_equal(o->last_bad, o->first_bad);
		*fake_at(f->t->dump, page_off(1) + 7) ^= 1;
		assert_null(kfence_read(&k, 1, o));
		assert_int_equal(o->first_bad, fake_va(f, page_off(1) + 7));
		fake_set(f, "kfence_metadata", meta_off(f, 1), "state", 2);
		fake_set(f, "kfence_metadata", meta_off(f, 1), "free_track.pid", 6);
		assert_null(kfence_read(&k, 1, o));
		assert_int_equal(o->state, KFENCE_FREED);
		assert_int_equal(o->free.pid, 6);
		expect_err(
			kfence_read(&k, OBJECTS, o), ERR_NOT_FOUND, "there is no KFENCE object 3");
	}
	free(o);
}

static void damaged(void **state)
{
	struct kfence_object *o = xcalloc(1, sizeof(*o));
	(void)state;
	EACH(f, behind)
	{
		struct kfence k;
		allocate(f);
		fake_set(f, "kfence_metadata", meta_off(f, 1), "alloc_track.num_stack_entries", 65);
		assert_null(kfence_init(f->t, &k));
		expect_err(kfence_read(&k, 1, o), ERR_FORMAT, "a stack of 65 frames");
		fake_set(f, "kfence_metadata", meta_off(f, 1), "alloc_track.num_stack_entries", 1);
		fake_set(f, "kfence_metadata", meta_off(f, 1), "state", 77);
		fake_set(f, "kfence_metadata", meta_off(f, 1), "size", 0x7fffffff);
		assert_null(kfence_read(&k, 1, o));
		assert_int_equal(o->state, KFENCE_BROKEN);
		assert_false(o->canary_checked);
		fake_set(f, "kfence_metadata", meta_off(f, 0), "addr", 0);
		expect_err(kfence_init(f->t, &k), ERR_FORMAT, "does not lie on its page");
		fake_put(f->t->dump, POINTERS_AT, 0, f->t->abi.word_bytes);
		expect_err(kfence_init(f->t, &k), ERR_MISSING, "was off");
	}
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(one_object),
		cmocka_unit_test(damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
