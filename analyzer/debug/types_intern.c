/*
 * Interning: one object per C type, whichever unit it was read from. Structs are the same when
 * name, size and line of declaration are; what is made of other types is the same when its parts
 * are.
 */
#include "analyzer/debug/types_internal.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/xalloc.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

/* ---- numbers to pointers ----------------------------------------------- */

static struct idmap_slot *idmap_slot_of(const struct idmap *m, uint64_t key)
{
	size_t i = mix(0, key) & (m->cap - 1);
	while (m->slot[i].key && m->slot[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slot[i];
}

void *idmap_get(const struct idmap *m, uint64_t key)
{
	return m->cap ? idmap_slot_of(m, key)->value : NULL;
}

void idmap_set(struct idmap *m, uint64_t key, void *value)
{
	if (m->n * 3 >= m->cap * 2) {
		struct idmap bigger = { .cap = m->cap ? m->cap * 2 : 256, .n = m->n };
		bigger.slot = xcalloc(bigger.cap, sizeof(*bigger.slot));
		for (size_t i = 0; i < m->cap; i++)
			if (m->slot[i].key)
				*idmap_slot_of(&bigger, m->slot[i].key) = m->slot[i];
		free(m->slot);
		*m = bigger;
	}
	struct idmap_slot *s = idmap_slot_of(m, key);
	if (!s->key)
		m->n++;
	*s = (struct idmap_slot){ key, value };
}

void idmap_deinit(struct idmap *m)
{
	free(m->slot);
	*m = (struct idmap){ 0 };
}

/* ---- types ----------------------------------------------- */

static bool same_string(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Each unit has its own copy of an anonymous struct; a typedef of the same name and line makes the
 * copies one (atomic_t, pgd_t). */
static bool same_target(const struct type *x, const struct type *a, const struct type *b)
{
	return a == b || (x->kind == TYPE_TYPEDEF && !a->name && !b->name && a->kind == b->kind &&
				 a->kind != TYPE_POINTER && a->size == b->size);
}

static bool lines_agree(uint32_t a, uint32_t b)
{
	return a == b || !a || !b;
}

static bool same_parameters(const struct type *a, const struct type *b)
{
	if (a->nmembers != b->nmembers)
		return false;
	for (uint32_t i = 0; i < a->nmembers; i++)
		if (a->member[i].type != b->member[i].type ||
			!same_string(a->member[i].name, b->member[i].name))
			return false;
	return true;
}

static bool same_content(const struct type_node *n, const struct type *t, uint32_t line)
{
	const struct type *o = &n->t;
	return o->kind == t->kind && lines_agree(n->line, line) && o->size == t->size &&
	       o->count == t->count && o->encoding == t->encoding && o->is_signed == t->is_signed &&
	       same_target(t, o->target, t->target) && same_string(o->name, t->name) &&
	       (t->kind != TYPE_FUNCTION || same_parameters(o, t));
}

static uint64_t content_hash(const struct type *t)
{
	uint64_t h = mix(t->kind, 0);
	for (const char *s = t->name ? t->name : ""; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	if (t->kind != TYPE_TYPEDEF)
		h = mix(h, (uintptr_t)t->target);
	for (uint32_t i = 0; t->kind == TYPE_FUNCTION && i < t->nmembers; i++)
		h = mix(h, (uintptr_t)t->member[i].type);
	return mix(mix(h, t->size), t->count);
}

static struct type_node **intern_slot(const struct types *db, const struct type *t, uint32_t line)
{
	size_t i = content_hash(t) & (db->cap - 1);
	while (db->interned[i] && !same_content(db->interned[i], t, line))
		i = (i + 1) & (db->cap - 1);
	return &db->interned[i];
}

struct type *types_new(struct types *db, const struct type *content)
{
	struct type_node *n = arena_alloc(&db->arena, sizeof(*n));
	n->t = *content;
	return &n->t;
}

struct type *types_intern(struct types *db, const struct type *content, uint32_t line)
{
	if (db->ninterned * 2 >= db->cap) {
		size_t old_cap = db->cap;
		struct type_node **old = db->interned;
		db->cap = old_cap ? old_cap * 2 : 1024;
		db->interned = xcalloc(db->cap, sizeof(struct type_node *));
		for (size_t i = 0; i < old_cap; i++)
			if (old[i])
				*intern_slot(db, &old[i]->t, old[i]->line) = old[i];
		free(old);
	}
	struct type_node **slot = intern_slot(db, content, line);
	if (!*slot) {
		*slot = (struct type_node *)types_new(db, content);
		(*slot)->line = line;
		db->ninterned++;
	} else if (!(*slot)->line) {
		(*slot)->line = line;
	}
	return &(*slot)->t;
}

/* See types_tag() in the header: whether definition @n is what @p says in @spec. */
static bool same_tag(
	const struct type_node *n, const struct type_provider *p, const struct tag_spec *spec)
{
	if (n->t.size != spec->size)
		return false;
	if (n->provider == p || !n->provider)
		return !p->deduplicated && n->line == spec->line;
	if (n->provider->deduplicated == p->deduplicated)
		return !p->deduplicated && n->line == spec->line;
	return !n->alone && !spec->alone && lines_agree(n->line, spec->line);
}

static struct type_node *new_tag(
	struct types *db, struct strmap *map, struct type_node *first, const struct tag_spec *spec)
{
	struct type content = { .kind = spec->kind, .name = spec->name };
	struct type_node *n = (struct type_node *)types_new(db, &content);
	if (first) {
		n->same_name = first->same_name;
		first->same_name = n;
	} else if (spec->name) {
		strmap_set(map, spec->name, n);
	}
	return n;
}

struct type *types_tag(
	struct types *db, struct type_provider *p, const struct tag_spec *spec, bool *ret_new)
{
	struct strmap *map = &db->tag[spec->kind == TYPE_STRUCT	 ? 0
				      : spec->kind == TYPE_UNION ? 1
								 : 2];
	struct type_node *first = spec->name ? strmap_get(map, spec->name) : NULL;
	struct type_node *same = NULL, *declared = NULL;
	unsigned left = TYPE_MAX_SAME_NAME;
	for (struct type_node *n = first; n && left--; n = n->same_name) {
		if (n->t.declaration)
			declared = n;
		else if (!same && (spec->declaration || same_tag(n, p, spec)))
			same = n;
	}
	*ret_new = false;
	if (!same && spec->declaration)
		same = declared;
	if (same) {
		if (!same->line && !spec->declaration)
			same->line = spec->line;
		return &same->t;
	}
	*ret_new = true;
	struct type_node *n = declared ? declared : new_tag(db, map, first, spec);
	n->t.size = spec->size;
	n->t.declaration = spec->declaration;
	n->line = spec->line;
	n->alone = spec->alone;
	n->provider = p;
	return &n->t;
}

const struct type *types_pointer_to(struct types *db, const struct type *target)
{
	struct type t = {
		.kind = TYPE_POINTER, .size = db->abi.word_bytes, .target = target, .complete = true
	};
	return types_intern(db, &t, 0);
}

const struct type *types_array_of(struct types *db, const struct type *element, uint64_t count)
{
	struct type t = { .kind = TYPE_ARRAY, .target = element, .count = count, .complete = true };
	if (__builtin_mul_overflow(element->size, count, &t.size) || t.size > INT64_MAX / 8)
		t.size = t.count = 0;
	return types_intern(db, &t, 0);
}

/* ---- numbers ----------------------------------------------- */

uint64_t scalar_decode(const struct abi *abi, const uint8_t *p, uint64_t size, unsigned bit_offset,
	unsigned bit_size, bool is_signed)
{
	uint64_t v;
	if (!bit_size) {
		bit_size = size * 8;
		v = load_uint(abi, p, (unsigned)size);
	} else {
		/* Up to 64 bits that begin within a byte: nine bytes. */
		unsigned nbytes = (bit_offset + bit_size + 7) / 8;
		unsigned __int128 wide = 0;
		for (unsigned i = 0; i < nbytes; i++)
			wide |= (unsigned __int128)p[abi->big_endian ? nbytes - 1 - i : i]
				<< (8 * i);
		/* Big-endian targets count bits from the most significant one. */
		unsigned shift = abi->big_endian ? nbytes * 8 - bit_offset - bit_size : bit_offset;
		v = (uint64_t)(wide >> shift);
		if (bit_size < 64)
			v &= (1ull << bit_size) - 1;
	}
	return is_signed ? (uint64_t)sign_extend(v, bit_size) : v;
}

bool type_is_number(const struct type *t)
{
	return (t->kind == TYPE_INT || t->kind == TYPE_ENUM || t->kind == TYPE_POINTER) &&
	       t->size && t->size <= 8;
}
