/* %p formats of kernel structures: resources, dentries, files, block devices, clocks, sets of
 * flags, device tree and firmware nodes, modules. */
#ifndef ANALYZER_KERNEL_PRINTK_OBJECTS_H
#define ANALYZER_KERNEL_PRINTK_OBJECTS_H

#include "analyzer/debug/printk_format.h"

/*
 * Adds %pR %pr %pra %pd %pD %pg %pC %pV %pGp %pGg %pGv %pGt %pOF %pfw and the build-ids of %pSb
 * and %pBb. They bind the types at each use, through the
 * debug_env that they are called with; ERR_MISSING says what the target lacks. The names of flags
 * come from the kernel's own tables (mm/debug.c), so kernels whose symbols are not known have no
 * %pG.
 */
void printk_objects_register(struct printk_formats *f);

#endif
