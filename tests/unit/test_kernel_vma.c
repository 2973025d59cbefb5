/* User areas on hand-made memory: every way in which kernels kept them, damage, names, flags, and
 * what keeps neighbours apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/fake_maps.h"

static void is_fine(struct err *err)
{
	if (err)
		fail_msg("%s", err->msg);
}

static void fails(struct err *err, enum err_code code, const char *words)
{
	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_non_null(strstr(err->msg, words));
	err_drop(err);
}

static unsigned walk_areas(struct fake *f, struct vma *ret, unsigned max)
{
	struct mm mm;
	struct vma_iter it;
	bool more = true;
	unsigned n = 0;
	is_fine(mm_read(f->t, fake_va(f, MM_AT), &mm));
	is_fine(vma_iter_init(&it, f->t, &mm));
	while (n < max) {
		is_fine(vma_iter_next(&it, &ret[n], &more));
		if (!more)
			break;
		is_fine(vma_check(&ret[n], n ? &ret[n - 1] : NULL, &mm));
		n++;
	}
	return n;
}

static void test_areas_of_all_eras(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4)
		for (int era = MM_RBTREE; era <= MM_MAPLE; era++) {
			struct fake f;
			struct vma v[8];
			fake_init(&f, word);
			fake_vma_types(&f, era);
			fake_three_vmas(&f, era);
			assert_int_equal(walk_areas(&f, v, 8), 3);
			for (unsigned i = 0; i < 3; i++)
				assert_int_equal(v[i].start, 0x10000 + 0x1000 * i);
			/* the gate area comes last */
			fake_symbol(&f, "gate_vma", GATE_AT, 64);
			fake_vma(&f, GATE_AT, 0xffff0000, 0xffff1000, 0x55);
			assert_int_equal(walk_areas(&f, v, 8), 4);
			assert_true(v[3].is_gate);
			fake_deinit(&f);
		}
}

static void test_damaged_areas(void **state)
{
	struct mm mm = { .va = 1 };
	struct vma a = { .mm = 1, .start = 0x1000, .end = 0x2000 }, b = a;
	(void)state;
	is_fine(vma_check(&a, NULL, &mm));
	fails(vma_check(&b, &a, &mm), ERR_FORMAT, "begins within");
	b.start = a.end - 1;
	b.end = a.end + 0x1000;
	fails(vma_check(&b, &a, &mm), ERR_FORMAT, "begins within");
	b.start = a.end;
	is_fine(vma_check(&b, &a, &mm));
	b.end = b.start;
	fails(vma_check(&b, NULL, &mm), ERR_FORMAT, "before it begins");
	b.mm = 2;
	fails(vma_check(&b, NULL, &mm), ERR_FORMAT, "belongs to mm 0x2");
	a.index_first = 0x1000;
	a.index_last = 0x2fff;
	fails(vma_check(&a, NULL, &mm), ERR_FORMAT, "filed under 0x1000-0x3000");
	a.index_last = 0x1fff;
	is_fine(vma_check(&a, NULL, &mm));
	a.index_first = 0xf00;
	fails(vma_check(&a, NULL, &mm), ERR_FORMAT, "filed under 0xf00-0x2000");
}

static void name_is(struct fake *f, const struct vma *v, const struct mm *mm, const char *name)
{
	struct strbuf text = { 0 };
	is_fine(vma_name_format(f->t, v, mm, &text));
	assert_string_equal(strbuf_text(&text), name);
	strbuf_deinit(&text);
}

