/* Titles in the manner of syzkaller's dashboards, so that people find a known bug by it. */
#include <string.h>

#include "analyzer/triage/triage.h"

static const char *of_class(enum verdict_class c)
{
	switch (c) {
	case VERDICT_ALIVE:
		return "still alive";
	case VERDICT_UNKNOWN:
		return "not known: what would tell is missing from the dump";
	case VERDICT_SYSRQ:
		return "crash by request (sysrq)";
	case VERDICT_WARNING:
		return "WARNING in %s";
	case VERDICT_BUG:
		return "kernel BUG in %s";
	case VERDICT_NULL_DEREFERENCE:
		return "BUG: unable to handle kernel NULL pointer dereference in %s";
	case VERDICT_WILD_DEREFERENCE:
		return "BUG: unable to handle kernel paging request in %s";
	case VERDICT_EXEC_FAULT:
		return "BUG: execution of what is no code in %s";
	case VERDICT_STACK_OVERFLOW:
		return "kernel stack overflow in %s";
	case VERDICT_STACK_CORRUPTION:
		return "kernel stack corruption in %s";
	case VERDICT_LIST_CORRUPTION:
		return "BUG: corrupted list in %s";
	case VERDICT_REFCOUNT:
		return "WARNING: refcount bug in %s";
	case VERDICT_SOFT_LOCKUP:
		return "BUG: soft lockup in %s";
	case VERDICT_HARD_LOCKUP:
		return "BUG: hard lockup in %s";
	case VERDICT_SPINLOCK_LOCKUP:
		return "BUG: spinlock lockup in %s";
	case VERDICT_RCU_STALL:
		return "INFO: rcu detected stall in %s";
	case VERDICT_HUNG_TASK:
		return "INFO: task hung in %s";
	case VERDICT_DEADLOCK:
		return "deadlock in %s";
	case VERDICT_OOM:
		return "out of memory";
	case VERDICT_MEMORY_LEAK:
		return "memory leak in %s";
	case VERDICT_INIT_KILLED:
		return "init was killed";
	case VERDICT_HARDWARE_ERROR:
		return "hardware error (SError) in %s";
	case VERDICT_WATCHDOG:
		return "watchdog expired in %s";
	case VERDICT_WORKQUEUE_LOCKUP:
		return "BUG: workqueue lockup in %s";
	default:
		return NULL; /* memory errors, and panics with a text of their own */
	}
}

/* "X in FUNCTION", without the tail when nothing is known. */
static const char *with_culprit(struct triage *tr, const char *fmt, const char *culprit)
{
	const char *tail = strstr(fmt, " in %s");
	if (!tail)
		return fmt;
	const char *head = arena_strndup(&tr->arena, fmt, (size_t)(tail - fmt));
	return culprit ? arena_printf(&tr->arena, "%s in %s", head, culprit) : head;
}

const char *triage_title(struct triage *tr, const struct finding *f)
{
	const char *culprit = finding_culprit(f);
	if (f->title)
		return f->title;
	if (f->class == VERDICT_PANIC)
		return arena_printf(&tr->arena, "kernel panic%s%s",
			tr->facts.panic_text ? ": " : "",
			tr->facts.panic_text ? tr->facts.panic_text : "");
	const char *fmt = of_class(f->class);
	if (fmt)
		return with_culprit(tr, fmt, culprit);
	return arena_printf(&tr->arena, "%s%s%s%s%s%s", f->by_kasan ? "KASAN: " : "",
		verdict_class_name(f->class), f->access ? " " : "", f->access ? f->access : "",
		culprit ? " in " : "", culprit ? culprit : "");
}
