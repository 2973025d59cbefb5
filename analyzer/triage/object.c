/* See object.h. Each source is asked in turn; the first that knows the stacks is believed. */
#include "analyzer/triage/object.h"

#include <string.h>

#include "analyzer/kernel/cpu_pages.h"
#include "analyzer/kernel/kasan_meta.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/page_owner.h"
#include "analyzer/kernel/slab_object.h"
#include "analyzer/kernel/slab_track.h"
#include "analyzer/kernel/stack_depot.h"
#include "analyzer/kernel/vmalloc.h"

static void keep_stack(struct object_stack *s, uint32_t pid, const uint64_t *pc, size_t n)
{
	s->known = true;
	s->pid = pid;
	s->nframes = n > OBJECT_FRAMES ? OBJECT_FRAMES : (uint32_t)n;
	memcpy(s->pc, pc, s->nframes * sizeof(*pc));
}

/* Who it was may stand where the stack is lost. */
static void keep_handle(
	struct target *t, struct arena *a, struct object_stack *s, uint32_t pid, uint32_t handle)
{
	uint64_t pc[STACK_DEPOT_FRAMES_MAX];
	size_t n = 0;
	if (!handle)
		return;
	struct err *err = stack_depot_fetch(t, handle, pc, STACK_DEPOT_FRAMES_MAX, &n);
	keep_stack(s, pid, pc, err ? 0 : n);
	s->cut = err ? arena_strdup(a, err->msg) : NULL;
	err_drop(err); /* .cut has it */
}

static void by_kasan(struct target *t, uint64_t va, struct arena *a, struct object *o)
{
	struct kasan k;
	struct kasan_object ko;
	struct kasan_tracks tracks;
	struct err *err = kasan_init(t, &k);
	if (!err)
		err = kasan_object_find(&k, va, &ko);
	if (!err)
		err = kasan_tracks_read(&k, &ko, &tracks);
	if (err) {
		err_drop(err); /* no KASAN, or it keeps nothing of this object */
		return;
	}
	bool before = o->alloc.known || o->freed.known;
	if (tracks.alloc.known && !o->alloc.known)
		keep_handle(t, a, &o->alloc, tracks.alloc.pid, tracks.alloc.stack);
	if (tracks.free.known && !o->freed.known)
		keep_handle(t, a, &o->freed, tracks.free.pid, tracks.free.stack);
	if (!before && (o->alloc.known || o->freed.known))
		o->source = "KASAN";
}

/* Kernels skip a fixed number of frames; where compilers inlined some of them the caller itself is
 * lost so. */
static void keep_track(struct object_stack *s, const struct slab_track *track)
{
	uint64_t pc[SLAB_TRACK_FRAMES + 1] = { track->addr };
	bool listed = false;
	for (uint32_t i = 0; i < track->nframes; i++)
		listed |= track->pc[i] == track->addr;
	size_t first = listed || !track->addr ? 0 : 1;
	memcpy(pc + first, track->pc, track->nframes * sizeof(*pc));
	keep_stack(s, track->pid, pc, track->nframes + first);
}

/* A record with a stack that cannot be had still names the caller, if that is a place in code: what
 * wrote over the one may have missed the other. */
static void by_tracks(
	struct target *t, const struct slab_object *so, struct arena *a, struct object *o)
{
	struct object_stack *to[] = {
		[SLAB_TRACK_ALLOC] = &o->alloc, [SLAB_TRACK_FREE] = &o->freed
	};
	for (enum slab_track_kind kind = SLAB_TRACK_ALLOC; kind <= SLAB_TRACK_FREE; kind++) {
		struct slab_track track = { 0 };
		struct symbol s;
		struct err *err = slab_track_read(t, &so->cache, so->va, kind, &track);
		if (track.known && (!err || symtab_at(t->syms, symtab_call_va(track.addr), &s))) {
			o->source = "SLUB's tracks";
			keep_track(to[kind], &track);
			to[kind]->cut = err ? arena_strdup(a, err->msg) : NULL;
		}
		err_drop(err); /* this cache keeps none, or .cut has it */
	}
}

