/* Page extensions, page_owner and KFENCE's metadata from any memory. The input is pages of a fake
 * target (fake_pages.h); bit 1 of its first byte: the frames are in sections. */
#include "tests/unit/fake_page_owner.h"
#include "tests/unit/fake_pages.h"

static void read_owners(struct fake *f)
{
	struct page_owner_iter it;
	struct page_owner o;
	struct strbuf gfp = { 0 };
	bool more = true;
	struct err *err = page_owner_iter_init(&it, f->t);
	for (unsigned n = 0; !err && more; n++) {
		err = page_owner_iter_next(&it, &o, &more);
		if (n > 0x40)
			abort(); /* one frame came twice */
		if (!err && more && o.pfn >= 0x40)
			abort();
	}
	err_drop(err);
	page_owner_gfp_format(f->t, 0xcc0, &gfp);
	strbuf_deinit(&gfp);
}

static void read_kfence(struct fake *f)
{
	struct kfence k;
	struct kfence_object *o = xcalloc(1, sizeof(*o));
	struct err *err = kfence_init(f->t, &k);
	for (uint32_t i = 0; !err && i < k.nobjects && i < 200; i++) {
		struct err *one = kfence_read(&k, i, o);
		if (!one && (o->alloc.nframes > KFENCE_FRAMES_MAX ||
				    o->free.nframes > KFENCE_FRAMES_MAX))
			abort();
		err_drop(one); /* damage of one object */
	}
	err_drop(err);
	free(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	fake_owners(&f, fake_pages_word(p, n), p[0] & 2);
	fake_pages_load(&f, p, n);
	read_owners(&f);
	read_kfence(&f);
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4)
		for (unsigned sections = 0; sections < 2; sections++) {
			struct fake f;
			fake_owners(&f, word, sections);
			fake_pages_add(&f, sections << 1, add);
			fake_deinit(&f);
		}
}
