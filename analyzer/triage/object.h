/* The object that a failure is about, with who allocated and who freed it, from whatever keeps
 * that: KASAN's metadata, SLUB's tracks, page_owner. */
#ifndef ANALYZER_TRIAGE_OBJECT_H
#define ANALYZER_TRIAGE_OBJECT_H

#include "analyzer/triage/triage.h"

enum { OBJECT_FRAMES = 32 };

struct object_stack {
	bool known;
	uint32_t pid;
	uint32_t nframes;
	uint64_t pc[OBJECT_FRAMES]; /* innermost first: return addresses */
	const char *cut; /* why those behind the last are not known; NULL: they are all there */
};

struct object {
	const char *kind; /* "slab object", "page", "global variable", "stack variable", "vmalloc
			     area" */
	const char *name; /* cache, variable; NULL */
	uint64_t va, bytes;
	int64_t offset;	    /* of the address that it was found by */
	const char *state;  /* "allocated", "free", …; NULL: not known */
	const char *source; /* of the stacks: "KASAN", "SLUB's tracks", "page_owner"; NULL: none */
	struct object_stack alloc, freed;
};

/* The object at @va, or whose redzone @va is in: what a slab, the vmalloc space or page_owner
 * knows. ERR_NOT_FOUND. */
struct err *object_find(
	struct target *t, uint64_t va, struct arena *a, struct object *ret) MUST_CHECK;

/* Page frame @pfn by what page_owner knows of it: @ret's address is the allocation's, in the linear
 * map where there is one. False: nothing. */
bool object_find_page(struct target *t, uint64_t pfn, struct arena *a, struct object *ret);

/* Makes @o the finding's, and says what it is. */
void finding_object(struct triage *tr, struct finding *f, const struct object *o);

#endif
