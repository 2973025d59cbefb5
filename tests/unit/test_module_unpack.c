/* Modules' files, packed by each library: what comes out is what went in; cut and damaged ones are
 * said to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/module_unpack.h"

enum { BYTES = 300000, ROOM = 400000, KINDS = 3 };

static char file[] = "/tmp/test-module-unpack-XXXXXX";

/* Shrinks by half, over several pieces of input and of output. */
static uint8_t *content(void)
{
	uint8_t *p = xmalloc(BYTES);
	uint32_t x = 1;
	for (size_t i = 0; i < BYTES; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(i % 2 ? i >> 9 : x >> 24);
	}
	return p;
}

static size_t pack_gzip(const uint8_t *p, uint8_t *to)
{
	z_stream z = {
		.next_in = (Bytef *)p, .avail_in = BYTES, .next_out = to, .avail_out = ROOM
	};
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static size_t pack(unsigned kind, const uint8_t *p, uint8_t *to)
{
	size_t n = 0;
	if (kind == 0)
		return pack_gzip(p, to);
	if (kind == 1)
		n = ZSTD_compress(to, ROOM, p, BYTES, 3);
	else
		assert_int_equal(
			lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, p, BYTES, to, &n, ROOM),
			LZMA_OK);
	assert_true(n && n < ROOM);
	return n;
}

static void put(const uint8_t *p, size_t n)
{
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void expect_content(const uint8_t *p, size_t n)
{
	scoped_fd int fd = -1;
	scoped_free uint8_t *got = xmalloc(BYTES + 1);
	assert_null(module_unpack_open(file, &fd));
	assert_int_equal(pread(fd, got, BYTES + 1, 0), n);
	assert_memory_equal(got, p, n);
}

static void expect_err(enum err_code code, const char *word)
{
	int fd = -1;
	struct err *err = module_unpack_open(file, &fd);
	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_non_null(strstr(err->msg, file));
	assert_non_null(strstr(err->msg, word));
	assert_int_equal(fd, -1);
	err_drop(err);
}

static void what_went_in(void **state)
{
	(void)state;
	scoped_free uint8_t *p = content(), *packed = xmalloc(ROOM);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		put(packed, pack(kind, p, packed));
		expect_content(p, BYTES);
	}
	/* Other bytes behind a gzip file are none of it. */
	size_t n = pack(0, p, packed);
	memset(packed + n, 'x', 100);
	put(packed, n + 100);
	expect_content(p, BYTES);
	put(p, BYTES); /* not packed at all */
	expect_content(p, BYTES);
	put(p, 0);
	expect_content(p, 0);
}

/* A few bytes in, much out. */
static void all_zeroes(void **state)
{
	(void)state;
	scoped_free uint8_t *p = xcalloc(BYTES, 1), *packed = xmalloc(ROOM);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		size_t n = pack(kind, p, packed);
		assert_true(n < 1000);
		put(packed, n);
		expect_content(p, BYTES);
	}
}

static void cut_and_damaged(void **state)
{
	(void)state;
	scoped_free uint8_t *p = content(), *packed = xmalloc(ROOM);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		size_t n = pack(kind, p, packed);
		put(packed, n / 2);
		expect_err(ERR_FORMAT, "cut off");
		put(packed, n - 1);
		expect_err(ERR_FORMAT, "cut off");
		memset(packed + n / 2, 0xff, 64);
		put(packed, n);
		if (kind == 1) /* its frame has no checksum by default: the content would have to
				  tell */
			continue;
		expect_err(ERR_FORMAT, "damaged");
	}
}

static void no_file(void **state)
{
	(void)state;
	unlink(file);
	expect_err(ERR_IO, "No such file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_went_in),
		cmocka_unit_test(all_zeroes),
		cmocka_unit_test(cut_and_damaged),
		cmocka_unit_test(no_file),
	};
	close(mkstemp(file));
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	return failed;
}
