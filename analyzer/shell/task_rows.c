/*
 * Lists of one task's belongings as rows. Knows no other option of ps, and no table: whoever calls
 * it declares the lists.
 */
#include "analyzer/shell/task_rows.h"

#include <string.h>

#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/mm.h"
#include "analyzer/kernel/task_detail.h"
#include "analyzer/kernel/user_space.h"

/* The strings in [start, end) of user memory, each ended by a NUL. */
static struct err *show_strings(
	struct cx *cx, struct vspace *user, const char *key, uint64_t start, uint64_t end)
{
	enum {
		BYTES_MAX = 1 << 20
	}; /* more than a stack's quarter by default; the rest is left out */
	uint64_t n = end > start ? end - start : 0;
	n = n < BYTES_MAX ? n : BYTES_MAX;
	scoped_free char *text = xcalloc(1, n + 1);
	struct err *err = n ? vspace_read(user, start, text, n) : NULL;
	if (err)
		return err_wrap(err, "%s", key);
	out_list_begin(cx->out, key);
	for (uint64_t at = 0; at < n; at += strlen(text + at) + 1) {
		out_row(cx->out);
		out_str(cx->out, "string", text + at);
	}
	out_list_end(cx->out);
	return NULL;
}

struct err *task_arguments_show(struct cx *cx, const struct task *task)
{
	struct vspace *user = NULL;
	struct mm mm;
	if (!task->mm) {
		out_str(cx->out, "note", mm_absence(task));
		return NULL;
	}
	struct err *err = mm_read(cx->target, task->mm, &mm);
	if (!err)
		err = user_space_open(cx->target, task, &user);
	if (!err)
		err = show_strings(cx, user, "arguments", mm.arg_start, mm.arg_end);
	if (!err)
		err = show_strings(cx, user, "environment", mm.env_start, mm.env_end);
	vspace_destroy(user);
	return err_wrap(err, "pid %u", task->pid);
}

static void show_limit(struct out *o, const char *key, uint64_t v, bool unlimited)
{
	unlimited ? out_str(o, key, "unlimited") : out_uint(o, key, v);
}

struct err *task_limits_show(struct cx *cx, const struct task *task)
{
	struct out *o = cx->out;
	struct task_rlimit limit[TASK_RLIMITS];
	struct err *err = task_rlimits_read(cx->target, task, limit);
	if (err)
		return err;
	out_list_begin(o, "limits");
	for (unsigned i = 0; i < TASK_RLIMITS; i++) {
		out_row(o);
		out_str(o, "limit", limit[i].name);
		show_limit(o, "soft", limit[i].soft, limit[i].soft_unlimited);
		show_limit(o, "hard", limit[i].hard, limit[i].hard_unlimited);
	}
	out_list_end(o);
	return NULL;
}
