/* Instructions with any registers, and status registers with any value: what a damaged exception
 * frame may say. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/load.h"
#include "analyzer/debug/insn_define.h"
#include "tests/fuzz/fuzz.h"

/* What the same code gives to some register. */
static void define(
	const struct arch *arch, bool thumb, const uint8_t *code, uint64_t va, uint8_t reg)
{
	struct insn_decoder *d = insn_decoder_open(arch, thumb);
	struct insn_step s;
	struct insn_define r;
	for (size_t n = 0; n <= 4; n++) {
		insn_decoder_step(d, code, n, va, &s);
		insn_decoder_define(d, &s, reg % arch->nregs, &r);
		bool base = r.base == INSN_NO_REGISTER || r.base < ARCH_MAX_REGS,
		     index = r.index == INSN_NO_REGISTER || r.index < ARCH_MAX_REGS;
		if ((s.decoded && s.bytes > n) || !base || !index || r.kind > DEFINE_OTHER)
			abort();
		if (r.kind != DEFINE_OTHER &&
			(r.shift > 63 || r.load_bytes > 8 || r.index_bits > 64))
			abort();
	}
	insn_decoder_close(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct insn_access a;
	struct fault_status s;
	struct regs regs = { 0 };
	if (n < 1 + 4 + 8)
		return 0;
	const struct arch *arch = p[0] & 1 ? &arch_arm64 : &arch_arm;
	bool thumb = p[0] & 2, narrow = thumb && p[0] & 4;
	for (unsigned i = 0; i < arch->nregs; i++)
		if (13 + (i + 1) * 8 <= n)
			regs_set(&regs, i,
				load_u64le(p + 13 + i * 8) >> (arch->abi.word_bytes == 4 ? 32 : 0));
	if (insn_access_read(arch, thumb, p + 1, narrow ? 2 : 4, load_u64le(p + 5), &regs, &a)) {
		if (a.noperands > INSN_OPERANDS_MAX ||
			(a.memory && a.known && a.base == INSN_NO_REGISTER))
			abort();
		for (unsigned i = 0; i < a.noperands; i++)
			if (a.operand[i].reg >= ARCH_MAX_REGS || !memchr(a.operand[i].name, 0, 8))
				abort();
	}
	define(arch, thumb, p + 1, load_u64le(p + 5), p[0] >> 3);
	arch->describe_fault(load_u64le(p + 5), &s);
	if (!s.what || s.nfields > FAULT_FIELDS_MAX)
		abort();
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const struct {
		uint8_t how;
		uint32_t code;
		uint64_t status;
	} seeds[] = { { 1, 0xf9400020, 0x96000006 }, { 1, 0xa9bf7bfd, 0x9600004f },
		{ 1, 0xb8220020, 0xf2000800 }, { 0, 0xe5910044, 0x817 }, { 0, 0xe92d4100, 0xa07 },
		{ 0, 0xe7910102, 0x80000017 }, { 6, 0x6808, 0x17 }, { 2, 0x0048f8d1, 0x207 } };
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		uint8_t raw[13 + 8 * ARCH_MAX_REGS] = { seeds[i].how };
		for (unsigned b = 0; b < 4; b++)
			raw[1 + b] = (uint8_t)(seeds[i].code >> 8 * b);
		for (unsigned b = 0; b < 8; b++)
			raw[5 + b] = (uint8_t)(seeds[i].status >> 8 * b);
		for (unsigned b = 13; b < sizeof(raw); b++)
			raw[b] = (uint8_t)(b * 37);
		add(raw, sizeof(raw));
	}
}
