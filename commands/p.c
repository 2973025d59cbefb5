/* p: the value of a variable or of a part of it. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column p_columns[] = {
	{ "expression", .hidden = true },
	{ "type", .hidden = true },
	{ "address", .hidden = true },
	{ "value", .hidden = true },
	{ "text", .text_only = true },
	{ 0 }
};
static const struct table p_table = { .layout = LAYOUT_LINES, .columns = p_columns };

static const struct option p_options[] = {
	{ 'x', NULL, "integers in hexadecimal" },
	{ 'd', NULL, "integers in decimal (the default)" },
	{ 0 }
};

static struct err *p_run(struct cx *cx, const struct args *a)
{
	const char *expression = args_rest(a, 0);
	struct value v;
	struct value_style style = { .hex = args_flag(a, 'x') };
	scoped_strbuf struct strbuf value = { 0 }, type = { 0 }, text = { 0 };
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = value_parse(&cx->target->debug, expression, &v);
	if (!err)
		err = value_format(&cx->target->debug, &v, &style, &value);
	if (err)
		return err;
	type_declare(v.type, NULL, &type);
	strbuf_addf(&text, "%s = %s", expression, strbuf_text(&value));
	out_table(cx->out, &p_table);
	out_row(cx->out);
	out_str(cx->out, "expression", expression);
	out_str(cx->out, "type", strbuf_text(&type));
	out_addr(cx->out, "address", v.va);
	out_block(cx->out, "value", strbuf_text(&value));
	out_block(cx->out, "text", strbuf_text(&text));
	return NULL;
}

static const char *const p_examples[] = {
	"p jiffies\ta variable",
	"p init_task.comm\ta member",
	"p -x init_task.thread_info\ta struct, in hexadecimal",
	NULL,
};

const struct command cmd_p = {
	.name = "p",
	.alias = "print",
	.summary = "the value of a variable, its members and elements",
	.usage = "VARIABLE[.MEMBER|->MEMBER|[INDEX]…]",
	.options = p_options,
	.examples = p_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.complete = "symbol",
	.run = p_run,
};
