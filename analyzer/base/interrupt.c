/* Ctrl-C as a flag. */
#include "analyzer/base/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupted;

void interrupt_raise(void)
{
	interrupted = 1;
}

static void on_sigint(int sig)
{
	(void)sig;
	interrupt_raise();
}

void interrupt_install(void)
{
	struct sigaction sa = { .sa_handler = on_sigint };
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
}

void interrupt_clear(void)
{
	interrupted = 0;
}

bool interrupt_pending(void)
{
	return interrupted != 0;
}

struct err *interrupt_check(void)
{
	return interrupted ? err_new(ERR_INTERRUPTED, "interrupted") : NULL;
}
