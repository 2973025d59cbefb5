/* An instruction of the kernel's failed: what kind of address it used, or what trap it was. */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/stack/bad_address.h"
#include "analyzer/triage/object.h"

enum { POINTERS_MAX = 3 };

static struct err *explain(struct triage *tr, struct bad_address *ret)
{
	struct facts *facts = &tr->facts;
	const struct fault_context *c = &facts->fault;
	struct fault_pointer pointer[POINTERS_MAX];
	struct bad_address_hint hint = { .task = &facts->victim,
		.status = c->status.source ? &c->decoded : NULL };
	ret->n = 0;
	if (!c->address.source)
		return NULL;
	if (c->decoded.access != FAULT_EXECUTES && c->has_insn && c->insn.memory &&
		c->insn.index == INSN_NO_REGISTER && fault_agrees(tr->t, c)) {
		hint.has_base = true;
		hint.base = c->regs.v[c->insn.base];
		hint.base_name = tr->t->arch->reg_name[c->insn.base];
		hint.offset = c->insn.offset;
		hint.pointer = pointer;
		hint.npointers = fault_pointers(tr->t, c, pointer, POINTERS_MAX);
	}
	return bad_address_explain(tr->t, c->address.v, &hint, &tr->arena, ret);
}

/* The class by what the address is (bad_address.h has the kinds). */
static enum verdict_class class_of(const struct facts *facts, const struct bad_address *said)
{
	static const struct {
		const char *kind;
		enum verdict_class class;
	} by_kind[] = { { "null", VERDICT_NULL_DEREFERENCE }, { "poison", VERDICT_USE_AFTER_FREE },
		{ "stack-guard", VERDICT_STACK_OVERFLOW } };
	if (facts->fault.decoded.access == FAULT_EXECUTES)
		return VERDICT_EXEC_FAULT;
	/* An instrumented kernel faults on the shadow of the address first: that row says of what.
	 */
	const struct bad_address_row *row = said->row;
	if (said->n > 1 && !strcmp(row->kind, "kasan-shadow"))
		row++;
	for (size_t k = 0; said->n && k < ARRAY_SIZE(by_kind); k++)
		if (!strcmp(row->kind, by_kind[k].kind))
			return by_kind[k].class;
	return VERDICT_WILD_DEREFERENCE;
}

static const char *access_word(enum fault_access a)
{
	return a == FAULT_READS ? "Read" : a == FAULT_WRITES ? "Write" : NULL;
}

static void say_address(struct triage *tr, struct finding *f, const struct bad_address *said)
{
	const struct fault_context *c = &tr->facts.fault;
	if (!c->address.source)
		return;
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "fault", "address", "0x%llx, by %s",
		(unsigned long long)c->address.v, c->address.source);
	for (unsigned i = 0; i < said->n; i++)
		finding_say(tr, f, EVIDENCE_INFERENCE, i ? CONFIDENCE_LIKELY : CONFIDENCE_SURE,
			"fault", "which is", "%s%s%s%s", said->row[i].text,
			said->row[i].evidence ? " (" : "",
			said->row[i].evidence ? said->row[i].evidence : "",
			said->row[i].evidence ? ")" : "");
}

/* A guard page behind a vmalloc area: whoever hits it ran over the area's end. */
static struct err *refine_by_area(struct triage *tr, struct finding *f)
{
	const struct fault_context *c = &tr->facts.fault;
	struct object o;
	if (f->class != VERDICT_WILD_DEREFERENCE || !c->address.source)
		return NULL;
	struct err *err = object_find(tr->t, c->address.v, &tr->arena, &o);
	if (err && err->code != ERR_INTERRUPTED) {
		err_drop(err); /* it is nowhere near anything */
		return NULL;
	}
	if (err || strcmp(o.kind, "vmalloc area") != 0 || o.offset < 0 ||
		(uint64_t)o.offset < o.bytes)
		return err;
	f->class = VERDICT_VMALLOC_OUT_OF_BOUNDS;
	f->access = access_word(c->decoded.access);
	finding_object(tr, f, &o);
	return NULL;
}

static struct err *data_fault(struct triage *tr)
{
	struct facts *facts = &tr->facts;
	struct bad_address said;
	struct err *err = explain(tr, &said);
	if (err)
		return err;
	struct finding *f =
		triage_find(tr, "fault", class_of(facts, &said), WEIGHT_TRAP, CONFIDENCE_SURE);
	finding_task(f, &facts->victim);
	finding_blame(f, &facts->calls, facts->fault_call);
	if (f->class == VERDICT_USE_AFTER_FREE)
		f->access = access_word(facts->fault.decoded.access);
	say_address(tr, f, &said);
	err = refine_by_area(tr, f);
	return err ? err : finding_origin(tr, f);
}

/* ARM32's undefined instructions, arm64's BRK. */
bool fault_is_trap(const struct fault_context *c)
{
	return c->trap || (c->status.source && !strncmp(c->decoded.what, "BRK", 3));
}

bool facts_warned(const struct facts *facts)
{
	return calls_find(&facts->calls, "__warn", 0) != SIZE_MAX ||
	       calls_find(&facts->calls, "warn_slowpath*", 0) != SIZE_MAX ||
	       calls_find(&facts->calls, "__warn_printk", 0) != SIZE_MAX;
}

static struct err *run(struct triage *tr)
{
	struct facts *facts = &tr->facts;
	if (!facts->has_victim)
		return NULL;
	bool warning = facts_warned(facts);
	if (!warning && facts->has_fault && facts->fault.kind == EXCEPTION_FAULT &&
		!fault_is_trap(&facts->fault))
		return data_fault(tr);
	if (!warning && (!facts->has_fault || !fault_is_trap(&facts->fault)))
		return NULL;
	struct finding *f = triage_find(
		tr, "fault", warning ? VERDICT_WARNING : VERDICT_BUG, WEIGHT_TRAP, CONFIDENCE_SURE);
	finding_task(f, &facts->victim);
	finding_blame(f, &facts->calls,
		warning || facts->fault_call == SIZE_MAX ? facts->end_call : facts->fault_call);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "fault", "trap", "%s",
		warning			       ? "a warning, and the kernel was told to panic on it"
		: facts->fault.trap	       ? facts->fault.trap
		: facts->fault.decoded.details ? facts->fault.decoded.details
					       : "an instruction that traps on purpose");
	return NULL;
}

const struct triage_rule rule_fault = { "fault", "the instruction that failed and its address",
	run };
