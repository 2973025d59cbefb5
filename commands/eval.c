/* eval: a calculator whose numbers have 64 bits and whose symbols are addresses. */
#include "analyzer/api.h"

static const struct column eval_columns[] = { { "hexadecimal", "hexadecimal" },
	{ "decimal", "decimal" }, { "octal", "octal" }, { "binary", "binary" },
	{ "bits", "bits set" }, { "symbol", "symbol" }, { "bytes", .hidden = true }, { 0 } };
static const struct table eval_table = { .layout = LAYOUT_RECORD, .columns = eval_columns };

static const struct option eval_options[] = { { 'b', NULL, "the numbers of the bits that are set" },
	{ 'l', NULL, "64 bits (always: for crash's fingers)" }, { 0 } };

/* 1GB, 64KB: when it is a round number of them. */
static const char *magnitude(struct cx *cx, uint64_t n)
{
	static const char units[] = "TGMK";
	for (unsigned i = 0; n && i < 4; i++) {
		uint64_t unit = 1ull << (10 * (4 - i));
		if (n % unit == 0)
			return arena_printf(
				cx->arena, "  (%llu%cB)", (unsigned long long)(n / unit), units[i]);
	}
	return "";
}

static const char *binary(struct cx *cx, uint64_t n)
{
	char *s = arena_alloc(cx->arena, 65);
	for (unsigned i = 0; i < 64; i++)
		s[i] = n >> (63 - i) & 1 ? '1' : '0';
	return s;
}

static const char *bits_set(uint64_t n)
{
	scoped_strbuf struct strbuf b = { 0 };
	for (int i = 63; i >= 0; i--)
		if (n >> i & 1)
			strbuf_addf(&b, b.len ? " %d" : "%d", i);
	return strbuf_take(&b);
}

static void show(struct cx *cx, const struct args *a, uint64_t n)
{
	scoped_strbuf struct strbuf symbol = { 0 };
	out_table(cx->out, &eval_table);
	out_row(cx->out);
	out_strf(cx->out, "hexadecimal", "%llx%s", (unsigned long long)n, magnitude(cx, n));
	if ((int64_t)n < 0)
		out_strf(cx->out, "decimal", "%llu  (%lld)", (unsigned long long)n, (long long)n);
	else
		out_strf(cx->out, "decimal", "%llu", (unsigned long long)n);
	out_strf(cx->out, "octal", "%llo", (unsigned long long)n);
	out_str(cx->out, "binary", binary(cx, n));
	if (args_flag(a, 'b')) {
		scoped_free const char *bits = bits_set(n);
		out_str(cx->out, "bits", bits);
	}
	if (api_symbol_text(cx->target, n, &symbol))
		out_str(cx->out, "symbol", strbuf_text(&symbol));
	out_uint(cx->out, "bytes", n);
}

static struct err *eval_run(struct cx *cx, const struct args *a)
{
	uint64_t n;
	size_t at;
	/* A symbol is its address, as in crash: what it holds is p's business. */
	struct err *err = api_calculate(cx, args_rest(a, 0), &n, &at);
	if (err)
		return args_point(a, 0, at, err);
	show(cx, a, n);
	return NULL;
}

static const char *const eval_examples[] = {
	"eval 128m + 0x1000\tk, m and g are 1024 and its powers",
	"eval (1 << 40)\tshifts to the right, > and | stand in parentheses",
	"eval -b 0xc0008001\twith the numbers of the bits",
	"eval c0008000 - 32\ta word of hex digits that is no symbol is a number",
	NULL,
};

const struct command cmd_eval = {
	.name = "eval",
	.summary = "a number in hexadecimal, decimal, octal and binary",
	.usage = "EXPRESSION",
	.details = "C's expressions as in p, but literals have 64 bits.",
	.options = eval_options,
	.examples = eval_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.per_row = true,
	.complete = "symbol",
	.run = eval_run,
};
