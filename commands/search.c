/* search: values, ranges of values and strings, in kernel, user or physical memory or on all
 * stacks. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <ctype.h>
#include <inttypes.h>

enum { PATTERNS_MAX = 64, CONTEXT_MAX = 16, STRING_SHOWN = 64 };

static const struct column search_columns[] = { { "address", .width = WIDTH_ADDRESS,
							.object = "void" },
	{ "before" }, { "value" }, { "after" }, { "pid", .hidden = true },
	{ "comm", .hidden = true }, { "task", .text_only = true }, { "symbol" }, { 0 } };
static const struct table search_table = { .layout = LAYOUT_LINES, .columns = search_columns };

/* What was not searched, where there is any: an empty answer must not look like "not there". */
static const struct column missing_columns[] = { { "note", .text_only = true },
	{ "not_searched", .hidden = true }, { "reason", .hidden = true }, { 0 } };
static const struct table missing_table = { .layout = LAYOUT_LINES, .columns = missing_columns };

static const struct option search_options[] = {
	{ 'k', NULL, "in the kernel's virtual memory (the default)" },
	{ 'p', NULL, "in physical memory" },
	{ 'u', NULL, "in the current task's user space (set)" },
	{ 'U', "PID|TASK", "in this task's user space" },
	{ 't', NULL, "on the kernel stacks of all tasks" },
	{ 's', "START", "from this address on" }, { 'e', "END", "up to this address, without it" },
	{ 'l', "LENGTH", "this many bytes from START on" },
	{ 'm', "MASK", "bits that may be anything" }, { 'w', NULL, "32-bit units" },
	{ 'h', NULL, "16-bit units" }, { 'c', NULL, "the arguments are strings of characters" },
	{ 'x', "COUNT", "show this many units before and behind what was found" }, { 0 }
};

struct stack_range {
	uint64_t lo, last;
	uint32_t pid;
	char comm[16];
};

struct search {
	struct cx *cx;
	struct memory memory;
	unsigned unit;
	uint64_t context;
	bool strings, physical;
	struct pattern pattern[PATTERNS_MAX];
	size_t npatterns;
	struct pieces *pieces; /* of the one range, or of the present stack */
	VEC(struct stack_range) stack;
	size_t nth_stack; /* of .pieces; findings carry it as their tag */
};

/* ---- what to look for -------------------------------------------------------------------- */

static uint64_t unit_mask(const struct search *s)
{
	return s->unit == 8 ? UINT64_MAX : (1ull << (8 * s->unit)) - 1;
}

static struct err *parse_value(
	const struct search *s, const struct args *a, int i, const char *text, uint64_t *ret)
{
	struct err *err = address_parse(&s->cx->target->debug, text, ret);
	if (err && err->code == ERR_USAGE) {
		struct err *placed = args_error(a, i, "%s", err->msg);
		err_drop(err);
		return placed;
	}
	if (!err && *ret > unit_mask(s))
		return args_error(a, i, "%s does not fit into %u bits", text, s->unit * 8);
	return err;
}

static struct err *parse_unit_pattern(
	const struct search *s, const struct args *a, int i, uint64_t ignored, struct pattern *ret)
{
	const char *text = args_get(a, i), *dots = strstr(text, "..");
	struct pattern p = { .kind = PATTERN_VALUE, .unit_bytes = (uint8_t)s->unit };
	struct err *err;
	if (dots) {
		char *low = arena_printf(s->cx->arena, "%.*s", (int)(dots - text), text);
		p.kind = PATTERN_RANGE;
		err = parse_value(s, a, i, low, &p.low);
		if (!err)
			err = parse_value(s, a, i, dots + 2, &p.high);
		if (!err && p.high < p.low)
			err = args_error(a, i, "the second bound is below the first");
		if (!err && ignored)
			err = args_error(a, i, "-m does not go with a range");
	} else {
		err = parse_value(s, a, i, text, &p.value);
		p.mask = unit_mask(s) & ~ignored;
		p.value &= p.mask;
	}
	*ret = p;
	return err;
}

