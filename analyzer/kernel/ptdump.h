/*
 * A page table as the kernel's own debug file shows it (/sys/kernel/debug/kernel_page_tables):
 * lines of like entries, cut at the kernel's section markers. Given the same table, the same lines.
 */
#ifndef ANALYZER_KERNEL_PTDUMP_H
#define ANALYZER_KERNEL_PTDUMP_H

#include "analyzer/kernel/address_markers.h"
#include "analyzer/kernel/task.h"
#include "analyzer/space/runs.h"

struct ptdump {
	struct paging paging;
	struct paddr root;
	uint64_t lo, last;				   /* the range, last byte included */
	struct address_marker marker[ADDRESS_MARKERS_MAX]; /* ascending; none for user space */
	unsigned nmarkers;
	bool marker_found; /* they are the kernel's own array, not computed */
	bool holes;	   /* empty stretches have lines */
	bool no_level;	   /* lines without the level */
	unsigned address_digits;
};

struct ptdump_line {
	const char *section; /* a marker: the section that begins; all else is unset */
	uint64_t start, size;
	const char *level;	      /* "PGD" … "PTE" */
	const char *domain;	      /* ARM32's short form, with its padding; else NULL */
	const struct pte_word *words; /* NULL: none are printed (a hole) */
	uint64_t raw;		      /* of the first entry */
	enum table_run_kind kind;
	enum fault_kind fault;
};

/* The kernel's table; ERR_MISSING without a kernel. */
struct err *ptdump_kernel(struct target *t, struct ptdump *ret) MUST_CHECK;

/* A task's: no markers, no holes. */
struct err *ptdump_task(struct target *t, const struct task *task, struct ptdump *ret) MUST_CHECK;

typedef void (*ptdump_line_fn)(void *cx, const struct ptdump_line *line);

/* Calls @fn for each line. */
struct err *ptdump_walk(
	struct target *t, const struct ptdump *d, ptdump_line_fn fn, void *cx) MUST_CHECK;

/* The line as the kernel prints it, without a newline. */
void ptdump_format(const struct ptdump *d, const struct ptdump_line *line, struct strbuf *out);

/* Its attributes alone: the words with one blank between. */
void ptdump_attributes(const struct ptdump_line *line, struct strbuf *out);

#endif
