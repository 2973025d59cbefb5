/*
 * Tasks that wait for what does not come: who waits for whom, and whether that goes in a circle.
 * Each waits for one thing at a time, so a circle is found by following it.
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/triage/triage.h"
#include "analyzer/triage/waiting.h"

/* khungtaskd's own limit is 120 s (sysctl_hung_task_timeout_secs); without it, this long is no
 * accident. */
static const uint64_t LONG_NS = 10000000000ull;
enum { SUSPECTS_MAX = 8 };

struct hang {
	struct triage *tr;
	struct waiting_tasks w;
	bool *told; /* [w.v.n] */
};

/* ---- in words ---------------------------------------------------------------------------- */

static const char *name_of(struct triage *tr, const struct task *task)
{
	return arena_printf(
		&tr->arena, "%.*s (pid %u)", task_comm_length(task), task->comm, task->pid);
}

static const char *symbol_of(struct triage *tr, uint64_t va)
{
	scoped_strbuf struct strbuf out = { 0 };
	struct symbol s;
	if (symtab_at(tr->t->syms, va, &s)) {
		strbuf_addf(&out, "%s", s.name);
		if (va != s.va)
			strbuf_addf(&out, "+0x%llx", (unsigned long long)(va - s.va));
	} else {
		strbuf_addf(&out, "0x%llx", (unsigned long long)va);
	}
	return arena_strdup(&tr->arena, strbuf_text(&out));
}

/* Where @va's task stands: the first function of its backtrace that is no machinery. */
static const char *stands_in(struct triage *tr, const struct task *task)
{
	struct calls calls;
	size_t i;
	struct err *err = calls_of_task(tr->t, task, &tr->arena, &calls);
	bool found = !err && calls_culprit(&calls, 0, &i);
	if (err && err->code != ERR_INTERRUPTED)
		triage_ledger(tr, "stack", "pid %u: %s", task->pid, err->msg);
	err_drop(err); /* the ledger has it; Ctrl-C is asked for again */
	return found ? arena_printf(&tr->arena, ", which is in %s()", calls.call[i].function) : "";
}

static void say_held(struct triage *tr, struct finding *f, const struct waiting *w)
{
	uint64_t bytes = 0;
	if (w->has_lock && (w->lock.kind == LOCK_MUTEX || w->lock.kind == LOCK_RWSEM))
		target_number(tr->t,
			w->lock.kind == LOCK_MUTEX ? "sizeof(mutex)" : "sizeof(rw_semaphore)",
			&bytes);
	triage_say_held(tr, f, &w->task, w->lock.lock_va, bytes);
}

static void say_wait(struct hang *h, struct finding *f, const struct waiting *w)
{
	struct triage *tr = h->tr;
	const struct lock_wait *l = &w->lock;
	struct task owner;
	const char *command = arena_printf(&tr->arena, "bt %u", w->task.pid);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, command, "waits", "%s%s",
		name_of(tr, &w->task),
		w->has_since ? arena_printf(&tr->arena, " for %llu s",
				       (unsigned long long)(w->since_ns / 1000000000))
			     : "");
	if (!w->has_lock && w->no_lock)
		finding_say(tr, f, EVIDENCE_INFERENCE, CONFIDENCE_SURE, NULL, "for",
			"not known: %s", w->no_lock);
	if (!w->has_lock)
		return;
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
		arena_printf(&tr->arena, "waiters %u", w->task.pid), "for", "%s %s%s",
		lock_kind_name(l->kind), symbol_of(tr, l->lock_va),
		l->work_fn ? arena_printf(&tr->arena, " of work %s()", symbol_of(tr, l->work_fn))
			   : "");
	struct err *err = l->owner_va ? task_read(tr->t, l->owner_va, &owner) : NULL;
	if (l->owner_va && !err) {
		finding_say(tr, f, EVIDENCE_MEMORY,
			l->readers ? CONFIDENCE_LIKELY : CONFIDENCE_SURE,
			arena_printf(&tr->arena, "bt %u", owner.pid), "held by", "%s%s",
			name_of(tr, &owner), stands_in(tr, &owner));
		if (w->owner == SIZE_MAX) /* it waits for nothing */
			triage_say_held(tr, f, &owner, 0, 0);
	} else {
		finding_say(tr, f, EVIDENCE_INFERENCE, CONFIDENCE_SURE, NULL, "held by",
			"not known: %s",
			l->owner_unknown ? l->owner_unknown : "its task cannot be read");
	}
	err_drop(err); /* said */
}

