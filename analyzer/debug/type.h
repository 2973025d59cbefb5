/*
 * The types of the target: one graph, whatever provider (DWARF, BTF) they came from. Types are
 * interned: they live as long as their database, and pointers to them may be compared. Structs are
 * completed lazily: ask type_complete() before looking at members. Recursive types are normal.
 */
#ifndef ANALYZER_DEBUG_TYPE_H
#define ANALYZER_DEBUG_TYPE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/base/err.h"
#include "analyzer/base/load.h"
#include "analyzer/base/strbuf.h"

enum type_kind {
	TYPE_VOID,
	TYPE_INT, /* also char, bool: see encoding */
	TYPE_FLOAT,
	TYPE_ENUM,
	TYPE_POINTER,
	TYPE_ARRAY,
	TYPE_STRUCT,
	TYPE_UNION,
	TYPE_TYPEDEF,
	TYPE_QUALIFIED, /* const, volatile, restrict, atomic: in .name */
	TYPE_FUNCTION,
};

enum int_encoding { INT_UNSIGNED, INT_SIGNED, INT_BOOL, INT_CHAR /* either sign */ };

struct type;

struct type_member {
	const char *name; /* NULL: anonymous */
	const struct type *type;
	uint64_t bit_offset; /* from the start of the struct */
	uint32_t bit_size;   /* 0: not a bitfield */
};

struct type_enumerator {
	const char *name;
	int64_t value;
};

struct type {
	enum type_kind kind;
	const char *name;	    /* tag, typedef or base name; NULL: anonymous */
	uint64_t size;		    /* bytes; 0: void, incomplete, function, flexible array */
	bool declaration;	    /* struct X; without a body anywhere so far */
	enum int_encoding encoding; /* INT, ENUM */
	bool is_signed;		    /* INT (chars too), ENUM: widens with its sign */
	const struct type
		*target; /* POINTER, ARRAY, TYPEDEF, QUALIFIED, FUNCTION (returned); ENUM: base */
	uint64_t count;	 /* ARRAY: elements, 0: flexible */
	const struct type_member *member; /* STRUCT, UNION, once complete; FUNCTION: parameters, a
					   * last one named "..." stands for the variable ones */
	uint32_t nmembers;
	const struct type_enumerator *enumerator; /* ENUM, once complete */
	uint32_t nenumerators;
	bool complete;
	void *origin; /* the provider's */
};

struct types;

/*
 * A database starts empty: nothing but base types is found. Providers are added to it, and asked
 * in this order whatever the order of adding: BTF, which is fast and has a kernel image's types and
 * the per-CPU variables; then DWARF, which has all variables and lines, and which is opened only at
 * the first question that BTF cannot answer. Where both describe a type, it is one object if its
 * name and size leave no doubt; else two stand side by side, each right. BTF has arrays of arrays
 * as one flat array.
 */
struct types *types_create(const struct abi *abi);
void types_destroy(struct types *db);
const struct abi *types_abi(const struct types *db);

/* Where alternate files of DWARF are looked for first; before anything is added. */
void types_set_symbols_dir(struct types *db, const char *dir);

/* Adds DWARF of the ELF file @fd (as libdw reads it), which stays the caller's, open as long as the
 * database. ERR_MISSING when it has none; that it is damaged shows when it is used. */
struct err *types_add_dwarf(struct types *db, int fd, const char *path) MUST_CHECK;

/* Opens DWARF that waits on a thread of its own, when no faster provider would answer first: the
 * database may be used at once, and the first question waits for the rest. Add no provider
 * afterwards. */
void types_open_ahead(struct types *db);

/* Has the kernel's DWARF keep its index in @cache (borrowed), for DWARF that is added after this.
 */
struct index_cache;
void types_use_cache(struct types *db, struct index_cache *cache);

/* Where somebody waits at a prompt: a thread makes the whole index of the kernel's DWARF, unless
 * the cache has it already, and writes it to the cache. */
void types_index_in_background(struct types *db);

/*
 * Adds a kernel image's BTF. @bytes are borrowed and stay as they are as long as the database. Any
 * bytes will do: ERR_FORMAT when they are no BTF, ERR_MISMATCH when it is of another word size.
 * What is damaged further in loses types, not the rest. @origin tells people where they are from.
 */
struct err *types_add_btf(
	struct types *db, const void *bytes, size_t n, const char *origin) MUST_CHECK;

/* The same of a few types only, from a source called @name (a constant) that knows no others. */
struct err *types_add_btf_part(struct types *db, const void *bytes, size_t n, const char *name,
	const char *origin) MUST_CHECK;

/* The same of a module: split BTF, which goes on where the first BTF added ends. ERR_MISSING
 * without one. */
struct err *types_add_btf_module(
	struct types *db, const void *bytes, size_t n, const char *origin) MUST_CHECK;

/* Adds section .BTF of @elf, which stays open as long as the database. ERR_MISSING without one. */
struct err *types_add_btf_elf(struct types *db, Elf *elf, const char *path) MUST_CHECK;

