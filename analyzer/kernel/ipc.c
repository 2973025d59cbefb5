/*
 * struct ipc_ids (include/linux/ipc_namespace.h), kern_ipc_perm (include/linux/ipc.h), and of ipc/:
 * sem_array, msg_queue, shmid_kernel, 4.19 to 7.2. Their layout may be randomized: what an IDR
 * holds is the address of the kern_ipc_perm within.
 */
#include "analyzer/kernel/ipc.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

struct raw_word {
	uint64_t va;
};
static const struct view_field task_fields[] = { FIELD(struct raw_word, va, "nsproxy") };
static const struct view_spec task_spec = { .type = "task_struct",
	.hint = "kernel/fork.c",
	.fields = task_fields,
	.nfields = ARRAY_SIZE(task_fields) };
static const struct view_field proxy_fields[] = { FIELD(struct raw_word, va, "ipc_ns") };
static const struct view_spec proxy_spec = { .type = "nsproxy",
	.hint = "kernel/nsproxy.c",
	.fields = proxy_fields,
	.nfields = ARRAY_SIZE(proxy_fields) };
static const struct view_field space_fields[] = { FIELD_ADDRESS(struct raw_word, va, "ids") };
static const struct view_spec space_spec = { .type = "ipc_namespace",
	.hint = "ipc/util.c",
	.fields = space_fields,
	.nfields = ARRAY_SIZE(space_fields) };
static const struct view_field ids_fields[] = { FIELD_ADDRESS(struct raw_word, va, "ipcs_idr") };
static const struct view_spec ids_spec = { .type = "ipc_ids",
	.hint = "ipc/util.c",
	.fields = ids_fields,
	.nfields = ARRAY_SIZE(ids_fields) };

static const struct view_field perm_fields[] = {
	FIELD(struct ipc_object, id, "id"),
	FIELD(struct ipc_object, key, "key"),
	FIELD(struct ipc_object, uid, "uid.val"),
	FIELD(struct ipc_object, gid, "gid.val"),
	FIELD(struct ipc_object, mode, "mode"),
};
static const struct view_spec perm_spec = { .type = "kern_ipc_perm",
	.hint = "ipc/util.c",
	.fields = perm_fields,
	.nfields = ARRAY_SIZE(perm_fields) };

struct raw_object {
	uint64_t perm_va, count, bytes, creator, last, file;
};
enum { PERM };
static const struct view_field sem_fields[] = {
	[PERM] = FIELD_ADDRESS(struct raw_object, perm_va, "sem_perm"),
	FIELD(struct raw_object, count, "sem_nsems"),
};
static const struct view_field msg_fields[] = {
	[PERM] = FIELD_ADDRESS(struct raw_object, perm_va, "q_perm"),
	FIELD(struct raw_object, count, "q_qnum"),
	FIELD(struct raw_object, bytes, "q_cbytes"),
	FIELD_OPTIONAL(struct raw_object, last, "q_lspid"),
};
static const struct view_field shm_fields[] = {
	[PERM] = FIELD_ADDRESS(struct raw_object, perm_va, "shm_perm"),
	FIELD(struct raw_object, count, "shm_nattch"),
	FIELD(struct raw_object, bytes, "shm_segsz"),
	FIELD(struct raw_object, file, "shm_file"),
	FIELD_OPTIONAL(struct raw_object, creator, "shm_cprid"),
	FIELD_OPTIONAL(struct raw_object, last, "shm_lprid"),
};
#define SPEC(t, h, f)                                                                              \
	{                                                                                          \
		.type = (t), .hint = (h), .fields = (f), .nfields = ARRAY_SIZE(f)                  \
	}
static const struct view_spec object_specs[IPC_KINDS] = {
	[IPC_SEMAPHORES] = SPEC("sem_array", "ipc/sem.c", sem_fields),
	[IPC_QUEUES] = SPEC("msg_queue", "ipc/msg.c", msg_fields),
	[IPC_MEMORY] = SPEC("shmid_kernel", "ipc/shm.c", shm_fields),
};

static const struct view_field pid_fields[] = { FIELD_ADDRESS(struct raw_word, va, "numbers") };
static const struct view_spec pid_spec = SPEC("pid", "kernel/pid.c", pid_fields);
static const struct view_field upid_fields[] = { FIELD(struct raw_word, va, "nr") };
static const struct view_spec upid_spec = SPEC("upid", "kernel/pid.c", upid_fields);

struct raw_file {
	uint64_t inode, operations, mapping, pages, swapped;
};
static const struct view_field file_fields[] = {
	FIELD(struct raw_file, inode, "f_inode"),
	FIELD(struct raw_file, operations, "f_op"),
};
static const struct view_spec file_spec = SPEC("file", "fs/open.c", file_fields);
static const struct view_field inode_fields[] = { FIELD(struct raw_file, mapping, "i_mapping") };
static const struct view_spec inode_spec = SPEC("inode", "fs/inode.c", inode_fields);
static const struct view_field mapping_fields[] = { FIELD(struct raw_file, pages, "nrpages") };
static const struct view_spec mapping_spec = SPEC("address_space", "fs/inode.c", mapping_fields);
enum { SHMEM_INODE };
struct raw_shmem {
	uint64_t inode_va, swapped;
};
static const struct view_field shmem_fields[] = {
	[SHMEM_INODE] = FIELD_ADDRESS(struct raw_shmem, inode_va, "vfs_inode"),
	FIELD(struct raw_shmem, swapped, "swapped"),
};
static const struct view_spec shmem_spec = SPEC("shmem_inode_info", "mm/shmem.c", shmem_fields);

