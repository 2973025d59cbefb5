/* rd: memory as words, characters or symbols, or as it is into a file. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
	LINE_BYTES = 16,
	ASCII_LINE_BYTES = 64,
	COUNT_MAX = 1 << 24,
	FILE_CHUNK = 1 << 14,
	TEXT_MAX = 1 << 16
};

static const struct column rd_columns[] = { { "address", .width = WIDTH_ADDRESS },
	{ "data", .width = 35 }, { "ascii" }, { 0 } };
static const struct table rd_table = { .layout = LAYOUT_LINES, .columns = rd_columns };

static const struct column ascii_columns[] = { { "address", .width = WIDTH_ADDRESS },
	{ "data", .hidden = true }, { "ascii" }, { 0 } };
static const struct table ascii_table = { .layout = LAYOUT_LINES, .columns = ascii_columns };

static const struct column file_columns[] = { { "file" }, { "bytes" }, { 0 } };
static const struct table file_table = { .layout = LAYOUT_RECORD, .columns = file_columns };

static const struct option rd_options[] = { MEMORY_OPTIONS, { '8', NULL, "bytes", .word = "8" },
	{ '1', NULL, "16-bit units", .word = "16" }, { '3', NULL, "32-bit units", .word = "32" },
	{ '6', NULL, "64-bit units", .word = "64" }, { 'd', NULL, "signed decimal" },
	{ 'D', NULL, "unsigned decimal" },
	{ 's', NULL, "words that are kernel addresses as symbols" },
	{ 'S', NULL, "the same, and those in slab objects as [CACHE]" },
	{ 'a', NULL, "characters only" }, { 'x', NULL, "no characters beside the words" },
	{ 'N', NULL, "units are in network byte order" },
	{ 'R', NULL, "backwards: the unit at the address first, then those below it" },
	{ 'o', "OFFSET", "add this to the address" },
	{ 'e', "ADDRESS", "up to this address, instead of a count" },
	{ 'r', "FILE", "the bytes themselves, written to a file" }, { 0 } };

struct reader {
	struct cx *cx;
	struct memory memory;
	unsigned unit; /* bytes */
	bool is_signed, decimal, symbols, slabs, ascii_only, no_ascii, network, backwards;
};

static uint64_t unit_value(const struct reader *r, const uint8_t *p)
{
	struct abi abi = r->cx->target->abi;
	if (r->network)
		abi.big_endian = true;
	return load_uint(&abi, p, r->unit);
}

static void add_unit(const struct reader *r, const uint8_t *p, struct strbuf *data)
{
	/* Digits of the widest value of 1, 2, 4 and 8 bytes, with a sign. */
	static const int decimal_width[] = { [1] = 4, [2] = 6, [4] = 11, [8] = 20 };
	uint64_t v = unit_value(r, p);
	unsigned unused = 64 - 8 * r->unit;
	scoped_strbuf struct strbuf symbol = { 0 };
	if (data->len)
		strbuf_add_char(data, ' ');
	if (r->symbols && r->unit == r->cx->target->abi.word_bytes &&
		explain_word(r->cx->target, v, r->slabs, &symbol))
		strbuf_addf(data, "%-*s", (int)r->unit * 2, strbuf_text(&symbol));
	else if (r->is_signed)
		strbuf_addf(
			data, "%*lld", decimal_width[r->unit], (long long)(v << unused) >> unused);
	else if (r->decimal)
		strbuf_addf(data, "%*llu", decimal_width[r->unit], (unsigned long long)v);
	else
		strbuf_addf(data, "%0*llx", (int)r->unit * 2, (unsigned long long)v);
}

/* How many of @n bytes at @addr are there, in whole units; *ret_fault says why not all. */
static unsigned read_line(const struct reader *r, uint64_t addr, uint8_t *buf, unsigned n,
	enum fault_kind *ret_fault, uint64_t *ret_bad)
{
	unsigned got = 0;
	*ret_fault = memory_try_read(&r->memory, addr, buf, n, ret_bad);
	if (!*ret_fault)
		return n;
	while (got < n && !memory_try_read(&r->memory, addr + got, buf + got, r->unit, ret_bad))
		got += r->unit;
	return got;
}

