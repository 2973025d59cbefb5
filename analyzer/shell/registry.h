/* The commands that a session knows, built-in and, later, of plugins: lookup and suggestions. */
#ifndef ANALYZER_SHELL_REGISTRY_H
#define ANALYZER_SHELL_REGISTRY_H

#include "analyzer/base/vec.h"
#include "analyzer/shell/command.h"

struct registry {
	VEC(const struct command *) commands;
};

void registry_deinit(struct registry *r);

/* Adds @c (borrowed). ERR_MISMATCH when its name or alias is taken. */
struct err *registry_add(struct registry *r, const struct command *c) MUST_CHECK;

/* Whether a command has exactly this name or alias. */
bool registry_has(const struct registry *r, const char *name);

/* By exact name or alias; ERR_NOT_FOUND with "did you mean". Beginnings of names are not taken for
 * names: a script must not change its meaning when a command is added. */
struct err *registry_find(
	const struct registry *r, const char *name, const struct command **ret) MUST_CHECK;

/* The built-in commands, NULL-terminated. */
extern const struct command *const builtin_commands[];

#endif
