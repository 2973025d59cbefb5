/* Vendors' blocks: any bytes recognised, and every field of what was recognised shown. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

/* The plugin's face to the target, served from the input. */
#include "plugins/kinfo.c"

static const uint8_t *memory;
static size_t nmemory;

struct err *api_read_physical(struct target *t, uint64_t pa, void *buf, size_t n)
{
	(void)t;
	if (pa > nmemory || n > nmemory - pa)
		return err_new(ERR_FORMAT, "not there");
	memcpy(buf, memory + pa, n);
	return NULL;
}

bool api_ram(const struct target *t, size_t i, uint64_t *ret_pa, uint64_t *ret_n)
{
	(void)t;
	*ret_pa = 0;
	*ret_n = nmemory;
	return i == 0;
}

bool api_next_data(struct target *t, uint64_t pa, uint64_t *ret_pa)
{
	(void)t;
	*ret_pa = pa;
	return pa < nmemory;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	/* Of the exact size, so that the sanitizers see a byte too many. */
	scoped_free uint8_t *in = malloc(n + !n);
	static FILE *nowhere;
	unsigned found = 0;
	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	memcpy(in, p, n);
	memory = in;
	nmemory = n;
	struct out *out = out_create(OUT_JSON, nowhere, false);
	struct cx cx = { .out = out };
	out_begin(out, "kinfo");
	err_drop(scan_run(&cx, 0, n, &found)); /* too many blocks are fine */
	out_end(out);
	out_destroy(out);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	uint8_t p[BLOCK_BYTES + PAGE] = { 0xff, 0xdd, 0xee, 0xcc };
	uint32_t sum = 0;
	memcpy(p + 0x84, "6.1.75-android14", 16);
	memcpy(p + KINFO_TAIL, "\x18\0\0\0\x20\0\0\0", 8);
	for (size_t at = KINFO_SUMMED; at < BLOCK_BYTES; at += 4)
		sum ^= load_u32le(p + at);
	memcpy(p + 4, &sum, 4);
	add(p, PAGE);
	add(p, BLOCK_BYTES);
	memcpy(p, "MRDUMP09", 8);
	memset(p + 80, 0, 8);
	memcpy(p + 80, "\0\0\xe0\x36\xa3\xba\xff\xff", 8);
	add(p, sizeof(p));
	memcpy(p, "SPRD_SYSDUMP_119", 16);
	add(p, PAGE);
	memset(p, 0, sizeof(p));
	memcpy(p + IMEM_AT, "\xad\x4e\xad\xde\0\0\x60\x12\0\0\0\0", 12);
	add(p, PAGE);
}
