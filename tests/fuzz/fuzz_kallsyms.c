/* Any bytes as physical memory: what is accepted as symbol tables must hold together. */
#include <ctype.h>
#include <stdio.h>

#include "analyzer/base/scope.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_memory.h"
#include "tests/unit/kallsyms_build.h"

enum { RAM = 0x40000000 };

static void use(const struct kallsyms *k)
{
	uint64_t last = 0, va;
	struct kallsyms_symbol s = { 0 };
	for (uint32_t i = 0; i < k->nsyms; i++) {
		kallsyms_get(k, i, &s);
		if (s.va < last || !*s.name || !isalpha((unsigned char)s.type))
			abort();
		last = s.va;
	}
	if (!kallsyms_lookup(k, s.name, &va))
		abort();
}

/* The first byte: byte order, and which word size is said. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct dump mem;
	if (n < 1 || n > (FAKE_PAGES - 1) * FAKE_PAGE)
		return 0;
	struct abi abi = { .big_endian = p[0] & 1,
		.word_bytes = (uint8_t)(p[0] & 4 ? p[0] & 12 : 0) };
	struct kallsyms *k = NULL;
	mem.extent = (struct dump_extent){ { RAM }, n - 1 };
	mem.info.extent = &mem.extent;
	mem.info.nextents = n > 1;
	for (size_t i = 1; i < n; i++)
		*fake_at(&mem, RAM + i - 1) = p[i];
	if (abi.word_bytes == 12)
		abi.word_bytes = 8;
	err_drop(kallsyms_search(&mem, &abi, &k));
	if (k)
		use(k);
	kallsyms_destroy(k);
	fake_clear(&mem);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static struct ks_build b;
	static uint8_t input[1 + KS_BYTES_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(ks_specs); i++) {
		struct ks_spec s = ks_specs[i];
		s.nsyms = 300;
		ks_make(&b, &s, RAM, s.word == 8 ? 0xffff800008000000 - RAM : 0x80000000);
		input[0] = s.big_endian;
		memcpy(input + 1, b.bytes, b.n);
		add(input, 1 + b.n);
	}
}