/* One line of @n bytes. What cannot be read ends the line's data with the fault. */
static void show_line(const struct reader *r, uint64_t addr, unsigned n)
{
	uint8_t raw[ASCII_LINE_BYTES];
	char ascii[ASCII_LINE_BYTES];
	uint64_t bad = addr;
	enum fault_kind fault;
	struct out *o = r->cx->out;
	scoped_strbuf struct strbuf data = { 0 };
	unsigned got = read_line(r, addr, raw, n, &fault, &bad);
	out_row(o);
	out_addr(o, "address", addr);
	if (fault && !got) {
		out_fault(o, "data", err_fault(fault, addr, "0x%llx", (unsigned long long)addr));
		return;
	}
	for (unsigned i = 0; i < got; i++)
		ascii[i] = isprint(raw[i]) ? (char)raw[i] : '.';
	for (unsigned i = 0; i < got && !r->ascii_only; i += r->unit)
		add_unit(r, raw + i, &data);
	if (fault) {
		strbuf_addf(&data, "%s<%s>", data.len ? " " : "", fault_text(fault));
		out_complain(o, err_fault(fault, bad, "0x%llx", (unsigned long long)bad));
	}
	if (data.len)
		out_str(o, "data", strbuf_text(&data));
	if (!r->no_ascii)
		out_str_n(o, "ascii", ascii, got);
}

static struct err *show_forwards(const struct reader *r, uint64_t addr, uint64_t count)
{
	unsigned per_line = (r->ascii_only ? ASCII_LINE_BYTES : LINE_BYTES) / r->unit;
	struct err *err = NULL;
	while (count && !(err = interrupt_check())) {
		unsigned n = count < per_line ? (unsigned)count : per_line;
		show_line(r, addr, n * r->unit);
		addr = memory_wrap(&r->memory, addr + (uint64_t)n * r->unit);
		count -= n;
	}
	return err;
}

static struct err *show_backwards(const struct reader *r, uint64_t addr, uint64_t count)
{
	struct err *err = NULL;
	for (; count && !(err = interrupt_check()); count--) {
		show_line(r, addr, r->unit);
		addr = memory_wrap(&r->memory, addr - r->unit);
	}
	return err;
}

static struct err *write_bytes(const struct reader *r, FILE *to, uint64_t addr, uint64_t bytes)
{
	uint8_t buf[FILE_CHUNK];
	struct err *err = NULL;
	while (bytes && !(err = interrupt_check())) {
		size_t n = bytes < sizeof(buf) ? (size_t)bytes : sizeof(buf);
		uint64_t bad;
		enum fault_kind fault = memory_try_read(&r->memory, addr, buf, n, &bad);
		if (fault)
			return err_fault(fault, bad, "0x%llx", (unsigned long long)bad);
		if (fwrite(buf, 1, n, to) != n)
			return err_io(errno, "writing");
		addr = memory_wrap(&r->memory, addr + n);
		bytes -= n;
	}
	return err;
}

/* A file that could not be written whole is removed: half a copy looks like a whole one. */
static struct err *save(const struct reader *r, const char *path, uint64_t addr, uint64_t bytes)
{
	FILE *to = fopen(path, "wxe");
	if (!to)
		return err_io(errno, "%s", path);
	struct err *err = write_bytes(r, to, addr, bytes);
	if (fclose(to) && !err)
		err = err_io(errno, "writing");
	if (err) {
		unlink(path);
		return err_wrap(err, "%s", path);
	}
	out_table(r->cx->out, &file_table);
	out_row(r->cx->out);
	out_str(r->cx->out, "file", path);
	out_uint(r->cx->out, "bytes", bytes);
	return NULL;
}

