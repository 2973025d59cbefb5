/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A module that breaks the kernel that it is loaded into, in a named way and on request, and that says beforehand what
 * it is going to do. A scenario has two parts: plan() prepares (allocates) and tells the truth; fire() misbehaves.
 */
#ifndef MISBEHAVE_H
#define MISBEHAVE_H

#include <linux/types.h>

/* What the plan's words said: "NAME key=value key=value". */
struct plan {
	const struct scenario *scenario;
	unsigned int bytes;  /* how much is damaged */
	int offset;	     /* where, from the object's start; a scenario has its own default */
	bool has_offset;
	unsigned int size;   /* of the objects */
	unsigned int count;  /* of the objects */
	unsigned int victim; /* which of them */
	char kind[16];	     /* a variant of the scenario, such as "kmalloc" */
	char fill[16];	     /* what is written: text, byte, pointer */
	char end[16];	     /* what follows: panic, nothing, free, alloc */
	unsigned int ms;     /* until it follows */
};

struct scenario {
	const char *name;
	int (*plan)(struct plan *plan);
	void (*fire)(struct plan *plan);
	/* The function below which fire() does the deed, as a trace names it. */
	const char *culprit;
};

extern const struct scenario heap_scenarios[], area_scenarios[], hang_scenarios[], wild_scenarios[];

/* Three threads, each of which does one kind of thing, so that traces and owners are told apart. */
enum crew { CREW_ALLOC, CREW_FREE, CREW_FAULT, CREW_SIZE };

/* Runs FN in that thread and waits for it, or (crew_start) does not wait. */
void crew_run(enum crew who, void (*fn)(void *data), void *data);
void crew_start(enum crew who, void (*fn)(void *data), void *data);
int crew_pid(enum crew who);

/* A line of truth: "misbehave: " and the text. */
__printf(1, 2) void tell(const char *format, ...);

/* Writes what plan->fill says over N bytes, byte by byte, and inlined into whoever calls it. */
extern const char misbehave_text[];
static __always_inline void scribble(volatile u8 *to, unsigned int n, const char *fill)
{
	unsigned long pointer = (unsigned long)misbehave_text;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (fill[0] == 'p')
			to[i] = ((u8 *)&pointer)[i % sizeof(pointer)];
		else if (fill[0] == 'b')
			to[i] = 0x41;
		else
			to[i] = misbehave_text[i % 16];
	}
}

/* Heap scenarios' answer to plan->end "free" and "alloc". */
void heap_end(struct plan *plan);

#endif
