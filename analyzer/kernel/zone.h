/*
 * Nodes and zones of physical memory. Knows the counters as the kernel left them; the free lists
 * are buddy.h's, what a page is used for page.h's.
 */
#ifndef ANALYZER_KERNEL_ZONE_H
#define ANALYZER_KERNEL_ZONE_H

#include "analyzer/kernel/percpu.h"

enum { NODES_MAX = 1024, ZONES_MAX = 16, ORDERS_MAX = 32, MIGRATE_MAX = 16, WATERMARKS_MAX = 4 };

struct node {
	uint64_t va; /* struct pglist_data */
	int32_t id;
	uint64_t start_pfn, spanned, present;
	uint64_t zones_va;
	int32_t kswapd_failures;
};

struct zone {
	uint64_t va;
	char name[16];
	uint64_t start_pfn, spanned, present, managed, cma;
	bool has_cma;
	uint64_t reserved_highatomic, free_highatomic; /* in pages */
	bool has_free_highatomic; /* kernels that have both show both */
	uint64_t watermark[WATERMARKS_MAX]; /* min, low, high, promo: as /proc shows them, with the
					       boost */
	unsigned nwatermarks;
	uint64_t boost;
	int64_t lowmem_reserve[ZONES_MAX];
	unsigned nreserves;
	uint64_t nr_free[ORDERS_MAX]; /* blocks of each order */
	unsigned norders;
	uint64_t free_area_va, free_area_bytes; /* of the first, and the distance to the next */
	unsigned nmigratetypes;
	uint64_t pageset_va, stats_va; /* per-CPU; the latter 0 before 5.14 */
};

/* The online nodes, *ret_n of at most NODES_MAX; the array is the caller's to free. */
struct err *zone_nodes_read(struct target *t, struct node **ret, unsigned *ret_n) MUST_CHECK;

/* How many zones a node has room for (MAX_NR_ZONES), populated or not. */
struct err *zone_count(struct target *t, unsigned *ret) MUST_CHECK;

struct err *zone_read(
	struct target *t, const struct node *node, unsigned i, struct zone *ret) MUST_CHECK;

/* "Unmovable", from the kernel's own migratetype_names, else by the enumerators. */
void zone_migratetype_name(struct target *t, unsigned migratetype, struct strbuf *out);

struct pageset {
	int32_t count, high, batch;
	int32_t stat_threshold;
	bool has_threshold; /* kernels for several CPUs only */
	int32_t high_min, high_max;
	bool has_high_min; /* since 6.7 */
};

struct err *zone_pageset_read(
	struct target *t, const struct zone *z, unsigned cpu, struct pageset *ret) MUST_CHECK;

enum counter_kind {
	COUNTERS_ZONE,
	COUNTERS_NODE,
	COUNTERS_NUMA /* of a zone, by zone_numa_read() */
};

/* How many counters a zone or node has; the values are those of its atomic array, never negative,
 * as /proc/zoneinfo shows them: what CPUs have not folded in yet is not there. */
struct err *zone_counters(struct target *t, enum counter_kind kind, unsigned *ret) MUST_CHECK;

/* Counter @i of the zone or node at @va. */
struct err *zone_counter_read(struct target *t, enum counter_kind kind, uint64_t va, unsigned i,
	uint64_t *ret) MUST_CHECK;

/* How many NUMA events a zone counts; 0 without CONFIG_NUMA. */
unsigned zone_numa_events(struct target *t);

/* Event @i: the zone's own count and what the present CPUs have not folded in, as /proc folds it.
 */
struct err *zone_numa_read(
	struct target *t, const struct zone *z, unsigned i, uint64_t *ret) MUST_CHECK;

/* The name in /proc/vmstat; "counter_7" where it cannot be told. */
void zone_counter_name(struct target *t, enum counter_kind kind, unsigned i, struct strbuf *out);

#endif
