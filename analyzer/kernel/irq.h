/*
 * Interrupts as the kernel's generic layer has them: the numbers in use, who handles them, how
 * often they came; and the softirqs. Knows descriptors, not interrupt controllers.
 */
#ifndef ANALYZER_KERNEL_IRQ_H
#define ANALYZER_KERNEL_IRQ_H

#include "analyzer/kernel/maple.h"
#include "analyzer/kernel/percpu.h"
#include "analyzer/kernel/xarray.h"

enum { IRQ_NAME_BYTES = 64, SOFTIRQS_MAX = 32 };

struct irq {
	uint64_t va; /* of the struct irq_desc */
	uint32_t irq;
	uint64_t hwirq;
	bool has_domain; /* .hwirq means something */
	bool hidden, level, disabled, in_progress, chained, per_cpu;
	char chip[IRQ_NAME_BYTES];   /* "" for none */
	char domain[IRQ_NAME_BYTES]; /* whose .hwirq is: "intc@8000000"; "" for none */
	char name[IRQ_NAME_BYTES];   /* of the flow ("fasteoi"), mostly "" */
	uint64_t handler;	     /* the flow's function */
	uint64_t action;	     /* struct irqaction, the first; 0: nobody asked for it */
	uint64_t counts;	     /* per-CPU; 0: none */
	uint32_t depth;		     /* how often it was disabled */
};

struct irq_action {
	uint64_t va, handler, thread_fn, thread, device, next;
	uint32_t flags;
	char name[IRQ_NAME_BYTES];
};

struct irq_iter {
	struct target *t;
	enum { IRQS_IN_RADIX, IRQS_IN_MAPLE, IRQS_IN_ARRAY } kind;
	union {
		struct xarray_iter radix;
		struct maple_iter maple;
	};
	uint64_t array_va, array_step, array_count, at; /* kernels without CONFIG_SPARSE_IRQ */
};

/* ERR_MISSING names what the kernel lacks. */
struct err *irq_iter_init(struct irq_iter *it, struct target *t) MUST_CHECK;

/* By ascending number. An error with *ret_more true is about one of them. */
struct err *irq_iter_next(struct irq_iter *it, struct irq *ret, bool *ret_more) MUST_CHECK;

/* The struct irqaction at @va; the next is .next. */
struct err *irq_action_read(struct target *t, uint64_t va, struct irq_action *ret) MUST_CHECK;

/* How often @irq came on @cpu. */
struct err *irq_count(
	struct target *t, const struct irq *irq, unsigned cpu, uint64_t *ret) MUST_CHECK;

struct softirq {
	uint64_t handler; /* 0: nobody */
	char name[IRQ_NAME_BYTES];
};

/* Their names and handlers; *ret_n is how many there are. */
struct err *softirqs_read(
	struct target *t, struct softirq ret[SOFTIRQS_MAX], unsigned *ret_n) MUST_CHECK;

/* How often softirq @n ran on @cpu. */
struct err *softirq_count(struct target *t, unsigned n, unsigned cpu, uint64_t *ret) MUST_CHECK;

#endif
