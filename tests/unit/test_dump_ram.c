/* Uncompressed and AVML containers, split dumps, unpacking, bulk reads: on files made by hand. */
#include "tests/unit/test_dump_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "analyzer/dump/bulk.h"
#include "analyzer/dump/ram_files.h"
#include "analyzer/dump/write.h"

enum { PA = 0x40000000 };

static void test_lime(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	size_t second = lime_add(&b, 0, PA, 0x4000);
	size_t third = lime_add(&b, second, 0x80001000, 0x2000);
	lime_add(&b, third, 0x10000, 0x1000); /* any order */
	struct dump *d = open_ok(&b);
	assert_string_equal(dump_info(d)->format, "LiME");
	assert_null(dump_info(d)->damage);
	assert_int_equal(dump_info(d)->nextents, 3);
	assert_int_equal(dump_info(d)->extent[0].start.v, 0x10000);
	check_pages(d, PA, 0x4000, 4096);
	check_pages(d, 0x80001000, 0x2000, 4096);
	check_pages(d, 0x10000, 0x1000, 4096);
	assert_int_equal(fault_at(d, 0x80003000), FAULT_BEYOND);
	dump_close(d);
	/* cut inside a range; inside a header; a header that is none */
	d = open_cut(&b, third - 0x1000);
	assert_non_null(strstr(dump_info(d)->damage, "cut off"));
	check_pages(d, 0x80001000, 0x1000, 4096);
	assert_int_equal(fault_at(d, 0x80002000), FAULT_CUT);
	assert_int_equal(fault_at(d, 0x10000), FAULT_BEYOND);
	dump_close(d);
	d = open_cut(&b, third + 31);
	assert_non_null(strstr(dump_info(d)->damage, "inside the header"));
	dump_close(d);
	blob_int(&b, second + 16, 5, 8); /* the last byte before the first */
	d = open_ok(&b);
	assert_non_null(strstr(dump_info(d)->damage, "makes no sense"));
	check_pages(d, PA, 0x4000, 4096);
	assert_int_equal(fault_at(d, 0x10000), FAULT_BEYOND);
	dump_close(d);
	blob_int(&b, 4, 2, 4);
	open_fails(&b, b.n, ERR_FORMAT, "version other than 1");
}

/* 16 MiB blocks; the one of zeroes between two full ones is not in the file. */
static void test_avml(void **state)
{
	(void)state;
	const size_t block = 16 << 20;
	scoped_blob struct blob b = { 0 };
	size_t at = avml_add(&b, 0, PA, block, NULL);
	size_t last = at;
	at = avml_add(&b, at, PA + 2 * block, 0x13000, NULL);
	at = avml_add(&b, at, 0x80000000, 0x1000, NULL);
	struct dump *d = open_ok(&b);
	assert_string_equal(dump_info(d)->format, "AVML");
	assert_null(dump_info(d)->damage);
	assert_int_equal(dump_info(d)->nextents, 2);
	assert_int_equal(dump_info(d)->extent[0].size, 2 * block + 0x13000);
	check_pages(d, PA + 0xf000, 0x30000, 4096);
	check_pages(d, PA + 2 * block, 0x13000, 4096);
	uint8_t byte = 1;
	assert_int_equal(dump_try_read(d, (struct paddr){ PA + block + 77 }, &byte, 1, NULL), 0);
	assert_int_equal(byte, 0);
	assert_int_equal(fault_at(d, PA + 2 * block + 0x13000), FAULT_BEYOND);
	struct paddr next;
	assert_true(dump_next_data(d, (struct paddr){ PA + block + 5 }, &next));
	assert_int_equal(next.v, PA + 2 * block);
	dump_close(d);
	d = open_cut(&b, last + 32 + 10 + 100); /* in the first frame of the second block */
	assert_non_null(strstr(dump_info(d)->damage, "cut off"));
	assert_int_equal(fault_at(d, PA + 2 * block), FAULT_CUT);
	assert_int_equal(fault_at(d, PA + 2 * block + 0x12fff), FAULT_CUT);
	check_pages(d, PA, 0x20000, 4096);
	dump_close(d);
	b.p[32 + 10 + 4] ^= 1; /* the first frame's checksum */
	d = open_ok(&b);
	assert_int_equal(fault_at(d, PA), FAULT_CORRUPT);
	assert_int_equal(fault_at(d, PA + 0xffff), FAULT_CORRUPT);
	check_pages(d, PA + 0x10000, 0x1000, 4096);
	dump_close(d);
}