static void test_area_names(void **state)
{
	(void)state;
	for (int era = MM_RBTREE; era <= MM_MAPLE; era += MM_MAPLE - MM_RBTREE) {
		struct fake f;
		struct mm mm = { .start_brk = 0x2000, .brk = 0x2000, .start_stack = 0x7f00 };
		struct vma v = { .start = 0x1000, .end = 0x2000 };
		bool old = era == MM_RBTREE;
		fake_init(&f, 8);
		fake_vma_types(&f, era);
		/* it touches an empty heap: one of the rules calls it the heap */
		name_is(&f, &v, &mm, old ? "[heap]" : "");
		mm.brk = 0x2800;
		v.end = 0x3000;
		name_is(&f, &v, &mm, "[heap]");
		v.start = 0x7000;
		v.end = 0x7f00;
		name_is(&f, &v, &mm, "[stack]");
		v.start = 0x9000;
		v.end = 0xa000;
		name_is(&f, &v, &mm, "");
		v.anon_name = fake_va(&f, 0x800);
		fake_text(&f, 0x804, "arena");
		name_is(&f, &v, &mm, "[anon:arena]");
		v.file = fake_va(&f, 0x900);
		if (!old)
			name_is(&f, &v, &mm, "[anon_shmem:arena]");
		v.file = 0;
		/* vm_ops->name wins: a special mapping */
		v.ops = fake_va(&f, 0x600);
		v.private_data = fake_va(&f, 0x640);
		fake_set(&f, "vm_operations_struct", 0x600, "name", fake_va(&f, 0xf00));
		fake_symbol(&f, "special_mapping_name", 0xf00, 16);
		fake_set(&f, "vm_special_mapping", 0x640, "name", fake_va(&f, 0x680));
		fake_text(&f, 0x680, "[vdso]");
		name_is(&f, &v, &mm, "[vdso]");
		fake_deinit(&f);
	}
}

static void obstacles_are(
	struct fake *f, const struct vma *a, const struct vma *b, const char *want)
{
	struct strbuf text = { 0 };
	is_fine(vma_merge_obstacles(f->t, a, b, &text));
	assert_string_equal(strbuf_text(&text), want);
	strbuf_deinit(&text);
}

static void test_obstacles(void **state)
{
	struct fake f;
	struct vma a = { .start = 0x1000,
		.end = 0x3000,
		.flags = 0x73,
		.pgoff = 1,
		.chain_va = 8,
		.chain_next = 8,
		.chain_prev = 8 };
	struct vma b = a, c;
	(void)state;
	fake_init(&f, 8);
	fake_vma_types(&f, MM_MAPLE);
	b.start = 0x3000;
	b.end = 0x4000;
	b.pgoff = 3;
	obstacles_are(&f, &a, &b, "");
	c = b;
	c.flags |= 0x08000000; /* soft-dirty does not count */
	obstacles_are(&f, &a, &c, "");
	c.flags = 0x71;
	obstacles_are(&f, &a, &c, "flags differ: VM_WRITE");
	c.flags = 0x73 | 0x40000;
	obstacles_are(&f, &a, &c, "special: VM_DONTEXPAND; flags differ: VM_DONTEXPAND");
	c = b;
	c.start += 0x1000;
	obstacles_are(&f, &a, &c, "there is a gap between them");
	c = b;
	c.policy = 5;
	c.userfaultfd = 7;
	obstacles_are(&f, &a, &c, "their memory policies differ; userfaultfd contexts differ");
	c = b;
	c.pgoff = 9;
	obstacles_are(
		&f, &a, &c, "the page offsets do not follow on: one was moved or began elsewhere");
	c = b;
	c.file = 3;
	obstacles_are(&f, &a, &c, "they map different files");
	/* anon_vmas: two of them, one that is its own, one that is shared with a child */
	c = b;
	a.anon_vma = 100;
	c.anon_vma = 200;
	obstacles_are(&f, &a, &c, "their anon_vmas differ");
	c.anon_vma = 0;
	a.chain_next = a.chain_prev = 16;
	obstacles_are(&f, &a, &c, "");
	a.chain_next = a.chain_prev = a.chain_va; /* an empty list has not one member either */
	obstacles_are(&f, &a, &c, "the anon_vma is shared with another process");
	a.chain_next = 16;
	a.chain_prev = 24;
	obstacles_are(&f, &a, &c, "the anon_vma is shared with another process");
	fake_deinit(&f);
}

static void test_names_as_obstacles(void **state)
{
	struct fake f;
	struct vma a = { .start = 0x1000, .end = 0x2000, .pgoff = 1 };
	struct vma c = { .start = 0x2000, .end = 0x3000, .pgoff = 2 };
	(void)state;
	fake_init(&f, 8);
	fake_vma_types(&f, MM_MAPLE);
	/* names: equal text at two places is no obstacle */
	a.anon_name = fake_va(&f, 0x800);
	c.anon_name = fake_va(&f, 0x840);
	fake_text(&f, 0x804, "x");
	fake_text(&f, 0x844, "x");
	obstacles_are(&f, &a, &c, "");
	fake_text(&f, 0x844, "y");
	obstacles_are(&f, &a, &c, "their names differ");
	fake_deinit(&f);
}

