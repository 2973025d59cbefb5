/* percpu: each CPU's copy of a per-CPU variable or of what a per-CPU pointer points to, their sum,
 * and what a per-CPU address belongs to. The allocator's own books are shell/percpu_rows.c's. */
#include <ctype.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

enum { LEAVES_MAX = 65536, DEPTH_MAX = 16 };

static const struct column percpu_columns[] = { { "cpu", .width = 4, .align = ALIGN_RIGHT },
	{ "address", .width = WIDTH_ADDRESS }, { "value" }, { "type", .hidden = true }, { 0 } };
static const struct table percpu_table = { .layout = LAYOUT_TABLE, .columns = percpu_columns };

static const struct column sum_columns[] = { { "value", .width = 12, .align = ALIGN_RIGHT },
	{ "member" }, { "type", .hidden = true }, { 0 } };
static const struct table sum_table = { .layout = LAYOUT_LINES, .columns = sum_columns };

static const struct column place_columns[] = { { "address", .width = WIDTH_ADDRESS }, { "kind" },
	{ "symbol" }, { "module" }, { "cpu" }, { "offset" }, { "size" }, { "pointer" },
	{ "start", .hidden = true }, { "chunk", .object = "struct pcpu_chunk" },
	{ "chunk_offset", .title = "IN CHUNK" }, { "note" }, { 0 } };
static const struct table place_table = { .layout = LAYOUT_RECORD, .columns = place_columns };

static const struct option percpu_options[] = { { 'c', "CPUS", "only of these: 0, 0,2-3, a" },
	{ 'x', NULL, "integers in hexadecimal" },
	{ 's', NULL,
		"only the sum over the CPUs; of a structure or array, of each number that is not "
		"0" },
	{ 'l', NULL, "the allocator's chunks; with a chunk's address, its map" }, { 0 } };

static void show_type(struct cx *cx, const struct value *v)
{
	scoped_strbuf struct strbuf type = { 0 };
	type_declare(v->type, NULL, &type);
	out_str(cx->out, "type", strbuf_text(&type));
}

static bool is_compound(const struct value *v)
{
	enum type_kind kind = type_strip(v->type)->kind;
	return kind == TYPE_STRUCT || kind == TYPE_UNION || kind == TYPE_ARRAY;
}

static void show_value(struct cx *cx, const struct value *v, const struct value_style *style)
{
	scoped_strbuf struct strbuf text = { 0 };
	struct err *err = value_format(&cx->target->debug, v, style, &text);
	if (err)
		out_fault(cx->out, "value", err);
	else if (is_compound(v))
		out_block(cx->out, "value", strbuf_text(&text));
	else
		out_str(cx->out, "value", strbuf_text(&text));
	show_type(cx, v);
}

static void show_copies(struct cx *cx, const struct value *v, const struct cpu_mask *cpus,
	const struct value_style *style)
{
	out_table(cx->out, &percpu_table);
	for (unsigned cpu = 0; (cpu = cpu_mask_next(cpus, cpu)) < CPUS_MAX; cpu++) {
		struct value copy = *v;
		struct err *err = percpu_address(cx->target, v->va, cpu, &copy.va);
		out_row(cx->out);
		out_uint(cx->out, "cpu", cpu);
		if (err) {
			out_fault(cx->out, "address", err);
			continue;
		}
		out_addr(cx->out, "address", copy.va);
		if (type_strip(v->type)->size)
			show_value(cx, &copy, style);
	}
}

/* ---- sums --------------------------------------------------------- */

struct sums {
	struct cx *cx;
	const struct cpu_mask *cpus;
	struct value_style style;
	unsigned leaves;
};

/* As wide as the type: the kernel lets counters wrap that grow on one CPU and shrink on another. */
static uint64_t wrap(const struct value *v, uint64_t sum)
{
	const struct type *type = type_strip(v->type);
	unsigned bits = v->bit_size ? v->bit_size : (unsigned)type->size * 8;
	if (bits >= 64)
		return sum;
	sum &= (1ull << bits) - 1;
	return type->is_signed && sum >> (bits - 1) ? sum | ~((1ull << bits) - 1) : sum;
}

