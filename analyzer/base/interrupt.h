/*
 * Ctrl-C as a flag. The signal is the process's own by nature, so this is the one piece of state
 * that is found and not passed. Every iterator asks interrupt_check() and hands the error up.
 */
#ifndef ANALYZER_BASE_INTERRUPT_H
#define ANALYZER_BASE_INTERRUPT_H

#include "analyzer/base/err.h"

/* Installs the SIGINT handler. */
void interrupt_install(void);

/* Forgets an earlier Ctrl-C; the shell calls it before each command. */
void interrupt_clear(void);

/* Async-signal-safe: what the handler does; tests call it too. */
void interrupt_raise(void);

bool interrupt_pending(void);

/* ERR_INTERRUPTED after Ctrl-C, else NULL. */
struct err *interrupt_check(void) MUST_CHECK;

#endif
