// SPDX-License-Identifier: GPL-2.0
/*
 * The face of the module: /sys/kernel/debug/misbehave/plan takes "SCENARIO key=value ..." and, read, tells the truth
 * about it; a write to /sys/kernel/debug/misbehave/go does it. The truth does not go into the kernel's log, which is a
 * part of the dump. This file knows the crew and the end; it knows no scenario.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "misbehave.h"

const char misbehave_text[] = "inquest-was-here";

static struct dentry *folder;
static struct plan current_plan;
static char truth[16384];
static size_t truth_used;
static DEFINE_MUTEX(plan_lock);

/* ---- the crew */

struct member {
	const char *name;
	struct task_struct *task;
	struct completion go, done;
	void (*fn)(void *data);
	void *data;
};

static struct member members[CREW_SIZE] = {
	[CREW_ALLOC] = { .name = "mb-alloc" },
	[CREW_FREE] = { .name = "mb-free" },
	[CREW_FAULT] = { .name = "mb-fault" },
};

static int member_main(void *data)
{
	struct member *m = data;

	for (;;) {
		if (wait_for_completion_interruptible(&m->go))
			continue;
		m->fn(m->data);
		complete(&m->done);
	}
	return 0;
}

static int crew_hire(void)
{
	unsigned int i;

	for (i = 0; i < CREW_SIZE; i++) {
		struct member *m = &members[i];

		init_completion(&m->go);
		init_completion(&m->done);
		m->task = kthread_create(member_main, m, "%s", m->name);
		if (IS_ERR(m->task))
			return PTR_ERR(m->task);
		kthread_bind(m->task, i % num_online_cpus());
		wake_up_process(m->task);
	}
	return 0;
}

void crew_start(enum crew who, void (*fn)(void *data), void *data)
{
	struct member *m = &members[who];

	m->fn = fn;
	m->data = data;
	complete(&m->go);
}

void crew_run(enum crew who, void (*fn)(void *data), void *data)
{
	crew_start(who, fn, data);
	wait_for_completion(&members[who].done);
}

int crew_pid(enum crew who)
{
	return members[who].task->pid;
}

/* ---- the truth */

void tell(const char *format, ...)
{
	va_list list;

	truth_used += scnprintf(truth + truth_used, sizeof(truth) - truth_used, "misbehave: ");
	va_start(list, format);
	truth_used += vscnprintf(truth + truth_used, sizeof(truth) - truth_used, format, list);
	va_end(list);
	truth_used += scnprintf(truth + truth_used, sizeof(truth) - truth_used, "\n");
}

/* ---- plan */

static const struct scenario *scenario_find(const char *name)
{
	static const struct scenario *const all[] = { heap_scenarios, area_scenarios, hang_scenarios, wild_scenarios };
	const struct scenario *s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		for (s = all[i]; s->name; s++)
			if (!strcmp(s->name, name))
				return s;
	return NULL;
}

static int plan_word(struct plan *plan, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (!strcmp(word, "bytes"))
		return kstrtouint(value, 0, &plan->bytes);
	if (!strcmp(word, "offset")) {
		plan->has_offset = true;
		return kstrtoint(value, 0, &plan->offset);
	}
	if (!strcmp(word, "size"))
		return kstrtouint(value, 0, &plan->size);
	if (!strcmp(word, "count"))
		return kstrtouint(value, 0, &plan->count);
	if (!strcmp(word, "victim"))
		return kstrtouint(value, 0, &plan->victim);
	if (!strcmp(word, "ms"))
		return kstrtouint(value, 0, &plan->ms);
	if (!strcmp(word, "kind"))
		return strscpy(plan->kind, value, sizeof(plan->kind)) < 0 ? -EINVAL : 0;
	if (!strcmp(word, "fill"))
		return strscpy(plan->fill, value, sizeof(plan->fill)) < 0 ? -EINVAL : 0;
	if (!strcmp(word, "end"))
		return strscpy(plan->end, value, sizeof(plan->end)) < 0 ? -EINVAL : 0;
	return -EINVAL;
}

static int plan_parse(struct plan *plan, char *text)
{
	char *rest = strim(text), *word = strsep(&rest, " ");
	int error = 0;

	*plan = (struct plan){ .bytes = 8, .size = 120, .count = 40, .victim = 7, .fill = "text", .end = "panic", .ms = 100 };
	plan->scenario = scenario_find(word);
	if (!plan->scenario)
		return -ENOENT;
	while (!error && (word = strsep(&rest, " ")))
		if (*word)
			error = plan_word(plan, word);
	return error;
}

static ssize_t plan_write(struct file *file, const char __user *from, size_t n, loff_t *at)
{
	char *text = memdup_user_nul(from, min_t(size_t, n, 400));
	int error;

	if (IS_ERR(text))
		return PTR_ERR(text);
	mutex_lock(&plan_lock);
	error = current_plan.scenario ? -EBUSY : plan_parse(&current_plan, text);
	kfree(text);
	if (!error) {
		tell("scenario=%s culprit_fn=%s culprit_task=%s culprit_pid=%d end=%s", current_plan.scenario->name,
		     current_plan.scenario->culprit, members[CREW_FAULT].name, crew_pid(CREW_FAULT), current_plan.end);
		error = current_plan.scenario->plan ? current_plan.scenario->plan(&current_plan) : 0;
	}
	if (error)
		current_plan.scenario = NULL;
	mutex_unlock(&plan_lock);
	return error ? error : n;
}

static int plan_show(struct seq_file *m, void *unused)
{
	seq_write(m, truth, truth_used);
	return 0;
}

static int plan_open(struct inode *inode, struct file *file)
{
	return single_open_size(file, plan_show, NULL, sizeof(truth));
}

static const struct file_operations plan_file = {
	.owner = THIS_MODULE,
	.open = plan_open,
	.read = seq_read,
	.write = plan_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* ---- go */

static void fire(void *data)
{
	struct plan *plan = data;

	plan->scenario->fire(plan);
}

static ssize_t go_write(struct file *file, const char __user *from, size_t n, loff_t *at)
{
	struct plan *plan = &current_plan;

	if (!plan->scenario)
		return -ENOENT;
	/* Not crew_run(): a thread that comes to grief never says that it is done. */
	crew_start(CREW_FAULT, fire, plan);
	msleep(plan->ms);
	heap_end(plan);
	if (!strcmp(plan->end, "panic"))
		panic("the service has failed");
	return n;
}

static const struct file_operations go_file = { .owner = THIS_MODULE, .open = simple_open, .write = go_write };

static int __init misbehave_init(void)
{
	int error = crew_hire();

	if (error)
		return error;
	folder = debugfs_create_dir("misbehave", NULL);
	debugfs_create_file("plan", 0600, folder, NULL, &plan_file);
	debugfs_create_file("go", 0200, folder, NULL, &go_file);
	return 0;
}

module_init(misbehave_init);
MODULE_DESCRIPTION("Breaks the kernel on request, for dumps that are to be analysed");
MODULE_LICENSE("GPL");
