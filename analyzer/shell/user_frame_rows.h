/* The rows of a program's frames, as bt has them below the registers of user mode. */
#ifndef ANALYZER_SHELL_USER_FRAME_ROWS_H
#define ANALYZER_SHELL_USER_FRAME_ROWS_H

#include "analyzer/shell/command.h"
#include "analyzer/stack/user_trace.h"

/* For a column's .list. Keys: n sp pc exact how trust signal mapped mapped_offset elf_address
 * symbol offset size. */
extern const struct table user_frame_rows_table;

/* All of @trace as a list under @key of the present row; where it broke off is said behind the last
 * one. */
void user_frame_rows_show(struct cx *cx, const char *key, const struct user_trace *trace);

#endif
