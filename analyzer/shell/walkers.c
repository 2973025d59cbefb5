/* The built-in walkers, each a loop over an iterator of the kernel's model. */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/debug/address.h"
#include "analyzer/debug/expr.h"
#include "analyzer/kernel/module.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/kfence.h"
#include "analyzer/kernel/slab_heap.h"
#include "analyzer/kernel/task.h"
#include "analyzer/kernel/vma.h"
#include "analyzer/kernel/vmalloc.h"
#include "analyzer/kernel/zone_map.h"
#include "analyzer/shell/registry.h"
#include "analyzer/target/target.h"

/* An error that came with more to follow is one element's: told, and passed. */
static struct err *tell(struct walking *w, struct err *err, bool more)
{
	if (!err || !more || err->code == ERR_INTERRUPTED)
		return err;
	out_complain(w->cx->out, err);
	return NULL;
}

static struct err *walk_task(struct walking *w)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, w->cx->target);
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (!err && more)
			walk_emit(w, task.va);
		err = tell(w, err, more);
	}
	return err;
}

static const struct walker walker_task = {
	.name = "task",
	.summary = "all tasks, idle ones and threads too",
	.yields = "struct task_struct",
	.run = walk_task,
};

static struct err *walk_thread(struct walking *w)
{
	struct task_iter it;
	struct task leader;
	bool more = true;
	struct err *err = task_read(w->cx->target, w->from, &leader);
	if (!err)
		err = task_iter_init(&it, w->cx->target);
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (!err && more && task.group_leader == leader.group_leader)
			walk_emit(w, task.va);
		err = tell(w, err, more);
	}
	return err;
}

static const struct walker walker_thread = {
	.name = "thread",
	.summary = "the threads of a task's process",
	.over = "struct task_struct",
	.yields = "struct task_struct",
	.run = walk_thread,
};

static struct err *walk_child(struct walking *w)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, w->cx->target);
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (!err && more && task.real_parent == w->from && task.va != w->from &&
			task.group_leader == task.va)
			walk_emit(w, task.va);
		err = tell(w, err, more);
	}
	return err;
}

static const struct walker walker_child = {
	.name = "child",
	.summary = "the processes that a task is the parent of",
	.over = "struct task_struct",
	.yields = "struct task_struct",
	.run = walk_child,
};

static struct err *walk_vma(struct walking *w)
{
	struct vma_iter it;
	struct task task;
	struct mm mm;
	bool more = true;
	struct err *err = task_read(w->cx->target, w->from, &task);
	if (err || !task.mm)
		return err; /* a kernel thread has none */
	err = mm_read(w->cx->target, task.mm, &mm);
	if (!err)
		err = vma_iter_init(&it, w->cx->target, &mm);
	while (!err && more) {
		struct vma vma;
		err = vma_iter_next(&it, &vma, &more);
		if (!err && more && !vma.is_gate)
			walk_emit(w, vma.va);
		err = tell(w, err, more);
	}
	return err;
}

static const struct walker walker_vma = {
	.name = "vma",
	.summary = "the areas of a task's address space",
	.over = "struct task_struct",
	.yields = "struct vm_area_struct",
	.run = walk_vma,
};

static struct err *walk_module(struct walking *w)
{
	struct module_iter it;
	bool more = true;
	struct err *err = module_iter_init(&it, w->cx->target);
	while (!err && more) {
		struct module module;
		err = module_iter_next(&it, &module, &more);
		if (!err && more)
			walk_emit(w, module.va);
		err = tell(w, err, more);
	}
	return err;
}

static const struct walker walker_module = {
	.name = "module",
	.summary = "loaded modules",
	.yields = "struct module",
	.run = walk_module,
};

static struct err *walk_slab_cache(struct walking *w)
{
	struct slab_cache_iter it;
	bool more = true;
	struct err *err = slab_cache_iter_init(&it, w->cx->target);
	while (!err && more) {
		struct slab_cache cache;
		err = slab_cache_iter_next(&it, &cache, &more);
		if (!err && more)
			walk_emit(w, cache.va);
		err = tell(w, err, more);
	}
	return err;
}

static const struct walker walker_slab_cache = {
	.name = "slab-cache",
	.summary = "SLUB's caches",
	.yields = "struct kmem_cache",
	.run = walk_slab_cache,
};

/* Many caches are called after the struct that they hold; then its members are names behind a `|`.
 */
static const char *slab_type(struct walking *w, const char *cache)
{
	const struct type *type;
	struct err *err = types_find(w->cx->target->types, TYPE_STRUCT, cache, NULL, &type);
	bool found = !err;
	err_drop(err); /* then they are objects of some kind */
	return found ? arena_printf(w->cx->arena, "struct %s", cache) : "void";
}

static struct err *emit_allocated(
	void *to, const struct slab_cache *c, const struct slab_contents *s)
{
	struct walking *w = to;
	for (uint32_t k = 0; k < s->slab.objects; k++)
		if (s->state[k] == SLAB_ALLOCATED)
			walk_emit(w, slab_object_va(c, &s->slab, k));
	return NULL;
}

static void complain(void *to, struct err *err)
{
	struct walking *w = to;
	out_complain(w->cx->out, err);
}

