/* Files as bytes: flattened streams in every state, overlays by brute force, what cannot open. */
#include "tests/unit/test_dump_file.h"

#include <sys/stat.h>

#include "analyzer/dump/overlay.h"

static struct bytes *bytes_ok(const struct blob *f, size_t n)
{
	struct bytes *b = NULL;
	tmp_write(f->p, n);
	struct err *err = bytes_open(tmp_path, &b);
	if (err)
		fail_msg("%s", err->msg);
	return b;
}

static void bytes_bad(const struct blob *f, size_t n, enum err_code code, const char *words)
{
	struct bytes *b = NULL;
	tmp_write(f->p, n);
	struct err *err = bytes_open(tmp_path, &b);
	assert_non_null(err);
	assert_null(b);
	assert_int_equal(err->code, code);
	if (!strstr(err->msg, words) || !strstr(err->msg, tmp_path))
		fail_msg("\"%s\" lacks \"%s\"", err->msg, words);
	err_drop(err);
}

static void test_plain(void **state)
{
	(void)state;
	scoped_blob struct blob f = { 0 };
	blob_put(&f, 0, "0123456789", 10);
	struct bytes *b = bytes_ok(&f, 10);
	const uint8_t *p;
	size_t n = 100;
	char buf[10];
	assert_true(bytes_map(b, 3, &p, &n));
	assert_int_equal(n, 7);
	assert_memory_equal(p, "3456789", 7);
	n = 1;
	assert_false(bytes_map(b, 10, &p, &n));
	assert_false(bytes_map(b, UINT64_MAX, &p, &n));
	assert_true(bytes_read(b, 0, buf, 10));
	assert_false(bytes_read(b, 1, buf, 10));
	assert_false(bytes_read(b, UINT64_MAX - 2, buf, 10));
	assert_true(bytes_read(b, 10, buf, 0));
	assert_false(bytes_flattened(b));
	assert_int_equal(bytes_size(b), 10);
	bytes_close(b);
}

static void test_flattened(void **state)
{
	(void)state;
	scoped_blob struct blob f = { 0 };
	flat_begin(&f);
	flat_add(&f, 5000, "world", 5);
	flat_add(&f, 0, "hello", 5);
	flat_add(&f, 2, "LLO", 3); /* the last write wins */
	flat_add(&f, 0, "", 0);
	flat_end(&f);
	blob_put(&f, f.n, "what follows the end is not looked at", 37);
	struct bytes *b = bytes_ok(&f, f.n);
	char buf[5005];
	static const char zeroes[4995];
	assert_true(bytes_flattened(b));
	assert_false(bytes_cut(b));
	assert_int_equal(bytes_size(b), 5005);
	assert_int_equal(bytes_file_size(b), f.n);
	assert_true(bytes_read(b, 0, buf, sizeof(buf)));
	assert_memory_equal(buf, "heLLO", 5);
	assert_memory_equal(buf + 5, zeroes, 4995);
	assert_memory_equal(buf + 5000, "world", 5);
	const uint8_t *p;
	size_t n = 100;
	assert_true(bytes_map(b, 1, &p, &n));
	assert_int_equal(n, 1); /* "e": the next bytes come from another record */
	assert_false(bytes_read(b, 5000, buf, 6));
	bytes_close(b);
}

/* Cut anywhere: what was written is there, what was not is not, and it is flagged. */
static void test_flattened_cut(void **state)
{
	(void)state;
	scoped_blob struct blob f = { 0 };
	flat_begin(&f);
	flat_add(&f, 100, "abcdefgh", 8);
	flat_add(&f, 0, "ABCDEFGH", 8);
	flat_end(&f);
	for (size_t n = 16; n < 4096; n += 255)
		bytes_bad(&f, n, ERR_FORMAT, "cut inside its header");
	for (size_t n = 4096; n <= 4096 + 16; n++)
		bytes_bad(&f, n, ERR_FORMAT, "holds nothing");
	for (size_t n = 4096 + 17; n < f.n; n++) {
		struct bytes *b = bytes_ok(&f, n);
		size_t first = n - 4096 - 16 < 8 ? n - 4096 - 16 : 8;
		size_t second = n < 4096 + 40 ? 0 : n - 4096 - 40 < 8 ? n - 4096 - 40 : 8;
		char buf[8];
		assert_true(bytes_cut(b));
		assert_int_equal(bytes_size(b), 100 + first);
		assert_true(bytes_read(b, 100, buf, first));
		assert_memory_equal(buf, "abcdefgh", first);
		assert_true(bytes_read(b, 0, buf, second));
		assert_memory_equal(buf, "ABCDEFGH", second);
		assert_false(bytes_read(b, second, buf, 1));
		assert_false(bytes_read(b, 50, buf, 1)); /* no made-up zeroes */
		bytes_close(b);
	}
	struct bytes *b = bytes_ok(&f, f.n);
	assert_false(bytes_cut(b));
	bytes_close(b);
}

