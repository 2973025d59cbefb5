/* ELF cores: both classes and byte orders, odd headers, absent and cut bytes, refusals. */
#include "tests/unit/test_dump_file.h"

#include <fcntl.h>

static const struct elf_seg two[] = {
	{ PT_LOAD, 0xc0000000, 0x40000000, 0x1000, 0x3000, 0x3000 },
	{ PT_LOAD, 0xd0000000, 0x80000000, 0x4000, 0x1000, 0x1000 },
};

static void check_two(struct dump *d)
{
	const struct dump_info *info = dump_info(d);
	assert_string_equal(info->format, "ELF core");
	assert_string_equal(info->codecs, "");
	assert_null(info->damage);
	assert_int_equal(info->page_bytes, 0);
	assert_int_equal(info->nextents, 2);
	assert_int_equal(info->extent[0].start.v, 0x40000000);
	assert_int_equal(info->extent[0].size, 0x3000);
	assert_int_equal(info->extent[1].start.v, 0x80000000);
	check_pages(d, 0x40000000, 0x3000, 4096);
	check_pages(d, 0x40000ff0, 0x20, 4096);
	check_pages(d, 0x80000000, 0x1000, 4096);
	assert_int_equal(fault_at(d, 0x3fffffff), FAULT_BEYOND);
	assert_int_equal(fault_at(d, 0x40002fff), FAULT_NONE);
	assert_int_equal(fault_at(d, 0x40003000), FAULT_BEYOND);
	assert_int_equal(fault_at(d, UINT64_MAX), FAULT_BEYOND);
}

static void test_classes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		scoped_blob struct blob b = { 0 };
		struct elf_spec s = { .is64 = i & 1, .be = i & 2, .seg = two, .nsegs = 2,
			.machine = i & 1 ? EM_AARCH64 : EM_ARM };
		elf_build(&b, &s);
		struct dump *d = open_ok(&b);
		check_two(d);
		assert_int_equal(dump_info(d)->elf_machine, s.machine);
		assert_int_equal(dump_info(d)->abi.word_bytes, i & 1 ? 8 : 4);
		assert_int_equal(dump_info(d)->abi.big_endian, (i & 2) != 0);
		assert_true(dump_recognises(tmp_path));
		dump_close(d);
	}
}

/* QEMU: a section header between the ELF header and the program headers; others: anywhere. */
static void test_phoff(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		scoped_blob struct blob b = { 0 };
		struct elf_spec s = { .is64 = i & 1, .seg = two, .nsegs = 2 };
		s.phoff = i / 2 == 0 ? 0x68 : i / 2 == 1 ? 0x5000 : 0x333;
		s.phentsize = i / 2 == 2 ? 72 : 0;
		elf_build(&b, &s);
		struct dump *d = open_ok(&b);
		check_two(d);
		dump_close(d);
	}
}

static void test_xnum(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		scoped_blob struct blob b = { 0 };
		struct elf_spec s = { .is64 = i & 1, .be = i & 2, .seg = two, .nsegs = 2,
			.xnum = true };
		elf_build(&b, &s);
		struct dump *d = open_ok(&b);
		check_two(d);
		dump_close(d);
		/* a count that no file has: 4 G headers */
		blob_int(&b, i & 1 ? 64 + 44 : 52 + 28, UINT32_MAX, 4);
		open_fails(&b, b.n, ERR_FORMAT, "program headers");
	}
}

/* A flattened stream claims any length: headers in its holes are refused by their number. */
static void test_xnum_in_a_hole(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 }, f = { 0 };
	struct elf_spec s = { .is64 = true, .seg = two, .nsegs = 2, .xnum = true,
		.phoff = 0x2000 };
	elf_build(&b, &s);
	blob_int(&b, 32, 1ull << 40, 8); /* e_phoff */
	blob_int(&b, 64 + 44, UINT32_MAX, 4);
	flat_begin(&f);
	flat_add(&f, 0, b.p, 0x200);
	flat_add(&f, 1ull << 60, "end", 3);
	flat_end(&f);
	open_fails(&f, f.n, ERR_FORMAT, "program headers");
}

