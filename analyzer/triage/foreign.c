/* See foreign.h. A rule's errors are lines of the ledger, as our own rules' are. */
#include "analyzer/triage/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

struct foreign_rules {
	VEC(struct foreign_rule) of;
};
static const char key;

static void destroy(void *what)
{
	struct foreign_rules *rules = what;
	vec_deinit(&rules->of);
	free(rules);
}

static bool is_taken(const struct foreign_rules *rules, const char *name)
{
	for (size_t i = 0; triage_rules[i]; i++)
		if (!strcmp(triage_rules[i]->name, name))
			return true;
	for (size_t i = 0; rules && i < rules->of.n; i++)
		if (!strcmp(rules->of.v[i].name, name))
			return true;
	return false;
}

struct err *foreign_rules_add(struct target *t, const struct foreign_rule *rule)
{
	struct foreign_rules *rules = target_kept(t, &key);
	if (is_taken(rules, rule->name))
		return err_new(ERR_MISMATCH, "there is a triage rule %s already", rule->name);
	if (!rules) {
		rules = xcalloc(1, sizeof(*rules));
		target_keep(t, &key, rules, destroy);
	}
	vec_push(&rules->of, *rule);
	return NULL;
}

void foreign_rules_remove(struct target *t, const void *with)
{
	struct foreign_rules *rules = target_kept(t, &key);
	size_t kept = 0;
	for (size_t i = 0; rules && i < rules->of.n; i++)
		if (rules->of.v[i].with != with)
			rules->of.v[kept++] = rules->of.v[i];
	if (rules)
		rules->of.n = kept;
}

static bool has_types(struct target *t)
{
	const struct type *type;
	scoped_err struct err *err = types_find(t->types, TYPE_STRUCT, "task_struct", NULL, &type);
	return !err;
}

/* What keeps @r from looking, where that is a loss: NULL otherwise. */
static const char *missing(const struct triage *tr, const struct foreign_rule *r)
{
	if (r->needs_types && !has_types(tr->t))
		return "it needs types: give the vmlinux with debug information";
	if (r->needs_log && !tr->facts.log.n)
		return "it needs the kernel's log, of which nothing could be read";
	if (r->needs_death && tr->facts.end == END_NOT_KNOWN)
		return "it is not known whether the machine died";
	return NULL;
}

static bool applies(const struct triage *tr, const struct foreign_rule *r)
{
	bool died = tr->facts.end == END_PANIC || tr->facts.end == END_OOPS;
	return (!r->needs_death || died) && (!r->needs_fault || tr->facts.has_fault);
}

struct err *foreign_rules_run(struct triage *tr)
{
	struct foreign_rules *rules = target_kept(tr->t, &key);
	struct err *err = NULL;
	for (size_t i = 0; !err && rules && i < rules->of.n; i++) {
		const struct foreign_rule *r = &rules->of.v[i];
		const char *lacks = missing(tr, r);
		if (lacks)
			triage_ledger(tr, r->name, "%s", lacks);
		else if (applies(tr, r))
			err = r->run(r->with, tr);
		if (err && err->code != ERR_INTERRUPTED) {
			triage_ledger(tr, r->name, "%s", err->msg);
			err_drop(err); /* the ledger has it */
			err = NULL;
		}
		if (!err)
			err = interrupt_check();
	}
	return err;
}
