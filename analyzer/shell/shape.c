/* Parses and shows the shape of what a walk reaches. */
#include "analyzer/shell/shape.h"

#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/expr.h"
#include "analyzer/debug/suggest.h"
#include "analyzer/shell/settings.h"
#include "analyzer/target/target.h"

struct err *shape_offset(struct cx *cx, const char *text, uint64_t *ret)
{
	struct field_ref f;
	const struct type *type;
	if (number_parse(text, ret))
		return NULL;
	const char *dot = strchr(text, '.');
	if (!dot)
		return err_new(ERR_USAGE, "a number or TYPE.MEMBER is wanted, not %s", text);
	struct err *err = expr_parse_type(
		&cx->target->debug, arena_strndup(cx->arena, text, (size_t)(dot - text)), &type);
	if (!err)
		err = suggest_member(cx->target->types, type, dot + 1,
			type_field(cx->target->types, type, dot + 1, &f));
	if (!err)
		*ret = f.bit_offset / 8;
	return err;
}

struct err *shape_parse_offset(struct cx *cx, const struct args *a, char letter, uint64_t *ret)
{
	const char *text = args_option(a, letter);
	*ret = 0;
	return text ? err_wrap(shape_offset(cx, text, ret), "option -%c", letter) : NULL;
}

static struct err *parse_part(struct cx *cx, char letter, const char *text, struct shape_part *ret)
{
	char *name = arena_strdup(cx->arena, text);
	ret->members = strchr(name, '.');
	if (ret->members)
		*ret->members++ = '\0';
	struct err *err = expr_parse_type(&cx->target->debug, name, &ret->type);
	return err_wrap(suggest_type(&cx->target->debug, name, err), "option -%c", letter);
}

struct err *shape_parse(struct cx *cx, const struct args *a, struct shape *ret)
{
	*ret = (struct shape){ .style = value_style_get(cx, a) };
	struct err *err = shape_parse_offset(cx, a, 'o', &ret->offset);
	for (const char *letter = "sS"; !err && *letter; letter++) {
		const char *text;
		for (size_t i = 0; !err && (text = args_option_at(a, *letter, i)); i++) {
			if (ret->nparts == SHAPE_PARTS_MAX)
				return err_new(ERR_USAGE, "option -%c: no more than %d", *letter,
					SHAPE_PARTS_MAX);
			err = parse_part(cx, *letter, text, &ret->part[ret->nparts++]);
		}
	}
	return err;
}

static struct err *add_member(struct cx *cx, const struct shape *s, const struct shape_part *p,
	uint64_t va, const char *path, struct strbuf *text)
{
	struct field_ref f;
	struct err *err = type_field(cx->target->types, p->type, path, &f);
	if (err)
		return suggest_member(cx->target->types, p->type, path, err);
	const struct value v = {
		.type = f.type,
		.va = va + f.bit_offset / 8,
		.bit_offset = f.bit_size ? (uint32_t)(f.bit_offset % 8) : 0,
		.bit_size = f.bit_size,
	};
	strbuf_addf(text, "%s.%s = ", text->len ? ", " : "", path);
	return value_format(&cx->target->debug, &v, &s->style, text);
}

/* The struct, or its members behind each other. */
static struct err *add_part(struct cx *cx, const struct shape *s, const struct shape_part *p,
	uint64_t va, struct strbuf *text)
{
	const struct value whole = { .type = p->type, .va = va };
	if (!p->members) {
		strbuf_add(text, text->len ? "\n" : "");
		return value_format(&cx->target->debug, &whole, &s->style, text);
	}
	scoped_free char *names = xstrdup(p->members);
	char *rest = names;
	struct err *err = NULL;
	for (char *one; !err && (one = strtok_r(rest, ",", &rest));)
		err = add_member(cx, s, p, va, one, text);
	return err;
}

struct err *shape_show(struct cx *cx, const struct shape *s, uint64_t va)
{
	scoped_strbuf struct strbuf text = { 0 }, name = { 0 };
	struct err *err = NULL;
	if (!s->nparts)
		return NULL;
	for (size_t i = 0; !err && i < s->nparts; i++) {
		scoped_strbuf struct strbuf one = { 0 };
		type_declare(s->part[i].type, NULL, &one);
		if (!strstr(strbuf_text(&name), strbuf_text(&one)))
			strbuf_addf(&name, "%s%s", name.len ? ", " : "", strbuf_text(&one));
		err = add_part(cx, s, &s->part[i], va, &text);
	}
	if (err && err->code != ERR_FAULT)
		return err;
	out_str(cx->out, "type", strbuf_text(&name));
	if (err)
		out_fault(cx->out, "value", err);
	else if (strchr(strbuf_text(&text), '\n'))
		out_block(cx->out, "value", strbuf_text(&text));
	else
		out_str(cx->out, "value", strbuf_text(&text));
	return NULL;
}
