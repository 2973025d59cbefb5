/*
 * mm/slub.c, 4.19 to 7.2: a CPU takes its slab's list away whole and leaves the slab's counter at
 * "all in use" (up to 6.18); sheaves (since 6.18) are arrays of free objects that their slabs count
 * as in use.
 */
#include "analyzer/kernel/slab_object.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/kfence.h"
#include "analyzer/kernel/percpu.h"

#define SLUB_HINT "mm/slub.c"

const char *slab_state_name(enum slab_state s)
{
	static const char *const name[] = { "allocated", "free", "free, on a CPU's list",
		"free, in a sheaf" };
	return name[s];
}

const char *slab_place_name(enum slab_place p)
{
	static const char *const name[] = { "partial", "cpu", "cpu partial", "full" };
	return name[p];
}

/* ---- what CPUs hold ----------------------------------------------- */

typedef VEC(uint64_t) addresses;

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static bool among(const uint64_t *v, size_t n, uint64_t va)
{
	return n && bsearch(&va, v, n, sizeof(*v), by_address);
}

struct sheaf {
	uint64_t cache_va, objects_va;
	uint32_t size;
};
static const struct view_field sheaf_fields[] = {
	FIELD(struct sheaf, cache_va, "cache"),
	FIELD(struct sheaf, size, "size"),
	FIELD_ADDRESS(struct sheaf, objects_va, "objects"),
};
static const struct view_spec sheaf_spec = { .type = "slab_sheaf",
	.hint = SLUB_HINT,
	.fields = sheaf_fields,
	.nfields = ARRAY_SIZE(sheaf_fields) };

struct sheaves {
	uint64_t main, spare, rcu_free;
};
static const struct view_field sheaves_fields[] = {
	FIELD(struct sheaves, main, "main"),
	FIELD(struct sheaves, spare, "spare"),
	FIELD(struct sheaves, rcu_free, "rcu_free"),
};
static const struct view_spec sheaves_spec = { .type = "slub_percpu_sheaves",
	.hint = SLUB_HINT,
	.fields = sheaves_fields,
	.nfields = ARRAY_SIZE(sheaves_fields) };

static struct err *add_sheaf(
	struct target *t, const struct slab_cache *c, uint64_t va, addresses *out)
{
	enum { CAPACITY_MAX = 1 << 16 };
	const struct view *v;
	struct sheaf s;
	if (!va)
		return NULL;
	struct err *err = target_view(t, &sheaf_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &s);
	if (err)
		return err_wrap(err, "sheaf 0x%" PRIx64, va);
	if (!s.cache_va && !s.size)
		return NULL; /* the bootstrap sheaf, which all caches without sheaves share */
	if (slab_untag(t, s.cache_va) != c->va || s.size > CAPACITY_MAX)
		return err_new(ERR_FORMAT, "sheaf 0x%" PRIx64 " is not one of %s", va, c->name);
	for (uint32_t i = 0; !err && i < s.size; i++) {
		uint64_t object;
		err = vspace_read_word(
			t->kernel, s.objects_va + (uint64_t)i * t->abi.word_bytes, &object);
		if (!err)
			vec_push(out, slab_untag(t, object));
	}
	return err;
}

static struct err *add_cpu_sheaves(
	struct target *t, const struct slab_cache *c, unsigned cpu, addresses *out)
{
	const struct view *v;
	struct sheaves s;
	uint64_t va;
	struct err *err = percpu_address(t, c->cpu_sheaves, cpu, &va);
	if (!err)
		err = target_view(t, &sheaves_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &s);
	if (!err)
		err = add_sheaf(t, c, s.main, out);
	if (!err)
		err = add_sheaf(t, c, s.spare, out);
	return err ? err : add_sheaf(t, c, s.rcu_free, out);
}

