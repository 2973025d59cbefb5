/*
 * Walkers: named sources of objects. `walk task`, `ps | walk vma`, `walk list task_struct.tasks
 * init_task`. A walker knows how to go from one object to the next; what is done with them is the
 * pipeline's.
 */
#ifndef ANALYZER_SHELL_WALKER_H
#define ANALYZER_SHELL_WALKER_H

#include "analyzer/shell/command.h"

struct walking {
	struct cx *cx;
	const struct args
		*args; /* of the command walk: args_get(args, first) is the walker's first */
	int first;
	uint64_t from;	    /* the object to begin at, for a walker with .over */
	const char *yields; /* set at first to the walker's own; a walker may say it anew before it
			       emits */
	const struct table *table; /* walk.c's */
};

struct walker {
	const char *name;
	const char *summary;
	const char *usage; /* its arguments; "" for none */
	const char *over;  /* "struct task_struct": it begins at one of these; NULL: at the kernel's
			      own root */
	const char *yields;	/* "struct vm_area_struct"; "*": its arguments tell */
	int min_args, max_args; /* without the object that .over wants */
	/* Calls walk_emit() for each. One damaged element is a complaint, not the end. */
	struct err *(*run)(struct walking *w);
};

/* One object found: a row. */
void walk_emit(struct walking *w, uint64_t va);

/* Those that the session knows, in the order in which they are listed; NULL beyond the end. */
const struct walker *session_walker(const struct session *s, size_t i);

/* ERR_NOT_FOUND with a suggestion. */
struct err *session_find_walker(
	const struct session *s, const char *name, const struct walker **ret) MUST_CHECK;

#endif
