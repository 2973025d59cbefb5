/* The user's own file of lines. Never one from the current folder: dumps come with folders of their
 * own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/out/filter.h"
#include "analyzer/shell/session_state.h"

/* The XDG base directory specification: a path that is not absolute counts as none. */
static char *rc_path(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (config && config[0] == '/')
		return xasprintf("%s/inquest/rc", config);
	if (home && home[0] == '/')
		return xasprintf("%s/.config/inquest/rc", home);
	return NULL;
}

/* Answers nowhere, complaints as in text. */
static struct out *silent_out(struct session *s, FILE *nowhere)
{
	struct out *out = out_create(OUT_TEXT, nowhere, false);
	out_set_errors(out, s->errors);
	out_set_address_bytes(out, out_address_bytes(s->out));
	return out;
}

static void run_quietly(struct session *s, const struct line_source *source)
{
	FILE *nowhere = fopen("/dev/null", "we"), *to = s->to;
	struct out *answers = s->out;
	bool carets = s->carets;
	if (!nowhere) {
		session_report_lost(s, "rc", err_io(errno, "/dev/null"));
		return;
	}
	s->to = nowhere;
	s->out = silent_out(s, nowhere);
	s->carets = true;
	session_run_lines(s, source);
	out_destroy(s->out);
	fclose(nowhere); /* nothing was kept */
	s->to = to;
	s->out = answers;
	s->carets = carets;
}

void session_run_rc(struct session *s, bool quiet)
{
	scoped_free char *path = rc_path();
	FILE *f = path ? fopen(path, "re") : NULL;
	bool before = s->failed;
	if (!f && path && errno != ENOENT && errno != ENOTDIR)
		session_report_lost(s, "rc", err_io(errno, "%s", path));
	if (f) {
		const struct line_source source = { script_next_line, f, .name = path };
		if (quiet)
			run_quietly(s, &source);
		else
			session_run_lines(s, &source);
		if (ferror(f))
			session_report_lost(s, "rc", err_io(errno, "%s", path));
		fclose(f); /* only read from */
	}
	s->failed = before;
}
