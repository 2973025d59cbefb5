/*
 * Damage in the slab heap, found by going through all of it: patterns of slub_debug= that are not
 * what they were, free lists that lead astray, objects that are free twice. Who wrote there is
 * another question.
 */
#include <ctype.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/slab_check.h"
#include "analyzer/triage/object.h"

enum { FINDINGS_MAX = 8 /* a heap that is full of damage needs no more */, CACHES_DOUBTFUL = 4 };

struct sweep {
	struct triage *tr;
	unsigned found;
	const struct slab_cache *last; /* with damage */
	unsigned caches;
	uint64_t unreadable, mixed;
};

/* What is no damage of memory: counters and lists that a machine was stopped in the middle of. */
static bool counts(const struct slab_finding *sf)
{
	return sf->kind == SLAB_FINDING_DAMAGE || sf->kind == SLAB_FINDING_TWICE ||
	       sf->kind == SLAB_FINDING_STRAY || sf->kind == SLAB_FINDING_CHAIN ||
	       sf->kind == SLAB_FINDING_TAIL;
}

static enum verdict_class class_of(const struct slab_finding *sf)
{
	const struct slab_damage *d = &sf->damage;
	if (sf->kind == SLAB_FINDING_TWICE)
		return VERDICT_DOUBLE_FREE;
	if (sf->kind == SLAB_FINDING_STRAY)
		return VERDICT_INVALID_FREE;
	if (sf->kind == SLAB_FINDING_CHAIN) /* a free object's first words were written over */
		return sf->chain.end == SLAB_CHAIN_TWICE ? VERDICT_DOUBLE_FREE
							 : VERDICT_USE_AFTER_FREE;
	bool poison = d->what && (!strcmp(d->what, "poison") || !strcmp(d->what, "end of poison"));
	return poison ? VERDICT_USE_AFTER_FREE : VERDICT_SLAB_OUT_OF_BOUNDS;
}

static bool is_readable(const char *name)
{
	while (*name && isprint((unsigned char)*name))
		name++;
	return !*name;
}

static const char *name_of(struct triage *tr, const struct slab_cache *c)
{
	if (!c)
		return "a cache";
	return is_readable(c->name)
		       ? arena_strdup(&tr->arena, c->name)
		       : arena_printf(&tr->arena, "the cache at 0x%llx", (unsigned long long)c->va);
}

static void say_damage(struct triage *tr, struct finding *f, const struct slab_finding *sf)
{
	const struct slab_damage *d = &sf->damage;
	uint64_t va = sf->object_va ? sf->object_va : sf->slab_va;
	const char *command = arena_printf(&tr->arena,
		sf->object_va ? "slub obj 0x%llx" : "slub check", (unsigned long long)va);
	if (sf->kind == SLAB_FINDING_DAMAGE || sf->kind == SLAB_FINDING_TAIL)
		finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, command, "damage",
			"%s, %u bytes from offset %lld on: 0x%02x instead of 0x%02x", d->what,
			d->bytes, (long long)d->first, d->found, d->expected);
	else if (sf->kind == SLAB_FINDING_CHAIN)
		finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, command, "damage",
			"the free list of %s leads %s at 0x%llx", name_of(tr, sf->cache),
			sf->chain.end == SLAB_CHAIN_TWICE ? "into itself" : "astray",
			(unsigned long long)sf->chain.link_va);
	else
		finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, command, "damage", "%s",
			sf->kind == SLAB_FINDING_TWICE ? "the object is free in two places at once"
						       : "a sheaf holds what is no object");
}

/* The slab's memory, and in it the first wrong byte behind the last object; 0: not known. */
static uint64_t tail_va(struct triage *tr, const struct slab_finding *sf)
{
	uint64_t pfn, va;
	scoped_err struct err *err = page_to_pfn(tr->t, sf->slab_va, &pfn);
	if (err || !slab_linear_va(tr->t, pfn << page_shift(tr->t), &va))
		return 0;
	return va + (uint64_t)sf->damage.first;
}

/* A free list, or a poison, in a page that the dump has lost, or of a cache whose description it
 * has: keys and offsets are wrong then. */
static bool is_lost(struct triage *tr, const struct slab_finding *sf)
{
	uint64_t va = sf->kind == SLAB_FINDING_CHAIN  ? sf->chain.link_va
		      : sf->object_va		      ? sf->object_va + (uint64_t)sf->damage.first
		      : sf->kind == SLAB_FINDING_TAIL ? tail_va(tr, sf)
						      : 0;
	const char *name = name_of(tr, sf->cache);
	if (sf->cache && triage_page_lost(tr, sf->cache->va, "heap", name))
		return true;
	return va && sf->kind != SLAB_FINDING_TWICE &&
	       triage_page_lost(tr, va, "heap", arena_printf(&tr->arena, "a slab of %s", name));
}

/* mm/slub.c's SLUB_RED_INACTIVE and SLUB_RED_ACTIVE, 4.19 to 7.2: a redzone that is whole, but the
 * one of the other state. The free list that says which state it is in is cut, then. */
