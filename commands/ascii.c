/* ascii: numbers as characters. */
#include <ctype.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column ascii_columns[] = { { "value", .width = 18 }, { "text" }, { 0 } };
static const struct table ascii_table = { .layout = LAYOUT_LINES, .columns = ascii_columns };

static const struct column code_columns[] = { { "code", .width = 4 }, { "name" }, { 0 } };
static const struct table code_table = { .layout = LAYOUT_LINES, .columns = code_columns };

/* The bytes of a number as they stand in a little-endian machine's memory; others as a dot. */
static void show_value(struct cx *cx, uint64_t value)
{
	scoped_strbuf struct strbuf text = { 0 };
	bool big = cx->target && cx->target->abi.big_endian;
	for (unsigned n = 0; value; n++, value = big ? value << 8 : value >> 8) {
		unsigned char c = (unsigned char)(big ? value >> 56 : value);
		if (big && !c && !text.len)
			continue; /* what a shorter number does not have */
		strbuf_add_char(&text, isascii(c) && isprint(c) ? (char)c : '.');
	}
	out_str(cx->out, "text", strbuf_text(&text));
}

/* The whole table. */
static void show_codes(struct cx *cx)
{
	static const char *const control[] = { "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK",
		"BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI", "DLE", "DC1", "DC2", "DC3",
		"DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
		"SP" };
	out_table(cx->out, &code_table);
	for (unsigned c = 0; c < 128; c++) {
		out_row(cx->out);
		out_hex(cx->out, "code", c);
		if (c < ARRAY_SIZE(control))
			out_str(cx->out, "name", control[c]);
		else
			out_strf(cx->out, "name", c == 127 ? "DEL" : "%c", c);
	}
}

static struct err *ascii_run(struct cx *cx, const struct args *a)
{
	if (!args_count(a)) {
		show_codes(cx);
		return NULL;
	}
	out_table(cx->out, &ascii_table);
	for (int i = 0; i < args_count(a); i++) {
		uint64_t value;
		struct err *err = args_addr(a, i, &value);
		if (err)
			return err;
		out_row(cx->out);
		out_hex(cx->out, "value", value);
		show_value(cx, value);
	}
	return NULL;
}

static const char *const ascii_examples[] = {
	"ascii 62696c2f7273752f\tthe characters of a word of memory",
	"ascii\tthe codes",
	NULL,
};

const struct command cmd_ascii = {
	.name = "ascii",
	.summary = "hexadecimal numbers as characters",
	.usage = "[NUMBER…]",
	.examples = ascii_examples,
	.max_args = -1,
	.needs_no_target = true,
	.run = ascii_run,
};