static void test_raw(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	blob_grow(&b, 1 << 20);
	for (size_t i = 0; i < b.n; i += 4096)
		page_fill(b.p + i, 4096, PA + i);
	struct dump *d = open_ok(&b); /* nobody said where it lies */
	assert_string_equal(dump_info(d)->format, "raw RAM");
	assert_true(dump_info(d)->base_unknown);
	assert_int_equal(dump_info(d)->extent[0].start.v, 0);
	assert_true(dump_recognises(tmp_path));
	dump_set_base(d, (struct paddr){ PA });
	assert_false(dump_info(d)->base_unknown);
	assert_int_equal(dump_info(d)->nextents, 1);
	assert_int_equal(dump_info(d)->extent[0].start.v, PA);
	check_pages(d, PA, 1 << 20, 4096);
	assert_int_equal(fault_at(d, 0), FAULT_BEYOND);
	dump_close(d);
	open_fails(&b, b.n - 1, ERR_FORMAT, "not a dump"); /* no whole pages */
	const struct dump_file said = { tmp_path, true, { PA } };
	tmp_write(b.p, 5000);
	struct err *err = dump_open_files(&said, 1, NULL, &d);
	assert_null(err);
	assert_false(dump_info(d)->base_unknown);
	check_pages(d, PA, 5000, 4096);
	dump_close(d);
	const struct dump_file far = { tmp_path, true, { UINT64_MAX - 100 } };
	err = dump_open_files(&far, 1, NULL, &d);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_FORMAT);
	err_drop(err);
}

/* The lines that count, and those that do not. */
static void test_tables(void **state)
{
	(void)state;
	static const char info[] =
		"1 0x80000000 4096 DDR CS0 DDRCS0_0.BIN\n2 0x1000 12 x PMIC_PON.BIN\n"
		"3 0xzz 4096 DDRCS1.BIN\n4 0x14680000 8192 OCIMEM OCIMEM.BIN\r\n";
	static const char cmm[] = "d.load.binary EBI1CS1.BIN 0xC0000000 /noclear\n"
				  "d.load.binary EBI1CS2.BIN 0xD0000000\nif 1 2 3\n";
	struct ram_files f = { 0 };
	ram_files_parse_info(info, sizeof(info) - 1, &f);
	assert_int_equal(f.file.n, 2);
	assert_string_equal(f.file.v[0].name, "DDRCS0_0.BIN");
	assert_int_equal(f.file.v[0].place.pa, 0x80000000);
	assert_int_equal(f.file.v[0].place.size, 4096);
	assert_int_equal(f.file.v[1].place.size, 8192);
	ram_files_parse_cmm(cmm, sizeof(cmm) - 1, &f);
	assert_int_equal(f.file.n, 3);
	assert_int_equal(f.file.v[2].place.pa, 0xc0000000);
	ram_files_deinit(&f);
}

