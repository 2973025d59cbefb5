/* Resource trees, device tree nodes and user areas from any memory. The input is pages of a fake
 * target (fake_pages.h); bit 1 of its first byte chooses maple trees over red-black trees and
 * lists, bit 2 the list alone. */
#include "tests/unit/fake_maps.h"
#include "tests/unit/fake_pages.h"

enum { MAPLE = 2, LIST = 4 };

static void fail_if(bool wrong)
{
	if (wrong)
		abort();
}

static void count_error(void *cx, struct err *e)
{
	(void)cx;
	fail_if(!e || !e->msg[0]);
	err_drop(e);
}

static enum fake_mm_era era_of(const uint8_t *p)
{
	return p[0] & MAPLE ? MM_MAPLE : p[0] & LIST ? MM_LIST_ONLY : MM_RBTREE;
}

static void walk_resources(struct fake *f)
{
	struct resource_iter it;
	struct resource r;
	bool more = true;
	unsigned n = 0;
	struct err *err = resource_iter_init(&it, f->t, "iomem_resource");
	while (!err && more && ++n < 100000) {
		struct strbuf text = { 0 };
		err = resource_iter_next(&it, &r, &more);
		if (!err && more) {
			fail_if(r.depth >= RESOURCE_DEPTH_MAX);
			err_drop(resource_name(f->t, &r, &text));
			resource_flags_format(r.flags, &text);
		}
		strbuf_deinit(&text);
		if (err && more) {
			count_error(NULL, err);
			err = NULL;
		}
	}
	fail_if(n >= 100000);
	err_drop(err);
}

struct nodes {
	unsigned depth, n;
};

static struct err *see_node(void *cx, const struct device_tree_event *e)
{
	struct nodes *s = cx;
	if (e->kind == DEVICE_TREE_NODE)
		fail_if(e->depth != s->depth++ || e->depth >= DEVICE_TREE_DEPTH_MAX);
	else if (e->kind == DEVICE_TREE_END)
		fail_if(e->depth != --s->depth);
	else
		fail_if(e->depth + 1 != s->depth);
	return ++s->n > 20000 ? err_new(ERR_LIMIT, "enough") : NULL;
}

static void walk_areas(struct fake *f)
{
	struct mm mm;
	struct vma_iter it;
	struct vma v, before = { 0 };
	bool more = true;
	unsigned n = 0;
	struct err *err = mm_read(f->t, fake_va(f, MM_AT), &mm);
	if (!err)
		err = vma_iter_init(&it, f->t, &mm);
	while (!err && more && ++n < 5000) {
		struct strbuf text = { 0 }, line = { 0 };
		err = vma_iter_next(&it, &v, &more);
		if (!err && more) {
			err_drop(vma_check(&v, n > 1 ? &before : NULL, &mm));
			err_drop(vma_name_format(f->t, &v, &mm, &text));
			err_drop(vma_line_format(f->t, &v, strbuf_text(&text), &line));
			vma_flags_names(f->t, v.flags, &text);
			err_drop(vma_merge_obstacles(f->t, &before, &v, &text));
			before = v;
		}
		strbuf_deinit(&line);
		strbuf_deinit(&text);
		if (err && more) {
			count_error(NULL, err);
			err = NULL;
		}
	}
	err_drop(err);
}

static void all_types(struct fake *f, enum fake_mm_era era)
{
	fake_resource_types(f);
	fake_device_tree_types(f);
	fake_vma_types(f, era);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct nodes s = { 0 };
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	all_types(&f, era_of(p));
	fake_pages_load(&f, p, n);
	walk_resources(&f);
	err_drop(device_tree_walk(f.t, see_node, count_error, &s));
	walk_areas(&f);
	fake_deinit(&f);
	return 0;
}

static void seed_nodes(struct fake *f)
{
	fake_put_word(f, OF_ROOT_AT, 0, fake_va(f, 0x400));
	fake_text(f, 0x700, "cpus");
	fake_text(f, 0x710, "reg");
	fake_device_node(f, 0x400, 0x7f0, 0, 0x480, 0, 0x600);
	fake_device_node(f, 0x480, 0x700, 0x400, 0, 0x500, 0x600);
	fake_device_node(f, 0x500, 0x700, 0x400, 0, 0, 0);
	fake_property(f, 0x600, 0x710, 0x700, 4, 0);
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned i = 0; i < 6; i++) {
		struct fake f;
		uint8_t flags = i / 2 == 0 ? MAPLE : i / 2 == 1 ? LIST : 0;
		fake_init(&f, i & 1 ? 8 : 4);
		all_types(&f, era_of(&flags));
		fake_resource(&f, IOMEM_AT, 0, UINT32_MAX, 0, 0, 0x800);
		fake_resource(&f, 0x800, 0x1000, 0x1fff, IOMEM_AT, 0x880, 0x900);
		fake_resource(&f, 0x880, 0x2000, 0x2fff, IOMEM_AT, 0, 0);
		fake_resource(&f, 0x900, 0x1100, 0x11ff, 0x800, 0, 0);
		seed_nodes(&f);
		fake_three_vmas(&f, era_of(&flags));
		fake_pages_add(&f, flags, add);
		fake_deinit(&f);
	}
}
