/* A task of a fake target and what lockdep has noted of it: two locks of two classes. */
#ifndef TESTS_UNIT_FAKE_LOCKDEP_H
#define TESTS_UNIT_FAKE_LOCKDEP_H

#include "analyzer/kernel/lockdep.h"
#include "tests/unit/fake_kernel.h"

enum { LD_TASK = 0x1000, LD_CLASSES = 0x4000, LD_MAPS = 0x5000, LD_NAMES = 0x5800, LD_ON = 0x5c00 };
enum { LD_NCLASSES = 8 };

static inline void fake_lockdep_types(struct fake *f)
{
	FAKE_STRUCT(f, "held_lock", "prev_chain_key:u64", "acquire_ip:word", "instance:word",
		"class_idx:u32:13", "irq_context:u32:2", "trylock:u32:1", "read:u32:2",
		"check:u32:1", "hardirqs_off:u32:1", "references:u32:12", "pin_count:u32");
	FAKE_STRUCT(f, "task_struct", "pid:u32", "lockdep_depth:u32", "held_locks:held_lock[48]");
	FAKE_STRUCT(f, "lock_class", "key:word", "subclass:u32", "name_version:u32", "name:word");
	FAKE_STRUCT(f, "lockdep_map", "key:word", "name:word");
	fake_symbol(f, "lock_classes", LD_CLASSES, LD_NCLASSES * fake_sizeof(f, "lock_class"));
	fake_number(f, "debug_locks", LD_ON, 1, 4);
}

static inline uint64_t fake_held(struct fake *f, unsigned n)
{
	return LD_TASK + fake_offsetof(f, "task_struct", "held_locks") +
	       n * fake_sizeof(f, "held_lock");
}

static inline uint64_t fake_class(struct fake *f, unsigned n)
{
	return LD_CLASSES + n * fake_sizeof(f, "lock_class");
}

/* Number @n of the task's locks: of class @n + 2, whose key is the lock's own map; asked for at
 * 0x100 * @n. */
static inline void fake_lockdep_lock(struct fake *f, unsigned n, const char *name)
{
	uint64_t map = LD_MAPS + 0x40ull * n, held = fake_held(f, n), class = fake_class(f, n + 2);
	uint64_t text = LD_NAMES + 0x40ull * n;
	fake_bytes(f, text, name, strlen(name) + 1);
	fake_set(f, "held_lock", held, "acquire_ip", fake_va(f, 0x100 * n));
	fake_set(f, "held_lock", held, "instance", fake_va(f, map));
	fake_put(f->t->dump, held + fake_offsetof(f, "held_lock", "pin_count") - 4, n + 2, 4);
	fake_set(f, "lockdep_map", map, "key", fake_va(f, map));
	fake_set(f, "lockdep_map", map, "name", fake_va(f, text));
	fake_set(f, "lock_class", class, "key", fake_va(f, map));
	fake_set(f, "lock_class", class, "name", fake_va(f, text));
	fake_set(f, "task_struct", LD_TASK, "lockdep_depth", n + 1);
}

static inline struct err *fake_lockdep_read(struct fake *f, struct lockdep_locks *ret)
{
	struct lockdep l;
	struct task task = { .va = fake_va(f, LD_TASK) };
	struct err *err = lockdep_init(&l, f->t);
	return err ? err : lockdep_read(&l, &task, ret);
}

#endif
