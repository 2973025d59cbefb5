/*
 * ARM32's exception vectors: a page of eight words with kuser helpers at its end and poison
 * between, and a page of stubs behind it (arch/arm/kernel/traps.c and entry-armv.S, 4.19 to 7.3).
 */
#include <stdio.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"

enum { PAGE = 4096, VECTORS_BYTES = 32, KUSER_LOWEST = 0xf60 };
enum {
	POISON = 0xe7fddef1
}; /* arch/arm/kernel/traps.c, early_trap_init(): traps in ARM and Thumb */

static const char vectors_page[] = "vectors page", stubs_page[] = "stubs page";

/* Documentation/arm/kernel_user_helpers.rst: the addresses are an ABI. */
static const struct {
	uint16_t offset;
	const char *name;
} kuser[] = { { 0xf60, "kuser cmpxchg64" }, { 0xfa0, "kuser memory barrier" },
	{ 0xfc0, "kuser cmpxchg" }, { 0xfe0, "kuser get tls" } };

struct teller {
	const struct arch_env *env;
	arch_vector_fn fn;
	void *cx;
	uint64_t base;
	bool thumb; /* the kernel takes exceptions in Thumb code: SCTLR.TE */
	uint8_t page[PAGE];
};

/* Code is little-endian on BE8 too. */
static uint32_t word_at(const struct teller *tl, unsigned off)
{
	return load_u32le(tl->page + off);
}

static struct arch_vector vector(
	const struct teller *tl, const char *set, const char *name, uint64_t va)
{
	struct arch_vector v = { .name = name, .va = va, .table_va = tl->base };
	snprintf(v.set, sizeof(v.set), "%s", set);
	return v;
}

static void tell_insn(
	const struct teller *tl, const char *set, const char *name, uint64_t va, bool thumb)
{
	struct arch_vector v = vector(tl, set, name, va);
	v.insn_va = va;
	v.thumb = thumb;
	tl->fn(tl->cx, &v);
}

/* Each vector but SWI's is a branch: in ARM code its condition is "always", in Thumb code it is the
 * wide one (ARM ARM v7-A, A8.8.18 B, encodings A1 and T4). */
static bool takes_exceptions_in_thumb(const struct teller *tl)
{
	unsigned wide = 0;
	for (unsigned off = 0; off < VECTORS_BYTES; off += 4) {
		const uint8_t *p = tl->page + off;
		wide += (load_u16le(p) & 0xf800) == 0xf000 &&
			(load_u16le(p + 2) & 0xd000) == 0x9000;
	}
	return wide > VECTORS_BYTES / 8;
}

/* All words of [from, to) that are not poison, where poison is due. */
static void tell_poison(const struct teller *tl, unsigned from, unsigned to)
{
	struct arch_vector v = vector(tl, vectors_page, "poison", tl->base + from);
	unsigned bad = 0, first = 0;

	for (unsigned off = from; off < to; off += 4)
		if (word_at(tl, off) != POISON && !bad++)
			first = off;
	if (bad)
		snprintf(v.note, sizeof(v.note), "%u of %u words are not 0x%08x, first at +0x%x",
			bad, (to - from) / 4, (unsigned)POISON, first);
	else
		snprintf(v.note, sizeof(v.note), "%u words of 0x%08x, intact", (to - from) / 4,
			(unsigned)POISON);
	tl->fn(tl->cx, &v);
}

/* Where the helpers begin; PAGE without any. They end in poison or begin where the first of them
 * is. */
static unsigned kuser_begin(const struct teller *tl)
{
	unsigned begin = PAGE;

	while (begin > KUSER_LOWEST && word_at(tl, begin - 4) != POISON)
		begin -= 4;
	for (size_t i = ARRAY_SIZE(kuser); i-- > 0;)
		if (word_at(tl, kuser[i].offset) != POISON && kuser[i].offset < begin)
			begin = kuser[i].offset;
	return begin;
}

static void tell_kuser(const struct teller *tl, unsigned begin)
{
	for (size_t i = 0; i < ARRAY_SIZE(kuser); i++)
		if (kuser[i].offset >= begin && word_at(tl, kuser[i].offset) != POISON)
			tell_insn(
				tl, vectors_page, kuser[i].name, tl->base + kuser[i].offset, false);
	if (begin == PAGE)
		return;
	struct arch_vector v = vector(tl, vectors_page, "kuser version", tl->base + 0xffc);
	snprintf(v.note, sizeof(v.note), "%u", word_at(tl, 0xffc));
	tl->fn(tl->cx, &v);
}

/* The stubs follow in the next page, in the order of vector_stub's (entry-armv.S): a word for SWI's
 * handler first, then each stub. Their symbols are linked at the page's address. */
static void tell_stubs(const struct teller *tl, const struct abi *abi)
{
	static const char *const name[] = { "vector_rst", "vector_irq", "vector_dabt",
		"vector_pabt", "vector_und", "vector_addrexcptn", "vector_fiq",
		"vector_bhb_loop8_irq", "vector_bhb_bpiall_irq" };
	uint8_t raw[4];

	for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
		uint64_t va;
		if (env_symbol(tl->env, name[i], &va) && va - tl->base < 2 * PAGE)
			tell_insn(tl, stubs_page, name[i], va, tl->thumb);
	}
	if (!env_read(tl->env, tl->base + PAGE, raw, sizeof(raw)))
		return;
	struct arch_vector v = vector(tl, stubs_page, "swi handler", tl->base + PAGE);
	v.target = get_u32(abi, raw);
	tl->fn(tl->cx, &v);
}

/* Bit 13 of SCTLR says high or low; the table shows which one the kernel mapped. */
struct err *arm_vectors(
	const struct arch_env *env, const struct arch_layout *l, arch_vector_fn fn, void *cx)
{
	static const char *const name[] = { "reset", "undefined", "swi", "prefetch abort",
		"data abort", "address exception", "irq", "fiq" };
	static const uint32_t bases[] = { 0xffff0000, 0 };
	const struct abi abi = { 4, l->paging.big_endian };
	struct teller tl = { .env = env, .fn = fn, .cx = cx };

	for (size_t k = 0; k < ARRAY_SIZE(bases); k++) {
		tl.base = bases[k];
		if (!env_read(env, tl.base, tl.page, sizeof(tl.page)))
			continue;
		tl.thumb = takes_exceptions_in_thumb(&tl);
		for (unsigned i = 0; i < ARRAY_SIZE(name); i++)
			tell_insn(&tl, vectors_page, name[i], tl.base + 4 * i, tl.thumb);
		unsigned begin = kuser_begin(&tl);
		tell_poison(&tl, VECTORS_BYTES, begin);
		tell_kuser(&tl, begin);
		tell_stubs(&tl, &abi);
		return NULL;
	}
	return err_new(
		ERR_MISSING, "no vectors page: neither 0xffff0000 nor 0 is mapped and readable");
}
