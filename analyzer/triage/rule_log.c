/*
 * Reports in the log. Where memory says the same they are its witness; where memory has moved on
 * since, or the kernel went on after the report, they are all there is.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/triage/object.h"

struct told {
	const char *text;
	enum verdict_class class;
	const char *before_function; /* the function's name stands behind it in the line; NULL */
	enum weight weight;
};

/* mm/kasan/report.c, mm/slub.c, kernel/, arch/: the first lines of reports, 4.19 to 7.2. The first
 * that fits a line counts. */
static const struct told table[] = {
	{ "BUG: KASAN: double-free", VERDICT_DOUBLE_FREE, " in ", WEIGHT_REPORT },
	{ "BUG: KASAN: invalid-free", VERDICT_INVALID_FREE, " in ", WEIGHT_REPORT },
	{ "BUG: KASAN: slab-out-of-bounds", VERDICT_SLAB_OUT_OF_BOUNDS, " in ", WEIGHT_REPORT },
	{ "BUG: KASAN: stack-out-of-bounds", VERDICT_STACK_OUT_OF_BOUNDS, " in ", WEIGHT_REPORT },
	{ "BUG: KASAN: global-out-of-bounds", VERDICT_GLOBAL_OUT_OF_BOUNDS, " in ", WEIGHT_REPORT },
	{ "BUG: KASAN: vmalloc-out-of-bounds", VERDICT_VMALLOC_OUT_OF_BOUNDS, " in ",
		WEIGHT_REPORT },
	{ "BUG: KASAN: use-after-free", VERDICT_USE_AFTER_FREE, " in ", WEIGHT_REPORT },
	{ "BUG: KASAN: slab-use-after-free", VERDICT_USE_AFTER_FREE, " in ", WEIGHT_REPORT },
	{ "BUG: KASAN: null-ptr-deref", VERDICT_NULL_DEREFERENCE, " in ", WEIGHT_REPORT },
	{ "BUG: KFENCE: use-after-free", VERDICT_USE_AFTER_FREE, " in ", WEIGHT_REPORT },
	{ "BUG: KFENCE: out-of-bounds", VERDICT_SLAB_OUT_OF_BOUNDS, " in ", WEIGHT_REPORT },
	{ "BUG: KFENCE: memory corruption", VERDICT_SLAB_OUT_OF_BOUNDS, " in ", WEIGHT_REPORT },
	{ "BUG: KFENCE: invalid free", VERDICT_INVALID_FREE, " in ", WEIGHT_REPORT },
	{ "Poison overwritten", VERDICT_USE_AFTER_FREE, NULL, WEIGHT_SYMPTOM },
	{ "Poison check error", VERDICT_USE_AFTER_FREE, NULL, WEIGHT_SYMPTOM },
	{ "Redzone overwritten", VERDICT_SLAB_OUT_OF_BOUNDS, NULL, WEIGHT_SYMPTOM },
	{ "Object already free", VERDICT_DOUBLE_FREE, NULL, WEIGHT_SYMPTOM },
	{ "Invalid object pointer", VERDICT_INVALID_FREE, NULL, WEIGHT_SYMPTOM },
	{ "INFO: rcu_", VERDICT_RCU_STALL, NULL, WEIGHT_SYMPTOM },
	{ "BUG: spinlock lockup", VERDICT_SPINLOCK_LOCKUP, NULL, WEIGHT_SYMPTOM },
	{ "BUG: workqueue lockup", VERDICT_WORKQUEUE_LOCKUP, NULL, WEIGHT_SYMPTOM },
	{ "watchdog: BUG: soft lockup", VERDICT_SOFT_LOCKUP, NULL, WEIGHT_SYMPTOM },
	{ "Watchdog detected hard LOCKUP", VERDICT_HARD_LOCKUP, NULL, WEIGHT_SYMPTOM },
	{ "stack-protector: Kernel stack is corrupted in: ", VERDICT_STACK_CORRUPTION,
		"corrupted in: ", WEIGHT_SYMPTOM },
	{ "Insufficient stack space to handle exception", VERDICT_STACK_OVERFLOW, NULL,
		WEIGHT_REPORT },
	{ "blocked for more than ", VERDICT_HUNG_TASK, NULL, WEIGHT_SYMPTOM },
};

/* The function's name in "… in widget_append+0xfc/0x1b0 [misbehave]". */
static const char *function_in(struct triage *tr, const char *line, const char *before)
{
	const char *p = before ? strstr(line, before) : NULL;
	if (!p)
		return NULL;
	p += strlen(before);
	size_t n = 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n ? arena_strndup(&tr->arena, p, n) : NULL;
}

/* The address that the report is about, in the lines below its first: KASAN's "at addr", SLUB's
 * "0xA-0xB @offset". */
static bool address_in(const struct facts *facts, size_t line, uint64_t *ret)
{
	enum { LINES = 12 };
	unsigned long long va;
	for (size_t i = line; i < facts->log.n && i < line + LINES; i++) {
		const char *at = strstr(facts->log.v[i], " at addr "),
			   *range = strstr(facts->log.v[i], " @offset=");
		if (at && sscanf(at, " at addr %llx", &va) == 1) {
			*ret = va;
			return true;
		}
		const char *from = range ? strstr(facts->log.v[i], "0x") : NULL;
		if (from && from < range && sscanf(from, "0x%llx", &va) == 1) {
			*ret = va;
			return true;
		}
	}
	return false;
}

static void say_object(struct triage *tr, struct finding *f, size_t line)
{
	struct object o;
	uint64_t va;
	if (!address_in(&tr->facts, line, &va))
		return;
	struct err *err = object_find(tr->t, va, &tr->arena, &o);
	if (!err)
		finding_object(tr, f, &o);
	err_drop(err); /* its memory is something else by now */
}

/* A report of the access that then failed: the registers at the fault say more of it. */
static bool same_as_fault(struct triage *tr, const char *function)
{
	for (size_t i = 0; i < tr->finding.n; i++) {
		const struct finding *f = tr->finding.v[i];
		const char *culprit = finding_culprit(f);
		if (f->weight == WEIGHT_TRAP && culprit && !strcmp(culprit, function))
			return true;
	}
	return false;
}

static struct err *run(struct triage *tr)
{
	uint64_t seen = 0; /* classes */
	for (size_t i = 0; i < tr->facts.log.n; i++) {
		const char *line = tr->facts.log.v[i];
		for (size_t k = 0; k < ARRAY_SIZE(table); k++) {
			const struct told *told = table + k;
			if (!strstr(line, told->text))
				continue;
			if (seen >> told->class & 1)
				break;
			seen |= 1ull << told->class;
			struct finding *f = triage_find(
				tr, "log", told->class, told->weight, CONFIDENCE_LIKELY);
			f->by_kasan = strstr(line, "KASAN") != NULL;
			f->culprit_name = function_in(tr, line, told->before_function);
			if (f->culprit_name && machinery_kind(f->culprit_name))
				f->culprit_name = NULL;
			if (f->culprit_name && same_as_fault(tr, f->culprit_name))
				f->weight = WEIGHT_NOTE;
			finding_say(
				tr, f, EVIDENCE_LOG, CONFIDENCE_SURE, "log", "report", "%s", line);
			say_object(tr, f, i);
			break;
		}
	}
	return NULL;
}

const struct triage_rule rule_log = { "log", "reports in the kernel's log", run };