static void test_flattened_hostile(void **state)
{
	(void)state;
	static const struct {
		uint64_t off, size;
	} bad[] = { { UINT64_MAX, 1 }, { 1, UINT64_MAX }, { INT64_MAX, 1 }, { 1, INT64_MAX },
		{ 1ull << 63, 0 }, { UINT64_MAX - 1, UINT64_MAX } };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		scoped_blob struct blob f = { 0 };
		flat_begin(&f);
		flat_add(&f, 0, "fine", 4);
		size_t at = f.n;
		flat_add(&f, bad[i].off, "data", 4);
		blob_int(&f, at + 8, bad[i].size, 8);
		bytes_bad(&f, f.n, ERR_FORMAT, "makes no sense");
	}
	scoped_blob struct blob f = { 0 };
	flat_begin(&f);
	flat_add(&f, INT64_MAX - 4, "far", 3);
	flat_end(&f);
	struct bytes *b = bytes_ok(&f, f.n);
	char buf[4] = "xxx";
	assert_int_equal(bytes_size(b), (uint64_t)INT64_MAX - 1);
	assert_true(bytes_read(b, INT64_MAX - 5, buf, 4));
	assert_memory_equal(buf, "\0far", 4);
	bytes_close(b);
	blob_int(&f, 24, 2, 8);
	bytes_bad(&f, f.n, ERR_UNSUPPORTED, "type 1, version 2");
	blob_int(&f, 24, 1, 8);
	blob_int(&f, 16, 3, 8);
	bytes_bad(&f, f.n, ERR_UNSUPPORTED, "type 3");
}

static void test_flattened_elf(void **state)
{
	(void)state;
	static const struct elf_seg seg[] = {
		{ PT_NOTE, 0, 0, 0x400, 32, 0 },
		{ PT_LOAD, 0, 0x40000000, 0x1000, 0x3000, 0x3000 },
	};
	scoped_blob struct blob e = { 0 }, f = { 0 };
	struct elf_spec s = { .seg = seg, .nsegs = 2 };
	elf_build(&e, &s);
	note_build(&e, 0x400, "CORE", 1, "0123456789ab", 12); /* its record is cut in two */
	flat_build(&f, &e, 1000);
	struct dump *d = open_ok(&f);
	assert_string_equal(dump_info(d)->format, "ELF core, flattened");
	assert_int_equal(dump_info(d)->file_bytes, f.n);
	assert_int_equal(dump_info(d)->nnotes, 1);
	assert_memory_equal(dump_info(d)->note[0].desc, "0123456789ab", 12);
	assert_null(dump_info(d)->damage);
	check_pages(d, 0x40000000, 0x3000, 4096);
	dump_close(d);
	d = open_cut(&f, f.n - 8);
	assert_non_null(dump_info(d)->damage);
	assert_non_null(strstr(dump_info(d)->damage, "end marker"));
	check_pages(d, 0x40000000, 0x3000, 4096);
	dump_close(d);
	d = open_cut(&f, f.n - 16 - 1016); /* the last record: bytes 15000 to 16000 of the ELF */
	assert_int_equal(fault_at(d, 0x40000000 + 14999 - 4096), FAULT_NONE);
	assert_int_equal(fault_at(d, 0x40000000 + 15000 - 4096), FAULT_CUT);
	assert_int_equal(fault_at(d, 0x40000000 + 15999 - 4096), FAULT_CUT);
	assert_int_equal(fault_at(d, 0x40000000 + 16000 - 4096), FAULT_NONE);
	dump_close(d);
}

