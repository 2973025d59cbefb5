/*
 * What the type database and its providers share. A provider turns its debug information into types
 * through the interning functions here, so that the same C type from many units is one object.
 */
#ifndef ANALYZER_DEBUG_TYPES_INTERNAL_H
#define ANALYZER_DEBUG_TYPES_INTERNAL_H

#include "analyzer/base/arena.h"
#include "analyzer/base/strmap.h"
#include "analyzer/debug/type.h"

/* Limits against hostile debug information; far above what any kernel has. */
enum {
	TYPE_MAX_DEPTH = 64,       /* of typedefs, qualifiers, pointers, nested arrays */
	TYPE_MAX_MEMBERS = 1 << 16,
	TYPE_MAX_NESTING = 24,     /* of anonymous structs within each other */
};

struct type_provider {
	const char *name; /* "DWARF 5" */
	/* Success with *ret NULL: everything was looked at and it is not there. @kind TYPE_VOID:
	 * a struct, else a union, typedef or enum. */
	struct err *(*find)(struct type_provider *p, enum type_kind kind, const char *name,
		const char *hint, const struct type **ret);
	struct err *(*find_variable)(struct type_provider *p, const char *name, const char *hint,
		const struct type **ret);
	/* Fills members or enumerators of a defined struct, union or enum. */
	struct err *(*complete)(struct type_provider *p, struct type *t);
	bool (*source_line)(struct type_provider *p, uint64_t link_va, const char **ret_file,
		int *ret_line);
	void (*destroy)(struct type_provider *p);
};

/* A type with what only the database looks at. */
struct type_node {
	struct type t; /* first: a struct type * is its node */
	struct type_provider *provider;
	struct type_node *same_name; /* tags: other types of this kind and name */
	uint32_t line;               /* where it is declared; tells apart what has the same name */
	bool completing;
};

/* Numbers to pointers; number 0 is not a key. */
struct idmap {
	struct idmap_slot {
		uint64_t key;
		void *value;
	} *slot;
	size_t n, cap;
};
void *idmap_get(const struct idmap *m, uint64_t key);
void idmap_set(struct idmap *m, uint64_t key, void *value);
void idmap_deinit(struct idmap *m);

struct types {
	struct abi abi;
	struct arena arena;
	struct type_provider *provider; /* NULL: no types */
	struct type_node **interned;    /* all that have no tag, by content */
	size_t ninterned, cap;
	struct strmap tag[3]; /* struct, union, enum: name to a list of nodes */
	const struct type *void_type;
};

/* The one object for an integer, float, pointer, array, typedef or qualified type of this content. */
struct type *types_intern(struct types *db, const struct type *content, uint32_t line);

/*
 * The object of a struct, union or enum; @name NULL makes a new one. A declaration is answered with a
 * definition of that name when one is known; the first definition takes the place of a declaration.
 * *ret_new: its .origin is the caller's to set.
 */
struct type *types_tag(struct types *db, enum type_kind kind, const char *name, uint64_t size,
	uint32_t line, bool declaration, bool *ret_new);

struct type *types_new(struct types *db, const struct type *content);

/* A pointer to @target. */
const struct type *types_pointer_to(struct types *db, const struct type *target);
const struct type *types_array_of(struct types *db, const struct type *element, uint64_t count);

/*
 * Decodes a number (integer, enum, pointer, bool) from @p, which holds all bytes that its bits touch:
 * @bit_offset (below 8) within the first byte, @bit_size 0 for a whole @size bytes (1 to 8). Widened by
 * @is_signed.
 */
uint64_t scalar_decode(const struct abi *abi, const uint8_t *p, uint64_t size, unsigned bit_offset,
	unsigned bit_size, bool is_signed);

/* True when @t (stripped) is read as a number of 1 to 8 bytes. */
bool type_is_number(const struct type *t);

static inline const char *type_kind_word(enum type_kind kind)
{
	return kind == TYPE_STRUCT ? "struct" : kind == TYPE_UNION ? "union" : "enum";
}

#endif
