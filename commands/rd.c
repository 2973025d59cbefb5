/* rd: memory as words. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <ctype.h>

enum { LINE_BYTES = 16, COUNT_MAX = 1 << 24 };

static const struct column rd_columns[] = {
	{ "address", .width = WIDTH_ADDRESS },
	{ "data", .width = 35 },
	{ "ascii" },
	{ 0 }
};
static const struct table rd_table = { .layout = LAYOUT_LINES, .columns = rd_columns };

static const struct option rd_options[] = {
	{ 'p', NULL, "the address is physical" },
	{ 'c', "PID|TASK", "in this task's user space" },
	{ '8', NULL, "bytes", .word = "8" },
	{ '1', NULL, "16-bit units", .word = "16" },
	{ '3', NULL, "32-bit units", .word = "32" },
	{ '6', NULL, "64-bit units", .word = "64" },
	{ 'd', NULL, "decimal" },
	{ 's', NULL, "words that are kernel addresses as symbols" },
	{ 0 }
};

struct reader {
	struct cx *cx;
	struct vspace *vs; /* NULL: physical */
	unsigned unit;     /* bytes */
	bool decimal, symbols;
};

static enum fault_kind read_unit(const struct reader *r, uint64_t addr, uint8_t *buf)
{
	if (r->vs)
		return vspace_try_read(r->vs, addr, buf, r->unit, NULL);
	return dump_try_read(r->cx->target->dump, (struct paddr){ addr }, buf, r->unit, NULL);
}

static void add_unit(const struct reader *r, const uint8_t *p, struct strbuf *data)
{
	uint64_t v = load_uint(&r->cx->target->abi, p, r->unit);
	scoped_strbuf struct strbuf symbol = { 0 };
	if (data->len)
		strbuf_add_char(data, ' ');
	if (r->symbols && r->unit == r->cx->target->abi.word_bytes &&
		symtab_format(r->cx->target->syms, v, false, &symbol))
		strbuf_addf(data, "%-*s", (int)r->unit * 2, strbuf_text(&symbol));
	else if (r->decimal)
		strbuf_addf(data, "%20llu", (unsigned long long)v);
	else
		strbuf_addf(data, "%0*llx", (int)r->unit * 2, (unsigned long long)v);
}

/* One line of up to LINE_BYTES. What cannot be read ends the line's data with the fault. */
static void show_line(const struct reader *r, uint64_t addr, unsigned units)
{
	uint8_t raw[LINE_BYTES];
	char ascii[LINE_BYTES];
	unsigned n = 0;
	scoped_strbuf struct strbuf data = { 0 };
	enum fault_kind fault = FAULT_NONE;
	for (; n < units * r->unit; n += r->unit) {
		fault = read_unit(r, addr + n, raw + n);
		if (fault)
			break;
		add_unit(r, raw + n, &data);
	}
	for (unsigned i = 0; i < n; i++)
		ascii[i] = isprint(raw[i]) ? (char)raw[i] : '.';
	out_row(r->cx->out);
	out_addr(r->cx->out, "address", addr);
	if (fault && !n) {
		out_fault(r->cx->out, "data", err_fault(fault, addr, "0x%llx",
			(unsigned long long)addr));
		return;
	}
	if (fault) {
		strbuf_addf(&data, " <%s>", fault_text(fault));
		out_complain(r->cx->out, err_fault(fault, addr + n, "0x%llx",
			(unsigned long long)(addr + n)));
	}
	out_str(r->cx->out, "data", strbuf_text(&data));
	out_str_n(r->cx->out, "ascii", ascii, n);
}

static struct err *show_units(const struct reader *r, uint64_t addr, uint64_t count)
{
	unsigned per_line = LINE_BYTES / r->unit;
	struct err *err = NULL;
	while (count && !(err = interrupt_check())) {
		unsigned n = count < per_line ? (unsigned)count : per_line;
		show_line(r, addr, n);
		addr += (uint64_t)n * r->unit;
		if (r->vs && r->cx->target->abi.word_bytes == 4)
			addr = (uint32_t)addr;
		count -= n;
	}
	return err;
}

static unsigned unit_bytes(const struct args *a, const struct target *t)
{
	if (args_flag(a, '8'))
		return 1;
	if (args_flag(a, '1'))
		return 2;
	if (args_flag(a, '3'))
		return 4;
	if (args_flag(a, '6'))
		return 8;
	return t->abi.word_bytes ? t->abi.word_bytes : 8;
}

static struct err *choose_space(struct cx *cx, const struct args *a, struct reader *r,
	struct vspace **ret_user)
{
	struct task task;
	const char *task_text = args_option(a, 'c');
	if (args_flag(a, 'p'))
		return NULL;
	struct err *err = target_need_kernel(cx->target);
	r->vs = cx->target->kernel;
	if (err || !task_text)
		return err;
	err = task_parse(cx->target, task_text, &task);
	if (!err)
		err = user_space_open(cx->target, &task, ret_user);
	r->vs = *ret_user;
	return err;
}

static struct err *rd_run(struct cx *cx, const struct args *a)
{
	uint64_t addr, count = 1;
	struct vspace *user = NULL;
	struct reader r = {
		.cx = cx,
		.unit = unit_bytes(a, cx->target),
		.decimal = args_flag(a, 'd'),
		.symbols = args_flag(a, 's'),
	};
	struct err *err = arg_address(cx, a, 0, &addr);
	if (!err)
		err = arg_limited(a, 1, COUNT_MAX, &count);
	if (!err)
		err = choose_space(cx, a, &r, &user);
	out_table(cx->out, &rd_table);
	if (!err)
		err = show_units(&r, addr, count);
	vspace_destroy(user);
	return err;
}

static const char *const rd_examples[] = {
	"rd linux_banner 16\tsixteen words with their characters",
	"rd -p 40000000 8\tphysical memory",
	"rd -s ffff800008003d20 32\ta stack with its symbols",
	NULL,
};

const struct command cmd_rd = {
	.name = "rd",
	.summary = "memory as words, with characters or symbols",
	.usage = "ADDRESS|SYMBOL [COUNT]",
	.options = rd_options,
	.examples = rd_examples,
	.min_args = 1,
	.max_args = 2,
	.complete = "symbol",
	.run = rd_run,
};
