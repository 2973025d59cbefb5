/* Addresses by where they lie: user space, the gap between the halves, KASAN's shadow, guards of
 * stacks, holes, and what is mapped but may not be used in this way. */
#include <inttypes.h>
#include <string.h>

#include "analyzer/kernel/address_map.h"
#include "analyzer/kernel/kasan_shadow.h"
#include "analyzer/kernel/module.h"
#include "analyzer/kernel/user_space.h"
#include "analyzer/stack/bad_address.h"
#include "analyzer/stack/stacks.h"

static bool is_cause(const struct bad_address_cx *cx, enum fault_cause cause)
{
	return cx->hint->status && cx->hint->status->cause == cause;
}

static bool is_mapped(struct vspace *vs, uint64_t va)
{
	struct paddr pa;
	return vspace_translate(vs, va, &pa, NULL) == FAULT_NONE;
}

/* ---- KASAN ---------------------------------------- */

/* A check of memory reads its shadow first; of an address that has none that faults
 * (mm/kasan/report.c, kasan_non_canonical_hook()). */
static bool shadow(struct bad_address_cx *cx, uint64_t va)
{
	struct kasan k;
	const struct paging *p = &vspace_facts(cx->t->kernel)->layout.paging;
	struct err *err = kasan_init(cx->t, &k);
	if (err || k.mode == KASAN_HW_TAGS) {
		err_drop(err); /* no KASAN, no shadow */
		return false;
	}
	bool inside = va >= k.start && va < k.end;
	if (!inside && (va < k.offset || va >= k.end || paging_canonical(p, va)))
		return false;
	uint64_t from = kasan_from_shadow(&k, va);
	bad_address_add(cx, "kasan-shadow", NULL,
		"KASAN's shadow of 0x%" PRIx64 " to 0x%" PRIx64 ": %s", from, from + k.granule - 1,
		inside ? "what these bytes may be used for is noted there"
		       : "the check of an access there looked for it");
	return true;
}

static void tag(struct bad_address_cx *cx, uint64_t typed_va)
{
	struct kasan k;
	uint8_t memory;
	if (cx->t->abi.word_bytes != 8 ||
		(!is_cause(cx, CAUSE_TAG) && (uint8_t)(typed_va >> 56) == 0xff))
		return;
	struct err *err = kasan_init(cx->t, &k);
	bool tags = !err && k.mode == KASAN_SW_TAGS && kasan_covers(&k, typed_va);
	err_drop(err); /* no KASAN, no tags */
	if (tags && kasan_try_byte(&k, typed_va, &memory) && memory != kasan_tag(&k, typed_va))
		bad_address_add(cx, "tag", NULL,
			"the pointer's tag is 0x%02x, the memory's 0x%02x: %s",
			kasan_tag(&k, typed_va), memory, kasan_value_name(&k, memory));
	else if (is_cause(cx, CAUSE_TAG))
		bad_address_add(cx, "tag", NULL,
			"the pointer's tag 0x%x is not the memory's (MTE); the dump has no "
			"tags of memory",
			(unsigned)(typed_va >> 56 & 0xf));
}

/* ---- user addresses and the gap ---------------------------------------- */

static struct err *user(struct bad_address_cx *cx, uint64_t va)
{
	const struct bad_address_hint *h = cx->hint;
	struct vspace *vs = NULL;
	const char *state = "";
	if (h->task && h->task->mm) {
		struct err *err = user_space_open(cx->t, h->task, &vs);
		if (err && err->code == ERR_INTERRUPTED)
			return err;
		err_drop(err); /* its space cannot be read: nothing is said about it */
	}
	if (vs)
		state = is_mapped(vs, va) ? ", which has it mapped" : ", which has nothing there";
	vspace_destroy(vs);
	if (!h->task)
		bad_address_add(cx, "user", NULL, "a user address");
	else if (!h->task->mm)
		bad_address_add(cx, "user", NULL,
			"a user address, and pid %u is a kernel thread without user space",
			h->task->pid);
	else
		bad_address_add(cx, "user",
			h->pan_known ? h->pan ? "PSTATE.PAN was set: the kernel may not touch "
						"user memory here"
					      : "PSTATE.PAN was clear"
				     : NULL,
			"a user address of pid %u%s", h->task->pid, state);
	return NULL;
}

static bool gap(struct bad_address_cx *cx, uint64_t va)
{
	const struct paging *p = &vspace_facts(cx->t->kernel)->layout.paging;
	if (paging_canonical(p, va))
		return false;
	bad_address_add(cx, "non-canonical", NULL,
		"no address at all: it lies between user and kernel space, each of "
		"which has %u bits",
		p->va_bits);
	return true;
}

/* ---- stacks ---------------------------------------- */

struct guarded {
	const struct task *task;
	uint64_t below; /* how far below the stack */
	bool above;
};

/* Within a stack's length below it, or in the page above, where vmalloc() leaves a guard. */
static bool near_stack(uint64_t stack, uint64_t bytes, uint64_t va, struct guarded *ret)
{
	ret->above = va - (stack + bytes) < 4096;
	ret->below = stack - va;
	return ret->above || (va < stack && ret->below <= bytes);
}

