/* waitq: who waits on a wait queue. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column waitq_columns[] = { { "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" }, { "state", .width = 2 },
	{ "comm", .title = "COMMAND", .width = 16 },
	{ "entry", .width = WIDTH_ADDRESS, .object = "struct wait_queue_entry" }, { "function" },
	{ "flags", .hidden = true }, { 0 } };
static const struct table waitq_table = { .layout = LAYOUT_TABLE, .columns = waitq_columns };

static void show(struct cx *cx, const struct waiter *w)
{
	scoped_strbuf struct strbuf function = { 0 };
	struct task task;
	out_row(cx->out);
	out_addr(cx->out, "entry", w->va);
	out_hex(cx->out, "flags", w->flags);
	if (symtab_format(cx->target->syms, w->function, false, &function))
		out_str(cx->out, "function", strbuf_text(&function));
	if (!w->task)
		return; /* nobody sleeps: the function is called */
	out_addr(cx->out, "task", w->task);
	struct err *err = task_read(cx->target, w->task, &task);
	if (err) {
		out_fault(cx->out, "comm", err);
		return;
	}
	out_uint(cx->out, "pid", task.pid);
	out_str(cx->out, "state", task_state_letter(&task));
	out_str_n(cx->out, "comm", task.comm, (size_t)task_comm_length(&task));
}

/* "ADDRESS", a variable that is a queue, or with a second word "STRUCT.MEMBER ADDRESS". */
static struct err *parse_queue(struct cx *cx, const struct args *a, uint64_t *ret)
{
	uint64_t offset = 0;
	int last = args_count(a) - 1;
	struct err *err =
		last ? args_point(a, 0, 0, shape_offset(cx, args_get(a, 0), &offset)) : NULL;
	if (!err)
		err = arg_address(cx, a, last, ret);
	if (!err)
		*ret += offset;
	return err;
}

static struct err *waitq_run(struct cx *cx, const struct args *a)
{
	struct waiter_iter it;
	uint64_t va;
	bool more = true;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = parse_queue(cx, a, &va);
	if (!err)
		err = waiter_iter_init(&it, cx->target, va);
	out_table(cx->out, &waitq_table);
	out_nothing(cx->out, "nobody waits there");
	while (!err && more) {
		struct waiter w;
		err = waiter_iter_next(&it, &w, &more);
		if (!err && more)
			show(cx, &w);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static const char *const waitq_examples[] = {
	"waitq pidfd_poll_wait\ta variable",
	"waitq pglist_data.kswapd_wait contig_page_data\ta member, and the address of the struct",
	"waitq ffffff8000d96300 | bt\tthe stacks of those who wait",
	NULL,
};

const struct command cmd_waitq = {
	.name = "waitq",
	.summary = "tasks that wait on a wait queue",
	.usage = "ADDRESS|SYMBOL | STRUCT.MEMBER ADDRESS|SYMBOL",
	.details = "An entry whose function wakes up no task of its own (epoll's) has none.",
	.examples = waitq_examples,
	.min_args = 1,
	.max_args = 2,
	.complete = "symbol",
	.takes = "*",
	.rows = &waitq_table,
	.run = waitq_run,
};
