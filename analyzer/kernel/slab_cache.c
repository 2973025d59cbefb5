/*
 * include/linux/slub_def.h (up to 6.6) and mm/slab.h (since), 4.19 to 7.2: struct kmem_cache. Knows
 * what the cache says of itself, and proves nothing about its slabs.
 */
#include "analyzer/kernel/slab_cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

#define SLUB_HINT "mm/slub.c"

struct cache_raw {
	uint64_t name_va, flags, random, cpu_slab, cpu_sheaves, ctor_va, nodes_va, barns_va;
	uint32_t size, object_size, inuse, align, offset, red_left_pad, oo, sheaf_capacity;
};
enum { CACHE_RANDOM = 2 };
static const struct view_field cache_fields[] = {
	FIELD(struct cache_raw, name_va, "name"),
	FIELD(struct cache_raw, flags, "flags"),
	[CACHE_RANDOM] = FIELD_OPTIONAL(struct cache_raw, random, "random"),
	FIELD_OPTIONAL(struct cache_raw, cpu_slab, "cpu_slab"),
	FIELD_OPTIONAL(struct cache_raw, cpu_sheaves, "cpu_sheaves"),
	FIELD_OPTIONAL(struct cache_raw, ctor_va, "ctor"),
	/* per_node[] holds the barns too since 7.2 */
	FIELD_ADDRESS(struct cache_raw, nodes_va, "per_node[0].node", "node[0]"),
	FIELD_ADDRESS_OPTIONAL(struct cache_raw, barns_va, "per_node[0].barn"),
	FIELD(struct cache_raw, size, "size"),
	FIELD(struct cache_raw, object_size, "object_size"),
	FIELD(struct cache_raw, inuse, "inuse"),
	FIELD_OPTIONAL(struct cache_raw, align, "align"),
	FIELD(struct cache_raw, offset, "offset"),
	FIELD_OPTIONAL(struct cache_raw, red_left_pad, "red_left_pad"),
	FIELD(struct cache_raw, oo, "oo.x"),
	FIELD_OPTIONAL(struct cache_raw, sheaf_capacity, "sheaf_capacity"),
};
static const struct view_spec cache_spec = { .type = "kmem_cache",
	.hint = SLUB_HINT,
	.fields = cache_fields,
	.nfields = ARRAY_SIZE(cache_fields) };

uint64_t slab_untag(const struct target *t, uint64_t va)
{
	/* the top byte of arm64's kernel pointers is all ones without a tag */
	return t->abi.word_bytes == 8 && (va >> 55 & 1) ? va | 0xffull << 56 : va;
}

/* ---- flags ----------------------------------------------- */

/* The values up to 6.8, include/linux/slab.h and mm/slub.c; since 6.9 they are enum
 * _slab_flag_bits, whose values depend on the configuration. */
static const struct {
	const char *bit, *word;
	uint64_t old;
} flag_names[SLAB_FLAG_COUNT] = {
	[SLAB_FLAG_CHECKS] = { "_SLAB_CONSISTENCY_CHECKS", "checks", 0x100 },
	[SLAB_FLAG_RED_ZONE] = { "_SLAB_RED_ZONE", "red_zone", 0x400 },
	[SLAB_FLAG_POISON] = { "_SLAB_POISON", "poison", 0x800 },
	[SLAB_FLAG_KMALLOC] = { "_SLAB_KMALLOC", "kmalloc", 0x1000 },
	[SLAB_FLAG_ALIGNED] = { "_SLAB_HWCACHE_ALIGN", "hwcache_align", 0x2000 },
	[SLAB_FLAG_DMA] = { "_SLAB_CACHE_DMA", "dma", 0x4000 },
	[SLAB_FLAG_DMA32] = { "_SLAB_CACHE_DMA32", "dma32", 0x8000 },
	[SLAB_FLAG_STORE_USER] = { "_SLAB_STORE_USER", "store_user", 0x10000 },
	[SLAB_FLAG_PANIC] = { "_SLAB_PANIC", "panic", 0x40000 },
	[SLAB_FLAG_RCU] = { "_SLAB_TYPESAFE_BY_RCU", "typesafe_by_rcu", 0x80000 },
	[SLAB_FLAG_TRACE] = { "_SLAB_TRACE", "trace", 0x200000 },
	[SLAB_FLAG_NO_LEAK_TRACE] = { "_SLAB_NOLEAKTRACE", "noleaktrace", 0x800000 },
	[SLAB_FLAG_NO_MERGE] = { "_SLAB_NO_MERGE", "no_merge", 0x1000000 },
	[SLAB_FLAG_ACCOUNT] = { "_SLAB_ACCOUNT", "account", 0x4000000 },
	[SLAB_FLAG_KASAN] = { "_SLAB_KASAN", "kasan", 0x8000000 },
	[SLAB_FLAG_RECLAIM] = { "_SLAB_RECLAIM_ACCOUNT", "reclaim_account", 0x20000 },
	[SLAB_FLAG_OBJECT_POISON] = { "_SLAB_OBJECT_POISON", "object_poison", 0x80000000 },
};

