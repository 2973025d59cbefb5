/* Finders of the kernel's place in memory, and the proof that each must pass. They know
 * VMCOREINFO's keys and where linux_banner is linked; page tables come later, from the
 * architecture. */
#include "analyzer/target/finder.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

enum { BANNER_BYTES_MAX = 1024, VMCOREINFO_BYTES_MAX = 65536 };

/* The proof: the dump has the vmlinux's banner, its newline included, at the place that @text_pa
 * implies. (The log holds a copy of the same text, but not at that distance from an aligned _text.)
 */
static bool banner_stands_at(const struct finder_input *in, uint64_t text_pa)
{
	const struct vmlinux *v = in->vmlinux;
	char got[BANNER_BYTES_MAX];
	size_t n = strlen(v->banner);
	if (n + 1 > sizeof(got))
		return false;
	struct paddr pa = { text_pa + (v->banner_va - v->text_va) };
	return dump_try_read(in->dump, pa, got, n + 1, NULL) == FAULT_NONE &&
	       !memcmp(got, v->banner, n) && got[n] == '\n';
}

/*
 * arm64's VMCOREINFO says it all: arch/arm64/kernel/crash_core.c (4.19: machine_kexec.c) exports
 * kimage_voffset and KERNELOFFSET. Without a vmlinux _stext stands in for _text, 64K-aligned down.
 */
static bool place_by_vmcoreinfo(const struct finder_input *in, struct kernel_image *ret)
{
	uint64_t voffset, slide = 0, stext;
	if (!vmcoreinfo_number(in->vmcoreinfo, "NUMBER(kimage_voffset)", &voffset))
		return false;
	struct kernel_image image = { 0 };
	if (in->vmlinux) {
		vmcoreinfo_number(in->vmcoreinfo, "KERNELOFFSET", &slide);
		image.link_va = in->vmlinux->text_va;
		image.va = image.link_va + slide;
		image.size = in->vmlinux->end_va - in->vmlinux->text_va;
	} else if (vmcoreinfo_number(in->vmcoreinfo, "SYMBOL(_stext)", &stext)) {
		image.va = stext & ~0xffffull;
	} else {
		return false;
	}
	image.pa.v = image.va - voffset;
	*ret = image;
	return true;
}

/* A kernel that can move tells by how much: arm64's kimage_voffset is the distance between the
 * image's virtual and physical place (arch/arm64/kernel/head.S, since v4.6). */
static uint64_t running_va(const struct finder_input *in, uint64_t text_pa)
{
	const struct vmlinux *v = in->vmlinux;
	uint8_t word[8];
	if (!v->kimage_voffset_va || v->abi.word_bytes != 8)
		return v->text_va;
	struct paddr pa = { text_pa + (v->kimage_voffset_va - v->text_va) };
	if (dump_try_read(in->dump, pa, word, sizeof(word), NULL) != FAULT_NONE)
		return v->text_va;
	return get_u64(&v->abi, word) + text_pa;
}

static bool candidate_is_kernel(
	const struct finder_input *in, uint64_t text_pa, struct kernel_image *ret)
{
	const struct vmlinux *v = in->vmlinux;
	if (!banner_stands_at(in, text_pa))
		return false;
	uint64_t va = running_va(in, text_pa);
	if ((va - v->text_va) % in->arch->image_align)
		return false;
	*ret = (struct kernel_image){
		.link_va = v->text_va,
		.va = va,
		.pa = { text_pa },
		.size = v->end_va - v->text_va,
	};
	return true;
}

/* No note needed: the image lies at an address that is the link address modulo the architecture's
 * alignment, so few places have to be looked at. */
static struct err *place_by_banner(
	const struct finder_input *in, struct kernel_image *ret, bool *ret_found)
{
	const struct dump_info *info = dump_info(in->dump);
	uint64_t align = in->arch->image_align,
		 to_banner = in->vmlinux->banner_va - in->vmlinux->text_va;
	for (size_t i = 0; i < info->nextents; i++) {
		uint64_t start = info->extent[i].start.v, size = info->extent[i].size;
		uint64_t pa = start + ((in->vmlinux->text_va - start) & (align - 1));
		while (pa - start < size) {
			struct paddr data;
			struct err *err = interrupt_check();
			if (err)
				return err;
			if (!dump_next_data(in->dump, (struct paddr){ pa + to_banner }, &data))
				break; /* a hole to the end; the extents that follow are no better
					*/
			uint64_t skip = (data.v - pa - to_banner) / align * align;
			if (!skip && candidate_is_kernel(in, pa, ret)) {
				*ret_found = true;
				return NULL;
			}
			if (pa > UINT64_MAX - align - skip)
				break;
			pa += skip ? skip : align;
		}
	}
	return NULL;
}

/* By VMCOREINFO; where the vmlinux has a banner, that must stand there. */
static bool try_vmcoreinfo(
	const struct finder_input *in, struct kernel_image *ret, const char **ret_how)
{
	static const char finder[] = "VMCOREINFO's kimage_voffset";
	struct kernel_image image;
	if (!place_by_vmcoreinfo(in, &image)) {
		attempts_add(in->attempts, finder, ATTEMPT_NOTHING, NULL, "%s",
			in->vmcoreinfo ? "not in this VMCOREINFO" : "");
		return false;
	}
	bool can_prove = in->vmlinux && in->vmlinux->banner;
	bool good = !can_prove || banner_stands_at(in, image.pa.v);
	attempts_add(in->attempts, finder,
		!good	    ? ATTEMPT_REFUTED
		: can_prove ? ATTEMPT_PROVED
			    : ATTEMPT_FOUND,
		!can_prove ? ""
		: good	   ? "linux_banner stands there, as in the vmlinux"
			   : "the vmlinux's linux_banner does not stand there",
		"_text at 0x%" PRIx64 ", physical 0x%" PRIx64, image.va, image.pa.v);
	if (!good)
		return false;
	*ret = image;
	*ret_how = can_prove ? "VMCOREINFO, proved by linux_banner" : "VMCOREINFO, not proved";
	return true;
}

