/*
 * What each fuzz target exports: LLVMFuzzerTestOneInput(), as libFuzzer calls it, and fuzz_seed(),
 * which hands well-formed inputs to mutate; tests/fuzz/driver.c runs both without libFuzzer.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

typedef void (*fuzz_add_fn)(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
void fuzz_seed(fuzz_add_fn add);

#endif
