/* Between complete.c, which knows lines, and complete_kinds.c, which knows what there is of each
 * kind. */
#ifndef ANALYZER_SHELL_COMPLETE_INTERNAL_H
#define ANALYZER_SHELL_COMPLETE_INTERNAL_H

#include "analyzer/shell/complete.h"
#include "analyzer/shell/session_internal.h"

void candidates_add(struct candidates *c, const char *name, const char *prefix);

/* A set of kinds: of struct command's word for one; of all that a usage or an option's argument
 * names,
 * "[ADDRESS|CACHE…]". 0: of none. */
unsigned complete_kind(const char *name);
unsigned complete_kinds_of(const char *usage);

void complete_kinds(
	const struct session *s, unsigned which, const char *prefix, struct candidates *ret);

/* "init_task.mm->pg" or, for a type, "task_struct.co": what stands before the last dot or arrow
 * says whose members they are. False: there is no dot. */
bool complete_members(
	const struct session *s, bool of_type, const char *prefix, struct candidates *ret);

/* The members of "struct task_struct", by their bare names. */
void complete_members_of(
	const struct session *s, const char *object, const char *prefix, struct candidates *ret);

#endif
