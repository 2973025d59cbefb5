/*
 * kernel/locking/spinlock.c, spinlock_debug.c, qspinlock.c: all of these take the lock's address as
 * their first argument, and keep it in a register or on their stack while they spin.
 */
#include "analyzer/stack/spin_wait.h"

#include <string.h>

#include "analyzer/base/interrupt.h"

enum { FRAMES_ABOVE = 2, FRAMES_BELOW = 2, WORDS_MAX = 256 };

static bool takes_spinlock(struct target *t, const struct frame *f)
{
	static const char *const names[] = { "queued_spin_lock_slowpath",
		"native_queued_spin_lock_slowpath", "do_raw_spin_lock", "_raw_spin_lock",
		"__raw_spin_lock" };
	struct symbol s;
	if (!symtab_at(t->syms, f->lookup_pc, &s) || s.module)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(s.name, names[i], strlen(names[i])))
			return true;
	return false;
}

struct search {
	struct target *t;
	const struct task *task;
	unsigned cpu;
	struct spin_wait *ret;
};

static bool queue_has(struct search *s, const struct spinlock *lock)
{
	scoped_spinlock_queue struct spinlock_queue q = { 0 };
	struct err *err = spinlock_queue_read(s->t, lock, &q);
	bool found = false;
	for (size_t i = 0; !err && !found && i < q.v.n; i++)
		found = q.v.v[i].cpu == s->cpu;
	err_drop(err); /* not proved */
	return found;
}

/* Whether a task that spins can be spinning on @va. */
static bool try_lock(struct search *s, uint64_t va)
{
	struct spinlock lock;
	if (!va || va % sizeof(uint32_t))
		return false;
	struct err *err = spinlock_read(s->t, va, &lock);
	bool ok = !err && lock.held && lock.valid && !(lock.debug && lock.magic_bad);
	err_drop(err); /* no lock there */
	if (!ok)
		return false;
	bool waited_for = lock.form == SPINLOCK_QUEUED	 ? lock.pending || lock.has_tail
			  : lock.form == SPINLOCK_TICKET ? lock.waiting > 0
							 : true;
	/* Whoever waits for a CPU that was told to stop has left no trace in a lock without
	 * debugging; one with debugging is proved by its magic. */
	bool queued = lock.form == SPINLOCK_QUEUED && lock.has_tail && queue_has(s, &lock);
	if (!lock.debug && !waited_for)
		return false;
	if (!lock.debug && lock.form == SPINLOCK_QUEUED && lock.has_tail && !queued &&
		!lock.pending)
		return false;
	s->ret->lock = lock;
	s->ret->sure = lock.debug || queued;
	return true;
}

/* The registers of @f, then the words of its own stack. */
static bool try_frame(struct search *s, const struct frame *f, const struct frame *above)
{
	unsigned n = s->t->abi.word_bytes;
	for (unsigned i = 0; i < ARCH_MAX_REGS; i++)
		if (regs_has(&f->regs, i) && try_lock(s, f->regs.v[i]))
			return true;
	if (!above || above->sp <= f->sp)
		return false;
	for (unsigned i = 0; i < WORDS_MAX && f->sp + (uint64_t)i * n < above->sp; i++) {
		uint64_t word;
		if (vspace_try_word(s->t->kernel, f->sp + (uint64_t)i * n, &word) &&
			try_lock(s, word))
			return true;
	}
	return false;
}

/* What the frames that spin have, then what those that they called saved of their registers. */
static bool try_frames(struct search *s, const struct trace *trace, size_t first, size_t last)
{
	const struct frame *f = trace->frame;
	for (size_t k = first; k <= last; k++)
		if (try_frame(s, f + k, k + 1 < trace->nframes ? f + k + 1 : NULL))
			return true;
	for (size_t k = first; k-- > 0 && k + FRAMES_BELOW >= first;)
		if (try_frame(s, f + k, f + k + 1))
			return true;
	return false;
}

static void find_owner(struct search *s)
{
	struct spin_wait *r = s->ret;
	struct task owner;
	r->owner_unknown = r->lock.debug ? "nobody is noted as its holder"
					 : "this kernel's spinlocks do not say who holds them";
	if (!r->lock.owner_va)
		return;
	struct err *err = task_read(s->t, r->lock.owner_va, &owner);
	r->owner_unknown = err ? "the task that is noted as its holder cannot be read" : NULL;
	r->owner_va = err ? 0 : owner.va;
	err_drop(err); /* said in words */
}

struct err *spin_wait_find(
	struct target *t, const struct task *task, const struct trace *trace, struct spin_wait *ret)
{
	struct spin_wait found = { 0 };
	struct search s = { .t = t, .task = task, .cpu = task->cpu, .ret = &found };
	size_t n = trace->nframes, i = 0;
	while (i < n && !takes_spinlock(t, trace->frame + i))
		i++;
	if (trace->user || i == n)
		return err_new(ERR_NOT_FOUND, "pid %u does not spin", task->pid);
	size_t last = i;
	for (size_t k = i; k < n && takes_spinlock(t, trace->frame + k); k++)
		last = k;
	last = n - last > FRAMES_ABOVE ? last + FRAMES_ABOVE - 1 : n - 1;
	if (try_frames(&s, trace, i, last)) {
		found.frame = i;
		find_owner(&s);
		*ret = found;
		return NULL;
	}
	struct err *err = interrupt_check();
	return err ? err
		   : err_new(ERR_FORMAT, "pid %u spins, but its lock's address is not known",
			     task->pid);
}
