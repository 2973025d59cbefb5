/* Stacks, by whose and of which function's frame, and struct task_structs. */
#include <inttypes.h>

#include "analyzer/explain/explain_internal.h"
#include "analyzer/stack/bad_address.h"
#include "analyzer/stack/trace.h"

static const char *task_words(struct explain_cx *cx, const struct task *task)
{
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_addf(&b, "pid %u ", task->pid);
	strbuf_add_text(&b, task->comm, (size_t)task_comm_length(task));
	return arena_strdup(cx->a, strbuf_text(&b));
}

/* The frame that @va lies in: of the functions whose stack pointer is not above it the outermost.
 */
static struct err *frame_words(struct explain_cx *cx, const struct task *task,
	const struct indexed_stack *stack, const char **ret)
{
	struct trace trace;
	struct symbol s;
	*ret = NULL;
	struct err *err = trace_task(cx->t, task, cx->a, &trace);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (err) {
		err_drop(err); /* no registers, no frames: bt says why */
		return NULL;
	}
	const struct frame *best = NULL;
	uint64_t lowest = UINT64_MAX;
	for (size_t i = 0; i < trace.nframes; i++) {
		const struct frame *f = &trace.frame[i];
		uint64_t sp = cx->t->arch->untag(&vspace_facts(cx->t->kernel)->layout, f->sp);
		if (sp < stack->lo || sp >= stack->hi)
			continue; /* on a CPU's stack */
		lowest = sp < lowest ? sp : lowest;
		if (sp <= cx->va)
			best = f;
	}
	if (!best) {
		*ret = lowest != UINT64_MAX ? ", below its frames: left behind" : NULL;
		return NULL;
	}
	if (symtab_at(cx->t->syms, best->lookup_pc, &s))
		*ret = arena_printf(cx->a, ", frame of %s%s", s.name,
			explain_plus(cx, (int64_t)(best->pc - s.va)));
	return NULL;
}

/* How many stacks begin at @va or below it. */
static size_t stacks_below(const struct explain_index *ix, uint64_t va)
{
	size_t lo = 0, hi = ix->stack.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ix->stack.v[mid].lo <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const struct indexed_stack *stack_at(const struct explain_index *ix, uint64_t va)
{
	size_t n = stacks_below(ix, va);
	return n && va < ix->stack.v[n - 1].hi ? &ix->stack.v[n - 1] : NULL;
}

/* Nothing is mapped below a stack of vmalloc's, as far down as it is long: a stack that runs over
 * comes there (kernel/fork.c, arch/arm64/include/asm/memory.h: THREAD_ALIGN; 4.14 to 7.2). */
static void add_guard(struct explain_cx *cx)
{
	const struct explain_index *ix = cx->ix;
	size_t n = stacks_below(ix, cx->va);
	const struct indexed_stack *s = n < ix->stack.n ? &ix->stack.v[n] : NULL;
	uint64_t page = 1ull << vspace_facts(cx->t->kernel)->layout.paging.page_shift;
	if (cx->has_pa || !s || s->task == SIZE_MAX || s->lo - cx->va > s->hi - s->lo)
		return;
	if (n && cx->va - ix->stack.v[n - 1].hi < page)
		return; /* vmalloc's own guard, behind the stack before it */
	const struct task *task = &ix->task.v[s->task];
	struct explain_row *r = explain_add(cx, EXPLAIN_STACK,
		"0x%" PRIx64 " below the stack of %s: nothing is mapped there, and a stack that "
		"runs over comes there",
		s->lo - cx->va, task_words(cx, task));
	r->name = s->name;
	r->state = "below it";
	r->has_pid = true;
	r->pid = task->pid;
	r->type = "struct task_struct";
	r->object_va = task->va;
	explain_range(cx, r, s->lo, s->hi - s->lo);
}

struct err *explain_find_stack(struct explain_cx *cx)
{
	bool known;
	const char *frame = NULL;
	if (!cx->has_va || cx->is_user)
		return NULL;
	struct err *err = explain_need_told(cx, PART_TASKS, "tasks and stacks", &known);
	const struct indexed_stack *s = err || !known ? NULL : stack_at(cx->ix, cx->va);
	if (!s && !err && known)
		add_guard(cx);
	if (!s)
		return err;
	if (s->task == SIZE_MAX) {
		struct explain_row *r = explain_add(cx, EXPLAIN_STACK,
			"%s stack of CPU %u, 0x%" PRIx64 " from its base", s->name, s->cpu,
			cx->va - s->lo);
		r->name = s->name;
		r->has_cpu = true;
		r->cpu = s->cpu;
		explain_range(cx, r, s->lo, s->hi - s->lo);
		return NULL;
	}
	const struct task *task = &cx->ix->task.v[s->task];
	if (!cx->quick)
		err = frame_words(cx, task, s, &frame);
	if (err)
		return err;
	struct explain_row *r =
		explain_add(cx, EXPLAIN_STACK, "stack of %s, 0x%" PRIx64 " from its base%s",
			task_words(cx, task), cx->va - s->lo, frame ? frame : "");
	r->name = s->name;
	r->state = frame ? frame + 2 : NULL; /* without the comma */
	r->has_pid = true;
	r->pid = task->pid;
	r->type = "struct task_struct";
	r->object_va = task->va;
	explain_range(cx, r, s->lo, s->hi - s->lo);
	return NULL;
}

struct err *explain_find_task(struct explain_cx *cx)
{
	bool known;
	if (!cx->has_va || cx->is_user)
		return NULL;
	struct err *err = explain_need_told(cx, PART_TASKS, "tasks and stacks", &known);
	if (err || !known)
		return err;
	const struct explain_index *ix = cx->ix;
	size_t lo = 0, hi = ix->by_va.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ix->by_va.v[mid].va <= cx->va)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || cx->va - ix->by_va.v[lo - 1].va >= ix->task_bytes)
		return NULL;
	const struct task *task = &ix->task.v[ix->by_va.v[lo - 1].task];
	uint64_t start = ix->by_va.v[lo - 1].va;
	scoped_strbuf struct strbuf member = { 0 };
	if (ix->task_type)
		bad_address_member(cx->t->types, ix->task_type, cx->va - start, &member);
	struct explain_row *r = explain_add(cx, EXPLAIN_TASK, "struct task_struct of %s%s%s",
		task_words(cx, task), member.len ? ", " : "", strbuf_text(&member));
	r->type = "struct task_struct";
	r->member = member.len ? arena_strdup(cx->a, strbuf_text(&member)) : NULL;
	r->has_pid = true;
	r->pid = task->pid;
	r->object_va = task->va;
	explain_range(cx, r, start, ix->task_bytes);
	return NULL;
}
