/* Chooses between kernel, user and physical memory, and reads from whichever it is. */
#include "analyzer/shell/memory_arg.h"

#include "analyzer/kernel/user_space.h"
#include "analyzer/shell/current_task.h"
#include "analyzer/target/target.h"

struct err *memory_choose(struct cx *cx, const char *task_text, bool physical, struct memory *ret)
{
	struct memory m = { .target = cx->target };
	struct task task;
	if (!physical) {
		struct err *err = target_need_kernel(cx->target);
		if (err)
			return err;
		m.vs = cx->target->kernel;
	}
	if (task_text) {
		struct err *err = task_parse(cx->target, task_text, &task);
		if (!err)
			err = user_space_open(cx->target, &task, &m.user);
		if (err)
			return err;
		m.vs = m.user;
	}
	*ret = m;
	return NULL;
}

struct err *memory_choose_current(struct cx *cx, struct memory *ret)
{
	struct memory m = { .target = cx->target };
	struct task task;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = current_task(cx, &task);
	if (!err)
		err = user_space_open(cx->target, &task, &m.user);
	if (err)
		return err;
	m.vs = m.user;
	*ret = m;
	return NULL;
}

struct err *memory_open(struct cx *cx, const struct args *a, struct memory *ret)
{
	bool one_task = args_option(a, 'c') || args_flag(a, 'u');
	if (one_task && args_flag(a, 'p'))
		return err_new(ERR_USAGE, "-p and -%c: physical memory belongs to no task",
			args_flag(a, 'u') ? 'u' : 'c');
	if (args_option(a, 'c') && args_flag(a, 'u'))
		return err_new(ERR_USAGE, "-c and -u: one of them");
	if (args_flag(a, 'u'))
		return memory_choose_current(cx, ret);
	return memory_choose(cx, args_option(a, 'c'), args_flag(a, 'p'), ret);
}

void memory_close(struct memory *m)
{
	vspace_destroy(m->user);
	m->user = NULL;
}

enum fault_kind memory_try_read(const struct memory *m, uint64_t addr, void *buf, size_t n,
	uint64_t *ret_bad)
{
	struct paddr bad = { 0 };
	if (m->vs)
		return vspace_try_read(m->vs, addr, buf, n, ret_bad);
	enum fault_kind fault =
		dump_try_read(m->target->dump, (struct paddr){ addr }, buf, n, &bad);
	if (fault && ret_bad)
		*ret_bad = bad.v;
	return fault;
}

uint64_t memory_wrap(const struct memory *m, uint64_t addr)
{
	return m->vs && m->target->abi.word_bytes == 4 ? (uint32_t)addr : addr;
}
