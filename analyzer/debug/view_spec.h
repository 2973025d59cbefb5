/*
 * What a view wants of the target: its table, as data. Commands and plugins write these; view.h
 * binds and reads them.
 */
#ifndef ANALYZER_DEBUG_VIEW_SPEC_H
#define ANALYZER_DEBUG_VIEW_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum view_field_kind {
	VIEW_NUMBER, /* integer, enum, pointer, bool, bitfield: widened into our 1, 2, 4 or 8 bytes,
		      * with its sign as the target's type has it */
	VIEW_BYTES,  /* array or struct: the first bytes, as they are, up to our size */
	VIEW_ADDRESS, /* the virtual address of the member itself */
};

struct view_field {
	enum view_field_kind kind;
	uint16_t offset, size; /* in our struct */
	bool optional;
	const char *path[4]; /* in the target's, newest name first */
};

#define VIEW_FIELD_(k, opt, s, m, ...)                                                             \
	{                                                                                          \
		.kind = (k), .offset = offsetof(s, m), .size = sizeof(((s *)0)->m),                \
		.optional = (opt), .path = {                                                       \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define FIELD(s, m, ...)		  VIEW_FIELD_(VIEW_NUMBER, false, s, m, __VA_ARGS__)
#define FIELD_OPTIONAL(s, m, ...)	  VIEW_FIELD_(VIEW_NUMBER, true, s, m, __VA_ARGS__)
#define FIELD_BYTES(s, m, ...)		  VIEW_FIELD_(VIEW_BYTES, false, s, m, __VA_ARGS__)
#define FIELD_BYTES_OPTIONAL(s, m, ...)	  VIEW_FIELD_(VIEW_BYTES, true, s, m, __VA_ARGS__)
#define FIELD_ADDRESS(s, m, ...)	  VIEW_FIELD_(VIEW_ADDRESS, false, s, m, __VA_ARGS__)
#define FIELD_ADDRESS_OPTIONAL(s, m, ...) VIEW_FIELD_(VIEW_ADDRESS, true, s, m, __VA_ARGS__)

struct view_spec {
	const char *type;     /* "task_struct"; "union x" and typedefs by their name */
	const char *type_old; /* an older name, tried when the first is absent; may be NULL */
	const char *hint;     /* a variable or function whose file knows the type; may be NULL */
	const struct view_field *fields;
	size_t nfields;
};

#endif
