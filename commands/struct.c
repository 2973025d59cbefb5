/* struct: a type's definition, or memory seen as that type. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column struct_columns[] = { { "type", .hidden = true },
	{ "size", .hidden = true }, { "address", .hidden = true }, { "cpu", .hidden = true },
	{ "member", .hidden = true }, { "value", .hidden = true }, { "text" }, { 0 } };
static const struct table struct_table = { .layout = LAYOUT_LINES, .columns = struct_columns };

static const struct option struct_options[] = {
	{ 'o', NULL, "offsets of the members; with ADDRESS their addresses" },
	{ 'x', NULL, "integers in hexadecimal" },
	{ 'd', NULL, "integers in decimal" },
	{ 'l', "OFFSET", "ADDRESS is that of a member: its offset, or TYPE.MEMBER" },
	{ 'D', "DEPTH", "structs within structs down to this depth (default 16)" }, { 0 }
};

enum { COUNT_MAX = 1 << 20 };

/* What the arguments ask for. */
struct request {
	const struct type *type;
	char **member; /* names; none: the whole */
	size_t nmembers;
	bool many; /* several objects: each says its address */
	struct value_style style;
};

/* ---- definitions ----------------------------------------------- */

static void type_row(struct cx *cx, const struct type *type)
{
	scoped_strbuf struct strbuf name = { 0 };
	type_declare(type, NULL, &name);
	out_row(cx->out);
	out_str(cx->out, "type", strbuf_text(&name));
	out_uint(cx->out, "size", type_strip(type)->size);
}

static struct err *show_definition(struct cx *cx, const struct type *type, bool offsets)
{
	scoped_strbuf struct strbuf text = { 0 };
	struct err *err = type_define(cx->target->types, type, offsets, &text);
	if (err)
		return err;
	type_row(cx, type);
	out_block(cx->out, "text", strbuf_text(&text));
	return NULL;
}

/* Place, size and declaration of one member, in a struct at @va (0: offsets). */
static void show_place(struct cx *cx, const char *path, const struct field_ref *f, uint64_t va)
{
	scoped_strbuf struct strbuf decl = { 0 };
	uint64_t at = va + f->bit_offset / 8;
	type_declare(f->type, path, &decl);
	type_row(cx, f->type);
	out_str(cx->out, "member", path);
	if (va)
		out_addr(cx->out, "address", at);
	else
		out_uint(cx->out, "value", at);
	if (f->bit_size)
		strbuf_addf(&decl, " : %u", f->bit_size);
	out_strf(cx->out, "text", va ? "[0x%llx] %s;" : "[%llu] %s;", (unsigned long long)at,
		strbuf_text(&decl));
}

static struct err *show_places(struct cx *cx, const struct request *r, uint64_t va)
{
	const struct type *t = type_strip(r->type);
	for (size_t i = 0; i < r->nmembers; i++) {
		struct field_ref f;
		struct err *err = type_field(cx->target->types, t, r->member[i], &f);
		if (err)
			return suggest_member(cx->target->types, t, r->member[i], err);
		show_place(cx, r->member[i], &f, va);
	}
	for (uint32_t i = 0; !r->nmembers && i < t->nmembers; i++) {
		const struct type_member *m = &t->member[i];
		const struct field_ref f = { m->type, m->bit_offset, m->bit_size };
		show_place(cx, m->name ? m->name : "", &f, va);
	}
	return NULL;
}

/* ---- objects ----------------------------------------------- */

/* One member of the object at @va, or all of it when @path is NULL. */
static struct err *show_part(
	struct cx *cx, const struct request *r, const char *path, uint64_t va, int cpu)
{
	scoped_strbuf struct strbuf value = { 0 }, text = { 0 };
	struct field_ref field = { .type = r->type };
	struct err *err = path ? type_field(cx->target->types, r->type, path, &field) : NULL;
	if (err)
		return suggest_member(cx->target->types, r->type, path, err);
	struct value v = {
		.type = field.type,
		.va = va + field.bit_offset / 8,
		.bit_offset = field.bit_size ? (uint32_t)(field.bit_offset % 8) : 0,
		.bit_size = field.bit_size,
	};
	err = value_format(&cx->target->debug, &v, &r->style, &value);
	if (err)
		return err;
	if (r->many)
		strbuf_addf(&text, "0x%llx", (unsigned long long)va);
	if (cpu >= 0)
		strbuf_addf(&text, " (CPU %d)", cpu);
	/* One member of one object stands alone, so that a script has no words to take off. */
	if (path && (r->many || r->nmembers > 1))
		strbuf_addf(&text, ".%s", path);
	strbuf_addf(&text, text.len ? " = %s" : "%s", strbuf_text(&value));
	type_row(cx, v.type);
	out_addr(cx->out, "address", v.va);
	if (cpu >= 0)
		out_int(cx->out, "cpu", cpu);
	out_str(cx->out, "member", path);
	out_block(cx->out, "value", strbuf_text(&value));
	out_block(cx->out, "text", strbuf_text(&text));
	return NULL;
}

static struct err *show_object(struct cx *cx, const struct request *r, uint64_t va, int cpu)
{
	struct err *err = r->nmembers ? NULL : show_part(cx, r, NULL, va, cpu);
	for (size_t i = 0; !err && i < r->nmembers; i++)
		err = show_part(cx, r, r->member[i], va, cpu);
	return err;
}

