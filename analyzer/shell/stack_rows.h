/* The rows of a saved call stack, as the kernel prints such stacks: depot, kasan and page_owner
 * show them. */
#ifndef ANALYZER_SHELL_STACK_ROWS_H
#define ANALYZER_SHELL_STACK_ROWS_H

#include "analyzer/shell/command.h"

/* For a column's .list: one frame a line. Keys: n pc symbol offset size module. */
extern const struct table stack_rows_table;

/* A list under @key of the present row; its column has .list = &stack_rows_table. */
void stack_rows_show(struct cx *cx, const char *key, const uint64_t *pcs, size_t n);

#endif
