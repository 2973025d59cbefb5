/*
 * Shadow call stacks as memory. They begin at their base, grow upwards, are zero where nothing was
 * pushed yet, and have a magic word at their upper end.
 */
#include "analyzer/stack/shadow_stack.h"
#include "analyzer/stack/stack_check.h"

/*
 * kernel/scs.c, v5.8 to v7.2: cleared when they are made, also those that are used again; what was
 * popped stays. Return addresses are never zero. KASAN calls them poisoned, which changes no byte.
 */
static void measure(struct target *t, struct arena *scratch, uint64_t n, struct stack_check *c)
{
	uint64_t bad;
	uint8_t *memory = arena_alloc(scratch, n);
	if (vspace_try_read(t->kernel, c->stack.lo, memory, n, &bad) != FAULT_NONE) {
		c->used_why = "not all of it can be read";
		return;
	}
	while (n >= 8 && !get_u64(&t->abi, memory + n - 8))
		n -= 8;
	c->used_known = true;
	c->used_bytes = n / 8 * 8;
}

static void look(struct target *t, const struct shadow_stack *s, bool ends, struct arena *scratch,
	struct stack_check *c)
{
	c->shadow = true;
	c->stack = (struct stack){ .lo = s->lo, .hi = s->hi, .name = "shadow" };
	if (s->hi - s->lo < 16)
		return;
	if (ends) {
		c->has_end = true;
		c->end_va = s->hi - 8;
		c->end_magic = SHADOW_END_MAGIC;
		c->end_known = vspace_try_word(t->kernel, c->end_va, &c->end_word);
		if (c->end_known && c->end_word != c->end_magic)
			c->findings |= STACK_END_LOST;
	}
	measure(t, scratch, s->hi - s->lo - (ends ? 8 : 0), c);
}

bool stack_check_shadow(
	struct target *t, const struct task *task, struct arena *scratch, struct stack_check *ret)
{
	struct stack_check c = { .task = *task };
	struct shadow_stack s;
	if (!shadow_stack_of_task(t, task, &s))
		return false;
	look(t, &s, true, scratch, &c);
	/* Of a task that runs it is in a register. */
	c.sp_known = !task->on_cpu && s.sp >= s.lo && s.sp <= s.hi;
	c.sp = s.sp;
	*ret = c;
	return true;
}

bool stack_check_cpu_shadow(
	struct target *t, unsigned cpu, unsigned i, struct arena *scratch, struct stack_check *ret)
{
	struct stack_check c = { .cpu = cpu };
	struct shadow_stack s;
	bool ends;
	if (!shadow_stack_of_cpu(t, cpu, i, &s, &ends))
		return false;
	look(t, &s, ends, scratch, &c);
	*ret = c;
	return true;
}
