/*
 * Marks the running command or walker, and names a plugin that crashed. The handler uses what is
 * async-signal-safe only: a table that just grows, and write(2).
 */
#include "analyzer/shell/running.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WATCHED_MAX = 1024, STACK_BYTES = 64 << 10 };

static struct running now; /* the innermost one */
static struct watched {
	const void *row;
	const char *plugin;
} watched[WATCHED_MAX];
static volatile sig_atomic_t nwatched;

struct running running_begin(const void *row, const char *name)
{
	struct running before = now;
	now = (struct running){ row, name };
	return before;
}

void running_end(struct running before)
{
	now = before;
}

const void *running_row(void)
{
	return now.row;
}

struct err *command_run(const struct command *c, struct cx *cx, const struct args *a)
{
	struct running before = running_begin(c, c->name);
	struct err *err = c->run(cx, a);
	running_end(before);
	return err;
}

struct err *walker_run(const struct walker *k, struct walking *w)
{
	struct running before = running_begin(k, k->name);
	struct err *err = k->run(w);
	running_end(before);
	return err;
}

static void say(const char *s)
{
	(void)!write(STDERR_FILENO, s, strlen(s)); /* there is nobody left to tell */
}

static const char *signal_words(int sig)
{
	switch (sig) {
	case SIGSEGV:
		return ": a bad memory access\n";
	case SIGBUS:
		return ": a bus error\n";
	case SIGFPE:
		return ": a division by zero\n";
	case SIGILL:
		return ": an illegal instruction\n";
	default:
		return ": it called abort()\n";
	}
}

static void crashed(int sig)
{
	for (int i = 0; i < nwatched; i++) {
		if (watched[i].row != now.row)
			continue;
		say("\ninquest: plugin ");
		say(watched[i].plugin);
		say(" crashed in ");
		say(now.name);
		say(signal_words(sig));
		_exit(1);
	}
	signal(sig, SIG_DFL); /* ours: as it would have been, with a core file */
	raise(sig);
}

void running_watch(const void *row, const char *plugin)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	static char stack[STACK_BYTES]; /* a plugin may have used up its own */
	if (nwatched == WATCHED_MAX)
		return; /* works as the others do, only unnamed in a crash */
	watched[nwatched] = (struct watched){ row, plugin };
	if (nwatched++)
		return;
	sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) }, NULL);
	struct sigaction sa = { .sa_handler = crashed, .sa_flags = SA_ONSTACK | SA_NODEFER };
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &sa, NULL);
}
