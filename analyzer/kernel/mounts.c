/*
 * struct mount and mnt_namespace (fs/mount.h). The namespace keeps a list up to v6.7, a red-black
 * tree since v6.8. On the list there may be cursors of readers, which are no mounts (v5.8 to v6.7).
 */
#include "analyzer/kernel/mounts.h"

#include <inttypes.h>
#include <stdio.h>

#define MOUNT_HINT "fs/namespace.c"

/* include/linux/mount.h, the same from 4.19 to 7.2; no enum before v7.0. The last: v5.8 to v6.7. */
enum { MNT_READONLY = 0x40, MNT_CURSOR = 0x10000000 };
/* include/linux/fs.h, the same from 4.19 to 7.2 */
enum { SB_RDONLY = 1 };

struct raw_mount {
	struct mounted m;
	uint64_t list_va, node_va, device_va;
};
enum { MOUNT_LIST, MOUNT_NODE };
static const struct view_field mount_fields[] = {
	[MOUNT_LIST] = FIELD_ADDRESS_OPTIONAL(struct raw_mount, list_va, "mnt_list"),
	[MOUNT_NODE] = FIELD_ADDRESS_OPTIONAL(struct raw_mount, node_va, "mnt_node"),
	FIELD_ADDRESS(struct raw_mount, m.vfsmount, "mnt"),
	FIELD(struct raw_mount, m.super_block, "mnt.mnt_sb"),
	FIELD(struct raw_mount, m.root, "mnt.mnt_root"),
	FIELD(struct raw_mount, m.flags, "mnt.mnt_flags"),
	FIELD(struct raw_mount, m.id, "mnt_id"),
	FIELD(struct raw_mount, device_va, "mnt_devname"),
};
static const struct view_spec mount_spec = { .type = "mount",
	.hint = MOUNT_HINT,
	.fields = mount_fields,
	.nfields = ARRAY_SIZE(mount_fields) };

struct raw_namespace {
	uint64_t list_va, tree_va;
};
enum { NAMESPACE_LIST, NAMESPACE_TREE };
static const struct view_field namespace_fields[] = {
	[NAMESPACE_LIST] = FIELD_ADDRESS_OPTIONAL(struct raw_namespace, list_va, "list"),
	[NAMESPACE_TREE] = FIELD_ADDRESS_OPTIONAL(struct raw_namespace, tree_va, "mounts"),
};
static const struct view_spec namespace_spec = { .type = "mnt_namespace",
	.hint = MOUNT_HINT,
	.fields = namespace_fields,
	.nfields = ARRAY_SIZE(namespace_fields) };

struct raw_super {
	uint64_t type, subtype, flags;
};
static const struct view_field super_fields[] = {
	FIELD(struct raw_super, type, "s_type"),
	FIELD(struct raw_super, flags, "s_flags"),
	FIELD_OPTIONAL(struct raw_super, subtype, "s_subtype"),
};
static const struct view_spec super_spec = { .type = "super_block",
	.hint = "fs/super.c",
	.fields = super_fields,
	.nfields = ARRAY_SIZE(super_fields) };

struct raw_word {
	uint64_t va;
};
static const struct view_field type_fields[] = { FIELD(struct raw_word, va, "name") };
static const struct view_spec type_spec = { .type = "file_system_type",
	.hint = "fs/filesystems.c",
	.fields = type_fields,
	.nfields = ARRAY_SIZE(type_fields) };
static const struct view_field task_fields[] = { FIELD(struct raw_word, va, "nsproxy") };
static const struct view_spec task_spec = { .type = "task_struct",
	.hint = "kernel/fork.c",
	.fields = task_fields,
	.nfields = ARRAY_SIZE(task_fields) };
static const struct view_field proxy_fields[] = { FIELD(struct raw_word, va, "mnt_ns") };
static const struct view_spec proxy_spec = { .type = "nsproxy",
	.hint = "kernel/nsproxy.c",
	.fields = proxy_fields,
	.nfields = ARRAY_SIZE(proxy_fields) };

static struct err *read_view(struct target *t, const struct view_spec *spec, uint64_t va, void *ret)
{
	const struct view *v;
	struct err *err = target_view(t, spec, &v);
	return err ? err : view_read(v, t->kernel, va, ret);
}

static struct err *find_namespace(struct target *t, uint64_t task_va, uint64_t *ret)
{
	struct raw_word proxy = { 0 }, ns = { 0 };
	struct err *err = target_need_kernel(t);
	if (!err && !task_va)
		err = target_symbol(t, "init_task", &task_va);
	if (!err)
		err = read_view(t, &task_spec, task_va, &proxy);
	if (!err && !proxy.va)
		err = err_new(ERR_MISSING, "the task has left its namespaces");
	if (!err)
		err = read_view(t, &proxy_spec, proxy.va, &ns);
	if (!err && !ns.va)
		err = err_new(ERR_MISSING, "no mount namespace");
	if (!err)
		*ret = ns.va;
	return err;
}

