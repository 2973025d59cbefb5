/* How much memory a process has (mm_struct's counters) and may have (signal_struct's limits). */
#include <inttypes.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/mm.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/task_detail.h"

/*
 * mm_struct.rss_stat: an array of counters, one a kind of page (MM_FILEPAGES and so on), in
 * struct mm_rss_stat up to v6.1, of struct percpu_counter itself since v6.2. A percpu_counter is a
 * sum and what each CPU has not added to it yet (lib/percpu_counter.c).
 */
enum rss_kind { RSS_FILE, RSS_ANON, RSS_SHMEM, RSS_KINDS };

struct rss_places {
	uint64_t plain, percpu;
};
static const struct view_field places_fields[] = {
	FIELD_ADDRESS_OPTIONAL(struct rss_places, plain, "rss_stat.count"),
	FIELD_ADDRESS_OPTIONAL(struct rss_places, percpu, "rss_stat"),
};
static const struct view_spec places_spec = { .type = "mm_struct",
	.hint = "init/main.c",
	.fields = places_fields,
	.nfields = ARRAY_SIZE(places_fields) };

struct percpu_counter {
	int64_t count;
	uint64_t counters;
};
static const struct view_field counter_fields[] = {
	FIELD(struct percpu_counter, count, "count"),
	FIELD_OPTIONAL(struct percpu_counter, counters, "counters"), /* SMP only */
};
static const struct view_spec counter_spec = { .type = "percpu_counter",
	.hint = "lib/percpu_counter.c",
	.fields = counter_fields,
	.nfields = ARRAY_SIZE(counter_fields) };

/* include/linux/mm_types_task.h: the order since v4.5, where the types do not tell. */
static unsigned rss_index(struct target *t, enum rss_kind kind)
{
	static const char *const name[] = { "MM_FILEPAGES", "MM_ANONPAGES", "MM_SHMEMPAGES" };
	static const unsigned otherwise[] = { 0, 1, 3 };
	const struct type *type;
	struct err *err = types_find_enumerator(t->types, name[kind], &type);
	if (!err)
		err = type_complete(t->types, type);
	for (uint32_t i = 0; !err && i < type->nenumerators; i++)
		if (!strcmp(type->enumerator[i].name, name[kind]) &&
			(uint64_t)type->enumerator[i].value < 16)
			return (unsigned)type->enumerator[i].value;
	err_drop(err); /* then it is the documented one */
	return otherwise[kind];
}

static struct err *percpu_counter_sum(
	struct target *t, uint64_t va, int64_t *ret_sum, int64_t *ret_count)
{
	const struct view *v;
	struct percpu_counter c = { 0 };
	struct cpu_mask cpus;
	struct err *err = target_view(t, &counter_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &c);
	if (!err)
		err = cpu_mask_read(t, CPUS_POSSIBLE, &cpus);
	int64_t sum = c.count;
	for (unsigned cpu = 0; !err && c.counters && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX;
		cpu++) {
		uint64_t at, part;
		err = percpu_address(t, c.counters, cpu, &at);
		if (!err)
			err = vspace_read_uint(t->kernel, at, 4, &part); /* s32 __percpu * */
		if (!err)
			sum = (int64_t)((uint64_t)sum + (uint64_t)sign_extend(part, 32));
	}
	*ret_sum = sum;
	*ret_count = c.count;
	return err;
}

static struct err *rss_read(struct target *t, const struct rss_places *p, unsigned i, int64_t *ret,
	int64_t *ret_counted)
{
	const struct view *v;
	uint64_t word;
	if (p->plain) {
		struct err *err =
			vspace_read_word(t->kernel, p->plain + i * t->abi.word_bytes, &word);
		if (!err)
			*ret = *ret_counted = sign_extend(word, t->abi.word_bytes * 8u);
		return err;
	}
	struct err *err = target_view(t, &counter_spec, &v);
	return err ? err : percpu_counter_sum(t, p->percpu + i * view_size(v), ret, ret_counted);
}

/*
 * Up to v6.1 a kernel for four CPUs or more keeps up to 64 page faults' worth of counting in each
 * task (task_struct.rss_stat, SPLIT_RSS_COUNTING), which /proc leaves out as well.
 */
struct thread_places {
	uint64_t node, cached;
};
enum { THREAD_NODE, THREAD_CACHED };
static const struct view_field thread_fields[] = {
	[THREAD_NODE] = FIELD_ADDRESS(struct thread_places, node, "thread_node"),
	[THREAD_CACHED] = FIELD_ADDRESS_OPTIONAL(struct thread_places, cached, "rss_stat.count"),
};
static const struct view_spec thread_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = thread_fields,
	.nfields = ARRAY_SIZE(thread_fields) };

struct thread_list {
	uint64_t head;
};
static const struct view_field thread_list_fields[] = {
	FIELD_ADDRESS(struct thread_list, head, "thread_head"),
};
static const struct view_spec thread_list_spec = { .type = "signal_struct",
	.hint = "init/main.c",
	.fields = thread_list_fields,
	.nfields = ARRAY_SIZE(thread_list_fields) };

