/*
 * Finds the kernel of a dump that comes alone. Where its symbols' tables lie in memory is known
 * before anything else; what is sought is how far virtual addresses are from physical ones. Every
 * answer, VMCOREINFO's or a guess, must be one under which the kernel's page tables lead to those
 * tables.
 */
#include "analyzer/target/bare.h"

#include <elf.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/target/finder.h"
#include "analyzer/target/kallsyms.h"
#include "analyzer/target/private.h"
#include "analyzer/target/vendor.h"

enum { IMAGE_BYTES_MAX = 256 << 20 };

/* ---- symbols ----------------------------------------------- */

/* Since v6.0 VMCOREINFO says where the tables are, but only arm64's says how to get there. */
static bool tables_hint(const char *vmcoreinfo, struct paddr *ret)
{
	uint64_t va, voffset;
	if (!vmcoreinfo_number(vmcoreinfo, "SYMBOL(kallsyms_token_table)", &va) ||
		!vmcoreinfo_number(vmcoreinfo, "NUMBER(kimage_voffset)", &voffset))
		return false;
	ret->v = va - voffset;
	return true;
}

static void note_tables(struct target *t, bool hinted)
{
	static const char finder[] = "kallsyms";
	const struct kallsyms *k = t->priv->kallsyms;
	if (k)
		attempts_add(&t->priv->attempts, finder, ATTEMPT_PROVED,
			"token_index, names, count and addresses agree",
			"%" PRIu32 " symbols, %s, token table at 0x%" PRIx64 "%s", k->nsyms,
			kallsyms_form_name(k->form), k->token_table.v,
			hinted ? ", where VMCOREINFO says" : "");
	else
		attempts_add(&t->priv->attempts, finder, ATTEMPT_NOTHING, NULL,
			"no symbol table in all of memory");
}

static struct err *find_tables(struct target *t)
{
	struct abi abi = { .big_endian = dump_info(t->dump)->abi.big_endian };
	struct kallsyms **k = &t->priv->kallsyms;
	struct err *err = NULL;
	struct paddr hint;
	if (tables_hint(target_vmcoreinfo(t), &hint))
		err = kallsyms_at(t->dump, &abi, hint, k);
	bool hinted = *k;
	if (!err && !*k)
		err = kallsyms_search_from(&t->priv->scan, &abi, k);
	if (!err)
		note_tables(t, hinted);
	return err;
}

/* QEMU writes an ARM64 header for an ARM32 kernel on a 64-bit CPU; raw memory has none. */
static void arch_by_word(struct target *t)
{
	const struct kallsyms *k = t->priv->kallsyms;
	if (t->arch && t->arch->abi.word_bytes == k->abi.word_bytes)
		return;
	t->arch = arch_find(k->abi.word_bytes == 8 ? EM_AARCH64 : EM_ARM);
	t->abi = k->abi;
}

/* Which addresses belong to the kernel: the whole image where the table knows its end; else, as
 * is_ksym_addr() in include/linux/kallsyms.h has it, its text. */
static void add_ranges(struct target *t)
{
	const struct kallsyms *k = t->priv->kallsyms;
	uint64_t start, end;
	if ((kallsyms_lookup(k, "_text", &start) || kallsyms_lookup(k, "_stext", &start)) &&
		kallsyms_lookup(k, "_end", &end)) {
		symtab_add_range(t->syms, start, end, NULL);
		return;
	}
	if (kallsyms_lookup(k, "_stext", &start) && kallsyms_lookup(k, "_etext", &end))
		symtab_add_range(t->syms, start, end, NULL);
	if (kallsyms_lookup(k, "_sinittext", &start) && kallsyms_lookup(k, "_einittext", &end))
		symtab_add_range(t->syms, start, end, NULL);
}

static void add_kallsyms(struct target *t)
{
	const struct kallsyms *k = t->priv->kallsyms;
	uint64_t last = 0;
	uint32_t order = 0;
	for (uint32_t i = 0; i < k->nsyms; i++) {
		struct kallsyms_symbol s;
		kallsyms_get(k, i, &s);
		order = i && s.va == last ? order + 1 : 0;
		symtab_add_kallsyms(t->syms, s.name, s.va, s.type, order);
		last = s.va;
	}
	add_ranges(t);
	symtab_finish(t->syms);
}

/* VMCOREINFO's SYMBOL() lines, where the table lacks them. Two of them are no addresses of symbols:
 * VMCOREINFO_SYMBOL(mem_section) and (vmemmap) print what these pointers hold. */
