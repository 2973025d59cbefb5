/* Lines from a file or from standard input. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/shell/session.h"

static struct err *run_lines(struct session *s, FILE *f, const char *path)
{
	scoped_free char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	errno = 0;
	while (!session_ended(s) && (n = getline(&line, &cap, f)) >= 0) {
		if (n && line[n - 1] == '\n')
			line[n - 1] = '\0';
		session_run(s, line);
		if (session_interrupted(s))
			return NULL; /* Ctrl-C ends the script, not only its present line */
		errno = 0;
	}
	if (interrupt_pending())
		return err_new(ERR_INTERRUPTED, "interrupted"); /* while waiting for a line */
	if (ferror(f))
		return err_io(errno, "%s", path);
	return NULL;
}

struct err *session_run_script(struct session *s, const char *path)
{
	if (strcmp(path, "-") == 0)
		return run_lines(s, stdin, "standard input");
	FILE *f = fopen(path, "re");
	if (!f)
		return err_io(errno, "%s", path);
	struct err *err = run_lines(s, f, path);
	fclose(f); /* only read from */
	return err;
}
