/*
 * Hostile code: the input is memory that holds functions, ARM's or Thumb's, whose ways are followed
 * from their start to each of their instructions. All walks end, and what is told is inside of the
 * frame.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"
#include "arch/arm/code_flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_seed(void (*add)(const uint8_t *, size_t));

enum { BASE = 0xc0000000, HEAD = 4 };

struct image {
	const uint8_t *data;
	size_t size;
	uint32_t function_bytes;
};

static bool image_read(void *cx, uint64_t va, void *buf, size_t n)
{
	const struct image *im = cx;

	if (va < BASE || !range_inside(va - BASE, n, im->size))
		return false;
	memcpy(buf, im->data + (va - BASE), n);
	return true;
}

static bool image_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	const struct image *im = cx;

	if (pc < BASE || pc - BASE >= im->size)
		return false;
	*ret_name = (pc - BASE) / im->function_bytes == 1 ? "__gnu_mcount_nc" : "f";
	*ret_start = pc - (pc - BASE) % im->function_bytes;
	return true;
}

static void check(const struct code_state *s)
{
	if (s->down > 1u << 24)
		abort();
	for (unsigned r = 4; r < 15; r++) {
		const struct code_place *p = &s->place[r];
		bool on_stack = p->home == CODE_ON_STACK;
		if (on_stack && (!p->below || p->below & 3 || p->below > s->down))
			abort();
		if (p->home == CODE_IN_REGISTER && p->reg > ARM_LR)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEAD + 8 || size > 4096)
		return 0;
	struct image im = { data + HEAD, size - HEAD, 8u << (data[1] & 7) };
	const struct arch_env env = { .cx = &im, .read = image_read, .function = image_function };
	const struct abi abi = { .word_bytes = 4 };
	bool thumb = data[0] & 1;
	struct code_state s;

	for (uint32_t off = 0; off < im.size && off < 1024; off += 34) {
		uint32_t pc = BASE + (thumb ? off & ~1u : off & ~3u),
			 start = pc - (pc - BASE) % im.function_bytes;
		uint64_t lost = 0, saved = 0;
		struct regs r = { 0 };
		if (arm_code_state(&env, start, pc, thumb, &s))
			check(&s);
		for (unsigned i = 0; i < ARM_NREGS; i++)
			regs_set(&r, i, BASE + 8 * i);
		regs_set(&r, ARM_PC, pc);
		regs_set(&r, ARM_CPSR, thumb ? 0x20 : 0);
		if (arm_saved_regs(&env, &r, data[0] & 2, &lost, &saved) &&
			(lost & saved || (lost | saved) & ~0xff0ull))
			abort();
	}
	arm_tail(&env, &abi, BASE, BASE + data[2] * 4u, thumb);
	return 0;
}

static void put(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void fuzz_seed(void (*add)(const uint8_t *, size_t))
{
	static const uint32_t arm[] = { 0xe3500000, 0x012fff1e, 0xe92d4ff8, 0xe52de004, 0xebfffffe,
		0xe24dd010, 0xed2d8b04, 0xe2504001, 0xebfffff5, 0x1afffffc, 0xe1cd40f0, 0x979ff100,
		0xea000002, 0xe12fff33, 0xe7f001f2, 0xe1a0c00d, 0xe92dd810, 0xe24cb004, 0xe24bd010,
		0xe89d6810, 0xecbd8b04, 0xe28dd010, 0xe8bd8ff8 };
	static const uint32_t thumb[] = { 0x4ff0e92d, 0x7d02f5ad, 0x2400bf0c, 0x2d08f20d,
		0xb118b570, 0xf83af000, 0xb004bf00, 0x4070e8bd, 0xe7fe4718, 0xf000e8df, 0xaf00b580,
		0x46bd3708, 0xe9cdbd80, 0xf85d4502, 0xed2dfb04, 0xbf008b04 };
	uint8_t b[512] = { 0, 6 };

	for (unsigned i = 0; i < ARRAY_SIZE(arm); i++)
		put(b + HEAD + 4 * i, arm[i]);
	add(b, sizeof(b));
	b[0] = 2, b[1] = 2;
	add(b, HEAD + sizeof(arm));
	b[0] = 1, b[1] = 4;
	for (unsigned i = 0; i < ARRAY_SIZE(thumb); i++)
		put(b + HEAD + 4 * i, thumb[i]);
	add(b, HEAD + sizeof(thumb));
	b[0] = 3;
	add(b, sizeof(b));
}
