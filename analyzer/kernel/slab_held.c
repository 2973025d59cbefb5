/*
 * mm/slub.c, 4.19 to 7.2: a CPU takes its slab's list away whole and leaves the slab's counter at
 * "all in use" (up to 6.18); sheaves (since 6.18) are arrays of free objects that their slabs count
 * as in use.
 */
#include "analyzer/kernel/slab_held.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/list.h"
#include "analyzer/kernel/percpu.h"
#include "analyzer/kernel/slab_loose.h"

#define SLUB_HINT "mm/slub.c"

typedef VEC(uint64_t) addresses;
typedef VEC(struct slab_sheaved) sheaved;

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static int by_object(const void *a, const void *b)
{
	const struct slab_sheaved *x = a, *y = b;
	return by_address(&x->va, &y->va);
}

bool slab_held_partial(const struct slab_held *h, uint64_t slab_va)
{
	return h->npartial &&
	       bsearch(&slab_va, h->partial, h->npartial, sizeof(*h->partial), by_address);
}

size_t slab_held_sheaved(const struct slab_held *h, uint64_t va)
{
	size_t lo = 0, hi = h->nsheaved;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->sheaved[mid].va < va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const char *slab_sheaf_name(enum slab_sheaf_kind kind)
{
	static const char *const name[] = { "main sheaf", "spare sheaf", "RCU sheaf", "barn",
		"loose sheaf" };
	return name[kind];
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

/* Where sheaves are found, and what to put their objects to. */
struct adding {
	struct target *t;
	const struct slab_cache *c;
	enum slab_sheaf_kind kind;
	uint16_t owner;
	sheaved *out;
};

static struct err *add_sheaf(const struct adding *a, uint64_t va)
{
	enum { CAPACITY_MAX = 1 << 16 };
	const struct view *v;
	struct sheaf s;
	if (!va)
		return NULL;
	struct err *err = target_view(a->t, &sheaf_spec, &v);
	if (!err)
		err = view_read(v, a->t->kernel, va, &s);
	if (err)
		return err_wrap(err, "sheaf 0x%" PRIx64, va);
	if (!s.cache_va && !s.size)
		return NULL; /* the bootstrap sheaf, which all caches without sheaves share */
	if (slab_untag(a->t, s.cache_va) != a->c->va || s.size > CAPACITY_MAX)
		return err_new(ERR_FORMAT, "sheaf 0x%" PRIx64 " is not one of %s", va, a->c->name);
	for (uint32_t i = 0; !err && i < s.size; i++) {
		struct slab_sheaved object = { .sheaf_va = va, .kind = a->kind, .owner = a->owner };
		err = vspace_read_word(a->t->kernel,
			s.objects_va + (uint64_t)i * a->t->abi.word_bytes, &object.va);
		object.va = slab_untag(a->t, object.va);
		if (!err)
			vec_push(a->out, object);
	}
	return err;
}

static struct err *add_cpu_sheaves(
	struct target *t, const struct slab_cache *c, unsigned cpu, sheaved *out)
{
	const struct view *v;
	struct sheaves s;
	uint64_t va;
	struct adding a = { t, c, SLAB_SHEAF_MAIN, (uint16_t)cpu, out };
	struct err *err = percpu_address(t, c->cpu_sheaves, cpu, &va);
	if (!err)
		err = target_view(t, &sheaves_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &s);
	if (!err)
		err = add_sheaf(&a, s.main);
	a.kind = SLAB_SHEAF_SPARE;
	if (!err)
		err = add_sheaf(&a, s.spare);
	a.kind = SLAB_SHEAF_RCU;
	return err ? err : add_sheaf(&a, s.rcu_free);
}

/* A node's barn; up to 7.0 it hangs on struct kmem_cache_node. */
static struct err *add_barn(
	struct target *t, const struct slab_cache *c, unsigned node, sheaved *out)
{
	uint64_t barn = 0, full, link, at;
	struct adding a = { t, c, SLAB_SHEAF_BARN, (uint16_t)node, out };
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
		err = add_sheaf(&a, list_entry(t, at, link));
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
	struct slab_cpu *ret, addresses *partial, sheaved *sheaf, struct err **damage)
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

static struct err *add_loose(struct target *t, const struct slab_cache *c, sheaved *out)
{
	const struct slab_loose *loose;
	struct err *err = slab_loose_get(t, &loose);
	for (size_t i = 0; !err && i < loose->n; i++)
		if (loose->object[i].cache_va == c->va)
			vec_push(out, loose->object[i].object);
	return err;
}

struct err *slab_held_read(struct target *t, const struct slab_cache *c, struct slab_held *ret,
	struct err **ret_damage)
{
	struct cpu_mask cpus;
	struct slab_held h = { 0 };
	addresses partial = { 0 };
	sheaved sheaf = { 0 };
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
	if (!err && c->sheaf_capacity)
		err = add_loose(t, c, &sheaf);
	if (partial.n)
		qsort(partial.v, partial.n, sizeof(*partial.v), by_address);
	if (sheaf.n)
		qsort(sheaf.v, sheaf.n, sizeof(*sheaf.v), by_object);
	h.partial = partial.v;
	h.npartial = partial.n;
	h.sheaved = sheaf.v;
	h.nsheaved = sheaf.n;
	if (!err)
		err = slab_quarantine_get(t, &h.quarantine);
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
	free(h->sheaved);
	*h = (struct slab_held){ 0 };
}
