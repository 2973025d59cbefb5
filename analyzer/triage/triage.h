/*
 * Verdicts: rules look at facts of a dead (or living) machine, each proposes findings with their
 * evidence, the weightiest finding is the verdict and the others stand beside it. Rules know one
 * kind of failure each and nothing of each other; a new one is a file and a line in rules.c. Prints
 * nothing.
 */
#ifndef ANALYZER_TRIAGE_TRIAGE_H
#define ANALYZER_TRIAGE_TRIAGE_H

#include "analyzer/base/vec.h"
#include "analyzer/stack/fault.h"
#include "analyzer/triage/calls.h"

enum verdict_class {
	VERDICT_ALIVE,
	VERDICT_UNKNOWN, /* nothing says of what it died, or whether */
	VERDICT_PANIC,	 /* somebody called panic() for a reason of their own */
	VERDICT_SYSRQ,
	VERDICT_WARNING,
	VERDICT_BUG,
	VERDICT_NULL_DEREFERENCE,
	VERDICT_WILD_DEREFERENCE,
	VERDICT_EXEC_FAULT,
	VERDICT_STACK_OVERFLOW,
	VERDICT_STACK_CORRUPTION,
	VERDICT_LIST_CORRUPTION,
	VERDICT_REFCOUNT,
	VERDICT_USE_AFTER_FREE,
	VERDICT_SLAB_OUT_OF_BOUNDS,
	VERDICT_STACK_OUT_OF_BOUNDS,
	VERDICT_GLOBAL_OUT_OF_BOUNDS,
	VERDICT_VMALLOC_OUT_OF_BOUNDS,
	VERDICT_DOUBLE_FREE,
	VERDICT_INVALID_FREE,
	VERDICT_SOFT_LOCKUP,
	VERDICT_HARD_LOCKUP,
	VERDICT_SPINLOCK_LOCKUP,
	VERDICT_RCU_STALL,
	VERDICT_HUNG_TASK,
	VERDICT_DEADLOCK,
	VERDICT_OOM,
	VERDICT_MEMORY_LEAK,
	VERDICT_INIT_KILLED,
	VERDICT_HARDWARE_ERROR,
	VERDICT_WATCHDOG,
	VERDICT_WORKQUEUE_LOCKUP,
	VERDICT_CLASSES, /* how many there are */
};
const char *verdict_class_name(enum verdict_class c); /* "use-after-free" */

enum evidence { EVIDENCE_MEMORY, EVIDENCE_LOG, EVIDENCE_INFERENCE };
const char *evidence_name(enum evidence e);

enum confidence { CONFIDENCE_GUESS, CONFIDENCE_LIKELY, CONFIDENCE_SURE };
const char *confidence_name(enum confidence c);

/* Something that is said of the failure, and what shows it. Strings are constants or the triage's
 * arena's. */
struct statement {
	const char *topic; /* "object", "fault address", "allocated by", … */
	const char *text;
	enum evidence evidence;
	enum confidence confidence;
	const char *command; /* shows it again; NULL: none does */
};

/* How much a finding explains. Within one weight the rule that comes first in rules.c wins. */
enum weight {
	WEIGHT_NOTE = 0, /* never the verdict: a suspect */
	WEIGHT_ALIVE = 1,
	WEIGHT_END = 10,     /* how the machine ended */
	WEIGHT_SYMPTOM = 20, /* damage that stands in memory, a state that cannot last */
	WEIGHT_REQUEST = 25, /* a person asked for the end */
	WEIGHT_TRAP = 30,    /* an instruction failed */
	WEIGHT_REPORT = 40,  /* a checker of the kernel's found it and said what it is */
	WEIGHT_CAUSE = 50, /* the state behind the report: a cycle of locks, the freed object behind
			      a fault */
};

struct object;

struct finding {
	const char *rule;
	enum verdict_class class;
	enum weight weight;
	enum confidence confidence;
	const char *title;  /* NULL: made from class, access and culprit */
	const char *access; /* "Read", "Write", "Free", or NULL */
	bool by_kasan;
	const struct calls *calls;	  /* the stack it was seen in; NULL: none */
	size_t culprit;			  /* its number in .calls; SIZE_MAX: nothing names one */
	const char *culprit_name;	  /* where only a log or a track names it; NULL */
	VEC(const struct calls *) circle; /* the stacks of tasks that wait for each other */
	bool has_task;
	struct task task;
	const struct object *object; /* NULL: none is known; object.h */
	VEC(struct statement) said;
	VEC(const char *) titles; /* other ones of the same: those of its witnesses */
	bool locks_said;
};

/* How it ended. What says so may be missing from the dump: then it is not known. */
enum facts_end { END_NOT_KNOWN, END_NONE, END_PANIC, END_OOPS };

/* What a CPU was at. */
struct call_of_cpu {
	unsigned cpu;
	struct task task;
	bool idle;
	bool has_calls;
	struct calls calls;
	bool irqs_known,
		irqs_off; /* where it was stopped, or before the interrupt that stopped it */
	bool has_clock;
	uint64_t clock_ns;  /* of its run queue */
	uint64_t behind_ns; /* the newest such clock less this one */
	bool has_slice;
	uint64_t slice_ns; /* how long its task has run without a switch */
};

