/* help: the list of commands, or all that one command says of itself. */
#include <string.h>

#include "analyzer/api.h"

static const struct column list_columns[] = {
	{ "name", .width = 8 },
	{ "alias", .hidden = true },
	{ "usage", .hidden = true },
	{ "summary" },
	{ 0 },
};
static const struct table list_table = { LAYOUT_LINES, list_columns };

static const struct column option_columns[] = {
	{ "option", .width = 12 },
	{ "argument", .hidden = true },
	{ "help" },
	{ 0 },
};
static const struct table option_table = { LAYOUT_LINES, option_columns };

static const struct column example_columns[] = {
	{ "line", .width = 28 },
	{ "shows" },
	{ 0 },
};
static const struct table example_table = { LAYOUT_LINES, example_columns };

static const struct column page_columns[] = {
	{ "name", .hidden = true },
	{ "usage", .title = "usage" },
	{ "alias", .title = "alias" },
	{ "summary", .title = "shows" },
	{ "details" },
	{ "options", .title = "options", .list = &option_table },
	{ "examples", .title = "examples", .list = &example_table },
	{ 0 },
};
static const struct table page_table = { LAYOUT_RECORD, page_columns };

static void help_list(struct cx *cx)
{
	const struct command *c;
	out_table(cx->out, &list_table);
	for (size_t i = 0; (c = session_command(cx->session, i)); i++) {
		scoped_strbuf struct strbuf usage = { 0 };
		command_usage(c, &usage);
		out_row(cx->out);
		out_str(cx->out, "name", c->name);
		out_str(cx->out, "alias", c->alias);
		out_str(cx->out, "usage", strbuf_text(&usage));
		out_str(cx->out, "summary", c->summary);
	}
}

static void list_options(struct out *o, const struct command *c)
{
	if (!c->options || !c->options[0].letter)
		return;
	out_list_begin(o, "options");
	for (const struct option *opt = c->options; opt->letter; opt++) {
		out_row(o);
		if (opt->word)
			out_strf(o, "option", "-%s%s%s", opt->word, opt->arg ? " " : "",
				opt->arg ? opt->arg : "");
		else
			out_strf(o, "option", "-%c%s%s", opt->letter, opt->arg ? " " : "",
				opt->arg ? opt->arg : "");
		out_str(o, "argument", opt->arg);
		out_str(o, "help", opt->help);
	}
	out_list_end(o);
}

static void list_examples(struct out *o, const struct command *c)
{
	if (!c->examples)
		return;
	out_list_begin(o, "examples");
	for (size_t i = 0; c->examples[i]; i++) {
		const char *line = c->examples[i], *tab = strchr(line, '\t');
		out_row(o);
		out_str_n(o, "line", line, tab ? (size_t)(tab - line) : strlen(line));
		out_str(o, "shows", tab ? tab + 1 : NULL);
	}
	out_list_end(o);
}

static void help_page(struct cx *cx, const struct command *c)
{
	struct out *o = cx->out;
	scoped_strbuf struct strbuf usage = { 0 };
	command_usage(c, &usage);
	out_table(o, &page_table);
	out_row(o);
	out_str(o, "name", c->name);
	out_str(o, "usage", strbuf_text(&usage));
	out_str(o, "alias", c->alias);
	out_str(o, "summary", c->summary);
	out_block(o, "details", c->details);
	list_options(o, c);
	list_examples(o, c);
}

static struct err *help_run(struct cx *cx, const struct args *a)
{
	if (!args_count(a)) {
		help_list(cx);
		return NULL;
	}
	for (int i = 0; i < args_count(a); i++) {
		const struct command *c;
		struct err *err = session_find_command(cx->session, args_get(a, i), &c);
		if (err)
			return err_wrap(err, "%s", args_get(a, i));
		help_page(cx, c);
	}
	return NULL;
}

static const char *const help_examples[] = {
	"help\tthe commands",
	"help bt\toptions and examples of bt",
	NULL,
};

const struct command cmd_help = {
	.name = "help",
	.alias = "?",
	.summary = "list the commands, or explain one",
	.usage = "[COMMAND…]",
	.details = "Every line may end in `> FILE`, `>> FILE` or `| SHELL COMMAND`; !COMMAND runs "
		   "one of\n"
		   "the host's. In an expression > and | stand in parentheses. # begins a comment "
		   "line.",
	.examples = help_examples,
	.max_args = -1,
	.needs_no_target = true,
	.complete = "command",
	.run = help_run,
};
