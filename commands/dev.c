/* dev: major and minor numbers, and who claimed them. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column dev_columns[] = { { "kind", .width = 5 },
	{ "major", .width = 5, .align = ALIGN_RIGHT }, { "minors", .width = 12, .text_only = true },
	{ "minor", .hidden = true }, { "count", .hidden = true }, { "name", .width = 18 },
	{ "cdev", .width = WIDTH_ADDRESS, .object = "struct cdev" }, { "operations" }, { 0 } };
static const struct table dev_table = { .layout = LAYOUT_TABLE, .columns = dev_columns };

static const struct option dev_options[] = { { 'i', NULL, "I/O ports, as ioports" },
	{ 'm', NULL, "the physical address map, as iomem" }, { 0 } };

static void show(struct cx *cx, const struct device_number *d)
{
	scoped_strbuf struct strbuf name = { 0 };
	out_row(cx->out);
	out_str(cx->out, "kind", d->is_block ? "block" : "char");
	out_uint(cx->out, "major", d->major);
	out_str_n(cx->out, "name", d->name, strnlen(d->name, sizeof(d->name)));
	if (d->is_block)
		return;
	out_uint(cx->out, "minor", d->minor);
	out_uint(cx->out, "count", d->minors);
	if (d->minors > 1)
		out_strf(cx->out, "minors", "%u-%u", d->minor, d->minor + d->minors - 1);
	else
		out_strf(cx->out, "minors", "%u", d->minor);
	if (d->cdev)
		out_addr(cx->out, "cdev", d->cdev);
	if (d->operations && symtab_format(cx->target->syms, d->operations, false, &name))
		out_str(cx->out, "operations", strbuf_text(&name));
	else if (d->operations)
		out_strf(cx->out, "operations", "0x%llx", (unsigned long long)d->operations);
}

static struct err *dev_run(struct cx *cx, const struct args *a)
{
	scoped_device_numbers struct device_numbers all = { 0 };
	if (args_flag(a, 'i'))
		return session_run_inside(cx, "ioports");
	if (args_flag(a, 'm'))
		return session_run_inside(cx, "iomem");
	struct err *err = device_numbers_read(cx->target, &all);
	out_table(cx->out, &dev_table);
	for (size_t i = 0; i < all.all.n; i++)
		show(cx, &all.all.v[i]);
	return err;
}

static const char *const dev_examples[] = {
	"dev\tas /proc/devices, with each one's operations",
	"dev | where kind == \"char\" && major == 10\tone major",
	NULL,
};

const struct command cmd_dev = {
	.name = "dev",
	.summary = "device numbers and who claimed them",
	.usage = "",
	.options = dev_options,
	.examples = dev_examples,
	.rows = &dev_table,
	.run = dev_run,
};
