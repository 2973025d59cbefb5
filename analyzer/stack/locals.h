/* The source and the variables of a frame. */
#ifndef ANALYZER_STACK_LOCALS_H
#define ANALYZER_STACK_LOCALS_H

#include "analyzer/debug/lines.h"
#include "analyzer/debug/variables.h"
#include "analyzer/stack/trace.h"

/* types_source_frames() of a frame: how many of @out[0..SOURCE_FRAMES_MAX). */
size_t frame_source(struct target *t, const struct frame *f, struct source_frame *out);

/* The scopes of frame @n, innermost first, none where nothing is known; the frames' registers
 * should be as cfi_fill_registers() leaves them. In @a. */
struct err *frame_variables(struct target *t, const struct trace *trace, size_t n, struct arena *a,
	struct variable_scope **ret, size_t *ret_n) MUST_CHECK;

#endif
