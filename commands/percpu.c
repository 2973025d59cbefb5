/* percpu: each CPU's copy of a per-CPU variable. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column percpu_columns[] = {
	{ "cpu", .width = 4, .align = ALIGN_RIGHT },
	{ "address", .width = WIDTH_ADDRESS },
	{ "value" },
	{ "type", .hidden = true },
	{ 0 }
};
static const struct table percpu_table = { .layout = LAYOUT_TABLE, .columns = percpu_columns };

static const struct option percpu_options[] = {
	{ 'x', NULL, "integers in hexadecimal" },
	{ 's', NULL, "only the sum over all CPUs" },
	{ 0 }
};

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

static struct err *show_sum(struct cx *cx, const struct value *v, const struct cpu_mask *cpus)
{
	uint64_t sum = 0;
	for (unsigned cpu = 0; (cpu = cpu_mask_next(cpus, cpu)) < CPUS_MAX; cpu++) {
		struct value copy = *v;
		uint64_t n;
		struct err *err = percpu_address(cx->target, v->va, cpu, &copy.va);
		if (!err)
			err = value_number(&cx->target->debug, &copy, &n);
		if (err)
			return err_wrap(err, "CPU %u", cpu);
		sum += n;
	}
	out_row(cx->out);
	out_uint(cx->out, "value", sum);
	show_type(cx, v);
	return NULL;
}

static void show_copies(struct cx *cx, const struct value *v, const struct cpu_mask *cpus,
	const struct value_style *style)
{
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
		show_value(cx, &copy, style);
	}
}

static struct err *percpu_run(struct cx *cx, const struct args *a)
{
	struct cpu_mask cpus;
	struct value v;
	struct value_style style = { .hex = args_flag(a, 'x') };
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = value_parse(&cx->target->debug, args_rest(a, 0), &v);
	if (!err)
		err = cpu_mask_read(cx->target, CPUS_POSSIBLE, &cpus);
	if (err)
		return err;
	if (target_has_symbol(cx->target, "__per_cpu_offset") &&
		!percpu_is_static(cx->target, v.va))
		return err_new(ERR_USAGE, "%s: at 0x%llx, which is not in the per-CPU section; "
			"p shows ordinary variables", args_rest(a, 0), (unsigned long long)v.va);
	out_table(cx->out, &percpu_table);
	if (args_flag(a, 's'))
		return show_sum(cx, &v, &cpus);
	show_copies(cx, &v, &cpus, &style);
	return NULL;
}

static const char *const percpu_examples[] = {
	"percpu vmstat_work\teach CPU's copy",
	"percpu runqueues.nr_running\tone member of it",
	"percpu -s vm_event_states.event[3]\tsummed up",
	NULL,
};

const struct command cmd_percpu = {
	.name = "percpu",
	.summary = "each CPU's copy of a per-CPU variable",
	.usage = "VARIABLE[.MEMBER…]",
	.options = percpu_options,
	.examples = percpu_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.complete = "symbol",
	.run = percpu_run,
};
