/*
 * Hostile code: the input's first byte chooses the architecture, the rest is one function. Literal
 * pools lie inside it or are not read; each address is told with the instruction that forms it.
 */
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "tests/fuzz/fuzz.h"

struct bounds {
	uint64_t start, end;
	uint64_t last_pc;
	size_t n;
};

static void check(void *cx, const struct code_ref *ref)
{
	struct bounds *b = cx;
	b->n++;
	if (ref->pc < b->start || ref->pc + 4 > b->end || ref->pc % 4 || ref->pc < b->last_pc)
		abort();
	if (ref->kind > CODE_STORE || (ref->kind == CODE_ADDRESS) != !ref->bytes || ref->bytes > 8)
		abort();
	b->last_pc = ref->pc;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 1 || n > 65536)
		return 0;
	const struct arch *arch = p[0] & 1 ? &arch_arm : &arch_arm64;
	struct bounds b = { .start = p[0] & 1 ? 0xc0100000 : 0xffff800008010000 };
	uint8_t *code = malloc(n); /* exactly as large, for ASan */
	memcpy(code, p + 1, n - 1);
	b.end = b.start + n - 1;
	arch->code_refs(code, n - 1, b.start, check, &b);
	if (b.n > n / 2) /* an instruction forms two at most */
		abort();
	free(code);
	return 0;
}

static void seed(fuzz_add_fn add, uint8_t arch, const uint32_t *code, size_t n)
{
	uint8_t b[256] = { arch };
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < 4; k++)
			b[1 + i * 4 + k] = (uint8_t)(code[i] >> 8 * k);
	add(b, 1 + n * 4);
}

void fuzz_seed(fuzz_add_fn add)
{
	static const uint32_t a64[] = { 0x90000080, 0x91222000, 0x91020001, 0xb9401002, 0xf9000422,
		0x10ffff63, 0x97fffffa, 0xaa0103e5, 0xb0000093, 0xf9400e65, 0xa94153f3, 0xd65f03c0,
		0x29411e66, 0xf860d909, 0xc809fc41, 0x5800004a, 0xf940014b, 0x08005000,
		0xffff8000 };
	static const uint32_t a32[] = { 0xe3050678, 0xe34c0123, 0xe2801080, 0xe5902010, 0xe14120b8,
		0xe1c120d8, 0xe59f3018, 0xe5833000, 0xebfffff6, 0xe1a06004, 0xe8bd8010, 0xee1d4f90,
		0xe5b67004, 0xe28f7000, 0xe2477004, 0xc3000000 };
	seed(add, 0, a64, sizeof(a64) / sizeof(*a64));
	seed(add, 1, a32, sizeof(a32) / sizeof(*a32));
}
