/* kdump-compressed: every header layout, every codec, absent, cut and corrupt pages, the cache. */
#include "tests/unit/test_dump_file.h"

#include <pthread.h>

static const struct kd_page pages[] = {
	{ 0x100, KD_RAW }, { 0x101, KD_ZLIB }, { 0x102, KD_LZO }, { 0x103, KD_SNAPPY },
	{ 0x104, KD_ZSTD }, { 0x105, KD_ZLIB, true }, { 0x106, KD_ZLIB },
	{ 0x13f, KD_RAW }, { 0x140, KD_ZLIB }, /* across a word of the bitmap */
	{ 0x1000, KD_ZSTD },
};
static const char vmcoreinfo[] = "OSRELEASE=6.1\nPAGESIZE=4096\n";

static struct kd_spec spec(enum kd_layout layout)
{
	return (struct kd_spec){ .layout = layout, .page = pages, .npage = ARRAY_SIZE(pages),
		.vmcoreinfo = vmcoreinfo };
}

static void check_contents(struct dump *d, uint32_t block)
{
	check_pages(d, 0x100ull * block, 5ull * block, block);
	assert_int_equal(fault_at(d, 0x100ull * block - 1), FAULT_BEYOND);
	assert_int_equal(fault_at(d, 0x105ull * block), FAULT_EXCLUDED);
	assert_int_equal(fault_at(d, 0x106ull * block - 1), FAULT_EXCLUDED);
	check_pages(d, 0x106ull * block, block, block);
	assert_int_equal(fault_at(d, 0x107ull * block), FAULT_BEYOND);
	check_pages(d, 0x13full * block + block / 2, block, block);
	check_pages(d, 0x1000ull * block, block, block);
	assert_int_equal(fault_at(d, 0x1001ull * block), FAULT_BEYOND);
	assert_int_equal(fault_at(d, UINT64_MAX), FAULT_BEYOND);
}

static void test_layouts(void **state)
{
	(void)state;
	static const uint32_t blocks[] = { 4096, 16384, 65536 };
	for (unsigned i = 0; i < 4 * 2 * 3; i++) {
		scoped_blob struct blob b = { 0 };
		struct kd_spec s = spec((enum kd_layout)(i % 4));
		s.be = i / 4 % 2;
		s.block = blocks[i / 8];
		kd_build(&b, &s);
		struct dump *d = open_ok(&b);
		const struct dump_info *info = dump_info(d);
		assert_string_equal(info->format, "kdump-compressed");
		assert_string_equal(info->codecs, "zlib lzo snappy zstd");
		assert_null(info->damage);
		assert_int_equal(info->abi.word_bytes, s.layout == KD_64 ? 8 : 4);
		assert_int_equal(info->abi.big_endian, s.be);
		assert_int_equal(info->page_bytes, s.block);
		assert_int_equal(info->nnotes, 2);
		assert_string_equal(info->note[0].name, "CORE");
		assert_int_equal(info->note[0].desc_size, 16);
		assert_memory_equal(info->note[0].desc, "\1\2\3", 4);
		assert_string_equal(info->vmcoreinfo, vmcoreinfo);
		assert_int_equal(info->nextents, 3);
		assert_int_equal(info->extent[0].start.v, 0x100ull * s.block);
		assert_int_equal(info->extent[0].size, 7ull * s.block);
		assert_int_equal(info->extent[1].size, 2ull * s.block);
		assert_int_equal(info->extent[2].start.v, 0x1000ull * s.block);
		check_contents(d, s.block);
		dump_close(d);
	}
}

/* Linux has no larger pages on ARM, and no room of ours is larger. */
static void test_block_limit(void **state)
{
	(void)state;
	static const uint32_t refused[] = { 2048, 131072, 65536 + 4096, 12288 };
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		scoped_blob struct blob b = { 0 };
		struct kd_page page = { 3, KD_ZLIB };
		kd_build(&b, &(struct kd_spec){ .page = &page, .npage = 1, .block = refused[i] });
		open_fails(&b, b.n, ERR_FORMAT, "makes no sense");
	}
}

