/* whatis: the definition of a type, or the declaration of what an expression stands for. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column whatis_columns[] = { { "of", .hidden = true },
	{ "type", .hidden = true }, { "size", .hidden = true }, { "text", .text_only = true },
	{ "definition", .hidden = true }, { 0 } };
static const struct table whatis_table = { .layout = LAYOUT_LINES, .columns = whatis_columns };

static const struct option whatis_options[] = {
	{ 'o', NULL, "offsets and sizes of a struct's members" }, { 0 }
};

struct answer {
	const char *of;
	const struct type *type;
	const char *text; /* what is shown */
	bool definition;
};

static void show(struct cx *cx, const struct answer *w)
{
	scoped_strbuf struct strbuf name = { 0 };
	type_declare(w->type, NULL, &name);
	out_table(cx->out, &whatis_table);
	out_row(cx->out);
	out_str(cx->out, "of", w->of);
	out_str(cx->out, "type", strbuf_text(&name));
	out_uint(cx->out, "size", type_strip(w->type)->size);
	if (w->definition)
		out_block(cx->out, "definition", w->text);
	out_block(cx->out, "text", w->text);
}

static bool is_bare(const char *text)
{
	return !text[strspn(
		text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")];
}

static struct err *show_type(struct cx *cx, const struct args *a, const struct type *type)
{
	scoped_strbuf struct strbuf text = { 0 };
	struct err *err = type_complete(cx->target->types, type_strip(type));
	if (!err)
		err = type_define(cx->target->types, type, args_flag(a, 'o'), &text);
	if (err)
		return err;
	show(cx, &(struct answer){ args_rest(a, 0), type, strbuf_text(&text), true });
	return NULL;
}

static struct err *show_value(struct cx *cx, const struct args *a, const struct value *v)
{
	scoped_strbuf struct strbuf text = { 0 };
	const char *of = args_rest(a, 0);
	if (v->type->kind == TYPE_FUNCTION)
		strbuf_addf(&text, "%s: a function; its parameters are not known here", of);
	else if (v->type->kind == TYPE_VOID)
		strbuf_addf(&text, "%s: a symbol without a known type", of);
	else if (is_bare(of)) /* as C declares it */
		type_declare(v->type, of, &text), strbuf_add_char(&text, ';');
	else
		type_declare(v->type, NULL, &text);
	if (v->bit_size)
		strbuf_addf(&text, " : %u", v->bit_size);
	show(cx, &(struct answer){ of, v->type, strbuf_text(&text), false });
	return NULL;
}

static struct err *whatis_run(struct cx *cx, const struct args *a)
{
	const struct debug_env *env = &cx->target->debug;
	const char *text = args_rest(a, 0);
	const struct type *type;
	const struct expr *x;
	struct value v;
	size_t at = 0;
	/* A variable before a struct of the same name, as C's scopes have it; "struct x" is the
	 * struct. */
	struct err *err = expr_parse(env, cx->arena, text, EXPR_C, &x, &at);
	if (!err)
		err = expr_eval_type(env, x, &v, &at);
	if (!err)
		return show_value(cx, a, &v);
	struct err *no_type = expr_parse_type(env, text, &type);
	if (!no_type) {
		err_drop(err); /* it was a type */
		return show_type(cx, a, type);
	}
	bool as_type = no_type->code == ERR_NOT_FOUND && strchr(text, ' ');
	struct err *worse = as_type ? no_type : err;
	err_drop(as_type ? err : no_type);
	return args_point(a, 0, as_type ? 0 : at, worse);
}

static const char *const whatis_examples[] = {
	"whatis init_task.tasks.next\ta part of a variable",
	"whatis jiffies + 1\twhat an expression is",
	"whatis -o list_head\ta struct's members with offsets and sizes",
	"whatis pid_t\ta typedef",
	NULL,
};

const struct command cmd_whatis = {
	.name = "whatis",
	.summary = "what a type, a variable or an expression is",
	.usage = "TYPE|EXPRESSION",
	.options = whatis_options,
	.examples = whatis_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.complete = "type",
	.run = whatis_run,
};
