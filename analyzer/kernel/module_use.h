/* Who uses a loaded module, and how it taints the kernel: what /proc/modules adds to its name and
 * place. */
#ifndef ANALYZER_KERNEL_MODULE_USE_H
#define ANALYZER_KERNEL_MODULE_USE_H

#include "analyzer/kernel/module.h"

/* How many references there are; *ret_known is false on kernels that never unload modules. */
struct err *module_references(
	struct target *t, uint64_t module_va, int64_t *ret, bool *ret_known) MUST_CHECK;

/* Appends the names of the modules that need it, with "," between; "[permanent]" for one that
 * cannot be unloaded. */
struct err *module_users_format(
	struct target *t, uint64_t module_va, struct strbuf *out) MUST_CHECK;

/* Appends its letters, "OE"; nothing where it taints nothing. */
struct err *module_taints_format(
	struct target *t, uint64_t module_va, struct strbuf *out) MUST_CHECK;

/* "Live", "Loading", "Unloading" as in /proc/modules. */
const char *module_state_name(const struct module *m);

#endif
