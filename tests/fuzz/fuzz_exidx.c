/*
 * Hostile stacks, unwind tables and frame records: the input is memory, one stack at its end;
 * chains of both architectures are unwound over it. A chain goes up, and its end changes no
 * register.
 */
#include <stdlib.h>

#include "arch/arm/arm.h"
#include "arch/arm64/arm64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_seed(void (*add)(const uint8_t *, size_t));

enum { BASE = 0xc0000000, TABLE_OFF = 64, STACK_BYTES = 512 };

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

static bool image_stack(void *cx, uint64_t sp, uint64_t *ret_lo, uint64_t *ret_hi)
{
	const struct image *im = cx;
	uint64_t hi = BASE + (im->size & ~7ull);

	if (sp < hi - STACK_BYTES || sp >= hi)
		return false;
	*ret_lo = hi - STACK_BYTES;
	*ret_hi = hi;
	return true;
}

/* Addresses below the stack are code, functions of 64 bytes, the first ones entry stubs. */
static bool image_function(void *cx, uint64_t pc, const char **ret_name, uint64_t *ret_start)
{
	static const char *const name[] = { "__irq_svc", "el1h_64_irq", "ret_fast_syscall" };
	const struct image *im = cx;

	if (pc < BASE || pc - BASE >= im->size)
		return false;
	uint64_t i = (pc - BASE) / 64;
	*ret_name = i < 3 ? name[i] : "f";
	*ret_start = BASE + i * 64;
	return true;
}

static bool image_table(void *cx, uint64_t pc, uint64_t *ret_start, uint64_t *ret_stop)
{
	const struct image *im = cx;

	if (pc < BASE || pc - BASE >= im->size || (im->data[1] & 1))
		return false;
	*ret_start = BASE + TABLE_OFF;
	*ret_stop = BASE + TABLE_OFF + im->data[2] * 8u;
	return true;
}

/* The words from 8 on give registers, small ones as offsets into the image. */
static struct regs start(const struct image *im, const struct arch *arch)
{
	struct regs r = { 0 };

	for (unsigned i = 0; i < arch->nregs; i++)
		regs_set(&r, i, BASE + load_u16le(im->data + 8 + 2 * (i % 24)) % im->size);
	r.valid &= ~(1ull << arch->reg_status);
	r.v[arch->reg_sp] = BASE + ((im->size & ~7ull) - STACK_BYTES) + (im->data[3] & ~7u);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image im = { data, size };

	if (size < 640 || size > 65536)
		return 0;
	const struct arch *arch = data[0] & 1 ? &arch_arm : &arch_arm64;
	const struct arch_env env = { .cx = &im,
		.read = image_read,
		.function = image_function,
		.stack = image_stack,
		.unwind_table = image_table };
	const struct arch_layout layout = { .paging = {
						    .va_bits = 48, .big_endian = data[0] & 4 } };
	struct regs r = start(&im, arch);
	struct unwind_step st = { .exact = data[0] & 2 };

	for (unsigned depth = 0; !st.end; depth++) {
		uint64_t floor = st.floor_va;
		struct regs before = r;
		struct err *err = arch->unwind(&env, &layout, &r, &st);
		if (err)
			abort();
		if (st.end && memcmp(&before, &r, sizeof(r)))
			abort(); /* an end changes nothing */
		/* The one stack is climbed only; an exception frame may name an sp outside of it
		 * (an overflow does), after which nothing is used up: callers limit the depth. */
		uint64_t lo, hi;
		if (!st.end && image_stack(&im, floor, &lo, &hi) && st.floor_va >= lo &&
			st.floor_va < floor)
			abort();
		if (depth > STACK_BYTES)
			break;
	}
	return 0;
}

static void put(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = v >> (8 * i);
}

void fuzz_seed(void (*add)(const uint8_t *, size_t))
{
	uint8_t b[1024] = { 1, 0, 3 };

	/* ARM: three entries; the second pops r4-r7, lr; the third is an exception frame in extab
	 */
	for (unsigned i = 0; i < 3; i++)
		put(b + TABLE_OFF + 8 * i, (0x100u + 64 * i - (TABLE_OFF + 8 * i)) & 0x7fffffff);
	put(b + TABLE_OFF + 4, 0x80b0b0b0);
	put(b + TABLE_OFF + 12, 0x8001abb0);
	put(b + TABLE_OFF + 20, 0xc0 - (TABLE_OFF + 20));
	put(b + 0xc0, 0x8101b10f);
	put(b + 0xc4, 0x8fffb0b0);
	b[8 + 2 * 15] = 0x50, b[9 + 2 * 15] = 1;
	for (unsigned i = 512; i < sizeof(b); i += 4)
		put(b + i, BASE + (i % 32 ? 0x150 : i + 32));
	add(b, sizeof(b));
	b[1] = 1; /* frame pointers */
	add(b, sizeof(b));
	b[0] = 0; /* arm64: a chain of records */
	b[8 + 2 * (29 - 24)] = 0, b[9 + 2 * (29 - 24)] = 3;
	for (unsigned i = 512; i < sizeof(b); i += 16) {
		memset(b + i, 0, 16);
		put(b + i, BASE + i + 32);
		put(b + i + 8, BASE + 0x150);
	}
	add(b, sizeof(b));
	memset(b + 768, 0, 16);
	b[784] = 2;
	add(b, sizeof(b));
}
