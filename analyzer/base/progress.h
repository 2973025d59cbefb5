/*
 * How far a long piece of work has come, on one line of the terminal: rate and remaining time. It
 * appears after a second, is written over a few times a second, and is gone at the end. Nothing is
 * shown unless progress_show_on() was called; a loop pays one comparison a call then.
 */
#ifndef ANALYZER_BASE_PROGRESS_H
#define ANALYZER_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum progress_unit { PROGRESS_BYTES, PROGRESS_THINGS };

struct progress {
	const char *what; /* "search", borrowed */
	enum progress_unit unit;
	uint64_t total; /* 0: not known */
	uint64_t begun_ns, shown_ns;
	struct progress *outer; /* that this one is a part of: only the outermost is shown */
};

/* From now on, on @to (the terminal); NULL: not any more. For the main thread. */
void progress_show_on(FILE *to);

/* @p lives until progress_end(). Also when nothing is shown. */
void progress_begin(struct progress *p, const char *what, enum progress_unit unit, uint64_t total);

/* @done of the total. Cheap: looks at the clock, and writes at most five times a second. */
void progress_step(struct progress *p, uint64_t done);
void progress_end(struct progress *p);

/*
 * The command that runs from now on, NULL: none. While it gives neither rows nor a progress of its
 * own, the line says after a second how long it has been at work. @what is borrowed until the next
 * call.
 */
void progress_command(const char *what);

/* An answer's rows come: takes the line away. The next step brings it back, unless the rows go to a
 * pager, which has the terminal from the first one on. */
void progress_hide(void);
void progress_set_paged(bool yes);

/* The rows go to a file: nobody sees them come, and they take no line away. */
void progress_set_redirected(bool yes);

/* Takes the line away for something else that is said on the terminal. */
void progress_erase(void);

#endif
