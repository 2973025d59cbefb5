/* Times, scheduling parameters and names of flags: members of task_struct itself
 * (include/linux/sched.h, 4.19 to 7.2). What lies behind its pointers is task_belongings.c's. */
#include "analyzer/kernel/task_detail.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"

struct raw_times {
	uint64_t utime, stime, run, start, last_arrival, exec_start, wait, voluntary, involuntary;
};
static const struct view_field times_fields[] = {
	FIELD(struct raw_times, utime, "utime"),
	FIELD(struct raw_times, stime, "stime"),
	FIELD(struct raw_times, run, "se.sum_exec_runtime"),
	FIELD(struct raw_times, start, "start_boottime", "real_start_time"), /* renamed in v5.5 */
	FIELD_OPTIONAL(struct raw_times, last_arrival, "sched_info.last_arrival"), /* SCHED_INFO */
	FIELD(struct raw_times, exec_start, "se.exec_start"),
	FIELD_OPTIONAL(struct raw_times, wait, "sched_info.run_delay"),
	FIELD(struct raw_times, voluntary, "nvcsw"),
	FIELD(struct raw_times, involuntary, "nivcsw"),
};
static const struct view_spec times_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = times_fields,
	.nfields = ARRAY_SIZE(times_fields) };

struct err *task_times_read(struct target *t, const struct task *task, struct task_times *ret)
{
	const struct view *v;
	struct raw_times raw = { 0 };
	struct err *err = target_view(t, &times_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, task->va, &raw);
	if (err)
		return err_wrap(err, "times of pid %u", task->pid);
	*ret = (struct task_times){ .utime_ns = raw.utime,
		.stime_ns = raw.stime,
		.run_ns = raw.run,
		.start_ns = raw.start,
		.wait_ns = raw.wait,
		.voluntary = raw.voluntary,
		.involuntary = raw.involuntary,
		.last_run_ns = raw.last_arrival ? raw.last_arrival : raw.exec_start };
	return NULL;
}

struct clock {
	uint64_t clock;
};
static const struct view_field clock_fields[] = { FIELD(struct clock, clock, "clock") };
static const struct view_spec clock_spec = { .type = "rq",
	.hint = "kernel/sched/core.c",
	.fields = clock_fields,
	.nfields = ARRAY_SIZE(clock_fields) };

struct err *task_clock_read(struct target *t, unsigned cpu, uint64_t *ret_ns)
{
	const struct view *v;
	struct clock clock = { 0 };
	uint64_t va;
	struct err *err = percpu_symbol(t, "runqueues", cpu, &va);
	if (!err)
		err = target_view(t, &clock_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &clock);
	if (err)
		return err_wrap(err, "clock of CPU %u", cpu);
	*ret_ns = clock.clock;
	return NULL;
}

/* ---- scheduling ----------------------------------------------- */

struct raw_sched {
	uint32_t policy;
	int32_t static_prio, normal_prio;
	uint32_t rt_priority, on_rq;
	uint8_t cpus[CPUS_MAX / 8];
};
static const struct view_field sched_fields[] = {
	FIELD(struct raw_sched, policy, "policy"),
	FIELD(struct raw_sched, static_prio, "static_prio"),
	FIELD(struct raw_sched, normal_prio, "normal_prio"),
	FIELD(struct raw_sched, rt_priority, "rt_priority"),
	FIELD(struct raw_sched, on_rq, "on_rq"),
	FIELD_BYTES(struct raw_sched, cpus, "cpus_mask", "cpus_allowed"), /* renamed in v5.3 */
};
static const struct view_spec sched_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = sched_fields,
	.nfields = ARRAY_SIZE(sched_fields) };

enum { DEFAULT_PRIO = 120 }; /* include/linux/sched/prio.h: nice 0 */

struct err *task_sched_read(struct target *t, const struct task *task, struct task_sched *ret)
{
	const struct view *v;
	struct raw_sched raw = { 0 };
	struct task_sched sched = { 0 };
	struct cpu_mask possible;
	struct err *err = target_view(t, &sched_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, task->va, &raw);
	if (!err)
		err = cpu_mask_read(t, CPUS_POSSIBLE, &possible);
	if (err)
		return err_wrap(err, "scheduling of pid %u", task->pid);
	for (size_t i = 0; i < sizeof(raw.cpus); i += t->abi.word_bytes)
		sched.cpus.bits[i / 8] |= get_word(&t->abi, raw.cpus + i) << (i % 8 * 8);
	for (size_t i = 0; i < ARRAY_SIZE(possible.bits); i++)
		sched.cpus.bits[i] &= possible.bits[i];
	sched.policy = raw.policy;
	sched.static_prio = raw.static_prio;
	sched.normal_prio = raw.normal_prio;
	sched.rt_priority = raw.rt_priority;
	sched.on_rq = raw.on_rq;
	sched.nice = raw.static_prio - DEFAULT_PRIO;
	*ret = sched;
	return NULL;
}

