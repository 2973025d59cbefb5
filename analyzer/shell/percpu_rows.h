/* The rows of percpu -l. */
#ifndef ANALYZER_SHELL_PERCPU_ROWS_H
#define ANALYZER_SHELL_PERCPU_ROWS_H

#include "analyzer/shell/command.h"

/* Without arguments units, parts of the first chunk, all chunks and what is wrong with them; with
 * the address of a struct pcpu_chunk its map. */
struct err *percpu_list_show(struct cx *cx, const struct args *a) MUST_CHECK;

#endif