static struct err *parse_patterns(struct search *s, const struct args *a)
{
	uint64_t ignored = 0;
	const char *mask_text = args_option(a, 'm');
	struct err *err = NULL;
	if (mask_text)
		err = address_parse(&s->cx->target->debug, mask_text, &ignored);
	if (args_count(a) > PATTERNS_MAX)
		return args_error(a, PATTERNS_MAX, "more than %d patterns", PATTERNS_MAX);
	for (int i = 0; i < args_count(a) && !err; i++) {
		struct pattern *p = &s->pattern[s->npatterns++];
		const char *text = args_get(a, i);
		if (!s->strings) {
			err = parse_unit_pattern(s, a, i, ignored, p);
			continue;
		}
		*p = (struct pattern){ .kind = PATTERN_BYTES,
			.bytes = (const uint8_t *)text,
			.nbytes = strlen(text) };
		if (!p->nbytes || p->nbytes > SWEEP_SEAM_MAX)
			err = args_error(a, i, "a string of 1 to %d bytes", SWEEP_SEAM_MAX);
	}
	return err;
}

/* ---- where ------------------------------------------------------------------------------- */

static struct err *stacks_gather(struct search *s)
{
	uint64_t bytes;
	struct task_iter it;
	struct task task;
	bool more = true;
	struct err *err = task_stack_bytes(s->cx->target, &bytes);
	if (!err)
		err = task_iter_init(&it, s->cx->target);
	while (!err && more) {
		err = task_iter_next(&it, &task, &more);
		if (err && more && err->code != ERR_INTERRUPTED) { /* of one task */
			out_complain(s->cx->out, err);
			err = NULL;
		} else if (!err && more) {
			struct stack_range r = {
				.lo = task.stack, .last = task.stack + (bytes - 1), .pid = task.pid
			};
			memcpy(r.comm, task.comm, sizeof(r.comm));
			r.comm[task_comm_length(&task)] = '\0';
			vec_push(&s->stack, r);
		}
	}
	return err;
}

/* -e END or -l LENGTH behind @lo; *ret_last stays without either. */
static struct err *parse_end(
	const struct search *s, const struct args *a, uint64_t lo, uint64_t *ret_last)
{
	const char *end_text = args_option(a, 'e'), *length_text = args_option(a, 'l');
	uint64_t end = 0, length = 0;
	struct err *err = NULL;
	if (end_text && length_text)
		return err_new(ERR_USAGE, "-e and -l: one of them");
	if (end_text)
		err = address_parse(&s->cx->target->debug, end_text, &end);
	else if (length_text)
		err = args_option_uint(a, 'l', 0, &length);
	else
		return NULL;
	if (err)
		return err;
	if (end_text && end <= lo)
		return err_new(ERR_USAGE, "-e %s: not above the start", end_text);
	if (length_text && (!length || length - 1 > UINT64_MAX - lo))
		return err_new(ERR_USAGE, "-l %s: no length", length_text);
	*ret_last = end_text ? end - 1 : lo + (length - 1);
	return NULL;
}

static struct err *open_range(struct search *s, const struct args *a)
{
	const char *start = args_option(a, 's');
	uint64_t lo = 0, last = UINT64_MAX;
	struct err *err = NULL;
	if (!s->physical)
		space_bounds(vspace_facts(s->memory.vs), &lo, &last);
	if (start)
		err = address_parse(&s->cx->target->debug, start, &lo);
	if (!err)
		err = parse_end(s, a, lo, &last);
	if (err)
		return err;
	s->pieces = s->physical ? pieces_of_ram(s->cx->target->dump, lo, last)
				: pieces_of_space(s->cx->target->dump, vspace_facts(s->memory.vs),
					  lo, last);
	return NULL;
}

static struct err *next_piece(void *cx, struct sweep_piece *ret, bool *ret_more)
{
	struct search *s = cx;
	struct target *t = s->cx->target;
	for (;;) {
		struct err *err = NULL;
		*ret_more = false;
		if (s->pieces)
			err = pieces_next(s->pieces, ret, ret_more);
		if (err)
			return err;
		if (*ret_more) {
			ret->tag = s->nth_stack;
			return NULL;
		}
		pieces_destroy(s->pieces);
		s->pieces = NULL;
		if (s->nth_stack >= s->stack.n)
			return NULL;
		const struct stack_range *r = &s->stack.v[s->nth_stack++];
		s->pieces = pieces_of_space(t->dump, vspace_facts(t->kernel), r->lo, r->last);
	}
}

/* ---- looking ----------------------------------------------------------------------------- */