static unsigned unit_bytes(const struct args *a, const struct target *t)
{
	if (args_flag(a, '8') || args_flag(a, 'a'))
		return 1;
	if (args_flag(a, '1'))
		return 2;
	if (args_flag(a, '3'))
		return 4;
	if (args_flag(a, '6'))
		return 8;
	return t->abi.word_bytes ? t->abi.word_bytes : 8;
}

/* -a without a count is of the text that stands there, as in crash: up to its NUL, at least one
 * byte. */
static uint64_t text_length(const struct reader *r, uint64_t addr)
{
	uint64_t n = 0;
	uint8_t byte = 1;
	while (n < TEXT_MAX && byte &&
		!memory_try_read(&r->memory, memory_wrap(&r->memory, addr + n), &byte, 1, NULL))
		n += byte != 0;
	return n ? n : 1;
}

/* The first address and how many units, from ADDRESS, -o, COUNT and -e. */
static struct err *parse_range(
	const struct reader *r, const struct args *a, uint64_t *ret_addr, uint64_t *ret_count)
{
	const char *end_text = args_option(a, 'e');
	uint64_t addr, end, offset, count = 1;
	struct err *err = arg_address(r->cx, a, 0, &addr);
	if (!err)
		err = args_option_uint(a, 'o', 0, &offset);
	if (!err)
		err = arg_limited(a, 1, COUNT_MAX, &count);
	if (err)
		return err;
	addr = memory_wrap(&r->memory, addr + offset);
	if (r->ascii_only && args_count(a) < 2 && !end_text && !r->backwards)
		count = text_length(r, addr);
	if (end_text) {
		err = address_parse(&r->cx->target->debug, end_text, &end);
		if (err)
			return err;
		if (args_count(a) > 1 || r->backwards)
			return err_new(ERR_USAGE, "-e goes with neither a count nor -R");
		if (end <= addr)
			return err_new(ERR_USAGE, "-e %s: not above the first address", end_text);
		count = (end - addr + r->unit - 1) / r->unit;
		if (count > COUNT_MAX)
			return err_new(ERR_USAGE, "-e %s: more than %d units", end_text, COUNT_MAX);
	}
	*ret_addr = addr;
	*ret_count = count;
	return NULL;
}

static struct err *rd_run(struct cx *cx, const struct args *a)
{
	uint64_t addr = 0, count = 0;
	struct reader r = {
		.cx = cx,
		.unit = unit_bytes(a, cx->target),
		.is_signed = args_flag(a, 'd'),
		.decimal = args_flag(a, 'D'),
		.symbols = args_flag(a, 's') || args_flag(a, 'S'),
		.slabs = args_flag(a, 'S'),
		.ascii_only = args_flag(a, 'a'),
		.no_ascii = args_flag(a, 'x') && !args_flag(a, 'a'),
		.network = args_flag(a, 'N'),
		.backwards = args_flag(a, 'R'),
	};
	struct err *err = memory_open(cx, a, &r.memory);
	if (err)
		return err;
	out_table(cx->out, r.ascii_only ? &ascii_table : &rd_table);
	err = parse_range(&r, a, &addr, &count);
	if (!err && args_option(a, 'r'))
		err = save(&r, args_option(a, 'r'), addr, count * r.unit);
	else if (!err && r.backwards)
		err = show_backwards(&r, addr, count);
	else if (!err)
		err = show_forwards(&r, addr, count);
	memory_close(&r.memory);
	return err;
}

static const char *const rd_examples[] = {
	"rd linux_banner 16\tsixteen words with their characters",
	"rd -a linux_banner 100\ta hundred characters",
	"rd -p 40000000 8\tphysical memory",
	"rd -s ffff800008003d20 32\ta stack with its symbols",
	"rd -S ffff800008003d20 32\tthe same, slab objects named by their caches",
	"rd -32 -e ffffffc008010040 ffffffc008010000\tfrom one address to another, in 32-bit units",
	"rd -8 -r saved.bin linux_banner 200\t200 bytes into a file",
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
	.takes = "*",
	.run = rd_run,
};
