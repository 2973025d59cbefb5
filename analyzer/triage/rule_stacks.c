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

static void tell(struct triage *tr, const struct task *task, const struct stack_check *c)
{
	struct facts *facts = &tr->facts;
	bool victim = facts->has_victim && facts->victim.va == task->va;
	struct finding *f = triage_find(tr, "stacks", class_of(c->findings),
		c->findings & (STACK_OVERFLOWED | STACK_PROTECTOR_FIRED) ? WEIGHT_REPORT
									 : WEIGHT_SYMPTOM,
		CONFIDENCE_SURE);
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
}

static struct err *run(struct triage *tr)
{
	struct task_iter it;
	struct task task;
	struct arena scratch = { 0 };
	bool more = true;
	struct err *err = task_iter_init(&it, tr->t);
	while (!err && more) {
		struct stack_check c;
		err = task_iter_next(&it, &task, &more);
		if (err && more) {
			err_drop(err); /* one damaged task: ps says which */
			err = NULL;
			continue;
		}
		if (err || !more)
			break;
		arena_reset(&scratch);
		err = stack_check_task(tr->t, &task, &scratch, &c);
		if (!err && c.findings & ~(unsigned)STACK_POINTER_LOST)
			tell(tr, &task, &c);
		if (err && err->code == ERR_MISSING) {
			err_drop(err); /* it has no stack any more */
			err = NULL;
		}
		if (!err)
			err = interrupt_check();
	}
	arena_deinit(&scratch);
	return err;
}

const struct triage_rule rule_stacks = { "stacks", "stacks that ran over or were written over",
	run };
