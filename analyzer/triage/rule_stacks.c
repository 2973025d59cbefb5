/* Stacks that ran over, or were written over. */
#include "analyzer/base/interrupt.h"
#include "analyzer/stack/stack_check.h"
#include "analyzer/triage/triage.h"

static enum verdict_class class_of(unsigned findings)
{
	return findings & (STACK_OVERFLOWED | STACK_OVERFLOW_USED | STACK_END_LOST |
				  STACK_INFO_LOST)
		       ? VERDICT_STACK_OVERFLOW
		       : VERDICT_STACK_CORRUPTION;
}

/* Whether the @n bytes at @va are zero, which is what lost pages of some dumps are, and what a
 * stack holds where it was never used. */
static bool is_blank(struct target *t, uint64_t va, uint64_t n)
{
	uint8_t bytes[4096];
	if (n > sizeof(bytes) || vspace_try_read(t->kernel, va, bytes, n, NULL) != FAULT_NONE)
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

/* The magic is gone with its whole page, which nobody's overflow clears; or there is no such stack.
 */
static bool is_lost(struct triage *tr, const struct task *task, const struct stack_check *c)
{
	unsigned ends = STACK_END_LOST | STACK_INFO_LOST | STACK_POINTER_LOST;
	uint64_t page = 1ull << vspace_facts(tr->t->kernel)->layout.paging.page_shift;
	if (c->stack.lo % (page < 4096 ? page : 4096)) {
		triage_ledger(tr, "stacks",
			"pid %u's is said to be at 0x%llx, where no stack begins", task->pid,
			(unsigned long long)c->stack.lo);
		tr->lost++;
		return true;
	}
	if (c->findings & STACK_CANARY_LOST &&
		triage_page_lost(tr, c->canaries.found.slot_va, "stacks",
			arena_printf(&tr->arena, "a canary on pid %u's", task->pid)))
		return true;
	return c->findings & STACK_END_LOST && !(c->findings & ~ends) &&
	       triage_page_lost(tr, c->stack.lo, "stacks",
		       arena_printf(&tr->arena, "the end of pid %u's", task->pid));
}

/* One wrong byte may be the dump's, or the machine's. */
static bool is_one_byte(const struct stack_check *c)
{
	uint64_t differ = c->canaries.found.found ^ c->guard;
	unsigned n = 0;
	for (; differ; differ >>= 8)
		n += (differ & 0xff) != 0;
	return c->canaries.damaged && n <= 1;
}

/* What ran over the end has written on its way there. */
static enum confidence confidence_of(struct triage *tr, const struct stack_check *c)
{
	enum { NEAR = 256 };
	const unsigned canaries = STACK_CANARY_LOST | STACK_CANARY_ODD | STACK_POINTER_LOST;
	if (!(c->findings & ~canaries) && is_one_byte(c))
		return CONFIDENCE_LIKELY;
	bool end_alone = !(c->findings & ~(unsigned)(STACK_END_LOST | STACK_POINTER_LOST));
	uint64_t above = c->end_va + tr->t->abi.word_bytes;
	return end_alone && is_blank(tr->t, above, NEAR) ? CONFIDENCE_LIKELY : CONFIDENCE_SURE;
}

/* ---- a frame's canary -------------------------------------------------------------------- */

/* A canary lies above its function's arrays: what ran over them stood in that function, or had
 * their address from it. */
static struct err *blame_frame(
	struct triage *tr, struct finding *f, const struct task *task, unsigned frame)
{
	struct calls *calls = arena_alloc(&tr->arena, sizeof(*calls));
	struct err *err = calls_of_task(tr->t, task, &tr->arena, calls);
	if (err)
		return err;
	size_t at = 0;
	while (at < calls->n && calls->call[at].frame != frame)
		at++;
	if (at < calls->n)
		finding_blame(f, calls, at);
	return NULL;
}

/* Only that, where no function has looked at it yet. */
static struct err *tell_canary(
	struct triage *tr, struct finding *f, const struct task *task, const struct stack_check *c)
{
	const struct canary_found *found = &c->canaries.found;
	struct symbol sym;
	bool named = symtab_at(tr->t->syms, found->lookup_pc, &sym);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
		arena_printf(&tr->arena, "stackcheck %u", task->pid), "canary",
		"of %s, frame #%u of pid %u, at 0x%llx is 0x%llx instead of 0x%llx%s%s",
		named ? sym.name : "no function", found->frame, task->pid,
		(unsigned long long)found->slot_va, (unsigned long long)found->found,
		(unsigned long long)c->guard,
		c->neighbour.name[0] ? "; below it ends its variable " : "", c->neighbour.name);
	return c->findings & STACK_PROTECTOR_FIRED ? NULL : blame_frame(tr, f, task, found->frame);
}

