/* Numbers as people type them. The whole string must be used; nothing is guessed from what is left.
 */
#ifndef ANALYZER_BASE_NUMBER_H
#define ANALYZER_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal, or with a 0x/0X prefix hexadecimal. False when @s is anything else or does not fit. */
bool number_parse(const char *s, uint64_t *ret);

/* Hexadecimal with or without 0x: addresses, as crash reads them. */
bool number_parse_hex(const char *s, uint64_t *ret);

/* number_parse() with an optional leading minus. */
bool number_parse_signed(const char *s, int64_t *ret);

#endif