static void add_vmcoreinfo_symbols(struct target *t)
{
	const char *line = target_vmcoreinfo(t);
	for (; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		char name[128];
		uint64_t va;
		struct symbol known;
		if (sscanf(line, "SYMBOL(%127[^)])=%" SCNx64, name, &va) == 2 &&
			strcmp(name, "mem_section") && strcmp(name, "vmemmap") &&
			!symtab_find_kernel(t->syms, name, &known))
			symtab_add_recovered(t->syms, name, va, 'D', "VMCOREINFO");
	}
	symtab_finish(t->syms);
}

/* ---- the place ----------------------------------------------- */

/* The proof: in the layout that the architecture makes of @image, the tables that were found in
 * physical memory stand at the virtual address that @voffset implies. */
static bool proved(struct target *t, const struct kernel_image *image, uint64_t voffset)
{
	const struct paddr tables = t->priv->kallsyms->token_table;
	struct arch_env env = target_arch_env(t);
	struct arch_layout layout;
	struct paddr pa;
	struct err *err = t->arch->layout(&env, t->dump, image, &layout);
	if (err) {
		err_drop(err); /* of this guess; another may do */
		return false;
	}
	return paging_probe(&layout.paging, t->dump, layout.pgd, tables.v + voffset, &pa) &&
	       pa.v == tables.v;
}

/* To _end, else to the highest symbol that is known: then the true end lies behind. */
static uint64_t image_bytes(const struct target *t, const struct kernel_image *image)
{
	uint64_t last = image->va;
	struct symbol s;
	if (symtab_find_kernel(t->syms, "_end", &s) && s.va > image->va)
		return s.va - image->va;
	for (size_t i = t->priv->kallsyms->nsyms; i--;) {
		struct kallsyms_symbol k;
		kallsyms_get(t->priv->kallsyms, (uint32_t)i, &k);
		if (k.va - image->va < IMAGE_BYTES_MAX) {
			last = k.va;
			break;
		}
	}
	for (size_t i = 0; symtab_get_recovered(t->syms, i, &s); i++)
		if (s.va - image->va < IMAGE_BYTES_MAX && s.va > last)
			last = s.va;
	return (last | 0xffff) + 1 - image->va;
}

static bool try_image(struct target *t, const uint64_t *voffset)
{
	struct arch_env env = target_arch_env(t);
	struct kernel_image image;
	if (!t->arch->find_image(&env, t->dump, t->priv->kallsyms->token_table, voffset, &image))
		return false;
	if (!image.size)
		image.size = image_bytes(t, &image);
	if (!proved(t, &image, image.va - image.pa.v))
		return false;
	t->image = image;
	return true;
}

/* Virtual minus physical, as VMCOREINFO has it: by the tables' own address, else arm64's number. */
static bool said_voffset(struct target *t, uint64_t *ret)
{
	const char *text = target_vmcoreinfo(t);
	uint64_t va;
	if (vmcoreinfo_number(text, "SYMBOL(kallsyms_token_table)", &va)) {
		*ret = va - t->priv->kallsyms->token_table.v;
		return true;
	}
	return vmcoreinfo_number(text, "NUMBER(kimage_voffset)", ret);
}

/* A self-relative table has physical addresses until it is known where it lies itself. arm64's
 * kimage_voffset says so, if the table has it: it is data. */
static bool place_self(struct target *t)
{
	struct kallsyms *k = t->priv->kallsyms;
	uint8_t raw[8];
	uint64_t voffset, pa;
	if (k->form != KALLSYMS_SELF)
		return true;
	if (!said_voffset(t, &voffset) &&
		!overrides_number(&t->priv->overrides, "NUMBER(kimage_voffset)", &voffset)) {
		if (!kallsyms_lookup(k, "kimage_voffset", &pa) ||
			dump_try_read(t->dump, (struct paddr){ pa }, raw, 8, NULL) != FAULT_NONE)
			return false;
		voffset = get_u64(&k->abi, raw);
	}
	k->self_va = k->addresses.v + voffset;
	return true;
}

/* One answer of where the image is, @voffset from its memory; NULL: the tables are searched for it.
 */
static bool place_by(struct target *t, const char *finder, const uint64_t *voffset, const char *how)
{
	bool good = try_image(t, voffset);
	if (good)
		attempts_add(&t->priv->attempts, finder, ATTEMPT_PROVED,
			"the page tables map the kallsyms tables where they were found",
			"_text at 0x%" PRIx64 ", physical 0x%" PRIx64, t->image.va, t->image.pa.v);
	else if (voffset)
		attempts_add(&t->priv->attempts, finder, ATTEMPT_REFUTED,
			"no page table maps the kallsyms tables so",
			"virtual - physical 0x%" PRIx64, *voffset);
	else
		attempts_add(&t->priv->attempts, finder, ATTEMPT_NOTHING, NULL,
			"no page table maps the kallsyms tables");
	if (good)
		t->image_finder = how;
	return good;
}