/* A node's barn; up to 7.0 it hangs on struct kmem_cache_node. */
static struct err *add_barn(
	struct target *t, const struct slab_cache *c, unsigned node, addresses *out)
{
	uint64_t barn = 0, full, link, at;
	struct slab_node n;
	struct list_iter it;
	bool more = true;
	struct err *err = NULL;
	if (!target_number(t, "offsetof(node_barn.sheaves_full)", &full) ||
		!target_number(t, "offsetof(slab_sheaf.barn_list)", &link))
		return NULL;
	if (c->barns_va) {
		err = vspace_read_word(t->kernel, c->barns_va + node * c->node_stride, &barn);
	} else if (target_number(t, "offsetof(kmem_cache_node.barn)", &at)) {
		err = slab_node_read(t, c, node, &n);
		if (!err && n.va)
			err = vspace_read_word(t->kernel, n.va + at, &barn);
	}
	if (err || !barn)
		return err;
	list_iter_init(&it, t, barn + full);
	while (!err && !(err = list_iter_next(&it, &at, &more)) && more)
		err = add_sheaf(t, c, list_entry(t, at, link), out);
	return err;
}

static struct err *add_partials(struct target *t, uint64_t va, addresses *out)
{
	enum { CHAIN_MAX = 1 << 16 };
	for (unsigned i = 0; va; i++) {
		struct err *err = interrupt_check();
		if (!err && i >= CHAIN_MAX)
			err = err_new(ERR_LIMIT, "a CPU's chain of partial slabs does not end");
		if (err)
			return err;
		vec_push(out, va);
		err = slab_cpu_partial_next(t, &va);
		if (err)
			return err;
	}
	return NULL;
}

/* Keeps the first damage; only Ctrl-C ends it. */
static struct err *note(struct err *err, struct err **damage)
{
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	if (*damage)
		err_drop(err); /* one is enough to say that something is left out */
	else
		*damage = err;
	return NULL;
}

static struct err *read_cpu(struct target *t, const struct slab_cache *c, unsigned cpu,
	struct slab_cpu *ret, addresses *partial, addresses *sheaf, struct err **damage)
{
	struct err *err = NULL;
	if (c->cpu_slab) {
		err = note(slab_cpu_read(t, c, cpu, ret), damage);
		if (!err && ret->partial)
			err = note(add_partials(t, ret->partial, partial), damage);
	}
	if (!err && c->cpu_sheaves)
		err = note(add_cpu_sheaves(t, c, cpu, sheaf), damage);
	return err;
}

struct err *slab_held_read(struct target *t, const struct slab_cache *c, struct slab_held *ret,
	struct err **ret_damage)
{
	struct cpu_mask cpus;
	struct slab_held h = { 0 };
	addresses partial = { 0 }, sheaf = { 0 };
	struct err *err = cpu_mask_read(t, CPUS_POSSIBLE, &cpus), *damage = NULL;
	if (err)
		return err;
	for (unsigned cpu = 0; (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++)
		h.ncpus = cpu + 1;
	h.cpu = xcalloc(h.ncpus, sizeof(*h.cpu));
	for (unsigned i = 0; !err && (i = cpu_mask_next(&cpus, i)) < CPUS_MAX; i++)
		err = read_cpu(t, c, i, &h.cpu[i], &partial, &sheaf, &damage);
	for (unsigned i = 0; !err && c->cpu_sheaves && i < c->nnodes; i++)
		err = note(add_barn(t, c, i, &sheaf), &damage);
	if (partial.n)
		qsort(partial.v, partial.n, sizeof(*partial.v), by_address);
	if (sheaf.n)
		qsort(sheaf.v, sheaf.n, sizeof(*sheaf.v), by_address);
	h.partial = partial.v;
	h.npartial = partial.n;
	h.sheaf = sheaf.v;
	h.nsheaf = sheaf.n;
	if (err) {
		slab_held_deinit(&h);
		err_drop(damage); /* Ctrl-C says enough */
		return err;
	}
	*ret = h;
	*ret_damage = damage;
	return NULL;
}

void slab_held_deinit(struct slab_held *h)
{
	free(h->cpu);
	free(h->partial);
	free(h->sheaf);
	*h = (struct slab_held){ 0 };
}

/* ---- a slab ----------------------------------------------- */

static void make_room(struct slab_contents *s, uint64_t bytes, uint32_t objects)
{
	if (bytes > s->bytes_cap) {
		free(s->bytes);
		s->bytes = xcalloc(1, bytes);
		s->bytes_cap = bytes;
	}
	if (objects > s->state_cap) {
		free(s->state);
		s->state = xcalloc(1, objects);
		s->state_cap = objects;
	}
}

static void mark_sheaves(
	const struct slab_cache *c, const struct slab_held *h, struct slab_contents *io)
{
	uint64_t end = io->slab.base_va + (uint64_t)c->size * io->slab.objects;
	size_t lo = 0, hi = h->nsheaf;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->sheaf[mid] < io->slab.base_va)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < h->nsheaf && h->sheaf[lo] < end; lo++) {
		uint32_t i;
		if (!slab_object_index(c, &io->slab, h->sheaf[lo], &i) || io->state[i])
			continue;
		io->state[i] = SLAB_FREE_SHEAF;
		io->nfree++;
	}
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
 * mm/slub.c, alloc_debug_processing() (4.19 to 7.2): a slab with a damaged object is never used again; its
 * counter says that all is in use, and its list is gone. What was free there still has the redzones of
 * free objects, on both sides.
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
	make_room(io, n, s->objects);
	err = vspace_read(t->kernel, s->base_va, io->bytes, n);
	if (err)
		return err_wrap(err, "slab 0x%" PRIx64 " of %s", s->va, c->name);
	memset(io->state, 0, s->objects);
	io->slab = *s;
	io->place = s->inuse == s->objects ? SLAB_PLACE_FULL : SLAB_PLACE_NODE;
	io->cpu = 0;
	io->cpu_chain = (struct slab_chain){ 0 };
	io->chain = slab_freelist_mark(
		t, c, s, code, s->freelist, io->bytes, io->state, SLAB_FREE);
	if (among(h->partial, h->npartial, s->va))
		io->place = SLAB_PLACE_CPU_PARTIAL;
	for (uint32_t i = 0; i < h->ncpus; i++) {
		if (h->cpu[i].slab_va != s->va)
			continue;
		io->place = SLAB_PLACE_CPU;
		io->cpu = i;
		io->cpu_chain = slab_freelist_mark(t, c, s, code, h->cpu[i].freelist, io->bytes,
			io->state, SLAB_FREE_CPU);
		break;
	}
	io->nfree = io->chain.free + io->cpu_chain.free;
	mark_sheaves(c, h, io);
	mark_given_up(c, io);
	return NULL;
}