/* Unsorted, one on top of another: bytes win over their absence, then the first header wins. */
static void test_overlap(void **state)
{
	(void)state;
	static const struct elf_seg seg[] = {
		{ PT_LOAD, 1, 0x42000, 0x5000, 0x1000, 0x1000 },
		{ PT_LOAD, 1, 0x40000, 0x1000, 0x2000, 0x6000 }, /* 42..46 left out by this one */
		{ PT_LOAD, 1, 0x43000, 0x3000, 0x1000, 0x1000 },
		{ PT_LOAD, 1, 0x10000, 0x4000, 0x1000, 0x1000 },
		{ PT_LOAD, 1, 0x43000, 0x6000, 0x1000, 0x1000 },
	};
	scoped_blob struct blob b = { 0 };
	struct elf_spec s = { .is64 = true, .seg = seg, .nsegs = ARRAY_SIZE(seg) };
	elf_build(&b, &s);
	memset(b.p + 0x6000, 0xee, 0x1000); /* the loser */
	struct dump *d = open_ok(&b);
	check_pages(d, 0x10000, 0x1000, 4096);
	check_pages(d, 0x40000, 0x4000, 4096);
	assert_int_equal(fault_at(d, 0x44000), FAULT_EXCLUDED);
	assert_int_equal(fault_at(d, 0x45fff), FAULT_EXCLUDED);
	assert_int_equal(fault_at(d, 0x46000), FAULT_BEYOND);
	assert_int_equal(dump_info(d)->nextents, 2);
	assert_int_equal(dump_info(d)->extent[1].size, 0x6000);
	uint8_t buf[0x3000];
	struct paddr bad = { 0 };
	assert_int_equal(dump_try_read(d, (struct paddr){ 0x42800 }, buf, sizeof(buf), &bad),
		FAULT_EXCLUDED);
	assert_int_equal(bad.v, 0x44000);
	struct err *err = dump_read(d, (struct paddr){ 0x42800 }, buf, sizeof(buf));
	assert_int_equal(err->code, ERR_FAULT);
	assert_int_equal(err->fault, FAULT_EXCLUDED);
	assert_int_equal(err->addr, 0x44000);
	err_drop(err);
	dump_close(d);
}

static void test_in_place(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	/* two segments that run on, in memory and in the file: one run */
	static const struct elf_seg seg[] = {
		{ PT_LOAD, 0, 0x40002000, 0x3000, 0x1000, 0x1000 },
		{ PT_LOAD, 0, 0x40000000, 0x1000, 0x2000, 0x2000 },
	};
	struct elf_spec s = { .is64 = true, .seg = seg, .nsegs = 2 };
	elf_build(&b, &s);
	struct dump *d = open_ok(&b);
	const uint8_t *p, *q;
	size_t n, m;
	assert_int_equal(dump_map(d, (struct paddr){ 0x40000123 }, &p, &n), FAULT_NONE);
	assert_int_equal(n, 0x3000 - 0x123);
	assert_int_equal(dump_map(d, (struct paddr){ 0x40002000 }, &q, &m), FAULT_NONE);
	assert_ptr_equal(q, p + 0x2000 - 0x123);
	assert_int_equal(dump_generation(d), 0);
	dump_close(d);
}

static void test_cut_data(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	struct elf_spec s = { .seg = two, .nsegs = 2 };
	elf_build(&b, &s);
	struct dump *d = open_cut(&b, 0x2800);
	assert_non_null(dump_info(d)->damage);
	assert_non_null(strstr(dump_info(d)->damage, "10240 of 20480"));
	check_pages(d, 0x40000000, 0x1800, 4096);
	assert_int_equal(fault_at(d, 0x40001800), FAULT_CUT);
	assert_int_equal(fault_at(d, 0x40002fff), FAULT_CUT);
	assert_int_equal(fault_at(d, 0x40003000), FAULT_BEYOND);
	assert_int_equal(fault_at(d, 0x80000000), FAULT_CUT);
	assert_int_equal(dump_info(d)->extent[0].size, 0x3000);
	dump_close(d);
}

