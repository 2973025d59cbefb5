/* Open addressing with linear probing, at most two thirds full; FNV-1a. */
#include "analyzer/base/strmap.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/xalloc.h"

static uint32_t hash_of(const char *s)
{
	uint32_t h = 2166136261u;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

static struct strmap_slot *slot_of(const struct strmap *m, const char *key, uint32_t hash)
{
	size_t i = hash & (m->cap - 1);
	while (m->slot[i].key && (m->slot[i].hash != hash || strcmp(m->slot[i].key, key)))
		i = (i + 1) & (m->cap - 1);
	return &m->slot[i];
}

static void grow(struct strmap *m)
{
	struct strmap bigger = { .cap = m->cap ? m->cap * 2 : 64, .n = m->n };
	bigger.slot = xcalloc(bigger.cap, sizeof(*bigger.slot));
	for (size_t i = 0; i < m->cap; i++)
		if (m->slot[i].key)
			*slot_of(&bigger, m->slot[i].key, m->slot[i].hash) = m->slot[i];
	free(m->slot);
	*m = bigger;
}

void strmap_deinit(struct strmap *m)
{
	free(m->slot);
	*m = (struct strmap){ 0 };
}

void *strmap_get(const struct strmap *m, const char *key)
{
	return m->cap ? slot_of(m, key, hash_of(key))->value : NULL;
}

void strmap_set(struct strmap *m, const char *key, void *value)
{
	if (m->n * 3 >= m->cap * 2)
		grow(m);
	uint32_t hash = hash_of(key);
	struct strmap_slot *s = slot_of(m, key, hash);
	if (!s->key)
		m->n++;
	*s = (struct strmap_slot){ .key = key, .value = value, .hash = hash };
}
