/* What a task points to: credentials, namespaces, control group, memory counters, limits. */
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/task_detail.h"

/* Reads the object of @spec at @va. */
static struct err *read_object(
	struct target *t, const struct view_spec *spec, uint64_t va, void *ret)
{
	const struct view *v;
	struct err *err = target_view(t, spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, ret);
	return err_wrap(err, "%s 0x%" PRIx64, spec->type, va);
}

struct pointers {
	uint64_t cred, nsproxy, cgroups;
};
static const struct view_field pointer_fields[] = {
	FIELD(struct pointers, cred, "real_cred"),
	FIELD(struct pointers, nsproxy, "nsproxy"),
	FIELD_OPTIONAL(struct pointers, cgroups, "cgroups"),
};
static const struct view_spec pointer_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = pointer_fields,
	.nfields = ARRAY_SIZE(pointer_fields) };

/* ---- credentials ----------------------------------------------- */

/* include/linux/cred.h. kernel_cap_t was two words of 32 bits, the low one first, up to v6.2. */
struct raw_cred {
	uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	uint8_t cap[5][8];
	uint64_t user_ns;
};
static const struct view_field cred_fields[] = {
	FIELD(struct raw_cred, uid, "uid.val"),
	FIELD(struct raw_cred, euid, "euid.val"),
	FIELD(struct raw_cred, suid, "suid.val"),
	FIELD(struct raw_cred, fsuid, "fsuid.val"),
	FIELD(struct raw_cred, gid, "gid.val"),
	FIELD(struct raw_cred, egid, "egid.val"),
	FIELD(struct raw_cred, sgid, "sgid.val"),
	FIELD(struct raw_cred, fsgid, "fsgid.val"),
	FIELD_BYTES(struct raw_cred, cap[0], "cap_inheritable"),
	FIELD_BYTES(struct raw_cred, cap[1], "cap_permitted"),
	FIELD_BYTES(struct raw_cred, cap[2], "cap_effective"),
	FIELD_BYTES(struct raw_cred, cap[3], "cap_bset"),
	FIELD_BYTES(struct raw_cred, cap[4], "cap_ambient"),
	FIELD(struct raw_cred, user_ns, "user_ns"),
};
static const struct view_spec cred_spec = { .type = "cred",
	.hint = "init/main.c",
	.fields = cred_fields,
	.nfields = ARRAY_SIZE(cred_fields) };

static uint64_t capabilities(const struct target *t, const uint8_t *p)
{
	/* Two little-endian words make the same bytes as one; no big-endian dump has the old form.
	 */
	return get_u64(&t->abi, p);
}

struct err *task_cred_read(struct target *t, const struct task *task, struct task_cred *ret)
{
	struct pointers p = { 0 };
	struct raw_cred raw = { 0 };
	struct err *err = read_object(t, &pointer_spec, task->va, &p);
	if (!err && !p.cred)
		err = err_new(ERR_MISSING, "it has no credentials any more");
	if (!err)
		err = read_object(t, &cred_spec, p.cred, &raw);
	if (err)
		return err_wrap(err, "credentials of pid %u", task->pid);
	*ret = (struct task_cred){ .va = p.cred,
		.uid = raw.uid,
		.euid = raw.euid,
		.suid = raw.suid,
		.fsuid = raw.fsuid,
		.gid = raw.gid,
		.egid = raw.egid,
		.sgid = raw.sgid,
		.fsgid = raw.fsgid,
		.user_ns = raw.user_ns,
		.cap_inheritable = capabilities(t, raw.cap[0]),
		.cap_permitted = capabilities(t, raw.cap[1]),
		.cap_effective = capabilities(t, raw.cap[2]),
		.cap_bounding = capabilities(t, raw.cap[3]),
		.cap_ambient = capabilities(t, raw.cap[4]) };
	return NULL;
}

/* ---- namespaces ----------------------------------------------- */

