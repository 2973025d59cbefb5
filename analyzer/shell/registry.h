/* The commands and walkers that a session knows, built-in and of plugins: lookup and suggestions.
 */
#ifndef ANALYZER_SHELL_REGISTRY_H
#define ANALYZER_SHELL_REGISTRY_H

#include "analyzer/base/vec.h"
#include "analyzer/shell/command.h"
#include "analyzer/shell/walker.h"

struct registry {
	VEC(const struct command *) commands;
	VEC(const struct walker *) walkers;
};

void registry_deinit(struct registry *r);

/* Adds @c (borrowed). ERR_MISMATCH when its name or alias is taken. */
struct err *registry_add(struct registry *r, const struct command *c) MUST_CHECK;

/* The same for a walker; commands and walkers have names of their own. */
struct err *registry_add_walker(struct registry *r, const struct walker *k) MUST_CHECK;

/* Takes them out again; what is not there is none of its business. */
void registry_remove(struct registry *r, const struct command *c);
void registry_remove_walker(struct registry *r, const struct walker *k);

/* Whether a command has exactly this name or alias. */
bool registry_has(const struct registry *r, const char *name);

/* Whether @c is of the program itself and of no plugin. */
bool registry_is_builtin(const struct command *c);

/* By exact name or alias; ERR_NOT_FOUND with "did you mean". Beginnings of names are not taken for
 * names: a script must not change its meaning when a command is added. */
struct err *registry_find(
	const struct registry *r, const char *name, const struct command **ret) MUST_CHECK;

/* By exact name; ERR_NOT_FOUND with "did you mean". */
struct err *registry_find_walker(
	const struct registry *r, const char *name, const struct walker **ret) MUST_CHECK;

/* The built-in ones, NULL-terminated, in the order in which they are listed. */
extern const struct command *const builtin_commands[];
extern const struct walker *const builtin_walkers[];

#endif
