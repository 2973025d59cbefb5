/* Free lists and single pages on hand-made memory: both eras of page types, every kind of
 * inconsistency. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/kernel/page_flags.h"
#include "tests/unit/fake_buddy.h"

#define EACH(f, modern)                                                                            \
	for (unsigned w_ = 0; w_ < 4; w_++)                                                        \
		for (bool modern = w_ / 2, once_ = true; once_; once_ = false)                     \
			for (struct fake f##_, *f = &f##_;                                         \
				f && (fake_buddy(f, w_ % 2 ? 8 : 4, modern), 1);                   \
				fake_deinit(f), f = NULL)

static void is_fine(struct err *err)
{
	if (err)
		fail_msg("%s", err->msg);
}

/* Walks all lists; counts blocks, and findings that have @word (NULL: any). */
struct walked {
	unsigned blocks, findings, others;
	uint64_t pages;
	struct buddy_seen seen;
};

static struct walked walk(struct fake *f, const char *word)
{
	scoped_zone_map struct zone_map m = { 0 };
	struct walked w = { 0 };
	is_fine(zone_map_read(f->t, &m));
	assert_int_equal(m.n, 1);
	for (unsigned order = 0; order < m.place[0].zone.norders; order++)
		for (unsigned type = 0; type < m.place[0].zone.nmigratetypes; type++) {
			struct buddy_iter it;
			bool more = true;
			is_fine(buddy_iter_init(&it, f->t, &m.place[0].zone, order, type));
			while (more) {
				struct buddy_block b = { 0 };
				struct err *err = buddy_iter_next(&it, &b, &more);
				bool fits = err && (!word || strstr(err->msg, word));
				w.findings += fits;
				w.others += err && !fits;
				if (err && !fits)
					print_message("%s\n", err->msg);
				err_drop(err);
				if (!more)
					break;
				buddy_seen_add(&w.seen, &it, &b);
				w.blocks++;
				w.pages += 1 << order;
			}
		}
	return w;
}

static unsigned overlaps(struct walked *w)
{
	size_t at = 0;
	unsigned n = 0;
	struct err *err;
	while ((err = buddy_seen_overlap(&w->seen, &at))) {
		n++;
		err_drop(err);
	}
	buddy_seen_deinit(&w->seen);
	return n;
}

static void healthy(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		struct walked w = walk(f, NULL);
		assert_int_equal(w.blocks, 5);
		assert_int_equal(w.pages, 10);
		assert_int_equal(w.findings, 0);
		assert_int_equal(overlaps(&w), 0);
	}
}

static void expect_finding(struct fake *f, const char *word, unsigned blocks)
{
	struct walked w = walk(f, word);
	assert_int_equal(w.findings, 1);
	assert_int_equal(w.others, 0);
	assert_int_equal(w.blocks, blocks);
	buddy_seen_deinit(&w.seen);
}

/* A damaged block is told, and the walk goes on behind it. */
static void damaged_blocks(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		fake_set(f, "page", fake_page(f, 16), "private", 2);
		expect_finding(f, "says order 2", 5);
		fake_set(f, "page", fake_page(f, 16), "private", 1);

		fake_set(f, "page", fake_page(f, 8), fake_type_member(modern), UINT32_MAX);
		expect_finding(f, "is not marked as free", 5);
		fake_set(f, "page", fake_page(f, 8), fake_type_member(modern),
			modern ? 0xf0000000 : 0xffffff7f);

		fake_set(f, "page", fake_page(f, 9), "_refcount.counter", 1);
		expect_finding(f, "has a reference count of 1", 5);
		fake_set(f, "page", fake_page(f, 9), "_refcount.counter", 0);

		fake_set(f, "zone", fake_zone(f), "spanned_pages", 33);
		expect_finding(f, "not of this zone", 5); /* its last page is beyond the end */
		fake_set(f, "zone", fake_zone(f), "spanned_pages", BUDDY_FRAMES);

		uint64_t lru = fake_offsetof(f, "page", "lru");
		fake_set(f, "list", fake_page(f, 20) + lru, "prev",
			fake_va(f, fake_page(f, 8) + lru));
		expect_finding(f, "points back to", 5);
	}
}

