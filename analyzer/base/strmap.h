/* A hash table from strings to pointers. Keys are borrowed: they live as long as the map. */
#ifndef ANALYZER_BASE_STRMAP_H
#define ANALYZER_BASE_STRMAP_H

#include <stddef.h>
#include <stdint.h>

struct strmap_slot {
	const char *key;
	void *value;
	uint32_t hash;
};

struct strmap {
	struct strmap_slot *slot;
	size_t n, cap; /* cap is 0 or a power of two */
};

void strmap_deinit(struct strmap *m);

/* The value of @key, NULL when absent. */
void *strmap_get(const struct strmap *m, const char *key);

/* Sets @key to @value (not NULL), replacing what was there. */
void strmap_set(struct strmap *m, const char *key, void *value);

#endif