/* What each version lacks is absent, nothing else changes. */
static void test_versions(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6 * 4; i++) {
		scoped_blob struct blob b = { 0 };
		struct kd_spec s = spec((enum kd_layout)(i / 6));
		s.version = 1 + i % 6;
		/* Nothing tells the 64-bit layout from the other before version 3. */
		if (s.layout != KD_64 && s.layout != KD_32_PADDED && s.version < 3)
			continue;
		kd_build(&b, &s);
		struct dump *d = open_ok(&b);
		assert_int_equal(dump_info(d)->abi.word_bytes, s.layout == KD_64 ? 8 : 4);
		assert_int_equal(dump_info(d)->nnotes, s.version >= 4 ? 2 : 0);
		assert_int_equal(dump_info(d)->vmcoreinfo != NULL, s.version >= 3);
		check_contents(d, 4096);
		dump_close(d);
	}
}

/* With neither notes nor text, the number of pages alone tells version 6's layouts apart. */
static void test_no_notes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		scoped_blob struct blob b = { 0 };
		struct kd_spec s = spec((enum kd_layout)(i % 4));
		s.be = i / 4;
		s.vmcoreinfo = NULL;
		s.no_notes = true;
		kd_build(&b, &s);
		struct dump *d = open_ok(&b);
		assert_int_equal(dump_info(d)->abi.word_bytes, s.layout == KD_64 ? 8 : 4);
		assert_int_equal(dump_info(d)->nnotes, 0);
		assert_null(dump_info(d)->vmcoreinfo);
		assert_null(dump_info(d)->damage);
		check_contents(d, 4096);
		dump_close(d);
	}
	/* a version's later fields are not looked at */
	scoped_blob struct blob b = { 0 };
	struct kd_spec s = spec(KD_64);
	s.version = 3;
	kd_build(&b, &s);
	blob_int(&b, 4096 + 48, 5000, 8);
	blob_int(&b, 4096 + 56, UINT64_MAX, 8);
	struct dump *d = open_ok(&b);
	assert_null(dump_info(d)->damage);
	dump_close(d);
}

static void test_machine(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned number;
	} cases[] = { { "aarch64", 183 }, { "arm64", 183 }, { "armv7l", 40 }, { "armv8l", 40 },
		{ "armv6l", 40 }, { "Unknown", 0 }, { "x86_64", 0 }, { "a", 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scoped_blob struct blob b = { 0 };
		struct kd_spec s = spec(KD_64);
		s.machine = cases[i].name;
		s.signature = i % 2 ? "DISKDUMP" : "KDUMP   ";
		kd_build(&b, &s);
		struct dump *d = open_ok(&b);
		assert_int_equal(dump_info(d)->elf_machine, cases[i].number);
		check_contents(d, 4096);
		dump_close(d);
	}
}

/* makedumpfile on ARM32 counts from the start of RAM, QEMU from 0: both say where RAM starts. */
static void test_base_pfn(void **state)
{
	(void)state;
	static const struct kd_page ram[] = { { 0x40000, KD_ZLIB }, { 0x40001, KD_LZO },
		{ 0x40080, KD_RAW } };
	for (unsigned i = 0; i < 8; i++) {
		scoped_blob struct blob b = { 0 };
		struct kd_spec s = { .layout = (enum kd_layout)(i % 4), .page = ram, .npage = 3,
			.phys_base = 0x40000000 };
		s.base_pfn = i / 4 && s.layout != KD_64 ? 0x40000 : 0;
		kd_build(&b, &s);
		struct dump *d = open_ok(&b);
		assert_int_equal(dump_info(d)->extent[0].start.v, 0x40000000);
		check_pages(d, 0x40000000, 0x2000, 4096);
		check_pages(d, 0x40080000, 0x1000, 4096);
		assert_int_equal(fault_at(d, 0), FAULT_BEYOND);
		assert_int_equal(fault_at(d, 0x3fffffff), FAULT_BEYOND);
		assert_int_equal(fault_at(d, 0x40081000), FAULT_BEYOND);
		dump_close(d);
	}
}

