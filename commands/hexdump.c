/* hexdump: memory in the form of the kernel's print_hex_dump(), so that it can be laid beside a
 * log. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <ctype.h>

enum { ROW_BYTES_MAX = 32, BYTES_MAX = 1 << 28 };

/* The line for the eye is "PREFIX: GROUPS  CHARACTERS"; other renderers get its parts. */
static const struct column hexdump_columns[] = { { "line", .text_only = true },
	{ "address", .hidden = true }, { "offset", .hidden = true }, { "data", .hidden = true },
	{ "ascii", .hidden = true }, { 0 } };
static const struct table hexdump_table = { .layout = LAYOUT_LINES, .columns = hexdump_columns };

static const struct option hexdump_options[] = { MEMORY_OPTIONS,
	{ 'P', "none|address|offset", "what stands before each line (default: address)" },
	{ 'w', "16|32", "bytes in a line (default: 16)" },
	{ 'g', "1|2|4|8", "bytes in a group; groups are shown as numbers (default: 1)" },
	{ 'x', NULL, "no characters beside the groups" }, { 0 } };

enum prefix { PREFIX_NONE, PREFIX_ADDRESS, PREFIX_OFFSET };

struct dumper {
	struct cx *cx;
	struct memory memory;
	enum prefix prefix;
	unsigned row, group; /* bytes */
	bool no_ascii;
};

/* lib/hexdump.c, hex_dump_to_buffer(): where the length is no multiple of the group, bytes it is.
 */
static unsigned group_bytes(const struct dumper *d, unsigned n)
{
	return n % d->group ? 1 : d->group;
}

static void add_groups(const struct dumper *d, const uint8_t *p, unsigned n, struct strbuf *data)
{
	unsigned group = group_bytes(d, n);
	for (unsigned i = 0; i < n; i += group)
		strbuf_addf(data, "%s%0*llx", i ? " " : "", (int)group * 2,
			(unsigned long long)load_uint(&d->cx->target->abi, p + i, group));
}

static void add_prefix(const struct dumper *d, uint64_t addr, uint64_t offset, struct strbuf *line)
{
	if (d->prefix == PREFIX_ADDRESS)
		strbuf_addf(line, "%0*llx: ", d->cx->target->abi.word_bytes == 4 ? 8 : 16,
			(unsigned long long)addr);
	else if (d->prefix == PREFIX_OFFSET)
		strbuf_addf(line, "%08llx: ", (unsigned long long)offset);
}

static void show_bytes(
	const struct dumper *d, uint64_t addr, uint64_t offset, const uint8_t *p, unsigned n)
{
	struct out *o = d->cx->out;
	scoped_strbuf struct strbuf line = { 0 }, data = { 0 };
	char ascii[ROW_BYTES_MAX];
	for (unsigned i = 0; i < n; i++)
		ascii[i] = isprint(p[i]) ? (char)p[i] : '.';
	add_groups(d, p, n, &data);
	add_prefix(d, addr, offset, &line);
	if (d->no_ascii)
		strbuf_add(&line, strbuf_text(&data));
	else /* the characters stand where those of a full line would */
		strbuf_addf(&line, "%-*s  %.*s", (int)(d->row * 2 + d->row / d->group - 1),
			strbuf_text(&data), (int)n, ascii);
	out_str(o, "line", strbuf_text(&line));
	out_addr(o, "address", addr);
	out_uint(o, "offset", offset);
	out_str(o, "data", strbuf_text(&data));
	out_str_n(o, "ascii", ascii, n);
}

static void show_line(const struct dumper *d, uint64_t addr, uint64_t offset, unsigned n)
{
	uint8_t raw[ROW_BYTES_MAX];
	uint64_t bad = addr;
	enum fault_kind fault = memory_try_read(&d->memory, addr, raw, n, &bad);
	out_row(d->cx->out);
	if (!fault) {
		show_bytes(d, addr, offset, raw, n);
		return;
	}
	scoped_strbuf struct strbuf line = { 0 };
	add_prefix(d, addr, offset, &line);
	strbuf_addf(&line, "<%s>", fault_text(fault));
	out_str(d->cx->out, "line", strbuf_text(&line));
	out_addr(d->cx->out, "address", addr);
	out_uint(d->cx->out, "offset", offset);
	out_fault(d->cx->out, "data", err_fault(fault, bad, "0x%llx", (unsigned long long)bad));
}

static struct err *parse_prefix(const struct args *a, enum prefix *ret)
{
	static const char *const names[] = {
		[PREFIX_NONE] = "none", [PREFIX_ADDRESS] = "address", [PREFIX_OFFSET] = "offset"
	};
	const char *text = args_option(a, 'P');
	*ret = PREFIX_ADDRESS;
	if (!text)
		return NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(text, names[i])) {
			*ret = (enum prefix)i;
			return NULL;
		}
	}
	return err_new(ERR_USAGE, "-P %s: none, address or offset", text);
}

static struct err *parse_options(const struct args *a, struct dumper *d)
{
	uint64_t row, group;
	struct err *err = parse_prefix(a, &d->prefix);
	if (!err)
		err = args_option_uint(a, 'w', 16, &row);
	if (!err)
		err = args_option_uint(a, 'g', 1, &group);
	if (err)
		return err;
	if (row != 16 && row != 32)
		return err_new(ERR_USAGE, "-w %s: 16 or 32", args_option(a, 'w'));
	if (group != 1 && group != 2 && group != 4 && group != 8)
		return err_new(ERR_USAGE, "-g %s: 1, 2, 4 or 8", args_option(a, 'g'));
	d->row = (unsigned)row;
	d->group = (unsigned)group;
	d->no_ascii = args_flag(a, 'x');
	return NULL;
}

static struct err *show_all(const struct dumper *d, uint64_t addr, uint64_t bytes)
{
	struct err *err = NULL;
	for (uint64_t offset = 0; offset < bytes && !(err = interrupt_check());) {
		unsigned n = bytes - offset < d->row ? (unsigned)(bytes - offset) : d->row;
		show_line(d, memory_wrap(&d->memory, addr + offset), offset, n);
		offset += n;
	}
	return err;
}

static struct err *hexdump_run(struct cx *cx, const struct args *a)
{
	struct dumper d = { .cx = cx };
	uint64_t addr, bytes = 16;
	struct err *err = parse_options(a, &d);
	if (!err)
		err = arg_address(cx, a, 0, &addr);
	if (!err)
		err = arg_limited(a, 1, BYTES_MAX, &bytes);
	if (!err)
		err = memory_open(cx, a, &d.memory);
	if (err)
		return err;
	out_table(cx->out, &hexdump_table);
	err = show_all(&d, addr, bytes);
	memory_close(&d.memory);
	return err;
}

static const char *const hexdump_examples[] = {
	"hexdump linux_banner 64\t64 bytes as KASAN and SLUB reports show them",
	"hexdump -P offset -w 32 -g 8 init_task 128\tin words, by offset",
	NULL,
};

const struct command cmd_hexdump = {
	.name = "hexdump",
	.summary = "memory in the form of the kernel's print_hex_dump()",
	.usage = "ADDRESS|SYMBOL [BYTES]",
	.options = hexdump_options,
	.examples = hexdump_examples,
	.min_args = 1,
	.max_args = 2,
	.complete = "symbol",
	.takes = "*",
	.run = hexdump_run,
};
