/* What the families of %p formats of kernel structures share. */
#ifndef ANALYZER_KERNEL_PRINTK_OBJECTS_INTERNAL_H
#define ANALYZER_KERNEL_PRINTK_OBJECTS_INTERNAL_H

#include "analyzer/debug/view.h"
#include "analyzer/kernel/printk_objects.h"

/* NAME_MAX + 1; DISK_NAME_LEN is 32, and names of clocks, nodes and flags are short. */
enum { PRINTK_NAME_BYTES = 256 };

void printk_view_destroy(struct view **v);
#define scoped_printk_view __attribute__((cleanup(printk_view_destroy)))

/* One object by a view that is used once. */
struct err *printk_read_object(const struct debug_env *env, const struct view_spec *spec,
	uint64_t va, void *ret) MUST_CHECK;

/* %pGp %pGg %pGv %pGt; %pOF %pfw; %pS %pF %pB, whose letter b asks for a module's build-id. */
void printk_flags_register(struct printk_formats *f);
void printk_nodes_register(struct printk_formats *f);
void printk_modules_register(struct printk_formats *f);

#endif
