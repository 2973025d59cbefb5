/* addr: what an address is, by every model that knows it; with -r who points to it. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <inttypes.h>

enum { REFERENCES_SHOWN = 50 };

static const struct column addr_columns[] = { { "address", .hidden = true },
	{ "kind", .width = 12 }, { "start", .width = WIDTH_ADDRESS },
	{ "size", .width = 8, .align = ALIGN_RIGHT }, { "text", .title = "WHAT" },
	{ "name", .hidden = true }, { "module", .hidden = true }, { "offset", .hidden = true },
	{ "type", .hidden = true }, { "member", .hidden = true }, { "state", .hidden = true },
	{ "stale", .hidden = true }, { "cpu", .hidden = true }, { "pid", .hidden = true },
	{ "pfn", .hidden = true }, { "physical", .hidden = true }, { "object", .hidden = true },
	{ 0 } };
static const struct table addr_table = { .layout = LAYOUT_TABLE, .columns = addr_columns };

static const struct column reference_columns[] = { { "at", .width = WIDTH_ADDRESS,
							   .object = "void" },
	{ "value", .width = WIDTH_ADDRESS }, { "kind", .width = 12 }, { "text", .title = "IN" },
	{ "physical", .hidden = true }, { "name", .hidden = true }, { "module", .hidden = true },
	{ "start", .hidden = true }, { "size", .hidden = true }, { "offset", .hidden = true },
	{ "type", .hidden = true }, { "member", .hidden = true }, { "state", .hidden = true },
	{ "stale", .hidden = true }, { "cpu", .hidden = true }, { "pid", .hidden = true },
	{ "pfn", .hidden = true }, { "object", .hidden = true }, { 0 } };
static const struct table reference_table = { .layout = LAYOUT_TABLE,
	.columns = reference_columns };

/* What an answer leaves out: fewer rows must not look like fewer references. */
static const struct column count_columns[] = { { "note", .text_only = true },
	{ "found", .hidden = true }, { "shown", .hidden = true }, { "searched", .hidden = true },
	{ "not_searched", .hidden = true }, { 0 } };
static const struct table count_table = { .layout = LAYOUT_LINES, .columns = count_columns };

static const struct option addr_options[] = { { 'p', NULL, "the address is physical" },
	{ 'c', "PID|TASK", "a user address is this task's" },
	{ 'r', NULL, "who points there, anywhere in memory" },
	{ 'n', "COUNT", "with -r: show so many, the most telling first (50; 0: all)" }, { 0 } };

/* ---- what it is -------------------------------------------------------------------------- */

static void show_details(struct out *o, const struct explain_row *r)
{
	out_str(o, "name", r->name);
	out_str(o, "module", r->module);
	if (r->has_offset)
		out_int(o, "offset", r->offset);
	out_str(o, "type", r->type);
	out_str(o, "member", r->member);
	out_str(o, "state", r->state);
	out_bool(o, "stale", r->is_stale);
	if (r->has_cpu)
		out_uint(o, "cpu", r->cpu);
	if (r->has_pid)
		out_uint(o, "pid", r->pid);
	if (r->has_pfn)
		out_hex(o, "pfn", r->pfn);
	if (r->object_va)
		out_addr(o, "object", r->object_va);
}

static void show_range(struct out *o, const struct explain_row *r, bool round)
{
	if (!r->has_range)
		return;
	out_addr(o, "start", r->start);
	if (r->size && round)
		out_bytes(o, "size", r->size);
	else if (r->size)
		out_uint(o, "size", r->size);
}

static struct err *show(struct cx *cx, const struct explain_ask *ask)
{
	struct explanation e;
	struct err *err = explain_address(cx->target, ask, cx->arena, &e);
	if (err)
		return err;
	for (unsigned i = 0; i < e.n; i++) {
		const struct explain_row *r = &e.row[i];
		out_row(cx->out);
		out_addr(cx->out, "address", ask->addr);
		out_str(cx->out, "kind", explain_kind_name(r->kind));
		show_range(cx->out, r, true);
		out_str(cx->out, "text", r->text);
		show_details(cx->out, r);
		if (e.has_pa)
			out_addr(cx->out, "physical", e.pa);
	}
	if (e.n)
		return NULL;
	return err_new(ERR_NOT_FOUND, "0x%" PRIx64 ": nothing is known of it%s", ask->addr,
		ask->task || ask->physical ? "" : "; a user address needs a process: -c PID");
}

/* ---- who points to it -------------------------------------------------------------------- */

static void show_reference(struct out *o, const struct reference *r)
{
	out_row(o);
	out_addr(o, "at", r->has_va ? r->va : r->pa);
	out_addr(o, "value", r->value);
	out_str(o, "kind", explain_kind_name(r->what.kind));
	out_strf(o, "text", "%s%s%s", r->what.text, r->rank == REFERENCE_SELF ? ", in itself" : "",
		r->has_va ? "" : " (AT is physical)");
	out_addr(o, "physical", r->pa);
	show_range(o, &r->what, false);
	show_details(o, &r->what);
}