/* What KFENCE holds for a cache belongs to it as much, though no slab has it. */
static struct err *walk_kfence(struct walking *w, const struct slab_cache *c)
{
	struct kfence k;
	struct kfence_object o;
	struct err *err = kfence_init(w->cx->target, &k);
	if (err && err->code != ERR_INTERRUPTED) {
		err_drop(err); /* most kernels have none */
		return NULL;
	}
	for (uint32_t i = 0; !err && i < k.nobjects; i++) {
		err = kfence_read(&k, i, &o);
		if (!err && o.cache_va == c->va && o.state == KFENCE_ALLOCATED)
			walk_emit(w, o.addr);
		if (err && err->code != ERR_INTERRUPTED) {
			out_complain(w->cx->out, err);
			err = NULL;
		}
		if (!err)
			err = interrupt_check();
	}
	return err;
}

static struct err *walk_slab_object(struct walking *w)
{
	scoped_slab_heap struct slab_heap h = { 0 };
	const char *name = args_get(w->args, w->first);
	struct err *err = slab_heap_read(w->cx->target, &h);
	if (err)
		return err;
	w->yields = slab_type(w, name);
	for (size_t i = 0; i < h.ncaches; i++)
		if (!strcmp(h.cache[i].name, name)) {
			err = slab_heap_each(&h, &h.cache[i], emit_allocated, complain, w);
			return err ? err : walk_kfence(w, &h.cache[i]);
		}
	return args_error(w->args, w->first, "no cache is called %s; `slub` lists them", name);
}

static const struct walker walker_slab_object = {
	.name = "slab-object",
	.summary = "the allocated objects of a cache",
	.usage = "CACHE",
	.yields = "*",
	.min_args = 1,
	.max_args = 1,
	.run = walk_slab_object,
};

static struct err *walk_vmalloc_area(struct walking *w)
{
	scoped_vmalloc struct vmalloc v = { 0 };
	struct err *err = vmalloc_read(w->cx->target, &v);
	for (size_t i = 0; !err && i < v.area.n; i++)
		if (v.area.v[i].state == VMALLOC_BUSY)
			walk_emit(w, v.area.v[i].va);
	for (size_t i = 0; i < v.damage.n; i++)
		out_complain(w->cx->out, take_ptr(v.damage.v[i]));
	return err;
}

static const struct walker walker_vmalloc_area = {
	.name = "vmalloc-area",
	.summary = "areas of the vmalloc space in use",
	.yields = "struct vmap_area",
	.run = walk_vmalloc_area,
};

static struct err *walk_zone(struct walking *w)
{
	scoped_zone_map struct zone_map m = { 0 };
	struct err *err = zone_map_read(w->cx->target, &m);
	for (size_t i = 0; !err && i < m.n; i++)
		walk_emit(w, m.place[i].zone.va);
	return err;
}

static const struct walker walker_zone = {
	.name = "zone",
	.summary = "zones of physical memory that have any",
	.yields = "struct zone",
	.run = walk_zone,
};

static struct err *walk_page(struct walking *w)
{
	struct page_iter it;
	uint64_t pfn, va;
	bool more = true;
	struct err *err = target_need_kernel(w->cx->target);
	page_iter_init(&it, w->cx->target);
	while (!err && !(err = page_iter_next(&it, &pfn, &va, &more)) && more)
		walk_emit(w, va);
	return err;
}

static const struct walker walker_page = {
	.name = "page",
	.summary = "the struct page of every frame of memory",
	.yields = "struct page",
	.run = walk_page,
};

/* "TYPE.MEMBER": the struct's name for C, and where the list_head stands in it. */
static struct err *parse_node(
	struct walking *w, const char *text, const char **ret_type, uint64_t *ret_offset)
{
	const struct debug_env *env = &w->cx->target->debug;
	const char *dot = strchr(text, '.');
	struct field_ref field;
	const struct type *type;
	if (!dot || dot == text || !dot[1])
		return err_new(ERR_USAGE, "%s is no TYPE.MEMBER, as in task_struct.tasks", text);
	char *name = arena_strndup(w->cx->arena, text, (size_t)(dot - text));
	struct err *err = expr_parse_type(env, name, &type);
	if (!err)
		err = type_field(env->types, type, dot + 1, &field);
	if (err)
		return err;
	scoped_strbuf struct strbuf declared = { 0 };
	type_declare(type, NULL, &declared);
	*ret_type = arena_strdup(w->cx->arena, strbuf_text(&declared));
	*ret_offset = field.bit_offset / 8;
	return NULL;
}

static struct err *walk_list(struct walking *w)
{
	struct target *t = w->cx->target;
	struct list_iter it;
	uint64_t head = 0, node, offset = 0;
	bool more = true;
	struct err *err = args_point(w->args, w->first, 0,
		parse_node(w, args_get(w->args, w->first), &w->yields, &offset));
	if (!err)
		err = args_point(w->args, w->first + 1, 0,
			address_parse(&t->debug, args_get(w->args, w->first + 1), &head));
	if (err)
		return err;
	list_iter_init(&it, t, head);
	while (!err && !(err = list_iter_next(&it, &node, &more)) && more)
		walk_emit(w, list_entry(t, node, offset));
	return err;
}

static const struct walker walker_list = {
	.name = "list",
	.summary = "the members of a list_head's ring",
	.usage = "TYPE.MEMBER HEAD",
	.yields = "*",
	.min_args = 2,
	.max_args = 2,
	.run = walk_list,
};

const struct walker *const builtin_walkers[] = {
	&walker_task,
	&walker_thread,
	&walker_child,
	&walker_vma,
	&walker_module,
	&walker_slab_cache,
	&walker_slab_object,
	&walker_vmalloc_area,
	&walker_zone,
	&walker_page,
	&walker_list,
	NULL,
};
