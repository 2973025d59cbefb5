/* A growing string. `s` is always terminated once anything was added; strbuf_text() never is NULL. */
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

/* Appends @n bytes of foreign text as printable UTF-8: control bytes, bytes that are not UTF-8 and
 * the backslash come as \n, \t, \\ or \xNN, so that nothing of a dump steers a terminal. */
void strbuf_add_escaped(struct strbuf *b, const char *s, size_t n);

const char *strbuf_text(const struct strbuf *b);

/* The text, now the caller's to free; the buffer is empty. */
char *strbuf_take(struct strbuf *b);

#define scoped_strbuf __attribute__((cleanup(strbuf_deinit)))

#endif