static struct err *tell(struct triage *tr, const struct task *task, const struct stack_check *c)
{
	if (is_lost(tr, task, c))
		return NULL;
	struct facts *facts = &tr->facts;
	bool victim = facts->has_victim && facts->victim.va == task->va;
	struct finding *f = triage_find(tr, "stacks", class_of(c->findings),
		c->findings & (STACK_OVERFLOWED | STACK_PROTECTOR_FIRED) ? WEIGHT_REPORT
									 : WEIGHT_SYMPTOM,
		confidence_of(tr, c));
	finding_task(f, task);
	if (victim) {
		size_t from = facts->fault_call != SIZE_MAX ? facts->fault_call : facts->end_call;
		finding_blame(f, &facts->calls, from);
	}
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "stackcheck -d", "stack",
		"of pid %u, 0x%llx to 0x%llx%s%s", task->pid, (unsigned long long)c->stack.lo,
		(unsigned long long)c->stack.hi,
		c->findings & STACK_OVERFLOWED ? ": its stack pointer is below it" : "",
		c->findings & STACK_END_LOST ? ": the magic at its end is gone" : "");
	return c->findings & STACK_CANARY_LOST ? tell_canary(tr, f, task, c) : NULL;
}

/* A shadow call stack that ran over wrote its last return address over the magic. */
static void tell_shadow(struct triage *tr, const struct task *task, struct arena *scratch)
{
	struct stack_check c;
	if (!stack_check_shadow(tr->t, task, scratch, &c) || !c.findings ||
		triage_page_lost(tr, c.stack.lo, "stacks",
			arena_printf(&tr->arena, "pid %u's shadow call stack", task->pid)))
		return;
	struct finding *f = triage_find(
		tr, "stacks", VERDICT_STACK_OVERFLOW, WEIGHT_SYMPTOM, CONFIDENCE_LIKELY);
	finding_task(f, task);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
		arena_printf(&tr->arena, "stackcheck %u", task->pid), "stack",
		"of pid %u: the magic at the end of its shadow call stack is gone", task->pid);
}

/* ---- return addresses that the shadow call stack contradicts ----------------------------- */

static bool is_running(const struct triage *tr, const struct task *task)
{
	for (size_t i = 0; i < tr->facts.cpus.n; i++)
		if (tr->facts.cpus.v[i].task.va == task->va)
			return true;
	return false;
}

/* The call in whose hands the chain of frame records was written over; SIZE_MAX: it was not. A
 * frame's record lies below its variables (arm64), so that they run over into the caller's: its
 * return address leads to no function, or nowhere, and only the shadow call stack knows those
 * above. */
static size_t writer(const struct calls *c)
{
	size_t shadow = 0;
	while (shadow < c->n && c->trace.frame[c->call[shadow].frame].how != HOW_SCS)
		shadow++;
	if (shadow == c->n || shadow < 2)
		return SIZE_MAX;
	size_t written = c->call[shadow - 1].function ? shadow - 1 : shadow - 2;
	return written ? written - 1 : SIZE_MAX;
}

static struct err *check_shadow(struct triage *tr, const struct task *task, struct arena *scratch)
{
	struct calls calls;
	if (is_running(tr, task))
		return NULL;
	struct err *err = calls_of_task(tr->t, task, scratch, &calls);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	size_t at = err ? SIZE_MAX : writer(&calls);
	err_drop(err); /* no stack: nothing contradicts */
	if (at == SIZE_MAX)
		return NULL;
	struct calls *kept = arena_alloc(&tr->arena, sizeof(*kept));
	err = calls_of_task(tr->t, task, &tr->arena, kept);
	if (err)
		return err;
	struct finding *f = triage_find(
		tr, "stacks", VERDICT_STACK_CORRUPTION, WEIGHT_SYMPTOM, CONFIDENCE_LIKELY);
	finding_task(f, task);
	finding_blame(f, kept, at);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
		arena_printf(&tr->arena, "bt %u", task->pid), "stack",
		"of pid %u: a frame record is written over; the shadow call stack has the callers",
		task->pid);
	return NULL;
}

