/* alias: short names for lines. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column alias_columns[] = { { "alias", .width = 12 }, { "line" }, { 0 } };
static const struct table alias_table = { .layout = LAYOUT_TABLE, .columns = alias_columns };

static struct err *alias_run(struct cx *cx, const struct args *a)
{
	const char *name, *line, *word = args_get(a, 0);
	if (args_count(a) > 1) {
		/* one quoted word is the line; several words are it as they stand */
		line = args_count(a) == 2 ? args_get(a, 1) : args_rest(a, 1);
		return args_point(a, 0, 0, session_set_alias(cx->session, word, line));
	}
	out_table(cx->out, &alias_table);
	bool found = !word;
	for (size_t i = 0; session_alias(cx->session, i, &name, &line); i++) {
		if (word && strcmp(word, name))
			continue;
		out_row(cx->out);
		out_str(cx->out, "alias", name);
		out_str(cx->out, "line", line);
		found = true;
	}
	return found ? NULL : err_new(ERR_NOT_FOUND, "no alias %s", word);
}

static const char *const alias_examples[] = {
	"alias\twhich there are",
	"alias kt 'ps | where mm == 0'\tfrom now on `kt` is that line, and `kt | count` goes on "
	"with it",
	"alias kt \"\"\ttakes it back",
	NULL,
};

const struct command cmd_alias = {
	.name = "alias",
	.summary = "short names for lines",
	.usage = "[NAME [LINE]]",
	.details =
		"The name stands for the line's beginning; what follows it on a line stays behind "
		"it. A line with `|` or `>` stands in quotes: alias kt 'ps | where mm == 0'.",
	.examples = alias_examples,
	.max_args = -1,
	.expression = true,
	.needs_no_target = true,
	.run = alias_run,
};
