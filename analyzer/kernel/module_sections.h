/* Where each section of a loaded module lies, and by what its file is known: what
 * /sys/module/NAME/sections and notes say, read from the dump. */
#ifndef ANALYZER_KERNEL_MODULE_SECTIONS_H
#define ANALYZER_KERNEL_MODULE_SECTIONS_H

#include "analyzer/base/arena.h"
#include "analyzer/kernel/module.h"

enum { MODULE_BUILD_ID_MAX = 32 };

struct module_section {
	const char *name;
	uint64_t va;
};

struct module_identity {
	uint8_t build_id[MODULE_BUILD_ID_MAX];
	size_t build_id_bytes;	/* 0: not known */
	const char *srcversion; /* NULL: has none (CONFIG_MODULE_SRCVERSION_ALL) */
};

/*
 * The sections of @m that are still in memory (.init ones are freed after loading), in the file's
 * order; those of per-CPU variables included, at their unmoved address. All in @arena. ERR_MISSING
 * without CONFIG_KALLSYMS and CONFIG_SYSFS.
 */
struct err *module_sections_read(struct target *t, const struct module *m, struct arena *arena,
	struct module_section **ret, size_t *ret_n) MUST_CHECK;

/* @section, @n: what module_sections_read() gave. What is not known or cannot be read is left
 * empty. */
void module_identity_read(struct target *t, const struct module *m,
	const struct module_section *section, size_t n, struct arena *arena,
	struct module_identity *ret);

/* Split BTF of the module (since v5.11): its bytes, malloc'ed; ERR_MISSING when it has none,
 * ERR_UNSUPPORTED when it builds on a base of its own (modules built outside of the kernel's tree).
 */
struct err *module_btf_read(
	struct target *t, const struct module *m, uint8_t **ret, size_t *ret_bytes) MUST_CHECK;

#endif