struct proxy {
	uint64_t ns[7];
};
static const struct view_field proxy_fields[] = {
	FIELD_OPTIONAL(struct proxy, ns[0], "cgroup_ns"),
	FIELD_OPTIONAL(struct proxy, ns[1], "ipc_ns"),
	FIELD_OPTIONAL(struct proxy, ns[2], "mnt_ns"),
	FIELD_OPTIONAL(struct proxy, ns[3], "net_ns"),
	FIELD_OPTIONAL(struct proxy, ns[4], "pid_ns_for_children"),
	FIELD_OPTIONAL(struct proxy, ns[5], "time_ns"),
	FIELD_OPTIONAL(struct proxy, ns[6], "uts_ns"),
};
static const struct view_spec proxy_spec = { .type = "nsproxy",
	.hint = "init/main.c",
	.fields = proxy_fields,
	.nfields = ARRAY_SIZE(proxy_fields) };

struct inum {
	uint32_t inum;
};
static const struct view_field inum_fields[] = { FIELD(struct inum, inum, "ns.inum") };
#define INUM_SPEC(struct_name)                                                                     \
	{                                                                                          \
		.type = struct_name, .hint = "init/main.c", .fields = inum_fields,                 \
		.nfields = ARRAY_SIZE(inum_fields)                                                 \
	}
static const struct {
	const char *name;
	struct view_spec spec;
} namespaces[] = {
	{ "cgroup", INUM_SPEC("cgroup_namespace") },
	{ "ipc", INUM_SPEC("ipc_namespace") },
	{ "mnt", INUM_SPEC("mnt_namespace") },
	{ "net", INUM_SPEC("net") },
	{ "pid_for_children", INUM_SPEC("pid_namespace") },
	{ "time", INUM_SPEC("time_namespace") },
	{ "uts", INUM_SPEC("uts_namespace") },
	{ "user", INUM_SPEC("user_namespace") },
};

static struct err *namespace_va(
	struct target *t, const struct task *task, unsigned i, uint64_t *ret)
{
	struct pointers p = { 0 };
	struct proxy proxy = { 0 };
	struct task_cred cred;
	if (i == ARRAY_SIZE(proxy.ns)) {
		struct err *err = task_cred_read(t, task, &cred);
		*ret = err ? 0 : cred.user_ns;
		return err;
	}
	struct err *err = read_object(t, &pointer_spec, task->va, &p);
	if (!err && p.nsproxy)
		err = read_object(t, &proxy_spec, p.nsproxy, &proxy);
	*ret = proxy.ns[i];
	return err;
}

struct err *task_namespace_read(struct target *t, const struct task *task, unsigned i,
	const char **ret_name, uint32_t *ret_inum, bool *ret_more)
{
	struct inum inum = { 0 };
	uint64_t va = 0;
	*ret_more = i < ARRAY_SIZE(namespaces);
	if (!*ret_more)
		return NULL;
	*ret_name = namespaces[i].name;
	struct err *err = namespace_va(t, task, i, &va);
	if (!err && va)
		err = read_object(t, &namespaces[i].spec, va, &inum);
	*ret_inum = inum.inum;
	return err_wrap(err, "namespace %s of pid %u", namespaces[i].name, task->pid);
}

/* ---- control group ----------------------------------------------- */

struct css_set {
	uint64_t group;
};
static const struct view_field css_set_fields[] = { FIELD(struct css_set, group, "dfl_cgrp") };
static const struct view_spec css_set_spec = { .type = "css_set",
	.hint = "kernel/cgroup/cgroup.c",
	.fields = css_set_fields,
	.nfields = ARRAY_SIZE(css_set_fields) };

struct cgroup {
	uint64_t node;
};
static const struct view_field cgroup_fields[] = { FIELD(struct cgroup, node, "kn") };
static const struct view_spec cgroup_spec = { .type = "cgroup",
	.hint = "kernel/cgroup/cgroup.c",
	.fields = cgroup_fields,
	.nfields = ARRAY_SIZE(cgroup_fields) };

