/* A plugin's dump reader over any file: whatever ranges it names, what opens is read to its end. */
#include "analyzer/dump/foreign.h"
#include "tests/fuzz/fuzz_dump.h"
#include "tests/plugins/toy.c"

static bool recognises(void *cx, const uint8_t *head, size_t n, uint64_t file_bytes)
{
	/* Of the exact size, so that the sanitizers see a byte too many. */
	scoped_free uint8_t *exact = malloc(n + !n);
	(void)cx;
	memcpy(exact, head, n);
	return toy_recognises(exact, n, file_bytes);
}

static struct err *open_it(void *cx, struct foreign_file *f)
{
	(void)cx;
	return toy_open((struct api_opening *)f);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct foreign_format toy_format = { "toy container", recognises, open_it,
		NULL };
	const struct dump_options o = { .foreign = &toy_format, .nforeign = 1 };
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	const struct dump_file file = { .path = name };
	struct dump *d;
	bool ours = foreign_recognises(&o, name);
	struct err *err = dump_open_files(&file, 1, &o, &d);
	if (err) {
		FUZZ_CHECK(!strchr(err->msg, '\n') && strncmp(err->msg, name, strlen(name)) == 0);
		err_drop(err);
	} else {
		FUZZ_CHECK(ours == (strcmp(dump_info(d)->format, "toy container") == 0) ||
			   dump_recognises(name));
		fuzz_read(d);
		fuzz_bulk(d, n % 2);
		dump_close(d);
	}
	close(fd);
	return 0;
}

static void put(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

void fuzz_seed(fuzz_add_fn add)
{
	static const uint64_t ranges[][3] = { { 0x1000, 0x400, 120 }, { 0x3000, 0x100, 0x600 },
		{ 0x1400, 0x200, 0x700 }, { 0xfffffffffffff000, 0x1000, 200 } };
	uint8_t p[2048] = "TOYDUMP1";
	for (size_t i = HEAD_BYTES; i < sizeof(p); i++)
		p[i] = (uint8_t)i;
	for (uint32_t n = 0; n <= 4; n++) {
		put(p + 8, n, 4);
		put(p + 12, n % 3, 4);
		put(p + 16, n == 3 ? 40 : 0, 8);
		for (uint32_t i = 0; i < n; i++)
			for (size_t k = 0; k < 3; k++)
				put(p + HEAD_BYTES + i * RANGE_BYTES + k * 8, ranges[i][k], 8);
		if (n == 3)
			memcpy(p + HEAD_BYTES + 3 * RANGE_BYTES, "OSRELEASE=6.1\nPAGESIZE=4096\n",
				29);
		add(p, sizeof(p));
	}
}
