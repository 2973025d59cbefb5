/* report: the verdict and what surrounds it as one page. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column report_columns[] = { { "file" }, { "bytes" }, { "sections" }, { 0 } };
static const struct table report_table = { .layout = LAYOUT_RECORD, .columns = report_columns };

static const struct option report_options[] = { { 'H', "FILE", "write the page into FILE",
							.word = "-html" },
	{ 'F', NULL, "write over FILE if it exists" }, { 0 } };

static struct err *report_run(struct cx *cx, const struct args *a)
{
	const char *path = args_option(a, 'H');
	if (!path)
		return err_new(ERR_USAGE,
			"say where to: report --html FILE (triage shows the verdict as text)");
	scoped_triage struct triage tr;
	scoped_strbuf struct strbuf page = { 0 };
	struct err *err = triage_run(cx->target, &tr);
	struct report r = {
		.t = cx->target, .a = cx->arena, .tr = &tr, .out = &page, .faults = cx->out
	};
	if (!err)
		err = report_page(&r);
	if (!err)
		err = whole_file_write(path, args_flag(a, 'F'), &page);
	if (err)
		return err;
	out_table(cx->out, &report_table);
	out_row(cx->out);
	out_str(cx->out, "file", path);
	out_uint(cx->out, "bytes", page.len);
	out_uint(cx->out, "sections", r.sections);
	return NULL;
}

static const char *const report_examples[] = {
	"report --html page.html\tone file to open in a browser or to send",
	NULL,
};

const struct command cmd_report = {
	.name = "report",
	.summary = "the verdict, the object, locks, stacks, log, memory and tasks as one HTML page",
	.details =
		"The page needs no network and no other file. SECTIONS counts those that could "
		"be filled; what the\n"
		"others lack is said in their place and as a complaint, and then the status is 1.",
	.options = report_options,
	.examples = report_examples,
	.run = report_run,
};
