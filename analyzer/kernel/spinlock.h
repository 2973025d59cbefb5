/*
 * Spinlocks as they stand in memory: held or not, who waits in line, and what a kernel with
 * CONFIG_DEBUG_SPINLOCK notes of the holder. Knows no stacks: who spins is spin_wait.h's.
 */
#ifndef ANALYZER_KERNEL_SPINLOCK_H
#define ANALYZER_KERNEL_SPINLOCK_H

#include "analyzer/base/vec.h"
#include "analyzer/kernel/percpu.h"

enum spinlock_form {
	SPINLOCK_QUEUED, /* arm64: a byte, a pending waiter, and a queue through per-CPU nodes */
	SPINLOCK_TICKET, /* ARM32 */
	SPINLOCK_PLAIN,	 /* one CPU, with debugging: a word that says no more than "held" */
};
const char *spinlock_form_name(enum spinlock_form form); /* "queued", "ticket", "plain" */

struct spinlock {
	uint64_t va;
	enum spinlock_form form;
	bool held;
	bool valid;	  /* the lock word is one that this form can have */
	bool pending;	  /* queued: one waits for the holder outside of the queue */
	unsigned next;	  /* ticket: the one that is given out next */
	unsigned serving; /* ticket: the one that holds the lock */
	bool has_tail;	  /* queued: there is a queue, and this is its last */
	unsigned tail_cpu, tail_level;
	bool debug;	    /* the kernel notes the holder */
	bool magic_bad;	    /* debug: it was never initialised, or is overwritten */
	uint64_t owner_va;  /* debug: the task that holds it; 0: nobody */
	unsigned owner_cpu; /* debug: meaningful with .owner_va */
	unsigned waiting;   /* ticket: how many wait */
};

/* raw_spinlock_t and spinlock_t alike, which begin with the same bytes. */
struct err *spinlock_read(struct target *t, uint64_t va, struct spinlock *ret) MUST_CHECK;

struct spinlock_place {
	unsigned cpu, level; /* level: 0 task, 1 softirq, 2 interrupt, 3 NMI */
};
struct spinlock_queue {
	VEC(struct spinlock_place) v; /* who gets it next first */
	bool cut; /* what comes before the first is not known: the chain does not lead there */
};

/* The queue of a queued lock, by its tail. */
struct err *spinlock_queue_read(
	struct target *t, const struct spinlock *lock, struct spinlock_queue *ret) MUST_CHECK;
void spinlock_queue_deinit(struct spinlock_queue *q);
#define scoped_spinlock_queue __attribute__((cleanup(spinlock_queue_deinit)))

#endif
