/* vmalloc areas on hand-made memory: each era's lists and trees, what .vm means there, and every
 * kind of damage. The images of 4.19 are made by its source: no dump of it is at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/fake_vmalloc.h"

#define EACH_ERA(f, era)                                                                           \
	for (unsigned w_ = 0; w_ < 2 * VMALLOC_ERAS; w_++)                                         \
		for (enum fake_vmalloc_era era = w_ / 2, *once_ = &era; once_; once_ = NULL)       \
			for (struct fake f##_, *f = &f##_;                                         \
				f && (fake_vmalloc(f, w_ % 2 ? 8 : 4, era), 1);                    \
				fake_deinit(f), f = NULL)

static void is_fine(struct err *err)
{
	if (err)
		fail_msg("%s", err->msg);
}

static void read_fine(struct fake *f, struct vmalloc *v)
{
	is_fine(vmalloc_read(f->t, v));
	if (v->damage.n)
		fail_msg("%s", v->damage.v[0]->msg);
}

static void expect_damage(struct vmalloc *v, const char *word)
{
	for (size_t i = 0; i < v->damage.n; i++)
		if (strstr(v->damage.v[i]->msg, word))
			return;
	fail_msg("no finding says \"%s\", the first of %zu: %s", word, v->damage.n,
		v->damage.n ? v->damage.v[0]->msg : "");
}

static void expect_kind(const struct vmalloc *v, size_t i, const char *wanted)
{
	struct strbuf kind = { 0 };
	vmalloc_format_kind(v, &v->area.v[i], &kind);
	assert_string_equal(strbuf_text(&kind), wanted);
	strbuf_deinit(&kind);
}

static void eras(void **state)
{
	(void)state;
	EACH_ERA(f, era)
	{
		struct vmalloc v;
		read_fine(f, &v);
		assert_int_equal(v.area.n, FAKE_AREAS);
		for (unsigned i = 0; i < FAKE_AREAS; i++) {
			const struct vmalloc_area *a = &v.area.v[i];
			assert_int_equal(a->va, fake_va(f, fake_area(i)));
			assert_int_equal(a->start, fake_area_va(f, i));
			assert_int_equal(a->end - a->start, 0x3000);
			assert_int_equal(a->state, i < AREA_LAZY ? VMALLOC_BUSY : VMALLOC_UNPURGED);
			assert_int_equal(a->vm_va, i < 3 ? fake_va(f, fake_vm(i)) : 0);
			assert_int_equal(a->npages, i < 3 ? i : 0);
		}
		assert_int_equal(v.area.v[0].phys, 0x9000000);
		assert_int_equal(v.area.v[0].caller, fake_va(f, 0x10));
		expect_kind(&v, 0, "ioremap");
		expect_kind(&v, 1, "vmalloc vpages static");
		expect_kind(&v, 2, "vmap dma-coherent vpages");
		expect_kind(&v, 3, "vm_map_ram");
		expect_kind(&v, 4, "unpurged");
		vmalloc_deinit(&v);
	}
}

static void finding(void **state)
{
	(void)state;
	EACH_ERA(f, era)
	{
		struct vmalloc v;
		uint64_t page = 7;
		read_fine(f, &v);
		assert_ptr_equal(vmalloc_find(&v, fake_area_va(f, 1)), &v.area.v[1]);
		assert_ptr_equal(vmalloc_find(&v, fake_area_va(f, 1) + 0x2fff), &v.area.v[1]);
		assert_null(vmalloc_find(&v, fake_area_va(f, 1) + 0x3000));
		assert_null(vmalloc_find(&v, fake_area_va(f, 0) - 1));
		fake_put_word(f, SPACE_AT + 8, 0, fake_va(f, 0x20));
		is_fine(vmalloc_page_read(&v, &v.area.v[1], 0, &page));
		assert_int_equal(page, fake_va(f, 0x20));
		struct err *err = vmalloc_page_read(&v, &v.area.v[1], 1, &page);
		assert_non_null(err);
		assert_int_equal(err->code, ERR_NOT_FOUND);
		err_drop(err);
		vmalloc_deinit(&v);
	}
}

/* An area without vm_struct that says nothing of vm_map_ram() was being made or taken down. */
static void nobody(void **state)
{
	struct fake f;
	struct vmalloc v;
	(void)state;
	fake_vmalloc(&f, 8, VMALLOC_7_2);
	fake_set(&f, "vmap_area", fake_area(3), "flags", 0);
	fake_set(&f, "vm_struct", fake_vm(1), "flags", 0x22);
	read_fine(&f, &v);
	expect_kind(&v, 3, "no owner");
	expect_kind(&v, 1, "vmalloc uninitialized vpages static");
	vmalloc_deinit(&v);
	fake_deinit(&f);
}

