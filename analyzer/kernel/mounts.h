/* The mounts of a mount namespace, as /proc/mounts lists them. Knows no file system's own options.
 */
#ifndef ANALYZER_KERNEL_MOUNTS_H
#define ANALYZER_KERNEL_MOUNTS_H

#include "analyzer/kernel/list.h"
#include "analyzer/kernel/rbtree.h"

enum { MOUNT_NAME_BYTES = 256 };

struct mounted {
	uint64_t va;		    /* struct mount */
	uint64_t vfsmount;	    /* its .mnt */
	uint64_t super_block, root; /* root: dentry */
	uint32_t flags;		    /* MNT_… */
	uint64_t super_flags;	    /* SB_… */
	uint32_t id;
	char type[MOUNT_NAME_BYTES]; /* "tmpfs", "fuse.sshfs" */
	char device[MOUNT_NAME_BYTES];
};

struct mounted_iter {
	struct target *t;
	bool is_tree; /* since v6.8 */
	struct list_iter list;
	struct rbtree_iter tree;
};

/* Over the namespace of the task at @task_va, 0: the first task's. ERR_MISSING: it has left its
 * own. */
struct err *mounted_iter_init(
	struct mounted_iter *it, struct target *t, uint64_t task_va) MUST_CHECK;

/* In the namespace's order. An error with *ret_more true is about one of them. */
struct err *mounted_iter_next(
	struct mounted_iter *it, struct mounted *ret, bool *ret_more) MUST_CHECK;

/* "rw,nosuid,relatime": what the mount and every file system know, as in /proc/mounts. */
void mounted_options_format(const struct mounted *m, struct strbuf *out);

#endif
