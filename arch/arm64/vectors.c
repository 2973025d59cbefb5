/*
 * arm64's exception vectors: VBAR_EL1 points to tables of 16 entries of 128 bytes, whose first
 * branch out of the entry is what handles it (arch/arm64/kernel/entry.S, 4.19 to 7.3). Knows the
 * tables by their symbols and how far each reaches, and no handler.
 */
#include <stdio.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "arch/arm64/arm64.h"

enum { ENTRIES = 16, ENTRY_BYTES = 128, TABLE_BYTES = ENTRIES * ENTRY_BYTES };

/* Arm ARM D1.10.2: four sources, four kinds. */
static const char *const entry_name[ENTRIES] = { "el1t sync", "el1t irq", "el1t fiq", "el1t error",
	"el1h sync", "el1h irq", "el1h fiq", "el1h error", "el0 64 sync", "el0 64 irq",
	"el0 64 fiq", "el0 64 error", "el0 32 sync", "el0 32 irq", "el0 32 fiq", "el0 32 error" };

/* Arm ARM C4.1.94: whether @insn at @pc may go elsewhere; *ret_target is 0 where a register says
 * so. Calls through registers come back and do not count. */
static bool is_branch(uint32_t insn, uint64_t pc, uint64_t *ret_target)
{
	int64_t off;

	if ((insn & 0x7c000000) == 0x14000000) /* B, BL */
		off = sign_extend((insn & 0x03ffffff) << 2, 28);
	else if ((insn & 0xff000000) == 0x54000000 || (insn & 0x7e000000) == 0x34000000)
		off = sign_extend((insn >> 5 & 0x7ffff) << 2, 21); /* B.cond, CBZ, CBNZ */
	else if ((insn & 0x7e000000) == 0x36000000)
		off = sign_extend((insn >> 5 & 0x3fff) << 2, 16); /* TBZ, TBNZ */
	else if ((insn & 0xfe000000) == 0xd6000000 && (insn >> 21 & 7) != 1)
		off = -(int64_t)pc; /* BR, RET, ERET and their forms with authentication */
	else
		return false;
	*ret_target = pc + off;
	return true;
}

/* The first branch that leaves the entry; those within it (the stack overflow check) are passed by.
 * What cannot be read is where the search ends, for the caller to find the same. */
static uint64_t find_exit(const struct arch_env *env, uint64_t va)
{
	for (uint64_t pc = va; pc < va + ENTRY_BYTES; pc += 4) {
		uint64_t target;
		uint8_t code[4];
		if (!env_read(env, pc, code, sizeof(code)))
			return pc;
		if (is_branch(load_u32le(code), pc, &target) && target - va >= ENTRY_BYTES)
			return pc;
	}
	return 0;
}

/* Without its mitigation a table is only a label in front of other code. */
static bool reaches(const struct arch_env *env, uint64_t start, uint64_t last)
{
	const char *name;
	uint64_t holder;
	return env_function(env, last, &name, &holder) && holder == start;
}

/*
 * Some symbols stand for several tables in a row, one for each way to flush the branch history:
 * enum arm64_bp_harden_el1_vectors in arch/arm64/include/asm/vectors.h, since 5.17 and its stable
 * backports, and BP_HARDEN_EL2_SLOTS in asm/spectre.h. KVM's are hyp's own, arch/arm64/kvm/hyp.
 */
static const struct {
	const char *symbol;
	unsigned most;
} known[] = { { "vectors", 1 }, { "__bp_harden_el1_vectors", 4 }, { "tramp_vectors", 4 },
	{ "__kvm_hyp_vector", 1 }, { "__bp_harden_hyp_vecs", 4 },
	{ "__kvm_nvhe___kvm_hyp_vector", 1 }, { "__kvm_nvhe___bp_harden_hyp_vecs", 4 },
	{ "__kvm_nvhe___kvm_hyp_host_vector", 1 }, { "__hyp_stub_vectors", 1 },
	{ "__kvm_nvhe___hyp_stub_vectors", 1 } };

static unsigned count_tables(const struct arch_env *env, uint64_t va, unsigned most)
{
	unsigned n = 0;
	while (n < most && reaches(env, va, va + (n + 1) * TABLE_BYTES - 1))
		n++;
	return n;
}

struct err *arm64_vectors(
	const struct arch_env *env, const struct arch_layout *l, arch_vector_fn fn, void *cx)
{
	unsigned total = 0;

	(void)l;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		uint64_t va;
		if (!env_symbol(env, known[i].symbol, &va) || va % TABLE_BYTES)
			continue;
		unsigned n = count_tables(env, va, known[i].most);
		if (!n && !i)
			n = 1; /* the kernel's own has labels inside */
		for (unsigned k = 0; k < n * ENTRIES; k++) {
			struct arch_vector v = { .name = entry_name[k % ENTRIES],
				.va = va + k * ENTRY_BYTES,
				.table_va = va + k / ENTRIES * TABLE_BYTES };
			snprintf(v.set, sizeof(v.set), n > 1 ? "%s[%u]" : "%s", known[i].symbol,
				k / ENTRIES);
			v.insn_va = find_exit(env, v.va);
			fn(cx, &v);
		}
		total += n;
		struct err *err = interrupt_check();
		if (err)
			return err;
	}
	return total ? NULL
		     : err_new(ERR_MISSING,
			       "no symbol `vectors`: the exception vectors are not known");
}