/* Adds what the threads of @task's process have cached to @io. */
static struct err *add_cached(struct target *t, const struct task *task, int64_t *io)
{
	const struct view *thread, *list;
	struct list_iter it;
	uint64_t node, value;
	bool more = true;
	struct err *err = target_view(t, &thread_spec, &thread);
	if (!err)
		err = target_view(t, &thread_list_spec, &list);
	if (err || !view_has(thread, THREAD_CACHED) || !task->signal)
		return err;
	list_iter_init(&it, t, task->signal + view_offset(list, 0));
	while (!err && more) {
		err = list_iter_next(&it, &node, &more);
		uint64_t at = node - view_offset(thread, THREAD_NODE) +
			      view_offset(thread, THREAD_CACHED);
		for (unsigned k = 0; !err && more && k < RSS_KINDS; k++) {
			err = vspace_read_uint(t->kernel, at + rss_index(t, k) * 4ull, 4, &value);
			if (!err)
				io[k] = (int64_t)((uint64_t)io[k] +
						  (uint64_t)sign_extend(value, 32));
		}
	}
	return err_wrap(err, "counts of its threads");
}

struct err *task_memory_read(struct target *t, const struct task *task, struct task_memory *ret)
{
	const struct view *v;
	struct mm mm;
	struct rss_places places = { 0 };
	int64_t pages[RSS_KINDS] = { 0 };
	uint64_t bytes[RSS_KINDS], counted = 0;
	if (!task->mm) {
		*ret = (struct task_memory){ 0 };
		return NULL;
	}
	struct err *err = mm_read(t, task->mm, &mm);
	if (!err)
		err = target_view(t, &places_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, task->mm, &places);
	if (!err && !places.plain && !places.percpu)
		err = err_new(ERR_MISSING, "mm_struct has no rss_stat");
	for (unsigned k = 0; !err && k < RSS_KINDS; k++) {
		int64_t so_far = 0;
		err = rss_read(t, &places, rss_index(t, k), &pages[k], &so_far);
		/* Below 0 counts as 0: include/linux/mm.h, get_mm_counter() */
		counted += so_far < 0 ? 0 : (uint64_t)so_far << page_shift(t);
	}
	if (!err)
		err = add_cached(t, task, pages);
	if (err)
		return err_wrap(err, "memory of pid %u", task->pid);
	for (unsigned k = 0; k < RSS_KINDS; k++)
		bytes[k] = pages[k] < 0 ? 0 : (uint64_t)pages[k] << page_shift(t);
	*ret = (struct task_memory){ .total_bytes = mm.total_pages << page_shift(t),
		.resident_bytes = bytes[RSS_FILE] + bytes[RSS_ANON] + bytes[RSS_SHMEM],
		.anon_bytes = bytes[RSS_ANON],
		.file_bytes = bytes[RSS_FILE],
		.shmem_bytes = bytes[RSS_SHMEM],
		.counted_bytes = counted };
	return NULL;
}

/* ---- limits ----------------------------------------------- */

struct limits {
	uint64_t va;
};
static const struct view_field limits_fields[] = { FIELD_ADDRESS(struct limits, va, "rlim") };
static const struct view_spec limits_spec = { .type = "signal_struct",
	.hint = "init/main.c",
	.fields = limits_fields,
	.nfields = ARRAY_SIZE(limits_fields) };

struct err *task_rlimits_read(struct target *t, const struct task *task, struct task_rlimit *ret)
{
	/* include/uapi/asm-generic/resource.h */
	static const char *const name[TASK_RLIMITS] = { "CPU", "FSIZE", "DATA", "STACK", "CORE",
		"RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE",
		"NICE", "RTPRIO", "RTTIME" };
	const struct view *v;
	unsigned word = t->abi.word_bytes;
	uint64_t infinity = word == 8 ? UINT64_MAX : UINT32_MAX;
	uint8_t raw[TASK_RLIMITS * 2 * 8];
	if (!task->signal)
		return err_new(
			ERR_MISSING, "pid %u: it has exited: its limits are gone", task->pid);
	struct err *err = target_view(t, &limits_spec, &v);
	if (!err)
		err = vspace_read(t->kernel, task->signal + view_offset(v, 0), raw,
			(size_t)TASK_RLIMITS * 2 * word);
	if (err)
		return err_wrap(err, "limits of pid %u", task->pid);
	for (unsigned i = 0; i < TASK_RLIMITS; i++) {
		ret[i].name = name[i];
		ret[i].soft = get_word(&t->abi, raw + (size_t)i * 2 * word);
		ret[i].hard = get_word(&t->abi, raw + ((size_t)i * 2 + 1) * word);
		ret[i].soft_unlimited = ret[i].soft == infinity;
		ret[i].hard_unlimited = ret[i].hard == infinity;
	}
	return NULL;
}
