/* One allocation site that holds much of the machine's memory. Only where the heap keeps who
 * allocated (slub_debug=U, KASAN), and only of a machine that died: much memory may be what a
 * healthy one is for. */
#include "analyzer/base/scope.h"
#include "analyzer/kernel/slab_owner.h"
#include "analyzer/kernel/stack_depot.h"
#include "analyzer/kernel/system.h"
#include "analyzer/triage/object.h"

enum { SHARE = 3 }; /* a third of all memory */

static void keep_stack(struct triage *tr, const struct slab_owner *o, struct object_stack *s)
{
	uint64_t pc[STACK_DEPOT_FRAMES_MAX];
	size_t n = o->nframes;
	struct err *err =
		o->handle ? stack_depot_fetch(tr->t, o->handle, pc, STACK_DEPOT_FRAMES_MAX, &n)
			  : NULL;
	const uint64_t *from = o->handle && !err ? pc : o->pc;
	if (err)
		n = o->nframes;
	err_drop(err); /* the caller alone is known */
	for (size_t i = 0; i < n && s->nframes < OBJECT_FRAMES; i++)
		s->pc[s->nframes++] = from[i];
	if (!s->nframes && o->caller)
		s->pc[s->nframes++] = o->caller;
	s->known = s->nframes != 0;
	s->pid = o->pid;
}

static const char *first_name(struct triage *tr, const struct object_stack *s)
{
	for (uint32_t i = 0; i < s->nframes; i++) {
		struct symbol sym;
		const char *name = symtab_at(tr->t->syms, symtab_call_va(s->pc[i]), &sym)
					   ? call_plain_name(&tr->arena, sym.name)
					   : NULL;
		if (name && !machinery_kind(name))
			return name;
	}
	return NULL;
}

static struct err *run(struct triage *tr)
{
	scoped_slab_heap struct slab_heap heap = { 0 };
	scoped_slab_owners struct slab_owners owners = { 0 };
	uint64_t ram = 0;
	if (tr->facts.end == END_NONE || tr->facts.end == END_NOT_KNOWN)
		return NULL;
	struct err *err = system_ram_bytes(tr->t, &ram);
	if (!err)
		err = slab_heap_read(tr->t, &heap);
	if (!err)
		err = slab_owners_read(&heap, NULL, &owners);
	if (err || !owners.n || owners.owner[0].bytes < ram / SHARE)
		return err;
	const struct slab_owner *o = owners.owner;
	struct object kept = { .kind = "slab object",
		.name = o->cache ? arena_strdup(&tr->arena, o->cache->name) : NULL,
		.va = o->oldest_va,
		.bytes = o->cache ? o->cache->object_size : 0,
		.state = "allocated",
		.source = "SLUB's tracks" };
	keep_stack(tr, o, &kept.alloc);
	struct finding *f =
		triage_find(tr, "leak", VERDICT_MEMORY_LEAK, WEIGHT_SYMPTOM, CONFIDENCE_LIKELY);
	f->culprit_name = first_name(tr, &kept.alloc);
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, "slub owners -n 5", "held",
		"%llu of %llu MB by %llu objects of one allocation site",
		(unsigned long long)(o->bytes >> 20), (unsigned long long)(ram >> 20),
		(unsigned long long)o->objects);
	finding_object(tr, f, &kept);
	return NULL;
}

const struct triage_rule rule_leak = { "leak", "allocation sites that hold much of all memory",
	run };