static void wrong_places(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		static const unsigned odd[] = { 16, 21 };
		fake_blocks(f, modern, 1, 1, odd, 2);
		expect_finding(f, "where no block of order 1 begins", 5);
		/* one that lies in another's memory */
		static const unsigned inside[] = { 16, 34 };
		fake_blocks(f, modern, 1, 1, inside, 2);
		struct walked w = walk(f, NULL);
		assert_int_equal(w.findings, 0);
		assert_int_equal(overlaps(&w), 1);
	}
}

/* Lists that lead astray end there. */
static void broken_lists(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		uint64_t lru = fake_offsetof(f, "page", "lru");
		fake_set(f, "list", fake_page(f, 16) + lru, "next", fake_va(f, 0x2345));
		expect_finding(f, "is not the address of a struct page", 4);
		fake_set(f, "list", fake_page(f, 16) + lru, "next", 0);
		struct walked w = walk(f, NULL);
		assert_int_equal(w.findings, 1);
		assert_int_equal(w.blocks, 4);
		buddy_seen_deinit(&w.seen);
		fake_set(f, "list", fake_page(f, 16) + lru, "next",
			fake_va(f, fake_page(f, 20) + lru));
		fake_set(f, "list", fake_page(f, 20) + lru, "next",
			fake_va(f, fake_page(f, 16) + lru));
		w = walk(f, NULL);
		assert_true(w.findings >= 1 && w.blocks < 20);
		assert_true(overlaps(&w) >= 1);
	}
}

/* ---- single pages ----------------------------------------------- */

static struct page_state state_of(struct fake *f, uint64_t pfn)
{
	struct page_state s;
	is_fine(page_state_read(f->t, pfn, &s));
	return s;
}

static void free_pages(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		struct page_state s = state_of(f, 35);
		assert_string_equal(s.owner, "buddy");
		assert_true(s.is_free);
		assert_int_equal(s.block_pfn, 32);
		assert_int_equal(s.block_order, 2);
		s = state_of(f, 32);
		assert_int_equal(s.block_pfn, 32);
		s = state_of(f, 17);
		assert_int_equal(s.block_order, 1);
		s = state_of(f, 36);
		assert_string_equal(s.owner, "free"); /* behind the block */
		assert_false(s.is_free);
	}
}

static void folios(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		for (unsigned i = 0; i < 4; i++) {
			struct page_state s = state_of(f, 40 + i);
			assert_int_equal(s.head_pfn, 40);
			assert_int_equal(s.order, 2);
			assert_true(s.has_mapcount);
			assert_int_equal(s.mapcount, i == 1 ? 3 : 2);
			assert_string_equal(s.owner, "kernel");
		}
		/* an order that no folio has; a tail beyond its folio */
		struct page_state s;
		fake_set(f, "page", fake_page(f, 44), modern ? "compound_info" : "compound_head",
			fake_va(f, fake_page(f, 40)) | 1);
		struct err *err = page_state_read(f->t, 44, &s);
		assert_non_null(err);
		assert_non_null(strstr(err->msg, "calls itself a part"));
		err_drop(err);
		if (modern)
			fake_set(f, "folio", fake_page(f, 40), "_flags_1", 0xff);
		else
			fake_set(f, "page", fake_page(f, 41), "compound_order", 0xff);
		err = page_state_read(f->t, 41, &s);
		assert_non_null(err);
		assert_non_null(strstr(err->msg, "a folio of order 255"));
		err_drop(err);
	}
}

/* Two pages have no second tail: what stands there on 32-bit machines is another page's. */
static void pairs(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		if (!modern)
			continue;
		fake_set(f, "page", fake_page(f, 52), "flags", 1 << 16);
		fake_set(f, "page", fake_page(f, 53), "compound_info",
			fake_va(f, fake_page(f, 52)) | 1);
		fake_set(f, "folio", fake_page(f, 52), "_entire_mapcount.counter", 6);
		fake_set(f, "folio", fake_page(f, 52), "_flags_1", 1);
		struct page_state s = state_of(f, 52);
		assert_int_equal(s.order, 1);
		assert_int_equal(s.mapcount, f->t->abi.word_bytes == 4 ? 0 : 7);
	}
}

