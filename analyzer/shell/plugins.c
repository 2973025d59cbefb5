/*
 * Finds, checks, loads and forgets plugins. All of a plugin's rows are looked at before the first
 * is registered, so that a refused one leaves nothing behind.
 */
#include "analyzer/shell/plugins.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/shell/api.h"
#include "analyzer/shell/plugin_file.h"
#include "analyzer/shell/running.h"

enum { ROWS_MAX = 256, NAME_MAX_LETTERS = 32 };

struct plugins {
	struct registry *registry;
	struct target *target;
	VEC(struct plugin_entry *) entries;
};

struct plugins *plugins_create(struct registry *r, struct target *t)
{
	struct plugins *p = xcalloc(1, sizeof(*p));
	p->registry = r;
	p->target = t;
	return p;
}

static void entry_destroy(struct plugin_entry *e)
{
	free(e->path);
	free(e->why);
	free(e);
}

void plugins_destroy(struct plugins *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->entries.n; i++)
		entry_destroy(p->entries.v[i]);
	vec_deinit(&p->entries);
	free(p);
}

const struct plugin_entry *plugins_get(const struct plugins *p, size_t i)
{
	return i < p->entries.n ? p->entries.v[i] : NULL;
}

static const struct plugin_entry *entry_add(
	struct plugins *p, const char *path, const struct plugin *g, struct err *why)
{
	struct plugin_entry *e = xcalloc(1, sizeof(*e));
	e->path = xstrdup(path);
	e->plugin = g;
	e->state = !why ? PLUGIN_LOADED : g ? PLUGIN_NOT_SERVED : PLUGIN_REFUSED;
	e->why = why ? xstrdup(why->msg) : NULL;
	err_drop(why); /* kept as text */
	vec_push(&p->entries, e);
	return e;
}

/* ---- the rows -------------------------------------------------------------------------------- */

static bool is_name(const char *s)
{
	size_t n = s ? strlen(s) : 0;
	if (!n || n > NAME_MAX_LETTERS || !isalpha((unsigned char)*s))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' && s[i] != '-')
			return false;
	return true;
}

static struct err *check_options(const struct command *c)
{
	bool seen[128] = { false };
	const struct option *o = c->options;
	for (; o && o->letter; o++) {
		unsigned char letter = (unsigned char)o->letter;
		if (letter >= 128 || !isgraph(letter) || seen[letter] || !o->help)
			return err_new(ERR_FORMAT,
				"command %s: its option -%c is given twice or has no help", c->name,
				isgraph(letter) ? letter : '?');
		seen[letter] = true;
	}
	return NULL;
}

static struct err *check_command(const struct command *c)
{
	if (!is_name(c->name))
		return err_new(ERR_FORMAT, "a command without a proper name");
	if (c->alias && !is_name(c->alias))
		return err_new(ERR_FORMAT, "command %s: its alias is no proper name", c->name);
	if (!c->summary || !c->run)
		return err_new(ERR_FORMAT, "command %s has no %s", c->name,
			c->run ? "summary" : "run function");
	if (c->stage)
		return err_new(
			ERR_FORMAT, "command %s: a plugin cannot add stages of pipelines", c->name);
	if (c->max_args >= 0 && c->min_args > c->max_args)
		return err_new(ERR_FORMAT, "command %s wants at least %d arguments and at most %d",
			c->name, c->min_args, c->max_args);
	return check_options(c);
}

static struct err *check_walker(const struct walker *k)
{
	if (!is_name(k->name))
		return err_new(ERR_FORMAT, "a walker without a proper name");
	if (!k->summary || !k->yields || !k->run)
		return err_new(ERR_FORMAT, "walker %s has no %s", k->name,
			!k->run	     ? "run function"
			: !k->yields ? "type that it yields"
				     : "summary");
	return NULL;
}

/* Into @trial, which begins as a copy of what the session has: names clash there first. */
static struct err *check_rows(const struct plugin *g, struct registry *trial)
{
	struct err *err = NULL;
	for (size_t i = 0; !err && g->commands && g->commands[i]; i++) {
		err = i < ROWS_MAX ? check_command(g->commands[i])
				   : err_new(ERR_FORMAT, "more than %d commands", ROWS_MAX);
		if (!err)
			err = registry_add(trial, g->commands[i]);
	}
	for (size_t i = 0; !err && g->walkers && g->walkers[i]; i++) {
		err = i < ROWS_MAX ? check_walker(g->walkers[i])
				   : err_new(ERR_FORMAT, "more than %d walkers", ROWS_MAX);
		if (!err)
			err = registry_add_walker(trial, g->walkers[i]);
	}
	return err;
}

static struct err *check_plugin(const struct plugins *p, const struct plugin *g)
{
	struct registry trial = { 0 };
	if (!is_name(g->name) || !g->version || !g->summary)
		return err_new(ERR_FORMAT, "it has no proper name, no version or no summary");
	for (size_t i = 0; i < ARRAY_SIZE(g->reserved); i++)
		if (g->reserved[i])
			return err_new(ERR_FORMAT, "what is reserved is not NULL");
	for (size_t i = 0; i < p->entries.n; i++)
		if (p->entries.v[i]->plugin && !strcmp(p->entries.v[i]->plugin->name, g->name))
			return err_new(ERR_MISMATCH, "a plugin %s is there already, from %s",
				g->name, p->entries.v[i]->path);
	for (size_t i = 0; i < p->registry->commands.n; i++)
		vec_push(&trial.commands, p->registry->commands.v[i]);
	for (size_t i = 0; i < p->registry->walkers.n; i++)
		vec_push(&trial.walkers, p->registry->walkers.v[i]);
	struct err *err = check_rows(g, &trial);
	registry_deinit(&trial);
	return err;
}

