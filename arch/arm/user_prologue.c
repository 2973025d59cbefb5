/* Decodes what moves the stack pointer and the return address, in ARM and Thumb-2 code. */
#include "arch/arm/user_prologue.h"

#include "arch/arm/arm.h"

/* ARM ARM v7-A, A8: PUSH and POP with lr or pc, STR and LDR of lr, BL and BLX, BX, B */
static enum ra_event arm_event(uint32_t i)
{
	uint32_t any = i & 0x0fffffff;

	if ((any & 0x0fff4000) == 0x092d4000 || any == 0x052de004)
		return RA_SAVED;
	if ((any & 0x0fff8000) == 0x08bd8000 || any == 0x049df004)
		return RA_LEAVES;
	if ((any & 0x0fff4000) == 0x08bd4000 || any == 0x049de004)
		return RA_RESTORED;
	if ((any & 0x0f000000) == 0x0b000000 || i >> 25 == 0x7d || (any & 0x0ffffff0) == 0x012fff30)
		return RA_CALL;
	if (i >> 28 == 0xe &&
		((any & 0x0ffffff0) == 0x012fff10 || (any & 0x0f000000) == 0x0a000000))
		return RA_LEAVES;
	return RA_NOTHING;
}

static enum ra_event thumb_event(uint16_t h1, uint16_t h2, unsigned *ret_bytes)
{
	*ret_bytes = h1 >> 11 >= 0x1d ? 4 : 2;
	if (*ret_bytes == 2) {
		if ((h1 & 0xff00) == 0xb500)
			return RA_SAVED;
		if ((h1 & 0xff87) == 0x4780)
			return RA_CALL;
		bool leaves = (h1 & 0xff00) == 0xbd00 || (h1 & 0xff87) == 0x4700 ||
			      (h1 & 0xf800) == 0xe000;
		return leaves ? RA_LEAVES : RA_NOTHING;
	}
	if ((h1 == 0xe92d && h2 & 1 << ARM_LR) || (h1 == 0xf84d && h2 == 0xed04))
		return RA_SAVED;
	if ((h1 == 0xe8bd && h2 & 1 << ARM_PC) || (h1 == 0xf85d && h2 == 0xfb04))
		return RA_LEAVES;
	if ((h1 == 0xe8bd && h2 & 1 << ARM_LR) || (h1 == 0xf85d && h2 == 0xeb04))
		return RA_RESTORED;
	if ((h1 & 0xf800) == 0xf000 && (h2 & 0xc000) == 0xc000)
		return RA_CALL;
	return (h1 & 0xf800) == 0xf000 && (h2 & 0xd000) == 0x9000 ? RA_LEAVES : RA_NOTHING;
}

/* How far sp goes down: PUSH and POP without lr or pc, ADD and SUB of a number (A5.2.4: rotated).
 */
static int32_t arm_down(uint32_t i)
{
	int32_t words = __builtin_popcount(i & 0xffff);
	unsigned rot = 2 * (i >> 8 & 15);
	uint32_t number = rot ? (i & 0xff) >> rot | (i & 0xff) << (32 - rot) : i & 0xff;

	switch (i & 0x0ffff000) {
	case 0x024dd000:
		return number <= INT32_MAX ? (int32_t)number : 0;
	case 0x028dd000:
		return number <= INT32_MAX ? -(int32_t)number : 0;
	}
	return (i & 0x0fff0000) == 0x092d0000	? 4 * words
	       : (i & 0x0fff0000) == 0x08bd0000 ? -4 * words
	       : (i & 0x0fff0fff) == 0x052d0004 ? 4
	       : (i & 0x0fff0fff) == 0x049d0004 ? -4
						: 0;
}

/* ARM ARM v7-A, A6.3.2: modified immediate constants. Of those that are not rotated only the
 * plainest counts. */
static uint32_t thumb_number(uint32_t i, uint32_t imm3, uint32_t imm8)
{
	uint32_t n = i << 4 | imm3 << 1 | imm8 >> 7, v = 0x80 | (imm8 & 0x7f);

	return n >= 8 ? v >> n | v << (32 - n) : imm3 ? 0 : imm8;
}

/* ADD, SUB, ADDW and SUBW of a number to sp, in 32 bits. */
static int32_t thumb_wide_down(uint16_t h1, uint16_t h2)
{
	uint32_t i = h1 >> 10 & 1, imm3 = h2 >> 12 & 7, imm8 = h2 & 0xff, number;

	if ((h2 & 0x8f00) != 0x0d00)
		return 0;
	switch (h1 & 0xfbff) {
	case 0xf1ad:
	case 0xf10d:
		number = thumb_number(i, imm3, imm8);
		break;
	case 0xf2ad:
	case 0xf20d:
		number = i << 11 | imm3 << 8 | imm8;
		break;
	default:
		return 0;
	}
	if (number > INT32_MAX)
		return 0;
	return h1 & 0xa0 ? (int32_t)number : -(int32_t)number;
}