static void users(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		struct page_state s = state_of(f, 48);
		assert_string_equal(s.owner, "anon");
		assert_int_equal(s.mapping_va, fake_va(f, 0x2000));
		assert_int_equal(s.index, 0x77);
		assert_int_equal(s.mapcount, 1);
		assert_true(s.in_swap_cache);
		assert_int_equal(s.swap_type, 3);
		assert_int_equal(s.swap_offset, 0x1234);
		s = state_of(f, 49);
		assert_string_equal(s.owner, "file");
		assert_int_equal(s.mapping_va, fake_va(f, 0x2400));
		assert_int_equal(s.mapcount, 0);
		assert_false(s.in_swap_cache);
	}
}

static void types(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		if (modern) {
			assert_string_equal(page_type_word(f->t, 0xf0000000), "buddy");
			assert_string_equal(page_type_word(f->t, 0xf2000000), "page table");
			assert_string_equal(page_type_word(f->t, 0xf500ffff), "slab");
			assert_string_equal(
				page_type_word(f->t, 0xfb000001), "new"); /* by its own name */
			assert_string_equal(
				page_type_word(f->t, 0xe1000001), "typed"); /* by no name */
			assert_null(page_type_word(f->t, 0xff000000));
		} else {
			assert_string_equal(page_type_word(f->t, 0xffffff7f), "buddy");
			assert_string_equal(page_type_word(f->t, 0xfffffeff), "offline");
			assert_string_equal(
				page_type_word(f->t, 0xfffffbff), "page table"); /* as in 5.10 */
			assert_string_equal(page_type_word(f->t, 0xfffff7ff), "guard");
			assert_null(page_type_word(f->t, 0xfffffdff));
			FAKE_STRUCT(f, "folio", "page:page"); /* as in 6.1 */
			assert_string_equal(page_type_word(f->t, 0xfffffdff), "page table");
			assert_string_equal(page_type_word(f->t, 0xfffffbff), "guard");
		}
		assert_null(page_type_word(f->t, UINT32_MAX));
		assert_null(page_type_word(f->t, 3));
	}
}

/* 6.11: bits, by enumerators. */
static void types_by_bits(void **state)
{
	static const struct type_enumerator type[] = { { "PG_buddy", 0x40000000 },
		{ "PG_table", 0x10000000 }, { "PAGE_TYPE_BASE", 0x80000000 },
		{ "PAGE_MAPCOUNT_RESERVE", ~0x0000ffff } };
	struct fake f;
	(void)state;
	fake_init(&f, 8);
	fake_enum(&f, "pagetype", type, ARRAY_SIZE(type));
	assert_string_equal(page_type_word(f.t, 0xffffffff & ~0x40000000u), "buddy");
	assert_string_equal(page_type_word(f.t, 0xffffffff & ~0x10000000u), "page table");
	assert_null(page_type_word(f.t, UINT32_MAX));
	assert_null(page_type_word(f.t, 5));
	fake_deinit(&f);
}

static void flags(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		struct page_flag flag;
		assert_true(page_flag_get(f->t, 0, &flag));
		assert_string_equal(flag.name, "PG_locked");
		assert_true(page_flag_get(f->t, 7, &flag));
		assert_string_equal(flag.name, "PG_swapcache");
		assert_int_equal(flag.bit, 10);
		assert_true(flag.alias);
		assert_false(page_flag_get(f->t, 8, &flag));
		assert_true(page_flag_has(f->t, 1 << 12, "PG_reserved"));
		assert_false(page_flag_has(f->t, UINT64_MAX, "PG_nothing"));
	}
}

