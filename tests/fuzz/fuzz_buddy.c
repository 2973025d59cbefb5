/* Free lists, struct pages, their folios and the names of files from any memory. The input is pages
 * of a fake target (fake_pages.h); bit 1 of its first byte: page types of 6.12 and later. */
#include "tests/unit/fake_buddy.h"
#include "tests/unit/fake_pages.h"

static void walk_lists(struct fake *f)
{
	scoped_zone_map struct zone_map m = { 0 };
	struct buddy_seen seen = { 0 };
	size_t at = 0;
	struct err *err = zone_map_read(f->t, &m);
	for (size_t i = 0; !err && i < m.n; i++)
		for (unsigned list = 0; list < m.place[i].zone.norders * 2; list++) {
			struct buddy_iter it;
			bool more = true;
			err_drop(buddy_iter_init(&it, f->t, &m.place[i].zone, list / 2, list % 2));
			for (unsigned n = 0; more; n++) {
				struct buddy_block b;
				if (n > 1000)
					abort(); /* there are 64 struct pages */
				err_drop(buddy_iter_next(&it, &b, &more));
				if (more && b.pfn >= BUDDY_FRAMES)
					abort();
				if (more)
					buddy_seen_add(&seen, &it, &b);
			}
		}
	err_drop(err);
	for (unsigned n = 0; (err = buddy_seen_overlap(&seen, &at)); n++) {
		err_drop(err);
		if (n > seen.n)
			abort();
	}
	buddy_seen_deinit(&seen);
}

static void read_pages(struct fake *f)
{
	for (uint64_t pfn = 0; pfn < BUDDY_FRAMES; pfn++) {
		struct page_state s;
		struct page_file file;
		struct strbuf path = { 0 };
		struct err *err = page_state_read(f->t, pfn, &s);
		if (!err && (s.pfn != pfn || !s.owner || s.order >= 32 ||
				    (s.is_free && s.block_order >= 16)))
			abort();
		if (!err && s.mapping_va)
			err = page_file_read(f->t, s.mapping_va, &file);
		if (!err && s.mapping_va)
			err = page_file_format(f->t, &file, &path);
		strbuf_deinit(&path);
		err_drop(err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	fake_buddy(&f, fake_pages_word(p, n), p[0] & 2);
	fake_file_types(&f);
	fake_pages_load(&f, p, n);
	walk_lists(&f);
	read_pages(&f);
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4)
		for (unsigned modern = 0; modern < 2; modern++) {
			struct fake f;
			fake_buddy(&f, word, modern);
			fake_file_types(&f);
			fake_file(&f);
			fake_pages_add(&f, modern << 1, add);
			fake_deinit(&f);
		}
}
