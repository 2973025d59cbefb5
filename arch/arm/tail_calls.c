/*
 * Whether a function that was called can have jumped to another one, as compilers end functions
 * with a call: then that one returns to the first one's caller. Looks at all instructions of the
 * functions on the way, at literal pools too, so that the answer is what may be.
 */
#include "analyzer/base/interrupt.h"
#include "arch/arm/arm.h"
#include "arch/arm/code_flow.h"
#include "arch/arm/insn.h"

enum { FUNCTIONS_MAX = 16, WORDS_MAX = 1024 };

struct way {
	uint32_t start[FUNCTIONS_MAX];
	unsigned n;
	bool by_register; /* one of them jumps where nobody knows */
};

static void add(struct way *w, uint32_t start)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->start[i] == start)
			return;
	if (w->n < FUNCTIONS_MAX)
		w->start[w->n++] = start;
}

/* Jumps through a register that are no returns: BX and MOV pc, which Thumb has in 16 bits. A word
 * behind LDR pc is a linker's or a module's way to what is far off. */
static void look_at_leave(const struct arch_env *env, const struct abi *abi, uint32_t code,
	uint32_t va, bool thumb, struct way *w)
{
	uint8_t raw[4];
	bool bx = thumb ? (code & 0xff87) == 0x4700 && (code >> 3 & 15) != ARM_LR
			: (code & 0x0fffffd0) == 0x012fff10 && (code & 15) != ARM_LR;
	bool mov = !thumb && (code & 0x0ffffff0) == 0x01a0f000 && (code & 15) != ARM_LR;
	bool literal =
		thumb ? (code & 0xf000ff7f) == 0xf000f85f : (code & 0x0f7ff000) == 0x051ff000;

	if (bx || mov)
		w->by_register = true;
	if (!literal)
		return;
	uint32_t number = thumb ? code >> 16 & 0xfff : code & 0xfff,
		 base = thumb ? (va + 4) & ~3u : va + 8;
	bool up = thumb ? code >> 7 & 1 : code >> 23 & 1;
	if (env_read(env, up ? base + number : base - number, raw, sizeof(raw)))
		add(w, get_u32(abi, raw) & ~1u);
}

static void look_at(const struct arch_env *env, const struct abi *abi, uint32_t start, bool thumb,
	struct way *w)
{
	uint32_t end = start + arm_code_size(env, start, thumb), va = start;
	struct insn insn;
	uint8_t raw[4];

	for (unsigned i = 0; i < WORDS_MAX && va < end; i++, va += insn.bytes) {
		if (!env_read(env, va, raw, sizeof(raw)))
			return;
		if (thumb)
			thumb_insn(load_u16le(raw), load_u16le(raw + 2), va, &insn);
		else
			arm_insn(load_u32le(raw), va, &insn);
		if (insn.kind == INSN_JUMP && (insn.target < start || insn.target >= end))
			add(w, insn.target);
		else if (insn.kind == INSN_LEAVE)
			look_at_leave(env, abi, load_u32le(raw), va, thumb, w);
	}
}

enum tail_answer arm_tail(const struct arch_env *env, const struct abi *abi, uint64_t called,
	uint64_t callee, bool thumb)
{
	struct way w = { .n = 1, .start = { (uint32_t)called } };

	for (unsigned i = 0; i < w.n && !interrupt_pending(); i++) {
		if (w.start[i] == callee)
			return TAIL_REACHES;
		look_at(env, abi, w.start[i], thumb, &w);
	}
	return w.by_register ? TAIL_MAY_REACH : TAIL_ELSEWHERE;
}
