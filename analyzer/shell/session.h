/*
 * A session: one target, one way of output, and the commands that answer lines. Lines may come from
 * a prompt, a script or an option; what they say goes to the sink, what goes wrong to the sink's
 * faults.
 */
#ifndef ANALYZER_SHELL_SESSION_H
#define ANALYZER_SHELL_SESSION_H

#include "analyzer/shell/command.h"
#include "analyzer/shell/registry.h"

struct session_options {
	const struct command *const *commands; /* NULL-terminated: builtin_commands */
	struct target *target;		       /* borrowed; NULL: commands that need one say so */
	enum out_format format;
	bool colour;
	unsigned address_bytes;	      /* of the target, 4 or 8; 0 when unknown */
	const char *const *arguments; /* $arg1, $arg2, … of the lines; borrowed; script_args.h */
	size_t narguments;
	struct plugins *plugins; /* borrowed, bound while the session lasts; NULL: the session has
				    its own */
	FILE *to;		 /* NULL: stdout */
	FILE *errors;		 /* NULL: stderr */
};

struct session;

/* ERR_MISMATCH when two commands claim one name. Ignores SIGPIPE in this process. */
struct err *session_create(const struct session_options *o, struct session **ret) MUST_CHECK;
void session_destroy(struct session *s);

/* Runs one line. Whatever fails is reported and remembered, never returned. */
void session_run(struct session *s, const char *line);

/* Runs a file's lines, "-" for standard input, until the end, quit or Ctrl-C; docs/scripts.md has
 * the language. An error only when the file cannot be read. */
struct err *session_run_script(struct session *s, const char *path) MUST_CHECK;

/*
 * Runs the lines of the user's own file: $XDG_CONFIG_HOME/inquest/rc, else ~/.config/inquest/rc; no
 * such file is fine. What fails is told with its line's number and does not count as a failure of
 * the session. @quiet: answers are dropped, complaints are not.
 */
void session_run_rc(struct session *s, bool quiet);

/* Reads lines from the terminal until quit or Ctrl-D. */
void session_prompt(struct session *s);

/* Whether the last line was ended by Ctrl-C. */
bool session_interrupted(const struct session *s);

/* After quit, or when nobody reads the output any more. */
bool session_ended(const struct session *s);

/* Whether any line failed so far, in part or whole. */
bool session_failed(const struct session *s);

const struct registry *session_registry(const struct session *s);
struct target *session_target(const struct session *s);

#endif
