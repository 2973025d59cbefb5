/* Lines from a file or from standard input. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/shell/session_internal.h"

char *script_next_line(void *cx, bool continues)
{
	scoped_free char *line = NULL;
	size_t cap = 0;
	(void)continues;
	errno = 0;
	ssize_t n = getline(&line, &cap, cx);
	if (n < 0)
		return NULL;
	if (n && line[n - 1] == '\n')
		line[n - 1] = '\0';
	return take_ptr(line);
}

static struct err *run_lines(struct session *s, FILE *f, const char *path)
{
	session_run_lines(s, &(struct line_source){ .next = script_next_line, .cx = f });
	if (session_interrupted(s))
		return NULL; /* the line has said so */
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