static struct err *show_copies(
	struct cx *cx, struct request *r, uint64_t va, const struct cpu_mask *cpus)
{
	r->many = true;
	for (unsigned cpu = 0; (cpu = cpu_mask_next(cpus, cpu)) < CPUS_MAX; cpu++) {
		uint64_t copy;
		struct err *err = percpu_address(cx->target, va, cpu, &copy);
		if (!err)
			err = show_object(cx, r, copy, (int)cpu);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- arguments ----------------------------------------------- */

/* "task_struct.comm,pid": the names behind the first dot, split at commas. */
static struct err *parse_request(struct cx *cx, const struct args *a, struct request *ret)
{
	char *name = arena_strdup(cx->arena, args_get(a, 0));
	char *path = strchr(name, '.');
	size_t n = 1;
	if (path)
		*path++ = '\0';
	struct err *err = expr_parse_type(&cx->target->debug, name, &ret->type);
	if (err)
		return args_point(a, 0, 0, suggest_type(&cx->target->debug, name, err));
	if (!path)
		return NULL;
	for (const char *p = path; *p; p++)
		n += *p == ',';
	ret->member = arena_alloc(cx->arena, n * sizeof(char *));
	for (char *one = strtok_r(path, ",", &path); one; one = strtok_r(NULL, ",", &path))
		ret->member[ret->nmembers++] = one;
	return ret->nmembers ? NULL : args_error(a, 0, "a member's name is missing behind the dot");
}

/* -l: a number, TYPE.MEMBER, or a member of the type itself. */
static struct err *parse_offset(
	struct cx *cx, const struct args *a, const struct request *r, uint64_t *ret)
{
	const char *text = args_option(a, 'l');
	*ret = 0;
	if (!text || number_parse(text, ret))
		return NULL;
	const char *dot = strchr(text, '.');
	const struct type *type = r->type;
	struct field_ref f;
	struct err *err = NULL;
	if (dot)
		err = expr_parse_type(&cx->target->debug,
			arena_strndup(cx->arena, text, (size_t)(dot - text)), &type);
	if (!err)
		err = type_field(cx->target->types, type, dot ? dot + 1 : text, &f);
	if (!err)
		*ret = f.bit_offset / 8;
	return err_wrap(err, "option -l");
}

static struct err *parse_place(struct cx *cx, const struct args *a, uint64_t *ret_va,
	struct cpu_mask *ret_cpus, bool *ret_copies)
{
	const char *where = args_get(a, 1);
	size_t n = cpu_suffix_find(where);
	struct err *err = target_need_kernel(cx->target);
	*ret_copies = n > 0;
	if (!err && n)
		err = cpu_list_parse(cx->target, where + n + 1, ret_cpus);
	if (!err)
		err = address_parse(
			&cx->target->debug, n ? arena_strndup(cx->arena, where, n) : where, ret_va);
	return args_point(a, 1, 0, err);
}

static struct err *show_memory(struct cx *cx, const struct args *a, struct request *r)
{
	uint64_t va, offset, size = type_strip(r->type)->size;
	int64_t count = 1;
	bool copies;
	struct cpu_mask cpus;
	struct err *err = parse_place(cx, a, &va, &cpus, &copies);
	if (!err)
		err = parse_offset(cx, a, r, &offset);
	if (!err && args_get(a, 2) && !number_parse_signed(args_get(a, 2), &count))
		err = args_error(a, 2, "not a count: %s", args_get(a, 2));
	if (!err && (!count || count > COUNT_MAX || count < -COUNT_MAX))
		err = args_error(
			a, 2, "a count is 1 to %d, or negative to go backwards", COUNT_MAX);
	if (err)
		return err;
	va -= offset;
	if (args_flag(a, 'o'))
		return show_places(cx, r, va);
	if (copies)
		return show_copies(cx, r, va, &cpus);
	r->many = count != 1;
	if (count < 0) /* as crash: the last one shown is the one at ADDRESS */
		va += (uint64_t)(count + 1) * size;
	for (int64_t i = 0; !err && i < (count < 0 ? -count : count); i++) {
		err = interrupt_check();
		if (!err)
			err = show_object(cx, r, va + (uint64_t)i * size, -1);
	}
	return err;
}

static struct err *struct_run(struct cx *cx, const struct args *a)
{
	struct request r = { 0 };
	struct err *err = parse_request(cx, a, &r);
	if (!err)
		err = value_style_read(cx, a, &r.style);
	if (err)
		return err;
	out_table(cx->out, &struct_table);
	const struct type *t = type_strip(r.type);
	bool bare = !args_get(a, 1);
	if (t->kind == TYPE_STRUCT || t->kind == TYPE_UNION)
		err = type_complete(cx->target->types, t);
	if (!err && bare)
		err = r.nmembers ? show_places(cx, &r, 0)
				 : show_definition(cx, r.type, args_flag(a, 'o'));
	else if (!err)
		err = show_memory(cx, a, &r);
	return err;
}

static const char *const struct_examples[] = {
	"struct -o list_head\tits members with offsets",
	"struct task_struct init_task\ta symbol's memory as this struct",
	"struct task_struct.comm,pid init_task\tsome members of it",
	"struct page.flags,_refcount vmemmap 4\tof four in a row; a negative count goes backwards",
	"struct task_struct.pid -l tasks init_task.tasks.next\tthe struct around a list's node",
	"struct rq.nr_running runqueues:a\tof each CPU",
	NULL,
};

const struct command cmd_struct = {
	.name = "struct",
	.alias = "union",
	.summary = "a type's definition, or memory as that type",
	.usage = "TYPE[.MEMBER[,MEMBER…]] [ADDRESS|SYMBOL[:CPUS] [COUNT]]",
	.options = struct_options,
	.examples = struct_examples,
	.min_args = 1,
	.max_args = 3,
	.complete = "type",
	.takes = "*",
	.run = struct_run,
};
