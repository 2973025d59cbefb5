/*
 * The few types of a kernel without BTF and vmlinux: what VMCOREINFO describes (vmcoreinfo_btf.h),
 * and struct timekeeper, of which it says nothing, where its content proves where its members are.
 */
#ifndef ANALYZER_TARGET_VMCOREINFO_TYPES_H
#define ANALYZER_TARGET_VMCOREINFO_TYPES_H

#include "analyzer/target/target.h"

/* Adds them to t->types where no other types are. */
void vmcoreinfo_add_types(struct target *t);

#endif