static void test_cut_headers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		scoped_blob struct blob b = { 0 };
		struct elf_spec s = { .is64 = i & 1, .xnum = i & 2, .seg = two, .nsegs = 2 };
		elf_build(&b, &s);
		size_t end = (i & 1 ? 64 + 2 * 56 : 52 + 2 * 32) + (i & 2 ? (i & 1 ? 64 : 40) : 0);
		open_fails(&b, 0, ERR_FORMAT, "empty");
		for (size_t n = 1; n < end; n++)
			open_fails(&b, n, ERR_FORMAT, n < 16 ? "not a dump" : "cut");
		struct dump *d = open_cut(&b, end);
		assert_int_equal(fault_at(d, 0x40000000), FAULT_CUT);
		dump_close(d);
	}
}

/* 4 GiB written as 0 by QEMU in ELF32; sparse, so that it costs nothing. */
static void test_wrapped_size(void **state)
{
	(void)state;
	static const struct {
		uint32_t size;
		uint64_t real;
	} cases[] = { { 0, 1ull << 32 }, { 0x100000, (1ull << 32) + 0x100000 }, { 0, 2ull << 32 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t size = cases[i].size;
		struct elf_seg seg = { PT_LOAD, 0, 0x40000000, 0x1000, size, size };
		scoped_blob struct blob b = { 0 };
		struct elf_spec s = { .seg = &seg, .nsegs = 1 };
		elf_build(&b, &s);
		blob_grow(&b, 0x1000);
		tmp_write(b.p, 0x1000);
		scoped_fd int fd = open(tmp_path, O_WRONLY);
		if (ftruncate(fd, (off_t)(0x1000 + cases[i].real)) != 0)
			skip(); /* no sparse files here */
		const uint8_t mark = 0x5a;
		assert_int_equal(pwrite(fd, &mark, 1, (off_t)(0x1000 + cases[i].real - 1)), 1);
		const char *path = tmp_path;
		struct dump *d;
		struct err *err = dump_open(&path, 1, &d);
		assert_null(err);
		assert_null(dump_info(d)->damage);
		assert_int_equal(dump_info(d)->extent[0].size, cases[i].real);
		uint8_t got = 0;
		uint64_t last = 0x40000000 + cases[i].real - 1;
		assert_int_equal(dump_try_read(d, (struct paddr){ last }, &got, 1, NULL), 0);
		assert_int_equal(got, mark);
		assert_int_equal(fault_at(d, last + 1), FAULT_BEYOND);
		dump_close(d);
	}
}

static void test_wrapped_and_cut(void **state)
{
	(void)state;
	static const struct elf_seg seg = { PT_LOAD, 0, 0x40000000, 0x1000, 0, 0 };
	scoped_blob struct blob b = { 0 };
	struct elf_spec s = { .seg = &seg, .nsegs = 1 };
	elf_build(&b, &s);
	blob_grow(&b, 0x3000);
	page_fill(b.p + 0x1000, 4096, 0x40000000);
	struct dump *d = open_ok(&b);
	assert_non_null(dump_info(d)->damage);
	check_pages(d, 0x40000000, 0x1000, 4096);
	assert_int_equal(fault_at(d, 0x40002000), FAULT_CUT);
	assert_int_equal(fault_at(d, 0x13fffffff), FAULT_CUT);
	assert_int_equal(fault_at(d, 0x140000000), FAULT_BEYOND);
	dump_close(d);
}

static void test_refused(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	struct elf_spec s = { .is64 = true, .seg = two, .nsegs = 2, .type = ET_EXEC };
	elf_build(&b, &s);
	open_fails(&b, b.n, ERR_FORMAT, "no core dump");
	assert_false(dump_recognises(tmp_path));
	static const struct elf_seg process[] = {
		{ PT_LOAD, 0x10000, 0, 0x1000, 0x1000, 0x1000 },
		{ PT_LOAD, 0x20000, 0, 0x2000, 0x1000, 0x1000 },
	};
	scoped_blob struct blob c = { 0 };
	s = (struct elf_spec){ .is64 = true, .seg = process, .nsegs = 2 };
	elf_build(&c, &s);
	open_fails(&c, c.n, ERR_FORMAT, "no physical addresses");
	/* … but RAM may start at 0 */
	scoped_blob struct blob one = { 0 };
	s.nsegs = 1;
	elf_build(&one, &s);
	struct dump *d = open_ok(&one);
	check_pages(d, 0, 0x1000, 4096);
	dump_close(d);
	blob_int(&one, 32, 0, 8); /* e_phoff */
	open_fails(&one, one.n, ERR_FORMAT, "no program headers");
	blob_int(&one, 32, 64, 8);
	blob_int(&one, 54, 8, 2); /* e_phentsize */
	open_fails(&one, one.n, ERR_FORMAT, "program header has 8 bytes");
}

/* Sizes and addresses at the end of the 64 bits. */
static void test_hostile(void **state)
{
	(void)state;
	static const struct elf_seg seg[] = {
		{ PT_LOAD, 0, 0x40000000, 0x1000, 0x1000, 0x1000 },
		{ PT_LOAD, 0, UINT64_MAX - 0xfff, 0x2000, UINT64_MAX, UINT64_MAX },
		{ PT_LOAD, 0, 0x1000, UINT64_MAX - 4, 0x1000, 0x1000 },
		{ PT_NOTE, 0, 0, UINT64_MAX - 4, UINT64_MAX, 0 },
	};
	scoped_blob struct blob b = { 0 };
	struct elf_spec s = { .is64 = true, .seg = seg, .nsegs = ARRAY_SIZE(seg) };
	blob_grow(&b, 0x2000);
	elf_build(&b, &(struct elf_spec){ .is64 = true, .seg = seg, .nsegs = 1 });
	for (size_t i = 1; i < s.nsegs; i++) { /* headers only: their bytes cannot be made */
		struct elf_seg g = seg[i];
		size_t at = 64 + i * 56;
		blob_int(&b, at, g.type, 4);
		const uint64_t v[] = { g.off, g.va, g.pa, g.file_bytes, g.mem_bytes };
		for (size_t k = 0; k < ARRAY_SIZE(v); k++)
			blob_int(&b, at + 8 + 8 * k, v[k], 8);
	}
	blob_int(&b, 56, s.nsegs, 2);
	struct dump *d = open_ok(&b);
	check_pages(d, 0x40000000, 0x1000, 4096);
	assert_int_equal(fault_at(d, 0x1000), FAULT_CUT);
	assert_int_equal(fault_at(d, UINT64_MAX - 1), FAULT_CUT);
	assert_non_null(dump_info(d)->damage);
	dump_close(d);
}

static void test_notes(void **state)
{
	(void)state;
	static const struct elf_seg seg[] = {
		{ PT_NOTE, 0, 0, 0x400, 0, 0 },
		{ PT_LOAD, 0, 0x40000000, 0x1000, 0x1000, 0x1000 },
	};
	for (unsigned i = 0; i < 4; i++) {
		scoped_blob struct blob b = { 0 };
		struct elf_seg g[2] = { seg[0], seg[1] };
		scoped_blob struct blob notes = { .be = i & 2 };
		size_t n = note_build(&notes, 0, "CORE", 1, "12345", 5);
		n = note_build(&notes, n, "VMCOREINFO", 0, "OSRELEASE=6.1\nA=1\n", 18);
		g[0].file_bytes = n;
		struct elf_spec s = { .is64 = i & 1, .be = i & 2, .seg = g, .nsegs = 2 };
		elf_build(&b, &s);
		blob_put(&b, 0x400, notes.p, n);
		struct dump *d = open_ok(&b);
		assert_int_equal(dump_info(d)->nnotes, 2);
		assert_string_equal(dump_info(d)->note[0].name, "CORE");
		assert_int_equal(dump_info(d)->note[0].desc_size, 5);
		assert_memory_equal(dump_info(d)->note[0].desc, "12345", 5);
		assert_string_equal(dump_info(d)->vmcoreinfo, "OSRELEASE=6.1\nA=1\n");
		assert_null(dump_info(d)->damage);
		dump_close(d);
		d = open_cut(&b, 0x420); /* inside the notes: open in part */
		assert_int_equal(dump_info(d)->nnotes, 1);
		assert_null(dump_info(d)->vmcoreinfo);
		assert_non_null(strstr(dump_info(d)->damage, "notes"));
		dump_close(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_phoff),
		cmocka_unit_test(test_xnum),
		cmocka_unit_test(test_xnum_in_a_hole),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_cut_data),
		cmocka_unit_test(test_cut_headers),
		cmocka_unit_test(test_wrapped_size),
		cmocka_unit_test(test_wrapped_and_cut),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_notes),
	};
	return cmocka_run_group_tests(tests, tmp_setup, tmp_teardown);
}