/* include/uapi/linux/sched.h; 4 is reserved, EXT came with v6.12. Macros, so no enumerators. */
static const char *const policy_name[TASK_POLICY_MAX + 1] = { "NORMAL", "FIFO", "RR", "BATCH", NULL,
	"IDLE", "DEADLINE", "EXT" };

const char *task_policy_name(uint32_t policy)
{
	return policy <= TASK_POLICY_MAX ? policy_name[policy] : NULL;
}

struct err *task_policy_parse(const char *text, uint32_t *ret)
{
	const char *name = strncasecmp(text, "SCHED_", 6) ? text : text + 6;
	uint64_t number;
	for (uint32_t i = 0; i <= TASK_POLICY_MAX; i++) {
		if (!policy_name[i])
			continue;
		if (!strcasecmp(name, policy_name[i]) ||
			(number_parse(text, &number) && number == i)) {
			*ret = i;
			return NULL;
		}
	}
	return err_new(ERR_USAGE,
		"%s is no policy: NORMAL (0), FIFO (1), RR (2), BATCH (3), IDLE (5), "
		"DEADLINE (6), EXT (7)",
		text);
}

void task_cpus_format(const struct cpu_mask *m, struct strbuf *out)
{
	for (unsigned cpu = cpu_mask_next(m, 0); cpu < CPUS_MAX; cpu = cpu_mask_next(m, cpu + 1)) {
		unsigned first = cpu;
		while (cpu + 1 < CPUS_MAX && cpu_mask_has(m, cpu + 1))
			cpu++;
		strbuf_addf(out, "%s%u", out->len ? "," : "", first);
		if (cpu > first)
			strbuf_addf(out, "-%u", cpu);
	}
}

/* ---- words ----------------------------------------------- */

/* include/linux/sched.h: the bits that have meant the same from v4.19 to v7.2. The others (0x1,
 * 0x10, 0x4000, 0x10000, 0x800000, 0x1000000, 0x2000000, 0x40000000) were given new meanings or
 * came late. */
static const struct {
	uint32_t bit;
	const char *name;
} flag_name[] = {
	{ 0x2, "IDLE" },
	{ 0x4, "EXITING" },
	{ 0x20, "WQ_WORKER" },
	{ 0x40, "FORKNOEXEC" },
	{ 0x80, "MCE_PROCESS" },
	{ 0x100, "SUPERPRIV" },
	{ 0x200, "DUMPCORE" },
	{ 0x400, "SIGNALED" },
	{ 0x800, "MEMALLOC" },
	{ 0x1000, "NPROC_EXCEEDED" },
	{ 0x2000, "USED_MATH" },
	{ 0x8000, "NOFREEZE" },
	{ 0x20000, "KSWAPD" },
	{ 0x40000, "MEMALLOC_NOFS" },
	{ 0x80000, "MEMALLOC_NOIO" },
	{ 0x100000, "LOCAL_THROTTLE" },
	{ 0x200000, "KTHREAD" },
	{ 0x400000, "RANDOMIZE" },
	{ 0x4000000, "NO_SETAFFINITY" },
	{ 0x8000000, "MCE_EARLY" },
	{ 0x80000000, "SUSPEND_TASK" },
};

void task_flags_format(uint32_t flags, struct strbuf *out)
{
	size_t start = out->len;
	for (size_t i = 0; i < ARRAY_SIZE(flag_name); i++) {
		if (!(flags & flag_name[i].bit))
			continue;
		strbuf_addf(out, "%s%s", out->len > start ? " | " : "", flag_name[i].name);
		flags &= ~flag_name[i].bit;
	}
	if (flags || out->len == start)
		strbuf_addf(out, "%s0x%" PRIx32, out->len > start ? " | " : "", flags);
}

const char *task_state_name(const struct task *task)
{
	static const struct {
		char letter;
		const char *name;
	} states[] = { { 'R', "running" }, { 'S', "sleeping" }, { 'D', "disk sleep" },
		{ 'T', "stopped" }, { 't', "tracing stop" }, { 'X', "dead" }, { 'Z', "zombie" },
		{ 'P', "parked" }, { 'I', "idle" } };
	char letter = task_state_letter(task)[0];
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (states[i].letter == letter)
			return states[i].name;
	return "unknown";
}