/* On ARM64 phys_base is memstart_addr, which randomisation moves: it is no start of RAM. */
static void test_base_pfn_64(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	struct kd_spec s = spec(KD_64);
	s.phys_base = 0xfffff00000000000;
	kd_build(&b, &s);
	struct dump *d = open_ok(&b);
	check_contents(d, 4096);
	dump_close(d);
}

static void test_bitmaps(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	struct kd_spec s = spec(KD_64);
	s.one_bitmap = true; /* the first is empty: extents come from the second */
	kd_build(&b, &s);
	struct dump *d = open_ok(&b);
	assert_int_equal(dump_info(d)->nextents, 4);
	assert_int_equal(dump_info(d)->extent[0].size, 5 * 4096);
	assert_int_equal(fault_at(d, 0x105000), FAULT_BEYOND);
	check_pages(d, 0x106000, 4096, 4096);
	dump_close(d);
	/* bits behind the last page count for nothing */
	blob_free(&b);
	s.one_bitmap = false;
	kd_build(&b, &s);
	for (size_t i = 0; i < 2; i++)
		b.p[(2 + i) * 4096 + 0x1002 / 8] |= 1 << (0x1002 % 8);
	d = open_ok(&b);
	assert_null(dump_info(d)->damage);
	assert_int_equal(dump_info(d)->nextents, 3);
	assert_int_equal(fault_at(d, 0x1002000), FAULT_BEYOND);
	check_contents(d, 4096);
	dump_close(d);
	/* more pages than the bitmaps have bits */
	blob_int(&b, 440, 70000, 4);
	blob_int(&b, 4096 + 96, 70000, 8);
	open_fails(&b, b.n, ERR_FORMAT, "makes no sense");
	/* neither has a page */
	blob_free(&b);
	s.npage = 0;
	s.npages = 100;
	kd_build(&b, &s);
	open_fails(&b, b.n, ERR_FORMAT, "hold no page");
}

static void test_flattened(void **state)
{
	(void)state;
	static const size_t steps[] = { 7, 333, 4096, 70000 }; /* pages and descriptors in pieces */
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		scoped_blob struct blob b = { 0 }, f = { 0 };
		struct kd_spec s = spec(KD_64);
		kd_build(&b, &s);
		flat_build(&f, &b, steps[i]);
		struct dump *d = open_ok(&f);
		assert_string_equal(dump_info(d)->format, "kdump-compressed, flattened");
		assert_null(dump_info(d)->damage);
		assert_string_equal(dump_info(d)->vmcoreinfo, vmcoreinfo);
		check_contents(d, 4096);
		dump_close(d);
		d = open_cut(&f, f.n - 16);
		assert_non_null(strstr(dump_info(d)->damage, "end marker"));
		check_contents(d, 4096);
		dump_close(d);
	}
}

/* Cut anywhere: an error before the descriptors, damage after them; no page is ever wrong. */
static void test_cut(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	struct kd_spec s = spec(KD_64);
	kd_build(&b, &s);
	size_t desc = kd_desc_off(&s), data = desc + 9 * 24;
	size_t bitmap_end = 3 * 4096 + 0x1001 / 8 + 1; /* of the second one */
	for (size_t n = 1; n < bitmap_end; n += n < 600 || n > bitmap_end - 600 ? 1 : 509)
		open_fails(&b, n, ERR_FORMAT, n < 8 ? "not a dump" : "cut inside its");
	for (size_t n = desc; n < b.n; n += n < data ? 1 : 97) {
		struct dump *d = open_cut(&b, n);
		assert_non_null(dump_info(d)->damage);
		size_t present = 0;
		for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
			enum fault_kind fault = fault_at(d, pages[i].pfn << 12);
			if (pages[i].excluded) {
				assert_int_equal(fault, FAULT_EXCLUDED);
				continue;
			}
			assert_true(fault == FAULT_NONE || fault == FAULT_CUT);
			present += !fault;
			if (!fault)
				check_pages(d, pages[i].pfn << 12, 4096, 4096);
		}
		assert_int_equal(present == 0, n < data + 4096);
		assert_true(present < 9);
		assert_int_equal(dump_info(d)->nextents, 3);
		dump_close(d);
	}
}