static struct err *sum_number(struct sums *s, const struct value *v, const char *member)
{
	uint64_t sum = 0;
	for (unsigned cpu = 0; (cpu = cpu_mask_next(s->cpus, cpu)) < CPUS_MAX; cpu++) {
		struct value copy = *v;
		uint64_t n;
		struct err *err = percpu_address(s->cx->target, v->va, cpu, &copy.va);
		if (!err)
			err = value_number(&s->cx->target->debug, &copy, &n);
		if (err)
			return err_wrap(err, "CPU %u", cpu);
		sum += n;
	}
	sum = wrap(v, sum);
	if (member && !sum)
		return NULL;
	out_row(s->cx->out);
	if (s->style.hex)
		out_hex(s->cx->out, "value", sum);
	else if (type_strip(v->type)->is_signed)
		out_int(s->cx->out, "value", (int64_t)sum);
	else
		out_uint(s->cx->out, "value", sum);
	out_str(s->cx->out, "member", member);
	show_type(s->cx, v);
	return NULL;
}

static struct err *sum_all(struct sums *s, const struct value *v, const char *path, unsigned depth);

static struct err *sum_struct(
	struct sums *s, const struct value *v, const char *path, unsigned depth)
{
	const struct type *type = type_strip(v->type);
	struct err *err = type_complete(s->cx->target->types, type);
	for (uint32_t i = 0; !err && i < type->nmembers; i++) {
		const struct type_member *m = &type->member[i];
		struct value part = { .type = m->type,
			.va = v->va + m->bit_offset / 8,
			.bit_size = m->bit_size,
			.bit_offset = m->bit_size ? m->bit_offset % 8 : 0 };
		const char *name =
			m->name ? arena_printf(s->cx->arena, "%s.%s", path, m->name) : path;
		err = sum_all(s, &part, name, depth + 1);
	}
	return err;
}

static struct err *sum_array(
	struct sums *s, const struct value *v, const char *path, unsigned depth)
{
	const struct type *type = type_strip(v->type);
	struct err *err = NULL;
	for (uint64_t i = 0; !err && i < type->count; i++) {
		struct value part = { .type = type->target, .va = v->va + i * type->target->size };
		err = sum_all(s, &part,
			arena_printf(s->cx->arena, "%s[%llu]", path, (unsigned long long)i),
			depth + 1);
	}
	return err;
}

/* Pointers and floating point have no sum: inside of a structure they are left out. */
static struct err *sum_all(struct sums *s, const struct value *v, const char *path, unsigned depth)
{
	enum type_kind kind = type_strip(v->type)->kind;
	struct err *err = interrupt_check();
	if (err)
		return err;
	if (depth > DEPTH_MAX || s->leaves++ > LEAVES_MAX)
		return err_new(ERR_LIMIT, "%s: too much for a sum; name a member", path);
	if (kind == TYPE_STRUCT || kind == TYPE_UNION)
		return sum_struct(s, v, path, depth);
	if (kind == TYPE_ARRAY)
		return sum_array(s, v, path, depth);
	if (depth && kind != TYPE_INT && kind != TYPE_ENUM)
		return NULL;
	return sum_number(s, v, depth ? path : NULL);
}

/* ---- what is meant ------------------------------------------------ */

static const char *kind_name(const struct percpu_place *p)
{
	static const char *const name[] = { [PERCPU_VARIABLE] = "variable",
		[PERCPU_MODULE] = "module's variable",
		[PERCPU_ALLOCATED] = "allocated",
		[PERCPU_FREE] = "free",
		[PERCPU_UNKNOWN] = "in a chunk whose map cannot be read" };
	return name[p->kind];
}

static struct err *show_place(struct cx *cx, uint64_t va)
{
	struct percpu_place p;
	const struct percpu_areas *areas;
	bool found;
	struct err *err = percpu_address_find(cx->target, va, &p, &found);
	if (!err)
		err = percpu_areas_get(cx->target, &areas);
	if (err)
		return err;
	if (!found)
		return err_new(ERR_NOT_FOUND,
			"0x%llx is neither per-CPU memory nor a per-CPU pointer%s%s",
			(unsigned long long)va, areas->no_chunks ? "; chunks are not known: " : "",
			areas->no_chunks ? areas->no_chunks->msg : "");
	out_table(cx->out, &place_table);
	out_row(cx->out);
	out_addr(cx->out, "address", va);
	out_str(cx->out, "kind", kind_name(&p));
	out_str(cx->out, "symbol", p.symbol);
	out_str(cx->out, "module", p.module[0] ? p.module : NULL);
	if (!p.is_pointer)
		out_uint(cx->out, "cpu", p.cpu);
	out_hex(cx->out, "offset", p.offset);
	if (p.size)
		out_uint(cx->out, "size", p.size);
	out_addr(cx->out, "pointer", p.pointer_va);
	out_addr(cx->out, "start", p.start);
	if (p.chunk_va)
		out_addr(cx->out, "chunk", p.chunk_va);
	out_hex(cx->out, "chunk_offset", p.chunk_offset);
	if (p.is_pointer)
		out_str(cx->out, "note", "a per-CPU pointer, not an address of memory");
	return NULL;
}