static void show_count(struct out *o, const struct references *r, uint64_t shown)
{
	uint64_t missing = 0;
	for (unsigned f = 1; f < ARRAY_SIZE(r->totals.missing_bytes); f++)
		missing += r->totals.missing_bytes[f];
	scoped_strbuf struct strbuf note = { 0 };
	strbuf_addf(&note, "%" PRIu64 " found", r->found);
	if (shown < r->found)
		strbuf_addf(&note, ", %" PRIu64 " shown%s: -n 0 shows %s", shown,
			r->found > r->ref.n ? " of those first met" : "",
			r->found > r->ref.n ? "more" : "all");
	if (r->interrupted)
		strbuf_add(&note, "; interrupted: there may be more");
	if (missing)
		strbuf_addf(&note, "; %" PRIu64 "K of memory are not in the dump", missing >> 10);
	out_table(o, &count_table);
	out_row(o);
	out_str(o, "note", strbuf_text(&note));
	out_uint(o, "found", r->found);
	out_uint(o, "shown", shown);
	out_uint(o, "searched", r->totals.seen_bytes);
	out_uint(o, "not_searched", missing);
}

static struct err *show_references(struct cx *cx, uint64_t addr, uint64_t bytes, uint64_t most)
{
	scoped_references struct references refs = { .found = 0 };
	struct err *err = references_find(cx->target, addr, bytes, cx->arena, &refs);
	uint64_t n = !most || most > refs.ref.n ? refs.ref.n : most;
	if (err)
		return err;
	out_table(cx->out, &reference_table);
	for (uint64_t i = 0; i < n; i++)
		show_reference(cx->out, &refs.ref.v[i]);
	show_count(cx->out, &refs, n);
	return refs.interrupted ? err_new(ERR_INTERRUPTED, "interrupted") : NULL;
}

/* ---- the command ------------------------------------------------------------------------- */

/* "ADDR,LENGTH" of argument @i; *ret_bytes is @otherwise without a comma. */
static struct err *parse_range(struct cx *cx, const struct args *a, int i, uint64_t otherwise,
	uint64_t *ret_addr, uint64_t *ret_bytes)
{
	const char *text = args_get(a, i), *comma = strrchr(text, ',');
	*ret_bytes = otherwise;
	if (!comma)
		return arg_address(cx, a, i, ret_addr);
	struct err *err = address_parse(&cx->target->debug,
		arena_strndup(cx->arena, text, (size_t)(comma - text)), ret_addr);
	if (!err && (!number_parse(comma + 1, ret_bytes) || !*ret_bytes))
		err = args_error(a, i, "a length behind the comma");
	return err;
}

static struct err *read_options(struct cx *cx, const struct args *a, struct task *task,
	struct explain_ask *ask, uint64_t *ret_most)
{
	const char *task_text = args_option(a, 'c');
	struct err *err = args_option_uint(a, 'n', REFERENCES_SHOWN, ret_most);
	if (!err && args_flag(a, 'r') && (args_flag(a, 'p') || task_text))
		err = err_new(ERR_USAGE, "-r goes with neither -p nor -c");
	if (!err && !args_flag(a, 'r') && args_option(a, 'n'))
		err = err_new(ERR_USAGE, "-n goes with -r");
	if (err)
		return err;
	ask->physical = args_flag(a, 'p');
	if (task_text) {
		err = task_parse(cx->target, task_text, task);
		ask->task = task;
		return err;
	}
	err = current_task(cx, task);
	if (!err)
		ask->task = task;
	else if (err->code != ERR_INTERRUPTED) {
		err_drop(err); /* user addresses are nobody's then; others do not need a task */
		err = NULL;
	}
	return err;
}

static struct err *addr_run(struct cx *cx, const struct args *a)
{
	struct explain_ask ask = { .addr = 0 };
	struct task task;
	uint64_t most, bytes;
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = read_options(cx, a, &task, &ask, &most);
	if (!err && !args_flag(a, 'r'))
		out_table(cx->out, &addr_table);
	for (int i = 0; !err && i < args_count(a); i++) {
		err = parse_range(cx, a, i, cx->target->abi.word_bytes, &ask.addr, &bytes);
		if (!err && args_flag(a, 'r'))
			err = show_references(cx, ask.addr, bytes, most);
		else if (!err)
			err = show(cx, &ask);
	}
	return err;
}

static const char *const addr_examples[] = {
	"addr ffffff8002c41d00\tone address: the most specific answer first, then what holds it",
	"addr jiffies\ta symbol's",
	"addr -c 1 400000\tan address of pid 1",
	"addr -p 40200000\ta physical one",
	"addr -r ffffff8002c41d00\twho points to the first word of this object",
	"addr -r ffffff8002c41d00,192 -n 0\twho points anywhere into its 192 bytes, all of them",
	NULL,
};

const struct command cmd_addr = {
	.name = "addr",
	.summary = "what an address is, and who points to it",
	.usage = "ADDRESS|SYMBOL[,LENGTH]…",
	.details = "Of each address: variable, stack and frame, slab object, vmalloc area …, then "
		   "the page, zone and\n"
		   "resource that hold it. -r looks at every aligned word of the dump's RAM; a tag "
		   "in a pointer's top\n"
		   "byte does not matter. References in free memory come last: they are stale.",
	.options = addr_options,
	.examples = addr_examples,
	.min_args = 1,
	.max_args = -1,
	.complete = "symbol",
	.takes = "*",
	.run = addr_run,
};
