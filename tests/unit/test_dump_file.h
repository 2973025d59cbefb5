/* Temporary files and opening them, for the tests of analyzer/dump. */
#ifndef TESTS_UNIT_TEST_DUMP_FILE_H
#define TESTS_UNIT_TEST_DUMP_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyzer/dump/reader.h"
#include "tests/unit/test_dump_build.h"

static char tmp_path[128];

UNUSED_OK static int tmp_setup(void **state)
{
	(void)state;
	snprintf(tmp_path, sizeof(tmp_path), "%s/inquest-test-XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	int fd = mkstemp(tmp_path);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

UNUSED_OK static int tmp_teardown(void **state)
{
	(void)state;
	unlink(tmp_path);
	return 0;
}

UNUSED_OK static void tmp_write(const uint8_t *p, size_t n)
{
	FILE *f = fopen(tmp_path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Opens the first @n bytes of @b; they must be a dump. */
UNUSED_OK static struct dump *open_cut(const struct blob *b, size_t n)
{
	const char *path = tmp_path;
	struct dump *d = NULL;
	tmp_write(b->p, n);
	struct err *err = dump_open(&path, 1, &d);
	if (err)
		fail_msg("%s", err->msg);
	return d;
}

UNUSED_OK static struct dump *open_ok(const struct blob *b)
{
	return open_cut(b, b->n);
}

/* The first @n bytes of @b are refused with @code, in one line that names the file and has @words.
 */
UNUSED_OK static void open_fails(const struct blob *b, size_t n, enum err_code code,
	const char *words)
{
	const char *path = tmp_path;
	struct dump *d = NULL;
	tmp_write(b->p, n);
	struct err *err = dump_open(&path, 1, &d);
	if (!err)
		fail_msg("%zu bytes opened, expected: %s", n, words);
	if (err->code != code || !strstr(err->msg, words) || strchr(err->msg, '\n') ||
		strncmp(err->msg, path, strlen(path)) != 0)
		fail_msg("code %d, \"%s\": expected %d, \"%s\"", err->code, err->msg, code, words);
	assert_null(d);
	err_drop(err);
}

UNUSED_OK static enum fault_kind fault_at(struct dump *d, uint64_t pa)
{
	uint8_t byte;
	return dump_try_read(d, (struct paddr){ pa }, &byte, 1, NULL);
}

/* @n bytes at @pa are what page_fill() makes of their pages of @page bytes. */
UNUSED_OK static void check_pages(struct dump *d, uint64_t pa, size_t n, size_t page)
{
	uint8_t *got = xcalloc(n, 1), *want = xcalloc(page, 1);
	struct paddr bad;
	enum fault_kind fault = dump_try_read(d, (struct paddr){ pa }, got, n, &bad);
	if (fault)
		fail_msg("%s at %#llx", fault_name(fault), (unsigned long long)bad.v);
	for (size_t at = 0; at < n;) {
		uint64_t start = (pa + at) / page * page;
		size_t skip = pa + at - start, k = page - skip < n - at ? page - skip : n - at;
		page_fill(want, page, start);
		assert_memory_equal(got + at, want + skip, k);
		at += k;
	}
	free(got);
	free(want);
}

#endif
