/* btop: from bytes, or an address, to the number of the page. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column btop_columns[] = {
	{ "address", .width = WIDTH_ADDRESS },
	{ "page", .width = 12 },
	{ 0 }
};
static const struct table btop_table = { .layout = LAYOUT_TABLE, .columns = btop_columns };

static struct err *btop_run(struct cx *cx, const struct args *a)
{
	unsigned shift = page_shift(cx->target);

	out_table(cx->out, &btop_table);
	for (int i = 0; i < args_count(a); i++) {
		uint64_t address;
		struct err *err = args_addr(a, i, &address);
		if (err)
			return err;
		out_row(cx->out);
		out_addr(cx->out, "address", address);
		out_hex(cx->out, "page", address >> shift);
	}
	return NULL;
}

static const char *const btop_examples[] = {
	"btop 40208000\tthe frame number of a physical address",
	NULL,
};

const struct command cmd_btop = {
	.name = "btop",
	.summary = "bytes to page number",
	.usage = "ADDRESS…",
	.examples = btop_examples,
	.min_args = 1,
	.max_args = -1,
	.run = btop_run,
};
