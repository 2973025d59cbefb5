/* ptob: from the number of a page to bytes. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column ptob_columns[] = {
	{ "page", .width = 12 },
	{ "address", .width = WIDTH_ADDRESS },
	{ 0 }
};
static const struct table ptob_table = { .layout = LAYOUT_TABLE, .columns = ptob_columns };

static struct err *ptob_run(struct cx *cx, const struct args *a)
{
	unsigned shift = page_shift(cx->target);

	out_table(cx->out, &ptob_table);
	for (int i = 0; i < args_count(a); i++) {
		uint64_t page;
		struct err *err = args_addr(a, i, &page);
		if (err)
			return err;
		if (page > UINT64_MAX >> shift)
			return args_error(a, i, "no page has a number as high as this");
		out_row(cx->out);
		out_hex(cx->out, "page", page);
		out_addr(cx->out, "address", page << shift);
	}
	return NULL;
}

static const char *const ptob_examples[] = {
	"ptob 40208\tthe physical address of a frame",
	NULL,
};

const struct command cmd_ptob = {
	.name = "ptob",
	.summary = "page number to bytes",
	.usage = "PAGE…",
	.details = "Numbers are hexadecimal.",
	.examples = ptob_examples,
	.min_args = 1,
	.max_args = -1,
	.run = ptob_run,
};
