/*
 * Flame graphs: stacks of names with weights, drawn as one SVG that needs nothing else. A name's
 * width is the weight of all stacks that go through it. Knows nothing of what the names stand for.
 */
#ifndef ANALYZER_OUT_FLAME_H
#define ANALYZER_OUT_FLAME_H

#include <stdint.h>

#include "analyzer/base/strbuf.h"

struct flame;

enum { FLAME_DEPTH_MAX = 4096 }; /* what is deeper is left out */

/* One name of a stack; both are borrowed as long as the graph. */
struct flame_name {
	const char *name;
	const char *group; /* of another colour and named behind it, as "[virtio]"; or NULL */
};

/* @title and @unit ("tasks") are borrowed. */
struct flame *flame_create(const char *title, const char *unit);
void flame_destroy(struct flame *f);

/* A stack, outermost first. */
void flame_add(struct flame *f, const struct flame_name *name, size_t n, uint64_t weight);

/* Appends the document: the outermost names below, the heavier to the left. */
void flame_draw(struct flame *f, struct strbuf *out);

#endif
