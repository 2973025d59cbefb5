/* ptdump: a page table in the kernel's own form, section by section. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column ptdump_columns[] = { { "line", .text_only = true },
	{ "section", .hidden = true }, { "start", .hidden = true }, { "end", .hidden = true },
	{ "size", .hidden = true }, { "level", .hidden = true }, { "domain", .hidden = true },
	{ "kind", .hidden = true }, { "attributes", .hidden = true }, { 0 } };
static const struct table ptdump_table = { .layout = LAYOUT_LINES, .columns = ptdump_columns };

static const struct option ptdump_options[] = { { 'c', "PID|TASK", "this task's user space" },
	{ 0 } };

struct shown {
	struct cx *cx;
	const struct ptdump *dump;
	const char *section;
};

static const char *kind_word(const struct ptdump_line *l)
{
	switch (l->kind) {
	case RUN_HOLE:
		return "hole";
	case RUN_MAPPED:
		return "mapped";
	case RUN_ABSENT:
		return "absent";
	case RUN_BROKEN:
		return l->fault ? fault_name(l->fault) : "invalid";
	}
	return "?";
}

static void show_line(void *cx, const struct ptdump_line *l)
{
	struct shown *s = cx;
	struct out *o = s->cx->out;
	const struct ptdump *d = s->dump;
	scoped_strbuf struct strbuf text = { 0 }, attributes = { 0 };

	if (l->section)
		s->section = l->section;
	ptdump_format(d, l, &text);
	out_row(o);
	out_str(o, "line", strbuf_text(&text));
	out_str(o, "section", s->section);
	if (l->section)
		return;
	uint64_t mask = d->address_digits == 16 ? UINT64_MAX : UINT32_MAX;
	ptdump_attributes(l, &attributes);
	out_addr(o, "start", l->start);
	out_addr(o, "end", (l->start + l->size) & mask);
	out_bytes(o, "size", l->size);
	out_str(o, "level", l->level);
	if (l->domain)
		out_str_n(o, "domain", l->domain, strcspn(l->domain, " "));
	out_str(o, "kind", kind_word(l));
	out_str(o, "attributes", strbuf_text(&attributes));
}

static struct err *ptdump_run(struct cx *cx, const struct args *a)
{
	const char *task_text = args_option(a, 'c');
	struct shown s = { .cx = cx };
	struct ptdump d;
	struct task task;
	uint64_t bound;
	struct err *err = target_need_kernel(cx->target);

	if (!err && task_text) {
		err = task_parse(cx->target, task_text, &task);
		if (!err)
			err = ptdump_task(cx->target, &task, &d);
	} else if (!err) {
		err = ptdump_kernel(cx->target, &d);
	}
	if (!err && args_count(a) > 0) {
		err = arg_address(cx, a, 0, &bound);
		if (!err && bound > d.lo)
			d.lo = bound & ~((1ull << d.paging.page_shift) - 1);
	}
	if (!err && args_count(a) > 1) {
		err = arg_address(cx, a, 1, &bound);
		if (!err && bound && bound - 1 < d.last)
			d.last = (bound - 1) | ((1ull << d.paging.page_shift) - 1);
	}
	if (err)
		return err;
	if (d.lo > d.last)
		return args_error(a, 0, "the range ends before it begins");
	s.dump = &d;
	out_table(cx->out, &ptdump_table);
	return ptdump_walk(cx->target, &d, show_line, &s);
}

static const char *const ptdump_examples[] = {
	"ptdump\tthe kernel's whole table, as kernel_page_tables in debugfs has it",
	"ptdump ffffffc008000000 ffffffc009000000\ta range of it",
	"ptdump -c 1\tthe user space of pid 1",
	NULL,
};

const struct command cmd_ptdump = {
	.name = "ptdump",
	.summary = "a page table as the kernel's own debug file shows it",
	.usage = "[START [END]]",
	.details = "The lines are those of /sys/kernel/debug/kernel_page_tables, so that diff "
		   "works. Sections "
		   "begin where the kernel's address_markers say, or where its headers would put "
		   "them.\n"
		   "arm64 shows empty stretches too, with the level at which the walk ends.",
	.options = ptdump_options,
	.examples = ptdump_examples,
	.max_args = 2,
	.complete = "symbol",
	.run = ptdump_run,
};