void slab_contents_deinit(struct slab_contents *s)
{
	free(s->bytes);
	free(s->state);
	*s = (struct slab_contents){ 0 };
}

/* ---- one object ----------------------------------------------- */

/* mm/kfence/core.c: its pages are marked as slabs, their objects are its own. */
static struct err *refuse_kfence(struct target *t, uint64_t va)
{
	struct kfence k;
	uint32_t index;
	scoped_err struct err *none = kfence_init(t, &k);
	if (none || !kfence_index(&k, va, &index))
		return NULL;
	return err_new(ERR_NOT_FOUND, "0x%" PRIx64 " is in no slab but in KFENCE's pool: kfence "
		"0x%" PRIx64, va, va);
}

struct err *slab_object_find(struct target *t, uint64_t tagged, struct slab_object *ret)
{
	uint64_t va = slab_untag(t, tagged);
	struct slab_object o = { 0 };
	scoped_slab_held struct slab_held held = { 0 };
	scoped_slab_contents struct slab_contents contents = { 0 };
	scoped_err struct err *damage = NULL;
	enum slab_code code;
	unsigned proved;
	struct err *err = slab_find(t, va, &o.slab);
	if (!err)
		err = refuse_kfence(t, va);
	if (!err)
		err = slab_cache_read(t, o.slab.cache_va, &o.cache);
	if (!err)
		err = slab_freelist_code(t, &code, &proved);
	if (!err)
		err = slab_held_read(t, &o.cache, &held, &damage);
	if (!err)
		err = slab_contents_read(t, &o.cache, &held, code, &o.slab, &contents);
	if (err)
		return err;
	uint64_t index = (va - o.slab.base_va) / o.cache.size;
	o.index = (uint32_t)(index < o.slab.objects ? index : o.slab.objects - 1);
	o.va = slab_object_va(&o.cache, &o.slab, o.index);
	o.offset = (int64_t)(va - o.va);
	o.state = contents.state[o.index];
	o.place = contents.place;
	o.cpu = contents.cpu;
	o.broken = contents.chain.end || contents.cpu_chain.end || damage;
	*ret = o;
	return NULL;
}