/* A cut stream whose missing records are in the middle: neither zeroes nor corruption. */
static void test_cut_flattened(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 }, f = { 0 };
	struct kd_spec s = spec(KD_32_PADDED);
	kd_build(&b, &s);
	size_t desc = kd_desc_off(&s);
	flat_begin(&f);
	flat_add(&f, 0, b.p, desc + 48);
	flat_add(&f, desc + 9 * 24, b.p + desc + 9 * 24, b.n - desc - 9 * 24);
	struct dump *d = open_ok(&f);
	assert_non_null(dump_info(d)->damage);
	check_pages(d, 0x100000, 0x2000, 4096);
	assert_int_equal(fault_at(d, 0x102000), FAULT_CUT);
	assert_int_equal(fault_at(d, 0x1000000), FAULT_CUT);
	dump_close(d);
}

static void desc_set(struct blob *b, const struct kd_spec *s, size_t i, uint64_t off, uint32_t size,
	uint32_t flags)
{
	size_t at = kd_desc_off(s) + i * 24;
	blob_int(b, at, off, 8);
	blob_int(b, at + 8, size, 4);
	blob_int(b, at + 12, flags, 4);
}

static void test_hostile_descs(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	struct kd_spec s = spec(KD_64);
	kd_build(&b, &s);
	uint64_t data = kd_desc_off(&s) + 9 * 24; /* page 0, raw */
	static const struct {
		uint64_t off; /* 1: the data's */
		uint32_t size, flags;
		enum fault_kind fault;
	} cases[] = {
		{ 1, 4096, 0, FAULT_NONE },
		{ 1, 4095, 0, FAULT_CORRUPT },
		{ 1, 4097, 0, FAULT_CORRUPT },
		{ 1, 0, 0, FAULT_CORRUPT },
		{ 1, 0, KD_ZLIB, FAULT_CORRUPT },
		{ 1, UINT32_MAX, KD_ZLIB, FAULT_CORRUPT },
		{ 1, UINT32_MAX, 0, FAULT_CORRUPT },
		{ 1, 4096, KD_ZLIB, FAULT_CORRUPT },
		{ 1, 4096, KD_LZO, FAULT_CORRUPT },
		{ 1, 4096, KD_SNAPPY, FAULT_CORRUPT },
		{ 1, 4096, KD_ZSTD, FAULT_CORRUPT },
		{ 1, 4096, KD_ZLIB | KD_LZO, FAULT_CORRUPT },
		{ 0, 0, 0, FAULT_CUT }, /* never written */
		{ UINT64_MAX, 4096, 0, FAULT_CUT },
		{ UINT64_MAX - 4095, 4096, 0, FAULT_CUT },
		{ 1ull << 40, 100, KD_ZLIB, FAULT_CUT },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		desc_set(&b, &s, 0, cases[i].off == 1 ? data : cases[i].off, cases[i].size,
			cases[i].flags);
		struct dump *d = open_ok(&b);
		assert_int_equal(fault_at(d, 0x100000), cases[i].fault);
		assert_int_equal(fault_at(d, 0x100000), cases[i].fault); /* again the same */
		check_pages(d, 0x101000, 0x4000, 4096);
		dump_close(d);
	}
}

/* Each codec: a page that decompresses to less or more than a block is corrupt. */
static void test_wrong_length(void **state)
{
	(void)state;
	static const enum kd_codec codec[] = { KD_ZLIB, KD_LZO, KD_SNAPPY, KD_ZSTD };
	uint8_t plain[4200], packed[8192];
	page_fill(plain, sizeof(plain), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(codec) * 3; i++) {
		scoped_blob struct blob b = { 0 };
		struct kd_page page = { 5, KD_RAW };
		struct kd_spec s = { .page = &page, .npage = 1 };
		kd_build(&b, &s);
		size_t size = 4095 + i / ARRAY_SIZE(codec);
		size_t n = kd_compress(codec[i % 4], plain, size, packed, sizeof(packed));
		assert_true(n > 0);
		size_t at = b.n;
		blob_put(&b, at, packed, n);
		desc_set(&b, &s, 0, at, (uint32_t)n, codec[i % 4]);
		struct dump *d = open_ok(&b);
		assert_int_equal(fault_at(d, 5 << 12), size == 4096 ? FAULT_NONE : FAULT_CORRUPT);
		dump_close(d);
		/* without its last byte */
		desc_set(&b, &s, 0, at, (uint32_t)n - 1, codec[i % 4]);
		d = open_ok(&b);
		assert_int_equal(fault_at(d, 5 << 12), FAULT_CORRUPT);
		dump_close(d);
	}
}

