/* The parts of the kmem command: each answers with rows of its own. */
#ifndef ANALYZER_SHELL_KMEM_ROWS_H
#define ANALYZER_SHELL_KMEM_ROWS_H

#include "analyzer/shell/command.h"

/* -i: where memory went. */
struct err *kmem_usage_run(struct cx *cx) MUST_CHECK;

/* -f: the free lists, walked and checked; @blocks (-F): each block too. */
struct err *kmem_free_run(struct cx *cx, bool blocks) MUST_CHECK;

/* -V: all counters of zones, nodes and events, with a substring of their names as argument. */
struct err *kmem_counters_run(struct cx *cx, const struct args *a) MUST_CHECK;

/* -n: nodes, their zones, memory sections. */
struct err *kmem_nodes_run(struct cx *cx) MUST_CHECK;

/* -o: the CPUs' offsets of per-CPU data. */
struct err *kmem_offsets_run(struct cx *cx) MUST_CHECK;

/* -g: names of page flags; with a number those of its bits. */
struct err *kmem_flags_run(struct cx *cx, const struct args *a) MUST_CHECK;

/* -p: every page, or those named. */
struct err *kmem_pages_run(struct cx *cx, const struct args *a) MUST_CHECK;

/* -S: every object of every slab, or of the caches named. */
struct err *kmem_objects_run(struct cx *cx, const struct args *a) MUST_CHECK;

/* What the addresses named are part of: slab object, vmalloc area, task, page. */
struct err *kmem_address_run(struct cx *cx, const struct args *a) MUST_CHECK;

#endif