static uint32_t lcg(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void test_overlay(void **state)
{
	(void)state;
	uint32_t seed = 1;
	for (unsigned round = 0; round < 2000; round++) {
		struct span in[12], *out;
		int owner[64];
		size_t n = lcg(&seed) % 12, nout;
		for (size_t i = 0; i < n; i++) {
			uint64_t start = lcg(&seed) % 60;
			in[i] = (struct span){ start, start + lcg(&seed) % (64 - start),
				start + 1000 * i, i * 7 % 12, 0 };
		}
		for (uint64_t at = 0; at < 64; at++) {
			owner[at] = -1;
			for (size_t i = 0; i < n; i++)
				if (in[i].start <= at && at < in[i].end &&
					(owner[at] < 0 || in[i].prio > in[owner[at]].prio))
					owner[at] = (int)i;
		}
		uint64_t want[64];
		for (uint64_t at = 0; at < 64; at++)
			want[at] = owner[at] < 0 ? UINT64_MAX : 1000 * (uint64_t)owner[at] + at;
		struct err *err = overlay_flatten(in, n, &out, &nout);
		assert_null(err);
		for (uint64_t at = 0; at < 64; at++) {
			const struct span *s = overlay_find(out, nout, at);
			uint64_t got = s ? s->src + (at - s->start) : UINT64_MAX;
			assert_int_equal(got, want[at]);
		}
		for (size_t i = 0; i < nout; i++) {
			assert_true(out[i].start < out[i].end);
			if (i)
				assert_true(out[i - 1].end <= out[i].start);
		}
		free(out);
	}
}

static void open_error(const char *path, enum err_code code, const char *words)
{
	struct dump *d = NULL;
	struct err *err = dump_open(&path, 1, &d);
	assert_non_null(err);
	assert_null(d);
	if (err->code != code || !strstr(err->msg, words) || strncmp(err->msg, path, strlen(path)))
		fail_msg("%d \"%s\", expected \"%s\"", err->code, err->msg, words);
	assert_null(strchr(err->msg, '\n'));
	assert_false(dump_recognises(path));
	err_drop(err);
}

static void test_not_dumps(void **state)
{
	(void)state;
	char name[sizeof(tmp_path) + 8];
	open_error("/nonexistent/vmcore", ERR_IO, "No such file");
	open_error("/", ERR_IO, "directory");
	open_error("/dev/null", ERR_IO, "not a regular file");
	tmp_write((const uint8_t *)"", 0);
	open_error(tmp_path, ERR_FORMAT, "the file is empty");
	tmp_write((const uint8_t *)"just text\nof two lines\n", 23);
	open_error(tmp_path, ERR_FORMAT, "is not a dump");
	snprintf(name, sizeof(name), "%s.fifo", tmp_path);
	assert_int_equal(mkfifo(name, 0600), 0);
	open_error(name, ERR_IO, "not a regular file"); /* and does not wait for a writer */
	unlink(name);
	struct dump *d = NULL;
	struct err *err = dump_open(NULL, 0, &d);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_USAGE);
	err_drop(err);
}

static void test_several_files(void **state)
{
	(void)state;
	static const struct elf_seg seg = { PT_LOAD, 0, 0x40000000, 0x1000, 0x1000, 0x1000 };
	scoped_blob struct blob e = { 0 };
	elf_build(&e, &(struct elf_spec){ .seg = &seg, .nsegs = 1 });
	tmp_write(e.p, e.n);
	const char *paths[] = { tmp_path, tmp_path, "/nonexistent/x" };
	struct dump *d = NULL;
	struct err *err = dump_open(paths, 2, &d);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_UNSUPPORTED);
	err_drop(err);
	err = dump_open(paths, 3, &d);
	assert_non_null(err);
	assert_non_null(strstr(err->msg, "/nonexistent/x"));
	err_drop(err);
	/* of two kinds */
	scoped_blob struct blob k = { 0 };
	struct kd_page page = { 1, KD_RAW };
	kd_build(&k, &(struct kd_spec){ .page = &page, .npage = 1 });
	char other[] = "/tmp/inquest-test-XXXXXX";
	scoped_fd int fd = mkstemp(other);
	assert_int_equal(write(fd, k.p, k.n), k.n);
	paths[1] = other;
	err = dump_open(paths, 2, &d);
	unlink(other);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_MISMATCH);
	assert_non_null(strstr(err->msg, "is kdump-compressed, but"));
	err_drop(err);
	assert_null(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_flattened),
		cmocka_unit_test(test_flattened_cut),
		cmocka_unit_test(test_flattened_hostile),
		cmocka_unit_test(test_flattened_elf),
		cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_not_dumps),
		cmocka_unit_test(test_several_files),
	};
	return cmocka_run_group_tests(tests, tmp_setup, tmp_teardown);
}