static void test_hostile_headers(void **state)
{
	(void)state;
	static const uint32_t values[] = { 0, 1, 3, 0x7fffffff, 0x80000000, 0xffffffff };
	for (unsigned i = 0; i < ARRAY_SIZE(values) * 5; i++) {
		scoped_blob struct blob b = { 0 };
		struct kd_spec s = spec(KD_64);
		kd_build(&b, &s);
		/* version, block_size, sub_hdr_size, bitmap_blocks, max_mapnr (and its 64 bits) */
		static const unsigned field[] = { 8, 428, 432, 436, 440 };
		blob_int(&b, field[i % 5], values[i / 5], 4);
		if (i % 5 == 4)
			blob_int(&b, 4096 + 96, values[i / 5], 8);
		const char *path = tmp_path;
		struct dump *d = NULL;
		tmp_write(b.p, b.n);
		struct err *err = dump_open(&path, 1, &d);
		if (err) {
			assert_true(err->code == ERR_FORMAT);
			assert_null(strchr(err->msg, '\n'));
		} else {
			fault_at(d, 0x100000); /* whatever it is, it ends */
		}
		/* what no reading can make sense of */
		if (field[i % 5] == 428 ||
			(field[i % 5] == 436 && values[i / 5] != 1 && values[i / 5] != 3))
			assert_non_null(err);
		err_drop(err);
		dump_close(d);
	}
}

/* Notes and VMCOREINFO that are not in the file do not keep the pages from being read. */
static void test_hostile_notes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		scoped_blob struct blob b = { 0 };
		struct kd_spec s = spec(KD_64);
		kd_build(&b, &s);
		blob_int(&b, 4096 + 32 + 8 * i, i % 2 ? UINT64_MAX - 3 : 1ull << 50, 8);
		struct dump *d = open_ok(&b);
		if (i != 1) /* a senseless size of the text: the notes have it as well */
			assert_non_null(dump_info(d)->damage);
		if (i < 2)
			assert_string_equal(dump_info(d)->vmcoreinfo, vmcoreinfo);
		check_contents(d, 4096);
		dump_close(d);
	}
}

static void test_incomplete(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	struct kd_spec s = spec(KD_32_TIME64);
	s.status = 0x1 | 0x8;
	kd_build(&b, &s);
	struct dump *d = open_ok(&b);
	assert_non_null(strstr(dump_info(d)->damage, "incomplete"));
	check_contents(d, 4096);
	dump_close(d);
}

static void test_in_place(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	struct kd_spec s = spec(KD_64);
	kd_build(&b, &s);
	struct dump *d = open_ok(&b);
	const uint8_t *p, *q;
	size_t n;
	assert_int_equal(dump_map(d, (struct paddr){ 0x101010 }, &p, &n), FAULT_NONE);
	assert_int_equal(n, 4096 - 0x10);
	assert_int_equal(dump_map(d, (struct paddr){ 0x101000 }, &q, &n), FAULT_NONE);
	assert_int_equal(n, 4096);
	assert_ptr_equal(p, q + 0x10); /* decompressed once */
	dump_close(d);
}

enum { MANY = 500 };

static void many_build(struct blob *b)
{
	static struct kd_page page[MANY];
	for (size_t i = 0; i < MANY; i++)
		page[i] = (struct kd_page){ 0x100 + i, (enum kd_codec[]){ KD_ZLIB, KD_LZO, KD_RAW,
			KD_SNAPPY, KD_ZSTD }[i % 5] };
	struct kd_spec s = { .page = page, .npage = MANY };
	kd_build(b, &s);
}