static void look_for_units(const struct search *s, const struct pattern *p,
	const struct sweep_run *run, struct sweep_hits *hits)
{
	const struct abi *abi = &s->cx->target->abi;
	size_t skew = (size_t)(-run->addr & (p->unit_bytes - 1u));
	if (skew >= run->n)
		return;
	const uint8_t *mem = run->p + skew;
	size_t n = run->n - skew;
	for (size_t at = 0; (at = pattern_find(p, abi, mem, n, at)) < n; at += p->unit_bytes)
		sweep_found(hits, run->addr + skew + at, load_uint(abi, mem + at, p->unit_bytes));
}

/* First what begins below the run and ends in it, then what lies in it. */
static void look_for_bytes(const struct search *s, const struct pattern *p,
	const struct sweep_run *run, struct sweep_hits *hits)
{
	const struct abi *abi = &s->cx->target->abi;
	uint8_t joined[2 * SWEEP_SEAM_MAX];
	size_t before = run->nbefore < p->nbytes - 1 ? run->nbefore : p->nbytes - 1;
	size_t behind = run->n < p->nbytes - 1 ? run->n : p->nbytes - 1;
	if (before) {
		memcpy(joined, run->before + run->nbefore - before, before);
		memcpy(joined + before, run->p, behind);
		size_t n = before + behind;
		for (size_t at = 0; (at = pattern_find(p, abi, joined, n, at)) < n; at++)
			sweep_found(hits, run->addr - before + at, 0);
	}
	for (size_t at = 0; (at = pattern_find(p, abi, run->p, run->n, at)) < run->n; at++)
		sweep_found(hits, run->addr + at, 0);
}

