/*
 * Facts that a person states with --set NAME=VALUE: by VMCOREINFO's own keys or by plain names.
 * They stand before what the dump says of itself, but not before what its memory proves: checking
 * that is the target's business.
 */
#ifndef ANALYZER_TARGET_OVERRIDES_H
#define ANALYZER_TARGET_OVERRIDES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/base/err.h"
#include "analyzer/base/vec.h"

struct override_fact {
	const char *name; /* "va_bits"; NULL ends the table */
	const char *key;  /* VMCOREINFO's, or the architecture's own */
	const char *help;
};

extern const struct override_fact override_facts[];

struct override {
	char *name; /* as given */
	char *key;
	uint64_t value;
	bool off; /* contradicted and ignored */
};

struct overrides {
	VEC(struct override) v;
};

/* Takes "NAME=VALUE"; VALUE is decimal or 0x-hex, KERNELOFFSET and SYMBOL() hex as VMCOREINFO has
 * them. ERR_USAGE names what is wrong and the names that there are. The last one of a key counts.
 */
struct err *overrides_add(struct overrides *o, const char *text) MUST_CHECK;

bool overrides_number(const struct overrides *o, const char *key, uint64_t *ret);

/* By key; NULL when it was not given, or is off. */
struct override *overrides_find(const struct overrides *o, const char *key);

void overrides_deinit(struct overrides *o);

#endif
