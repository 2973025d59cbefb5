/* What single instructions give to register 0, and where they lead. Encodings by the assembler
 * (aarch64-linux-gnu-as, arm-linux-gnueabihf-as). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/load.h"
#include "analyzer/base/scope.h"
#include "analyzer/debug/insn_define.h"

enum { NO = INSN_NO_REGISTER };

struct define_case {
	uint32_t code;
	const char *text; /* for people */
	enum insn_define_kind kind;
	uint8_t base, index;
	unsigned index_bits;
	bool index_signed;
	unsigned shift;
	int64_t offset;
	unsigned load_bytes;
	bool load_signed;
	uint64_t mask;
	enum insn_flow flow;
};

static void check_one(struct insn_decoder *d, const struct define_case *c)
{
	uint8_t code[4] = { (uint8_t)c->code, (uint8_t)(c->code >> 8), (uint8_t)(c->code >> 16),
		(uint8_t)(c->code >> 24) };
	struct insn_step s;
	struct insn_define r;
	insn_decoder_step(d, code, 4, 0x4000, &s);
	if (!s.decoded || s.bytes != 4 || s.flow != c->flow)
		fail_msg("%s: decoded %d, flow %d", c->text, s.decoded, s.flow);
	insn_decoder_define(d, &s, 0, &r);
	if (r.kind != c->kind)
		fail_msg("%s: kind %d", c->text, r.kind);
	if (r.kind == DEFINE_OTHER || r.kind == DEFINE_NOTHING)
		return;
	if (r.base != (r.kind == DEFINE_INSERT ? NO : c->base) || r.index != c->index ||
		(r.index != NO &&
			(r.index_bits != c->index_bits || r.index_signed != c->index_signed)) ||
		r.shift != c->shift || r.offset != c->offset || r.mask != c->mask)
		fail_msg("%s: base %u, index %u of %u bits, shift %u, offset 0x%llx, mask 0x%llx",
			c->text, r.base, r.index, r.index_bits, r.shift,
			(unsigned long long)r.offset, (unsigned long long)r.mask);
	if (r.kind == DEFINE_LOAD &&
		(r.load_bytes != c->load_bytes || r.load_signed != c->load_signed))
		fail_msg("%s: %u bytes, signed %d", c->text, r.load_bytes, r.load_signed);
}

static void check(const struct arch *arch, const struct define_case *c, size_t n)
{
	struct insn_decoder *d = insn_decoder_open(arch, false);
	assert_non_null(d);
	for (; n--; c++)
		check_one(d, c);
	insn_decoder_close(d);
}

