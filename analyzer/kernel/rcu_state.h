/*
 * Where RCU's grace period stands: since when it runs, which CPUs have not passed a quiescent
 * state, and which tasks sleep inside of a critical section. Tree RCU; the tiny one of kernels for
 * one CPU has no grace period that could stall.
 */
#ifndef ANALYZER_KERNEL_RCU_STATE_H
#define ANALYZER_KERNEL_RCU_STATE_H

#include "analyzer/base/vec.h"
#include "analyzer/kernel/percpu.h"

struct rcu_grace_period {
	uint64_t seq;	      /* as the kernel counts: the low two bits are its phase */
	bool running;	      /* a grace period is under way */
	uint64_t age;	      /* jiffies since it began; of none that runs, since the last began */
	int64_t stall_in;     /* jiffies until a stall is looked for; below 0: it is due */
	uint64_t forced;      /* how often quiescent states were forced in it */
	uint64_t thread_va;   /* the task that drives it; 0: none yet */
	uint64_t thread_idle; /* jiffies since that did something */
	int state;	      /* of the thread */
};
const char *rcu_state_name(int state); /* "wait-fqs", …; NULL: not a known one */

struct rcu_cpu {
	unsigned cpu;
	bool holds_up;	   /* the grace period that runs waits for it */
	bool needs_qs;	   /* it knows that a quiescent state is wanted of it */
	bool passed_qs;	   /* it has seen one, and need only report it */
	uint64_t ticks;	   /* it has had during the grace period that it knows */
	uint64_t behind;   /* grace periods that it does not know of yet */
	int64_t callbacks; /* that wait there */
	bool has_watching;
	uint64_t watching; /* as the stall warning's "idle=" has it, before it is cut to 16 bits */
};

struct rcu_blocked {
	uint64_t task_va;
	unsigned first_cpu, last_cpu; /* of the node in whose list it is */
	bool holds_up;		      /* the grace period that runs waits for it */
};

struct rcu {
	struct rcu_grace_period gp;
	VEC(struct rcu_cpu) cpu;
	VEC(struct rcu_blocked) blocked;
	uint64_t hz;	    /* jiffies a second; 0: not known */
	uint64_t timeout_s; /* rcu_cpu_stall_timeout; 0: not known */
	unsigned unread;    /* CPUs and lists that could not be read */
	struct err *first_unread;
};

/* Zero it first. ERR_MISSING: no tree RCU. What was read before an error is there. */
struct err *rcu_read(struct target *t, struct rcu *ret) MUST_CHECK;
void rcu_deinit(struct rcu *r);
#define scoped_rcu __attribute__((cleanup(rcu_deinit)))

/* Whether the grace period that runs has lasted for longer than the kernel allows: it has warned,
 * which puts .stall_in off, or would at the next tick. */
bool rcu_stalls(const struct rcu *r);

#endif