/* By what plugins say: the same proof, and no word against KASLR as the kernel itself has it. */
static bool try_claims(
	const struct finder_input *in, struct kernel_image *ret, const char **ret_how)
{
	struct kernel_image image;
	for (size_t i = 0; in->claims && i < in->claims->v.n; i++) {
		const struct claim *c = &in->claims->v.v[i];
		bool stands = candidate_is_kernel(in, c->says.text_pa, &image);
		bool good = stands && (!c->says.text_va || c->says.text_va == image.va);
		attempts_add(in->attempts, c->finder, good ? ATTEMPT_PROVED : ATTEMPT_REFUTED,
			good	 ? "the same banner as in the vmlinux"
			: stands ? "the kernel there runs at another address"
				 : "the vmlinux's linux_banner does not stand there",
			"_text at physical 0x%" PRIx64, c->says.text_pa);
		if (!good)
			continue;
		*ret = image;
		*ret_how = "a plugin, proved by linux_banner";
		return true;
	}
	return false;
}

struct err *finder_place_kernel(
	const struct finder_input *in, struct kernel_image *ret, const char **ret_how)
{
	static const char finder[] = "linux_banner at every aligned place";
	struct kernel_image image;
	if (try_vmcoreinfo(in, ret, ret_how))
		return NULL;
	if (!in->vmlinux || !in->vmlinux->banner)
		return err_new(ERR_NOT_FOUND, "neither VMCOREINFO nor a vmlinux with linux_banner "
					      "says where the kernel lies");
	if (try_claims(in, ret, ret_how))
		return NULL;
	bool found = false;
	struct err *err = place_by_banner(in, &image, &found);
	if (err)
		return err;
	if (!found) {
		attempts_add(in->attempts, finder, ATTEMPT_NOTHING, NULL,
			"the vmlinux's banner stands at none");
		return err_new(ERR_NOT_FOUND, "the vmlinux's linux_banner is nowhere in the dump");
	}
	attempts_add(in->attempts, finder, ATTEMPT_PROVED, "the same banner as in the vmlinux",
		"_text at 0x%" PRIx64 ", physical 0x%" PRIx64, image.va, image.pa.v);
	*ret = image;
	*ret_how = "search for linux_banner";
	return NULL;
}

/* "Linux version 6.1.0-…": digits after the words tell the banner from format strings. */
static size_t banner_length(const uint8_t *p, size_t n)
{
	static const char words[] = "Linux version ";
	size_t skip = sizeof(words) - 1;
	if (n < skip + 4 || memcmp(p, words, skip) || !isdigit(p[skip]))
		return 0;
	size_t len = skip;
	while (len < n && len < BANNER_BYTES_MAX && p[len] >= 0x20 && p[len] < 0x7f)
		len++;
	/* "#1 SMP …": the kernel's compressed image in an early file system has "# SMP", before it
	 * was numbered. */
	const uint8_t *number = memchr(p, '#', len);
	return number && number + 1 < p + len && isalnum(number[1]) ? len : 0;
}

char *finder_dump_banner(struct scan *s)
{
	for (size_t i = 0;; i++) {
		uint8_t text[BANNER_BYTES_MAX];
		struct paddr pa, bad;
		bool found;
		scoped_err struct err *err = scan_find(s, SCAN_BANNER, i, &found, &pa);
		if (err || !found)
			return NULL; /* Ctrl-C is noticed by whoever comes next */
		size_t n = sizeof(text);
		if (dump_try_read(s->dump, pa, text, n, &bad) != FAULT_NONE)
			n = (size_t)(bad.v - pa.v);
		size_t len = banner_length(text, n);
		if (len)
			return xstrndup((const char *)text, len);
	}
}

static char *vmcoreinfo_at(struct dump *d, struct paddr pa)
{
	scoped_free char *text = xmalloc(VMCOREINFO_BYTES_MAX + 1);
	size_t n = VMCOREINFO_BYTES_MAX;
	struct paddr bad;
	if (dump_try_read(d, pa, text, n, &bad) != FAULT_NONE)
		n = (size_t)(bad.v - pa.v);
	text[n] = '\0';
	scoped_free char *release = NULL;
	bool real = vmcoreinfo_find(text, "OSRELEASE", &release) && strstr(text, "\nPAGESIZE=");
	return real ? xstrdup(text) : NULL;
}

char *finder_vmcoreinfo(struct scan *s, struct paddr *ret_pa)
{
	for (size_t i = 0;; i++) {
		struct paddr pa;
		bool found;
		scoped_err struct err *err = scan_find(s, SCAN_VMCOREINFO, i, &found, &pa);
		if (err || !found)
			return NULL; /* Ctrl-C is noticed by whoever comes next */
		char *text = vmcoreinfo_at(s->dump, pa);
		if (text && ret_pa)
			*ret_pa = pa;
		if (text)
			return text;
	}
}
