/* list: the members of a linked list, as addresses or as structs. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column list_columns[] = { { "address", .width = WIDTH_ADDRESS },
	{ "type", .hidden = true }, { "value" }, { 0 } };
static const struct table list_table = { .layout = LAYOUT_LINES, .columns = list_columns };

static const struct option list_options[] = {
	{ 'o', "OFFSET", "of the list_head in its struct: a number or TYPE.MEMBER" },
	{ 's', "TYPE[.MEMBER,…]", "show each as this struct, or these members of it" },
	{ 'h', NULL, "START is a struct of the list, which comes first itself" },
	{ 'H', NULL, "START is the list_head outside of all structs: it is no member" },
	{ 'x', NULL, "integers in hexadecimal" }, { 0 }
};

struct shape {
	uint64_t offset;	 /* of the list_head in its struct */
	const struct type *type; /* NULL: addresses only */
	char *members;		 /* "a,b", or NULL */
	struct value_style style;
};

static struct err *parse_offset(struct cx *cx, const char *text, uint64_t *ret)
{
	struct field_ref f;
	const struct type *type;
	const char *dot = strchr(text, '.');
	if (number_parse(text, ret))
		return NULL;
	if (!dot)
		return err_new(ERR_USAGE, "option -o needs a number or TYPE.MEMBER, not %s", text);
	struct err *err = expr_parse_type(
		&cx->target->debug, arena_strndup(cx->arena, text, (size_t)(dot - text)), &type);
	if (!err)
		err = type_field(cx->target->types, type, dot + 1, &f);
	if (!err)
		*ret = f.bit_offset / 8;
	return err_wrap(err, "option -o");
}

static struct err *parse_shape(struct cx *cx, const struct args *a, struct shape *ret)
{
	*ret = (struct shape){ .style.hex = args_flag(a, 'x') };
	struct err *err = NULL;
	const char *type = args_option(a, 's');
	if (args_option(a, 'o'))
		err = parse_offset(cx, args_option(a, 'o'), &ret->offset);
	if (err || !type)
		return err;
	char *name = arena_strdup(cx->arena, type);
	ret->members = strchr(name, '.');
	if (ret->members)
		*ret->members++ = '\0';
	return err_wrap(expr_parse_type(&cx->target->debug, name, &ret->type), "option -s");
}

/* The struct, or its members behind each other. */
static struct err *add_value(struct cx *cx, const struct shape *s, uint64_t va, struct strbuf *text)
{
	const struct debug_env *env = &cx->target->debug;
	const struct value whole = { .type = s->type, .va = va };
	if (!s->members)
		return value_format(env, &whole, &s->style, text);
	scoped_free char *names = strdup(s->members);
	char *rest = names;
	struct err *err = NULL;
	for (char *one; !err && (one = strtok_r(rest, ",", &rest));) {
		struct field_ref f;
		err = type_field(cx->target->types, s->type, one, &f);
		if (err)
			return err;
		const struct value v = {
			.type = f.type,
			.va = va + f.bit_offset / 8,
			.bit_offset = f.bit_size ? (uint32_t)(f.bit_offset % 8) : 0,
			.bit_size = f.bit_size,
		};
		strbuf_addf(text, "%s.%s = ", text->len ? ", " : "", one);
		err = value_format(env, &v, &s->style, text);
	}
	return err;
}

static struct err *show(struct cx *cx, const struct shape *s, uint64_t va)
{
	scoped_strbuf struct strbuf text = { 0 }, name = { 0 };
	struct err *err = s->type ? add_value(cx, s, va, &text) : NULL;
	if (err && err->code != ERR_FAULT)
		return err;
	out_row(cx->out);
	out_addr(cx->out, "address", va);
	if (!s->type)
		return NULL;
	type_declare(s->type, NULL, &name);
	out_str(cx->out, "type", strbuf_text(&name));
	if (err)
		out_fault(cx->out, "value", err);
	else if (strchr(strbuf_text(&text), '\n'))
		out_block(cx->out, "value", strbuf_text(&text));
	else
		out_str(cx->out, "value", strbuf_text(&text));
	return NULL;
}

static struct err *list_run(struct cx *cx, const struct args *a)
{
	struct shape s;
	struct list_iter it;
	uint64_t start, node;
	bool more = true, external = args_flag(a, 'H');
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = parse_shape(cx, a, &s);
	if (!err)
		err = args_point(
			a, 0, 0, address_parse(&cx->target->debug, args_get(a, 0), &start));
	if (err)
		return err;
	out_table(cx->out, &list_table);
	if (args_flag(a, 'h'))
		start += s.offset;
	/* Without -H the head is a struct's own node, and so the first member. */
	if (!external)
		err = show(cx, &s, start - s.offset);
	list_iter_init(&it, cx->target, start);
	while (!err && !(err = list_iter_next(&it, &node, &more)) && more && node)
		err = show(cx, &s, node - s.offset);
	return err;
}

static const char *const list_examples[] = {
	"list -H modules -o module.list -s module.name\tfrom a list_head of its own",
	"list -h init_task -o task_struct.tasks -s task_struct.comm,pid\tfrom a struct that is on "
	"the list",
	"list init_task.tasks\tonly where the nodes are",
	NULL,
};

const struct command cmd_list = {
	.name = "list",
	.summary = "the members of a linked list",
	.usage = "START",
	.options = list_options,
	.examples = list_examples,
	.min_args = 1,
	.max_args = 1,
	.complete = "symbol",
	.run = list_run,
};
