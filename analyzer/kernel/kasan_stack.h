/* Stack frames as instrumented code describes them to KASAN: which variables a frame has, and
 * where. */
#ifndef ANALYZER_KERNEL_KASAN_STACK_H
#define ANALYZER_KERNEL_KASAN_STACK_H

#include "analyzer/kernel/kasan.h"
#include "analyzer/kernel/task.h"

enum { KASAN_FRAME_VARIABLES_MAX = 64 };

struct kasan_variable {
	uint64_t offset, size; /* from the frame's start, bytes */
	char name[64];
	uint32_t line; /* 0: not said */
};

struct kasan_frame {
	uint64_t va;		   /* of its first word, the marker: offsets count from here */
	uint64_t end_va;	   /* behind its last redzone */
	uint64_t pc;		   /* the function */
	unsigned nvariables, told; /* stored below; that the description counts */
	struct kasan_variable variable[KASAN_FRAME_VARIABLES_MAX];
};

/*
 * The instrumented frame at or below @va on the stack that begins at @stack_va, as
 * get_address_stack_frame_info() in mm/kasan/report_generic.c finds it. ERR_NOT_FOUND: none there
 * has redzones. ERR_FORMAT: its marker or its description is damaged. Generic mode only.
 */
struct err *kasan_frame_find(
	const struct kasan *k, uint64_t va, uint64_t stack_va, struct kasan_frame *ret) MUST_CHECK;

/* "1 32 8 8 data:204" into .told and .variable. False when it is not such a text. */
bool kasan_frame_parse(const char *text, struct kasan_frame *ret);

/* The variable that holds @offset, else the nearest one. NULL when there is none. */
const struct kasan_variable *kasan_frame_variable(const struct kasan_frame *f, uint64_t offset);

/* The task on whose kernel stack @va is; ERR_NOT_FOUND. */
struct err *kasan_stack_task(struct target *t, uint64_t va, struct task *ret) MUST_CHECK;

#endif
