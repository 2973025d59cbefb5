/* struct: a type's definition, or memory seen as that type. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column struct_columns[] = {
	{ "type", .hidden = true },
	{ "size", .hidden = true },
	{ "address", .hidden = true },
	{ "text" },
	{ 0 }
};
static const struct table struct_table = { .layout = LAYOUT_LINES, .columns = struct_columns };

static const struct option struct_options[] = {
	{ 'o', NULL, "offsets of the members" },
	{ 'x', NULL, "integers in hexadecimal" },
	{ 0 }
};

/* "struct list_head", "pid_t", "task_struct", "union thread_union": a bare word is a struct first. */
static struct err *find_type(struct cx *cx, const char *name, const struct type **ret)
{
	struct types *db = cx->target->types;
	if (strchr(name, ' '))
		return types_parse(db, name, ret);
	static const enum type_kind kinds[] = { TYPE_STRUCT, TYPE_UNION, TYPE_TYPEDEF, TYPE_ENUM };
	struct err *err = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		err_drop(err);
		err = types_find(db, kinds[i], name, NULL, ret);
		if (!err)
			return NULL;
	}
	err_drop(err);
	return err_new(ERR_NOT_FOUND, "no struct, union, typedef or enum is called %s", name);
}

static struct err *show_definition(struct cx *cx, const struct type *type, bool offsets)
{
	scoped_strbuf struct strbuf text = { 0 }, name = { 0 };
	struct err *err = type_define(cx->target->types, type, offsets, &text);
	if (err)
		return err;
	type_declare(type, NULL, &name);
	out_row(cx->out);
	out_str(cx->out, "type", strbuf_text(&name));
	out_uint(cx->out, "size", type->size);
	out_block(cx->out, "text", strbuf_text(&text));
	return NULL;
}

static struct err *show_object(struct cx *cx, const struct type *type, const char *path,
	uint64_t va, bool hex)
{
	scoped_strbuf struct strbuf text = { 0 }, name = { 0 };
	struct value_style style = { .hex = hex };
	struct field_ref field = { .type = type };
	struct err *err = path ? type_field(cx->target->types, type, path, &field) : NULL;
	struct value v = {
		.type = field.type,
		.va = va + field.bit_offset / 8,
		.bit_offset = (uint32_t)(field.bit_offset % 8),
		.bit_size = field.bit_size,
	};
	if (!err)
		err = value_format(&cx->target->debug, &v, &style, &text);
	if (err)
		return err;
	type_declare(v.type, NULL, &name);
	out_row(cx->out);
	out_str(cx->out, "type", strbuf_text(&name));
	out_uint(cx->out, "size", v.type->size);
	out_addr(cx->out, "address", v.va);
	out_block(cx->out, "text", strbuf_text(&text));
	return NULL;
}

static struct err *struct_run(struct cx *cx, const struct args *a)
{
	const struct type *type;
	uint64_t va;
	char *path = arena_strdup(cx->arena, args_get(a, 0));
	char *name = path;
	path = strchr(path, '.');
	if (path)
		*path++ = '\0';
	struct err *err = find_type(cx, name, &type);
	if (err)
		return err;
	out_table(cx->out, &struct_table);
	if (!args_get(a, 1))
		return show_definition(cx, type, args_flag(a, 'o'));
	err = target_need_kernel(cx->target);
	if (!err)
		err = address_parse(&cx->target->debug, args_get(a, 1), &va);
	if (!err)
		err = type_complete(cx->target->types, type_strip(type));
	return err ? err : show_object(cx, type, path, va, args_flag(a, 'x'));
}

static const char *const struct_examples[] = {
	"struct -o list_head\tits members with offsets",
	"struct task_struct init_task\ta symbol's memory as this struct",
	"struct task_struct.comm init_task\tone member of it",
	NULL,
};

const struct command cmd_struct = {
	.name = "struct",
	.alias = "union",
	.summary = "a type's definition, or memory as that type",
	.usage = "TYPE[.MEMBER] [ADDRESS|SYMBOL]",
	.options = struct_options,
	.examples = struct_examples,
	.min_args = 1,
	.max_args = 2,
	.complete = "type",
	.run = struct_run,
};