static struct err *read_view(struct target *t, const struct view_spec *spec, uint64_t va, void *ret)
{
	const struct view *v;
	struct err *err = target_view(t, spec, &v);
	return err ? err : view_read(v, t->kernel, va, ret);
}

static struct err *find_namespace(struct target *t, uint64_t task_va, uint64_t *ret)
{
	struct raw_word proxy = { 0 }, space = { 0 };
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	/* init_ipc_ns alone may be there for POSIX message queues */
	if (!target_has_symbol(t, "init_ipc_ns") || !target_has_symbol(t, "shm_init_ns"))
		return err_new(ERR_MISSING, "this kernel has no System V objects (CONFIG_SYSVIPC)");
	if (!task_va)
		return target_symbol(t, "init_ipc_ns", ret);
	err = read_view(t, &task_spec, task_va, &proxy);
	if (!err && !proxy.va)
		err = err_new(ERR_MISSING, "the task has left its namespaces");
	if (!err)
		err = read_view(t, &proxy_spec, proxy.va, &space);
	if (!err)
		*ret = space.va;
	return err;
}

struct err *ipc_iter_init(
	struct ipc_iter *it, struct target *t, enum ipc_kind kind, uint64_t task_va)
{
	const struct view *space, *ids;
	uint64_t va = 0;
	*it = (struct ipc_iter){ .t = t, .kind = kind };
	struct err *err = find_namespace(t, task_va, &va);
	if (!err)
		err = target_view(t, &space_spec, &space);
	if (!err)
		err = target_view(t, &ids_spec, &ids);
	if (err)
		return err;
	va += view_offset(space, 0) + (uint64_t)kind * view_size(ids) + view_offset(ids, 0);
	return xarray_iter_init_idr(&it->ids, t, va);
}

/* The number of a struct pid in the first namespace. */
static struct err *read_pid(struct target *t, uint64_t va, uint32_t *ret)
{
	const struct view *v;
	struct raw_word nr = { 0 };
	struct err *err = va ? target_view(t, &pid_spec, &v) : NULL;
	if (!err && va)
		err = read_view(t, &upid_spec, va + view_offset(v, 0), &nr);
	*ret = err ? 0 : (uint32_t)nr.va;
	return err;
}

/* shm_add_rss_swap(), ipc/shm.c; a segment of huge pages counts in other units. */
static struct err *read_segment(struct target *t, uint64_t file, struct ipc_object *o)
{
	const struct view *v;
	struct raw_file f = { 0 };
	struct raw_shmem s = { 0 };
	uint64_t huge = 0;
	unsigned shift = vspace_facts(t->kernel)->layout.paging.page_shift;
	struct err *err = read_view(t, &file_spec, file, &f);
	if (err)
		return err;
	o->inode = f.inode;
	o->pages = (o->bytes >> shift) + !!(o->bytes & ((1ull << shift) - 1));
	if (target_has_symbol(t, "hugetlbfs_file_operations"))
		err = target_symbol(t, "hugetlbfs_file_operations", &huge);
	if (err || f.operations == huge)
		return err;
	err = read_view(t, &inode_spec, f.inode, &f);
	if (!err)
		err = read_view(t, &mapping_spec, f.mapping, &f);
	if (!err)
		err = target_view(t, &shmem_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, f.inode - view_offset(v, SHMEM_INODE), &s);
	o->pages_known = !err;
	o->resident = f.pages;
	o->swapped = s.swapped;
	return err;
}

static struct err *read_object(struct ipc_iter *it, uint64_t perm, struct ipc_object *o)
{
	const struct view *v;
	struct raw_object raw = { 0 };
	struct err *err = target_view(it->t, &object_specs[it->kind], &v);
	if (err)
		return err;
	err = read_view(it->t, &perm_spec, perm, o);
	o->kind = it->kind;
	o->va = perm - view_offset(v, PERM);
	if (!err)
		err = view_read(v, it->t->kernel, o->va, &raw);
	o->count = raw.count;
	o->bytes = raw.bytes;
	if (!err)
		err = read_pid(it->t, raw.creator, &o->creator);
	if (!err)
		err = read_pid(it->t, raw.last, &o->last);
	return err || it->kind != IPC_MEMORY ? err : read_segment(it->t, raw.file, o);
}

struct err *ipc_iter_next(struct ipc_iter *it, struct ipc_object *ret, bool *ret_more)
{
	struct xarray_entry e;
	struct ipc_object o = { 0 };
	struct err *err = interrupt_check();
	*ret_more = false;
	if (!err)
		err = xarray_iter_next(&it->ids, &e, ret_more);
	if (err || !*ret_more)
		return err;
	err = read_object(it, e.entry, &o);
	if (err)
		return err_wrap(err, "%s %" PRIu64, object_specs[it->kind].type, e.index);
	*ret = o;
	return NULL;
}