static void tell_circle(struct hang *h, size_t last)
{
	const struct waiting *v = h->w.v.v;
	struct finding *f =
		triage_find(h->tr, "hang", VERDICT_DEADLOCK, WEIGHT_CAUSE, CONFIDENCE_SURE);
	finding_task(f, &v[last].task);
	finding_blame(f, v[last].calls, 0);
	size_t at = last;
	do {
		h->told[at] = true;
		say_wait(h, f, v + at);
		say_held(h->tr, f, v + at);
		vec_push(&f->circle, v[at].calls);
		at = v[at].owner;
	} while (at != last);
}

/* Of a task whose own wait, or that of whom it waits for, is not known: a circle may be behind it.
 */
static void tell_waiting(struct hang *h, size_t i, bool reported)
{
	const struct waiting *w = h->w.v.v + i;
	const char *doubt = waiting_doubt(&h->w, i);
	struct finding *f =
		triage_find(h->tr, "hang", VERDICT_HUNG_TASK, reported ? WEIGHT_CAUSE : WEIGHT_NOTE,
			doubt || h->w.locks.unread ? CONFIDENCE_LIKELY : CONFIDENCE_SURE);
	h->told[i] = true;
	finding_task(f, &w->task);
	finding_blame(f, w->calls, 0);
	say_wait(h, f, w);
	say_held(h->tr, f, w);
	if (doubt && w->has_lock && !w->lock.damaged)
		finding_say(h->tr, f, EVIDENCE_INFERENCE, CONFIDENCE_SURE, NULL, "behind that",
			"perhaps a circle: what whoever holds it waits for is not known: %s",
			doubt);
}

/* Whether khungtaskd called panic(): then the task that has waited longest is what it saw. */
static bool reported(const struct facts *f)
{
	return f->end == END_PANIC &&
	       !strncmp(f->victim.comm, "khungtaskd", sizeof(f->victim.comm));
}

static size_t longest_untold(const struct hang *h, uint64_t least_ns)
{
	const struct waiting *v = h->w.v.v;
	size_t longest = SIZE_MAX;
	for (size_t i = 0; i < h->w.v.n; i++)
		if (!h->told[i] && v[i].has_since && v[i].since_ns >= least_ns &&
			(longest == SIZE_MAX || v[i].since_ns > v[longest].since_ns))
			longest = i;
	return longest;
}

static void tell(struct hang *h)
{
	bool seen = reported(&h->tr->facts);
	size_t last;
	for (size_t i = 0; i < h->w.v.n; i++)
		if (!h->told[i] && waiting_circle(&h->w, i, &last)) {
			tell_circle(h, last);
			seen = false;
		}
	for (unsigned n = 0; n < SUSPECTS_MAX; n++, seen = false) {
		size_t i = longest_untold(h, seen ? 0 : LONG_NS);
		if (i == SIZE_MAX)
			break;
		tell_waiting(h, i, seen);
	}
}

static struct err *run(struct triage *tr)
{
	struct hang h = { .tr = tr };
	struct err *err = waiting_read(&h.w, tr->t, &tr->arena);
	h.told = xcalloc(h.w.v.n + 1, sizeof(*h.told));
	if (!err)
		tell(&h);
	struct err *unread = lock_waits_take_unread(&h.w.locks);
	if (unread)
		triage_lost(tr, "waiting tasks", "%s", unread->msg);
	err_drop(unread); /* the ledger has it */
	free(h.told);
	waiting_deinit(&h.w);
	return err;
}

const struct triage_rule rule_hang = { "hang", "tasks that wait long, for whom, and in a circle",
	run };
