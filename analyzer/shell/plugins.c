/*
 * Finds, checks, loads and forgets plugins. All of a plugin's rows are looked at before the first
 * is registered, so that a refused one leaves nothing behind.
 */
#include "analyzer/shell/plugins.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/shell/api.h"
#include "analyzer/shell/plugin_check.h"
#include "analyzer/shell/plugin_file.h"
#include "analyzer/shell/plugin_parts.h"
#include "analyzer/shell/running.h"
#include "analyzer/target/target.h"

struct plugins {
	struct registry *registry; /* NULL: no session yet */
	struct target *target;
	struct plugin_parts parts;
	VEC(struct plugin_entry *) entries;
};

struct plugins *plugins_create(void)
{
	struct plugins *p = xcalloc(1, sizeof(*p));
	plugin_parts_init(&p->parts);
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
	plugin_parts_deinit(&p->parts);
	free(p);
}

const struct plugin_entry *plugins_get(const struct plugins *p, size_t i)
{
	return i < p->entries.n ? p->entries.v[i] : NULL;
}

static struct plugin_entry *entry_add(
	struct plugins *p, const char *path, const struct plugin *g, enum plugin_state state)
{
	struct plugin_entry *e = xcalloc(1, sizeof(*e));
	e->path = xstrdup(path);
	e->plugin = g;
	e->state = state;
	vec_push(&p->entries, e);
	return e;
}

/* Takes @why. */
static void entry_set(struct plugin_entry *e, enum plugin_state state, struct err *why)
{
	e->state = state;
	free(e->why);
	e->why = why ? xstrdup(why->msg) : NULL;
	err_drop(why); /* kept as text */
}

/* ---- the rows ---------------------------------------------------------------------------- */

/* Into @trial, which begins as a copy of what the session has: names clash there first. */
static struct err *check_clashes(const struct plugin *g, struct registry *trial)
{
	struct err *err = NULL;
	for (size_t i = 0; !err && g->commands && g->commands[i]; i++)
		err = registry_add(trial, g->commands[i]);
	for (size_t i = 0; !err && g->walkers && g->walkers[i]; i++)
		err = registry_add_walker(trial, g->walkers[i]);
	return err;
}

static struct err *check_names(const struct plugins *p, const struct plugin *g)
{
	struct registry trial = { 0 };
	for (size_t i = 0; i < p->registry->commands.n; i++)
		vec_push(&trial.commands, p->registry->commands.v[i]);
	for (size_t i = 0; i < p->registry->walkers.n; i++)
		vec_push(&trial.walkers, p->registry->walkers.v[i]);
	struct err *err = check_clashes(g, &trial);
	registry_deinit(&trial);
	return err;
}

static struct err *check_plugin(const struct plugins *p, const struct plugin *g)
{
	struct err *err = plugin_check(g);
	if (err)
		return err;
	for (size_t i = 0; i < p->entries.n; i++)
		if (p->entries.v[i]->plugin && !strcmp(p->entries.v[i]->plugin->name, g->name))
			return err_new(ERR_MISMATCH, "a plugin %s is there already, from %s",
				g->name, p->entries.v[i]->path);
	return NULL;
}

