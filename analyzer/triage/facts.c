/* Who died, where it stood and in what exception: what every rule starts from. */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/triage/triage.h"

/* The task that oopsed without a panic: the one in an exception of its own making, on any CPU. */
static bool find_oops(struct triage *tr)
{
	struct facts *f = &tr->facts;
	for (size_t i = 0; i < f->cpus.n; i++) {
		const struct call_of_cpu *c = f->cpus.v + i;
		if (!c->has_calls || (calls_find(&c->calls, "die", 0) == SIZE_MAX &&
					     calls_find(&c->calls, "oops_enter", 0) == SIZE_MAX))
			continue;
		f->victim = c->task;
		f->victim_cpu = c->cpu;
		return true;
	}
	return false;
}

static struct err *find_victim(struct triage *tr)
{
	struct facts *f = &tr->facts;
	struct err *err = task_panicking(tr->t, &f->victim, &f->victim_cpu);
	if (!err) {
		f->end = END_PANIC;
		f->has_victim = true;
		return NULL;
	}
	if (err->code == ERR_INTERRUPTED)
		return err;
	if (err->code != ERR_NOT_FOUND)
		triage_ledger(tr, "panic_cpu", "%s", err->msg);
	err_drop(err); /* nobody panicked, or the ledger has it */
	if (find_oops(tr)) {
		f->end = END_OOPS;
		f->has_victim = true;
	}
	return NULL;
}

static size_t call_of_frame(const struct calls *c, size_t frame)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->call[i].frame == frame)
			return i;
	return SIZE_MAX;
}

/* An interrupt in panic()'s endless loop has calls of its own. */
static size_t end_call(const struct calls *c)
{
	size_t panic = calls_find(c, "panic", 0), inner = calls_find(c, "vpanic", 0);
	if (inner < panic)
		return inner;
	return panic == SIZE_MAX ? 0 : panic;
}

static struct err *read_victim(struct triage *tr)
{
	struct facts *f = &tr->facts;
	f->fault_call = SIZE_MAX;
	if (!f->has_victim)
		return NULL;
	struct err *err = calls_of_task(tr->t, &f->victim, &tr->arena, &f->calls);
	if (!err && f->calls.trace.broken)
		triage_ledger(tr, "stack", "the victim's backtrace breaks off: %s",
			f->calls.trace.end ? f->calls.trace.end : "no reason known");
	f->end_call = end_call(&f->calls);
	if (!err)
		err = fault_find(tr->t, &f->victim, &tr->arena, &f->fault);
	if (!err) {
		f->has_fault = true;
		f->fault_call = call_of_frame(&f->calls, f->fault.frame);
		return NULL;
	}
	if (err->code == ERR_INTERRUPTED)
		return err;
	if (err->code != ERR_NOT_FOUND)
		triage_ledger(tr, "fault", "%s", err->msg);
	err_drop(err); /* it is in no exception, or the ledger has it */
	return NULL;
}

struct err *facts_gather(struct triage *tr)
{
	struct err *err = facts_read_cpus(tr);
	if (!err)
		err = find_victim(tr);
	if (!err)
		err = read_victim(tr);
	if (!err)
		err = facts_read_log(tr);
	if (!err)
		facts_panic_text(tr);
	return err;
}

void facts_deinit(struct facts *f)
{
	vec_deinit(&f->log);
	vec_deinit(&f->cpus);
}
