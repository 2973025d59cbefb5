/*
 * The unwind tables of "Exception Handling ABI for the Arm Architecture" (EHABI), sections 6 and
 * 10, as arch/arm/kernel/unwind.c uses them (v4.19 … v7.3), with the opcodes that the kernel does
 * not need: popping coprocessor registers moves vsp here and sets nothing.
 */
#include "arch/arm/exidx.h"

enum { SP = 13, LR = 14, PC = 15 };

static bool read_u32(const struct arch_env *env, const struct abi *abi, uint32_t va, uint32_t *ret)
{
	uint8_t raw[4];
	if (!env_read(env, va, raw, sizeof(raw)))
		return false;
	*ret = get_u32(abi, raw);
	return true;
}

/* EHABI section 6: a 31-bit offset from the word itself */
static uint32_t prel31(uint32_t word, uint32_t va)
{
	return va + (uint32_t)sign_extend(word & 0x7fffffff, 31);
}

bool exidx_find(const struct arch_env *env, const struct abi *abi, uint32_t start, uint32_t stop,
	uint32_t pc, struct exidx_entry *ret)
{
	uint32_t lo = 0, hi = stop > start ? (stop - start) / 8 : 0, word;
	bool found = false;

	/* The linker sorts by address, so the offsets' signs do not matter once they are addresses.
	 */
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2, at = start + mid * 8;
		if (!read_u32(env, abi, at, &word))
			return false;
		uint32_t fn = prel31(word, at);
		if (fn <= pc) {
			ret->fn = fn;
			ret->word_va = at + 4;
			found = true;
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return found && read_u32(env, abi, ret->word_va, &ret->word);
}

/* ---- the opcode stream ------------------------------------------------------------------- */

struct stream {
	uint32_t word, next_va; /* the word at hand, where the next one stands */
	unsigned bytes;		/* left in .word, taken from the top */
	unsigned words;		/* left after it */
	const char *why;	/* set when a word could not be read */
};

/* The next opcode byte; 0xb0 (finish) pads what is used up, as EHABI section 10.2 says. */
static uint8_t next_byte(struct exidx_vm *vm, struct stream *s)
{
	if (!s->bytes && s->words) {
		if (!read_u32(vm->env, &vm->abi, s->next_va, &s->word)) {
			s->why = "unwind table: not readable";
			s->words = 0;
			return 0xb0;
		}
		s->next_va += 4;
		s->words--;
		s->bytes = 4;
	}
	if (!s->bytes)
		return 0xb0;
	return s->word >> (8 * --s->bytes);
}

static bool at_end(const struct stream *s)
{
	return !s->bytes && !s->words;
}

/* libgcc's __gnu_unwind_frame() (gcc 4.3 and later), LLVM's libunwind: behind the routine's address
 * a count of words and three opcodes. */
static const char *stream_generic(struct exidx_vm *vm, uint32_t routine, struct stream *s)
{
	uint32_t ignored;

	if (!vm->takes_generic)
		return "unwind table: unknown personality routine";
	if (!read_u32(vm->env, &vm->abi, routine & ~3u, &ignored))
		return "unwind table: no personality routine there";
	if (!read_u32(vm->env, &vm->abi, s->next_va, &s->word))
		return "unwind table: entry not readable";
	s->next_va += 4;
	s->words = s->word >> 24;
	s->bytes = 3;
	vm->generic = true;
	return NULL;
}

/* EHABI section 6.3: personality 0 has three opcode bytes, 1 and 2 have a count of words and two.
 */
static const char *stream_init(const struct exidx_entry *e, struct exidx_vm *vm, struct stream *s)
{
	uint32_t word = e->word, va = e->word_va;
	bool in_index = word >> 31;

	if (!in_index) {
		va = prel31(word, va);
		if (!read_u32(vm->env, &vm->abi, va, &word))
			return "unwind table: entry not readable";
	}
	*s = (struct stream){ .word = word, .next_va = va + 4 };
	if (!(word >> 31))
		return stream_generic(vm, prel31(word, va), s);
	switch (word >> 24) {
	case 0x80:
		s->bytes = 3;
		return NULL;
	case 0x81:
	case 0x82:
		if (in_index)
			break;
		s->bytes = 2;
		s->words = word >> 16 & 0xff;
		return NULL;
	}
	return "unwind table: unknown personality routine";
}

/* ---- opcodes ----------------------------------------------------------------------------- */

static const char *check_vsp(struct exidx_vm *vm, bool assigned)
{
	uint32_t sp = vm->r[SP];
	uint64_t lo, hi;

	if (sp & 3)
		return "stack pointer not aligned";
	if (sp >= vm->lo && sp <= vm->hi)
		return NULL;
	/* Only a stack pointer that was saved somewhere may lead to another stack (call_with_stack,
	 * the frame below __bad_stack); sums stay within their own. */
	if (!assigned || !env_stack(vm->env, sp, &lo, &hi) || hi == vm->hi)
		return "stack pointer leaves its stack";
	vm->lo = sp;
	vm->hi = hi;
	vm->stack_changed = true;
	return NULL;
}

/* Pops the registers of @mask (bit i: r[i]), lowest first. */
static const char *pop(struct exidx_vm *vm, uint32_t mask)
{
	uint32_t vsp = vm->r[SP];

	for (unsigned i = 0; i < 16; i++) {
		if (!(mask >> i & 1))
			continue;
		if (vsp < vm->lo || (uint64_t)vsp + 4 > vm->hi)
			return "saved registers lie outside the stack";
		if (!read_u32(vm->env, &vm->abi, vsp, &vm->r[i]))
			return "stack not readable";
		vm->pop_va[i] = vsp;
		vsp += 4;
	}
	vm->valid |= mask;
	vm->popped |= mask;
	if (!(mask >> SP & 1))
		vm->r[SP] = vsp;
	return check_vsp(vm, mask >> SP & 1);
}

static const char *skip(struct exidx_vm *vm, int64_t bytes)
{
	int64_t sp = (int64_t)vm->r[SP] + bytes;

	if (sp < 0 || sp > UINT32_MAX)
		return "stack pointer leaves its stack";
	vm->r[SP] = (uint32_t)sp;
	return check_vsp(vm, false);
}

static const char *skip_uleb128(struct exidx_vm *vm, struct stream *s)
{
	uint64_t v = 0;
	uint8_t b = 0x80;

	for (unsigned shift = 0; b & 0x80; shift += 7) {
		if (shift > 28 || at_end(s))
			return "unwind table: number too long";
		b = next_byte(vm, s);
		v |= (uint64_t)(b & 0x7f) << shift;
	}
	return skip(vm, 0x204 + ((int64_t)v << 2));
}

/* 0xb1 … 0xff: core registers r0-r3, long offsets, coprocessor registers. */
static const char *run_high(struct exidx_vm *vm, struct stream *s, uint8_t op)
{
	uint8_t arg;

	switch (op) {
	case 0xb1:
		arg = next_byte(vm, s);
		return !arg || arg & 0xf0 ? "unwind table: spare opcode" : pop(vm, arg);
	case 0xb2:
		return skip_uleb128(vm, s);
	case 0xb3: /* VFP double registers saved by FSTMFDX: a word more */
		return skip(vm, ((next_byte(vm, s) & 15) + 1) * 8 + 4);
	case 0xb4: /* return address authentication code */
		return skip(vm, 4);
	case 0xb5: /* vsp as its modifier: nothing moves */
		return NULL;
	case 0xb8 ... 0xbf: /* D8 and up, by FSTMFDX */
		return skip(vm, ((op & 7) + 1) * 8 + 4);
	case 0xc0 ... 0xc5: /* iWMMXt wR10 and up */
		return skip(vm, ((op & 7) + 1) * 8);
	case 0xc6: /* iWMMXt data registers */
	case 0xc8: /* D16 and up */
	case 0xc9: /* D0 and up, by VPUSH */
		return skip(vm, ((next_byte(vm, s) & 15) + 1) * 8);
	case 0xc7: /* iWMMXt control registers */
		arg = next_byte(vm, s);
		if (!arg || arg & 0xf0)
			break;
		return skip(vm, 4 * __builtin_popcount(arg));
	case 0xd0 ... 0xd7: /* D8 and up, by VPUSH */
		return skip(vm, ((op & 7) + 1) * 8);
	}
	return "unwind table: spare opcode";
}

static const char *run_one(struct exidx_vm *vm, struct stream *s, uint8_t op)
{
	uint32_t mask;

	switch (op >> 4) {
	case 0x0 ... 0x3:
		return skip(vm, ((op & 0x3f) << 2) + 4);
	case 0x4 ... 0x7:
		return skip(vm, -(((op & 0x3f) << 2) + 4));
	case 0x8:
		mask = (uint32_t)(op & 15) << 8 | next_byte(vm, s);
		return mask ? pop(vm, mask << 4) : "unwind table: refuses to unwind";
	case 0x9:
		if ((op & 0xd) == 0xd)
			return "unwind table: spare opcode";
		if (!(vm->valid >> (op & 15) & 1))
			return "unwind table: needs a register that is not known";
		vm->r[SP] = vm->r[op & 15];
		return check_vsp(vm, true);
	case 0xa:
		mask = ((2u << (op & 7)) - 1) << 4;
		return pop(vm, op & 8 ? mask | 1u << LR : mask);
	}
	return run_high(vm, s, op);
}

const char *exidx_run(const struct exidx_entry *e, struct exidx_vm *vm)
{
	struct stream s;
	const char *why = stream_init(e, vm, &s);

	while (!why && !at_end(&s)) {
		uint8_t op = next_byte(vm, &s);
		if (op == 0xb0 && !s.why)
			break;
		why = s.why ? s.why : run_one(vm, &s, op);
		if (!why)
			why = s.why;
	}
	return why;
}
