/*
 * Hostile code: the input is a function in A64, ARM or Thumb code of which it is asked where it
 * keeps its canary. All walks end, and what is told is inside of the frame.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "arch/arch.h"
#include "tests/fuzz/fuzz.h"

enum { BASE = 0x40100000, HEAD = 4, OFFSET = 0x398, ARM_OFFSET = 0x638 };

struct image {
	const uint8_t *data;
	size_t size;
};

static bool image_read(void *cx, uint64_t va, void *buf, size_t n)
{
	const struct image *im = cx;

	if (va < BASE || !range_inside(va - BASE, n, im->size))
		return false;
	memcpy(buf, im->data + (va - BASE), n);
	return true;
}

static void ask(const struct arch *arch, const struct arch_env *env, const struct abi *abi,
	const struct canary_source *from, const struct canary_code *code)
{
	struct canary_slot s = { 0 };
	enum canary_answer a = arch->canary(env, abi, from, code, &s);

	if (a != CANARY_HELD)
		return;
	if (!s.by_sp && !s.by_fp)
		abort();
	if (s.by_sp && (s.from_sp < 0 || s.from_sp > 1 << 26))
		abort();
	if (s.by_fp && (s.from_fp > 1 << 26 || s.from_fp < -(1 << 26)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEAD + 8 || size > 4096)
		return 0;
	struct image im = { data + HEAD, size - HEAD };
	const struct arch_env env = { .cx = &im, .read = image_read };
	const struct arch *arch = data[0] & 1 ? &arch_arm64 : &arch_arm;
	const struct abi abi = { .word_bytes = data[0] & 1 ? 8 : 4, .big_endian = data[0] & 4 };
	struct canary_source from = { .kind = data[1] % 3, .stack_bytes = 8192 };

	from.where = from.kind == CANARY_OF_ALL	   ? BASE + data[2] * 8u
		     : from.kind == CANARY_OF_TASK ? (data[0] & 1 ? OFFSET : ARM_OFFSET)
						   : 0x38;
	/* A size that the memory does not have, too. */
	for (uint32_t off = 0; off < im.size + 64 && off < 512; off += 2 + data[3] % 32 * 2) {
		struct canary_code code = { .start = BASE,
			.size = im.size + (data[3] & 64),
			.pc = BASE + off,
			.thumb = data[0] & 2 && !(data[0] & 1) };
		ask(arch, &env, &abi, &from, &code);
	}
	struct canary_code wrapped = { UINT64_MAX - 15, 64, UINT64_MAX - 7, false };
	ask(arch, &env, &abi, &from, &wrapped);
	return 0;
}

static void seed(
	fuzz_add_fn add, uint8_t how, uint8_t kind, uint8_t where, const void *code, size_t n)
{
	uint8_t b[512] = { how, kind, where, 1 };

	memcpy(b + HEAD, code, n);
	add(b, HEAD + n);
	b[3] = 64;
	add(b, sizeof(b));
}

void fuzz_seed(fuzz_add_fn add)
{
	static const uint32_t a64[] = { 0xa9bd7bfd, 0x910003fd, 0xb40000c0, 0xd5384101, 0xf941cc20,
		0xf90017e0, 0xd2e04002, 0x8b2263e2, 0xd61f0060, 0x9400001e, 0xf94017e0, 0xa9027fe3,
		0xcb2363ff, 0x910003bf, 0xa8c37bfd, 0xd65f03c0 };
	static const uint32_t global[] = { 0xd10103ff, 0xa9027bfd, 0x910083fd, 0x90000013,
		0xf9409660, 0xf9000fa0, 0x9400002a, 0xf9400fa1, 0xd65f03c0 };
	static const uint32_t arm[] = { 0xe92d4030, 0xe52de004, 0xeb000025, 0xe24dd014, 0xee1d3f70,
		0xe5932638, 0xe58d200c, 0x979ff100, 0xea000001, 0xe320f000, 0xeb000020, 0xe59d200c,
		0xe28dd014, 0xe8bd8030 };
	static const uint32_t base[] = { 0xe92d4010, 0xe24dd010, 0xe3cd3d7f, 0xe3c3303f, 0xe5933038,
		0xe58d300c, 0xeb000016, 0xe59d300c, 0xe28dd010, 0xe8bd8010 };
	static const uint16_t thumb[] = { 0xb580, 0xb082, 0xee1d, 0x3f70, 0xf8d3, 0x3638, 0x9301,
		0xbf18, 0xf000, 0xf851, 0xe8df, 0xf000, 0x9b01, 0xb002, 0xbd80 };

	seed(add, 1, CANARY_OF_TASK, 0, a64, sizeof(a64));
	seed(add, 1, CANARY_OF_ALL, 0x25, global, sizeof(global));
	seed(add, 0, CANARY_OF_TASK, 0, arm, sizeof(arm));
	seed(add, 0, CANARY_OF_STACK, 0, base, sizeof(base));
	seed(add, 2, CANARY_OF_TASK, 0, thumb, sizeof(thumb));
}