static int by_address(const void *a, const void *b)
{
	const struct sweep_hit *x = a, *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void look(void *cx, const struct sweep_run *run, struct sweep_hits *hits)
{
	const struct search *s = cx;
	size_t first = hits->hit.n;
	for (size_t i = 0; i < s->npatterns; i++) {
		if (s->strings)
			look_for_bytes(s, &s->pattern[i], run, hits);
		else
			look_for_units(s, &s->pattern[i], run, hits);
	}
	if (s->npatterns > 1 && hits->hit.n > first)
		qsort(hits->hit.v + first, hits->hit.n - first, sizeof(*hits->hit.v), by_address);
}

/* ---- showing ----------------------------------------------------------------------------- */

/* Where the looking was done: a user's space, the kernel's, or RAM. */
static bool read_at(const struct search *s, uint64_t addr, void *buf, size_t n)
{
	return memory_try_read(&s->memory, addr, buf, n, NULL) == FAULT_NONE;
}

/* Up to STRING_SHOWN characters from @addr on, until one that is not printed. */
static void show_string(const struct search *s, uint64_t addr)
{
	char text[STRING_SHOWN];
	size_t n = 0;
	while (n < sizeof(text) && read_at(s, addr + n, text + n, 1) &&
		isprint((unsigned char)text[n]))
		n++;
	out_str_n(s->cx->out, "value", text, n);
}

static void show_context(const struct search *s, const char *key, uint64_t addr)
{
	scoped_strbuf struct strbuf b = { 0 };
	uint8_t raw[8];
	for (uint64_t i = 0; i < s->context; i++, addr += s->unit) {
		strbuf_add(&b, i ? " " : "");
		if (read_at(s, memory_wrap(&s->memory, addr), raw, s->unit))
			strbuf_addf(&b, "%0*" PRIx64, (int)s->unit * 2,
				load_uint(&s->cx->target->abi, raw, s->unit));
		else
			strbuf_addf(&b, "%.*s", (int)s->unit * 2, "????????????????");
	}
	out_str(s->cx->out, key, strbuf_text(&b));
}

static struct err *show_hit(void *cx, const struct sweep_hit *hit)
{
	struct search *s = cx;
	struct out *o = s->cx->out;
	scoped_strbuf struct strbuf symbol = { 0 };
	out_row(o);
	out_addr(o, "address", hit->addr);
	if (s->context && !s->strings)
		show_context(s, "before", hit->addr - s->context * s->unit);
	if (s->strings)
		show_string(s, hit->addr);
	else
		out_strf(o, "value", "%0*" PRIx64, (int)s->unit * 2, hit->value);
	if (s->context && !s->strings)
		show_context(s, "after", hit->addr + s->unit);
	if (hit->tag && hit->tag <= s->stack.n) {
		const struct stack_range *r = &s->stack.v[hit->tag - 1];
		out_uint(o, "pid", r->pid);
		out_str(o, "comm", r->comm);
		out_strf(o, "task", "stack of %u %s", r->pid, r->comm);
	}
	if (!s->physical && symtab_format(s->cx->target->syms, hit->addr, false, &symbol))
		out_str(o, "symbol", strbuf_text(&symbol));
	return interrupt_check();
}

static void show_missing(struct out *o, const struct sweep_totals *totals)
{
	for (unsigned f = 1; f < ARRAY_SIZE(totals->missing_bytes); f++) {
		uint64_t n = totals->missing_bytes[f];
		if (!n)
			continue;
		out_table(o, &missing_table);
		out_row(o);
		out_strf(o, "note", "not searched: %" PRIu64 "K %s", n >> 10,
			fault_text((enum fault_kind)f));
		out_uint(o, "not_searched", n);
		out_str(o, "reason", fault_name((enum fault_kind)f));
	}
}

/* ---- the command ------------------------------------------------------------------------- */

static struct err *sweep(struct search *s)
{
	struct sweep sweep = { .cx = s, .next = next_piece, .look = look, .hit = show_hit };
	struct sweep_totals totals;
	for (size_t i = 0; i < s->npatterns && s->strings; i++)
		if (s->pattern[i].nbytes - 1 > sweep.seam_bytes)
			sweep.seam_bytes = s->pattern[i].nbytes - 1;
	out_table(s->cx->out, &search_table);
	struct err *err = sweep_memory(s->cx->target->dump, &sweep, &totals);
	show_missing(s->cx->out, &totals);
	return err;
}

static struct err *choose_place(struct search *s, const struct args *a)
{
	int places = args_flag(a, 'k') + args_flag(a, 'p') + args_flag(a, 't') + args_flag(a, 'u') +
		     (args_option(a, 'U') != NULL);
	if (places > 1)
		return err_new(ERR_USAGE, "-k, -p, -t, -u and -U: one of them");
	s->physical = args_flag(a, 'p');
	struct err *err = args_flag(a, 'u') ? memory_choose_current(s->cx, &s->memory)
					    : memory_choose(s->cx, args_option(a, 'U'), s->physical,
						      &s->memory);
	if (!err && args_flag(a, 't'))
		err = stacks_gather(s);
	else if (!err)
		err = open_range(s, a);
	return err;
}

static struct err *search_run(struct cx *cx, const struct args *a)
{
	struct search s = {
		.cx = cx,
		.unit = args_flag(a, 'h')   ? 2
			: args_flag(a, 'w') ? 4
					    : cx->target->abi.word_bytes,
		.strings = args_flag(a, 'c'),
	};
	if (!s.unit)
		s.unit = 8;
	struct err *err = args_option_uint(a, 'x', 0, &s.context);
	if (!err && s.context > CONTEXT_MAX)
		err = err_new(ERR_USAGE, "-x %s: at most %d", args_option(a, 'x'), CONTEXT_MAX);
	if (!err)
		err = parse_patterns(&s, a);
	if (!err)
		err = choose_place(&s, a);
	if (!err)
		err = sweep(&s);
	pieces_destroy(s.pieces);
	vec_deinit(&s.stack);
	memory_close(&s.memory);
	return err;
}

static const char *const search_examples[] = {
	"search ffffff8002c41d00\twho points to this object's first byte",
	"search ffffff8002c41d00..ffffff8002c41dff\twho points into it",
	"search -t ffffff8002c41d00\ton whose stack it lies",
	"search -U 1 -c /bin/sh\tin pid 1's own memory",
	"search -p -c 'Linux version'\ta string in physical memory",
	"search -w -m fff 40080000 -x 2\ta 32-bit value whose low bits do not matter, with its "
	"neighbours",
	NULL,
};

const struct command cmd_search = {
	.name = "search",
	.summary = "values, ranges of values or strings in memory",
	.usage = "VALUE|LOW..HIGH|STRING…",
	.details = "Values are addresses, symbols or expressions; units lie at multiples of their "
		   "size. Of a page\n"
		   "that is mapped many times in a row only the first is searched. Memory that the "
		   "dump lacks is\n"
		   "told at the end.",
	.options = search_options,
	.examples = search_examples,
	.min_args = 1,
	.max_args = -1,
	.complete = "symbol",
	.run = search_run,
};
