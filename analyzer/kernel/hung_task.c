/*
 * kernel/hung_task.c, 5.10 to 7.2: check_hung_task(), since v7.0 task_is_hung(). It compares counts
 * of switches, so that a task counts from the round that first found it asleep, not from when it
 * fell asleep.
 */
#include "analyzer/kernel/hung_task.h"

#include "analyzer/kernel/jiffies.h"

/* include/linux/sched.h: macros. TASK_FROZEN is v6.1's, PF_FROZEN what came before. */
enum { UNINTERRUPTIBLE = 2, WAKEKILL = 0x100, NOLOAD = 0x400, FROZEN = 0x8000 };

struct raw_task {
	uint64_t voluntary, involuntary, count, time;
};
static const struct view_field task_fields[] = {
	FIELD(struct raw_task, voluntary, "nvcsw"), FIELD(struct raw_task, involuntary, "nivcsw"),
	FIELD(struct raw_task, count, "last_switch_count"),
	FIELD_OPTIONAL(struct raw_task, time, "last_switch_time"), /* v4.20 */
};
enum { TASK_TIME = 3 };
static const struct view_spec task_spec = { .type = "task_struct",
	.hint = "kernel/hung_task.c",
	.fields = task_fields,
	.nfields = ARRAY_SIZE(task_fields) };

struct err *hung_tasks_init(struct hung_tasks *h, struct target *t)
{
	const struct view *v;
	struct hung_tasks found = { .t = t };
	struct err *err = target_read_variable(t, "jiffies", 0, &found.now);
	if (!err)
		err = target_read_variable(t, "sysctl_hung_task_timeout_secs", 0, &found.timeout_s);
	if (!err)
		err = target_view(t, &task_spec, &v);
	if (!err && !jiffies_hz(t, &found.hz))
		err = err_new(ERR_MISSING, "nothing says how many jiffies are a second");
	if (!err && !view_has(v, TASK_TIME))
		err = err_new(ERR_MISSING, "this kernel notes no time of the last switch");
	if (!err)
		*h = found;
	return err;
}

struct err *hung_task_read(
	const struct hung_tasks *h, const struct task *task, struct hung_task *ret)
{
	const struct view *v;
	struct raw_task raw = { 0 };
	struct err *err = target_view(h->t, &task_spec, &v);
	if (!err)
		err = view_read(v, h->t->kernel, task->va, &raw);
	if (err)
		return err;
	unsigned bits = h->t->abi.word_bytes * 8u;
	/* unsigned long in the kernel: the sum goes round on 32 bits */
	uint64_t sum = raw.voluntary + raw.involuntary;
	if (bits == 32)
		sum &= UINT32_MAX;
	int64_t stood = sign_extend(h->now - raw.time, bits);
	*ret = (struct hung_task){ .noted = sum && sum == raw.count && stood >= 0 };
	if (ret->noted)
		ret->noted_s = (uint64_t)stood / h->hz;
	ret->reported = ret->noted && h->timeout_s && task->state & UNINTERRUPTIBLE &&
			!(task->state & (WAKEKILL | NOLOAD | FROZEN)) &&
			ret->noted_s >= h->timeout_s;
	return NULL;
}
