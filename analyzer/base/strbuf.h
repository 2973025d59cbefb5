/* A growing string. `s` is always terminated once anything was added; strbuf_text() never is NULL.
 */
#ifndef ANALYZER_BASE_STRBUF_H
#define ANALYZER_BASE_STRBUF_H

#include <stddef.h>

#include "analyzer/base/err.h"

struct strbuf {
	char *s;
	size_t len, cap;
};

void strbuf_deinit(struct strbuf *b);
void strbuf_reset(struct strbuf *b);
void strbuf_add(struct strbuf *b, const char *s);
void strbuf_add_bytes(struct strbuf *b, const void *p, size_t n);
void strbuf_add_char(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_pad(struct strbuf *b, char c, size_t n);

/*
 * Appends @n bytes of foreign text so that nothing of a dump steers a terminal or spoils a
 * document: bytes that are not UTF-8 and C1 controls come as \xNN, and
 * - escaped: as in a C string: controls as \n, \t, \xNN, the backslash doubled;
 * - text: for people: as escaped, but tabs and backslashes stay as they are;
 * - block: text of several lines: newlines stay too;
 * - utf8: for a writer with escapes of its own (JSON): ASCII controls and backslashes stay too.
 */
void strbuf_add_escaped(struct strbuf *b, const char *s, size_t n);
void strbuf_add_text(struct strbuf *b, const char *s, size_t n);
void strbuf_add_block(struct strbuf *b, const char *s, size_t n);
void strbuf_add_utf8(struct strbuf *b, const char *s, size_t n);

const char *strbuf_text(const struct strbuf *b);

/* The text, now the caller's to free; the buffer is empty. */
char *strbuf_take(struct strbuf *b);

#define scoped_strbuf __attribute__((cleanup(strbuf_deinit)))

#endif
