/*
 * How long kernel stacks are, where no symbol says it: a stack from vmalloc has a vm_struct that
 * counts its pages. The first task's own stack is part of the image and as long (THREAD_SIZE).
 */
#include "analyzer/target/recover.h"

enum { STACK_END_MAGIC = 0x57AC6E9D, TASKS_MIN = 3, TASKS_MAX = 16 };

struct task_offsets {
	uint64_t tasks, stack, area, area_addr, area_pages;
};

static bool find_offsets(const struct target *t, struct task_offsets *ret)
{
	return target_number(t, "offsetof(task_struct.tasks)", &ret->tasks) &&
	       target_number(t, "offsetof(task_struct.stack)", &ret->stack) &&
	       target_number(t, "offsetof(task_struct.stack_vm_area)", &ret->area) &&
	       target_number(t, "offsetof(vm_struct.addr)", &ret->area_addr) &&
	       target_number(t, "offsetof(vm_struct.nr_pages)", &ret->area_pages);
}

/* include/linux/sched/task_stack.h, end_of_stack(): the lowest word, with THREAD_INFO_IN_TASK;
 * without it the word behind the thread_info, of some hundred bytes. */
static bool has_magic(const struct recovery *r, uint64_t stack)
{
	enum { WORDS = 256 };
	uint64_t v;
	for (unsigned i = 0; i < WORDS; i++)
		if (recovery_uint(r, stack + i * 4, 4, &v) && v == STACK_END_MAGIC)
			return true;
	return false;
}

/* Bytes of the stack of the task at @va by its area; 0: nothing that makes sense. */
static uint64_t task_bytes(const struct recovery *r, const struct task_offsets *o, uint64_t va)
{
	unsigned shift = vspace_facts(r->t->kernel)->layout.paging.page_shift;
	uint64_t stack, area, addr, pages;
	if (!recovery_word(r, va + o->stack, &stack) || !recovery_word(r, va + o->area, &area) ||
		!area || !recovery_word(r, area + o->area_addr, &addr) || addr != stack ||
		!recovery_uint(r, area + o->area_pages, 4, &pages) || pages > 256 ||
		!has_magic(r, stack))
		return 0;
	return pages << shift;
}

bool recover_stack(const struct recovery *r, uint64_t *ret_va, uint64_t *ret_bytes)
{
	struct task_offsets o;
	uint64_t init_task, start, task, bytes = 0;
	unsigned agree = 0;
	if (!find_offsets(r->t, &o) || !recovery_find(r, "init_task", &init_task) ||
		!recovery_word(r, init_task + o.stack, &start) || !has_magic(r, start))
		return false;
	task = init_task;
	for (unsigned i = 0; i < TASKS_MAX; i++) {
		if (!recovery_word(r, task + o.tasks, &task))
			break;
		task -= o.tasks;
		if (task == init_task)
			break;
		uint64_t n = task_bytes(r, &o, task);
		if (n && bytes && n != bytes)
			return false;
		bytes = n ? n : bytes;
		agree += n != 0;
	}
	if (agree < TASKS_MIN || bytes < 4096 || bytes & (bytes - 1) || start % bytes)
		return false;
	*ret_va = start;
	*ret_bytes = bytes;
	return true;
}
