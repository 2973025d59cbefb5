/*
 * The prompt: readline, history over sessions, TAB. Ctrl-C clears the line, Ctrl-D on an empty one
 * ends. readline's interface is global, so this file keeps the one session that completes.
 */
#include <errno.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/shell/complete.h"
#include "analyzer/shell/session_internal.h"

enum { HISTORY_LINES = 5000 };

static const struct session *completing; /* for the callbacks, which get no context */
static struct candidates offered;

/* readline's generator: called with 0, 1, 1, … until it gives NULL; readline frees the strings. */
static char *next_candidate(const char *text, int state)
{
	static size_t next;
	(void)text; /* complete_word() has seen it */
	if (!state)
		next = 0;
	if (next >= offered.names.n)
		return NULL;
	char *name = take_ptr(offered.names.v[next]);
	next++;
	return name;
}

static char **on_tab(const char *text, int start, int end)
{
	(void)text;
	complete_word(completing, rl_line_buffer, (size_t)start, (size_t)end, &offered);
	rl_attempted_completion_over = !offered.files; /* no file names where none belong */
	char **matches = offered.names.n ? rl_completion_matches(text, next_candidate) : NULL;
	candidates_deinit(&offered);
	return matches;
}

/* readline comes here after a signal's handler: Ctrl-C gives up the line and begins a new one. */
static int on_signal(void)
{
	if (interrupt_pending()) {
		interrupt_clear();
		rl_free_line_state();
		rl_replace_line("", 1);
		rl_crlf();
		rl_on_new_line();
		rl_redisplay();
	}
	return 0;
}

/* "…/inquest/history" with its folders made; NULL when there is no place for it. */
static char *history_path(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	if (state && state[0] == '/')
		path = xasprintf("%s/inquest/history", state);
	else if (home && home[0] == '/')
		path = xasprintf("%s/.local/state/inquest/history", home);
	/* What cannot be made is noticed when history is written: then there is none. */
	for (char *slash = path; slash && (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	return path;
}

static void history_open(const char *path)
{
	using_history();
	stifle_history(HISTORY_LINES);
	if (!path)
		return;
	FILE *f = fopen(path, "ae"); /* append_history() wants it to exist */
	if (f)
		fclose(f);
	(void)chmod(path, 0600); /* lines may name secrets; not ours: then not ours to mend */
	(void)history_truncate_file(path, HISTORY_LINES);
	(void)read_history(path); /* none yet: an empty history */
}

/* Each line is kept at once, so that sessions side by side and crashes lose nothing. */
static void history_keep(const char *path, const char *line)
{
	const HIST_ENTRY *last =
		history_length ? history_get(history_base + history_length - 1) : NULL;
	if (!line[strspn(line, " \t")] || (last && strcmp(last->line, line) == 0))
		return;
	add_history(line);
	if (path)
		(void)append_history(1, path); /* an unwritable history is no reason to complain */
}

/* What git does: $INQUEST_PAGER, else $PAGER, else less, told to leave short answers alone. "" or
 * "cat": none. The answers must go to the terminal that types. */
static const char *pager(void)
{
	const char *term = getenv("TERM"), *command = getenv("INQUEST_PAGER");
	if (!isatty(STDOUT_FILENO) || !term || !strcmp(term, "dumb"))
		return NULL;
	if (!command)
		command = getenv("PAGER");
	if (!command)
		command = "less 2>/dev/null || cat";
	setenv("LESS", "FRX", 0);
	return *command && strcmp(command, "cat") ? command : NULL;
}

struct prompt {
	const char *history; /* may be NULL */
	int kept;	     /* how many lines there were when the last one was typed */
};

/* Python's module readline empties the list when it is imported; all lines are in the file. */
static void restore_history(const struct prompt *p)
{
	if (!p->history || history_length >= p->kept)
		return;
	clear_history();
	(void)read_history(p->history);
}

static bool pasted_as_one; /* as the person's inputrc has it */

/* The library is one for the whole process: a Python console puts things of its own there. */
static void own_readline(void)
{
	rl_readline_name = "inquest";
	rl_attempted_completion_function = on_tab;
	rl_signal_event_hook = on_signal;
	rl_catch_signals = 1;
	rl_completer_word_break_characters = " \t\n\"'<=;|&{}()[]*+,!"; /* no `>`: of "->" */
	rl_completion_append_character = ' ';
	rl_bind_key('\t', rl_complete);
	rl_variable_bind("enable-bracketed-paste", pasted_as_one ? "on" : "off");
	if (!isatty(STDOUT_FILENO))
		rl_outstream = stderr; /* the answers' place stays clean */
}

static char *next_line(void *cx, bool continues)
{
	struct prompt *p = cx;
	interrupt_clear();
	own_readline();
	restore_history(p);
	char *line = readline(continues ? "… " : "> ");
	if (line)
		history_keep(p->history, line);
	p->kept = history_length;
	if (!line)
		fputc('\n', rl_outstream ? rl_outstream : stdout);
	return line;
}

void session_prompt(struct session *s)
{
	scoped_free char *path = history_path();
	struct prompt prompt = { .history = path };
	completing = s;
	rl_readline_name = "inquest";
	rl_initialize();
	const char *paste = rl_variable_value("enable-bracketed-paste");
	pasted_as_one = paste && !strcmp(paste, "on");
	own_readline();
	history_open(path);
	session_set_pager(s, pager());
	session_run_lines(s, &(struct line_source){ next_line, &prompt, .interactive = true });
	session_set_pager(s, NULL);
	completing = NULL;
}
