/*
 * Flattened device trees: the blob that a boot loader hands over (Devicetree Specification 0.4,
 * chapter 5). Knows its bytes only; device_tree.h has the kernel's own tree and gives the same
 * events.
 */
#ifndef ANALYZER_KERNEL_FDT_H
#define ANALYZER_KERNEL_FDT_H

#include <stddef.h>

#include "analyzer/base/err.h"
#include "analyzer/base/strbuf.h"

enum {
	FDT_HEADER_BYTES = 40,
	FDT_BYTES_MAX = 16 << 20,   /* arm64 takes 2 MB, arch/arm64/include/asm/boot.h */
	DEVICE_TREE_DEPTH_MAX = 64, /* FDT_MAX_DEPTH, drivers/of/fdt.c */
};

struct fdt_header {
	uint32_t total_bytes, struct_at, strings_at, reserve_at, version, compatible_version,
		boot_cpu, strings_bytes, struct_bytes;
};

/* From the first FDT_HEADER_BYTES. ERR_FORMAT says what is wrong with them. */
struct err *fdt_header_parse(const uint8_t *p, struct fdt_header *ret) MUST_CHECK;

enum device_tree_event_kind {
	DEVICE_TREE_RESERVE,  /* .address and .bytes; blobs only */
	DEVICE_TREE_NODE,     /* .name: "memory@40000000", "" for the root */
	DEVICE_TREE_PROPERTY, /* .name, .value, .length */
	DEVICE_TREE_END,      /* of the node at .depth */
};

struct device_tree_event {
	enum device_tree_event_kind kind;
	unsigned depth;	  /* of the node it is or belongs to; the root's is 0 */
	const char *name; /* borrowed for the call */
	const uint8_t *value;
	size_t length;
	uint64_t address, bytes;
	uint64_t va; /* the kernel's struct device_node or property; 0 in a blob */
};

typedef struct err *(*device_tree_fn)(void *cx, const struct device_tree_event *e);

/*
 * Calls @fn for all of the blob of @n bytes in its order. ERR_FORMAT, with where, for the first
 * thing that cannot be; what came before has been given. An error of @fn ends it.
 */
struct err *fdt_walk(const uint8_t *p, size_t n, device_tree_fn fn, void *cx) MUST_CHECK;

enum device_tree_value {
	DEVICE_TREE_EMPTY,
	DEVICE_TREE_STRINGS,
	DEVICE_TREE_CELLS,
	DEVICE_TREE_BYTES
};

/* What a property's bytes seem to be, by dtc's rule. */
enum device_tree_value device_tree_value_kind(const uint8_t *p, size_t n);

/* As dtc writes it: "a", "b" or <0x01 0x02> or [00 01]; nothing for an empty one. */
void device_tree_value_format(const uint8_t *p, size_t n, struct strbuf *out);

#endif
