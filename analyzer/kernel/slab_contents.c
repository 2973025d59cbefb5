/*
 * mm/slub.c, 4.19 to 7.2: the words in free objects and the slab's counters, put together with what
 * CPUs and sheaves hold.
 */
#include "analyzer/kernel/slab_contents.h"

#include <inttypes.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

const char *slab_state_name(enum slab_state s)
{
	static const char *const name[] = { "allocated", "free", "free, on a CPU's list",
		"free, in a sheaf", "free, in quarantine" };
	return name[s];
}

const char *slab_place_name(enum slab_place p)
{
	static const char *const name[] = { "partial", "cpu", "cpu partial", "full" };
	return name[p];
}

/* ---- a slab ----------------------------------------------- */

static void *room_for(void *have, size_t *cap, size_t want)
{
	if (want <= *cap)
		return have;
	free(have);
	*cap = want;
	return xcalloc(1, want);
}

/* Where the dump is a file that is mapped as it is, nothing is copied. Pages of a cache may go
 * away: those are short runs. */
static struct err *read_bytes(
	struct target *t, const struct slab *s, uint64_t n, struct slab_contents *io)
{
	enum { FILE_RUN = 1 << 20 };
	const uint8_t *p;
	size_t run;
	if (!vspace_map(t->kernel, s->base_va, &p, &run) && run >= FILE_RUN && run >= n) {
		io->bytes = p;
		return NULL;
	}
	io->buffer = room_for(io->buffer, &io->bytes_cap, n);
	io->bytes = io->buffer;
	return vspace_read(t->kernel, s->base_va, io->buffer, n);
}

/* What is free already stays what it is, and is noted. */
static void mark(
	const struct slab_cache *c, struct slab_contents *io, uint64_t va, enum slab_state state)
{
	uint32_t i;
	if (!slab_object_index(c, &io->slab, va, &i))
		return;
	if (io->state[i]) {
		if (io->ntwice < SLAB_TWICE_MAX)
			io->twice[io->ntwice++] = i;
		return;
	}
	io->state[i] = (uint8_t)state;
	io->nfree++;
}

static void mark_held(
	const struct slab_cache *c, const struct slab_held *h, struct slab_contents *io)
{
	uint64_t va = io->slab.base_va, end = va + (uint64_t)c->size * io->slab.objects;
	const struct slab_quarantine *q = h->quarantine;
	for (size_t i = slab_held_sheaved(h, va); i < h->nsheaved && h->sheaved[i].va < end; i++)
		mark(c, io, h->sheaved[i].va, SLAB_FREE_SHEAF);
	for (size_t i = q ? slab_quarantine_from(q, va) : 0; q && i < q->n && q->va[i] < end; i++)
		mark(c, io, q->va[i], SLAB_FREE_QUARANTINE);
}

static bool all_inactive(const uint8_t *p, uint64_t n)
{
	enum { RED_INACTIVE = 0xbb }; /* SLUB_RED_INACTIVE, include/linux/poison.h */
	for (uint64_t i = 0; i < n; i++)
		if (p[i] != RED_INACTIVE)
			return false;
	return true;
}

/*
 * mm/slub.c, alloc_debug_processing() (4.19 to 7.2): a slab with a damaged object is never used
 * again; its counter says that all is in use, and its list is gone. What was free there still has
 * the redzones of free objects, on both sides.
 */
static void mark_given_up(const struct slab_cache *c, struct slab_contents *io)
{
	uint64_t pad = c->red_left_pad, object = c->object_size;
	io->given_up = false;
	if (!slab_cache_has(c, SLAB_FLAG_RED_ZONE) || io->slab.freelist || !pad ||
		io->slab.inuse != io->slab.objects || c->inuse < object || pad + c->inuse > c->size)
		return;
	for (uint32_t i = 0; i < io->slab.objects; i++) {
		const uint8_t *slot = io->bytes + (uint64_t)i * c->size;
		if (io->state[i] != SLAB_ALLOCATED || !all_inactive(slot, pad) ||
			!all_inactive(slot + pad + object, c->inuse - object))
			continue;
		io->state[i] = SLAB_FREE;
		io->nfree++;
		io->given_up = true;
	}
}

struct err *slab_contents_read(struct target *t, const struct slab_cache *c,
	const struct slab_held *h, enum slab_code code, const struct slab *s,
	struct slab_contents *io)
{
	uint64_t n = (uint64_t)c->size * s->objects;
	struct err *err = slab_check_counts(c, s);
	if (err)
		return err;
	io->state = room_for(io->state, &io->state_cap, s->objects);
	err = read_bytes(t, s, n, io);
	if (err)
		return err_wrap(err, "slab 0x%" PRIx64 " of %s", s->va, c->name);
	memset(io->state, 0, s->objects);
	io->slab = *s;
	/* mm/slub.c, obj_exts_in_object(), 7.2 */
	io->slab.ext_in_object = s->stride == c->size && s->exts_va - s->base_va < n;
	io->place = s->inuse == s->objects ? SLAB_PLACE_FULL : SLAB_PLACE_NODE;
	io->cpu = 0;
	io->ntwice = 0;
	io->cpu_chain = (struct slab_chain){ 0 };
	io->chain = slab_freelist_mark(t, c, s, code, s->freelist, io->bytes, io->state, SLAB_FREE);
	if (slab_held_partial(h, s->va))
		io->place = SLAB_PLACE_CPU_PARTIAL;
	for (uint32_t i = 0; i < h->ncpus; i++) {
		if (h->cpu[i].slab_va != s->va)
			continue;
		io->place = SLAB_PLACE_CPU;
		io->cpu = i;
		io->cpu_chain = slab_freelist_mark(
			t, c, s, code, h->cpu[i].freelist, io->bytes, io->state, SLAB_FREE_CPU);
		break;
	}
	io->nfree = io->chain.free + io->cpu_chain.free;
	mark_held(c, h, io);
	mark_given_up(c, io);
	return NULL;
}

void slab_contents_deinit(struct slab_contents *s)
{
	free(s->buffer);
	free(s->state);
	*s = (struct slab_contents){ 0 };
}
