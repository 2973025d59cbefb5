/* What vmalloc.c and vmalloc_area.c share. */
#ifndef ANALYZER_KERNEL_VMALLOC_INTERNAL_H
#define ANALYZER_KERNEL_VMALLOC_INTERNAL_H

#include "analyzer/kernel/vmalloc.h"

/* Adds a finding; takes @finding. */
void vmalloc_found(struct vmalloc *v, struct err *finding);

/* The same, but an interruption ends the whole reading and is returned. */
struct err *vmalloc_fatal(struct vmalloc *v, struct err *err) MUST_CHECK;

/* Marks ARM's static mappings. */
struct err *vmalloc_mark_static(struct vmalloc *v) MUST_CHECK;

#endif
