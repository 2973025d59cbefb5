/* What a target keeps for itself. For the files of this folder only. */
#ifndef ANALYZER_TARGET_PRIVATE_H
#define ANALYZER_TARGET_PRIVATE_H

#include <inttypes.h>
#include <stdio.h>

#include "analyzer/base/arena.h"
#include "analyzer/base/strmap.h"
#include "analyzer/base/vec.h"
#include "analyzer/target/attempts.h"
#include "analyzer/target/claims.h"
#include "analyzer/target/kallsyms.h"
#include "analyzer/target/overrides.h"
#include "analyzer/target/scan.h"
#include "analyzer/target/target.h"

struct bound_view {
	const struct view_spec *spec;
	struct view *view;
};

struct kept {
	const void *key;
	void *what;
	void (*destroy)(void *what);
};

struct target_private {
	int debug_fd; /* separate debug file of the vmlinux; -1: none */
	char *debug_path;
	VEC(struct bound_view) views;
	VEC(struct kept) kept;
	struct strmap type_numbers; /* uint64_t by key: what target_number() had from the types */
	struct arena type_number_keys;
	VEC(char *) warnings;
	struct kallsyms
		*kallsyms; /* from memory, when there is no vmlinux; t->syms borrows its names */
	uint8_t *btf;	   /* from memory, when there is no vmlinux; t->types borrows it */
	char *config;	   /* the kernel's configuration, once asked for; NULL: has none */
	bool config_sought;
	char *vmcoreinfo; /* read from memory; NULL when a note has it or nothing was found */
	struct scan scan; /* of all memory, as far as it was needed */
	struct attempts attempts;
	struct claims claims;	  /* of plugins */
	uint64_t claimed_root_va; /* swapper_pg_dir by the claim at hand, where no symbol says; 0:
				     none */
	struct overrides overrides;
	bool overrides_count; /* they are answered: nothing that was found contradicts them, or
				 --force */
	bool force;
	bool obeyed; /* an override that memory contradicts: what follows is not proved */
};

/* At close, the youngest first: what is kept may need what was kept before it. */
void target_drop_kept(struct target *t);

/* What VMCOREINFO says, or an override in its stead where these count. */
bool target_said(const struct target *t, const char *key, uint64_t *ret);

/* Option X (without CONFIG_) by target_config(): y and m are 1, what is not set is 0. False where
 * there is no configuration, or the value is a string. */
bool target_config_number(struct target *t, const char *option, uint64_t *ret);

#endif
