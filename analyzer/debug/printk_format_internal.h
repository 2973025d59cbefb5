/* What the parts of printk's formats share: the families of extensions that need no kernel
 * structures. */
#ifndef ANALYZER_DEBUG_PRINTK_FORMAT_INTERNAL_H
#define ANALYZER_DEBUG_PRINTK_FORMAT_INTERNAL_H

#include "analyzer/debug/printk_format.h"

enum { PRINTK_TEXT_BYTES = 65536 /* of a string that has no end of its own */ };

/* Each ends with a row whose .print is NULL. */
extern const struct printk_extension printk_pointer_extensions[];
extern const struct printk_extension printk_buffer_extensions[];
extern const struct printk_extension printk_net_extensions[];

/* The row whose name is the longest that @letters begin with; NULL when there is none. */
const struct printk_extension *printk_formats_find(
	const struct printk_formats *f, const char *letters);

/* ERR_USAGE that lists what is known. */
struct err *printk_formats_unknown(const struct printk_formats *f, const char *letters) MUST_CHECK;

/* How many bytes of @s, inside a literal that the lexer has accepted, stand for one character. */
size_t printk_raw_bytes(const char *s);

/* "ENOENT" for 2; NULL for what has no name. */
const char *printk_errno_name(uint64_t number);

#endif
