/* Objects that a CPU was just allocating or freeing when the machine stopped. */
#ifndef ANALYZER_KERNEL_KASAN_IN_FLIGHT_H
#define ANALYZER_KERNEL_KASAN_IN_FLIGHT_H

#include "analyzer/kernel/kasan.h"

/*
 * Whether the stack of a task that a CPU was running has @va (whatever its tag) as a word: KASAN
 * and SLUB change their books one after the other, and between the two they differ rightly. False
 * where stacks cannot be read.
 */
bool kasan_in_flight(const struct kasan *k, uint64_t va);

#endif
