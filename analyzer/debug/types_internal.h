/*
 * What the type database and its providers share. A provider turns its debug information into types
 * through the interning functions here, so that the same C type from many units is one object.
 */
#ifndef ANALYZER_DEBUG_TYPES_INTERNAL_H
#define ANALYZER_DEBUG_TYPES_INTERNAL_H

#include "analyzer/base/arena.h"
#include "analyzer/base/near.h"
#include "analyzer/base/strmap.h"
#include "analyzer/base/vec.h"
#include "analyzer/debug/lines.h"
#include "analyzer/debug/type.h"
#include "analyzer/debug/types_modules.h"

/* Limits against hostile debug information; far above what any kernel has. */
enum {
	TYPE_MAX_DEPTH = 64, /* of typedefs, qualifiers, pointers, nested arrays */
	TYPE_MAX_MEMBERS = 1 << 16,
	TYPE_MAX_NESTING = 24,	  /* of anonymous structs within each other */
	TYPE_MAX_SAME_NAME = 256, /* structs of one name that are told apart */
};

struct type_provider {
	const char *name; /* "DWARF 5" */
	/* Each type comes once, so two of one name and size are two types. False: each unit of the
	 * program has its own copy, and the line of declaration tells which are the same. */
	bool deduplicated;
	/* A kernel image's type that this provider does not know does not exist. */
	bool complete;
	/* That a name is absent is known only after a scan of everything. */
	bool scans;
	/* Success with *ret NULL: everything was looked at and it is not there. @kind TYPE_VOID:
	 * a struct, else a union, typedef or enum. */
	struct err *(*find)(struct type_provider *p, enum type_kind kind, const char *name,
		const char *hint, const struct type **ret);
	/* Whether several types have this kind and name, so that a hint should decide. NULL: the
	 * provider heeds hints itself. */
	bool (*ambiguous)(struct type_provider *p, enum type_kind kind, const char *name);
	struct err *(*find_variable)(struct type_provider *p, const char *name, const char *hint,
		const struct type **ret);
	/* The enum, not completed yet, that has enumerator @name; ERR_NOT_FOUND without one. Of
	 * several the one that find() would take first. NULL: it cannot tell. */
	struct err *(*find_enumerator)(
		struct type_provider *p, const char *name, const struct type **ret);
	/* What types_each() says, of this provider alone; NULL: it cannot tell. */
	struct err *(*each)(
		struct type_provider *p, enum type_kind kind, types_each_fn each, void *cx);
	/* Offers the names of types (TYPE_VOID: of the four tagged kinds and typedefs) or, with
	 * TYPE_INT, of enumerators. Must not read more than is read already, or than a few
	 * milliseconds' worth. NULL: it cannot. */
	void (*offer_names)(struct type_provider *p, enum type_kind kind, struct near_names *near);
	/* types_each_percpu() of this provider; NULL: it has no list of them. */
	struct err *(*each_percpu)(struct type_provider *p, types_percpu_fn each, void *cx);
	/* Fills members or enumerators of a defined struct, union or enum. */
	struct err *(*complete_type)(struct type_provider *p, struct type *t);
	bool (*source_line)(struct type_provider *p, uint64_t link_va, const char **ret_file,
		int *ret_line); /* may be NULL */
	size_t (*source_frames)(struct type_provider *p, uint64_t link_va, uint64_t start,
		struct source_frame *out); /* may be NULL */
	void (*destroy)(struct type_provider *p);
};

/* One entry of the database's list: a provider that is open, waits to be opened at the first
 * question that only it can answer, or is not usable. */
struct provider_slot {
	char *name, *origin;
	char *state;			/* in words */
	struct type_provider *provider; /* NULL: not open */
	bool waits;			/* DWARF of .fd, not opened yet */
	bool scans;			/* as the provider's */
	int fd;
	struct types_module *module; /* whose it is; NULL: the kernel's */
	struct open_ahead *ahead;    /* waits: being opened on a thread of its own; NULL: not */
	struct cfi_file *cfi;	     /* NULL: not asked for yet */
};

/* A type with what only the database looks at. */
struct type_node {
	struct type t; /* first: a struct type * is its node */
	struct type_provider *provider;
	struct type_node *same_name; /* tags: other types of this kind and name */
	uint32_t line;		     /* where it is declared; tells apart what has the same name;
				      * 0: not known */
	bool alone;		     /* never the same as another provider's type */
	bool completing;
};