/* NULL when it serves this target. */
static struct err *check_served(const struct plugins *p, const struct plugin *g)
{
	const struct plugin_serves *s = &g->serves;
	if (!s->architecture && !s->symbol && !s->compatible)
		return NULL;
	if (!p->target)
		return err_new(ERR_MISSING, "no dump is open");
	const char *architecture = api_architecture(p->target);
	if (s->architecture && (!architecture || strcmp(s->architecture, architecture)))
		return err_new(ERR_MISSING, "it serves %s, this dump is of %s", s->architecture,
			architecture ? architecture : "an unknown architecture");
	if (s->symbol && !api_has_symbol(p->target, s->symbol))
		return err_new(ERR_MISSING, "this kernel has no symbol %s", s->symbol);
	if (s->compatible && !api_machine_is(p->target, s->compatible))
		return err_new(ERR_MISSING, "this machine is no %s", s->compatible);
	return NULL;
}

/* ---- loading --------------------------------------------------------------------------------- */

/*
 * What was checked is what is loaded: by the descriptor, which stays open as long as the code is
 * mapped, because the dynamic linker knows files by their names and would take a second one of that
 * name for the first.
 */
static struct err *map_file(
	const char *path, const struct plugin **ret, void **ret_handle, int *ret_fd)
{
	scoped_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_io(errno, "cannot be opened");
	struct err *err = plugin_file_check(fd);
	if (err)
		return err;
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		const char *why = dlerror();
		size_t skip = why && !strncmp(why, name, strlen(name)) ? strlen(name) : 0;
		skip += skip ? strspn(why + skip, ": ") : 0;
		return err_new(ERR_MISMATCH, "%s", why ? why + skip : "it cannot be loaded");
	}
	*ret = dlsym(handle, "plugin");
	*ret_handle = handle;
	*ret_fd = fd;
	fd = -1;
	return *ret ? NULL : err_new(ERR_FORMAT, "no `const struct plugin plugin`");
}

/* After check_plugin(), which put the same rows into a copy: nothing can clash any more. */
static struct err *register_rows(struct plugins *p, const struct plugin *g)
{
	struct err *err = NULL;
	for (size_t i = 0; !err && g->commands && g->commands[i]; i++) {
		err = registry_add(p->registry, g->commands[i]);
		running_watch(g->commands[i], g->name);
	}
	for (size_t i = 0; !err && g->walkers && g->walkers[i]; i++) {
		err = registry_add_walker(p->registry, g->walkers[i]);
		running_watch(g->walkers[i], g->name);
	}
	return err;
}

static struct err *load(struct plugins *p, const char *path, const struct plugin_entry **ret_entry)
{
	const struct plugin *g = NULL;
	void *handle = NULL;
	int fd = -1;
	struct err *err = map_file(path, &g, &handle, &fd);
	if (!err)
		err = check_plugin(p, g);
	if (err) {
		if (handle)
			dlclose(handle);
		if (fd >= 0)
			close(fd);
		return err;
	}
	struct err *why = check_served(p, g);
	if (!why)
		err = register_rows(p, g);
	*ret_entry = entry_add(p, path, g, why);
	return err;
}

struct err *plugins_load(struct plugins *p, const char *path, const struct plugin_entry **ret_entry)
{
	const struct plugin_entry *e;
	struct err *err = load(p, path, &e);
	if (!err && ret_entry)
		*ret_entry = e;
	return err_wrap(err, "%s", path);
}

static int is_plugin(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return n > 3 && !strcmp(d->d_name + n - 3, ".so");
}

static void load_folder(struct plugins *p, const char *folder)
{
	struct dirent **found;
	int n = scandir(folder, &found, is_plugin, alphasort);
	if (n < 0)
		return; /* there mostly is none */
	for (int i = 0; i < n; i++) {
		const struct plugin_entry *e;
		scoped_free char *path = xasprintf("%s/%s", folder, found[i]->d_name);
		struct err *err = load(p, path, &e);
		if (err)
			entry_add(p, path, NULL, err);
		free(found[i]);
	}
	free(found);
}

void plugins_load_found(struct plugins *p)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	/* Absolute ones only, as the XDG base directory specification wants: never the current
	 * folder. */
	if (data && data[0] == '/') {
		scoped_free char *own = xasprintf("%s/inquest/plugins", data);
		load_folder(p, own);
	} else if (home && home[0] == '/') {
		scoped_free char *own = xasprintf("%s/.local/share/inquest/plugins", home);
		load_folder(p, own);
	}
	load_folder(p, "/usr/lib/inquest/plugins");
}

struct err *plugins_unload(struct plugins *p, const char *name)
{
	for (size_t i = 0; i < p->entries.n; i++) {
		const struct plugin *g = p->entries.v[i]->plugin;
		if (!g || strcmp(g->name, name))
			continue;
		for (size_t j = 0; g->commands && g->commands[j]; j++)
			registry_remove(p->registry, g->commands[j]);
		for (size_t j = 0; g->walkers && g->walkers[j]; j++)
			registry_remove_walker(p->registry, g->walkers[j]);
		entry_destroy(p->entries.v[i]);
		memmove(&p->entries.v[i], &p->entries.v[i + 1],
			(--p->entries.n - i) * sizeof(p->entries.v[0]));
		return NULL;
	}
	return err_new(ERR_NOT_FOUND, "no plugin %s is loaded; try: plugin list", name);
}
