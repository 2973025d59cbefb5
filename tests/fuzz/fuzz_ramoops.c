/* pstore's zones: rings, record headers, deflate, trace entries, of any bytes. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "plugins/ramoops/zone.c"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	/* Of the exact size, so that the sanitizers see a byte too many. */
	scoped_free uint8_t *in = malloc(n + !n), *text = malloc(n + !n);
	size_t used = 0;
	memcpy(in, p, n);
	for (unsigned kind = 0; kind < 4; kind++) {
		const struct abi order = { .word_bytes = 8, .big_endian = kind & 2 };
		if (zone_unroll(&order, in, n, kind & 1, text, &used) != ZONE_GOOD)
			continue;
		scoped_free uint8_t *exact = malloc(used + !used);
		memcpy(exact, text, used);
		struct record_header h = record_header_parse(exact, used);
		scoped_strbuf struct strbuf plain = { 0 };
		if (h.there && h.bytes > used)
			abort();
		if (h.there)
			err_drop(record_inflate(
				exact + h.bytes, used - h.bytes, &plain)); /* any is fine */
		for (unsigned word = 4; word <= 8; word += 4) {
			const struct abi abi = { .word_bytes = (uint8_t)word };
			size_t each = trace_entry_bytes(&abi);
			for (size_t at = used % each; at + each <= used; at += each)
				(void)trace_entry_parse(&abi, exact + at);
		}
	}
	return 0;
}

static void seed(fuzz_add_fn add, const char *data, size_t n, uint32_t start)
{
	uint8_t zone[256] = "DBGC";
	zone[4] = (uint8_t)start;
	zone[8] = (uint8_t)n;
	memcpy(zone + ZONE_HEADER, data, n);
	add(zone, ZONE_HEADER + n);
}

void fuzz_seed(fuzz_add_fn add)
{
	static const char packed[] =
		"====1700000000.123456-C\n\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x5c";
	static const char plain[] = "====1.000007-D\nOops#1 Part1\n<1>words\n";
	seed(add, packed, sizeof(packed), sizeof(packed));
	seed(add, plain, sizeof(plain) - 1, sizeof(plain) - 1);
	seed(add, plain, sizeof(plain) - 1, 7);
}
