/*
 * The plugins of a session: found in two folders or loaded by hand, checked before anything of them
 * counts, and put among the commands and walkers. docs/plugins.md is the author's side of it.
 */
#ifndef ANALYZER_SHELL_PLUGINS_H
#define ANALYZER_SHELL_PLUGINS_H

#include "analyzer/shell/plugin.h"
#include "analyzer/shell/registry.h"

enum plugin_state {
	PLUGIN_WAITING, /* no session yet: its readers and finders count, and nothing else */
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

/* Before a dump is open. Outlives what it was bound to. */
struct plugins *plugins_create(void);
void plugins_destroy(struct plugins *p);

/* For a session: what waits is registered, served or refused. Both are borrowed until
 * plugins_unbind(); @t may be NULL. */
void plugins_bind(struct plugins *p, struct registry *r, struct target *t);
void plugins_unbind(struct plugins *p);

/* What the plugins so far add to the opening of dumps; valid until the next one is loaded. */
struct foreign_format;
struct foreign_finder;
const struct foreign_format *plugins_formats(const struct plugins *p, size_t *ret_n);
const struct foreign_finder *plugins_finders(const struct plugins *p, size_t *ret_n);

/*
 * Checks and loads one file. *ret_entry (may be NULL) is it, also when its target is another one,
 * which is no error; without a session it waits for plugins_bind(). ERR_IO, ERR_FORMAT,
 * ERR_MISMATCH (version, architecture, a clashing name): then nothing was registered.
 */
struct err *plugins_load(
	struct plugins *p, const char *path, const struct plugin_entry **ret_entry) MUST_CHECK;

/* All *.so of two folders, in order of names: the person's own, then lib/inquest/plugins of where
 * the program is installed. What is refused is an entry. */
void plugins_load_found(struct plugins *p);

/* Takes a plugin's commands and walkers back. Its code stays mapped until the program ends, because
 * views, rows and errors may still point into it. ERR_NOT_FOUND. */
struct err *plugins_unload(struct plugins *p, const char *name) MUST_CHECK;

/* NULL beyond the last. */
const struct plugin_entry *plugins_get(const struct plugins *p, size_t i);

/* Of a session. */
struct plugins *session_plugins(struct session *s);

#endif
