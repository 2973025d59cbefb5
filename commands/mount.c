/* mount: what is mounted where. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column mount_columns[] = { { "mount", .width = WIDTH_ADDRESS,
						       .object = "struct mount" },
	{ "superblock", .title = "SUPERBLK", .width = WIDTH_ADDRESS,
		.object = "struct super_block" },
	{ "type", .width = 10 }, { "device", .title = "DEVNAME", .width = 10 },
	{ "folder", .title = "DIRNAME", .width = 20 }, { "options" }, { "id", .hidden = true },
	{ 0 } };
static const struct table mount_table = { .layout = LAYOUT_TABLE, .columns = mount_columns };

static const struct option mount_options[] = {
	{ 'n', "PID|TASK", "of this task's namespace; else of the first task's" }, { 0 }
};

static void show(struct cx *cx, const struct mounted *m)
{
	scoped_strbuf struct strbuf path = { 0 }, options = { 0 };
	struct err *err = dentry_path_format(cx->target, m->root, m->vfsmount, &path);
	mounted_options_format(m, &options);
	out_row(cx->out);
	out_addr(cx->out, "mount", m->va);
	out_addr(cx->out, "superblock", m->super_block);
	out_str(cx->out, "type", m->type);
	out_str(cx->out, "device", m->device);
	if (err)
		out_fault(cx->out, "folder", err);
	else
		out_str_n(cx->out, "folder", strbuf_text(&path), path.len);
	out_str(cx->out, "options", strbuf_text(&options));
	out_uint(cx->out, "id", m->id);
}

/* Whether a word is in what -n left to choose from: crash takes addresses and names. */
static bool is_wanted(struct cx *cx, const struct args *a, const struct mounted *m)
{
	scoped_strbuf struct strbuf path = { 0 };
	uint64_t va;
	err_drop(dentry_path_format(cx->target, m->root, m->vfsmount, &path)); /* show() tells */
	for (int i = 0; i < args_count(a); i++) {
		const char *word = args_get(a, i);
		if (!strcmp(word, m->device) || !strcmp(word, strbuf_text(&path)) ||
			!strcmp(word, m->type))
			return true;
		if (number_parse_hex(word, &va) &&
			(va == m->va || va == m->vfsmount || va == m->super_block))
			return true;
	}
	return !args_count(a);
}

static struct err *mount_run(struct cx *cx, const struct args *a)
{
	struct mounted_iter it;
	struct task task = { 0 };
	bool more = true, found = false;
	const char *of = args_option(a, 'n');
	struct err *err = target_need_kernel(cx->target);
	if (!err && of)
		err = err_wrap(task_parse(cx->target, of, &task), "option -n");
	if (!err)
		err = mounted_iter_init(&it, cx->target, task.va);
	out_table(cx->out, &mount_table);
	while (!err && more) {
		struct mounted m;
		err = mounted_iter_next(&it, &m, &more);
		if (!err && more && is_wanted(cx, a, &m)) {
			show(cx, &m);
			found = true;
		}
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	if (!err && !found && args_count(a))
		return args_error(a, 0, "nothing is mounted so");
	return err;
}

static const char *const mount_examples[] = {
	"mount\tas /proc/mounts, with addresses",
	"mount /tmp\tone of them, by folder, device, type or address",
	"mount -n 1\twhat pid 1 sees",
	NULL,
};

const struct command cmd_mount = {
	.name = "mount",
	.summary = "mounted file systems",
	.usage = "[FOLDER|DEVICE|TYPE|ADDRESS…]",
	.details = "Options are those that all file systems have; a file system's own are not "
		   "known here.",
	.options = mount_options,
	.examples = mount_examples,
	.max_args = -1,
	.rows = &mount_table,
	.run = mount_run,
};