/* What the kernels of vendors leave, as far as memory has been looked at; all of it, if @all. */
static bool place_by_vendor(struct target *t, bool all)
{
	struct vendor_iter it;
	struct vendor_place v;
	vendor_iter_init(&it, t, all);
	while (vendor_iter_next(&it, &v))
		if (place_by(t, v.finder, &v.voffset, v.how))
			return true;
	return false;
}

static bool place_by_claims(struct target *t)
{
	const struct claims *c = &t->priv->claims;
	uint64_t voffset;
	for (size_t i = 0; i < c->v.n; i++) {
		const struct claim *one = &c->v.v[i];
		if (!claim_voffset(t, one, &voffset)) {
			attempts_add(&t->priv->attempts, one->finder, ATTEMPT_NOTHING, NULL,
				"physical 0x%" PRIx64 ", and no text_va nor a symbol _text",
				one->says.text_pa);
			continue;
		}
		t->priv->claimed_root_va = one->says.root_pa ? one->says.root_pa + voffset : 0;
		if (place_by(t, one->finder, &voffset, "a plugin, proved by page tables"))
			return true;
	}
	t->priv->claimed_root_va = 0;
	return false;
}

static void place_image(struct target *t)
{
	uint64_t voffset;
	if (said_voffset(t, &voffset) &&
		place_by(t, "VMCOREINFO", &voffset,
			"VMCOREINFO and kallsyms in memory, proved by page tables"))
		return;
	if (place_by_claims(t) || place_by_vendor(t, false) ||
		place_by(t, "page tables near kallsyms", NULL,
			"kallsyms in memory, proved by page tables") ||
		place_by_vendor(t, true))
		return;
	if (overrides_number(&t->priv->overrides, "NUMBER(kimage_voffset)", &voffset) &&
		place_by(t, "--set kimage_voffset", &voffset, "--set, proved by page tables"))
		return;
	target_warn(t,
		"%s: the kernel was not found: it has kallsyms at 0x%" PRIx64
		", but no page tables that map them; `sys -b` lists what was tried",
		dump_info(t->dump)->path, t->priv->kallsyms->token_table.v);
}

/* VMCOREINFO's page is sought where its symbols are needed: a table with data has them all. */
static void find_vmcoreinfo(struct target *t)
{
	uint64_t va;
	struct paddr pa;
	const struct kallsyms *k = t->priv->kallsyms;
	if (dump_info(t->dump)->vmcoreinfo)
		return;
	if (k && (kallsyms_lookup(k, "vmcoreinfo_data", &va) ||
			 kallsyms_lookup(k, "init_task", &va)))
		return; /* these lead there, later */
	t->priv->vmcoreinfo = finder_vmcoreinfo(&t->priv->scan, &pa);
	if (t->priv->vmcoreinfo)
		attempts_add(&t->priv->attempts, "VMCOREINFO in memory", ATTEMPT_FOUND, NULL,
			"OSRELEASE= where a page begins, at 0x%" PRIx64, pa.v);
	else
		attempts_add(&t->priv->attempts, "VMCOREINFO in memory", ATTEMPT_NOTHING, NULL,
			"no page begins with OSRELEASE=");
}

/* A kernel without kallsyms: VMCOREINFO is all there is. */
static struct err *place_by_vmcoreinfo_alone(struct target *t)
{
	struct finder_input in = {
		.dump = t->dump,
		.arch = t->arch,
		.vmcoreinfo = target_vmcoreinfo(t),
		.attempts = &t->priv->attempts,
	};
	add_vmcoreinfo_symbols(t);
	if (!t->arch) {
		target_warn(t,
			"%s: neither the file nor a vmlinux says which machine this was, and "
			"its memory holds no kallsyms; only physical memory can be read",
			dump_info(t->dump)->path);
		return NULL;
	}
	struct err *err = finder_place_kernel(&in, &t->image, &t->image_finder);
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	target_warn(t, "%s: the kernel was not found: it has no kallsyms, and %s",
		dump_info(t->dump)->path, err->msg);
	err_drop(err);
	return NULL;
}

struct err *bare_find_kernel(struct target *t)
{
	struct err *err = find_tables(t);
	if (err)
		return err;
	find_vmcoreinfo(t);
	err = interrupt_check();
	if (err)
		return err;
	if (!t->priv->kallsyms)
		return place_by_vmcoreinfo_alone(t);
	arch_by_word(t);
	if (!place_self(t)) {
		target_warn(t,
			"%s: the kernel was not found: its kallsyms are relative to themselves, "
			"and nothing says where they are",
			dump_info(t->dump)->path);
		return NULL;
	}
	add_kallsyms(t);
	add_vmcoreinfo_symbols(t);
	place_image(t);
	return interrupt_check();
}