struct err *mounted_iter_init(struct mounted_iter *it, struct target *t, uint64_t task_va)
{
	const struct view *v, *mount_view;
	uint64_t va;
	*it = (struct mounted_iter){ .t = t };
	struct err *err = find_namespace(t, task_va, &va);
	if (!err)
		err = target_view(t, &namespace_spec, &v);
	if (!err)
		err = target_view(t, &mount_spec, &mount_view);
	if (err)
		return err;
	it->is_tree = view_has(v, NAMESPACE_TREE) && view_has(mount_view, MOUNT_NODE);
	if (it->is_tree)
		rbtree_iter_init(&it->tree, t, va + view_offset(v, NAMESPACE_TREE));
	else if (view_has(v, NAMESPACE_LIST) && view_has(mount_view, MOUNT_LIST))
		list_iter_init(&it->list, t, va + view_offset(v, NAMESPACE_LIST));
	else
		return err_new(ERR_MISSING, "mnt_namespace has neither list nor mounts");
	return NULL;
}

/* "TYPE" or "TYPE.SUBTYPE", as show_type() in fs/proc_namespace.c. */
static struct err *read_type(struct target *t, const struct raw_super *super, char *buf, size_t n)
{
	struct raw_word name = { 0 };
	char sub[MOUNT_NAME_BYTES / 2];
	struct err *err = read_view(t, &type_spec, super->type, &name);
	if (!err)
		err = vspace_read_str(t->kernel, name.va, buf, n);
	if (err || !super->subtype)
		return err;
	err = vspace_read_str(t->kernel, super->subtype, sub, sizeof(sub));
	size_t used = strlen(buf);
	if (!err && *sub)
		snprintf(buf + used, n - used, ".%s", sub);
	return err;
}

static struct err *read_mount(struct target *t, uint64_t va, struct mounted *ret)
{
	struct raw_mount raw = { 0 };
	struct raw_super super = { 0 };
	struct err *err = read_view(t, &mount_spec, va, &raw);
	if (!err && raw.m.flags & MNT_CURSOR) {
		ret->flags = raw.m.flags;
		return NULL;
	}
	if (!err)
		err = read_view(t, &super_spec, raw.m.super_block, &super);
	if (!err)
		err = read_type(t, &super, raw.m.type, sizeof(raw.m.type));
	if (!err && raw.device_va)
		err = vspace_read_str(t->kernel, raw.device_va, raw.m.device, sizeof(raw.m.device));
	else if (!err)
		snprintf(raw.m.device, sizeof(raw.m.device), "none"); /* as the kernel has it */
	if (err)
		return err_wrap(err, "mount 0x%" PRIx64, va);
	raw.m.va = va;
	raw.m.super_flags = super.flags;
	*ret = raw.m;
	return NULL;
}

struct err *mounted_iter_next(struct mounted_iter *it, struct mounted *ret, bool *ret_more)
{
	const struct view *v;
	uint64_t node;
	struct err *err = target_view(it->t, &mount_spec, &v);
	*ret_more = false;
	while (!err) {
		if (it->is_tree)
			err = rbtree_iter_next(&it->tree, &node, ret_more);
		else
			err = list_iter_next(&it->list, &node, ret_more);
		if (err || !*ret_more)
			return err;
		err = read_mount(
			it->t, node - view_offset(v, it->is_tree ? MOUNT_NODE : MOUNT_LIST), ret);
		if (err || it->is_tree || !(ret->flags & MNT_CURSOR))
			return err;
	}
	return err;
}

void mounted_options_format(const struct mounted *m, struct strbuf *out)
{
	static const struct {
		uint64_t super, mount;
		const char *name;
	} known[] = { { 16, 0, ",sync" }, { 128, 0, ",dirsync" }, { 64, 0, ",mand" },
		{ 1 << 25, 0, ",lazytime" }, { 0, 1, ",nosuid" }, { 0, 2, ",nodev" },
		{ 0, 4, ",noexec" }, { 0, 8, ",noatime" }, { 0, 0x10, ",nodiratime" },
		{ 0, 0x20, ",relatime" }, { 0, 0x80, ",nosymfollow" } };
	strbuf_add(out, m->flags & MNT_READONLY || m->super_flags & SB_RDONLY ? "ro" : "rw");
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (m->super_flags & known[i].super || m->flags & known[i].mount)
			strbuf_add(out, known[i].name);
}