static struct err *find_guard(struct bad_address_cx *cx, uint64_t va, bool *ret_found)
{
	struct task_iter it;
	struct task task;
	struct guarded g;
	uint64_t bytes;
	bool more = true;
	struct err *err = task_stack_bytes(cx->t, &bytes);
	const struct task *own = cx->hint->task;
	*ret_found = false;
	if (err)
		return err;
	if (own && near_stack(own->stack, bytes, va, &g)) {
		task = *own;
		*ret_found = true;
	}
	if (!*ret_found)
		err = task_iter_init(&it, cx->t);
	while (!err && !*ret_found) {
		err = task_iter_next(&it, &task, &more);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* one task's trouble is ps' to tell */
			err = NULL;
			continue;
		}
		if (err || !more)
			break;
		*ret_found = near_stack(task.stack, bytes, va, &g);
	}
	if (*ret_found)
		bad_address_add(cx, "stack-guard", NULL,
			"0x%" PRIx64 " bytes %s the stack of pid %u %.*s%s",
			g.above ? va - task.stack - bytes : g.below, g.above ? "behind" : "below",
			task.pid, task_comm_length(&task), task.comm,
			g.above ? " (a guard page)" : ": the stack ran over");
	return err;
}

/* ---- kernel addresses ---------------------------------------- */

static const struct map_region *region_of(const struct address_map *m, uint64_t va)
{
	const struct map_region *best = NULL;
	for (unsigned i = 0; i < m->n; i++) {
		const struct map_region *r = &m->region[i];
		if (va >= r->start && va <= r->last &&
			(!best || r->last - r->start < best->last - best->start))
			best = r;
	}
	return best;
}

/* The mapped byte next below @va, within a MiB. */
static bool end_of_mapped(struct target *t, uint64_t va, uint64_t *ret_end)
{
	uint64_t page = 1ull << vspace_facts(t->kernel)->layout.paging.page_shift, at = va & -page;
	for (unsigned i = 0; i < (1 << 20) / page && at >= page; i++, at -= page)
		if (is_mapped(t->kernel, at - page)) {
			*ret_end = at;
			return true;
		}
	return false;
}

static void hole(struct bad_address_cx *cx, uint64_t va, const struct map_region *r)
{
	uint64_t end;
	const char *name = r ? r->name : NULL;
	if (name && !strcmp(name, "modules"))
		bad_address_add(cx, "module-hole", NULL,
			"in the modules' area, where no module is: if one was "
			"unloaded, its code or data may have been here");
	else if (name && !strcmp(name, "user"))
		bad_address_add(cx, "hole", NULL, "nothing is mapped there");
	else if (end_of_mapped(cx->t, va, &end))
		bad_address_add(cx, "hole", NULL,
			"in %s, where nothing is mapped, 0x%" PRIx64 " bytes behind the end "
			"of what is mapped at 0x%" PRIx64,
			name ? name : "no area of the kernel's", va - end, end);
	else
		bad_address_add(cx, "hole", NULL, "in %s, where nothing is mapped",
			name ? name
			     : "no area of the "
			       "kernel's");
}

/* "lkdtm_rodata+0x10, in .rodata" */
static const char *place_words(struct bad_address_cx *cx, uint64_t va, const struct map_region *r)
{
	scoped_strbuf struct strbuf b = { 0 };
	if (symtab_format(cx->t->syms, va, false, &b))
		strbuf_add(&b, ", ");
	strbuf_addf(&b, "in %s", r ? r->name : "no area of the kernel's");
	return arena_strdup(cx->a, strbuf_text(&b));
}

static void mapped(struct bad_address_cx *cx, uint64_t va, const struct map_region *r)
{
	const struct fault_status *s = cx->hint->status;
	const char *place = place_words(cx, va, r);
	if (is_cause(cx, CAUSE_PERMISSION) && s->access == FAULT_WRITES)
		bad_address_add(
			cx, "write-protected", NULL, "%s, which may not be written to", place);
	else if (is_cause(cx, CAUSE_PERMISSION) && s->access == FAULT_EXECUTES)
		bad_address_add(cx, "not-executable", NULL, "%s, which is no code", place);
	else if (is_cause(cx, CAUSE_ALIGNMENT))
		bad_address_add(cx, "unaligned", NULL, "%s; the access must be aligned", place);
	else if (s)
		bad_address_add(cx, "mapped", NULL,
			"%s; it is mapped in the dump, so the mapping was made since or the "
			"access was of a kind that it refuses",
			place);
	else
		bad_address_add(cx, "mapped", NULL, "%s; it is mapped", place);
}

struct err *bad_address_place(struct bad_address_cx *cx, uint64_t typed_va, uint64_t va)
{
	const struct arch_layout *l = &vspace_facts(cx->t->kernel)->layout;
	struct address_map map;
	bool guard = false, known;
	tag(cx, typed_va);
	if (shadow(cx, va) || gap(cx, va))
		return NULL;
	if (va < l->user_end)
		return user(cx, va);
	struct err *err = address_map_find(cx->t, &map);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	known = !err;
	err_drop(err); /* then the area has no name */
	const struct map_region *r = known ? region_of(&map, va) : NULL;
	if (is_mapped(cx->t->kernel, va)) {
		mapped(cx, va, r);
		return NULL;
	}
	err = find_guard(cx, va, &guard);
	if (err && err->code != ERR_INTERRUPTED) {
		err_drop(err); /* without tasks there are no stacks to compare with */
		err = NULL;
	}
	if (!err && !guard)
		hole(cx, va, r);
	return err;
}
