/*
 * Paths of open files, as d_path() makes them: from the dentry up through mount points to the root
 * of the mount namespace. Knows names and mounts, not inodes' contents.
 */
#ifndef ANALYZER_KERNEL_FILE_PATH_H
#define ANALYZER_KERNEL_FILE_PATH_H

#include "analyzer/target/target.h"

/* PATH_MAX, include/uapi/linux/limits.h: longer ones end with ERR_LIMIT. */
enum { FILE_PATH_BYTES = 4096 };

/*
 * Appends the path of the struct file at @va: "/bin/busybox", "/dev/zero (deleted)" for what was
 * unlinked or never had a name, "pipe:[7]" for what has no place in the tree. The bytes are the
 * dump's own. Nothing is appended with an error.
 */
struct err *file_path_format(struct target *t, uint64_t va, struct strbuf *out) MUST_CHECK;

/* The same of a dentry on a mount (the address of a struct vfsmount). */
struct err *dentry_path_format(
	struct target *t, uint64_t dentry, uint64_t vfsmount, struct strbuf *out) MUST_CHECK;

struct file_inode {
	uint32_t major, minor; /* of the superblock's device */
	uint64_t inode;	       /* its number */
};

struct err *file_inode_read(struct target *t, uint64_t va, struct file_inode *ret) MUST_CHECK;

#endif
