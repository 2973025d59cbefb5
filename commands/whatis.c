/* whatis: the definition of a type, or the declaration of what an expression stands for. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column whatis_columns[] = { { "of", .hidden = true },
	{ "type", .hidden = true }, { "size", .hidden = true }, { "text", .text_only = true },
	{ "definition", .hidden = true }, { 0 } };
static const struct table whatis_table = { .layout = LAYOUT_LINES, .columns = whatis_columns };

static const struct column found_columns[] = { { "size", .width = 8, .align = ALIGN_RIGHT },
	{ "type" }, { 0 } };
static const struct table found_table = { .layout = LAYOUT_TABLE, .columns = found_columns };

static const struct option whatis_options[] = {
	{ 'o', NULL, "offsets and sizes of a struct's members" },
	{ 'r', "SIZE[-SIZE]", "all structs and unions of this many bytes" },
	{ 'm', "MEMBER", "all structs and unions with a member of this name or type" }, { 0 }
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

/* ---- searching all types ----------------------------------------------- */

struct search {
	struct cx *cx;
	uint64_t least, most; /* bytes; 0 and UINT64_MAX: any */
	const char *member;   /* NULL: any */
	const struct type **found; /* the command's arena has it */
	size_t n, room;
};

/* Whether @t has a member of the name, or of a type that is spelled so; what stands in anonymous
 * members is the struct's own, as it is in C. @budget ends what contains itself. */
static bool has_member(
	const struct search *s, struct types *db, const struct type *t, unsigned *budget)
{
	struct err *err = type_complete(db, t);
	if (err) { /* a damaged type has no members to be found by */
		err_drop(err);
		return false;
	}
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->member[i];
		const struct type *inner = type_strip(m->type);
		scoped_strbuf struct strbuf name = { 0 };
		type_declare(m->type, NULL, &name);
		if ((m->name && !strcmp(m->name, s->member)) ||
			!strcmp(strbuf_text(&name), s->member))
			return true;
		if (m->name || (inner->kind != TYPE_STRUCT && inner->kind != TYPE_UNION))
			continue;
		if (*budget && (--*budget, has_member(s, db, inner, budget)))
			return true;
	}
	return false;
}

static void remember(struct search *s, const struct type *t)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 256;
		const struct type **more = arena_alloc(s->cx->arena, s->room * sizeof(*more));
		if (s->n)
			memcpy(more, s->found, s->n * sizeof(*more));
		s->found = more;
	}
	s->found[s->n++] = t;
}

/* Structs, unions, and those without a tag by the name of their typedef. */
static struct err *consider(void *cx, const struct type *t)
{
	struct search *s = cx;
	unsigned budget = 4096;
	const struct type *body = type_strip(t);
	if (t->kind == TYPE_TYPEDEF && (body->name || body != t->target ||
			(body->kind != TYPE_STRUCT && body->kind != TYPE_UNION)))
		return NULL;
	if (body->size < s->least || body->size > s->most)
		return NULL;
	if (!s->member || has_member(s, s->cx->target->types, body, &budget))
		remember(s, t);
	return NULL;
}

static int compare_found(const void *x, const void *y)
{
	const struct type *a = *(const struct type *const *)x, *b = *(const struct type *const *)y;
	if (a->size != b->size && type_strip(a)->size != type_strip(b)->size)
		return type_strip(a)->size < type_strip(b)->size ? -1 : 1;
	int order = strcmp(a->name, b->name);
	return order ? order : (int)a->kind - (int)b->kind;
}

/* By size, then name. */
static void show_found(struct cx *cx, const struct search *s)
{
	out_table(cx->out, &found_table);
	if (s->n)
		qsort(s->found, s->n, sizeof(*s->found), compare_found);
	for (size_t i = 0; i < s->n; i++) {
		scoped_strbuf struct strbuf name = { 0 };
		type_declare(s->found[i], NULL, &name);
		out_row(cx->out);
		out_uint(cx->out, "size", type_strip(s->found[i])->size);
		out_str(cx->out, "type", strbuf_text(&name));
	}
}

/* "8", "0x100-512", both ends included. */
static struct err *parse_sizes(struct cx *cx, const char *text, struct search *s)
{
	char *low = arena_strdup(cx->arena, text), *high = strchr(low, '-');
	if (high)
		*high++ = '\0';
	if (!number_parse(low, &s->least) || !number_parse(high ? high : low, &s->most) ||
		s->least > s->most)
		return err_new(ERR_USAGE, "option -r needs SIZE or SIZE-SIZE, not %s", text);
	return NULL;
}

static struct err *find_types(struct cx *cx, const struct args *a)
{
	static const enum type_kind kinds[] = { TYPE_STRUCT, TYPE_UNION, TYPE_TYPEDEF };
	struct search s = { .cx = cx, .most = UINT64_MAX, .member = args_option(a, 'm') };
	struct err *err = NULL;
	if (args_count(a))
		return args_error(a, 0, "options -r and -m look through all types: no %s besides",
			args_get(a, 0));
	if (args_option(a, 'r'))
		err = parse_sizes(cx, args_option(a, 'r'), &s);
	bool shown = !err && types_modules_show(cx->target->types);
	for (size_t i = 0; !err && i < ARRAY_SIZE(kinds); i++)
		err = types_each(cx->target->types, kinds[i], consider, &s);
	if (shown)
		types_modules_hide(cx->target->types);
	if (!err)
		show_found(cx, &s);
	return err;
}

static struct err *whatis_run(struct cx *cx, const struct args *a)
{
	if (args_option(a, 'r') || args_option(a, 'm'))
		return find_types(cx, a);
	if (!args_count(a))
		return args_error(a, 0, "a TYPE or an EXPRESSION is missing");
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
	no_type = suggest_type(env, text, no_type);
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
	"whatis -r 64-128 -m list\tstructs of that size that have a member list",
	NULL,
};

const struct command cmd_whatis = {
	.name = "whatis",
	.summary = "what a type, a variable or an expression is",
	.usage = "[TYPE|EXPRESSION]",
	.options = whatis_options,
	.examples = whatis_examples,
	.min_args = 0,
	.max_args = -1,
	.expression = true,
	.complete = "type",
	.run = whatis_run,
};
