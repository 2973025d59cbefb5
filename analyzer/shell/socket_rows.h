/* The rows of a task's sockets, for net -s and net -S. */
#ifndef ANALYZER_SHELL_SOCKET_ROWS_H
#define ANALYZER_SHELL_SOCKET_ROWS_H

#include "analyzer/kernel/task.h"
#include "analyzer/shell/command.h"

/* What net's options ask for. */
struct socket_wish {
	bool structures;       /* with the kernel's own structures below each */
	bool hex, decimal;     /* of their numbers; neither: as `set radix` has it */
	const char *reference; /* only this: a descriptor's number, an address; NULL: all */
};

extern const struct table socket_task_table; /* a row a task, its sockets in it */

/* One row of the task; with .structures, rows and structures in turn. With .reference a task that
 * has none of it gives nothing. */
struct err *socket_rows(
	struct cx *cx, const struct task *task, const struct socket_wish *wish) MUST_CHECK;

#endif
