/*
 * What a task holds open, and where it stands in the tree of files. Knows the tables of
 * descriptors; paths are file_path.h's.
 */
#ifndef ANALYZER_KERNEL_OPEN_FILES_H
#define ANALYZER_KERNEL_OPEN_FILES_H

#include "analyzer/kernel/task.h"

struct open_file {
	uint32_t fd;
	uint64_t file, dentry, inode;
	uint32_t mode; /* i_mode: type and permissions */
};

struct open_file_iter {
	struct target *t;
	uint64_t fds, bits; /* where the table's pointers and its bitmap lie; 0: no files at all */
	uint32_t max, at;
	uint64_t word; /* of the bitmap, what is left of it */
};

/* Kernel threads and zombies have no files: then there is nothing to come. */
struct err *open_file_iter_init(
	struct open_file_iter *it, struct target *t, uint64_t task_va) MUST_CHECK;

/* By ascending descriptor. An error with *ret_more true is about one of them: ret->fd says which.
 */
struct err *open_file_iter_next(
	struct open_file_iter *it, struct open_file *ret, bool *ret_more) MUST_CHECK;

/* "REG", "DIR", "CHR", "BLK", "FIFO", "SOCK", "LNK"; "-" for what has no place in a file system. */
const char *open_file_type(uint32_t mode);

/* Appends the paths of the task's root and working directory. ERR_MISSING when it has none any
 * more. */
struct err *task_folders_format(
	struct target *t, uint64_t task_va, struct strbuf *root, struct strbuf *cwd) MUST_CHECK;

#endif
