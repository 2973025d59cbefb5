/* Bounds of stacks. The architecture names its per-CPU stacks; here they are looked up. */
#include "analyzer/stack/stacks.h"

static bool holds(const struct stack *s, uint64_t sp)
{
	/* An empty stack's sp is its end. */
	return sp >= s->lo && sp <= s->hi && s->hi > s->lo;
}

static bool cpu_stack(struct target *t, const struct arch_stack *kind, unsigned cpu,
	uint64_t thread_bytes, struct stack *ret)
{
	uint64_t va;
	scoped_err struct err *err = kind->is_global ? target_symbol(t, kind->symbol, &va)
						     : percpu_symbol(t, kind->symbol, cpu, &va);
	if (err || (kind->is_pointer && !vspace_try_word(t->kernel, va, &va)) || !va)
		return false;
	uint64_t bytes = kind->bytes ? kind->bytes : thread_bytes;
	ret->lo = kind->is_top ? va - bytes : va;
	ret->hi = ret->lo + bytes;
	ret->name = kind->name;
	ret->shared = kind->is_global;
	return true;
}

bool stack_find(struct target *t, const struct task *task, uint64_t sp, struct stack *ret)
{
	uint64_t thread_bytes;
	scoped_err struct err *err = task_stack_bytes(t, &thread_bytes);
	if (err)
		return false;
	struct stack s = { .name = "task" };
	if (task) {
		s.lo = task->stack;
		s.hi = s.lo + thread_bytes;
		if (holds(&s, sp)) {
			*ret = s;
			return true;
		}
	}
	struct cpu_mask cpus;
	scoped_err struct err *mask_err = cpu_mask_read(t, CPUS_POSSIBLE, &cpus);
	if (mask_err)
		return false;
	for (const struct arch_stack *kind = t->arch->stacks; kind && kind->symbol; kind++) {
		if (!target_has_symbol(t, kind->symbol))
			continue;
		for (unsigned cpu = cpu_mask_next(&cpus, 0); cpu < CPUS_MAX;
			cpu = cpu_mask_next(&cpus, cpu + 1)) {
			if (cpu_stack(t, kind, cpu, thread_bytes, &s) && holds(&s, sp)) {
				*ret = s;
				return true;
			}
		}
	}
	return false;
}

bool stack_of_task(struct target *t, const struct task *task, unsigned i, struct stack *ret)
{
	uint64_t thread_bytes;
	scoped_err struct err *err = task_stack_bytes(t, &thread_bytes);
	if (err)
		return false;
	*ret = (struct stack){
		.lo = task->stack, .hi = task->stack + thread_bytes, .name = "task"
	};
	if (!i)
		return true;
	const struct arch_stack *kind = t->arch->stacks;
	while (kind && kind->symbol && --i)
		kind++;
	if (!kind || !kind->symbol)
		return false;
	struct stack s = { .name = kind->name };
	if (target_has_symbol(t, kind->symbol))
		cpu_stack(t, kind, task->cpu, thread_bytes, &s);
	*ret = s;
	return true;
}