struct kernfs_node {
	uint64_t parent, name;
};
static const struct view_field node_fields[] = {
	FIELD(struct kernfs_node, parent, "__parent", "parent"), /* renamed in v6.15 */
	FIELD(struct kernfs_node, name, "name"),
};
static const struct view_spec node_spec = { .type = "kernfs_node",
	.hint = "fs/kernfs/dir.c",
	.fields = node_fields,
	.nfields = ARRAY_SIZE(node_fields) };

enum { CGROUP_DEPTH_MAX = 256, CGROUP_NAME_MAX = 256 }; /* NAME_MAX and its end */

static struct err *node_path(struct target *t, uint64_t va, struct strbuf *out)
{
	uint64_t name[CGROUP_DEPTH_MAX];
	unsigned n = 0;
	struct err *err = NULL;
	while (!err) {
		struct kernfs_node node;
		err = read_object(t, &node_spec, va, &node);
		if (err || !node.parent)
			break;
		if (n == CGROUP_DEPTH_MAX)
			return err_new(ERR_LIMIT, "kernfs nodes do not end at a root");
		name[n++] = node.name;
		va = node.parent;
	}
	scoped_strbuf struct strbuf path = { 0 };
	for (unsigned i = n; !err && i; i--) {
		char text[CGROUP_NAME_MAX];
		err = vspace_read_str(t->kernel, name[i - 1], text, sizeof(text));
		if (!err)
			strbuf_addf(&path, "/%s", text);
	}
	if (!err)
		strbuf_add(out, n ? strbuf_text(&path) : "/");
	return err;
}

struct err *task_cgroup_format(struct target *t, const struct task *task, struct strbuf *out)
{
	struct pointers p = { 0 };
	struct css_set set = { 0 };
	struct cgroup group = { 0 };
	struct err *err = read_object(t, &pointer_spec, task->va, &p);
	if (!err && !p.cgroups)
		err = err_new(ERR_MISSING, "it is in none");
	if (!err)
		err = read_object(t, &css_set_spec, p.cgroups, &set);
	if (!err)
		err = read_object(t, &cgroup_spec, set.group, &group);
	if (!err)
		err = node_path(t, group.node, out);
	return err_wrap(err, "control group of pid %u", task->pid);
}

/* ---- thread_info ----------------------------------------------- */

/* Inside task_struct (THREAD_INFO_IN_TASK: arm64, arm since v5.16), else at the stack's base. */
struct embedded_info {
	uint64_t va;
};
static const struct view_field embedded_fields[] = {
	FIELD_ADDRESS_OPTIONAL(struct embedded_info, va, "thread_info"),
};
static const struct view_spec embedded_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = embedded_fields,
	.nfields = ARRAY_SIZE(embedded_fields) };

static const struct view_field info_fields[] = {
	FIELD(struct task_thread_info, flags, "flags"),
	/* arm64 keeps need_resched in the word's upper half since v5.2. */
	FIELD(struct task_thread_info, preempt_count, "preempt.count", "preempt_count"),
};
static const struct view_spec info_spec = { .type = "thread_info",
	.hint = "init/main.c",
	.fields = info_fields,
	.nfields = ARRAY_SIZE(info_fields) };

struct err *task_thread_info_read(
	struct target *t, const struct task *task, struct task_thread_info *ret)
{
	const struct view *v;
	struct task_thread_info info = { .va = task->stack };
	struct err *err = target_view(t, &embedded_spec, &v);
	if (!err && view_has(v, 0))
		info.va = task->va + view_offset(v, 0);
	if (!err)
		err = read_object(t, &info_spec, info.va, &info);
	if (err)
		return err_wrap(err, "thread_info of pid %u", task->pid);
	*ret = info;
	return NULL;
}
