/*
 * What kernel stacks say of themselves: the magic word at a stack's end, how deep it has ever been
 * used, whether it ran over, canaries. One struct a stack; what is worth alarm is a bit in
 * .findings.
 */
#ifndef ANALYZER_STACK_STACK_CHECK_H
#define ANALYZER_STACK_STACK_CHECK_H

#include "analyzer/base/arena.h"
#include "analyzer/stack/canary.h"
#include "analyzer/stack/stacks.h"

enum { STACK_END_MAGIC = 0x57ac6e9d }; /* include/uapi/linux/magic.h */

/* include/linux/scs.h, v5.8 to v7.2: 0x5f6 and arm64's POISON_POINTER_DELTA */
#define SHADOW_END_MAGIC 0xdead0000000005f6ull

enum stack_finding {
	STACK_OVERFLOWED = 1,	    /* its task's stack pointer was below it */
	STACK_OVERFLOW_USED = 2,    /* a CPU's overflow stack has been in use: a task's ran over */
	STACK_END_LOST = 4,	    /* no magic at its end */
	STACK_INFO_LOST = 8,	    /* thread_info at its base is not this task's */
	STACK_PROTECTOR_FIRED = 16, /* a function found its canary gone */
	STACK_CANARY_ODD =
		32, /* the task's canary is none, or not the one that its stack is checked with */
	STACK_POINTER_LOST = 64, /* the saved stack pointer is not on it */
	STACK_CANARY_LOST = 128, /* a frame's canary is not the word that it was made with */
};

struct stack_check {
	struct stack stack;
	struct task task; /* .va 0: it is a CPU's */
	unsigned cpu;	  /* a CPU's stack: whose */
	unsigned findings;

	bool shadow;	/* it is a shadow call stack, which grows upwards */
	bool has_end;	/* a task's stack ends with the magic; CPUs' have none */
	bool end_known; /* .end_word could be read */
	uint64_t end_va, end_word, end_magic;
	uint64_t info_task; /* STACK_INFO_LOST: what thread_info.task holds */

	bool used_known;
	uint64_t used_bytes;  /* from where it begins to the deepest word that is not .fill */
	uint64_t fill;	      /* what unused words hold: 0, or a poison */
	const char *used_why; /* in words, when not known */

	bool running; /* its CPU was at work in the kernel for it */
	bool sp_known;
	uint64_t sp; /* now; STACK_OVERFLOWED: the one below the stack */

	bool canary_known;
	uint64_t canary;  /* task_struct's own */
	uint64_t guard;	  /* what its functions check with: the same, or the global one */
	unsigned copies;  /* of the guard between sp and the top: functions that will check it */
	uint64_t fail_pc; /* STACK_PROTECTOR_FIRED: the function that found it; 0: not known */

	bool frames_known; /* stack_check_frames() has looked */
	struct canary_counts canaries;
	struct canary_neighbour { /* STACK_CANARY_LOST: the variable that ends below the slot */
		char name[64];	  /* empty: not known */
		uint64_t va, bytes;
	} neighbour;
};

/* ERR_MISSING when the task has no stack any more. What cannot be read is not known in @ret. */
struct err *stack_check_task(struct target *t, const struct task *task, struct arena *scratch,
	struct stack_check *ret) MUST_CHECK;

/* Looks at the canary of each frame, where that is certain: a backtrace of @io's task, so it is not
 * for free. */
struct err *stack_check_frames(struct canaries *canaries, struct target *t, struct arena *scratch,
	struct stack_check *io) MUST_CHECK;

/* The task's shadow call stack; false when it has none. */
bool stack_check_shadow(
	struct target *t, const struct task *task, struct arena *scratch, struct stack_check *ret);

/* The same of @cpu's number @i; false behind the last. One that the kernel lacks is empty. */
bool stack_check_cpu_shadow(
	struct target *t, unsigned cpu, unsigned i, struct arena *scratch, struct stack_check *ret);

/* Stack number @i of @cpu, from 1 on, as stack_of_task() counts them; false behind the last. One
 * that the kernel lacks is empty. */
bool stack_check_cpu(
	struct target *t, unsigned cpu, unsigned i, struct arena *scratch, struct stack_check *ret);

/* Once all are there: where hardly any stack has an unused part, stacks were never cleared, and how
 * far the others were used cannot be known. Then sorts: findings first, then the fullest. */
void stack_checks_settle(struct stack_check *v, size_t n);

#endif