static bool is_pointer_value(const struct percpu_areas *a, uint64_t va)
{
	return va && (va - a->static_va < a->static_size || percpu_chunk_of_pointer(a, va));
}

/* A variable and its members by name: no number that happens to be some per-CPU pointer too. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("_.[]:", *text))
			return false;
	return true;
}

static struct err *evaluate(
	struct cx *cx, const struct args *args, const char *text, struct value *ret)
{
	const struct expr *x;
	size_t at = 0;
	struct err *err = expr_parse(&cx->target->debug, cx->arena, text, EXPR_C, &x, &at);
	if (!err)
		err = expr_eval(&cx->target->debug, x, ret, &at);
	if (!err && ret->text)
		err = err_new(ERR_USAGE, "a string is no value here");
	return err ? args_point(args, 0, at, err) : NULL;
}

/* The object that each CPU has a copy of; *ret_va when the expression is just an address. */
static struct err *resolve(struct cx *cx, const struct args *args, struct value *v,
	bool *ret_is_address, uint64_t *ret_va)
{
	const char *text = args_rest(args, 0);
	const struct percpu_areas *a;
	struct percpu_place p;
	bool found = false;
	const struct type *type;
	struct err *err = evaluate(cx, args, text, v);
	if (!err)
		err = percpu_areas_get(cx->target, &a);
	if (err)
		return err;
	*ret_is_address = false;
	type = type_strip(v->type);
	if (!v->computed && percpu_is_static(cx->target, v->va))
		return NULL;
	if (!v->computed && is_pointer_value(a, v->va)) {
		err = percpu_address_find(cx->target, v->va, &p, &found);
		if (err || (found && (!is_plain(text) || p.kind == PERCPU_MODULE)))
			return err;
	}
	if (type->kind == TYPE_POINTER || v->computed) {
		err = value_number(&cx->target->debug, v, ret_va);
		if (err)
			return err;
		if (type->kind == TYPE_POINTER && is_pointer_value(a, *ret_va)) {
			*v = (struct value){ .type = type->target, .va = *ret_va };
			return NULL;
		}
		*ret_is_address = v->computed || a->static_size;
		return NULL;
	}
	if (!a->static_size && !v->computed)
		return NULL; /* one CPU: nothing tells its variables from others */
	return err_new(ERR_USAGE,
		"%s: at 0x%llx, which is not in the per-CPU section; "
		"p shows ordinary variables",
		text, (unsigned long long)v->va);
}

static struct err *percpu_run(struct cx *cx, const struct args *a)
{
	struct sums s = { .cx = cx, .style = { .hex = args_flag(a, 'x') } };
	struct cpu_mask cpus;
	struct value v;
	bool is_address;
	uint64_t va;
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	if (args_flag(a, 'l'))
		return percpu_list_show(cx, a);
	if (!args_count(a))
		return args_error(
			a, 0, "percpu wants a variable, an expression or an address, or -l");
	err = resolve(cx, a, &v, &is_address, &va);
	if (!err)
		err = cpu_list_parse(
			cx->target, args_option(a, 'c') ? args_option(a, 'c') : "a", &cpus);
	if (err)
		return err;
	if (is_address)
		return show_place(cx, va);
	if (!args_flag(a, 's')) {
		show_copies(cx, &v, &cpus, &s.style);
		return NULL;
	}
	s.cpus = &cpus;
	out_table(cx->out, &sum_table);
	return sum_all(&s, &v, "", 0);
}

static const char *const percpu_examples[] = {
	"percpu vmstat_work\teach CPU's copy",
	"percpu -c 0 runqueues.nr_running\tone CPU's, one member of it",
	"percpu -s vm_event_states\tits numbers summed up",
	"percpu ((struct mount *)0xffff0000c0e1c000)->mnt_pcp\twhat a per-CPU pointer points to",
	"percpu 0xffffff8007d45ed8\twhose copy of what this is",
	"percpu -l\tthe allocator's chunks",
	NULL,
};

const struct command cmd_percpu = {
	.name = "percpu",
	.summary = "each CPU's copy of a per-CPU variable, and the memory they lie in",
	.usage = "VARIABLE[.MEMBER…] | EXPRESSION | ADDRESS | -l [CHUNK]",
	.options = percpu_options,
	.examples = percpu_examples,
	.max_args = -1,
	.expression = true,
	.complete = "symbol",
	.run = percpu_run,
};
