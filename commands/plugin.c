/* plugin: commands and walkers of others, loaded, listed and taken back. */
#include <string.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column plugin_columns[] = { { "name", .width = 12 }, { "version", .width = 8 },
	{ "state", .width = 10 }, { "commands", .width = 16 }, { "walkers", .width = 12 },
	{ "file", .width = 0 }, { "why" }, { "summary", .hidden = true }, { 0 } };
static const struct table plugin_table = { .layout = LAYOUT_TABLE, .columns = plugin_columns };

static const char *state_word(enum plugin_state s)
{
	return s == PLUGIN_LOADED ? "loaded" : s == PLUGIN_NOT_SERVED ? "not here" : "refused";
}

static void show(struct cx *cx, const struct plugin_entry *e)
{
	const struct plugin *g = e->plugin;
	scoped_strbuf struct strbuf commands = { 0 }, walkers = { 0 };
	for (size_t i = 0; g && g->commands && g->commands[i]; i++)
		strbuf_addf(&commands, "%s%s", i ? " " : "", g->commands[i]->name);
	for (size_t i = 0; g && g->walkers && g->walkers[i]; i++)
		strbuf_addf(&walkers, "%s%s", i ? " " : "", g->walkers[i]->name);
	out_table(cx->out, &plugin_table);
	out_row(cx->out);
	if (g) {
		out_str(cx->out, "name", g->name);
		out_str(cx->out, "version", g->version);
		out_str(cx->out, "summary", g->summary);
		out_str(cx->out, "commands", strbuf_text(&commands));
		out_str(cx->out, "walkers", strbuf_text(&walkers));
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
	.details = "At the start all *.so in ~/.local/share/inquest/plugins and "
		   "/usr/lib/inquest/plugins are loaded that serve this dump. One that does not is "
		   "`not here`, one that is broken or built for another version is `refused`.",
	.examples = plugin_examples,
	.max_args = 2,
	.needs_no_target = true,
	.complete = "file",
	.run = plugin_run,
};
