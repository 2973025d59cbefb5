/*
 * What makes two dumps the same bug: lines of text that do not depend on boot, RAM, KASLR or build
 * paths, and their SHA-256. Anybody recomputes it: the lines, each with its newline, through
 * sha256sum.
 */
#ifndef ANALYZER_TRIAGE_SIGNATURE_H
#define ANALYZER_TRIAGE_SIGNATURE_H

#include "analyzer/base/strbuf.h"
#include "analyzer/triage/triage.h"

enum { SIGNATURE_VERSION = 1, SIGNATURE_FRAMES = 12, SIGNATURE_DIGITS = 16 };

/* The lines of the exact signature: version, class, then the frames from the culprit outwards;
 * without a stack the object and who allocated and freed it. @coarse: version, class and culprit
 * (or object) only. */
void signature_lines(struct triage *tr, const struct finding *f, bool coarse, struct strbuf *out);

/* The first SIGNATURE_DIGITS hexadecimal digits of the lines' SHA-256, terminated. */
void signature_hash(const char *lines, char ret[SIGNATURE_DIGITS + 1]);

/* A function's name without what compilers add and with its numbers as "N"; the arena's. */
const char *signature_name(struct arena *a, const char *function);

#endif