/* A mark of the kernel's on itself. */
struct taint {
	char letter; /* as in splats: 'O' */
	const char *meaning;
	const char *modules; /* that have it, with ", " between; NULL: none does */
};

/* What every rule may know. */
struct facts {
	enum facts_end end;
	bool end_by_log;	       /* .end is what the log says: memory does not */
	unsigned cpus_lost;	       /* CPUs of which it could not be read what they were at */
	const char *panic_text;	       /* NULL: not known */
	const char *panic_text_source; /* "panic()'s own buffer", "the log" */
	bool has_victim;	       /* the task that panicked, or is in an oops */
	struct task victim;
	unsigned victim_cpu;
	struct calls calls; /* of the victim; none when its stack is lost */
	bool has_end_call;
	size_t end_call; /* where its end begins: panic()'s; what lies further in came upon it
			    later. 0 without one */
	bool has_fault;
	struct fault_context fault;
	size_t fault_call;	/* the interrupted function's call; SIZE_MAX: no fault */
	VEC(const char *) log;	/* lines, oldest first, without time */
	uint64_t log_lost;	/* records that could not be read */
	uint64_t log_newest_ns; /* when the last one was printed, by the CPUs' clocks; 0: none */
	VEC(struct call_of_cpu) cpus;
	VEC(struct taint) taint;
};

/* What could not be looked at, and why it matters. */
struct ledger_entry {
	const char *what, *text;
};

struct triage {
	struct target *t;
	struct arena arena;
	struct facts facts;
	VEC(struct finding *)
	finding; /* the verdict first once triage_run() is done; never empty then */
	VEC(struct ledger_entry) ledger;
	unsigned lost; /* rules that failed, places that the dump has lost: a weightier finding may
			  be there */
	VEC(uint64_t) lost_page; /* their addresses, each once */
};

/* Errors of single rules go into the ledger, as a kernel does that was not found; only
 * ERR_INTERRUPTED is returned. */
struct err *triage_run(struct target *t, struct triage *ret) MUST_CHECK;
void triage_deinit(struct triage *tr);
#define scoped_triage __attribute__((cleanup(triage_deinit)))

/* witness.c: findings that say the same become the weightiest one's evidence. They must be sorted.
 */
void triage_hear_witnesses(struct triage *tr);
void finding_drop(struct finding *f);

/* Title in syzkaller's manner. */
const char *triage_title(struct triage *tr, const struct finding *f);

/* The culprit's name; NULL. */
const char *finding_culprit(const struct finding *f);

/* ---- for rules ---- */

struct triage_rule {
	const char *name;
	const char *about; /* what it looks at, a line */
	struct err *(*run)(struct triage *tr);
};
extern const struct triage_rule *const triage_rules[]; /* NULL at the end */

struct finding *triage_find(struct triage *tr, const char *rule, enum verdict_class class,
	enum weight weight, enum confidence confidence);
void finding_say(struct triage *tr, struct finding *f, enum evidence e, enum confidence c,
	const char *command, const char *topic, const char *fmt, ...) PRINTF_LIKE(7, 8);
/* The first call from @from on that is no machinery. */
void finding_blame(struct finding *f, const struct calls *calls, size_t from);
void finding_task(struct finding *f, const struct task *task);
/* The locks that @task holds, by lockdep's account, without the one that it waits for: where it has
 * its struct lockdep_map, 0 bytes for none. Says nothing without lockdep. */
void triage_say_held(struct triage *tr, struct finding *f, const struct task *task,
	uint64_t awaited_va, uint64_t awaited_bytes);
void triage_ledger(struct triage *tr, const char *what, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same of what the dump has lost: then less is sure. */
void triage_lost(struct triage *tr, const char *what, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* lost_page.c: whether the page of @va is all zeroes, or what is around @va all noise, which is
 * what dumps make of pages that they lost. Then it stands in the ledger under @what, with @whose
 * for whose it is, and no finding is to be made of it. */
bool triage_page_lost(struct triage *tr, uint64_t va, const char *what, const char *whose);
void triage_tell_lost_pages(struct triage *tr); /* how many more there are than the ledger names */
bool triage_is_noise(const uint8_t *p, size_t n); /* of 512 bytes or more */

/* Whether the instruction traps on purpose (BUG(), WARN()), instead of failing. */
bool fault_is_trap(const struct fault_context *c);

/* fault_origin.c: where the failed instruction's base register came from; the freed object that a
 * poison was read from becomes the finding's. */
struct err *finding_origin(struct triage *tr, struct finding *f) MUST_CHECK;

/* Whether the victim is in a WARN() that was told to panic. */
bool facts_warned(const struct facts *f);

/* facts.c */
struct err *facts_gather(struct triage *tr) MUST_CHECK;
void facts_deinit(struct facts *f);
/* facts_log.c */
struct err *facts_read_log(struct triage *tr) MUST_CHECK;
/* facts_raw.c: without a kernel, what the memory's bytes alone tell. */
struct err *facts_search_memory(struct triage *tr) MUST_CHECK;
/* taint.c */
struct err *facts_read_taint(struct triage *tr) MUST_CHECK;
/* panic_text.c: what panic() has formatted. */
void facts_panic_text(struct triage *tr);
/* facts_cpus.c */
struct err *facts_read_cpus(struct triage *tr) MUST_CHECK;

#endif
