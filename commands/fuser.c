/* fuser: which tasks use a file. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column fuser_columns[] = { { "pid", .width = 7, .align = ALIGN_RIGHT },
	{ "task", .width = WIDTH_ADDRESS, .object = "struct task_struct" },
	{ "comm", .title = "COMMAND", .width = 16 }, { "usage", .width = 12 }, { "path" }, { 0 } };
static const struct table fuser_table = { .layout = LAYOUT_TABLE, .columns = fuser_columns };

/* The file that is asked for: a path, or an address of an inode, dentry or file. */
struct wanted {
	const char *path;
	uint64_t va; /* 0: by path only */
};

/* How a task uses it. */
struct uses {
	bool root, cwd, open, mapped;
	struct strbuf path; /* as it was found first */
};

static void found(struct uses *u, bool *how, const char *path)
{
	*how = true;
	if (!u->path.len)
		strbuf_add(&u->path, path);
}

static bool is_path(const struct wanted *w, const struct strbuf *path)
{
	return path->len && !strcmp(w->path, strbuf_text(path));
}

static struct err *look_at_folders(
	struct cx *cx, const struct wanted *w, uint64_t task_va, struct uses *u)
{
	scoped_strbuf struct strbuf root = { 0 }, cwd = { 0 };
	struct err *err = task_folders_format(cx->target, task_va, &root, &cwd);
	if (err && err->code == ERR_MISSING) {
		err_drop(err); /* it is on its way out, and uses none any more */
		return NULL;
	}
	if (is_path(w, &root))
		found(u, &u->root, w->path);
	if (is_path(w, &cwd))
		found(u, &u->cwd, w->path);
	return err;
}

static struct err *look_at_files(
	struct cx *cx, const struct wanted *w, uint64_t task_va, struct uses *u)
{
	struct open_file_iter it;
	bool more = true;
	struct err *err = open_file_iter_init(&it, cx->target, task_va);
	while (!err && more) {
		struct open_file f = { 0 };
		scoped_strbuf struct strbuf path = { 0 };
		err = open_file_iter_next(&it, &f, &more);
		if (!err && more)
			err = file_path_format(cx->target, f.file, &path);
		if (err || !more)
			break;
		if (is_path(w, &path) ||
			(w->va && (w->va == f.inode || w->va == f.dentry || w->va == f.file)))
			found(u, &u->open, strbuf_text(&path));
	}
	return err;
}

static struct err *look_at_maps(
	struct cx *cx, const struct wanted *w, uint64_t mm_va, struct uses *u)
{
	struct vma_iter it;
	struct mm mm;
	uint64_t last = 0; /* the areas of a file come one after the other */
	bool more = true;
	struct err *err = mm_va ? mm_read(cx->target, mm_va, &mm) : NULL;
	if (err || !mm_va)
		return err;
	err = vma_iter_init(&it, cx->target, &mm);
	while (!err && more) {
		struct vma v;
		scoped_strbuf struct strbuf path = { 0 };
		err = vma_iter_next(&it, &v, &more);
		if (err || !more || !v.file || v.file == last)
			continue;
		last = v.file;
		err = file_path_format(cx->target, v.file, &path);
		if (!err && (is_path(w, &path) || (w->va && w->va == v.file)))
			found(u, &u->mapped, strbuf_text(&path));
	}
	return err;
}

static void show(struct cx *cx, const struct task *task, const struct uses *u)
{
	scoped_strbuf struct strbuf how = { 0 };
	const struct {
		bool yes;
		const char *name;
	} each[] = { { u->root, "root" }, { u->cwd, "cwd" }, { u->open, "open" },
		{ u->mapped, "mapped" } };
	for (size_t i = 0; i < ARRAY_SIZE(each); i++)
		if (each[i].yes)
			strbuf_addf(&how, "%s%s", how.len ? " " : "", each[i].name);
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
	out_str(cx->out, "usage", strbuf_text(&how));
	out_str(cx->out, "path", strbuf_text(&u->path));
}

/* What cannot be read of one task is told, and the others follow. */
static struct err *look_at(struct cx *cx, const struct wanted *w, const struct task *task)
{
	struct uses u = { 0 };
	struct err *err = look_at_folders(cx, w, task->va, &u);
	if (!err)
		err = look_at_files(cx, w, task->va, &u);
	if (!err)
		err = look_at_maps(cx, w, task->mm, &u);
	if (u.path.len)
		show(cx, task, &u);
	strbuf_deinit(&u.path);
	if (err && err->code != ERR_INTERRUPTED) {
		out_complain(cx->out, err_wrap(err, "pid %u", task->pid));
		return NULL;
	}
	return err;
}

static struct err *fuser_run(struct cx *cx, const struct args *a)
{
	struct wanted w = { .path = args_get(a, 0) };
	struct task_iter it;
	bool more = true;
	struct err *err = target_need_kernel(cx->target);
	if (!err && w.path[0] != '/' && !number_parse_hex(w.path, &w.va) && !strchr(w.path, ':'))
		err = args_error(a, 0,
			"a path from / on, \"pipe:[7]\", or the address of an inode, dentry or "
			"file");
	if (!err)
		err = task_iter_init(&it, cx->target);
	out_table(cx->out, &fuser_table);
	out_nothing(cx->out, "no task that can be read has it open or mapped");
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (!err && more)
			err = look_at(cx, &w, &task);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static const char *const fuser_examples[] = {
	"fuser /dev/console\twho has it open, mapped, or stands in it",
	"fuser pipe:[10599]\tboth ends of a pipe",
	"fuser ffffff8000daec50\tan inode",
	NULL,
};

const struct command cmd_fuser = {
	.name = "fuser",
	.summary = "tasks that use a file",
	.usage = "PATH|ADDRESS",
	.examples = fuser_examples,
	.min_args = 1,
	.max_args = 1,
	.takes = "*",
	.rows = &fuser_table,
	.run = fuser_run,
};
