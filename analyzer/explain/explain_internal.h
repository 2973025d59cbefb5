/* Shared by the finders: what is asked, what is known of it already, and what was read once. */
#ifndef ANALYZER_EXPLAIN_EXPLAIN_INTERNAL_H
#define ANALYZER_EXPLAIN_EXPLAIN_INTERNAL_H

#include "analyzer/base/vec.h"
#include "analyzer/explain/explain.h"
#include "analyzer/kernel/address_map.h"
#include "analyzer/kernel/generated_code.h"
#include "analyzer/kernel/kfence.h"
#include "analyzer/kernel/module.h"
#include "analyzer/kernel/vmalloc.h"
#include "analyzer/kernel/zone_map.h"

/* ---- what was read once ------------------------------------------------------------------ */

enum explain_part {
	PART_MAP,
	PART_TASKS, /* and their stacks */
	PART_VMALLOC,
	PART_ZONES,
	PART_MODULES,
	PART_CODE,
	PART_KFENCE,
	PART_ALIASES,
	PART_TABLES,
	PARTS
};

struct indexed_stack {
	uint64_t lo, hi;
	const char *name; /* "task", or the architecture's */
	unsigned cpu;	  /* of a CPU's stack */
	size_t task;	  /* into .task; SIZE_MAX: a CPU's stack */
};

struct indexed_task {
	uint64_t va; /* without tag */
	size_t task;
};

/* Frames that are mapped elsewhere than in the linear map. */
struct indexed_alias {
	uint64_t pa, va, size;
};

/* A page of page tables. */
struct indexed_table {
	uint64_t pa, va; /* va: the first address that it serves */
	uint64_t mm;	 /* struct mm_struct; 0: the kernel's */
	uint32_t pid;	 /* one that has this mm */
	uint8_t level;
};

/* The structure that a cache's objects are; NULL: not known. */
struct indexed_type {
	uint64_t cache_va;
	const struct type *type;
};

struct explain_index {
	struct target *t;
	bool tried[PARTS];
	struct err *why[PARTS]; /* NULL: it was read */
	struct address_map map;
	VEC(struct task) task;
	VEC(struct indexed_stack) stack; /* by lo */
	VEC(struct indexed_task) by_va;
	uint64_t task_bytes;	      /* of a task_struct; 0: not known */
	const struct type *task_type; /* NULL: not known */
	struct vmalloc vmalloc;
	struct zone_map zones;
	VEC(struct module) module;
	struct generated_codes code;
	struct kfence kfence;
	VEC(struct indexed_alias) alias; /* by pa */
	VEC(struct indexed_table) table; /* by pa */
	VEC(struct indexed_type) type;	 /* as they were asked for */
};

struct explain_index *explain_index_get(struct target *t);

/* Reads a part at its first use. *ret_why: why it is not there, the index's; NULL: it is. The error
 * is Ctrl-C: then it is tried again. */
struct err *explain_need(
	struct explain_index *ix, enum explain_part part, const struct err **ret_why) MUST_CHECK;

struct err *explain_read_aliases(struct explain_index *ix) MUST_CHECK;
struct err *explain_read_tables(struct explain_index *ix) MUST_CHECK;

/* The smallest region of the kernel's address map that holds @va; NULL: none, or no map. */
const struct map_region *explain_region(const struct explain_index *ix, uint64_t va);

/* ---- one question ------------------------------------------------------------------------ */

struct explain_cx {
	struct target *t;
	struct explain_index *ix;
	struct arena *a;
	const struct explain_ask *ask;
	bool quick;	      /* the first row is all that is wanted */
	bool has_va, is_user; /* of .va */
	uint64_t va;	      /* without tag */
	bool has_pa;
	uint64_t pa;
	bool given_back; /* init memory: what its symbols name is gone */
	struct explanation *out;
};

/* A new row, to be filled further; NULL never. */
struct explain_row *explain_add(struct explain_cx *cx, enum explain_kind kind, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void explain_range(struct explain_cx *cx, struct explain_row *r, uint64_t start, uint64_t size);

/* For what cannot be asked: a row of EXPLAIN_UNKNOWN, once for each @what. Takes @e, which may be
 * NULL; gives back only ERR_INTERRUPTED. */
struct err *explain_trouble(struct explain_cx *cx, const char *what, struct err *e) MUST_CHECK;

/* explain_need() with the reason told as trouble; *ret_known: it is there. */
struct err *explain_need_told(struct explain_cx *cx, enum explain_part part, const char *what,
	bool *ret_known) MUST_CHECK;

/* "+0x10", "" for 0, "-0x8". */
const char *explain_plus(struct explain_cx *cx, int64_t offset);

typedef struct err *(*explain_find_fn)(struct explain_cx *cx);
struct err *explain_find_value(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_percpu(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_code(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_symbol(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_old_symbol(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_module(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_task(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_stack(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_slab(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_kfence(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_vmalloc(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_fixmap(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_shadow(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_struct_page(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_user(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_alias(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_table(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_page(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_zone(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_claims(struct explain_cx *cx) MUST_CHECK;
struct err *explain_find_region(struct explain_cx *cx) MUST_CHECK;

#endif