/* Numbers to pointers; number 0 is not a key. */
struct idmap {
	struct idmap_slot {
		uint64_t key;
		void *value;
	} * slot;
	size_t n, cap;
};
void *idmap_get(const struct idmap *m, uint64_t key);
void idmap_set(struct idmap *m, uint64_t key, void *value);
void idmap_deinit(struct idmap *m);

/* types_modules.c: what lists the modules' providers, and whether lookups see them now. */
struct types_modules {
	void (*load)(void *cx); /* NULL: called already, or none */
	void (*destroy)(void *cx);
	void *cx;
	bool visible;
};

struct types {
	struct abi abi;
	struct dwarf_cache *dwarf_cache; /* of the kernel's DWARF; NULL: nothing is kept of it */
	struct arena arena;
	VEC(struct provider_slot) slot; /* in the order in which they are asked */
	char source[64];		/* for types_source() */
	struct type_node **interned;	/* all that have no tag, by content */
	size_t ninterned, cap;
	struct strmap tag[3]; /* struct, union, enum: name to a list of nodes */
	const struct type *void_type;
	const char *symbols_dir; /* where files are looked for first; NULL: nowhere */
	struct types_modules modules;
	struct idmap places; /* what types_source_frames() has answered, by address */
};

/*
 * The one object for an integer, float, pointer, array, typedef, function or qualified type of this
 * content; a function's parameters are compared with their names.
 * @line: of a typedef's declaration, 0 when the provider does not know it; it then is the same as
 * one with any line.
 */
struct type *types_intern(struct types *db, const struct type *content, uint32_t line);

/* What a provider says of a struct, union or enum before its body is wanted. */
struct tag_spec {
	enum type_kind kind;
	const char *name; /* NULL: anonymous, always a new object */
	uint64_t size;
	uint32_t line; /* 0: not known */
	bool declaration;
	bool alone; /* others of this name and size exist: which one it is cannot be told */
};

/*
 * The object of a struct, union or enum. A declaration is answered with a definition of that name
 * when one is known; the first definition takes the place of a declaration. Definitions of one
 * provider are the same when name, size and line are, unless that provider is deduplicated; those
 * of a deduplicated provider and another are the same when name and size are, and the line is equal
 * or known to one at most. *ret_new: its .origin is the caller's to set.
 */
struct type *types_tag(
	struct types *db, struct type_provider *p, const struct tag_spec *spec, bool *ret_new);

/* A new object that nothing else will be the same as. */
struct type *types_new(struct types *db, const struct type *content);

/* ---- types_providers.c: who is asked, and in which order ---- */

/* Takes @p, which works, before all that waits or scans. @state as struct types_provider_info. */
void types_provider_add(struct types *db, struct type_provider *p, const char *origin, char *state);

/* Remembers that @name of @origin is of no use, and why. */
void types_provider_note(struct types *db, const char *name, const char *origin, const char *why);

/* Remembers DWARF of @fd, to be opened when it is asked for. */
void types_provider_wait(struct types *db, const char *name, const char *origin, int fd);

/* The same of a module; @m (malloc'ed) is taken. */
void types_provider_wait_module(struct types *db, const char *name, struct types_module *m);

/* types_modules.c: whether slot @i is a module's that lookups do not see, and whether its code may
 * hold
 * @link_va. */
bool types_slot_hidden(const struct types *db, size_t i);
bool types_slot_covers(const struct types *db, size_t i, uint64_t link_va);
void types_modules_deinit(struct types *db);

/* The provider of slot @i, opened now if it waited; NULL when it is of no use. */
struct type_provider *types_provider_at(struct types *db, size_t i);

void types_providers_deinit(struct types *db);

/* cfi_source.c */
void types_cfi_close(struct provider_slot *s);

/* dwarf_source.c: what types_add_dwarf() put off. *ret_state is the caller's to free. */
struct err *dwarf_source_open(struct types *db, int fd, const char *path,
	struct type_provider **ret, char **ret_state) MUST_CHECK;

/* The same of DWARF that is open already and stays the caller's. */
struct err *dwarf_source_open_borrowed(struct types *db, Dwarf *dw, const char *path,
	struct type_provider **ret, char **ret_state) MUST_CHECK;

/* A pointer to @target. */
const struct type *types_pointer_to(struct types *db, const struct type *target);
const struct type *types_array_of(struct types *db, const struct type *element, uint64_t count);

/*
 * Decodes a number (integer, enum, pointer, bool) from @p, which holds all bytes that its bits
 * touch:
 * @bit_offset (below 8) within the first byte, @bit_size 0 for a whole @size bytes (1 to 8).
 * Widened by
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
