/*
 * The locks that a finding's tasks hold, where the kernel keeps account of them. A task notes a
 * lock before it has it: the one that it waits for is no held one.
 */
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/lockdep.h"
#include "analyzer/triage/triage.h"

enum { LOCKS_TOLD = 8 };

/* Who panics switches lockdep off (kernel/panic.c, 4.19 to 7.2); else it did so itself, before. */
static enum confidence confidence(const struct triage *tr, const struct lockdep *l)
{
	bool ended = tr->facts.end == END_PANIC || tr->facts.end == END_OOPS;
	return l->off && !ended ? CONFIDENCE_LIKELY : CONFIDENCE_SURE;
}

static void say(struct triage *tr, struct finding *f, const struct task *task,
	const struct lockdep_held *held, enum confidence sure)
{
	scoped_strbuf struct strbuf at = { 0 };
	if (!symtab_format(tr->t->syms, held->acquire_va, false, &at))
		strbuf_addf(&at, "0x%llx", (unsigned long long)held->acquire_va);
	finding_say(tr, f, EVIDENCE_MEMORY, sure, arena_printf(&tr->arena, "held %u", task->pid),
		"holds", "%.*s (pid %u): %s%s, asked for at %s", task_comm_length(task), task->comm,
		task->pid, *held->name ? held->name : "a lock without a name",
		held->shared ? ", for reading" : "", strbuf_text(&at));
}

void triage_say_held(struct triage *tr, struct finding *f, const struct task *task,
	uint64_t awaited_va, uint64_t awaited_bytes)
{
	scoped_free struct lockdep_locks *locks = xcalloc(1, sizeof(*locks));
	struct lockdep lockdep;
	unsigned told = 0;
	f->locks_said = true;
	struct err *err = lockdep_init(&lockdep, tr->t);
	if (err && err->code == ERR_MISSING) {
		err_drop(err); /* most kernels keep no account */
		return;
	}
	if (!err)
		err = lockdep_read(&lockdep, task, locks);
	for (uint32_t i = 0; i < locks->n && told < LOCKS_TOLD; i++) {
		const struct lockdep_held *held = locks->held + i;
		if (held->map_va - awaited_va < awaited_bytes)
			continue;
		say(tr, f, task, held, confidence(tr, &lockdep));
		told++;
	}
	if (!err && locks->cut)
		err = err_new(ERR_FORMAT, "its count of held locks is damaged");
	if (err && err->code != ERR_INTERRUPTED)
		triage_ledger(tr, "held locks", "pid %u: %s", task->pid, err->msg);
	err_drop(err); /* the ledger has it; Ctrl-C is asked for again */
}
