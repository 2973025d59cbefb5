/*
 * mm/slub.c, freelist_ptr() up to 6.6 and freelist_ptr_decode() since: the word stands at
 * kmem_cache.offset of a free object. The release is not asked: lists that end are the proof.
 */
#include "analyzer/kernel/slab_freelist.h"

#include <inttypes.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

enum { SLAB_BYTES_MAX = 64 << 20 };

uint64_t slab_freelist_decode(const struct target *t, const struct slab_cache *c,
	enum slab_code code, uint64_t word, uint64_t at_va)
{
	bool narrow = t->abi.word_bytes == 4;
	if (code == SLAB_CODE_PLAIN || !c->hardened)
		return word;
	if (code == SLAB_CODE_XOR_SWAB)
		at_va = narrow ? __builtin_bswap32((uint32_t)at_va) : __builtin_bswap64(at_va);
	word ^= c->random ^ at_va;
	return narrow ? (uint32_t)word : word;
}

bool slab_object_index(const struct slab_cache *c, const struct slab *s, uint64_t va, uint32_t *ret)
{
	uint64_t off = va - s->base_va - c->red_left_pad;
	if (off % c->size || off / c->size >= s->objects)
		return false;
	*ret = (uint32_t)(off / c->size);
	return true;
}

struct err *slab_check_counts(const struct slab_cache *c, const struct slab *s)
{
	if (!s->objects || s->inuse > s->objects || (uint64_t)c->size * s->objects > SLAB_BYTES_MAX)
		return err_new(ERR_FORMAT,
			"slab 0x%" PRIx64 " of %s: %u of %u objects in use makes no sense", s->va,
			c->name, s->inuse, s->objects);
	return NULL;
}

struct slab_chain slab_freelist_mark(const struct target *t, const struct slab_cache *c,
	const struct slab *s, enum slab_code code, uint64_t head, const uint8_t *bytes,
	uint8_t *state, uint8_t mark)
{
	struct slab_chain ret = { 0 };
	uint64_t next = slab_untag(t, head), at_va = 0;

	while (next) {
		uint32_t i;
		if (!slab_object_index(c, s, next, &i) || state[i]) {
			ret.end = !slab_object_index(c, s, next, &i) ? SLAB_CHAIN_STRAY
								     : SLAB_CHAIN_TWICE;
			ret.link_va = at_va;
			ret.link = next;
			return ret;
		}
		state[i] = mark;
		ret.free++;
		uint64_t off = next - s->base_va + c->offset;
		if (!range_inside(off, t->abi.word_bytes, (uint64_t)c->size * s->objects)) {
			ret.end =
				SLAB_CHAIN_STRAY; /* the free pointer's place is not in the slab */
			ret.link_va = s->base_va + off;
			return ret;
		}
		at_va = s->base_va + off;
		next = slab_untag(
			t, slab_freelist_decode(t, c, code, get_word(&t->abi, bytes + off), at_va));
	}
	return ret;
}

/* ---- which code ----------------------------------------------- */

struct votes {
	unsigned whole[SLAB_CODE_XOR_SWAB + 1], tried;
	uint64_t steps[SLAB_CODE_XOR_SWAB + 1]; /* how far the lists led, where none is whole */
};

/* One slab's list by each code. */
static struct err *vote(
	struct target *t, const struct slab_cache *c, const struct slab *s, struct votes *v)
{
	uint64_t n = (uint64_t)c->size * s->objects;
	struct err *err = slab_check_counts(c, s);
	if (err || !s->freelist || s->inuse == s->objects)
		return err;
	scoped_free uint8_t *bytes = xcalloc(1, n), *state = xcalloc(1, s->objects);
	err = vspace_read(t->kernel, s->base_va, bytes, n);
	for (unsigned code = SLAB_CODE_XOR; !err && code <= SLAB_CODE_XOR_SWAB; code++) {
		memset(state, 0, s->objects);
		struct slab_chain chain =
			slab_freelist_mark(t, c, s, code, s->freelist, bytes, state, 1);
		v->whole[code] +=
			chain.end == SLAB_CHAIN_WHOLE && chain.free == s->objects - s->inuse;
		v->steps[code] += chain.free;
	}
	v->tried++;
	return err;
}

static struct err *vote_cache(
	struct target *t, const struct slab_cache *c, uint64_t list_offset, struct votes *v)
{
	enum { FROM_ONE = 2 };
	struct list_iter it;
	struct slab_node node;
	uint64_t at;
	bool more = true;
	struct err *err = slab_node_read(t, c, 0, &node);
	if (err || !node.va)
		return err;
	list_iter_init(&it, t, node.partial_va);
	for (int i = 0; i < FROM_ONE && !(err = list_iter_next(&it, &at, &more)) && more; i++) {
		struct slab s;
		err = slab_read(t, list_entry(t, at, list_offset), &s);
		if (!err)
			err = vote(t, c, &s, v);
		if (err)
			return err;
	}
	return err;
}

static enum slab_code winner(const struct votes *v)
{
	unsigned xor = v->whole[SLAB_CODE_XOR], swab = v->whole[SLAB_CODE_XOR_SWAB];
	bool old = xor > swab ||
		   (xor == swab && v->steps[SLAB_CODE_XOR] > v->steps[SLAB_CODE_XOR_SWAB]);
	return old ? SLAB_CODE_XOR : SLAB_CODE_XOR_SWAB;
}

struct err *slab_freelist_code(struct target *t, enum slab_code *ret, unsigned *ret_proved)
{
	enum { ENOUGH = 32 };
	struct slab_cache_iter it;
	struct votes v = { 0 };
	uint64_t offset;
	bool more = true, hardened = false;
	struct err *err = slab_list_offset(t, &offset);
	if (!err)
		err = slab_cache_iter_init(&it, t);
	while (!err && more && v.tried < ENOUGH) {
		struct slab_cache c;
		err = slab_cache_iter_next(&it, &c, &more);
		if (!err && more) {
			hardened = c.hardened;
			if (!hardened)
				break;
			err = vote_cache(t, &c, offset, &v);
		}
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err); /* a damaged slab proves nothing */
			err = NULL;
		}
	}
	if (err && (err->code == ERR_INTERRUPTED || !v.tried))
		return err;
	err_drop(err); /* the list of caches broke off behind those that were tried */
	*ret = !hardened ? SLAB_CODE_PLAIN : winner(&v);
	*ret_proved = v.whole[*ret];
	return NULL;
}