static int32_t thumb_down(uint16_t h1, uint16_t h2)
{
	int32_t low = 4 * __builtin_popcount(h1 & 0x1ff), wide = 4 * __builtin_popcount(h2);

	if ((h1 & 0xff80) == 0xb080 || (h1 & 0xff80) == 0xb000)
		return (h1 & 0x80 ? 4 : -4) * (h1 & 0x7f);
	if (h1 == 0xed2d || h1 == 0xecbd) /* VPUSH, VPOP: a word a unit */
		return (h1 == 0xed2d ? 4 : -4) * (h2 & 0xff);
	if ((h1 & 0xfe00) == 0xb400 || (h1 & 0xfe00) == 0xbc00)
		return h1 & 0x800 ? -low : low;
	if (h1 == 0xe92d || h1 == 0xe8bd)
		return h1 == 0xe92d ? wide : -wide;
	if ((h1 == 0xf84d && (h2 & 0xfff) == 0xd04) || (h1 == 0xf85d && (h2 & 0xfff) == 0xb04))
		return h1 == 0xf84d ? 4 : -4;
	return thumb_wide_down(h1, h2);
}

/* ADD and SUB of a register to sp. */
static bool is_lost(uint32_t code, bool thumb)
{
	if (!thumb)
		return (code & 0x0ffff010) == 0x004dd000 || (code & 0x0ffff010) == 0x008dd000;
	uint16_t h1 = code & 0xffff;
	return (h1 & 0xff87) == 0x4485 || h1 == 0xebad;
}

bool arm_code_event(const struct arch_env *env, uint64_t va, bool thumb, struct code_event *ret)
{
	uint8_t raw[4] = { 0 };
	unsigned bytes = 4;

	/* The last halfword of a page may be all that there is. */
	if (!env_read(env, va, raw, 4) && (!thumb || !env_read(env, va, raw, 2)))
		return false;
	uint16_t h1 = load_u16le(raw), h2 = load_u16le(raw + 2);
	ret->what = thumb ? thumb_event(h1, h2, &bytes) : arm_event(load_u32le(raw));
	ret->down = thumb ? thumb_down(h1, h2) : arm_down(load_u32le(raw));
	if (is_lost(load_u32le(raw), thumb) && ret->what == RA_NOTHING)
		ret->what = RA_LOST;
	ret->bytes = (uint8_t)bytes;
	return true;
}

/* ---- prologues --------------------------------------------------------------------------- */

/* The registers that the push at @va saves. */
static uint16_t pushed_at(const struct arch_env *env, uint32_t va, bool thumb)
{
	uint8_t raw[4];

	if (!env_read(env, va, raw, sizeof(raw)))
		return 0;
	uint16_t h1 = load_u16le(raw), h2 = load_u16le(raw + 2);
	if (!thumb)
		return load_u32le(raw) & 0x00200000 ? h1 : 1u << ARM_LR; /* STMDB; STR lr */
	return (h1 & 0xff00) == 0xb500 ? (h1 & 0xff) | 1u << ARM_LR
	       : h1 == 0xe92d	       ? h2
				       : 1u << ARM_LR;
}

/* From the push at @va on to @pc, how far sp goes down at most: pops stand before returns, and what
 * follows those has the body's depth again. False: it pushes lr twice, or the code does not lead to
 * @pc exactly. */
static bool depth_of(
	const struct arch_env *env, uint32_t va, uint32_t pc, bool thumb, uint32_t *ret)
{
	int32_t down = 0, most = 0;
	struct code_event e;

	for (uint64_t at = va; at != pc;) {
		if (at > pc || !arm_code_event(env, at, thumb, &e) || e.what == RA_LOST ||
			(e.what == RA_SAVED && at != va))
			return false;
		down = e.what == RA_LEAVES ? most : down + e.down;
		if (down > most)
			most = down;
		at += e.bytes;
	}
	*ret = (uint32_t)most;
	return true;
}

/* What a variadic function pushes before: r0 to r3, or room for them. */
static uint32_t above(const struct arch_env *env, uint32_t va, bool thumb)
{
	struct code_event e;
	uint32_t step = thumb ? 2 : 4;

	if (va < step || !arm_code_event(env, va - step, thumb, &e) || e.bytes != step ||
		e.what != RA_NOTHING || e.down <= 0 || e.down > 16)
		return 0;
	return (uint32_t)e.down;
}

bool arm_find_prologue(
	const struct arch_env *env, uint32_t pc, bool thumb, struct arm_prologue *ret)
{
	enum { BACK_MAX = 8192, TRIES_MAX = 16 };
	uint32_t step = thumb ? 2 : 4, depth;
	unsigned tries = 0;
	struct code_event e;

	for (uint32_t back = step; back <= BACK_MAX && back < pc; back += step) {
		uint32_t va = pc - back;
		if (!arm_code_event(env, va, thumb, &e))
			return false;
		/* The second half of an instruction may look like a push: it seldom leads to @pc.
		 */
		if (e.what != RA_SAVED)
			continue;
		if (++tries > TRIES_MAX)
			return false;
		if (!depth_of(env, va, pc, thumb, &depth))
			continue;
		uint16_t pushed = pushed_at(env, va, thumb);
		uint32_t bytes = 4u * (uint32_t)__builtin_popcount(pushed);
		if (!(pushed >> ARM_LR & 1) || pushed >> ARM_PC & 1 || depth < bytes)
			return false;
		*ret = (struct arm_prologue){ .va = va,
			.pushed = pushed,
			.below = depth - bytes,
			.above = above(env, va, thumb) };
		return true;
	}
	return false;
}
