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

/* Which CPU panicked is known, and so that one did, although who ran there may be lost. */
static struct err *find_panicking(struct triage *tr)
{
	struct facts *f = &tr->facts;
	f->end = END_PANIC;
	struct err *err = task_current(tr->t, f->victim_cpu, &f->victim);
	f->has_victim = !err;
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	triage_ledger(
		tr, "victim", "what CPU %u ran when it panicked: %s", f->victim_cpu, err->msg);
	err_drop(err); /* the ledger has it */
	return NULL;
}

static struct err *find_victim(struct triage *tr)
{
	struct facts *f = &tr->facts;
	struct err *err = task_panic_cpu(tr->t, &f->victim_cpu);
	if (!err)
		return find_panicking(tr);
	if (err->code == ERR_INTERRUPTED)
		return err;
	f->end = err->code == ERR_NOT_FOUND ? END_NONE : END_NOT_KNOWN;
	if (err->code != ERR_NOT_FOUND)
		triage_ledger(tr, "panic_cpu", "%s", err->msg);
	err_drop(err); /* nobody panicked, or the ledger has it */
	if (find_oops(tr)) {
		f->end = END_OOPS;
		f->has_victim = true;
	}
	return NULL;
}

/* The log's word, where memory has lost its own. */
static void ask_log(struct facts *f)
{
	for (size_t i = 0; f->end == END_NOT_KNOWN && i < f->log.n; i++)
		if (!strncmp(f->log.v[i], "Kernel panic - not syncing", 26)) {
			f->end = END_PANIC;
			f->end_by_log = true;
		}
}

static size_t call_of_frame(const struct calls *c, size_t frame)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->call[i].frame == frame)
			return i;
	return SIZE_MAX;
}

/* An interrupt in panic()'s endless loop has calls of its own. SIZE_MAX: there is no panic(). */
static size_t end_call(const struct calls *c)
{
	size_t panic = calls_find(c, "panic", 0), inner = calls_find(c, "vpanic", 0);
	return inner < panic ? inner : panic;
}

static struct err *read_victim(struct triage *tr)
{
	struct facts *f = &tr->facts;
	f->fault_call = SIZE_MAX;
	if (!f->has_victim)
		return NULL;
	struct err *err = calls_of_task(tr->t, &f->victim, &tr->arena, &f->calls);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (err) {
		triage_lost(tr, "stack", "the victim's: %s", err->msg);
		err_drop(err); /* the ledger has it */
		f->calls.n = 0;
		return NULL;
	}
	if (f->calls.trace.broken)
		triage_lost(tr, "stack", "the victim's backtrace breaks off: %s",
			f->calls.trace.end ? f->calls.trace.end : "no reason known");
	size_t end = end_call(&f->calls);
	f->has_end_call = end != SIZE_MAX;
	f->end_call = f->has_end_call ? end : 0;
	if (f->end == END_PANIC && !f->end_by_log && !f->has_end_call)
		triage_lost(tr, "stack",
			"the victim's backtrace does not come to panic(): its stack or its "
			"registers are lost");
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

/* What was said when the dump was opened: cut files, missing pages, a vmlinux of another build. */
static void keep_warnings(struct triage *tr)
{
	const char *path = dump_info(tr->t->dump)->path, *warning;
	size_t n = strlen(path);
	for (size_t i = 0; (warning = target_warning(tr->t, i)); i++) {
		bool ours = !strncmp(warning, path, n) && !strncmp(warning + n, ": ", 2);
		triage_ledger(tr, "dump", "%s", ours ? warning + n + 2 : warning);
	}
}

struct err *facts_gather(struct triage *tr)
{
	keep_warnings(tr);
	if (!tr->t->kernel)
		return facts_search_memory(tr);
	struct err *err = facts_read_cpus(tr);
	if (!err)
		err = find_victim(tr);
	if (!err)
		err = read_victim(tr);
	if (!err)
		err = facts_read_log(tr);
	if (!err) {
		ask_log(&tr->facts);
		facts_panic_text(tr);
		err = facts_read_taint(tr);
	}
	return err;
}

void facts_deinit(struct facts *f)
{
	vec_deinit(&f->log);
	vec_deinit(&f->cpus);
	vec_deinit(&f->taint);
}
