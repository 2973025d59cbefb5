/* Finders of the kernel's place in memory, and the proof that each must pass. They know VMCOREINFO's
 * keys and where linux_banner is linked; page tables come later, from the architecture. */
#include "analyzer/target/finder.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

enum { BANNER_BYTES_MAX = 1024, VMCOREINFO_BYTES_MAX = 65536 };

/* The proof: the dump has the vmlinux's banner, its newline included, at the place that @text_pa
 * implies. (The log holds a copy of the same text, but not at that distance from an aligned _text.) */
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

static bool candidate_is_kernel(const struct finder_input *in, uint64_t text_pa,
	struct kernel_image *ret)
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
static struct err *place_by_banner(const struct finder_input *in, struct kernel_image *ret,
	bool *ret_found)
{
	const struct dump_info *info = dump_info(in->dump);
	uint64_t align = in->arch->image_align;
	for (size_t i = 0; i < info->nextents; i++) {
		uint64_t start = info->extent[i].start.v, size = info->extent[i].size;
		uint64_t first = start + ((in->vmlinux->text_va - start) & (align - 1));
		for (uint64_t pa = first; pa - start < size; pa += align) {
			struct err *err = interrupt_check();
			if (err)
				return err;
			if (candidate_is_kernel(in, pa, ret)) {
				*ret_found = true;
				return NULL;
			}
			if (pa > UINT64_MAX - align)
				break;
		}
	}
	return NULL;
}

struct err *finder_place_kernel(const struct finder_input *in, struct kernel_image *ret,
	const char **ret_how)
{
	struct kernel_image image;
	if (place_by_vmcoreinfo(in, &image) &&
		(!in->vmlinux || !in->vmlinux->banner || banner_stands_at(in, image.pa.v))) {
		*ret = image;
		*ret_how = in->vmlinux && in->vmlinux->banner ?
			"VMCOREINFO, proved by linux_banner" : "VMCOREINFO, not proved";
		return NULL;
	}
	if (!in->vmlinux || !in->vmlinux->banner)
		return err_new(ERR_NOT_FOUND, "neither VMCOREINFO nor a vmlinux with linux_banner "
			"says where the kernel lies");
	bool found = false;
	struct err *err = place_by_banner(in, &image, &found);
	if (err)
		return err;
	if (!found)
		return err_new(ERR_NOT_FOUND, "the vmlinux's linux_banner is nowhere in the dump");
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
	return memchr(p, '#', len) ? len : 0;
}

char *finder_dump_banner(struct dump *d)
{
	const struct dump_info *info = dump_info(d);
	for (size_t i = 0; i < info->nextents; i++) {
		uint64_t pa = info->extent[i].start.v, end = pa + info->extent[i].size;
		while (pa < end && !interrupt_pending()) {
			const uint8_t *p;
			size_t n;
			if (dump_map(d, (struct paddr){ pa }, &p, &n) != FAULT_NONE) {
				pa = (pa | 0xfff) + 1;
				continue;
			}
			const uint8_t *hit = p;
			while ((hit = memmem(hit, n - (size_t)(hit - p), "Linux version ", 14))) {
				size_t len = banner_length(hit, n - (size_t)(hit - p));
				if (len)
					return xstrndup((const char *)hit, len);
				hit++;
			}
			pa += n;
		}
	}
	return NULL;
}

static char *vmcoreinfo_at(struct dump *d, uint64_t pa)
{
	scoped_free char *text = xmalloc(VMCOREINFO_BYTES_MAX + 1);
	size_t n = 0;
	while (n < VMCOREINFO_BYTES_MAX) {
		const uint8_t *p;
		size_t run;
		if (dump_map(d, (struct paddr){ pa + n }, &p, &run) != FAULT_NONE)
			break;
		if (run > VMCOREINFO_BYTES_MAX - n)
			run = VMCOREINFO_BYTES_MAX - n;
		size_t len = strnlen((const char *)p, run);
		memcpy(text + n, p, len);
		n += len;
		if (len < run)
			break;
	}
	text[n] = '\0';
	char *release = NULL;
	bool real = vmcoreinfo_find(text, "OSRELEASE", &release) && strstr(text, "\nPAGESIZE=");
	free(release);
	return real ? take_ptr(text) : NULL;
}

char *finder_vmcoreinfo(struct dump *d)
{
	static const char mark[] = "OSRELEASE=";
	const struct dump_info *info = dump_info(d);
	for (size_t i = 0; i < info->nextents; i++) {
		uint64_t pa = info->extent[i].start.v, end = pa + info->extent[i].size;
		for (pa = (pa + 0xfff) & ~0xfffull; pa < end; pa += 0x1000) {
			char got[sizeof(mark) - 1];
			if (interrupt_pending())
				return NULL;
			if (dump_try_read(d, (struct paddr){ pa }, got, sizeof(got), NULL) ||
				memcmp(got, mark, sizeof(got)))
				continue;
			char *text = vmcoreinfo_at(d, pa);
			if (text)
				return text;
		}
	}
	return NULL;
}
