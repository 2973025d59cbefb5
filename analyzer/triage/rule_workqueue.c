/*
 * Pools of workers that have works and begin none, by the measure of the kernel's own watchdog:
 * wq_watchdog_timer_fn() in kernel/workqueue.c, v4.5 to 7.2. Whose fault it is, the CPU's task or
 * the workers tell. After a panic all CPUs stand still, and their pools with them: then it is a
 * note, and only of pools that stood still before.
 */
#include <inttypes.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/workqueue.h"
#include "analyzer/triage/triage.h"

/* wq_watchdog_thresh where the kernel has no such watchdog: CONFIG_WQ_WATCHDOG's own default. */
enum { THRESHOLD_S = 30, POOLS_TOLD = 4, WORKS_TOLD = 4 };

/* How long the machine has stood since it said its last word, as it does at its end. */
static uint64_t seconds_since_end(const struct facts *f)
{
	uint64_t now = 0;
	for (size_t i = 0; i < f->cpus.n; i++)
		if (f->cpus.v[i].clock_ns > now)
			now = f->cpus.v[i].clock_ns;
	return now > f->log_newest_ns ? (now - f->log_newest_ns) / 1000000000 : 0;
}

/* Who died tells the watchdog of pauses while it stands still, so that the watchdog's own measure
 * is of no use then: what counts is how long the pool had stood before. */
static bool stalls(const struct triage *tr, const struct workqueues *w, const struct work_pool *p)
{
	uint64_t limit = w->threshold ? w->threshold : THRESHOLD_S;
	if (!w->hz || !p->pending)
		return false;
	if (tr->facts.end == END_NONE)
		return p->stalled || (!w->threshold && p->without_progress > limit * w->hz);
	return tr->facts.log_newest_ns &&
	       p->without_progress / w->hz > limit + seconds_since_end(&tr->facts);
}

static const char *name_of(struct triage *tr, uint64_t function)
{
	struct symbol s;
	return symtab_at(tr->t->syms, function, &s)
		       ? arena_printf(&tr->arena, "%s()", s.name)
		       : arena_printf(&tr->arena, "0x%" PRIx64, function);
}

/* What the pool's CPU is at; false where that is idle, or not known. */
static bool blame_cpu(struct triage *tr, struct finding *f, const struct work_pool *p)
{
	for (size_t i = 0; p->cpu >= 0 && i < tr->facts.cpus.n; i++) {
		const struct call_of_cpu *c = tr->facts.cpus.v + i;
		if (c->cpu != (unsigned)p->cpu || c->idle || !c->has_calls)
			continue;
		finding_task(f, &c->task);
		finding_blame(f, &c->calls, calls_before_interrupts(&c->calls));
		finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
			arena_printf(&tr->arena, "bt %u", c->task.pid), "CPU",
			"%u runs %.*s (pid %u)%s%s%s", c->cpu, task_comm_length(&c->task),
			c->task.comm, c->task.pid, finding_culprit(f) ? ", which is in " : "",
			finding_culprit(f) ? finding_culprit(f) : "",
			finding_culprit(f) ? "()" : "");
		return true;
	}
	return false;
}

/* The worker that has a work and does not end it: of several the first. */
static struct err *blame_worker(struct triage *tr, struct finding *f, const struct work *w)
{
	struct task task;
	struct calls *calls = arena_alloc(&tr->arena, sizeof(*calls));
	struct err *err = task_read(tr->t, w->task, &task);
	if (!err)
		err = calls_of_task(tr->t, &task, &tr->arena, calls);
	if (!err) {
		finding_task(f, &task);
		finding_blame(f, calls, calls_before_interrupts(calls));
		return NULL;
	}
	if (err->code == ERR_INTERRUPTED)
		return err;
	triage_ledger(tr, "workqueues", "worker 0x%" PRIx64 ": %s", w->task, err->msg);
	err_drop(err); /* the ledger has it */
	return NULL;
}

/* Works of the pool in @state, at most WORKS_TOLD. */
static const struct work *say_works(struct triage *tr, struct finding *f,
	const struct workqueues *all, size_t pool, enum work_state state, const char *topic)
{
	const struct work *first = NULL;
	unsigned told = 0;
	for (size_t i = 0; i < all->work.n; i++) {
		const struct work *w = all->work.v + i;
		if (w->pool != pool || w->state != state || told == WORKS_TOLD)
			continue;
		const struct workqueue *q = workqueues_find(all, w->workqueue);
		first = first ? first : w;
		told++;
		finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "workqueue", topic, "%s%s%s",
			name_of(tr, w->function), q ? " of workqueue " : "",
			q ? arena_strdup(&tr->arena, q->name) : "");
	}
	return first;
}

static struct err *tell(struct triage *tr, const struct workqueues *all, size_t number)
{
	const struct work_pool *p = all->pool.v + number;
	struct finding *f = triage_find(tr, "workqueue", VERDICT_WORKQUEUE_LOCKUP,
		tr->facts.end == END_NONE ? WEIGHT_SYMPTOM : WEIGHT_NOTE, CONFIDENCE_LIKELY);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "workqueue -p", "pool",
		"%d%s: %" PRIu64 " pending, and none begun for %" PRIu64 " s", p->id,
		p->cpu >= 0 ? arena_printf(&tr->arena, " of CPU %d", p->cpu) : " of no CPU",
		p->pending, p->without_progress / all->hz);
	say_works(tr, f, all, number, WORK_PENDING, "pending");
	const struct work *busy = say_works(tr, f, all, number, WORK_RUNNING, "busy with");
	if (blame_cpu(tr, f, p) || !busy)
		return NULL;
	return blame_worker(tr, f, busy);
}

static struct err *run(struct triage *tr)
{
	scoped_workqueues struct workqueues all = { 0 };
	unsigned told = 0, more = 0;
	struct err *err = workqueues_read(tr->t, &all);
	bool ended = err != NULL;
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (err)
		triage_ledger(tr, "workqueues", "%s", err->msg);
	if (all.unread)
		triage_lost(tr, "workqueues", "%u parts cannot be read; the first: %s", all.unread,
			all.first_unread->msg);
	if (!ended && (!all.has_now || !all.hz))
		triage_ledger(tr, "workqueues",
			"jiffies are not known: a pool that stands still cannot be told");
	err_drop(err); /* the ledger has it; the pools that were read count */
	err = NULL;
	for (size_t i = 0; !err && i < all.pool.n; i++) {
		if (!stalls(tr, &all, all.pool.v + i))
			continue;
		if (told++ < POOLS_TOLD)
			err = tell(tr, &all, i);
		else
			more++;
	}
	if (more)
		triage_ledger(tr, "workqueues", "%u more pools stand still: workqueue -p", more);
	return err;
}

const struct triage_rule rule_workqueue = { "workqueue",
	"pools of workers that have works and begin none", run };