/* "BTF + DWARF 5" and so on, for sys; NULL when there are no types. */
const char *types_source(const struct types *db);

/* Whether what lacks a type may say so: false where only types_add_btf_part() gave any. */
bool types_whole(const struct types *db);

/* What was added, in the order in which it is asked, also what turned out to be of no use. The
 * strings live until the next provider is added or opened. */
struct types_provider_info {
	const char *name;   /* "BTF", "DWARF 5" */
	const char *origin; /* as it was given when added */
	const char *state;  /* "98,104 types", "not opened yet", "not usable: …" */
	bool usable;
	bool module; /* of a module, not of the kernel */
};

/* Fills @out[0..max), returns how many there are. */
size_t types_providers(const struct types *db, struct types_provider_info *out, size_t max);

/*
 * A struct, union, enum, typedef or base type by name. @hint (may be NULL) is the path suffix of a
 * source file whose unit surely has it ("kernel/printk/printk.c"): it decides between types of the
 * same name, and saves a scan of all units. ERR_NOT_FOUND when it is not there; where there is a
 * kernel image's whole BTF, DWARF is not searched for what that lacks.
 */
struct err *types_find(struct types *db, enum type_kind kind, const char *name, const char *hint,
	const struct type **ret) MUST_CHECK;

/* The enum, not completed yet, that has an enumerator @name; ERR_NOT_FOUND as types_find() has it:
 * where there is a kernel image's whole BTF, DWARF is not searched for what that lacks. */
struct err *types_find_enumerator(
	struct types *db, const char *name, const struct type **ret) MUST_CHECK;

/* A struct, else a union, typedef or enum of this name: one search for all four. */
struct err *types_find_any(
	struct types *db, const char *name, const char *hint, const struct type **ret) MUST_CHECK;

/* types_find(), or with TYPE_VOID types_find_any(), where no provider is left out: a last resort
 * when a person insists, since "not found" costs a scan of all DWARF (0.6 s on a Debian kernel). */
struct err *types_search(struct types *db, enum type_kind kind, const char *name,
	const struct type **ret) MUST_CHECK;

/*
 * Calls @each for the named types of @kind (TYPE_STRUCT, UNION, ENUM or TYPEDEF) that a search by
 * name could find, once each, not completed, in no order that means anything. Where there is a
 * kernel image's whole BTF, DWARF is not asked; else all its units are scanned. What only modules
 * have comes last, while they are shown (types_modules_show()). An error of @each, or
 * ERR_INTERRUPTED, ends it.
 */
typedef struct err *(*types_each_fn)(void *cx, const struct type *t);
struct err *types_each(
	struct types *db, enum type_kind kind, types_each_fn each, void *cx) MUST_CHECK;

/*
 * Calls @each for each per-CPU variable of the kernel image with its place from the start of the
 * per-CPU section (__per_cpu_start), where a provider lists them (BTF's section .data..percpu).
 * Names live as long as the provider's bytes. None at all is no error. An error of @each ends it.
 */
typedef struct err *(*types_percpu_fn)(void *cx, const char *name, uint64_t offset, uint64_t bytes);
struct err *types_each_percpu(struct types *db, types_percpu_fn each, void *cx) MUST_CHECK;

/* Offers all names of types of @kind (TYPE_VOID: a struct, union, enum or typedef), or with
 * TYPE_INT those of enumerators, that are at hand without a scan: for "did you mean". */
struct near_names;
void types_offer_names(struct types *db, enum type_kind kind, struct near_names *near);

/* As C writes it: "struct list_head", "unsigned long", "pid_t", "struct task_struct *". Names are
 * looked up as types_find() does. */
struct err *types_parse(struct types *db, const char *c_name, const struct type **ret) MUST_CHECK;

/* The declared type of a global variable; when no provider knows it, what known_globals.h says. */
struct err *types_find_variable(
	struct types *db, const char *name, const char *hint, const struct type **ret) MUST_CHECK;

/* Makes members or enumerators readable; finds the body of a declaration elsewhere. */
struct err *type_complete(struct types *db, const struct type *t) MUST_CHECK;

/* Through typedefs and qualifiers to the type that has a shape. Never NULL; bounded. */
const struct type *type_strip(const struct type *t);

/* A member by path from a struct: "comm", "se.vruntime", "thread.cpu_context.x19", "a[3].b";
 * anonymous members are looked through. */
struct field_ref {
	const struct type *type;
	uint64_t bit_offset;
	uint32_t bit_size; /* 0: not a bitfield */
};
struct err *type_field(
	struct types *db, const struct type *t, const char *path, struct field_ref *ret) MUST_CHECK;

/* "struct task_struct *", "char [16]", "void (*)(struct work_struct *)": with @name (may be NULL)
 * put where C puts it. */
void type_declare(const struct type *t, const char *name, struct strbuf *out);

/* The body of a struct, union or enum as C, pahole-like, one member a line; @offsets adds them. */
struct err *type_define(
	struct types *db, const struct type *t, bool offsets, struct strbuf *out) MUST_CHECK;

#endif