static void test_layout_words(void **state)
{
	struct fake f;
	struct mm mm = { 0 };
	struct task task = { 0 };
	(void)state;
	fake_init(&f, 8);
	FAKE_STRUCT(&f, "thread_info", "flags:word", "other:word");
	FAKE_STRUCT(&f, "task_struct", "thread_info:thread_info", "state:word");
	task.va = fake_va(&f, 0x100);
	fake_put(f.t->dump, 0x100, 1 << 22, 8);
	assert_int_equal(mm_task_compat(f.t, &task), MM_COMPAT);
	fake_put(f.t->dump, 0x100, 1 << 21 | 1 << 23, 8);
	assert_int_equal(mm_task_compat(f.t, &task), MM_NATIVE);
	task.va = 0;
	assert_int_equal(mm_task_compat(f.t, &task), MM_COMPAT_UNKNOWN);
	/* since 6.10 a flag, before that a function */
	assert_int_equal(mm_mmap_direction(f.t, &mm), MM_BOTTOM_UP);
	mm.flags = 1u << 31;
	assert_int_equal(mm_mmap_direction(f.t, &mm), MM_TOP_DOWN);
	mm.flags = 0;
	mm.get_unmapped_area = fake_va(&f, 0x2000);
	assert_int_equal(mm_mmap_direction(f.t, &mm), MM_DIRECTION_UNKNOWN);
	fake_symbol(&f, "arch_get_unmapped_area", 0x2000, 64);
	fake_symbol(&f, "arch_get_unmapped_area_topdown", 0x2040, 64);
	assert_int_equal(mm_mmap_direction(f.t, &mm), MM_BOTTOM_UP);
	mm.get_unmapped_area = fake_va(&f, 0x2040);
	assert_int_equal(mm_mmap_direction(f.t, &mm), MM_TOP_DOWN);
	assert_non_null(strstr(mm_absence(&task), "exited"));
	task.flags = 0x00200000;
	assert_non_null(strstr(mm_absence(&task), "kernel thread"));
	fake_deinit(&f);
}

static void test_flag_letters(void **state)
{
	struct fake f;
	struct strbuf text = { 0 };
	(void)state;
	fake_init(&f, 8);
	vma_flags_short(f.t, 0x2100000075ull, &text);
	assert_string_equal(strbuf_text(&text), "rd ex mr mw me ?? ??");
	strbuf_reset(&text);
	vma_flags_names(f.t, 0x2000000001ull, &text);
	assert_string_equal(strbuf_text(&text), "VM_READ|0x2000000000");
	strbuf_reset(&text);
	/* the kernel's own table, of rows of three bytes, moves MTE to bit 36 and hides bit 37 */
	fake_symbol(&f, "mnemonics.3", 0x1000, 64 * 3);
	fake_bytes(&f, 0x1000, "rd", 3);
	fake_bytes(&f, 0x1000 + 36 * 3, "mt", 3);
	vma_flags_short(f.t, 0x3000000001ull, &text);
	assert_string_equal(strbuf_text(&text), "rd mt");
	strbuf_reset(&text);
	vma_flags_names(f.t, 0x3000000001ull, &text);
	assert_string_equal(strbuf_text(&text), "VM_READ|VM_MTE|VM_MTE_ALLOWED");
	strbuf_reset(&text);
	fake_deinit(&f);
	/* rows of two bytes, without a NUL, as in 6.1 */
	fake_init(&f, 8);
	fake_symbol(&f, "mnemonics.0", 0x1000, 64 * 2);
	fake_bytes(&f, 0x1000 + 32 * 2, "mt", 2);
	fake_bytes(&f, 0x1000 + 24 * 2, "bt", 2);
	vma_flags_names(f.t, 0x101000000ull, &text);
	assert_string_equal(strbuf_text(&text), "VM_ARM64_BTI|VM_MTE");
	strbuf_deinit(&text);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_areas_of_all_eras),
		cmocka_unit_test(test_damaged_areas),
		cmocka_unit_test(test_area_names),
		cmocka_unit_test(test_obstacles),
		cmocka_unit_test(test_names_as_obstacles),
		cmocka_unit_test(test_flag_letters),
		cmocka_unit_test(test_layout_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