static struct err *slab_object(struct target *t, uint64_t va, struct arena *a, struct object *ret)
{
	struct slab_object so;
	struct err *err = slab_object_find(t, va, &so);
	if (err)
		return err;
	*ret = (struct object){ .kind = "slab object",
		.name = arena_strdup(a, so.cache.name),
		.va = so.va,
		.bytes = so.cache.object_size,
		.offset = so.offset,
		.state = slab_state_name(so.state) };
	by_tracks(t, &so, a, ret);
	if (!ret->alloc.known || !ret->freed.known)
		by_kasan(t, va, a, ret); /* what waits in its quarantine is not free for SLUB yet */
	return NULL;
}

/* By frame; @va is its address as somebody used it, 0: none did. */
static struct err *by_page_owner(
	struct target *t, uint64_t pfn, uint64_t va, struct arena *a, struct object *ret)
{
	struct page_owner_source s;
	struct page_owner owner;
	unsigned shift = vspace_facts(t->kernel)->layout.paging.page_shift;
	struct err *err = page_owner_init(t, &s);
	if (!err)
		err = page_owner_read(&s, pfn, &owner);
	if (err)
		return err;
	if (!owner.known)
		return err_new(ERR_NOT_FOUND, "nothing is recorded of page 0x%llx",
			(unsigned long long)pfn);
	uint64_t bytes = 1ull << (shift + (owner.order < 32 ? owner.order : 0));
	*ret = (struct object){ .kind = "page",
		.va = va & ~(bytes - 1),
		.bytes = bytes,
		.offset = (int64_t)(va & (bytes - 1)),
		.state = owner.allocated ? "allocated" : "free",
		.source = "page_owner" };
	keep_handle(t, a, &ret->alloc, owner.has_task ? owner.pid : 0, owner.handle);
	keep_handle(t, a, &ret->freed, owner.has_free_task ? owner.free_pid : 0, owner.free_handle);
	return NULL;
}

/* The whole allocation that page @ret was freed with, while a CPU's list still has it so. */
static struct err *widen_to_block(struct target *t, uint64_t pfn, struct object *ret)
{
	struct cpu_block b;
	struct err *err = cpu_block_find(t, pfn, &b);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	if (!err) {
		uint64_t before = (pfn - b.pfn) << page_shift(t);
		ret->va -= before;
		ret->offset += (int64_t)before;
		ret->bytes = 1ull << (page_shift(t) + b.order);
	}
	err_drop(err); /* merged with others, or its list is damaged: the page is known all the same
			*/
	return NULL;
}

static struct err *by_struct_page(struct target *t, uint64_t pfn, uint64_t va, struct object *ret)
{
	uint64_t page_va, bytes = 1ull << page_shift(t);
	struct page page;
	const char *owner;
	struct err *err = page_of_pfn(t, pfn, &page_va);
	if (!err)
		err = page_read(t, page_va, &page);
	if (!err)
		err = page_owner(t, &page, &owner);
	if (err)
		return err;
	bool is_free = !strcmp(owner, "buddy") || !strcmp(owner, "free");
	*ret = (struct object){ .kind = "page",
		.va = va & ~(bytes - 1),
		.bytes = bytes,
		.offset = (int64_t)(va & (bytes - 1)),
		.state = is_free ? "free" : owner };
	return strcmp(owner, "free") == 0 ? widen_to_block(t, pfn, ret) : NULL;
}

static struct err *page_object(struct target *t, uint64_t va, struct arena *a, struct object *ret)
{
	struct paddr pa;
	if (vspace_translate(t->kernel, va, &pa, NULL) != FAULT_NONE)
		return err_new(ERR_NOT_FOUND, "0x%llx is not mapped", (unsigned long long)va);
	uint64_t pfn = pa.v >> vspace_facts(t->kernel)->layout.paging.page_shift;
	struct err *err = by_page_owner(t, pfn, va, a, ret);
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	err_drop(err); /* not recorded: the struct page alone tells */
	return by_struct_page(t, pfn, va, ret);
}

