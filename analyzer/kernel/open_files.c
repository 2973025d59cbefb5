/*
 * struct files_struct, fdtable (include/linux/fdtable.h) and fs_struct (include/linux/fs_struct.h),
 * the same from 4.19 to 7.2. The bitmap says which descriptors are in use, as close_fd() would have
 * it.
 */
#include "analyzer/kernel/open_files.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/file_path.h"

#define FILES_HINT "fs/file.c"

/* sysctl_nr_open_max on 64 bits: a table may not have more than INT_MAX / 8 or so; no dump has as
 * many. */
enum { FDS_MAX = 1 << 26 };

struct raw_task {
	uint64_t files, fs;
};
static const struct view_field task_fields[] = {
	FIELD(struct raw_task, files, "files"),
	FIELD(struct raw_task, fs, "fs"),
};
static const struct view_spec task_spec = { .type = "task_struct",
	.hint = "kernel/fork.c",
	.fields = task_fields,
	.nfields = ARRAY_SIZE(task_fields) };

struct raw_files {
	uint64_t table;
};
static const struct view_field files_fields[] = { FIELD(struct raw_files, table, "fdt") };
static const struct view_spec files_spec = { .type = "files_struct",
	.hint = FILES_HINT,
	.fields = files_fields,
	.nfields = ARRAY_SIZE(files_fields) };

struct raw_table {
	uint64_t max, fds, bits;
};
static const struct view_field table_fields[] = {
	FIELD(struct raw_table, max, "max_fds"),
	FIELD(struct raw_table, fds, "fd"),
	FIELD(struct raw_table, bits, "open_fds"),
};
static const struct view_spec table_spec = { .type = "fdtable",
	.hint = FILES_HINT,
	.fields = table_fields,
	.nfields = ARRAY_SIZE(table_fields) };

static const struct view_field file_fields[] = {
	FIELD(struct open_file, dentry, "f_path.dentry"),
	FIELD(struct open_file, inode, "f_inode"),
};
static const struct view_spec file_spec = { .type = "file",
	.hint = "fs/open.c",
	.fields = file_fields,
	.nfields = ARRAY_SIZE(file_fields) };

static const struct view_field inode_fields[] = { FIELD(struct open_file, mode, "i_mode") };
static const struct view_spec inode_spec = { .type = "inode",
	.hint = "fs/inode.c",
	.fields = inode_fields,
	.nfields = ARRAY_SIZE(inode_fields) };

struct raw_fs {
	uint64_t root, root_mount, cwd, cwd_mount;
};
static const struct view_field fs_fields[] = {
	FIELD(struct raw_fs, root, "root.dentry"),
	FIELD(struct raw_fs, root_mount, "root.mnt"),
	FIELD(struct raw_fs, cwd, "pwd.dentry"),
	FIELD(struct raw_fs, cwd_mount, "pwd.mnt"),
};
static const struct view_spec fs_spec = { .type = "fs_struct",
	.hint = "fs/fs_struct.c",
	.fields = fs_fields,
	.nfields = ARRAY_SIZE(fs_fields) };

static struct err *read_view(struct target *t, const struct view_spec *spec, uint64_t va, void *ret)
{
	const struct view *v;
	struct err *err = target_view(t, spec, &v);
	return err ? err : view_read(v, t->kernel, va, ret);
}

struct err *open_file_iter_init(struct open_file_iter *it, struct target *t, uint64_t task_va)
{
	struct raw_task task;
	struct raw_files files;
	struct raw_table table;
	*it = (struct open_file_iter){ .t = t };
	struct err *err = read_view(t, &task_spec, task_va, &task);
	if (err || !task.files)
		return err;
	err = read_view(t, &files_spec, task.files, &files);
	if (!err)
		err = read_view(t, &table_spec, files.table, &table);
	if (!err && table.max > FDS_MAX)
		err = err_new(ERR_FORMAT, "%" PRIu64 " file descriptors", table.max);
	if (err)
		return err_wrap(err, "files_struct 0x%" PRIx64, task.files);
	it->max = (uint32_t)table.max;
	it->fds = table.fds;
	it->bits = table.bits;
	return NULL;
}

static struct err *read_file(struct open_file_iter *it, uint32_t fd, struct open_file *ret)
{
	struct open_file f = { .fd = fd };
	ret->fd = fd;
	struct err *err = vspace_read_word(
		it->t->kernel, it->fds + (uint64_t)fd * it->t->abi.word_bytes, &f.file);
	if (!err && f.file)
		err = read_view(it->t, &file_spec, f.file, &f);
	if (!err && f.inode)
		err = read_view(it->t, &inode_spec, f.inode, &f);
	if (!err)
		*ret = f;
	return err_wrap(err, "descriptor %" PRIu32, fd);
}

struct err *open_file_iter_next(struct open_file_iter *it, struct open_file *ret, bool *ret_more)
{
	unsigned bits = it->t->abi.word_bytes * 8u;
	struct err *err = NULL;
	*ret_more = false;
	while (!err && it->at < it->max) {
		if (it->at % bits == 0) {
			err = interrupt_check();
			if (!err)
				err = vspace_read_word(
					it->t->kernel, it->bits + it->at / 8, &it->word);
			if (err)
				return err;
		}
		uint32_t fd = it->at++;
		if (!(it->word >> fd % bits & 1))
			continue;
		err = read_file(it, fd, ret);
		*ret_more = true;
		if (err || ret->file)
			return err;
		*ret_more = false; /* reserved, and nothing there yet */
	}
	return err;
}

/* include/uapi/linux/stat.h */
const char *open_file_type(uint32_t mode)
{
	switch (mode & 0170000) {
	case 0100000:
		return "REG";
	case 0040000:
		return "DIR";
	case 0020000:
		return "CHR";
	case 0060000:
		return "BLK";
	case 0010000:
		return "FIFO";
	case 0140000:
		return "SOCK";
	case 0120000:
		return "LNK";
	default:
		return "-";
	}
}

struct err *task_folders_format(
	struct target *t, uint64_t task_va, struct strbuf *root, struct strbuf *cwd)
{
	struct raw_task task;
	struct raw_fs fs;
	struct err *err = read_view(t, &task_spec, task_va, &task);
	if (!err && !task.fs)
		err = err_new(ERR_MISSING, "the task has left the tree of files");
	if (!err)
		err = read_view(t, &fs_spec, task.fs, &fs);
	if (!err)
		err = dentry_path_format(t, fs.root, fs.root_mount, root);
	return err ? err : dentry_path_format(t, fs.cwd, fs.cwd_mount, cwd);
}
