/* files: what tasks hold open. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column file_columns[] = { { "fd", .width = 4, .align = ALIGN_RIGHT },
	{ "file", .width = WIDTH_ADDRESS, .object = "struct file" },
	{ "dentry", .width = WIDTH_ADDRESS, .object = "struct dentry" },
	{ "inode", .width = WIDTH_ADDRESS, .object = "struct inode" }, { "type", .width = 4 },
	{ "path" }, { 0 } };
static const struct table file_table = { .layout = LAYOUT_TABLE, .columns = file_columns };

static const struct column task_columns[] = { { "pid" }, { "task", .object = "struct task_struct" },
	{ "cpu" }, { "comm", .title = "COMMAND" }, { "root" }, { "cwd" },
	{ "files", .list = &file_table }, { 0 } };
static const struct table task_table = { .layout = LAYOUT_HEADLINE, .columns = task_columns };

static const struct option files_options[] = {
	{ 'R', "WORD",
		"only what this is or is in: a descriptor's number, an address, a part of a path" },
	{ 0 }
};

/* Whether -R's word asks for it. */
static bool is_wanted(const char *word, const struct open_file *f, const char *path)
{
	uint64_t n;
	if (!word || strstr(path, word))
		return true;
	if (number_parse(word, &n) && n == f->fd)
		return true;
	return number_parse_hex(word, &n) && n && (n == f->file || n == f->dentry || n == f->inode);
}

static void show_file(struct cx *cx, const struct open_file *f, const char *word)
{
	scoped_strbuf struct strbuf path = { 0 };
	struct err *err = file_path_format(cx->target, f->file, &path);
	if (!is_wanted(word, f, strbuf_text(&path))) {
		err_drop(err); /* it was not asked for */
		return;
	}
	out_row(cx->out);
	out_uint(cx->out, "fd", f->fd);
	out_addr(cx->out, "file", f->file);
	if (f->dentry)
		out_addr(cx->out, "dentry", f->dentry);
	if (f->inode)
		out_addr(cx->out, "inode", f->inode);
	out_str(cx->out, "type", open_file_type(f->mode));
	if (err)
		out_fault(cx->out, "path", err);
	else
		out_str_n(cx->out, "path", path.s ? path.s : "", path.len);
}

static struct err *show_files(struct cx *cx, uint64_t task_va, const char *word)
{
	struct open_file_iter it;
	bool more = true;
	struct err *err = open_file_iter_init(&it, cx->target, task_va);
	out_list_begin(cx->out, "files");
	while (!err && more) {
		struct open_file f = { 0 };
		err = open_file_iter_next(&it, &f, &more);
		if (!err && more)
			show_file(cx, &f, word);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_row(cx->out);
			out_uint(cx->out, "fd", f.fd);
			out_fault(cx->out, "path", err);
			err = NULL;
		}
	}
	out_list_end(cx->out);
	return err;
}

static struct err *show_task(struct cx *cx, const struct args *a, const struct task *task)
{
	scoped_strbuf struct strbuf root = { 0 }, cwd = { 0 };
	struct err *err = task_folders_format(cx->target, task->va, &root, &cwd);
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
	if (err && err->code != ERR_MISSING) {
		out_fault(cx->out, "cwd", err);
	} else if (!err) {
		out_str_n(cx->out, "root", strbuf_text(&root), root.len);
		out_str_n(cx->out, "cwd", strbuf_text(&cwd), cwd.len);
	} else {
		err_drop(err); /* it is on its way out: no root, and no files either */
	}
	return show_files(cx, task->va, args_option(a, 'R'));
}

static struct err *files_run(struct cx *cx, const struct args *a)
{
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	out_table(cx->out, &task_table);
	return each_named_task(cx, a, show_task);
}

static const char *const files_examples[] = {
	"files\twhat the current task holds open",
	"files 1 42\tof these",
	"foreach user files -R /dev\twho has a device open",
	"ps | where state == \"D\" | files\tof those that hang",
	NULL,
};

const struct command cmd_files = {
	.name = "files",
	.summary = "open files of a task, its root and working directory",
	.usage = "[PID|TASK…]",
	.options = files_options,
	.examples = files_examples,
	.max_args = -1,
	.complete = "task",
	.rows = &task_table,
	.run = files_run,
};