/* A cache of one page: every read evicts, and all of it is right. */
static void test_cache_limit(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	many_build(&b);
	struct dump *d = open_ok(&b);
	check_pages(d, 0x100000, MANY * 4096, 4096);
	assert_int_equal(dump_generation(d), 0);
	d->cache_limit_bytes = 1;
	check_pages(d, 0x100000, MANY * 4096, 4096); /* all there: nothing to fill */
	assert_int_equal(dump_generation(d), 0);
	dump_close(d);
	d = open_ok(&b);
	d->cache_limit_bytes = 1;
	check_pages(d, 0x100000, MANY * 4096, 4096);
	assert_int_equal(dump_generation(d), MANY / 5 * 4 - 1); /* raw pages take no room */
	dump_close(d);
	d = open_ok(&b);
	d->cache_limit_bytes = 40 * 4096;
	check_pages(d, 0x100000, MANY * 4096, 4096);
	assert_int_equal(dump_generation(d), MANY / 5 * 4 / 40 - 1);
	const uint8_t *p, *q;
	size_t n;
	uint64_t before = dump_generation(d);
	assert_int_equal(dump_map(d, (struct paddr){ 0x100000 }, &p, &n), FAULT_NONE);
	assert_int_equal(dump_generation(d), before + 1); /* it was full */
	const uint8_t *stale;
	assert_int_equal(dump_map(d, (struct paddr){ 0x103008 }, &stale, &n), FAULT_NONE);
	assert_int_equal(stale[0], (0x103 * 31) & 0xff);
	d->cache_limit_bytes = 1;
	assert_int_equal(dump_map(d, (struct paddr){ 0x104000 }, &q, &n), FAULT_NONE);
	assert_int_equal(dump_generation(d), before + 2);
	assert_int_equal(stale[0], 0); /* its memory went back */
	d->cache_limit_bytes = 40 * 4096;
	assert_int_equal(dump_map(d, (struct paddr){ 0x101000 }, &q, &n), FAULT_NONE);
	assert_int_equal(dump_generation(d), before + 2);
	dump_close(d);
}

struct reader_arg {
	struct dump *d;
	uint32_t seed;
	unsigned bad;
};

static void *reader_thread(void *arg)
{
	struct reader_arg *a = arg;
	uint8_t got[300], want[4096];
	for (unsigned i = 0; i < 20000; i++) {
		a->seed = a->seed * 1664525 + 1013904223;
		uint64_t pa = 0x100000 + (uint64_t)((a->seed >> 8) % MANY) * 4096;
		uint32_t at = (a->seed >> 4) % (4096 - sizeof(got));
		page_fill(want, sizeof(want), pa);
		struct paddr from = { pa + at };
		if (dump_try_read(a->d, from, got, sizeof(got), NULL) ||
			memcmp(got, want + at, sizeof(got)) != 0)
			a->bad++;
	}
	return NULL;
}

/* Threads against a cache that is emptied all the time. */
static void test_threads(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	many_build(&b);
	struct dump *d = open_ok(&b);
	d->cache_limit_bytes = 64 * 4096;
	pthread_t thread[4];
	struct reader_arg arg[4];
	for (uint32_t i = 0; i < 4; i++) {
		arg[i] = (struct reader_arg){ d, i * 77 + 1, 0 };
		assert_int_equal(pthread_create(&thread[i], NULL, reader_thread, &arg[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(arg[i].bad, 0);
	}
	assert_true(dump_generation(d) > 10);
	dump_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_block_limit),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_no_notes),
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_base_pfn),
		cmocka_unit_test(test_base_pfn_64),
		cmocka_unit_test(test_bitmaps),
		cmocka_unit_test(test_flattened),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_flattened),
		cmocka_unit_test(test_hostile_descs),
		cmocka_unit_test(test_wrong_length),
		cmocka_unit_test(test_hostile_headers),
		cmocka_unit_test(test_hostile_notes),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_cache_limit),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, tmp_setup, tmp_teardown);
}
