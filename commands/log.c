/* log: the kernel's message buffer. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <inttypes.h>
#include <time.h>

static const struct column log_columns[] = { { "stamp", .text_only = true },
	{ "seq", .hidden = true }, { "ts", .hidden = true }, { "time", .hidden = true },
	{ "level", .hidden = true }, { "facility", .hidden = true }, { "caller", .hidden = true },
	{ "text" }, { 0 } };
static const struct table log_table = { .layout = LAYOUT_LINES, .columns = log_columns };

static const struct option log_options[] = {
	{ 'T', NULL, "show times of day instead of seconds since boot" },
	{ 'm', NULL, "show each message's level as <N>" }, { 't', NULL, "show no times" }, { 0 }
};

struct log_style {
	bool of_day, no_time, level;
	int64_t boot_s; /* when the machine was started, seconds since 1970 */
};

static void format_day(const struct log_style *style, uint64_t ts_ns, char *buf, size_t n)
{
	time_t when = (time_t)(style->boot_s + (int64_t)(ts_ns / 1000000000));
	struct tm tm;
	if (!gmtime_r(&when, &tm) || !strftime(buf, n, "%a %b %e %H:%M:%S %Y", &tm))
		snprintf(buf, n, "?");
}

static void show_line(struct cx *cx, const struct log_style *style, const struct printk_record *r,
	const char *line, size_t n)
{
	char day[64], level[8] = "";
	out_row(cx->out);
	if (style->level)
		snprintf(level, sizeof(level), "<%u>", r->level);
	if (style->of_day)
		format_day(style, r->ts_ns, day, sizeof(day));
	if (style->no_time) {
		if (style->level)
			out_str(cx->out, "stamp", level);
	} else if (style->of_day) {
		out_strf(cx->out, "stamp", "%s[%s]", level, day);
	} else {
		out_strf(cx->out, "stamp", "%s[%5" PRIu64 ".%06" PRIu64 "]", level,
			r->ts_ns / 1000000000, r->ts_ns / 1000 % 1000000);
	}
	out_uint(cx->out, "seq", r->seq);
	out_seconds(cx->out, "ts", r->ts_ns);
	if (style->of_day)
		out_str(cx->out, "time", day);
	out_uint(cx->out, "level", r->level);
	out_uint(cx->out, "facility", r->facility);
	out_uint(cx->out, "caller", r->caller_id);
	out_str_n(cx->out, "text", line, n);
}

/*
 * One row a line, as the console and dmesg show a record that holds several. vprintk_store() takes
 * one newline off the end: if there is another, an empty line stands behind it
 * (record_print_text(), kernel/printk/printk.c, v5.10 … v7.2; msg_print_text() before).
 */
static void show_record(struct cx *cx, const struct log_style *style, const struct printk_record *r)
{
	const char *p = r->text, *end = r->text + r->text_bytes, *newline;
	do {
		newline = memchr(p, '\n', (size_t)(end - p));
		show_line(cx, style, r, p, (size_t)((newline ? newline : end) - p));
		p = newline ? newline + 1 : end;
	} while (newline);
}

static struct err *log_run(struct cx *cx, const struct args *a)
{
	struct log_style style = {
		.of_day = args_flag(a, 'T'),
		.no_time = args_flag(a, 't'),
		.level = args_flag(a, 'm'),
	};
	struct printk_iter it;
	bool more = true;
	struct err *err = NULL;
	if (style.of_day) {
		struct system_clock clock;
		err = system_clock_read(cx->target, &clock);
		if (err)
			return err;
		style.boot_s = clock.realtime_s - clock.uptime_s;
	}
	err = printk_iter_init(&it, cx->target);
	out_table(cx->out, &log_table);
	while (!err) {
		struct printk_record r;
		err = printk_iter_next(&it, &r, &more);
		if (err || !more)
			break;
		show_record(cx, &style, &r);
	}
	if (it.lost)
		out_complain(cx->out,
			err_new(ERR_FORMAT, "%" PRIu64 " records could not be read", it.lost));
	printk_iter_deinit(&it);
	return err;
}

static const char *const log_examples[] = {
	"log\tall messages",
	"log -T | grep -i panic\ttimes of day, filtered by the host's grep",
	NULL,
};

const struct command cmd_log = {
	.name = "log",
	.alias = "dmesg",
	.summary = "the kernel's message buffer",
	.usage = "",
	.options = log_options,
	.examples = log_examples,
	.run = log_run,
};
