/* plugin: commands and walkers of others, loaded, listed and taken back. */
#include <string.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column plugin_columns[] = { { "name", .width = 12 }, { "version", .width = 8 },
	{ "state", .width = 10 }, { "commands", .width = 16 }, { "walkers", .width = 12 },
	{ "printers", .hidden = true }, { "readers", .hidden = true },
	{ "finders", .hidden = true }, { "rules", .hidden = true }, { "file", .width = 0 },
	{ "why" }, { "summary", .hidden = true }, { 0 } };
static const struct table plugin_table = { .layout = LAYOUT_TABLE, .columns = plugin_columns };

static const char *state_word(enum plugin_state s)
{
	return s == PLUGIN_LOADED	? "loaded"
	       : s == PLUGIN_WAITING	? "waiting"
	       : s == PLUGIN_NOT_SERVED ? "not here"
					: "refused";
}

/* The names of one kind of rows in a cell of that key. */
#define SHOW_NAMES(cx, g, list, name_of, between)                                                  \
	do {                                                                                       \
		scoped_strbuf struct strbuf b_ = { 0 };                                            \
		for (size_t i_ = 0; (g)->list && (g)->list[i_]; i_++)                              \
			strbuf_addf(&b_, "%s%s", i_ ? (between) : "", (g)->list[i_]->name_of);     \
		out_str((cx)->out, #list, strbuf_text(&b_));                                       \
	} while (0)

static void show(struct cx *cx, const struct plugin_entry *e)
{
	const struct plugin *g = e->plugin;
	out_table(cx->out, &plugin_table);
	out_nothing(cx->out, "no plugin is loaded");
	out_row(cx->out);
	if (g) {
		out_str(cx->out, "name", g->name);
		out_str(cx->out, "version", g->version);
		out_str(cx->out, "summary", g->summary);
		SHOW_NAMES(cx, g, commands, name, " ");
		SHOW_NAMES(cx, g, walkers, name, " ");
		SHOW_NAMES(cx, g, printers, type, ", ");
		SHOW_NAMES(cx, g, readers, name, ", ");
		SHOW_NAMES(cx, g, finders, name, ", ");
		SHOW_NAMES(cx, g, rules, name, ", ");
	}
	out_str(cx->out, "state", state_word(e->state));
	out_str(cx->out, "file", e->path);
	out_str(cx->out, "why", e->why);
}

static struct err *plugin_run(struct cx *cx, const struct args *a)
{
	struct plugins *p = session_plugins(cx->session);
	const struct plugin_entry *e;
	const char *verb = args_count(a) ? args_get(a, 0) : "list";
	if (!strcmp(verb, "list")) {
		if (args_count(a) > 1)
			return args_error(a, 1, "one argument too many");
		for (size_t i = 0; (e = plugins_get(p, i)); i++)
			show(cx, e);
		return NULL;
	}
	bool is_load = !strcmp(verb, "load");
	if (!is_load && strcmp(verb, "unload"))
		return args_error(a, 0, "load, list or unload stands here");
	if (args_count(a) < 2)
		return args_error(
			a, 1, is_load ? "a file is missing" : "a plugin's name is missing");
	if (!is_load)
		return args_point(a, 1, 0, plugins_unload(p, args_get(a, 1)));
	struct err *err = plugins_load(p, args_get(a, 1), &e);
	if (err)
		return err;
	show(cx, e);
	return NULL;
}

static const char *const plugin_examples[] = {
	"plugin\twhich there are, and why one is not in use",
	"plugin load ./ramoops.so\tone that is not in the folders for plugins",
	"plugin unload ramoops\ttakes its commands and walkers back",
	NULL,
};

const struct command cmd_plugin = {
	.name = "plugin",
	.summary = "commands and walkers of others: load, list, unload",
	.usage = "[load FILE|list|unload NAME]",
	.details = "At the start all *.so in ~/.local/share/inquest/plugins and in "
		   "lib/inquest/plugins of\n"
		   "where the program is installed are loaded that serve this dump. One that does "
		   "not is\n"
		   "`not here`, one that is broken or built for another version is `refused`. Dump "
		   "readers\n"
		   "and bootstrap finders work from there or with --plugin: before a dump is open.",
	.examples = plugin_examples,
	.max_args = 2,
	.needs_no_target = true,
	.complete = "file",
	.run = plugin_run,
};
