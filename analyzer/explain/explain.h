/*
 * What an address is: the most specific answer first, then what holds that, down to the zone of its
 * frame and who claimed the physical range. Draws on every model below; keeps with the target what
 * they cost, so that the next address is quick. Never prints.
 */
#ifndef ANALYZER_EXPLAIN_EXPLAIN_H
#define ANALYZER_EXPLAIN_EXPLAIN_H

#include "analyzer/base/arena.h"
#include "analyzer/kernel/task.h"

enum explain_kind {
	EXPLAIN_VALUE, /* no address at all: a poison, an error, NULL, text */
	EXPLAIN_PERCPU,
	EXPLAIN_SYMBOL,
	EXPLAIN_CODE, /* that the kernel wrote: a BPF program, a kprobe's slot */
	EXPLAIN_TASK, /* in a task_struct */
	EXPLAIN_STACK,
	EXPLAIN_SLAB,
	EXPLAIN_KFENCE, /* an object of KFENCE's pool, or its guard page */
	EXPLAIN_MODULE, /* a part of a module's memory */
	EXPLAIN_VMALLOC,
	EXPLAIN_FIXMAP,
	EXPLAIN_SHADOW,	     /* KASAN's, of what */
	EXPLAIN_STRUCT_PAGE, /* a struct page, of which frame */
	EXPLAIN_USER,	     /* an area of a process */
	EXPLAIN_ALIAS,	     /* where else the same memory is mapped */
	EXPLAIN_TABLE,	     /* a page of page tables */
	EXPLAIN_PAGE,
	EXPLAIN_PAGE_OWNER,
	EXPLAIN_ZONE,
	EXPLAIN_RESOURCE,
	EXPLAIN_MEMBLOCK,
	EXPLAIN_REGION,	 /* of the kernel's address map */
	EXPLAIN_HOLE,	 /* nothing is mapped there */
	EXPLAIN_UNKNOWN, /* what could not be asked, and why */
	EXPLAIN_KINDS
};

/* "symbol", "slab object", …: one word or two for the kind. */
const char *explain_kind_name(enum explain_kind k);

struct explain_row {
	enum explain_kind kind;
	const char *text;   /* for people; never NULL */
	const char *name;   /* symbol, cache, zone, path …; NULL: it has none */
	const char *module; /* NULL: none */
	const char *type;   /* of the object at .start: "struct dentry"; NULL: not known */
	const char *member; /* of .type; NULL */
	const char *state;  /* "allocated", "buddy" …; NULL */
	bool has_range, has_offset, has_cpu, has_pid, has_pfn;
	uint64_t start, size; /* of what is named; size 0: not known */
	int64_t offset;	      /* of the address from .start; negative: in a redzone before it */
	unsigned cpu;
	uint32_t pid;
	uint64_t pfn;
	uint64_t
		object_va; /* of the struct that says so: slab, vm_struct, task_struct …; 0: none */
	bool is_stale;	   /* free memory, or what was freed */
};

enum { EXPLAIN_ROWS_MAX = 32 };

struct explanation {
	uint64_t addr; /* without its tag */
	bool has_pa;
	uint64_t pa;
	struct explain_row row[EXPLAIN_ROWS_MAX];
	unsigned n;
};

struct explain_ask {
	uint64_t addr;
	bool physical;
	const struct task *task; /* whose user space, for user addresses; NULL: nobody's */
};

/* Strings are the arena's or the target's. A model that cannot be asked is a row of
 * EXPLAIN_UNKNOWN; the error is Ctrl-C, or that there is no kernel. */
struct err *explain_address(struct target *t, const struct explain_ask *ask, struct arena *a,
	struct explanation *ret) MUST_CHECK;

/* The most specific row alone, at about a microsecond's cost: no frames, no paths. */
struct err *explain_first(struct target *t, const struct explain_ask *ask, struct arena *a,
	struct explain_row *ret) MUST_CHECK;

/* Where the kernel itself sees the memory at @pa: vmalloc and modules, its image, the linear map;
 * false: nowhere (ARM32's high memory). */
bool explain_virtual(struct target *t, uint64_t pa, uint64_t *ret_va);

/* A word of memory in one word: "schedule+0x40", "[dentry]"; false, nothing appended, when it is
 * neither. What rd -s and -S show. */
bool explain_word(struct target *t, uint64_t value, bool slabs, struct strbuf *out);

#endif
