/*
 * The victim died in the allocator's hands, freeing: the object that it was given is free already,
 * or is none. SLUB finds both by its checks (mm/slub.c, free_consistency_checks()), hardened free
 * lists trap on the second one (set_freepointer(), since 4.14).
 */
#include <string.h>

#include "analyzer/base/load.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/slab_object.h"
#include "analyzer/stack/locals.h"
#include "analyzer/triage/object.h"

/* Parameters and locals that hold the object, from the outermost of the allocator's functions
 * inwards. */
static const char *const object_names[] = { "object", "objp", "x", "head", "block", "p" };

static bool number_of(struct triage *tr, const struct variable *v, uint64_t *ret)
{
	uint8_t b[8];
	unsigned n = tr->t->abi.word_bytes;
	if (v->state == VARIABLE_BYTES && v->nbytes == n) {
		for (unsigned i = 0; i < n; i++)
			if (v->known[i] != 0xff)
				return false;
		*ret = n == 8 ? get_u64(&tr->t->abi, v->bytes) : get_u32(&tr->t->abi, v->bytes);
		return true;
	}
	if (v->state != VARIABLE_PLACE ||
		vspace_try_read(tr->t->kernel, v->va, b, n, NULL) != FAULT_NONE)
		return false;
	*ret = n == 8 ? get_u64(&tr->t->abi, b) : get_u32(&tr->t->abi, b);
	return true;
}

static bool is_name(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(object_names); i++)
		if (!strcmp(name, object_names[i]))
			return true;
	return false;
}

/* An address in a slab that frame @frame has as such. */
static bool object_of_frame(
	struct triage *tr, size_t frame, struct slab_object *ret, uint64_t *ret_va)
{
	struct variable_scope *scope;
	size_t n;
	struct err *err =
		frame_variables(tr->t, &tr->facts.calls.trace, frame, &tr->arena, &scope, &n);
	for (size_t i = 0; !err && i < n; i++)
		for (size_t k = 0; k < scope[i].nvariables; k++) {
			const struct variable *v = scope[i].variable + k;
			if (!is_name(v->name) || !number_of(tr, v, ret_va))
				continue;
			struct err *none = slab_object_find(tr->t, *ret_va, ret);
			if (!none)
				return true;
			err_drop(none); /* some other pointer */
		}
	err_drop(err); /* no debug information */
	return false;
}

/* The allocator's calls that lead to the culprit: [*ret_first, *ret_end). */
static bool freeing(const struct calls *c, size_t from, size_t *ret_first, size_t *ret_end)
{
	size_t end = 0;
	bool frees = false;
	if (!calls_culprit(c, from, &end))
		return false;
	size_t first = end;
	while (first && c->call[first - 1].function &&
		machinery_kind(c->call[first - 1].function) &&
		strcmp(machinery_kind(c->call[first - 1].function), "exception") != 0) {
		const char *name = c->call[--first].function;
		frees |= !strcmp(name, "kfree") || !strncmp(name, "kmem_cache_free", 15) ||
			 !strncmp(name, "slab_free", 9) || !strncmp(name, "__slab_free", 11) ||
			 !strncmp(name, "kfree_", 6);
	}
	*ret_first = first;
	*ret_end = end;
	return frees;
}

static bool trapped_on_freelist(const struct facts *f)
{
	return f->has_fault && fault_is_trap(&f->fault) &&
	       (calls_find(&f->calls, "set_freepointer", 0) != SIZE_MAX ||
		       calls_find(&f->calls, "__slab_free", 0) != SIZE_MAX ||
		       calls_find(&f->calls, "kfree", 0) != SIZE_MAX ||
		       calls_find(&f->calls, "kmem_cache_free*", 0) != SIZE_MAX ||
		       calls_find(&f->calls, "slab_free*", 0) != SIZE_MAX);
}

static bool checks_failed(const struct facts *f)
{
	static const char *const names[] = { "object_err", "slab_err", "__slab_err", "slab_bug",
		"free_debug_processing", "free_consistency_checks", "free_to_partial_list" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (calls_find(&f->calls, names[i], 0) != SIZE_MAX)
			return true;
	return false;
}

static struct err *run(struct triage *tr)
{
	struct facts *facts = &tr->facts;
	size_t first, end;
	struct slab_object so;
	uint64_t va = 0;
	bool found = false;
	if (!facts->has_victim || !freeing(&facts->calls, facts->end_call, &first, &end))
		return NULL;
	bool trapped = trapped_on_freelist(facts), checked = checks_failed(facts);
	if (!trapped && !checked)
		return NULL;
	for (size_t i = end; !found && i-- > first;)
		if (!facts->calls.call[i].inlined)
			found = object_of_frame(tr, facts->calls.call[i].frame, &so, &va);
	bool inside = found && so.offset != 0, is_free = found && so.state != SLAB_ALLOCATED;
	if (checked && !inside && !is_free)
		return NULL; /* a check of its bytes failed: the heap's damage tells */
	struct finding *f = triage_find(tr, "heap-call",
		inside && !trapped ? VERDICT_INVALID_FREE : VERDICT_DOUBLE_FREE, WEIGHT_REPORT,
		found ? CONFIDENCE_SURE : CONFIDENCE_LIKELY);
	finding_task(f, &facts->victim);
	finding_blame(f, &facts->calls, end);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "bt", "free",
		trapped ? "the free list's own check trapped: the object is its first already"
			: "SLUB's checks failed while it was freed");
	struct object o;
	struct err *err = found ? object_find(tr->t, va, &tr->arena, &o) : NULL;
	if (found && !err)
		finding_object(tr, f, &o);
	return err;
}

const struct triage_rule rule_heap_call = { "heap-call",
	"an object that was freed twice, or is none", run };