static bool of_other_state(struct triage *tr, const struct slab_finding *sf)
{
	enum { INACTIVE = 0xbb, ACTIVE = 0xcc, BYTES_MAX = 4096 };
	const struct slab_damage *d = &sf->damage;
	uint8_t bytes[BYTES_MAX];
	bool other = (d->found == INACTIVE && d->expected == ACTIVE) ||
		     (d->found == ACTIVE && d->expected == INACTIVE);
	uint64_t n = (uint64_t)(d->last - d->first) + 1;
	return sf->kind == SLAB_FINDING_DAMAGE && sf->object_va && other &&
	       strstr(d->what, "redzone") && n == d->bytes && n > 1 && n <= BYTES_MAX &&
	       vspace_try_read(tr->t->kernel, sf->object_va + (uint64_t)d->first, bytes, n, NULL) ==
		       FAULT_NONE &&
	       !memcmp(bytes, bytes + 1, n - 1);
}

/* A link that leads astray may have been written by a neighbour's overflow as well. */
static enum confidence confidence_of(const struct slab_finding *sf)
{
	bool astray = sf->kind == SLAB_FINDING_CHAIN && sf->chain.end != SLAB_CHAIN_TWICE;
	return astray ? CONFIDENCE_LIKELY : CONFIDENCE_SURE;
}

static struct err *tell(void *cx, const struct slab_finding *sf)
{
	struct sweep *s = cx;
	struct triage *tr = s->tr;
	struct object o = { 0 };
	if (!counts(sf) || is_lost(tr, sf))
		return NULL;
	if (of_other_state(tr, sf)) {
		s->mixed++;
		return NULL;
	}
	s->caches += sf->cache != s->last;
	s->last = sf->cache;
	if (s->found >= FINDINGS_MAX)
		return NULL;
	struct err *err = sf->object_va ? object_find(tr->t, sf->object_va, &tr->arena, &o) : NULL;
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	err_drop(err); /* the cache is known all the same */
	const char *cache = sf->cache ? name_of(tr, sf->cache) : "a slab";
	o.name = o.name ? cache : NULL;
	bool writes = sf->kind == SLAB_FINDING_DAMAGE || sf->kind == SLAB_FINDING_TAIL;
	struct finding *f = triage_find(tr, "heap", class_of(sf),
		s->found++ ? WEIGHT_NOTE : WEIGHT_SYMPTOM, confidence_of(sf));
	f->access = writes ? "Write" : NULL;
	f->title = arena_printf(&tr->arena, "%s%s found in %s", verdict_class_name(f->class),
		writes ? " Write" : "", cache);
	if (o.kind) {
		o.offset = writes ? sf->damage.first : 0;
		finding_object(tr, f, &o);
	}
	say_damage(tr, f, sf);
	return NULL;
}

/* One writer hits one kind of object, or its neighbours: damage all over is rather the dump's. */
static void doubt(struct triage *tr, unsigned caches)
{
	for (size_t i = 0; i < tr->finding.n; i++)
		if (!strcmp(tr->finding.v[i]->rule, "heap"))
			tr->finding.v[i]->confidence = CONFIDENCE_LIKELY;
	triage_lost(tr, "heap", "%u caches are damaged: the dump itself may be", caches);
}

static void unread(void *cx, struct err *err)
{
	struct sweep *s = cx;
	s->unreadable++;
	err_drop(err); /* counted: the ledger tells how many */
}

/* Without patterns most damage cannot be seen. */
static bool has_patterns(const struct slab_cache *c)
{
	return slab_cache_has(c, SLAB_FLAG_RED_ZONE) || slab_cache_has(c, SLAB_FLAG_POISON);
}

static struct err *run(struct triage *tr)
{
	scoped_slab_heap struct slab_heap heap = { 0 };
	struct sweep s = { .tr = tr };
	unsigned patterned = 0;
	uint64_t objects = 0;
	struct err *err = slab_heap_read(tr->t, &heap);
	for (size_t i = 0; !err && i < heap.ncaches; i++) {
		patterned += has_patterns(&heap.cache[i]);
		err = slab_check_cache(&heap, &heap.cache[i], tell, unread, &s, &objects);
		if (!err)
			err = interrupt_check();
	}
	if (!err && !patterned)
		triage_ledger(tr, "heap",
			"no cache has redzones or poison (slub_debug=): writes beyond or after "
			"cannot be seen");
	if (s.caches >= CACHES_DOUBTFUL)
		doubt(tr, s.caches);
	if (s.mixed)
		triage_lost(tr, "heap",
			"%llu redzones are those of the other state (free or allocated): free "
			"lists are cut",
			(unsigned long long)s.mixed);
	if (s.unreadable)
		triage_lost(tr, "heap", "%llu slabs could not be read",
			(unsigned long long)s.unreadable);
	return err;
}

const struct triage_rule rule_heap = { "heap", "damage of all slab objects and their free lists",
	run };