static void arm64_forms(void **state)
{
	static const struct define_case c[] = {
		{ 0xf8607820, "ldr x0, [x1, x0, lsl #3]", DEFINE_LOAD, 1, 0, 64, 0, 3, 0, 8, 0 },
		{ 0xf9400800, "ldr x0, [x0, #0x10]", DEFINE_LOAD, 0, NO, 0, 0, 0, 16, 8, 0 },
		{ 0xb9401c00, "ldr w0, [x0, #0x1c]", DEFINE_LOAD, 0, NO, 0, 0, 0, 28, 4, 0 },
		{ 0xf862d820, "ldr x0, [x1, w2, sxtw #3]", DEFINE_LOAD, 1, 2, 32, 1, 3, 0, 8, 0 },
		{ 0xf8624820, "ldr x0, [x1, w2, uxtw]", DEFINE_LOAD, 1, 2, 32, 0, 0, 0, 8, 0 },
		{ 0xb9800820, "ldrsw x0, [x1, #8]", DEFINE_LOAD, 1, NO, 0, 0, 0, 8, 4, 1 },
		{ 0x38626820, "ldrb w0, [x1, x2]", DEFINE_LOAD, 1, 2, 64, 0, 0, 0, 1, 0 },
		{ 0xa9410c20, "ldp x0, x3, [x1, #16]", DEFINE_LOAD, 1, NO, 0, 0, 0, 16, 8, 0 },
		{ 0xa9410023, "ldp x3, x0, [x1, #16]", DEFINE_LOAD, 1, NO, 0, 0, 0, 24, 8, 0 },
		{ 0xf8408420, "ldr x0, [x1], #8", .kind = DEFINE_OTHER },
		{ 0xf8408c20, "ldr x0, [x1, #8]!", DEFINE_LOAD, 1, NO, 0, 0, 0, 8, 8, 0 },
		{ 0xf8408c01, "ldr x1, [x0, #8]!", .kind = DEFINE_OTHER },
		{ 0xf9000020, "str x0, [x1]", .kind = DEFINE_NOTHING },
		{ 0xa9bf07e0, "stp x0, x1, [sp, #-16]!", .kind = DEFINE_NOTHING },
		{ 0xaa0503e0, "mov x0, x5", DEFINE_VALUE, 5, NO, 0, 0, 0, 0, 0, 0 },
		{ 0x2a0503e0, "mov w0, w5", DEFINE_VALUE, 5, NO, 0, 0, 0, 0, 0, 0 },
		{ 0xaa1f03e0, "mov x0, xzr", DEFINE_VALUE, NO, NO, 0, 0, 0, 0, 0, 0 },
		{ 0xd2824680, "mov x0, #0x1234", DEFINE_VALUE, NO, NO, 0, 0, 0, 0x1234, 0, 0 },
		{ 0x92800080, "mov x0, #-5", DEFINE_VALUE, NO, NO, 0, 0, 0, -5, 0, 0 },
		{ 0xf2fbd5a0, "movk x0, #0xdead, lsl #48", DEFINE_INSERT, NO, NO, 0, 0, 0,
			0xdeadll << 48, 0, 0, 0xffffull << 48 },
		{ 0x91004020, "add x0, x1, #0x10", DEFINE_VALUE, 1, NO, 0, 0, 0, 16, 0, 0 },
		{ 0x91400420, "add x0, x1, #1, lsl #12", DEFINE_VALUE, 1, NO, 0, 0, 0, 4096, 0, 0 },
		{ 0xd1004020, "sub x0, x1, #0x10", DEFINE_VALUE, 1, NO, 0, 0, 0, -16, 0, 0 },
		{ 0x8b020c20, "add x0, x1, x2, lsl #3", DEFINE_VALUE, 1, 2, 64, 0, 3, 0, 0, 0 },
		{ 0x8b22c020, "add x0, x1, w2, sxtw", DEFINE_VALUE, 1, 2, 32, 1, 0, 0, 0, 0 },
		{ 0xcb020020, "sub x0, x1, x2", .kind = DEFINE_OTHER },
		{ 0x92401c20, "and x0, x1, #0xff", .kind = DEFINE_OTHER },
		{ 0x9a820020, "csel x0, x1, x2, eq", .kind = DEFINE_OTHER },
		{ 0xeb01001f, "cmp x0, x1", .kind = DEFINE_NOTHING },
		{ 0xb4000000, "cbz x0", .kind = DEFINE_NOTHING, .flow = INSN_BRANCH },
		{ 0xc8007c41, "stxr w0, x1, [x2]", .kind = DEFINE_OTHER },
		{ 0xc8dffc20, "ldar x0, [x1]", DEFINE_LOAD, 1, NO, 0, 0, 0, 0, 8, 0 },
		{ 0x94000002, "bl", .kind = DEFINE_NOTHING, .flow = INSN_CALL },
		{ 0xd63f0020, "blr x1", .kind = DEFINE_NOTHING, .flow = INSN_CALL_POINTER },
		{ 0xd65f03c0, "ret", .kind = DEFINE_NOTHING, .flow = INSN_LEAVE },
		{ 0x14000002, "b", .kind = DEFINE_NOTHING, .flow = INSN_JUMP },
		{ 0x54000040, "b.eq", .kind = DEFINE_NOTHING, .flow = INSN_BRANCH },
		{ 0x36080040, "tbz x0, #1", .kind = DEFINE_NOTHING, .flow = INSN_BRANCH },
		{ 0xd61f0020, "br x1", .kind = DEFINE_NOTHING, .flow = INSN_LEAVE },
		{ 0x90000000, "adrp x0", DEFINE_VALUE, NO, NO, 0, 0, 0, 0x4000, 0, 0 },
	};
	(void)state;
	check(&arch_arm64, c, ARRAY_SIZE(c));
}

