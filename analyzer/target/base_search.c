/* Candidates: the memory nodes of a device tree that lies in this RAM, what VMCOREINFO implies of a
 * place that was found, and where machines commonly have their memory. */
#include "analyzer/target/base_search.h"

#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/target/fdt.h"
#include "analyzer/target/finder.h"
#include "analyzer/target/private.h"

enum { CANDIDATES_MAX = 32, TREES_MAX = 8, HITS_MAX = 16 };

struct candidate {
	uint64_t base;
	const char *from; /* static words */
};

struct candidates {
	struct candidate v[CANDIDATES_MAX];
	size_t n;
};

static void add(struct candidates *c, uint64_t base, const char *from)
{
	if (base % 4096 || base >> 52)
		return;
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].base == base)
			return;
	if (c->n < CANDIDATES_MAX)
		c->v[c->n++] = (struct candidate){ base, from };
}

/* The tree that the boot loader handed over stays where it was: the kernel reserves it. */
static struct err *add_from_trees(struct candidates *c, struct target *t)
{
	scoped_free uint8_t *tree = xmalloc(FDT_BYTES_MAX);
	for (size_t i = 0; i < TREES_MAX; i++) {
		struct paddr pa;
		bool found;
		uint64_t start;
		struct err *err = scan_find(&t->priv->scan, SCAN_FDT, i, &found, &pa);
		if (err || !found)
			return err;
		size_t n = 0;
		if (dump_try_read(t->dump, pa, tree, FDT_HEADER_BYTES, NULL) == FAULT_NONE)
			n = fdt_size(tree, FDT_HEADER_BYTES);
		if (n && dump_try_read(t->dump, pa, tree, n, NULL) == FAULT_NONE &&
			fdt_memory_start(tree, n, &start))
			add(c, start, "the memory node of a device tree in it");
	}
	return NULL;
}

/*
 * arm64: kimage_voffset is absolute. With the run-time address of something that was found, at an
 * offset as long as the base is 0, base = address - kimage_voffset - offset.
 */
static struct err *add_from_vmcoreinfo(struct candidates *c, struct target *t)
{
	scoped_free char *text = finder_vmcoreinfo(&t->priv->scan, NULL);
	uint64_t voffset, va, slide = 0;
	const struct vmlinux *v = t->vmlinux;
	if (!vmcoreinfo_number(text, "NUMBER(kimage_voffset)", &voffset))
		return interrupt_check();
	vmcoreinfo_number(text, "KERNELOFFSET", &slide);
	bool tables = vmcoreinfo_number(text, "SYMBOL(kallsyms_token_table)", &va);
	for (size_t i = 0; i < HITS_MAX; i++) {
		struct paddr pa;
		if (v && v->banner && scan_seen(&t->priv->scan, SCAN_BANNER, i, &pa))
			add(c, v->banner_va + slide - voffset - pa.v,
				"VMCOREINFO and where linux_banner is");
		/* The row of digits stands in the table; the table begins at a multiple of 4
		 * before. */
		if (!v && tables && scan_seen(&t->priv->scan, SCAN_DIGITS, i, &pa))
			add(c, (va - voffset - pa.v) & ~0xfffull,
				"VMCOREINFO and where kallsyms are");
		if (!v && tables && scan_seen(&t->priv->scan, SCAN_DIGITS, i, &pa))
			add(c, (va - voffset - pa.v + 0xfff) & ~0xfffull,
				"VMCOREINFO and where kallsyms are");
	}
	return interrupt_check();
}

/* QEMU's virt, Qualcomm, MediaTek, Samsung, NXP, Allwinner, TI, Broadcom, Ampere. */
static void add_common(struct candidates *c)
{
	static const uint64_t bases[] = { 0x40000000, 0x80000000, 0, 0x20000000, 0x10000000,
		0x60000000, 0x70000000, 0x90000000, 0xc0000000, 0x30000000, 0xa0000000, 0x200000,
		0x880000000, 0x8000000000 };
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
		add(c, bases[i], "where many machines have it");
}

static void move(struct target *t, uint64_t base)
{
	const struct dump_info *info = dump_info(t->dump);
	uint64_t delta = base - (info->nextents ? info->extent[0].start.v : 0);
	dump_set_base(t->dump, (struct paddr){ base });
	scan_move(&t->priv->scan, delta);
}

/* Without the marks of any kernel no base is better than another: one look at it says what is
 * missing. */
static struct err *any_kernel(struct target *t, bool *ret)
{
	const enum scan_mark marks[] = { SCAN_DIGITS, SCAN_VMCOREINFO, SCAN_BANNER };
	struct err *err = NULL;
	struct paddr pa;
	*ret = false;
	for (size_t i = 0; !err && !*ret && i < ARRAY_SIZE(marks); i++)
		err = scan_find(&t->priv->scan, marks[i], 0, ret, &pa);
	return err;
}

struct err *base_search(struct target *t, base_try_fn fn, void *cx, bool *ret_found)
{
	struct candidates c = { 0 };
	bool any;
	struct err *err = any_kernel(t, &any);
	if (!err)
		err = add_from_trees(&c, t);
	if (!err)
		err = add_from_vmcoreinfo(&c, t);
	if (err)
		return err;
	add_common(&c);
	c.n = any ? c.n : 1;
	*ret_found = false;
	for (size_t i = 0; !err && i < c.n; i++) {
		bool proved = false;
		move(t, c.v[i].base);
		err = fn(cx, t, &proved);
		if (err)
			break;
		attempts_add(&t->priv->attempts, "where RAM begins",
			proved ? ATTEMPT_PROVED : ATTEMPT_REFUTED,
			proved ? "page tables map the kernel" : "no page tables map a kernel so",
			"0x%" PRIx64 ": %s", c.v[i].base, c.v[i].from);
		*ret_found = proved;
		if (proved)
			return NULL;
		err = interrupt_check();
	}
	if (!err)
		move(t, 0);
	return err;
}
