/* task: what a task_struct and its thread_info say, decoded; or members of it as C. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column task_columns[] = { { "pid" }, { "tgid" }, { "comm", .title = "COMMAND" },
	{ "task" }, { "thread_info", .title = "THREAD_INFO" }, { "stack" }, { "cpu" }, { "state" },
	{ "state_bits", .hidden = true }, { "exit_state", .hidden = true }, { "flags" },
	{ "flags_bits", .hidden = true }, { "thread_flags", .title = "THREAD FLAGS" },
	{ "preempt_count", .title = "PREEMPT COUNT" }, { "parent" }, { "mm" }, { "policy" },
	{ "prio" }, { "static_prio", .title = "STATIC PRIO" },
	{ "normal_prio", .title = "NORMAL PRIO" }, { "rt_priority", .title = "RT PRIORITY" },
	{ "nice" }, { "on_rq", .title = "ON RQ" }, { "cpus_allowed", .title = "CPUS ALLOWED" },
	{ "uid", .title = "UID (REAL, EFFECTIVE, SAVED, FS)" }, { "gid", .title = "GID" },
	{ "cred", .hidden = true }, { "cap_inheritable", .title = "CAP INHERITABLE" },
	{ "cap_permitted", .title = "CAP PERMITTED" },
	{ "cap_effective", .title = "CAP EFFECTIVE" }, { "cap_bounding", .title = "CAP BOUNDING" },
	{ "cap_ambient", .title = "CAP AMBIENT" }, { "cgroup", .title = "CGROUP" },
	{ "namespaces" }, { "start", .title = "START TIME" }, { "run", .title = "RUN TIME" },
	{ "utime" }, { "stime" }, { "last_run", .title = "LAST RUN" },
	{ "wait", .title = "WAITED FOR CPU" }, { "voluntary", .title = "SWITCHES, VOLUNTARY" },
	{ "involuntary", .title = "SWITCHES, FORCED" }, { 0 } };
static const struct table task_table = { .layout = LAYOUT_RECORD, .columns = task_columns };

static const struct column member_columns[] = { { "pid", .hidden = true },
	{ "task", .hidden = true, .object = "struct task_struct" },
	{ "member", .hidden = true }, { "text" }, { 0 } };
static const struct table member_table = { .layout = LAYOUT_LINES, .columns = member_columns };

static const struct column head_columns[] = { { "pid" }, { "task" }, { "cpu" },
	{ "comm", .title = "COMMAND" }, { "members", .list = &member_table }, { 0 } };
static const struct table head_table = { .layout = LAYOUT_HEADLINE, .columns = head_columns };

static const struct option task_options[] = { { 'R', "MEMBER,…",
						      "these members of task_struct, as C" },
	{ 'x', NULL, "numbers of -R in hex" }, { 0 } };

static void show_state(struct cx *cx, const struct task *task)
{
	scoped_strbuf struct strbuf flags = { 0 };
	struct task parent;
	out_strf(cx->out, "state", "%s (%s)", task_state_letter(task), task_state_name(task));
	out_hex(cx->out, "state_bits", task->state);
	out_hex(cx->out, "exit_state", task->exit_state);
	task_flags_format(task->flags, &flags);
	out_strf(cx->out, "flags", "0x%x (%s)", task->flags, strbuf_text(&flags));
	out_hex(cx->out, "flags_bits", task->flags);
	struct err *err = task_read(cx->target, task->real_parent, &parent);
	if (err)
		out_fault(cx->out, "parent", err);
	else
		out_strf(cx->out, "parent", "%u %.*s", parent.tgid, task_comm_length(&parent),
			parent.comm);
}

static void show_thread_info(struct cx *cx, const struct task *task)
{
	struct task_thread_info info;
	struct err *err = task_thread_info_read(cx->target, task, &info);
	if (err) {
		out_fault(cx->out, "thread_info", err);
		return;
	}
	out_addr(cx->out, "thread_info", info.va);
	out_hex(cx->out, "thread_flags", info.flags);
	out_hex(cx->out, "preempt_count", info.preempt_count);
}

static void show_sched(struct cx *cx, const struct task *task)
{
	scoped_strbuf struct strbuf cpus = { 0 };
	struct task_sched s;
	struct err *err = task_sched_read(cx->target, task, &s);
	out_int(cx->out, "prio", task->prio);
	if (err) {
		out_fault(cx->out, "policy", err);
		return;
	}
	if (task_policy_name(s.policy))
		out_str(cx->out, "policy", task_policy_name(s.policy));
	else
		out_strf(cx->out, "policy", "%u", s.policy);
	out_int(cx->out, "static_prio", s.static_prio);
	out_int(cx->out, "normal_prio", s.normal_prio);
	out_uint(cx->out, "rt_priority", s.rt_priority);
	out_int(cx->out, "nice", s.nice);
	out_uint(cx->out, "on_rq", s.on_rq);
	task_cpus_format(&s.cpus, &cpus);
	out_str(cx->out, "cpus_allowed", strbuf_text(&cpus));
}

static void show_cred(struct cx *cx, const struct task *task)
{
	struct task_cred c;
	struct err *err = task_cred_read(cx->target, task, &c);
	if (err) {
		out_fault(cx->out, "uid", err);
		return;
	}
	out_addr(cx->out, "cred", c.va);
	out_strf(cx->out, "uid", "%u %u %u %u", c.uid, c.euid, c.suid, c.fsuid);
	out_strf(cx->out, "gid", "%u %u %u %u", c.gid, c.egid, c.sgid, c.fsgid);
	const struct {
		const char *key;
		uint64_t set;
	} sets[] = { { "cap_inheritable", c.cap_inheritable }, { "cap_permitted", c.cap_permitted },
		{ "cap_effective", c.cap_effective }, { "cap_bounding", c.cap_bounding },
		{ "cap_ambient", c.cap_ambient } };
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		out_strf(cx->out, sets[i].key, "%016llx", (unsigned long long)sets[i].set);
}

static void show_places(struct cx *cx, const struct task *task)
{
	scoped_strbuf struct strbuf group = { 0 }, spaces = { 0 };
	const char *name;
	uint32_t inum;
	bool more = true;
	struct err *err = task_cgroup_format(cx->target, task, &group);
	if (err && err->code == ERR_MISSING)
		err_drop(err); /* a kernel without them */
	else if (err)
		out_fault(cx->out, "cgroup", err);
	else
		out_str(cx->out, "cgroup", strbuf_text(&group));
	for (unsigned i = 0; more; i++) {
		err = task_namespace_read(cx->target, task, i, &name, &inum, &more);
		if (err)
			out_complain(cx->out, err);
		else if (more && inum)
			strbuf_addf(&spaces, "%s%s:[%u]", spaces.len ? " " : "", name, inum);
	}
	if (spaces.len)
		out_str(cx->out, "namespaces", strbuf_text(&spaces));
}