/* Parts in any order, one missing, one twice; strangers. */
static void test_split(void **state)
{
	(void)state;
	static const struct kd_page page[] = { { 0x100, KD_ZLIB }, { 0x101, KD_RAW },
		{ 0x180, KD_LZO }, { 0x181, KD_ZLIB, true }, { 0x200, KD_ZSTD },
		{ 0x2ff, KD_SNAPPY } };
	char path[3][sizeof(tmp_path) + 4];
	static const uint64_t border[] = { 0, 0x101, 0x200, 0x300 };
	for (unsigned i = 0; i < 3; i++) {
		scoped_blob struct blob b = { 0 };
		kd_build(&b, &(struct kd_spec){ .page = page,
				     .npage = 6,
				     .split = 1,
				     .first_pfn = border[i],
				     .end_pfn = border[i + 1],
				     .vmcoreinfo = "PAGESIZE=4096\n" });
		tmp_write(b.p, b.n);
		snprintf(path[i], sizeof(path[i]), "%s.%u", tmp_path, i);
		assert_int_equal(rename(tmp_path, path[i]), 0);
	}
	const char *all[] = { path[2], path[0], path[1], path[0] }, *two[] = { path[2], path[0] };
	struct dump *d;
	for (size_t n = 3; n <= 4; n++) {
		assert_null(dump_open(all, n, &d));
		assert_null(dump_info(d)->damage);
		assert_string_equal(dump_info(d)->format, "kdump-compressed, several files");
		for (size_t i = 0; i < 6; i++)
			if (!page[i].excluded)
				check_pages(d, page[i].pfn << 12, 4096, 4096);
		assert_int_equal(fault_at(d, 0x181000), FAULT_EXCLUDED);
		assert_int_equal(dump_info(d)->nnotes, 2);
		dump_close(d);
	}
	assert_null(dump_open(two, 2, &d));
	assert_string_equal(dump_info(d)->damage,
		"the part of the dump from 0x101000 to 0x1fffff is "
		"missing");
	check_pages(d, 0x100000, 4096, 4096);
	check_pages(d, 0x200000, 4096, 4096);
	assert_int_equal(fault_at(d, 0x101000), FAULT_CUT);
	assert_int_equal(fault_at(d, 0x181000), FAULT_EXCLUDED);
	dump_close(d);
	scoped_blob struct blob whole = { 0 };
	kd_build(&whole, &(struct kd_spec){ .page = page, .npage = 6 });
	tmp_write(whole.p, whole.n);
	const char *mixed[] = { path[0], tmp_path };
	struct err *err = dump_open(mixed, 2, &d);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_MISMATCH);
	err_drop(err);
	for (unsigned i = 0; i < 3; i++)
		unlink(path[i]);
}

/* Holes of a sparse file are seen, and bulk reading passes over them when it may. */
static void test_holes(void **state)
{
	(void)state;
	const size_t far = 64 << 20;
	scoped_blob struct blob b = { 0 };
	lime_add(&b, 0, PA, 4096);
	blob_int(&b, 16, PA + far - 1, 8);
	tmp_write(b.p, b.n);
	scoped_fd int fd = open(tmp_path, O_WRONLY);
	assert_int_equal(ftruncate(fd, (off_t)(32 + far)), 0);
	assert_int_equal(pwrite(fd, "x", 1, (off_t)(32 + far / 2)), 1);
	const char *path = tmp_path;
	struct dump *d;
	assert_null(dump_open(&path, 1, &d));
	struct paddr next;
	assert_true(dump_next_data(d, (struct paddr){ PA + (1 << 20) }, &next));
	if (next.v == PA + (1 << 20))
		skip(); /* no sparse files here */
	assert_true(next.v <= PA + far / 2 && next.v > PA + far / 2 - 65536);
	assert_false(dump_next_data(d, (struct paddr){ PA + far - 4096 }, &next));
	for (unsigned data_only = 0; data_only < 2; data_only++) {
		struct dump_bulk *bulk;
		struct dump_run run;
		struct dump_bulk_options o = { .last = { UINT64_MAX }, .data_only = data_only };
		uint64_t sum = 0;
		bool more = true, found = false;
		assert_null(dump_bulk_create(d, &o, &bulk));
		while (!dump_bulk_next(bulk, &run, &more) && more) {
			sum += run.size;
			found |= run.p && memchr(run.p, 'x', run.size) && run.pa.v > PA + far / 4;
		}
		dump_bulk_destroy(bulk);
		assert_true(found);
		assert_true(data_only ? sum < far / 4 : sum == far);
	}
	dump_close(d);
}

