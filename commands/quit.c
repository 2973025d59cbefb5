/* quit: ends the session. */
#include "analyzer/api.h"

static struct err *quit_run(struct cx *cx, const struct args *a)
{
	(void)a;
	session_quit(cx->session);
	return NULL;
}

static const char *const quit_examples[] = {
	"quit\tback to the host's shell",
	NULL,
};

const struct command cmd_quit = {
	.name = "quit",
	.alias = "q",
	.summary = "end the session",
	.usage = "",
	.details = "Ctrl-D on an empty line does the same. Lines of a script after it do not run.",
	.examples = quit_examples,
	.needs_no_target = true,
	.run = quit_run,
};

/* crash's other word for it; a command has one alias only. */
const struct command cmd_exit = {
	.name = "exit",
	.summary = "end the session",
	.usage = "",
	.details = "The same as quit.",
	.examples = quit_examples,
	.needs_no_target = true,
	.run = quit_run,
};