/* The masks of this kernel's flags, found out once. */
static const uint64_t *flag_masks(struct target *t)
{
	static const char key;
	uint64_t *mask = target_kept(t, &key), bit;
	if (mask)
		return mask;
	bool named = target_number(t, "enum(_slab_flag_bits._SLAB_POISON)", &bit);
	mask = xcalloc(SLAB_FLAG_COUNT, sizeof(*mask));
	for (int i = 0; i < SLAB_FLAG_COUNT; i++) {
		char name[64];
		snprintf(name, sizeof(name), "enum(_slab_flag_bits.%s)", flag_names[i].bit);
		if (!named)
			mask[i] = flag_names[i].old;
		else if (target_number(t, name, &bit) && bit < 64)
			mask[i] = 1ull << bit;
	}
	target_keep(t, &key, mask, free);
	return mask;
}

static uint32_t known_flags(struct target *t, uint64_t flags)
{
	const uint64_t *mask = flag_masks(t);
	uint32_t known = 0;
	for (int i = 0; i < SLAB_FLAG_COUNT; i++)
		if (flags & mask[i])
			known |= 1u << i;
	return known;
}

void slab_cache_format_flags(const struct slab_cache *c, struct strbuf *out)
{
	bool any = false;
	for (int i = 0; i < SLAB_FLAG_COUNT; i++) {
		if (!slab_cache_has(c, i))
			continue;
		strbuf_addf(out, "%s%s", any ? "|" : "", flag_names[i].word);
		any = true;
	}
}

/* ---- one ----------------------------------------------- */

static struct err *check_sizes(const struct slab_cache *c)
{
	enum { LARGEST = 1 << 26, ORDER_MAX = 16 };
	if (!c->size || c->size > LARGEST || !c->object_size || c->object_size > c->size ||
		c->red_left_pad > c->size - c->object_size || c->inuse > c->size ||
		c->offset >= c->size || c->order > ORDER_MAX)
		return err_new(ERR_FORMAT,
			"kmem_cache 0x%" PRIx64 ": sizes make no sense: %u for objects of %u, "
			"metadata at %u, free pointer at %u, order %u",
			c->va, c->size, c->object_size, c->inuse, c->offset, c->order);
	return NULL;
}

struct err *slab_cache_read(struct target *t, uint64_t tagged, struct slab_cache *ret)
{
	enum { OO_SHIFT = 16, OO_MASK = 0xffff, NODES_MAX = 1024 }; /* mm/slub.c, 4.19 to 7.2 */
	const struct view *v;
	struct cache_raw raw;
	struct slab_cache c = { .va = slab_untag(t, tagged) };
	uint64_t n;
	struct err *err = target_view(t, &cache_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, c.va, &raw);
	if (!err)
		err = vspace_read_str(t->kernel, raw.name_va, c.name, sizeof(c.name));
	if (err)
		return err_wrap(err, "kmem_cache 0x%" PRIx64, c.va);
	c.flags = raw.flags;
	c.known = known_flags(t, raw.flags);
	c.size = raw.size;
	c.object_size = raw.object_size;
	c.inuse = raw.inuse;
	c.align = raw.align;
	c.offset = raw.offset;
	c.red_left_pad = raw.red_left_pad;
	c.order = raw.oo >> OO_SHIFT;
	c.per_slab = raw.oo & OO_MASK;
	c.sheaf_capacity = raw.sheaf_capacity;
	c.random = raw.random;
	c.hardened = view_has(v, CACHE_RANDOM);
	c.cpu_slab = raw.cpu_slab;
	c.cpu_sheaves = raw.cpu_sheaves;
	c.ctor_va = raw.ctor_va;
	c.nodes_va = raw.nodes_va;
	c.barns_va = raw.barns_va;
	c.node_stride = t->abi.word_bytes;
	if (c.barns_va && target_number(t, "sizeof(kmem_cache_per_node_ptrs)", &n))
		c.node_stride = n;
	c.nnodes = target_try_variable(t, "nr_node_ids", &n) && n && n <= NODES_MAX ? n : 1;
	err = check_sizes(&c);
	if (!err)
		*ret = c;
	return err;
}

/* ---- all ----------------------------------------------- */

struct err *slab_cache_iter_init(struct slab_cache_iter *it, struct target *t)
{
	uint64_t head;
	struct slab_cache_iter new = { .t = t };
	struct err *err = target_need_kernel(t);
	if (!err)
		err = target_symbol(t, "slab_caches", &head);
	if (!err && !target_number(t, "offsetof(kmem_cache.list)", &new.offset))
		err = err_new(ERR_MISSING, "struct kmem_cache is not known: give the vmlinux");
	if (err)
		return err;
	list_iter_init(&new.list, t, head);
	*it = new;
	return NULL;
}

struct err *slab_cache_iter_next(struct slab_cache_iter *it, struct slab_cache *ret, bool *ret_more)
{
	uint64_t node;
	*ret_more = false;
	struct err *err = interrupt_check();
	if (!err)
		err = list_iter_next(&it->list, &node, ret_more);
	if (err || !*ret_more)
		return err;
	return slab_cache_read(it->t, list_entry(it->t, node, it->offset), ret);
}

struct err *slab_cache_find(struct target *t, const char *name, struct slab_cache *ret)
{
	struct slab_cache_iter it;
	bool more = true;
	struct err *err = slab_cache_iter_init(&it, t);
	while (!err && more) {
		struct slab_cache c;
		err = slab_cache_iter_next(&it, &c, &more);
		if (!err && more && !strcmp(c.name, name)) {
			*ret = c;
			return NULL;
		}
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* another one's damage */
			err = NULL;
		}
	}
	return err ? err : err_new(ERR_NOT_FOUND, "no cache is called %s: slub lists them", name);
}
