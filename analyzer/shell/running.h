/*
 * What runs at this moment, kept for one purpose: when a plugin's command or walker brings the
 * program down, the last words name it. Signals come to the process, so this is found and not
 * passed.
 */
#ifndef ANALYZER_SHELL_RUNNING_H
#define ANALYZER_SHELL_RUNNING_H

#include "analyzer/shell/command.h"
#include "analyzer/shell/walker.h"

/* The only ways to call them. */
struct err *command_run(const struct command *c, struct cx *cx, const struct args *a) MUST_CHECK;
struct err *walker_run(const struct walker *k, struct walking *w) MUST_CHECK;

/* The innermost one that runs; for whatever else of a plugin is called. */
struct running {
	const void *row;
	const char *name;
};

/* Marks @row as running; running_end() takes what this returned. */
struct running running_begin(const void *row, const char *name);
void running_end(struct running before);

/* The innermost row that runs. */
const void *running_row(void);

/* @row (a command, walker or another row, never freed) belongs to @plugin, a name that is never
 * freed. From the first one on, a fatal signal in one of them says so and ends the program with
 * status 1. */
void running_watch(const void *row, const char *plugin);

#endif
