/* How many jiffies a second has: what turns the kernel's ticks into time. */
#ifndef ANALYZER_KERNEL_JIFFIES_H
#define ANALYZER_KERNEL_JIFFIES_H

#include "analyzer/target/target.h"

/* False: nothing says it, or what does says no sensible number. */
bool jiffies_hz(struct target *t, uint64_t *ret);

#endif
