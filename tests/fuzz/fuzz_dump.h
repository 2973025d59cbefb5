/*
 * What the fuzz targets of analyzer/dump share: the input becomes a file, the file a dump, and the
 * dump is read where it says that memory begins and ends. Any answer is right that comes to an end
 * and does not contradict itself.
 */
#ifndef TESTS_FUZZ_FUZZ_DUMP_H
#define TESTS_FUZZ_FUZZ_DUMP_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/dump/bulk.h"
#include "analyzer/dump/reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/test_dump_build.h"

/* A broken promise ends the target, as a sanitizer would. */
#define FUZZ_CHECK(cond)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

UNUSED_OK static uint64_t fuzz_probe(struct dump *d, uint64_t pa)
{
	const uint8_t *p;
	size_t n = 0;
	uint8_t first, last;
	enum fault_kind fault = dump_map(d, (struct paddr){ pa }, &p, &n);
	if (fault) {
		FUZZ_CHECK(fault != FAULT_UNMAPPED);
		FUZZ_CHECK(dump_try_read(d, (struct paddr){ pa }, &first, 1, NULL) == fault);
		return 1;
	}
	FUZZ_CHECK(n > 0 && pa + (n - 1) >= pa);
	FUZZ_CHECK(!dump_try_read(d, (struct paddr){ pa }, &first, 1, NULL) && first == p[0]);
	uint64_t end = pa + (n - 1);
	FUZZ_CHECK(!dump_try_read(d, (struct paddr){ end }, &last, 1, NULL) && last == p[n - 1]);
	return n;
}

UNUSED_OK static void fuzz_read(struct dump *d)
{
	const struct dump_info *info = dump_info(d);
	uint64_t end = 0;
	fuzz_probe(d, 0);
	fuzz_probe(d, UINT64_MAX);
	for (size_t i = 0; i < info->nextents; i++) {
		uint64_t start = info->extent[i].start.v, size = info->extent[i].size;
		FUZZ_CHECK(size > 0 && start >= end && start + (size - 1) >= start);
		end = start + (size - 1);
		if (i >= 64)
			continue;
		uint64_t at = start;
		for (unsigned k = 0; k < 64 && at >= start && at <= end; k++)
			at += fuzz_probe(d, at);
		fuzz_probe(d, end);
		fuzz_probe(d, end + 1);
		fuzz_probe(d, start - 1);
	}
	for (size_t i = 0; i < info->nnotes; i++) {
		volatile uint8_t sum = 0; /* the name and the bytes are there */
		for (const char *c = info->note[i].name; *c; c++)
			sum += (uint8_t)*c;
		for (uint32_t k = 0; k < info->note[i].desc_size; k++)
			sum += info->note[i].desc[k];
		(void)sum;
	}
	uint64_t v;
	vmcoreinfo_number(info->vmcoreinfo, "PAGESIZE", &v);
}

/* What is read in bulk is what is read piece by piece. */
UNUSED_OK static void fuzz_bulk(struct dump *d, bool data_only)
{
	struct dump_bulk_options o = {
		.last = { UINT64_MAX }, .threads = 1, .data_only = data_only
	};
	struct dump_bulk *bulk;
	struct dump_run run;
	bool more = true;
	uint64_t end = 0;
	FUZZ_CHECK(dump_bulk_create(d, &o, &bulk) == NULL);
	for (unsigned i = 0; i < 64; i++) {
		struct err *err = dump_bulk_next(bulk, &run, &more);
		FUZZ_CHECK(!err);
		if (!more)
			break;
		uint8_t first, last;
		struct paddr pa = run.pa, back = { run.pa.v + (run.size - 1) };
		FUZZ_CHECK(run.size > 0 && pa.v >= end &&
			   (run.p == NULL) == (run.fault != FAULT_NONE));
		FUZZ_CHECK(dump_try_read(d, pa, &first, 1, NULL) == run.fault);
		FUZZ_CHECK(dump_try_read(d, back, &last, 1, NULL) == run.fault);
		FUZZ_CHECK(run.fault || (first == run.p[0] && last == run.p[run.size - 1]));
		end = back.v;
	}
	dump_bulk_destroy(bulk);
}

UNUSED_OK static int fuzz_dump_bytes(const uint8_t *p, size_t n, bool small_cache)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	const char *path = name;
	struct dump *d;
	struct err *err = dump_open(&path, 1, &d);
	if (err) {
		FUZZ_CHECK(!strchr(err->msg, '\n') && strncmp(err->msg, name, strlen(name)) == 0);
		err_drop(err);
	} else {
		if (small_cache)
			d->cache_limit_bytes = 3 * 4096;
		fuzz_read(d);
		fuzz_bulk(d, n % 2);
		dump_close(d);
	}
	close(fd);
	return 0;
}

#endif
