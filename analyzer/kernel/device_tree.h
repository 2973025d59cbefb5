/*
 * The device tree as the kernel keeps it, of_root and what hangs below it, and the blob that it was
 * made from. Both are told as events of fdt.h.
 */
#ifndef ANALYZER_KERNEL_DEVICE_TREE_H
#define ANALYZER_KERNEL_DEVICE_TREE_H

#include "analyzer/kernel/fdt.h"
#include "analyzer/target/target.h"

/*
 * Calls @fn for of_root's nodes and properties, in the blob's order. The "name" property that the
 * kernel makes up for each node is left out. A damaged branch is handed to @complain, which takes
 * the error, and left. ERR_MISSING without of_root; ERR_NOT_FOUND when the machine has no device
 * tree (ACPI).
 */
typedef void (*device_tree_complain_fn)(void *cx, struct err *e);
struct err *device_tree_walk(
	struct target *t, device_tree_fn fn, device_tree_complain_fn complain, void *cx) MUST_CHECK;

/* The blob at initial_boot_params, the caller's to free: *ret_n bytes, as its header says. */
struct err *device_tree_blob_read(struct target *t, uint8_t **ret, size_t *ret_n) MUST_CHECK;

#endif
