/* ipcs: System V's shared memory, semaphores and message queues. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#define COMMON_COLUMNS                                                                             \
	{ "key", .width = 8 }, { "id", .width = 10 }, { "uid", .title = "UID", .width = 8 },       \
		{ "gid", .hidden = true },                                                         \
	{                                                                                          \
		"perms", .width = 5                                                                \
	}

static const struct column shm_columns[] = {
	{ "shm", .title = "SHMID_KERNEL", .width = WIDTH_ADDRESS, .object = "struct shmid_kernel" },
	COMMON_COLUMNS, { "bytes", .width = 10 }, { "attached", .title = "NATTCH", .width = 6 },
	{ "status", .width = 11 }, { "creator", .hidden = true }, { "last", .hidden = true }, { 0 }
};
static const struct table shm_table = { .layout = LAYOUT_TABLE, .columns = shm_columns };

/* With -M: what crash puts on a line of its own. */
static const struct column shm_page_columns[] = {
	{ "shm", .title = "SHMID_KERNEL", .width = WIDTH_ADDRESS, .object = "struct shmid_kernel" },
	COMMON_COLUMNS, { "bytes", .width = 10 }, { "attached", .title = "NATTCH", .width = 6 },
	{ "status", .width = 11 }, { "creator", .hidden = true }, { "last", .hidden = true },
	{ "pages", .width = 6 }, { "resident", .width = 8 }, { "swapped", .width = 7 },
	{ "inode", .width = WIDTH_ADDRESS, .object = "struct inode" }, { 0 }
};
static const struct table shm_page_table = { .layout = LAYOUT_TABLE, .columns = shm_page_columns };

static const struct column sem_columns[] = { { "sem", .title = "SEM_ARRAY", .width = WIDTH_ADDRESS,
						     .object = "struct sem_array" },
	COMMON_COLUMNS, { "semaphores", .title = "NSEMS", .width = 6 }, { 0 } };
static const struct table sem_table = { .layout = LAYOUT_TABLE, .columns = sem_columns };

static const struct column msg_columns[] = {
	{ "queue", .title = "MSG_QUEUE", .width = WIDTH_ADDRESS, .object = "struct msg_queue" },
	COMMON_COLUMNS, { "used_bytes", .title = "USED-BYTES", .width = 10 },
	{ "messages", .width = 8 }, { "last", .hidden = true }, { 0 }
};
static const struct table msg_table = { .layout = LAYOUT_TABLE, .columns = msg_columns };

static const struct option ipcs_options[] = { { 's', NULL, "semaphore arrays" },
	{ 'm', NULL, "shared memory" }, { 'M', NULL, "shared memory with its pages and its inode" },
	{ 'q', NULL, "message queues" },
	{ 'n', "PID|TASK", "of this task's namespace; else of the first one" }, { 0 } };

static const char *address_key(enum ipc_kind kind)
{
	return kind == IPC_MEMORY ? "shm" : kind == IPC_SEMAPHORES ? "sem" : "queue";
}

static void show_memory(struct cx *cx, const struct ipc_object *o, bool pages)
{
	out_uint(cx->out, "bytes", o->bytes);
	out_uint(cx->out, "attached", o->count);
	out_strf(cx->out, "status", "%s%s%s", o->mode & IPC_MEMORY_GOING ? "dest" : "",
		(o->mode & IPC_MEMORY_GOING) && (o->mode & IPC_MEMORY_LOCKED) ? "," : "",
		o->mode & IPC_MEMORY_LOCKED ? "locked" : "");
	out_uint(cx->out, "creator", o->creator);
	out_uint(cx->out, "last", o->last);
	if (!pages)
		return;
	out_uint(cx->out, "pages", o->pages);
	if (o->pages_known) {
		out_uint(cx->out, "resident", o->resident);
		out_uint(cx->out, "swapped", o->swapped);
	}
	out_addr(cx->out, "inode", o->inode);
}

static void show(struct cx *cx, const struct ipc_object *o, bool pages)
{
	out_row(cx->out);
	out_addr(cx->out, address_key(o->kind), o->va);
	out_strf(cx->out, "key", "%08x", o->key);
	out_int(cx->out, "id", o->id);
	out_uint(cx->out, "uid", o->uid);
	out_uint(cx->out, "gid", o->gid);
	out_strf(cx->out, "perms", "%03o", o->mode & 0777);
	if (o->kind == IPC_MEMORY) {
		show_memory(cx, o, pages);
	} else if (o->kind == IPC_SEMAPHORES) {
		out_uint(cx->out, "semaphores", o->count);
	} else {
		out_uint(cx->out, "used_bytes", o->bytes);
		out_uint(cx->out, "messages", o->count);
		out_uint(cx->out, "last", o->last);
	}
}

/* A word is an identifier as crash reads it, decimal, or an address. */
static bool is_wanted(const struct args *a, const struct ipc_object *o)
{
	uint64_t n;
	for (int i = 0; i < args_count(a); i++) {
		const char *word = args_get(a, i);
		if (number_parse(word, &n) && n == (uint64_t)(uint32_t)o->id)
			return true;
		if (number_parse_hex(word, &n) && n == o->va)
			return true;
	}
	return !args_count(a);
}

static struct err *show_kind(
	struct cx *cx, const struct args *a, enum ipc_kind kind, uint64_t task_va, bool *io_found)
{
	struct ipc_iter it;
	bool more = true, pages = args_flag(a, 'M');
	struct err *err = ipc_iter_init(&it, cx->target, kind, task_va);
	out_table(cx->out, kind == IPC_SEMAPHORES ? &sem_table
			   : kind == IPC_QUEUES	  ? &msg_table
			   : pages		  ? &shm_page_table
						  : &shm_table);
	while (!err && more) {
		struct ipc_object o;
		err = ipc_iter_next(&it, &o, &more);
		if (!err && more && is_wanted(a, &o)) {
			show(cx, &o, pages);
			*io_found = true;
		}
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static struct err *ipcs_run(struct cx *cx, const struct args *a)
{
	static const enum ipc_kind order[] = { IPC_MEMORY, IPC_SEMAPHORES, IPC_QUEUES };
	const bool wanted[] = { args_flag(a, 'm') || args_flag(a, 'M'), args_flag(a, 's'),
		args_flag(a, 'q') };
	bool all = !wanted[0] && !wanted[1] && !wanted[2], found = false;
	struct task task = { 0 };
	const char *of = args_option(a, 'n');
	struct err *err = target_need_kernel(cx->target);
	if (!err && of)
		err = err_wrap(task_parse(cx->target, of, &task), "option -n");
	for (size_t i = 0; !err && i < ARRAY_SIZE(order); i++)
		if (all || wanted[i])
			err = show_kind(cx, a, order[i], task.va, &found);
	if (!err && !found && args_count(a))
		return args_error(a, 0, "no such identifier and no object at this address");
	return err;
}

static const char *const ipcs_examples[] = {
	"ipcs\tshared memory, semaphores and message queues",
	"ipcs -M\tshared memory with how many of its pages are in RAM and in swap",
	"ipcs -m 32769\tthe segment with this identifier",
	"ipcs -n 42\tas pid 42 sees them",
	NULL,
};

const struct command cmd_ipcs = {
	.name = "ipcs",
	.summary = "System V's shared memory, semaphores and message queues",
	.usage = "[ID|ADDRESS…]",
	.options = ipcs_options,
	.examples = ipcs_examples,
	.max_args = -1,
	.run = ipcs_run,
};
