/*
 * What a task_struct says beyond task.h's few words: times, scheduling, credentials, namespaces,
 * control group, memory counters. Each is read when asked for. Knows what the numbers are called,
 * not what is odd about them.
 */
#ifndef ANALYZER_KERNEL_TASK_DETAIL_H
#define ANALYZER_KERNEL_TASK_DETAIL_H

#include "analyzer/base/strbuf.h"
#include "analyzer/kernel/task.h"

struct task_times {
	uint64_t utime_ns, stime_ns; /* as accounted at ticks, unless the kernel counts exactly */
	uint64_t run_ns;	     /* spent on a CPU, exactly */
	uint64_t start_ns;	     /* since boot, time asleep included */
	uint64_t last_run_ns; /* when it last got or was seen on a CPU, by its run queue's clock */
	uint64_t wait_ns;     /* spent runnable without a CPU; 0 where that is not counted */
	uint64_t voluntary, involuntary; /* context switches */
};
struct err *task_times_read(
	struct target *t, const struct task *task, struct task_times *ret) MUST_CHECK;

/* The run queue's clock of @cpu, the one that last_run_ns is by. */
struct err *task_clock_read(struct target *t, unsigned cpu, uint64_t *ret_ns) MUST_CHECK;

enum { TASK_POLICY_MAX = 7 };

struct task_sched {
	uint32_t policy; /* SCHED_* */
	int32_t static_prio, normal_prio;
	uint32_t rt_priority;
	uint32_t on_rq;
	int32_t nice;
	struct cpu_mask cpus; /* where it may run, of the possible ones */
};
struct err *task_sched_read(
	struct target *t, const struct task *task, struct task_sched *ret) MUST_CHECK;

/* "NORMAL", …; NULL for what has no name. */
const char *task_policy_name(uint32_t policy);

/* By name, with or without SCHED_, or by number. ERR_USAGE lists them. */
struct err *task_policy_parse(const char *text, uint32_t *ret) MUST_CHECK;

/* PF_* by name with " | " between; bits whose meaning depends on the release stay a number. */
void task_flags_format(uint32_t flags, struct strbuf *out);

/* "interruptible", "uninterruptible (idle)", "zombie": the state in words. */
const char *task_state_name(const struct task *task);

/* "0-1,4". */
void task_cpus_format(const struct cpu_mask *m, struct strbuf *out);

struct task_cred {
	uint64_t va;
	uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	uint64_t cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	uint64_t user_ns;
};
/* The credentials that it is judged by (real_cred); ERR_MISSING when it has none any more. */
struct err *task_cred_read(
	struct target *t, const struct task *task, struct task_cred *ret) MUST_CHECK;

/* Namespace number @i: its name and inode number as /proc/PID/ns shows them. *ret_more is false
 * behind the last; a namespace that this kernel lacks, or that the task has left, has the number 0.
 */
struct err *task_namespace_read(struct target *t, const struct task *task, unsigned i,
	const char **ret_name, uint32_t *ret_inum, bool *ret_more) MUST_CHECK;

/* Its path in the unified hierarchy. ERR_MISSING where the kernel has no control groups. */
struct err *task_cgroup_format(
	struct target *t, const struct task *task, struct strbuf *out) MUST_CHECK;

/* thread_info, as far as both architectures have it. */
struct task_thread_info {
	uint64_t va;
	uint64_t flags;
	uint64_t preempt_count;
};
struct err *task_thread_info_read(
	struct target *t, const struct task *task, struct task_thread_info *ret) MUST_CHECK;

struct task_memory {
	uint64_t total_bytes, resident_bytes;
	uint64_t anon_bytes, file_bytes, shmem_bytes;
	uint64_t counted_bytes; /* resident as /proc reports it, which leaves out what tasks (up to
				 * v6.1) or CPUs (since v6.2) have not added up yet */
};
struct err *task_memory_read(
	struct target *t, const struct task *task, struct task_memory *ret) MUST_CHECK;

enum { TASK_RLIMITS = 16 };
struct task_rlimit {
	const char *name; /* "CPU", as RLIMIT_CPU */
	uint64_t soft, hard;
	bool soft_unlimited, hard_unlimited;
};
/* Fills @ret[TASK_RLIMITS]. */
struct err *task_rlimits_read(
	struct target *t, const struct task *task, struct task_rlimit *ret) MUST_CHECK;

#endif