static void arm_forms(void **state)
{
	static const struct define_case c[] = {
		{ 0xe7910100, "ldr r0, [r1, r0, lsl #2]", DEFINE_LOAD, 1, 0, 32, 0, 2, 0, 4, 0 },
		{ 0xe5910008, "ldr r0, [r1, #8]", DEFINE_LOAD, 1, NO, 0, 0, 0, 8, 4, 0 },
		{ 0xe5110008, "ldr r0, [r1, #-8]", DEFINE_LOAD, 1, NO, 0, 0, 0, -8, 4, 0 },
		{ 0xe7110002, "ldr r0, [r1, -r2]", .kind = DEFINE_OTHER },
		{ 0xe4910004, "ldr r0, [r1], #4", .kind = DEFINE_OTHER },
		{ 0xe5b10004, "ldr r0, [r1, #4]!", DEFINE_LOAD, 1, NO, 0, 0, 0, 4, 4, 0 },
		{ 0xe59f0010, "ldr r0, [pc, #16]", DEFINE_LOAD, NO, NO, 0, 0, 0, 0x4018, 4, 0 },
		{ 0xe5d10000, "ldrb r0, [r1]", DEFINE_LOAD, 1, NO, 0, 0, 0, 0, 1, 0 },
		{ 0xe1d100f2, "ldrsh r0, [r1, #2]", DEFINE_LOAD, 1, NO, 0, 0, 0, 2, 2, 1 },
		{ 0xe1c120d8, "ldrd r2, r3, [r1, #8]", .kind = DEFINE_NOTHING },
		{ 0xe1a00005, "mov r0, r5", DEFINE_VALUE, 5, NO, 0, 0, 0, 0, 0, 0 },
		{ 0xe3a00004, "mov r0, #4", DEFINE_VALUE, NO, NO, 0, 0, 0, 4, 0, 0 },
		{ 0xe3e00000, "mvn r0, #0", DEFINE_VALUE, NO, NO, 0, 0, 0, 0xffffffffll, 0, 0 },
		{ 0xe3090418, "movw r0, #0x9418", DEFINE_VALUE, NO, NO, 0, 0, 0, 0x9418, 0, 0 },
		{ 0xe34b0f00, "movt r0, #0xbf00", DEFINE_INSERT, NO, NO, 0, 0, 0, 0xbf00ll << 16, 0,
			0, 0xffff0000ull },
		{ 0xe2810010, "add r0, r1, #16", DEFINE_VALUE, 1, NO, 0, 0, 0, 16, 0, 0 },
		{ 0xe0810102, "add r0, r1, r2, lsl #2", DEFINE_VALUE, 1, 2, 32, 0, 2, 0, 0, 0 },
		{ 0xe2410010, "sub r0, r1, #16", DEFINE_VALUE, 1, NO, 0, 0, 0, -16, 0, 0 },
		{ 0x03a00001, "moveq r0, #1", .kind = DEFINE_OTHER },
		{ 0x15910000, "ldrne r0, [r1]", .kind = DEFINE_OTHER },
		{ 0xe5810000, "str r0, [r1]", .kind = DEFINE_NOTHING },
		{ 0xe1820f91, "strex r0, r1, [r2]", .kind = DEFINE_OTHER },
		{ 0xe92d0011, "push {r0, r4}", .kind = DEFINE_NOTHING },
		{ 0xe8bd0011, "pop {r0, r4}", .kind = DEFINE_OTHER },
		{ 0xe8bd8010, "pop {r4, pc}", .kind = DEFINE_NOTHING, .flow = INSN_LEAVE },
		{ 0xe8910005, "ldm r1, {r0, r2}", .kind = DEFINE_OTHER },
		{ 0xe3500001, "cmp r0, #1", .kind = DEFINE_NOTHING },
		{ 0xe3c00003, "bic r0, r0, #3", .kind = DEFINE_OTHER },
		{ 0xee1d0f70, "mrc p15, 0, r0, c13, c0, 3", .kind = DEFINE_OTHER },
		{ 0xeb000002, "bl", .kind = DEFINE_NOTHING, .flow = INSN_CALL },
		{ 0xe12fff33, "blx r3", .kind = DEFINE_NOTHING, .flow = INSN_CALL_POINTER },
		{ 0xe12fff1e, "bx lr", .kind = DEFINE_NOTHING, .flow = INSN_LEAVE },
		{ 0x0a000002, "beq", .kind = DEFINE_NOTHING, .flow = INSN_BRANCH },
		{ 0xea000002, "b", .kind = DEFINE_NOTHING, .flow = INSN_JUMP },
		{ 0xe1a0f003, "mov pc, r3", .kind = DEFINE_NOTHING, .flow = INSN_LEAVE },
		{ 0xe6ef0071, "uxtb r0, r1", .kind = DEFINE_OTHER },
	};
	(void)state;
	check(&arch_arm, c, ARRAY_SIZE(c));
}

/* 2 bytes or 4; what is no instruction; a code that is cut. */
static void thumb_and_rubbish(void **state)
{
	static const struct {
		uint8_t code[4];
		size_t n;
		unsigned bytes;
		bool decoded;
		enum insn_define_kind kind;
	} c[] = {
		{ { 0x08, 0x68 }, 2, 2, true, DEFINE_LOAD },		 /* ldr r0, [r1] */
		{ { 0xd1, 0xf8, 0x08, 0x00 }, 4, 4, true, DEFINE_LOAD }, /* ldr.w r0, [r1, #8] */
		{ { 0xd1, 0xf8 }, 2, 4, false, DEFINE_OTHER },		 /* its first half */
		{ { 0x08, 0x30 }, 2, 2, true, DEFINE_VALUE },		 /* adds r0, #8 */
		{ { 0xff, 0xff, 0xff, 0xff }, 4, 4, false, DEFINE_OTHER },
		{ { 0x08 }, 1, 2, false, DEFINE_OTHER },
	};
	struct insn_decoder *d = insn_decoder_open(&arch_arm, true);
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		struct insn_step s;
		struct insn_define r;
		insn_decoder_step(d, c[i].code, c[i].n, 0x4000, &s);
		insn_decoder_define(d, &s, 0, &r);
		if (s.bytes != c[i].bytes || s.decoded != c[i].decoded || r.kind != c[i].kind)
			fail_msg("case %zu: %u bytes, decoded %d, kind %d", i, s.bytes, s.decoded,
				r.kind);
	}
	insn_decoder_close(d);
	insn_decoder_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_forms),
		cmocka_unit_test(arm_forms),
		cmocka_unit_test(thumb_and_rubbish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
