/*
 * The calls of a stack as a person tells them: functions by name, inlined ones as calls of their
 * own, innermost first. And which of these functions only carry a failure (report it, stop the
 * machine, sleep, copy): the machinery, a list kept as data in machinery.c.
 */
#ifndef ANALYZER_TRIAGE_CALLS_H
#define ANALYZER_TRIAGE_CALLS_H

#include "analyzer/base/arena.h"
#include "analyzer/stack/trace.h"

struct call {
	const char *function; /* NULL: the pc is in no function */
	const char *module;   /* NULL: the kernel itself */
	const char *file;     /* NULL: not known */
	int line;
	uint64_t pc, offset, size; /* of the physical frame, and within its symbol */
	bool inlined;
	bool interrupted; /* an exception came upon this physical frame */
	size_t frame;	  /* its number in the trace */
	enum frame_trust trust;
};

struct calls {
	struct call *call; /* the arena's */
	size_t n;
	struct trace trace;
};

/* Strings live as long as the target and @a. */
struct err *calls_of_task(
	struct target *t, const struct task *task, struct arena *a, struct calls *ret) MUST_CHECK;
void calls_of_trace(
	struct target *t, const struct trace *trace, struct arena *a, struct calls *ret);

/* Why a function is of no interest as a culprit; NULL: it is of interest. "report", "exception",
 * "lock", … */
const char *machinery_kind(const char *function);

/* The name without what compilers add: "end_report.constprop.0" is "end_report". */
const char *call_plain_name(struct arena *a, const char *function);

/* The first call from @from on that is not machinery and has a name; of inlined ones the function
 * that holds them, as the kernel names it. False: there is none. */
bool calls_culprit(const struct calls *c, size_t from, size_t *ret);

/* What the task was at before interrupts came upon it: the number of the outermost interrupted
 * call; 0: none was. */
size_t calls_before_interrupts(const struct calls *c);

/* The first call from @from on whose plain name is @function (with * and ? as in the shell);
 * SIZE_MAX: none. */
size_t calls_find(const struct calls *c, const char *function, size_t from);

#endif