bool object_find_page(struct target *t, uint64_t pfn, struct arena *a, struct object *ret)
{
	uint64_t va;
	if (!slab_linear_va(t, pfn << vspace_facts(t->kernel)->layout.paging.page_shift, &va))
		return false; /* high memory */
	scoped_err struct err *err = by_page_owner(t, pfn, va, a, ret);
	return !err;
}

static struct err *vmalloc_object(struct target *t, uint64_t va, struct object *ret)
{
	scoped_vmalloc struct vmalloc areas = { 0 };
	struct err *err = vmalloc_read(t, &areas);
	const struct vmalloc_area *a = err ? NULL : vmalloc_find(&areas, va);
	if (err)
		return err;
	if (!a)
		return err_new(
			ERR_NOT_FOUND, "0x%llx is in no vmalloc area", (unsigned long long)va);
	unsigned shift = vspace_facts(t->kernel)->layout.paging.page_shift;
	uint64_t bytes = a->requested ? a->requested
			 : a->npages  ? a->npages << shift
				      : a->end - a->start;
	*ret = (struct object){ .kind = "vmalloc area",
		.va = a->start,
		.bytes = bytes,
		.offset = (int64_t)(va - a->start),
		.state = a->state == VMALLOC_UNPURGED ? "freed" : "allocated",
		.source = "its vm_struct" };
	if (a->caller)
		keep_stack(&ret->alloc, 0, &a->caller, 1);
	return NULL;
}

struct err *object_find(struct target *t, uint64_t va, struct arena *a, struct object *ret)
{
	struct err *err = slab_object(t, va, a, ret);
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	err_drop(err); /* no slab: perhaps vmalloc's */
	err = vmalloc_object(t, va, ret);
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	err_drop(err); /* nor that: perhaps a page */
	return page_object(t, va, a, ret);
}

/* ---- in words ---------------------------------------------------------------------------- */

/* "widget_make < make_all < member_main", without the allocator's own. */
static const char *stack_words(struct triage *tr, const struct object_stack *s)
{
	enum { NAMES = 4 };
	scoped_strbuf struct strbuf out = { 0 };
	unsigned told = 0;
	for (uint32_t i = 0; i < s->nframes && told < NAMES; i++) {
		struct symbol sym;
		if (!symtab_at(tr->t->syms, symtab_call_va(s->pc[i]), &sym))
			continue;
		const char *name = call_plain_name(&tr->arena, sym.name);
		if (!told && machinery_kind(name))
			continue;
		strbuf_addf(&out, "%s%s", told++ ? " < " : "", name);
	}
	return arena_strdup(&tr->arena, strbuf_text(&out));
}

static void say_stack(struct triage *tr, struct finding *f, const struct object *o,
	const struct object_stack *s, const char *topic, const char *command)
{
	if (s->known)
		finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, command, topic,
			"%s%s (%s)%s%s",
			s->pid ? arena_printf(
					 &tr->arena, "pid %u%s", s->pid, s->nframes ? " in " : "")
			       : "",
			stack_words(tr, s), o->source,
			!s->cut	     ? ""
			: s->nframes ? "; its callers are lost: "
				     : "; its stack is lost: ",
			s->cut ? s->cut : "");
}

void finding_object(struct triage *tr, struct finding *f, const struct object *o)
{
	struct object *kept = arena_alloc(&tr->arena, sizeof(*kept));
	*kept = *o;
	f->object = kept;
	bool slab = !strcmp(o->kind, "slab object");
	const char *command = arena_printf(&tr->arena, slab ? "slub obj 0x%llx" : "addr 0x%llx",
		(unsigned long long)o->va + (uint64_t)(slab ? 0 : o->offset));
	finding_say(tr, f, EVIDENCE_MEMORY, CONFIDENCE_SURE, command, "object",
		"%s%s at 0x%llx, %llu bytes, offset %lld%s%s", o->kind,
		o->name ? arena_printf(&tr->arena, " %s", o->name) : "", (unsigned long long)o->va,
		(unsigned long long)o->bytes, (long long)o->offset, o->state ? ": " : "",
		o->state ? o->state : "");
	say_stack(tr, f, o, &o->alloc, "allocated by", command);
	say_stack(tr, f, o, &o->freed, "freed by", command);
}