/* NULL when this target is served. */
static struct err *check_served(const struct plugins *p, const struct plugin_serves *s)
{
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

/* ---- loading ----------------------------------------------------------------------------- */

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

/* Those that serve this target; on an error none. */
static struct err *register_rules(struct plugins *p, const struct plugin *g)
{
	struct err *err = NULL;
	for (size_t i = 0; !err && p->target && g->rules && g->rules[i]; i++) {
		struct err *why = check_served(p, &g->rules[i]->serves);
		if (!why)
			err = plugin_parts_add_rule(g, g->rules[i], p->target);
		err_drop(why); /* a rule for other machines */
	}
	if (err)
		plugin_parts_remove_rules(g, p->target);
	return err;
}

/* After check_names(), which put the same rows into a copy: commands and walkers cannot clash any
 * more. */
static struct err *register_rows(struct plugins *p, const struct plugin *g)
{
	struct err *err = plugin_parts_add_printers(&p->parts, g, p->target);
	if (!err)
		err = register_rules(p, g);
	if (err)
		plugin_parts_remove_printers(&p->parts, g);
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

/* Names first: what is wrong with a plugin is wrong for every target. */
static struct err *bind(struct plugins *p, struct plugin_entry *e)
{
	struct err *err = check_names(p, e->plugin);
	struct err *why = err ? NULL : check_served(p, &e->plugin->serves);
	if (!err && !why)
		err = register_rows(p, e->plugin);
	if (!err)
		entry_set(e, why ? PLUGIN_NOT_SERVED : PLUGIN_LOADED, why);
	return err;
}

/* Maps and checks one file by itself. On an error nothing of it is left. */
static struct err *load(struct plugins *p, const char *path, struct plugin_entry **ret_entry)
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
	*ret_entry = entry_add(p, path, g, PLUGIN_WAITING);
	if (!p->registry)
		plugin_parts_add_early(&p->parts, g);
	return NULL;
}

static void entry_remove(struct plugins *p, size_t i)
{
	entry_destroy(p->entries.v[i]);
	memmove(&p->entries.v[i], &p->entries.v[i + 1],
		(--p->entries.n - i) * sizeof(p->entries.v[0]));
}

struct err *plugins_load(struct plugins *p, const char *path, const struct plugin_entry **ret_entry)
{
	struct plugin_entry *e;
	struct err *err = load(p, path, &e);
	if (!err && p->registry) {
		err = bind(p, e);
		if (err)
			entry_remove(
				p, p->entries.n -
					   1); /* its code stays mapped: a printer may have run */
	}
	if (!err && ret_entry)
		*ret_entry = e;
	return err_wrap(err, "%s", path);
}

void plugins_bind(struct plugins *p, struct registry *r, struct target *t)
{
	p->registry = r;
	p->target = t;
	if (t)
		t->debug.printers = p->parts.printers;
	for (size_t i = 0; i < p->entries.n; i++) {
		struct plugin_entry *e = p->entries.v[i];
		struct err *err = e->state == PLUGIN_WAITING ? bind(p, e) : NULL;
		if (err)
			entry_set(e, PLUGIN_REFUSED, err);
	}
}

void plugins_unbind(struct plugins *p)
{
	if (p->target)
		p->target->debug.printers = NULL;
	for (size_t i = 0; i < p->entries.n; i++)
		if (p->entries.v[i]->plugin)
			plugin_parts_remove_printers(&p->parts, p->entries.v[i]->plugin);
	p->registry = NULL;
	p->target = NULL;
}

const struct foreign_format *plugins_formats(const struct plugins *p, size_t *ret_n)
{
	*ret_n = p->parts.formats.n;
	return p->parts.formats.v;
}

const struct foreign_finder *plugins_finders(const struct plugins *p, size_t *ret_n)
{
	*ret_n = p->parts.finders.n;
	return p->parts.finders.v;
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
		struct plugin_entry *e;
		scoped_free char *path = xasprintf("%s/%s", folder, found[i]->d_name);
		struct err *err = load(p, path, &e);
		if (err)
			entry_set(entry_add(p, path, NULL, PLUGIN_REFUSED), PLUGIN_REFUSED, err);
		free(found[i]);
	}
	free(found);
}

/* Wherever `make install` put the program, its plugins are beside it: PREFIX/bin and PREFIX/lib.
 * NULL for one that runs where it was built. */
static char *installed_folder(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return NULL;
	self[n] = '\0';
	char *name = strrchr(self, '/');
	if (!name || name - self < 4 || memcmp(name - 4, "/bin", 4))
		return NULL;
	name[-4] = '\0';
	return xasprintf("%s/lib/inquest/plugins", self);
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
	scoped_free char *installed = installed_folder();
	if (installed)
		load_folder(p, installed);
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
		plugin_parts_remove_printers(&p->parts, g);
		plugin_parts_remove_rules(g, p->target);
		entry_remove(p, i);
		return NULL;
	}
	return err_new(ERR_NOT_FOUND, "no plugin %s is loaded; try: plugin list", name);
}
