/* The kernel's log: records of the printk ring buffer (since v5.10) or of the byte log before it.
 */
#ifndef ANALYZER_KERNEL_PRINTK_H
#define ANALYZER_KERNEL_PRINTK_H

#include "analyzer/base/strbuf.h"
#include "analyzer/target/target.h"

struct printk_record {
	uint64_t seq;
	uint64_t ts_ns;	    /* local_clock() when it was printed */
	uint8_t level;	    /* 0 emergency … 7 debug */
	uint8_t facility;   /* 0: the kernel's own words; others came through /dev/kmsg */
	uint32_t caller_id; /* CONFIG_PRINTK_CALLER: task pid, or 0x80000000 + CPU; else 0 */
	const char *text; /* text_bytes bytes, not terminated, may hold newlines; until the next */
	size_t text_bytes;
};

struct printk_ring {
	uint32_t count_bits, size_bits;
	uint64_t descs, infos, head_id, tail_id, data;
};

struct printk_bytes {
	uint64_t buf;
	uint64_t bytes, first, next;
};

struct printk_iter {
	struct target *t;
	bool is_ring;
	struct printk_ring ring;
	struct printk_bytes log;
	uint64_t id, left, seq;
	uint64_t lost;		/* records that could not be read */
	uint64_t good, claimed; /* records given so far; how many the ring's ids say there are */
	bool ids_damaged;
	struct strbuf text;
};

struct err *printk_iter_init(struct printk_iter *it, struct target *t) MUST_CHECK;

/* *ret_more is false at the end and with an error. A ring that is damaged as a whole says so at its
 * end, behind what could be read. */
struct err *printk_iter_next(
	struct printk_iter *it, struct printk_record *ret, bool *ret_more) MUST_CHECK;
void printk_iter_deinit(struct printk_iter *it);

#endif
