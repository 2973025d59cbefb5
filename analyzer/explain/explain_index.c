/* What answers need again and again, read once and kept with the target: tasks and stacks, areas,
 * zones, modules, the map. A part that cannot be read keeps the reason; one that was interrupted is
 * tried again. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/explain/explain_internal.h"
#include "analyzer/kernel/slab_cache.h"
#include "analyzer/stack/stacks.h"

static void index_destroy(void *what)
{
	struct explain_index *ix = what;
	for (unsigned i = 0; i < PARTS; i++)
		err_drop(ix->why[i]);
	vec_deinit(&ix->task);
	vec_deinit(&ix->stack);
	vec_deinit(&ix->by_va);
	vec_deinit(&ix->module);
	generated_codes_deinit(&ix->code);
	vec_deinit(&ix->alias);
	vec_deinit(&ix->table);
	vec_deinit(&ix->type);
	vmalloc_deinit(&ix->vmalloc);
	zone_map_deinit(&ix->zones);
	free(ix);
}

struct explain_index *explain_index_get(struct target *t)
{
	static const char key;
	struct explain_index *ix = target_kept(t, &key);
	if (ix)
		return ix;
	ix = xcalloc(1, sizeof(*ix));
	ix->t = t;
	target_keep(t, &key, ix, index_destroy);
	return ix;
}

/* ---- tasks and stacks -------------------------------------------------------------------- */

static int stack_by_lo(const void *a, const void *b)
{
	const struct indexed_stack *x = a, *y = b;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static int task_by_va(const void *a, const void *b)
{
	const struct indexed_task *x = a, *y = b;
	return x->va < y->va ? -1 : x->va > y->va;
}

static void add_task(struct explain_index *ix, const struct task *task, uint64_t stack_bytes)
{
	struct indexed_task by_va = { slab_untag(ix->t, task->va), ix->task.n };
	uint64_t lo = slab_untag(ix->t, task->stack);
	vec_push(&ix->task, *task);
	vec_push(&ix->by_va, by_va);
	if (!lo || lo > UINT64_MAX - stack_bytes)
		return;
	struct indexed_stack s = {
		.lo = lo, .hi = lo + stack_bytes, .name = "task", .task = by_va.task
	};
	vec_push(&ix->stack, s);
}

static void add_cpu_stacks(struct explain_index *ix)
{
	struct cpu_mask cpus;
	struct err *err = cpu_mask_read(ix->t, CPUS_POSSIBLE, &cpus);
	if (err) {
		err_drop(err); /* then only tasks' stacks are known; ps tells of the mask */
		return;
	}
	for (unsigned cpu = 0; (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		struct task task = { .cpu = cpu };
		struct stack s;
		for (unsigned i = 1; stack_of_task(ix->t, &task, i, &s); i++) {
			if (s.hi <= s.lo)
				continue;
			struct indexed_stack e = { s.lo, s.hi, s.name, cpu, SIZE_MAX };
			vec_push(&ix->stack, e);
		}
	}
}

static struct err *read_tasks(struct explain_index *ix)
{
	struct task_iter it;
	struct task task;
	uint64_t bytes;
	bool more = true;
	ix->task.n = ix->by_va.n = ix->stack.n = 0;
	struct err *err = task_stack_bytes(ix->t, &bytes);
	if (!target_number(ix->t, "sizeof(task_struct)", &ix->task_bytes))
		ix->task_bytes = 0;
	if (!err)
		err = task_iter_init(&it, ix->t);
	while (!err && more) {
		err = task_iter_next(&it, &task, &more);
		if (!err && more) {
			add_task(ix, &task, bytes);
		} else if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* one task's trouble is ps' to tell */
			err = NULL;
		}
	}
	if (err)
		return err;
	add_cpu_stacks(ix);
	err = types_find(ix->t->types, TYPE_STRUCT, "task_struct", "init_task", &ix->task_type);
	err_drop(err); /* then members have no names */
	if (ix->stack.n)
		qsort(ix->stack.v, ix->stack.n, sizeof(*ix->stack.v), stack_by_lo);
	if (ix->by_va.n)
		qsort(ix->by_va.v, ix->by_va.n, sizeof(*ix->by_va.v), task_by_va);
	return NULL;
}

/* ---- the rest ---------------------------------------------------------------------------- */

static struct err *read_modules(struct explain_index *ix)
{
	struct module_iter it;
	struct module m;
	bool more = true;
	ix->module.n = 0;
	struct err *err = module_iter_init(&it, ix->t);
	while (!err && more) {
		err = module_iter_next(&it, &m, &more);
		if (!err && more) {
			vec_push(&ix->module, m);
		} else if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* one module's trouble is mod's to tell */
			err = NULL;
		}
	}
	return err;
}

static struct err *read_vmalloc(struct explain_index *ix)
{
	vmalloc_deinit(&ix->vmalloc);
	ix->vmalloc = (struct vmalloc){ .t = ix->t };
	struct err *err = vmalloc_read(ix->t, &ix->vmalloc);
	for (size_t i = 0; i < ix->vmalloc.damage.n; i++)
		err_drop(ix->vmalloc.damage.v[i]); /* vmalloc tells of it */
	vec_deinit(&ix->vmalloc.damage);
	return err;
}

/* A list that leads astray leaves what was found before: then that is what there is to say. */
static struct err *read_code(struct explain_index *ix)
{
	struct err *damage = NULL;
	generated_codes_deinit(&ix->code);
	ix->code = (struct generated_codes){ 0 };
	struct err *err = generated_codes_read(ix->t, &ix->code, &damage);
	if (!err && !ix->code.code.n)
		return damage;
	err_drop(damage);
	return err;
}

static struct err *read_part(struct explain_index *ix, enum explain_part part)
{
	switch (part) {
	case PART_MAP:
		return address_map_find(ix->t, &ix->map);
	case PART_TASKS:
		return read_tasks(ix);
	case PART_VMALLOC:
		return read_vmalloc(ix);
	case PART_ZONES:
		zone_map_deinit(&ix->zones);
		return zone_map_read(ix->t, &ix->zones);
	case PART_MODULES:
		return read_modules(ix);
	case PART_CODE:
		return read_code(ix);
	case PART_KFENCE:
		return kfence_init(ix->t, &ix->kfence);
	case PART_ALIASES:
		return explain_read_aliases(ix);
	case PART_TABLES:
		return explain_read_tables(ix);
	case PARTS:
		break;
	}
	return err_new(ERR_MISSING, "no such part");
}

struct err *explain_need(
	struct explain_index *ix, enum explain_part part, const struct err **ret_why)
{
	if (!ix->tried[part]) {
		struct err *err = read_part(ix, part);
		if (err && err->code == ERR_INTERRUPTED)
			return err;
		ix->tried[part] = true;
		ix->why[part] = err;
	}
	*ret_why = ix->why[part];
	return NULL;
}

const struct map_region *explain_region(const struct explain_index *ix, uint64_t va)
{
	const struct map_region *best = NULL;
	for (unsigned i = 0; !ix->why[PART_MAP] && i < ix->map.n; i++) {
		const struct map_region *r = &ix->map.region[i];
		if (va >= r->start && va <= r->last &&
			(!best || r->last - r->start < best->last - best->start))
			best = r;
	}
	return best;
}
