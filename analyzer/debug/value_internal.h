/* What the parts of value_format() share. */
#ifndef ANALYZER_DEBUG_VALUE_INTERNAL_H
#define ANALYZER_DEBUG_VALUE_INTERNAL_H

#include "analyzer/debug/types_internal.h"
#include "analyzer/debug/value.h"

struct printer {
	const struct debug_env *env;
	struct strbuf *out;
	bool hex;
	bool flat; /* all on one line */
	unsigned max_depth, max_elements;
	size_t limit; /* of out->len */
};

/* value_scalar.c: one number, pointer, enumerator; char arrays. Whatever fails stands as <text>. */
void print_scalar(struct printer *p, const struct value *v);
void print_fault(struct printer *p, enum fault_kind k);
void print_symbol(struct printer *p, uint64_t va);

/* False when the array is no text, or cannot be read as a whole: then element by element. */
bool print_text(struct printer *p, const struct value *v, uint64_t count);

/* value_known.c: a struct that means more than its members say (lists, trees, their nodes). False,
 * and nothing printed, for all others. */
bool print_known(struct printer *p, const struct value *v, const struct type *t);

#endif
