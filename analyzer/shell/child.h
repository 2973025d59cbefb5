/* Processes of the host's shell: `| less`, `!ls`. Knows nothing of commands or rows. */
#ifndef ANALYZER_SHELL_CHILD_H
#define ANALYZER_SHELL_CHILD_H

#include <stdio.h>
#include <sys/types.h>

#include "analyzer/base/err.h"

struct child {
	pid_t pid;
	FILE *to; /* its standard input; NULL when it has ours */
};

/* Starts `sh -c @command`; with @piped its input comes from ret->to. Ctrl-C and SIGPIPE end it in
 * the ordinary way, whatever this process does with them. */
struct err *child_start(const char *command, bool piped, struct child *ret) MUST_CHECK;

/* Closes the pipe and waits. An error when the shell could not run the command (126, 127); other
 * statuses are the command's own way to answer (grep's 1) and no failure. */
struct err *child_finish(struct child *c) MUST_CHECK;

#endif
