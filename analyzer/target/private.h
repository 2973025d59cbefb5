/* What a target keeps for itself. For the files of this folder only. */
#ifndef ANALYZER_TARGET_PRIVATE_H
#define ANALYZER_TARGET_PRIVATE_H

#include <inttypes.h>
#include <stdio.h>

#include "analyzer/base/vec.h"
#include "analyzer/target/target.h"

struct bound_view {
	const struct view_spec *spec;
	struct view *view;
};

struct target_private {
	VEC(struct bound_view) views;
	VEC(char *) warnings;
	char *vmcoreinfo; /* read from memory; NULL when a note has it or nothing was found */
};

#endif
