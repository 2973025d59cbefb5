/*
 * struct wait_queue_head and wait_queue_entry (include/linux/wait.h, by these names since v4.13).
 * What .private means is up to .func: a task for the kernel's own functions, anything for others
 * (epoll).
 */
#include "analyzer/kernel/wait_queue.h"

#define WAIT_HINT "kernel/sched/wait.c"

enum { HEAD_LIST };
struct raw_head {
	uint64_t list_va;
};
static const struct view_field head_fields[] = {
	[HEAD_LIST] = FIELD_ADDRESS(struct raw_head, list_va, "head", "task_list"),
};
static const struct view_spec head_spec = { .type = "wait_queue_head",
	.type_old = "__wait_queue_head",
	.hint = WAIT_HINT,
	.fields = head_fields,
	.nfields = ARRAY_SIZE(head_fields) };

enum { ENTRY_LIST };
struct raw_entry {
	uint64_t list_va;
	struct waiter w;
};
static const struct view_field entry_fields[] = {
	[ENTRY_LIST] = FIELD_ADDRESS(struct raw_entry, list_va, "entry", "task_list"),
	FIELD(struct raw_entry, w.task, "private"),
	FIELD(struct raw_entry, w.function, "func"),
	FIELD(struct raw_entry, w.flags, "flags"),
};
static const struct view_spec entry_spec = { .type = "wait_queue_entry",
	.type_old = "__wait_queue",
	.hint = WAIT_HINT,
	.fields = entry_fields,
	.nfields = ARRAY_SIZE(entry_fields) };

struct err *waiter_iter_init(struct waiter_iter *it, struct target *t, uint64_t va)
{
	const struct view *v;
	*it = (struct waiter_iter){ .t = t };
	struct err *err = target_need_kernel(t);
	if (!err)
		err = target_view(t, &head_spec, &v);
	if (!err)
		list_iter_init(&it->list, t, va + view_offset(v, HEAD_LIST));
	return err;
}

/* Those whose .private is a task (kernel/sched/wait.c, core.c, wait_bit.c). */
static bool is_of_a_task(struct target *t, uint64_t function)
{
	static const char *const known[] = { "autoremove_wake_function", "default_wake_function",
		"woken_wake_function", "wake_bit_function", "var_wake_function" };
	struct symbol sym;
	if (!symtab_at(t->syms, function & ~1ull, &sym))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(sym.name, known[i]))
			return true;
	return false;
}

struct err *waiter_iter_next(struct waiter_iter *it, struct waiter *ret, bool *ret_more)
{
	const struct view *v;
	struct raw_entry raw = { 0 };
	uint64_t node;
	struct err *err = target_view(it->t, &entry_spec, &v);
	*ret_more = false;
	if (!err)
		err = list_iter_next(&it->list, &node, ret_more);
	if (err || !*ret_more)
		return err;
	uint64_t va = list_entry(it->t, node, view_offset(v, ENTRY_LIST));
	err = view_read(v, it->t->kernel, va, &raw);
	if (err)
		return err;
	raw.w.va = va;
	if (!is_of_a_task(it->t, raw.w.function))
		raw.w.task = 0;
	*ret = raw.w;
	return NULL;
}
