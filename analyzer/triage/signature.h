/*
 * What makes two dumps the same bug: lines of text that do not depend on boot, RAM, KASLR, timing
 * or build paths, and their SHA-256. Anybody recomputes it: the lines, each with its newline,
 * through sha256sum. What the lines are is told to people in docs/verdicts.md: change both, and the
 * version.
 */
#ifndef ANALYZER_TRIAGE_SIGNATURE_H
#define ANALYZER_TRIAGE_SIGNATURE_H

#include "analyzer/base/strbuf.h"
#include "analyzer/triage/triage.h"

enum { SIGNATURE_VERSION = 2, SIGNATURE_FRAMES = 12, SIGNATURE_DIGITS = 16 };

/*
 * The lines of the exact signature: version, class, then the frames from the culprit outwards, as
 * far as they are the culprit's own: what an interrupt came upon by chance is left out, and a
 * function is told once. A circle of waiting tasks is told as a whole, in the order of names,
 * whoever closed it; an endless recursion by the functions that recur, wherever the stack ended.
 * Without a culprit the object and who allocated and freed it. @coarse: version, class and culprit
 * (or object) only.
 */
void signature_lines(struct triage *tr, const struct finding *f, bool coarse, struct strbuf *out);

/*
 * The titles under which this death may be known, a line each, in order: the verdict's (of a circle
 * one for each who waits), and those of the other findings that say how it ended. Not hashed: a
 * panic's text may hold numbers.
 */
void signature_titles(struct triage *tr, struct strbuf *out);

/* The first SIGNATURE_DIGITS hexadecimal digits of the lines' SHA-256, terminated. */
void signature_hash(const char *lines, char ret[SIGNATURE_DIGITS + 1]);

/* A function's name without what compilers add and with its numbers as "N"; the arena's. */
const char *signature_name(struct arena *a, const char *function);

/* A cache's name without the part that is drawn at boot ("kmalloc-rnd-07-64" is "kmalloc-64");
 * @cache itself or the arena's. mm/slab_common.c: random_kmalloc_seed, since v6.6. */
const char *signature_cache(struct arena *a, const char *cache);

#endif
