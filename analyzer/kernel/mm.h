/*
 * mm_struct: one user address space and how it is laid out. Knows its own numbers; the areas are
 * vma.h's, the page tables user_space.h's.
 */
#ifndef ANALYZER_KERNEL_MM_H
#define ANALYZER_KERNEL_MM_H

#include "analyzer/kernel/task.h"

struct mm {
	uint64_t va;
	uint64_t maple_va;  /* since 6.1; 0: none */
	uint64_t rbtree_va; /* up to 6.0; 0: none */
	uint64_t first_vma; /* up to 6.0 */
	int32_t map_count;
	int32_t users;
	uint64_t mmap_base, mmap_legacy_base, task_size;
	uint64_t get_unmapped_area; /* up to 6.9: a function */
	uint64_t flags;
	uint64_t start_code, end_code, start_data, end_data;
	uint64_t start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	uint64_t total_pages, locked_pages, stack_pages, data_pages, exec_pages;
	uint64_t exe_file, user_ns;
	uint64_t vdso, sigpage; /* 0: none, or not known */
};

struct err *mm_read(struct target *t, uint64_t va, struct mm *ret) MUST_CHECK;

/* Why @task, whose mm is 0, has no user space, in words. */
const char *mm_absence(const struct task *task);

enum mm_direction { MM_DIRECTION_UNKNOWN, MM_TOP_DOWN, MM_BOTTOM_UP };

/* Which way mmap() looks for room: bottom up is the legacy layout. */
enum mm_direction mm_mmap_direction(struct target *t, const struct mm *mm);

enum mm_compat { MM_COMPAT_UNKNOWN, MM_NATIVE, MM_COMPAT };

/* Whether @task is an ARM program of 32 bits on an arm64 kernel. */
enum mm_compat mm_task_compat(struct target *t, const struct task *task);

#endif
