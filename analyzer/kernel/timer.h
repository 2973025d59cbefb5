/*
 * Timers that are waiting: those of the timer wheel, which count jiffies, and high-resolution ones,
 * which count nanoseconds. Knows when they expire, what is called then and, of the kernel's own
 * kinds, for whom.
 */
#ifndef ANALYZER_KERNEL_TIMER_H
#define ANALYZER_KERNEL_TIMER_H

#include "analyzer/base/vec.h"
#include "analyzer/kernel/percpu.h"

enum { TIMER_CLOCK_BYTES = 24 };

struct timer {
	uint64_t va; /* struct timer_list, or struct hrtimer */
	uint64_t function;
	uint64_t expires; /* jiffies, or ns of .clock */
	int64_t left;	  /* timer_list: jiffies from where its wheel stood; below 0: it was due */
	uint64_t soft_expires;	       /* hrtimer: not before this */
	unsigned base;		       /* which of the CPU's wheels or clocks */
	char clock[TIMER_CLOCK_BYTES]; /* "monotonic", "realtime soft"; of a wheel "" */
	uint32_t flags;		       /* timer_list: TIMER_… of include/linux/timer.h */
	uint64_t task;		       /* that it wakes up; 0: not of that kind */
	uint64_t work; /* function of the delayed work that it starts; 0: not of that kind */
};

struct timers {
	VEC(struct timer) all;
	unsigned unread; /* that could not be read: the first reason is the error */
};

/* The wheels of @cpu, or its clocks: wheel by wheel, by expiry. What was read before an error is
 * there. */
struct err *timers_read(struct target *t, unsigned cpu, struct timers *ret) MUST_CHECK;
struct err *hrtimers_read(struct target *t, unsigned cpu, struct timers *ret) MUST_CHECK;
void timers_deinit(struct timers *timers);

#define scoped_timers __attribute__((cleanup(timers_deinit)))

#endif