static void all_pages(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		struct page_iter it;
		uint64_t pfn, va;
		bool more = true;
		unsigned n = 0;
		f->t->dump->extent.size += 16 * FAKE_PAGE; /* memory that has no struct pages */
		page_iter_init(&it, f->t);
		while (more) {
			is_fine(page_iter_next(&it, &pfn, &va, &more));
			if (!more)
				break;
			assert_int_equal(pfn, n);
			assert_int_equal(va, fake_va(f, fake_page(f, n)));
			n++;
		}
		assert_int_equal(n, BUDDY_FRAMES);
	}
}

/* ---- files ----------------------------------------------- */

static void paths(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		struct page_file file;
		struct strbuf path = { 0 };
		fake_file_types(f);
		fake_file(f);
		is_fine(page_file_read(f->t, fake_va(f, 0x2400), &file));
		assert_int_equal(file.inode, 7);
		assert_int_equal(file.major, 8);
		assert_int_equal(file.minor, 1);
		assert_string_equal(file.fs, "tmpfs");
		is_fine(page_file_format(f->t, &file, &path));
		assert_string_equal(strbuf_text(&path), "/bin/sh");
		/* a name without a place; no name; a circle */
		strbuf_reset(&path);
		fake_set(f, "dentry", 0x2700, "d_parent", fake_va(f, 0x2700));
		is_fine(page_file_format(f->t, &file, &path));
		assert_string_equal(strbuf_text(&path), "sh");
		strbuf_reset(&path);
		fake_set(f, "dentry", 0x2700, "d_parent", fake_va(f, 0x2780));
		fake_set(f, "dentry", 0x2780, "d_parent", fake_va(f, 0x2700));
		struct err *err = page_file_format(f->t, &file, &path);
		assert_non_null(err);
		assert_int_equal(err->code, ERR_LIMIT);
		err_drop(err);
		assert_int_equal(path.len, 0);
		fake_set(f, "inode", 0x2500, "i_dentry.first", 0);
		is_fine(page_file_format(f->t, &file, &path));
		assert_int_equal(path.len, 0);
		fake_set(f, "address_space", 0x2400, "host", 0);
		is_fine(page_file_read(f->t, fake_va(f, 0x2400), &file));
		assert_int_equal(file.inode_va, 0);
		strbuf_deinit(&path);
	}
}

/* ---- zones of frames ----------------------------------------------- */

static void places(void **state)
{
	(void)state;
	EACH(f, modern)
	{
		scoped_zone_map struct zone_map m = { 0 };
		is_fine(zone_map_read(f->t, &m));
		assert_int_equal(m.n, 1); /* the other zone has no memory */
		assert_ptr_equal(zone_map_find(&m, 0, 0), &m.place[0]);
		assert_ptr_equal(zone_map_find(&m, BUDDY_FRAMES - 1, 0), &m.place[0]);
		assert_null(zone_map_find(&m, BUDDY_FRAMES, 0));
	}
}

/* Two nodes whose spans overlap: the node in the flags decides. */
static void interleaved(void **state)
{
	struct zone_place place[2] = { { .node.id = 0, .zone = { .start_pfn = 0, .spanned = 100 } },
		{ .node.id = 1, .zone = { .start_pfn = 50, .spanned = 100 } } };
	struct zone_map m = { .place = place, .n = 2, .node_shift = 60, .node_mask = 15 };
	(void)state;
	assert_ptr_equal(zone_map_find(&m, 60, 0), &place[0]);
	assert_ptr_equal(zone_map_find(&m, 60, 1ull << 60), &place[1]);
	assert_ptr_equal(zone_map_find(&m, 120, 0), &place[1]); /* there is only one */
	assert_null(zone_map_find(&m, 150, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),
		cmocka_unit_test(damaged_blocks),
		cmocka_unit_test(wrong_places),
		cmocka_unit_test(broken_lists),
		cmocka_unit_test(free_pages),
		cmocka_unit_test(folios),
		cmocka_unit_test(pairs),
		cmocka_unit_test(users),
		cmocka_unit_test(types),
		cmocka_unit_test(types_by_bits),
		cmocka_unit_test(flags),
		cmocka_unit_test(all_pages),
		cmocka_unit_test(paths),
		cmocka_unit_test(places),
		cmocka_unit_test(interleaved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
