/*
 * The stacks of the CPUs' present tasks, word by word. A free poisons the object, saves the stack
 * that freed it (which takes long), and only then gives it to the quarantine or to SLUB
 * (mm/kasan/common.c,
 * __kasan_slab_free(), all versions); its callers keep the object's address on their stack
 * meanwhile.
 */
#include "analyzer/kernel/kasan_in_flight.h"

#include "analyzer/base/scope.h"
#include "analyzer/kernel/percpu.h"
#include "analyzer/kernel/task.h"

enum { STACK_MAX = 1 << 20 };

static bool on_stack(const struct kasan *k, const uint8_t *bytes, uint64_t n, uint64_t va)
{
	unsigned word = k->t->abi.word_bytes;
	for (uint64_t at = 0; at + word <= n; at += word) {
		uint64_t v = word == 8 ? get_u64(&k->t->abi, bytes + at)
				       : get_u32(&k->t->abi, bytes + at);
		if (kasan_untag(k, v) == va)
			return true;
	}
	return false;
}

bool kasan_in_flight(const struct kasan *k, uint64_t va)
{
	struct cpu_mask cpus;
	struct task task;
	uint64_t bytes;
	bool found = false;
	struct err *err = cpu_mask_read(k->t, CPUS_POSSIBLE, &cpus);
	if (!err)
		err = task_stack_bytes(k->t, &bytes);
	if (err || !bytes || bytes > STACK_MAX) {
		err_drop(err); /* then it is told: better one finding too many */
		return false;
	}
	scoped_free uint8_t *stack = xcalloc(1, bytes);
	for (unsigned cpu = 0; !found && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		err = task_current(k->t, cpu, &task);
		if (!err && !vspace_try_read(k->t->kernel, task.stack, stack, bytes, NULL))
			found = on_stack(k, stack, bytes, va);
		err_drop(err); /* this CPU's task is not known */
	}
	return found;
}
