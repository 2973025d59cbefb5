/* SPDX-License-Identifier: GPL-2.0 */
/* For kernels whose DEFINE_SEMAPHORE() wants a count, too (include/linux/semaphore.h since v6.4): the older form. */
#include <linux/semaphore.h>
#undef DEFINE_SEMAPHORE
#define DEFINE_SEMAPHORE(name) struct semaphore name = __SEMAPHORE_INITIALIZER(name, 1)