static void show_times(struct cx *cx, const struct task *task)
{
	struct task_times t;
	struct err *err = task_times_read(cx->target, task, &t);
	if (err) {
		out_fault(cx->out, "start", err);
		return;
	}
	out_seconds(cx->out, "start", t.start_ns);
	out_seconds(cx->out, "run", t.run_ns);
	out_seconds(cx->out, "utime", t.utime_ns);
	out_seconds(cx->out, "stime", t.stime_ns);
	out_seconds(cx->out, "last_run", t.last_run_ns);
	out_seconds(cx->out, "wait", t.wait_ns);
	out_uint(cx->out, "voluntary", t.voluntary);
	out_uint(cx->out, "involuntary", t.involuntary);
}

static void show_identity(struct cx *cx, const struct task *task)
{
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
}

static struct err *show_summary(struct cx *cx, const struct args *a, const struct task *task)
{
	(void)a;
	show_identity(cx, task);
	out_uint(cx->out, "tgid", task->tgid);
	if (task->stack)
		out_addr(cx->out, "stack", task->stack);
	if (task->mm)
		out_addr(cx->out, "mm", task->mm);
	show_state(cx, task);
	show_thread_info(cx, task);
	show_sched(cx, task);
	show_cred(cx, task);
	show_places(cx, task);
	show_times(cx, task);
	return NULL;
}

/* ---- members ----------------------------------------------- */

static struct err *show_member(struct cx *cx, const struct task *task, const char *path, bool hex)
{
	struct value v;
	struct value_style style = { .hex = hex };
	scoped_strbuf struct strbuf text = { 0 };
	struct err *err = value_at(&cx->target->debug, "struct task_struct", path, task->va, &v);
	strbuf_addf(&text, "  %s = ", path);
	if (!err)
		err = value_format(&cx->target->debug, &v, &style, &text);
	if (err)
		return err;
	strbuf_add(&text, ",");
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	out_str(cx->out, "member", path);
	out_block(cx->out, "text", strbuf_text(&text));
	return NULL;
}

static struct err *show_members(struct cx *cx, const struct args *a, const struct task *task)
{
	struct err *err = NULL;
	char *rest = arena_strdup(cx->arena, args_option(a, 'R')), *path;
	show_identity(cx, task);
	out_list_begin(cx->out, "members");
	while (!err && (path = strsep(&rest, ","))) {
		if (*path)
			err = show_member(cx, task, path, args_flag(a, 'x'));
		if (err && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	out_list_end(cx->out);
	return err;
}

static struct err *task_run(struct cx *cx, const struct args *a)
{
	bool members = args_option(a, 'R') != NULL;
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	out_table(cx->out, members ? &head_table : &task_table);
	return each_named_task(cx, a, members ? show_members : show_summary);
}

static const char *const task_examples[] = {
	"task\tthe current task",
	"task 1\tpid 1",
	"task -R comm,se.vruntime 1\tsome of its members",
	NULL,
};

const struct command cmd_task = {
	.name = "task",
	.summary = "a task_struct decoded: state, flags, credentials, namespaces, times",
	.usage = "[PID|TASK…]",
	.options = task_options,
	.examples = task_examples,
	.max_args = -1,
	.complete = "task",
	.run = task_run,
};
