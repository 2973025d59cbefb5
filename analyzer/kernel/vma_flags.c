/*
 * Names of vm_flags (include/linux/mm.h) and what keeps two areas apart (mm/mmap.c, mm/vma.c). The
 * lower 32 bits hardly changed from 4.19 to 7.2; the upper ones move, so there the kernel's own
 * table is asked: mnemonics[] of show_smap_vma_flags(), a letter pair a bit.
 */
#include "analyzer/kernel/vma.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

enum { FLAG_BITS = 64, LETTERS = 2 };

static const struct flag_name {
	const char letters[LETTERS + 1];
	const char *name;
} low_flags[32] = {
	{ "rd", "VM_READ" },
	{ "wr", "VM_WRITE" },
	{ "ex", "VM_EXEC" },
	{ "sh", "VM_SHARED" },
	{ "mr", "VM_MAYREAD" },
	{ "mw", "VM_MAYWRITE" },
	{ "me", "VM_MAYEXEC" },
	{ "ms", "VM_MAYSHARE" },
	{ "gd", "VM_GROWSDOWN" },
	{ "um", "VM_UFFD_MISSING" },
	{ "pf", "VM_PFNMAP" },
	{ "dw", "VM_DENYWRITE" },
	{ "uw", "VM_UFFD_WP" },
	{ "lo", "VM_LOCKED" },
	{ "io", "VM_IO" },
	{ "sr", "VM_SEQ_READ" },
	{ "rr", "VM_RAND_READ" },
	{ "dc", "VM_DONTCOPY" },
	{ "de", "VM_DONTEXPAND" },
	{ "lf", "VM_LOCKONFAULT" },
	{ "ac", "VM_ACCOUNT" },
	{ "nr", "VM_NORESERVE" },
	{ "ht", "VM_HUGETLB" },
	{ "sf", "VM_SYNC" },
	{ "ar", "VM_ARCH_1" },
	{ "wf", "VM_WIPEONFORK" },
	{ "dd", "VM_DONTDUMP" },
	{ "sd", "VM_SOFTDIRTY" },
	{ "mm", "VM_MIXEDMAP" },
	{ "hg", "VM_HUGEPAGE" },
	{ "nh", "VM_NOHUGEPAGE" },
	{ "mg", "VM_MERGEABLE" },
};

/* What the letters mean where the bit alone does not say it. */
static const struct flag_name moving_flags[] = {
	{ "bt", "VM_ARM64_BTI" },
	{ "gu", "VM_MAYBE_GUARD" }, /* newest kernels, where DENYWRITE was */
	{ "mt", "VM_MTE" },
	{ "ui", "VM_UFFD_MINOR" },
	{ "sl", "VM_SEALED" },
	{ "dp", "VM_DROPPABLE" },
	{ "ss", "VM_SHADOW_STACK" },
};

/* The kernel's own table. It is a function's static variable, so its name ends in a number. */
struct letter_table {
	uint64_t va;	    /* 0: this kernel's is not known */
	unsigned row_bytes; /* 2 in 6.1, 3 in 6.12 */
};

/* By name and not by a search of all symbols: this is asked for each area. Compilers before GCC 10
 * number such variables through the whole file; then the usual letters have to do. */
static struct letter_table find_letters(const struct target *t)
{
	enum { NUMBERS = 16 };
	unsigned bits = t->abi.word_bytes * 8u;
	for (unsigned i = 0; i < NUMBERS; i++) {
		char name[32];
		struct symbol sym;
		snprintf(name, sizeof(name), "mnemonics.%u", i);
		if (!symtab_find_kernel(t->syms, name, &sym))
			continue;
		uint64_t size = sym.object_size ? sym.object_size : sym.size;
		if (size == bits * 2u || size == bits * 3u)
			return (struct letter_table){ sym.va, (unsigned)(size / bits) };
	}
	return (struct letter_table){ 0 };
}

/* The letters of @bit; *ret_silent: smaps prints nothing for it. */
static void letters_of(const struct target *t, const struct letter_table *table, unsigned bit,
	char ret[LETTERS + 1], bool *ret_silent)
{
	char own[LETTERS];
	memcpy(ret, bit < 32 ? low_flags[bit].letters : "??", LETTERS + 1);
	*ret_silent = false;
	if (!table->va ||
		vspace_try_read(t->kernel, table->va + bit * table->row_bytes, own, LETTERS, NULL))
		return;
	*ret_silent = !own[0];
	if (isalpha((unsigned char)own[0]) && isalpha((unsigned char)own[1]))
		memcpy(ret, own, LETTERS);
}

void vma_flags_short(struct target *t, uint64_t flags, struct strbuf *out)
{
	struct letter_table table = find_letters(t);
	bool first = true;
	for (unsigned bit = 0; bit < FLAG_BITS; bit++) {
		char letters[LETTERS + 1];
		bool silent;
		if (!(flags >> bit & 1))
			continue;
		letters_of(t, &table, bit, letters, &silent);
		if (silent)
			continue;
		strbuf_addf(out, "%s%s", first ? "" : " ", letters);
		first = false;
	}
}

static const char *name_of(
	const struct target *t, const struct letter_table *table, unsigned bit, const char *letters)
{
	char before[LETTERS + 1] = "";
	bool silent;
	if (bit > 32)
		letters_of(t, table, bit - 1, before, &silent);
	if (!strcmp(before,
		    "mt")) /* arch/arm64: the bit behind VM_MTE, which smaps does not show */
		return "VM_MTE_ALLOWED";
	for (size_t i = 0; i < ARRAY_SIZE(moving_flags); i++)
		if (!strcmp(moving_flags[i].letters, letters))
			return moving_flags[i].name;
	return bit < 32 ? low_flags[bit].name : NULL;
}

void vma_flags_names(struct target *t, uint64_t flags, struct strbuf *out)
{
	struct letter_table table = find_letters(t);
	bool first = true;
	for (unsigned bit = 0; bit < FLAG_BITS; bit++) {
		char letters[LETTERS + 1];
		bool silent;
		if (!(flags >> bit & 1))
			continue;
		letters_of(t, &table, bit, letters, &silent);
		const char *name = name_of(t, &table, bit, letters);
		strbuf_add(out, first ? "" : "|");
		if (name)
			strbuf_add(out, name);
		else
			strbuf_addf(out, "0x%" PRIx64, (uint64_t)1 << bit);
		first = false;
	}
}
