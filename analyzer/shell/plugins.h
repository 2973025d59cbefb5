/*
 * The plugins of a session: found in two folders or loaded by hand, checked before anything of them
 * counts, and put among the commands and walkers. docs/plugins.md is the author's side of it.
 */
#ifndef ANALYZER_SHELL_PLUGINS_H
#define ANALYZER_SHELL_PLUGINS_H

#include "analyzer/shell/plugin.h"
#include "analyzer/shell/registry.h"

enum plugin_state {
	PLUGIN_LOADED,
	PLUGIN_NOT_SERVED, /* good, but it is for other targets; .why says which */
	PLUGIN_REFUSED,	   /* .why says why */
};

struct plugin_entry {
	enum plugin_state state;
	const struct plugin *plugin; /* NULL: refused before it was looked into */
	char *path, *why;	     /* .why: NULL when loaded */
};

struct plugins;

/* Both are borrowed; @t may be NULL. */
struct plugins *plugins_create(struct registry *r, struct target *t);
void plugins_destroy(struct plugins *p);

/*
 * Checks and loads one file. *ret_entry (may be NULL) is it, also when its target is another one,
 * which is no error. ERR_IO, ERR_FORMAT, ERR_MISMATCH (version, architecture, a clashing name):
 * then nothing was registered.
 */
struct err *plugins_load(
	struct plugins *p, const char *path, const struct plugin_entry **ret_entry) MUST_CHECK;

/* All *.so of the two folders, in order of names, the person's own first. What is refused is an
 * entry. */
void plugins_load_found(struct plugins *p);

/* Takes a plugin's commands and walkers back. Its code stays mapped until the program ends, because
 * views, rows and errors may still point into it. ERR_NOT_FOUND. */
struct err *plugins_unload(struct plugins *p, const char *name) MUST_CHECK;

/* NULL beyond the last. */
const struct plugin_entry *plugins_get(const struct plugins *p, size_t i);

/* Of a session. */
struct plugins *session_plugins(struct session *s);

#endif