/* Every byte in order, with any number of threads, and gaps where pages are not. */
static void test_bulk(void **state)
{
	(void)state;
	enum { N = 2000 };
	scoped_free struct kd_page *page = xcalloc(N, sizeof(*page));
	for (size_t i = 0; i < N; i++)
		page[i] = (struct kd_page){ 0x100 + i, i % 3 ? KD_ZLIB : KD_LZO, i % 100 == 7 };
	scoped_blob struct blob b = { 0 };
	struct kd_spec spec = { .page = page, .npage = N };
	kd_build(&b, &spec);
	/* The page behind an excluded one is corrupt: two gaps. 8 pages before it are dumped. */
	blob_int(&b, kd_desc_off(&spec) + (8 + 99 - 1) * 24 + 8, 0, 4);
	struct dump *d = open_ok(&b);
	for (unsigned threads = 1; threads <= 4; threads++) {
		struct dump_bulk_options o = { { 0x101800 }, { 0x7fffff }, threads, false };
		struct dump_bulk *bulk;
		struct dump_run run;
		bool more = true;
		uint64_t at = 0x101800;
		assert_null(dump_bulk_create(d, &o, &bulk));
		while (!dump_bulk_next(bulk, &run, &more) && more) {
			assert_int_equal(run.pa.v, at);
			for (uint64_t pa = at / 4096 * 4096; pa < at + run.size; pa += 4096) {
				uint8_t want[4096];
				uint64_t lo = pa > at ? pa : at, hi = pa + 4096;
				hi = hi < at + run.size ? hi : at + run.size;
				uint64_t i = pa / 4096 - 0x100;
				bool gone = i % 100 == 7 || i == 108;
				assert_int_equal(run.fault, i == 108 ? FAULT_CORRUPT
							    : gone   ? FAULT_EXCLUDED
								     : FAULT_NONE);
				page_fill(want, 4096, pa);
				if (!gone)
					assert_memory_equal(run.p + (lo - at), want + (lo - pa),
						(size_t)(hi - lo));
			}
			at += run.size;
		}
		assert_int_equal(at, 0x800000);
		dump_bulk_destroy(bulk);
		assert_null(dump_bulk_create(d, &o, &bulk)); /* ended in the middle */
		assert_null(dump_bulk_next(bulk, &run, &more));
		dump_bulk_destroy(bulk);
	}
	assert_int_equal(dump_generation(d), 0);
	dump_close(d);
}

/* LiME through zlib and gzip; whole, cut, and from the cache the second time. */
static void test_packed(void **state)
{
	(void)state;
	char folder[] = "/tmp/inquest-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	assert_int_equal(setenv("XDG_CACHE_HOME", folder, 1), 0);
	scoped_blob struct blob b = { 0 };
	lime_add(&b, 0, PA, 64 << 12);
	for (unsigned gzip = 0; gzip < 2; gzip++) {
		scoped_blob struct blob z = { 0 };
		blob_grow(&z, b.n);
		z_stream s = { .next_in = b.p,
			.avail_in = (uInt)b.n,
			.next_out = z.p,
			.avail_out = (uInt)b.n };
		deflateInit2(&s, 6, Z_DEFLATED, 15 + 16 * (int)gzip, 8, Z_DEFAULT_STRATEGY);
		assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
		z.n = s.total_out;
		deflateEnd(&s);
		/* whole, twice; in its middle, twice; but for the checksum at its end */
		for (unsigned i = 0; i < 5; i++) {
			size_t n = i < 2 ? z.n : i < 4 ? z.n / 2 : z.n - 2;
			tmp_write(z.p, n);
			const struct dump_file file = { tmp_path };
			struct dump *d;
			assert_true(dump_recognises(tmp_path));
			assert_null(dump_open_files(&file, 1, NULL, &d));
			assert_string_equal(
				dump_info(d)->format, gzip ? "gzip, LiME" : "zlib, LiME");
			assert_int_equal(dump_info(d)->damage != NULL, i >= 2);
			bool whole = i < 2 || i == 4;
			check_pages(d, PA, whole ? 64 << 12 : 0x1000, 4096);
			assert_int_equal(
				fault_at(d, PA + (63 << 12)), whole ? FAULT_NONE : FAULT_CUT);
			dump_close(d);
		}
	}
	scoped_free char *clean = xasprintf("rm -r %s", folder);
	assert_int_equal(system(clean), 0);
}

