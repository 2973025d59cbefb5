/*
 * Which memory a command looks at: the kernel's virtual addresses, those of one task (-c PID; -u:
 * of the current one), or physical ones (-p). The one place for the options that rd, hexdump and
 * search share.
 */
#ifndef ANALYZER_SHELL_MEMORY_ARG_H
#define ANALYZER_SHELL_MEMORY_ARG_H

#include "analyzer/shell/command.h"
#include "analyzer/space/vspace.h"

/* Rows for a command's option array; their letters are taken then. */
#define MEMORY_OPTIONS                                                                             \
	{ 'p', NULL, "the address is physical" },                                                  \
		{ 'c', "PID|TASK", "in this task's user space" },                                  \
	{                                                                                          \
		'u', NULL, "in the current task's user space (set)"                                \
	}

struct memory {
	struct target *target;
	struct vspace *vs;   /* what is read; NULL: physical memory */
	struct vspace *user; /* owned; NULL unless -c or -u was given */
};

/* Physical memory, the user space of the task that @task_text (may be NULL) names, else the
 * kernel's. */
struct err *memory_choose(
	struct cx *cx, const char *task_text, bool physical, struct memory *ret) MUST_CHECK;

/* The user space of the task that current_task.h names. ERR_MISSING for a kernel thread. */
struct err *memory_choose_current(struct cx *cx, struct memory *ret) MUST_CHECK;

/* The same by the options -p, -c and -u. ERR_MISSING without a kernel address space when one is
 * needed. */
struct err *memory_open(struct cx *cx, const struct args *a, struct memory *ret) MUST_CHECK;
void memory_close(struct memory *m);

/* *ret_bad (may be NULL): the first address that failed. */
enum fault_kind memory_try_read(
	const struct memory *m, uint64_t addr, void *buf, size_t n, uint64_t *ret_bad);

/* @addr as the target's pointers hold it: virtual addresses of 32-bit machines wrap around. */
uint64_t memory_wrap(const struct memory *m, uint64_t addr);

#endif
