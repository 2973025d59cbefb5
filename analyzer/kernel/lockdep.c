/*
 * kernel/locking/lockdep.c, 4.19 to 7.2: task_struct.held_locks[] and the classes that it counts
 * into. A class belongs to a lock when their keys agree; up to 5.2 numbers of classes began with 1.
 */
#include "analyzer/kernel/lockdep.h"

#include <stdio.h>
#include <string.h>

enum { SUBCLASSES_MAX = 8 }; /* include/linux/lockdep.h: MAX_LOCKDEP_SUBCLASSES */

struct raw_task {
	uint32_t depth;
	uint64_t held_va;
};
static const struct view_field task_fields[] = {
	FIELD(struct raw_task, depth, "lockdep_depth"),
	FIELD_ADDRESS(struct raw_task, held_va, "held_locks"),
};
static const struct view_spec task_spec = { .type = "task_struct",
	.hint = "kernel/sched/core.c",
	.fields = task_fields,
	.nfields = ARRAY_SIZE(task_fields) };

struct raw_held {
	uint64_t acquire_va, map_va;
	uint32_t class, read, trylock, references;
};
static const struct view_field held_fields[] = {
	FIELD(struct raw_held, acquire_va, "acquire_ip"),
	FIELD(struct raw_held, map_va, "instance"),
	FIELD(struct raw_held, class, "class_idx"),
	FIELD(struct raw_held, read, "read"),
	FIELD(struct raw_held, trylock, "trylock"),
	FIELD(struct raw_held, references, "references"),
};
static const struct view_spec held_spec = { .type = "held_lock",
	.hint = "kernel/locking/lockdep.c",
	.fields = held_fields,
	.nfields = ARRAY_SIZE(held_fields) };

struct raw_class {
	uint64_t key_va, name_va;
	uint32_t version, subclass;
};
static const struct view_field class_fields[] = {
	FIELD(struct raw_class, key_va, "key"),
	FIELD(struct raw_class, name_va, "name"),
	FIELD(struct raw_class, version, "name_version"),
	FIELD(struct raw_class, subclass, "subclass"),
};
static const struct view_spec class_spec = { .type = "lock_class",
	.hint = "kernel/locking/lockdep.c",
	.fields = class_fields,
	.nfields = ARRAY_SIZE(class_fields) };

struct raw_map {
	uint64_t key_va, name_va;
};
static const struct view_field map_fields[] = {
	FIELD(struct raw_map, key_va, "key"),
	FIELD(struct raw_map, name_va, "name"),
};
static const struct view_spec map_spec = { .type = "lockdep_map",
	.hint = "kernel/locking/lockdep.c",
	.fields = map_fields,
	.nfields = ARRAY_SIZE(map_fields) };

struct err *lockdep_init(struct lockdep *l, struct target *t)
{
	struct symbol classes;
	const struct view *v;
	uint64_t on;
	*l = (struct lockdep){ .t = t };
	if (!symtab_find_kernel(t->syms, "lock_classes", &classes))
		return err_new(ERR_MISSING, "this kernel has no lockdep (CONFIG_LOCKDEP)");
	l->classes_va = classes.va;
	l->classes_bytes = classes.object_size ? classes.object_size : classes.size;
	l->off = target_try_variable(t, "debug_locks", &on) && !on;
	return target_view(t, &task_spec, &v);
}

/* A string of the kernel, up to what fits; whether there is any of it. */
static bool read_text(const struct lockdep *l, uint64_t va, char *ret, size_t n)
{
	size_t got = 0;
	while (va && got + 1 < n &&
		vspace_try_read(l->t->kernel, va + got, ret + got, 1, NULL) == FAULT_NONE &&
		ret[got])
		got++;
	ret[got] = '\0';
	return got;
}

static bool class_at(const struct lockdep *l, const struct view *v, uint32_t index,
	const struct raw_map *map, struct raw_class *ret)
{
	uint64_t bytes = view_size(v);
	return bytes && index < l->classes_bytes / bytes &&
	       view_try_read(v, l->t->kernel, l->classes_va + index * bytes, ret) &&
	       (!map || ret->key_va - map->key_va < SUBCLASSES_MAX);
}

/* By the class, else by the lock: a class has what tells locks of one name apart. */
static struct err *name_it(const struct lockdep *l, uint32_t class, struct lockdep_held *io)
{
	const struct view *of_class, *of_map;
	struct raw_class c;
	struct raw_map m;
	struct err *err = target_view(l->t, &class_spec, &of_class);
	if (!err)
		err = target_view(l->t, &map_spec, &of_map);
	if (err)
		return err;
	bool known = view_try_read(of_map, l->t->kernel, io->map_va, &m);
	bool classed = class_at(l, of_class, class, known ? &m : NULL, &c) ||
		       (known && class && class_at(l, of_class, class - 1, &m, &c));
	if (!classed) {
		if (known)
			read_text(l, m.name_va, io->name, sizeof(io->name));
		return NULL;
	}
	if (!read_text(l, c.name_va, io->name, sizeof(io->name)))
		return NULL;
	size_t at = strlen(io->name);
	if (c.version > 1)
		at += (size_t)snprintf(io->name + at, sizeof(io->name) - at, "#%u", c.version);
	if (c.subclass && at < sizeof(io->name))
		snprintf(io->name + at, sizeof(io->name) - at, "/%u", c.subclass);
	return NULL;
}

static struct err *read_one(
	const struct lockdep *l, const struct view *v, uint64_t va, struct lockdep_held *ret)
{
	struct raw_held raw;
	struct err *err = view_read(v, l->t->kernel, va, &raw);
	if (err)
		return err;
	*ret = (struct lockdep_held){ .va = va,
		.map_va = raw.map_va,
		.acquire_va = raw.acquire_va,
		.references = raw.references,
		.shared = raw.read,
		.tried = raw.trylock };
	return name_it(l, raw.class, ret);
}

struct err *lockdep_read(
	const struct lockdep *l, const struct task *task, struct lockdep_locks *ret)
{
	const struct view *of_task, *of_held;
	struct raw_task raw;
	struct err *err = target_view(l->t, &task_spec, &of_task);
	*ret = (struct lockdep_locks){ 0 };
	if (!err)
		err = target_view(l->t, &held_spec, &of_held);
	if (!err)
		err = view_read(of_task, l->t->kernel, task->va, &raw);
	if (err)
		return err;
	ret->cut = raw.depth > LOCKDEP_DEPTH_MAX;
	while (!err && !ret->cut && ret->n < raw.depth) {
		uint64_t va = raw.held_va + ret->n * view_size(of_held);
		err = read_one(l, of_held, va, ret->held + ret->n);
		ret->n += !err;
	}
	return err;
}