/* Written anew in either format, for either word: memory, gaps, and notes of odd sizes come back.
 */
static void test_write(void **state)
{
	(void)state;
	static const struct kd_page page[] = { { 0x100, KD_ZLIB }, { 0x101, KD_RAW },
		{ 0x102, KD_LZO, true }, { 0x103, KD_LZO }, { 0x200, KD_ZSTD },
		{ 0x201, KD_ZLIB, true } };
	static const char text[] = "OSRELEASE=6.1\nCRASHTIME=77\nA=1\n"; /* of an odd length */
	for (unsigned i = 0; i < 4; i++) {
		scoped_blob struct blob b = { 0 }, empty = { 0 };
		struct kd_spec spec = { .page = page, .npage = 6, .vmcoreinfo = text };
		kd_build(&b, &spec);
		blob_int(&b, kd_desc_off(&spec) + 3 * 24 + 8, 0, 4); /* page 0x200 is corrupt */
		struct dump *d = open_ok(&b), *again;
		struct dump_write_options o = { .format = i % 2 ? DUMP_WRITE_ELF : DUMP_WRITE_KDUMP,
			.codec = DUMP_WRITE_SNAPPY,
			.elf_machine = i / 2 ? EM_AARCH64 : EM_ARM,
			.abi = { i / 2 ? 8 : 4, false },
			.page_bytes = 4096 };
		struct dump_write_result result;
		char path[] = "/tmp/inquest-test-XXXXXX";
		const char *name = path;
		scoped_fd int fd = mkstemp(path);
		d->notes.v[0].desc_size = 13; /* the next note stands behind padding */
		assert_null(dump_write(d, fd, &o, &result));
		assert_int_equal(result.memory_bytes, 3 * 4096);
		assert_int_equal(result.lost_bytes, 4096);
		dump_close(d);
		assert_null(dump_open(&name, 1, &again));
		unlink(path);
		assert_null(dump_info(again)->damage);
		assert_int_equal(dump_info(again)->elf_machine, o.elf_machine);
		assert_int_equal(dump_info(again)->nnotes, 2);
		assert_int_equal(dump_info(again)->note[0].desc_size, 13);
		assert_string_equal(dump_info(again)->note[1].name, "VMCOREINFO");
		assert_int_equal(dump_info(again)->note[1].desc_size, sizeof(text) - 1);
		assert_string_equal(dump_info(again)->vmcoreinfo, text);
		check_pages(again, 0x100000, 0x2000, 4096);
		check_pages(again, 0x103000, 0x1000, 4096);
		assert_int_equal(fault_at(again, 0x102000), FAULT_EXCLUDED);
		assert_int_equal(fault_at(again, 0x201000), FAULT_EXCLUDED);
		assert_int_equal(fault_at(again, 0x104000), FAULT_BEYOND);
		assert_true(fault_at(again, 0x200000) != FAULT_NONE);
		dump_close(again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lime),
		cmocka_unit_test(test_avml),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_write),
	};
	return cmocka_run_group_tests(tests, tmp_setup, tmp_teardown);
}
