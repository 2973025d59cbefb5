/* Freed slab objects that generic KASAN holds back for a while, so that nobody gets their memory
 * soon. */
#ifndef ANALYZER_KERNEL_KASAN_QUARANTINE_H
#define ANALYZER_KERNEL_KASAN_QUARANTINE_H

#include "analyzer/kernel/kasan_meta.h"
#include "analyzer/kernel/percpu.h"

enum kasan_queue_kind {
	KASAN_QUEUE_CPU,    /* a CPU's own */
	KASAN_QUEUE_SHRINK, /* a CPU's, of a cache that is being destroyed */
	KASAN_QUEUE_GLOBAL, /* a batch of the global round robin */
};

struct kasan_queue {
	enum kasan_queue_kind kind;
	unsigned number; /* the CPU, or the batch */
	uint64_t va;	 /* of the struct qlist_head */
	uint64_t head, tail, bytes;
	bool offline;
};

struct kasan_quarantine {
	uint64_t size, max_size, batch_size; /* bytes; the first is the global queue's own count */
	uint32_t head, tail;		     /* batches */
	uint32_t nbatches;
};

/* ERR_MISSING: another mode, or symbols or types lack. */
struct err *kasan_quarantine_read(const struct kasan *k, struct kasan_quarantine *ret) MUST_CHECK;

/* The queues that hold something, CPUs first. */
struct kasan_queue_iter {
	const struct kasan *k;
	struct kasan_quarantine q;
	struct cpu_mask cpus;
	unsigned cpu, batch;
	bool shrink;
};
struct err *kasan_queue_iter_init(struct kasan_queue_iter *it, const struct kasan *k) MUST_CHECK;
struct err *kasan_queue_iter_next(
	struct kasan_queue_iter *it, struct kasan_queue *ret, bool *ret_more) MUST_CHECK;

/*
 * The objects of one queue, oldest first. What is wrong with one comes as an error with *ret_more
 * true; what ends the walk early (a cycle, memory that cannot be read, an end that is not the tail)
 * with false.
 */
struct kasan_queued_iter {
	const struct kasan *k;
	struct kasan_queue queue;
	uint64_t node, last, seen_bytes, count;
};
void kasan_queued_iter_init(
	struct kasan_queued_iter *it, const struct kasan *k, const struct kasan_queue *queue);
struct err *kasan_queued_iter_next(
	struct kasan_queued_iter *it, struct kasan_object *ret, bool *ret_more) MUST_CHECK;

#endif
