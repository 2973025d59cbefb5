/* What each CPU was at, with what tells how long it has been at it: struct rq's clock, and the
 * running task's time since it was last chosen (kernel/sched/sched.h and fair.c,
 * set_next_entity(), 4.19 to 7.2). */
#include "analyzer/base/scope.h"
#include "analyzer/kernel/percpu.h"
#include "analyzer/kernel/runqueue.h"
#include "analyzer/stack/task_regs.h"
#include "analyzer/triage/triage.h"

struct raw_slice {
	uint64_t sum, before;
};
static const struct view_field slice_fields[] = {
	FIELD(struct raw_slice, sum, "se.sum_exec_runtime"),
	FIELD(struct raw_slice, before, "se.prev_sum_exec_runtime"),
};
static const struct view_spec slice_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = slice_fields,
	.nfields = ARRAY_SIZE(slice_fields) };

static void read_slice(struct triage *tr, struct call_of_cpu *c)
{
	const struct view *v;
	struct raw_slice raw;
	struct err *err = target_view(tr->t, &slice_spec, &v);
	if (err) {
		triage_ledger(tr, "CPUs", "for how long each has run its task is not known: %s",
			err->msg);
		err_drop(err); /* the ledger has it */
		return;
	}
	c->has_slice = view_try_read(v, tr->t->kernel, c->task.va, &raw) && raw.sum >= raw.before;
	c->slice_ns = c->has_slice ? raw.sum - raw.before : 0;
}

/* CPSR.I and PSTATE.I are the same bit. */
static bool masked(const struct triage *tr, const struct regs *r, bool *ret_known)
{
	unsigned status = tr->t->arch->reg_status;
	*ret_known = regs_has(r, status);
	return *ret_known && r->v[status] >> 7 & 1;
}

static void read_irqs(struct triage *tr, struct call_of_cpu *c)
{
	struct cpu_regs found[CPU_REGS_MAX];
	for (size_t i = 0; c->has_calls && i < c->calls.trace.nframes; i++)
		if (c->calls.trace.frame[i].pt_regs_va) { /* what came upon it masks them itself */
			c->irqs_off = masked(tr, &c->calls.trace.frame[i].regs, &c->irqs_known);
			return;
		}
	if (cpu_regs_list(tr->t, c->cpu, found))
		c->irqs_off = masked(tr, &found[0].regs, &c->irqs_known);
}

static struct err *read_cpu(struct triage *tr, unsigned cpu)
{
	struct call_of_cpu c = { .cpu = cpu };
	struct runqueue rq;
	struct err *err = task_current(tr->t, cpu, &c.task);
	if (!err)
		err = runqueue_read(tr->t, cpu, &rq);
	if (err)
		return err_wrap(err, "CPU %u", cpu);
	c.idle = c.task.va == rq.idle;
	c.has_clock = true;
	c.clock_ns = rq.clock_ns;
	read_slice(tr, &c);
	err = calls_of_task(tr->t, &c.task, &tr->arena, &c.calls);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	c.has_calls = !err;
	if (err) {
		triage_ledger(tr, "stack", "CPU %u: %s", cpu, err->msg);
		err_drop(err); /* the ledger has it */
		tr->facts.cpus_lost++;
	}
	read_irqs(tr, &c);
	vec_push(&tr->facts.cpus, c);
	return NULL;
}

static void compare_clocks(struct facts *f)
{
	uint64_t newest = 0;
	for (size_t i = 0; i < f->cpus.n; i++)
		if (f->cpus.v[i].clock_ns > newest)
			newest = f->cpus.v[i].clock_ns;
	for (size_t i = 0; i < f->cpus.n; i++)
		f->cpus.v[i].behind_ns = newest - f->cpus.v[i].clock_ns;
}

struct err *facts_read_cpus(struct triage *tr)
{
	struct cpu_mask present; /* a panic takes the others off the online mask */
	struct err *err = cpu_mask_read(tr->t, CPUS_PRESENT, &present);
	for (unsigned cpu = 0; !err && cpu < CPUS_MAX; cpu++) {
		if (!cpu_mask_has(&present, cpu))
			continue;
		err = read_cpu(tr, cpu);
		if (err && err->code != ERR_INTERRUPTED) {
			triage_ledger(tr, "CPUs", "%s", err->msg);
			err_drop(err); /* the ledger has it */
			err = NULL;
			tr->facts.cpus_lost++;
		}
	}
	if (err && err->code != ERR_INTERRUPTED) {
		triage_ledger(tr, "CPUs", "%s", err->msg);
		err_drop(err); /* the ledger has it */
		err = NULL;
		tr->facts.cpus_lost++; /* all of them, however many there are */
	}
	compare_clocks(&tr->facts);
	return err;
}
