/* Sorts tasks by what a person asked for. Knows how words are told apart, not which command they
 * come from. */
#include "analyzer/kernel/task_select.h"

#include <string.h>
#include <strings.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/task_detail.h"

static const char state_letters[] = "RSDTtXZPI";

void task_select_deinit(struct task_select *s)
{
	for (size_t i = 0; i < s->wishes.n; i++) {
		if (s->wishes.v[i]->by_regex)
			regfree(&s->wishes.v[i]->regex);
		free(s->wishes.v[i]);
	}
	vec_deinit(&s->wishes);
}

/* "/pattern/" into @w; false when @text is no such thing. */
static struct err *parse_regex(const char *text, struct task_wish *w)
{
	char message[128];
	size_t n = strlen(text);
	scoped_free char *pattern = xstrndup(text + 1, n - 2);
	int wrong = regcomp(&w->regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (wrong) {
		regerror(wrong, &w->regex, message, sizeof(message));
		return err_new(ERR_USAGE, "%s: %s", text, message);
	}
	w->by_regex = true;
	return NULL;
}

struct err *task_select_add(struct task_select *s, const char *text)
{
	enum { PID_MAX_LIMIT = 4 * 1024 * 1024 }; /* include/linux/threads.h */
	struct task_wish *w = xcalloc(1, sizeof(*w));
	struct err *err = NULL;
	size_t n = strlen(text);
	w->text = text;
	if (number_parse(text, &w->number) && w->number <= PID_MAX_LIMIT)
		w->by_pid = true;
	else if (number_parse_hex(text, &w->number) && w->number > PID_MAX_LIMIT)
		w->by_address = true;
	else if (n > 2 && text[0] == '/' && text[n - 1] == '/')
		err = parse_regex(text, w);
	if (err)
		free(w);
	else
		vec_push(&s->wishes, w);
	return err;
}

bool task_select_keyword(struct task_select *s, const char *text)
{
	static const char *const two_letters[] = { "RU", "IN", "UN", "ST", "TR", "DE", "ZO", "PA",
		"ID" };
	static const size_t states = sizeof(state_letters) - 1;
	_Static_assert(ARRAY_SIZE(two_letters) == sizeof(state_letters) - 1, "one for each");
	bool *const flag = !strcmp(text, "kernel")    ? &s->kernel
			   : !strcmp(text, "user")    ? &s->user
			   : !strcmp(text, "active")  ? &s->active
			   : !strcmp(text, "gleader") ? &s->leaders
						      : NULL;
	if (flag)
		return *flag = true;
	for (size_t i = 0; i < states; i++) {
		if (strcmp(text, two_letters[i]) && (text[0] != state_letters[i] || text[1]))
			continue;
		s->states |= 1u << i;
		return true;
	}
	return false;
}

bool task_is_kernel(const struct task *task)
{
	enum { PF_KTHREAD = 0x00200000 }; /* include/linux/sched.h, the same from 4.19 to 7.3 */
	return task->flags & PF_KTHREAD;
}

bool task_is_current(struct target *t, const struct task *task)
{
	struct task current;
	if (task->cpu >= CPUS_MAX)
		return false;
	struct err *err = task_current(t, task->cpu, &current);
	bool is = !err && current.va == task->va;
	err_drop(err); /* a run queue that cannot be read makes nobody its current task */
	return is;
}

static bool meets(struct task_wish *w, const struct task *task)
{
	char comm[sizeof(task->comm) + 1] = { 0 };
	memcpy(comm, task->comm, (size_t)task_comm_length(task));
	bool met = w->by_pid	   ? task->pid == w->number
		   : w->by_address ? task->va == w->number
		   : w->by_regex   ? !regexec(&w->regex, comm, 0, NULL, 0)
				   : !strcmp(w->text, comm);
	w->met |= met;
	return met;
}

static bool has_state(const struct task_select *s, const struct task *task)
{
	const char *at = strchr(state_letters, task_state_letter(task)[0]);
	return !s->states || (at && s->states >> (at - state_letters) & 1);
}

struct err *task_select_wants(
	struct task_select *s, struct target *t, const struct task *task, bool *ret)
{
	bool named = !s->wishes.n;
	struct task_sched sched;
	for (size_t i = 0; i < s->wishes.n; i++)
		named |= meets(s->wishes.v[i], task);
	*ret = named && has_state(s, task) && !(s->kernel && !task_is_kernel(task)) &&
	       !(s->user && task_is_kernel(task)) && !(s->leaders && task->pid != task->tgid) &&
	       !(s->by_cpu && (task->cpu >= CPUS_MAX || !cpu_mask_has(&s->cpus, task->cpu))) &&
	       !(s->active && !task_is_current(t, task));
	if (!*ret || !s->by_policy)
		return NULL;
	struct err *err = task_sched_read(t, task, &sched);
	*ret = !err && sched.policy == s->policy;
	return err;
}

const char *task_select_unmet(const struct task_select *s, size_t *io_i)
{
	while (*io_i < s->wishes.n) {
		const struct task_wish *w = s->wishes.v[(*io_i)++];
		if (!w->met)
			return w->text;
	}
	return NULL;
}