/* ---- the word that all functions check with ---------------------------------------------- */

struct sweep {
	struct triage *tr;
	struct canaries *canaries;
	struct arena scratch;
	bool shadowed;
	bool has_guard; /* one for all tasks, there */
	uint64_t guard_va;
	VEC(struct stack_check) other; /* stacks whose canaries are all one other word */
};

/* Nothing is wrong with it but that. */
static bool has_another(const struct sweep *s, const struct stack_check *c)
{
	const unsigned canaries = STACK_CANARY_LOST | STACK_CANARY_ODD | STACK_POINTER_LOST;
	return s->has_guard && !(c->findings & ~canaries) && c->canaries.damaged &&
	       c->canaries.damaged == c->canaries.checked && c->canaries.alike;
}

static void tell_guard(struct sweep *s)
{
	const struct stack_check *first = s->other.v;
	struct triage *tr = s->tr;
	if (triage_page_lost(tr, s->guard_va, "stacks", "__stack_chk_guard"))
		return;
	struct finding *f = triage_find(
		tr, "stacks", VERDICT_STACK_CORRUPTION, WEIGHT_SYMPTOM, CONFIDENCE_LIKELY);
	f->title = "the stack protector's own canary was written over";
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "rd __stack_chk_guard", "canary",
		"__stack_chk_guard is 0x%llx, but the stacks of %zu tasks hold 0x%llx",
		(unsigned long long)first->guard, s->other.n,
		(unsigned long long)first->canaries.found.found);
}

/* Where several tasks hold the same other word, the one that it is compared with is the wrong one.
 */
static struct err *tell_others(struct sweep *s)
{
	enum { SEVERAL = 3 };
	bool alike = s->other.n >= SEVERAL;
	for (size_t i = 0; alike && i < s->other.n; i++)
		alike = s->other.v[i].canaries.found.found == s->other.v[0].canaries.found.found;
	if (alike)
		tell_guard(s);
	struct err *err = NULL;
	for (size_t i = 0; !alike && !err && i < s->other.n; i++)
		err = tell(s->tr, &s->other.v[i].task, &s->other.v[i]);
	return err;
}

/* ---- all of them ------------------------------------------------------------------------- */

static struct err *look_at(struct sweep *s, const struct task *task)
{
	struct stack_check c;
	struct triage *tr = s->tr;
	struct err *err = stack_check_task(tr->t, task, &s->scratch, &c);
	if (!err && s->canaries)
		err = stack_check_frames(s->canaries, tr->t, &s->scratch, &c);
	if (err)
		return err;
	if (has_another(s, &c))
		vec_push(&s->other, c);
	else if (c.findings & ~(unsigned)STACK_POINTER_LOST)
		err = tell(tr, task, &c);
	if (!err && s->shadowed)
		tell_shadow(tr, task, &s->scratch);
	/* The canary says it all, and whose it is. */
	if (!err && s->shadowed && !(c.findings & STACK_CANARY_LOST))
		err = check_shadow(tr, task, &s->scratch);
	return err;
}

static struct err *look_at_all(struct sweep *s)
{
	struct task_iter it;
	struct task task;
	bool more = true;
	struct err *err = task_iter_init(&it, s->tr->t);
	while (!err && more) {
		err = task_iter_next(&it, &task, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* one damaged task: ps says which */
			err = NULL;
			continue;
		}
		if (err || !more)
			break;
		arena_reset(&s->scratch);
		err = look_at(s, &task);
		if (err && err->code == ERR_MISSING) {
			err_drop(err); /* it has no stack any more */
			err = NULL;
		}
		if (!err)
			err = interrupt_check();
	}
	return err ? err : tell_others(s);
}

static struct err *run(struct triage *tr)
{
	struct symbol guard;
	scoped_canaries struct canaries *canaries = canaries_create(tr->t);
	struct sweep s = { .tr = tr,
		.canaries = canaries,
		.shadowed = target_has_symbol(tr->t, "init_shadow_call_stack"),
		.has_guard = symtab_find_kernel(tr->t->syms, "__stack_chk_guard", &guard) };
	s.guard_va = s.has_guard ? guard.va : 0;
	struct err *err = look_at_all(&s);
	arena_deinit(&s.scratch);
	vec_deinit(&s.other);
	return err;
}

const struct triage_rule rule_stacks = { "stacks", "stacks that ran over or were written over",
	run };