/* Before vmalloc_init() there are only vm_structs. */
static void early(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		struct vmalloc v;
		fake_vmalloc(&f, word, VMALLOC_6_1);
		fake_put(f.t->dump, NUMBERS_AT + 16, 0, 1);
		fake_number(&f, "vmlist", NUMBERS_AT + 24, fake_va(&f, fake_vm(2)), word);
		fake_set(&f, "vm_struct", fake_vm(2), "next", fake_va(&f, fake_vm(0)));
		read_fine(&f, &v);
		assert_int_equal(v.area.n, 2);
		assert_int_equal(v.area.v[0].start, fake_area_va(&f, 0));
		assert_int_equal(v.area.v[1].va, 0);
		expect_kind(&v, 0, "ioremap early");
		vmalloc_deinit(&v);
		/* a circle */
		fake_set(&f, "vm_struct", fake_vm(0), "next", fake_va(&f, fake_vm(2)));
		is_fine(vmalloc_read(f.t, &v));
		expect_damage(&v, "more than 4096");
		vmalloc_deinit(&v);
		fake_deinit(&f);
	}
}

/* Each damage is told, and what the other book has of it is there all the same. */
static void damaged_list(void **state)
{
	(void)state;
	EACH_ERA(f, era)
	{
		struct vmalloc v;
		fake_set(f, "list", fake_area_list(f, 0), "next", 0x10);
		is_fine(vmalloc_read(f->t, &v));
		expect_damage(&v, "busy vmalloc areas");
		expect_damage(&v, "is in the tree, but not on the list");
		assert_int_equal(v.area.n, FAKE_AREAS);
		assert_non_null(vmalloc_find(&v, fake_area_va(f, 2)));
		vmalloc_deinit(&v);
	}
}

static void circle(void **state)
{
	(void)state;
	EACH_ERA(f, era)
	{
		struct vmalloc v;
		fake_set(f, "list", fake_area_list(f, 2), "next", fake_va(f, fake_area_list(f, 1)));
		is_fine(vmalloc_read(f->t, &v));
		expect_damage(&v, "loops");
		assert_int_equal(v.area.n, FAKE_AREAS); /* none twice */
		vmalloc_deinit(&v);
	}
}

static void damaged_tree(void **state)
{
	(void)state;
	EACH_ERA(f, era)
	{
		struct vmalloc v;
		fake_rb(f, fake_area_rb(f, 2), fake_area_rb(f, 0), 0, 0); /* another's child */
		is_fine(vmalloc_read(f->t, &v));
		expect_damage(&v, "its parent is");
		expect_damage(&v, "is on the list, but not in the tree");
		assert_int_equal(v.area.n, FAKE_AREAS);
		vmalloc_deinit(&v);
	}
}

static void damaged_areas(void **state)
{
	(void)state;
	EACH_ERA(f, era)
	{
		struct vmalloc v;
		fake_set(f, "vmap_area", fake_area(0), "va_end", fake_area_va(f, 0) - 0x1000);
		fake_set(f, "vm_struct", fake_vm(1), "size", 0x30000);
		fake_set(f, "vmap_area", fake_area(2), "va_end", fake_area_va(f, 3) + 0x1000);
		is_fine(vmalloc_read(f->t, &v));
		expect_damage(&v, "no range of pages");
		expect_damage(&v, "and 0x30000 bytes");
		expect_damage(&v, "overlaps");
		assert_int_equal(v.area.n, FAKE_AREAS - 1);
		vmalloc_deinit(&v);
	}
}

static void damaged_purge(void **state)
{
	(void)state;
	for (enum fake_vmalloc_era era = VMALLOC_4_19; era <= VMALLOC_5_10; era++) {
		struct fake f;
		struct vmalloc v;
		fake_vmalloc(&f, 4, era);
		uint64_t at = fake_offsetof(&f, "vmap_area", "purge_list");
		fake_put_word(&f, fake_area(4) + at, 0, fake_va(&f, fake_area(5) + at));
		is_fine(vmalloc_read(f.t, &v));
		expect_damage(&v, "loops");
		assert_int_equal(v.area.n, FAKE_AREAS);
		vmalloc_deinit(&v);
		fake_deinit(&f);
	}
}

static void nonsense_nodes(void **state)
{
	struct fake f;
	struct vmalloc v;
	(void)state;
	fake_vmalloc(&f, 8, VMALLOC_7_2);
	fake_put(f.t->dump, NUMBERS_AT, 1 << 30, 4);
	struct err *err = vmalloc_read(f.t, &v);
	assert_non_null(err);
	assert_non_null(strstr(err->msg, "nr_vmap_nodes"));
	err_drop(err);
	fake_deinit(&f);
	fake_init(&f, 8);
	fake_vmalloc_types(&f, VMALLOC_6_1);
	err = vmalloc_read(f.t, &v);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_MISSING);
	err_drop(err);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eras),
		cmocka_unit_test(finding),
		cmocka_unit_test(nobody),
		cmocka_unit_test(early),
		cmocka_unit_test(damaged_list),
		cmocka_unit_test(circle),
		cmocka_unit_test(damaged_tree),
		cmocka_unit_test(damaged_areas),
		cmocka_unit_test(damaged_purge),
		cmocka_unit_test(nonsense_nodes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
