/* Growing arrays: `VEC(struct x) xs = { 0 };` then vec_push(&xs, x), xs.v[i], xs.n,
 * vec_deinit(&xs). */
#ifndef ANALYZER_BASE_VEC_H
#define ANALYZER_BASE_VEC_H

#include <stdlib.h>

#include "analyzer/base/xalloc.h"

#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *v;                                                                           \
		size_t n, cap;                                                                     \
	}

#define vec_push(vec, item)                                                                        \
	do {                                                                                       \
		if ((vec)->n == (vec)->cap) {                                                      \
			(vec)->cap = (vec)->cap ? (vec)->cap * 2 : 16;                             \
			(vec)->v = xrealloc_array((vec)->v, (vec)->cap, sizeof(*(vec)->v));        \
		}                                                                                  \
		(vec)->v[(vec)->n++] = (item);                                                     \
	} while (0)

#define vec_deinit(vec)                                                                            \
	do {                                                                                       \
		free((vec)->v);                                                                    \
		(vec)->v = NULL;                                                                   \
		(vec)->n = (vec)->cap = 0;                                                         \
	} while (0)

#endif
