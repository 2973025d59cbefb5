/*
 * The fault came from KFENCE's pool: the object is alone on its page between guard pages, and a
 * freed one's page is a guard page itself (mm/kfence/core.c, kfence_handle_page_fault(),
 * since 5.12).
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/kfence.h"
#include "analyzer/triage/object.h"

static void keep_track(struct object_stack *s, const struct kfence_track *t)
{
	s->known = t->nframes != 0;
	s->pid = t->pid;
	s->nframes = t->nframes < OBJECT_FRAMES ? t->nframes : OBJECT_FRAMES;
	memcpy(s->pc, t->pc, s->nframes * sizeof(*s->pc));
}

/* @va is inside the pool, on a page that faults: either the object's own, freed, or a guard page
 * beside it. */
static enum verdict_class class_of(
	const struct kfence *k, const struct kfence_object *o, uint64_t va)
{
	bool own_page = va - o->page_va < k->page_bytes;
	return own_page && o->state != KFENCE_ALLOCATED ? VERDICT_USE_AFTER_FREE
							: VERDICT_SLAB_OUT_OF_BOUNDS;
}

static struct err *run(struct triage *tr)
{
	const struct facts *facts = &tr->facts;
	const struct fault_context *c = &facts->fault;
	struct kfence k;
	struct kfence_object ko;
	uint32_t index;
	if (!facts->has_fault || !c->address.source ||
		calls_find(&facts->calls, "kfence_*", facts->end_call) == SIZE_MAX)
		return NULL;
	struct err *err = kfence_init(tr->t, &k);
	if (err || !kfence_index(&k, c->address.v, &index))
		return err;
	err = kfence_read(&k, index, &ko);
	if (err)
		return err;
	struct object o = { .kind = "slab object",
		.name = *ko.cache ? arena_strdup(&tr->arena, ko.cache) : NULL,
		.va = ko.addr,
		.bytes = ko.size,
		.offset = (int64_t)(c->address.v - ko.addr),
		.state = kfence_state_name(ko.state),
		.source = "KFENCE" };
	keep_track(&o.alloc, &ko.alloc);
	keep_track(&o.freed, &ko.free);
	struct finding *f = triage_find(
		tr, "kfence", class_of(&k, &ko, c->address.v), WEIGHT_REPORT, CONFIDENCE_SURE);
	f->access = c->decoded.access == FAULT_WRITES  ? "Write"
		    : c->decoded.access == FAULT_READS ? "Read"
						       : NULL;
	finding_task(f, &facts->victim);
	finding_blame(f, &facts->calls, facts->fault_call);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE,
		arena_printf(&tr->arena, "kfence %u", index), "KFENCE",
		"the fault at 0x%llx is on a page that KFENCE guards",
		(unsigned long long)c->address.v);
	finding_object(tr, f, &o);
	return NULL;
}

const struct triage_rule rule_kfence = { "kfence", "faults on KFENCE's guard pages", run };
