/*
 * What crash takes for a command though it is none: a type's name for `struct` ("task_struct.comm
 * ADDR",
 * "*page ADDR"), "p/x", "gdb COMMAND", "extend FILE". Real commands and aliases come first.
 */
#ifndef ANALYZER_SHELL_SHORTHAND_H
#define ANALYZER_SHELL_SHORTHAND_H

struct session;

/* The line with a command in front, malloc'ed; NULL: it is none of these. */
char *shorthand_expand(const struct session *s, const char *text);

#endif
