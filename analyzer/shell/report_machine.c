/* The end of the log with a time line, and physical and virtual memory to scale. */
#include "analyzer/shell/report_page.h"

#include <stdio.h>
#include <string.h>

#include "analyzer/kernel/address_map.h"
#include "analyzer/kernel/printk.h"
#include "analyzer/kernel/resource.h"

enum { WIDTH = 1000, LINES_MAX = 200, LANES_MAX = 32, LANE = 22, RESOURCES_MAX = 256 };
static const uint32_t BY_CPU =
	0x80000000; /* include/linux/dev_printk.h, kernel/printk/printk.c: printk_caller_id() */
static const unsigned NO_LANE = UINT32_MAX;

/* ---- log --------------------------------------------------------------------------------- */

struct line {
	uint64_t ts_ns;
	unsigned level, cpu; /* cpu: NO_LANE where nothing tells */
	uint32_t caller;
	const char *text;
};

struct last_lines {
	struct line line[LINES_MAX]; /* a ring: line n is at n % LINES_MAX */
	uint64_t n, lost;
};

static const struct line *line_at(const struct last_lines *l, uint64_t i)
{
	return &l->line[i % LINES_MAX];
}

static uint64_t first_line(const struct last_lines *l)
{
	return l->n > LINES_MAX ? l->n - LINES_MAX : 0;
}

static struct err *read_lines(struct report *r, struct last_lines *l)
{
	struct printk_iter it;
	bool more = true;
	struct err *err = printk_iter_init(&it, r->t);
	while (!err) {
		struct printk_record rec;
		err = printk_iter_next(&it, &rec, &more);
		if (err || !more)
			break;
		l->line[l->n++ % LINES_MAX] = (struct line){ rec.ts_ns, rec.level, NO_LANE,
			rec.caller_id, arena_strndup(r->a, rec.text, rec.text_bytes) };
	}
	l->lost = it.lost;
	printk_iter_deinit(&it);
	if (err && l->n && err->code != ERR_INTERRUPTED) { /* what could be read is shown */
		report_missing(r, "The log is damaged", err);
		err = NULL;
	}
	return err;
}

/* A task's lines stand on the CPU where it ran last: that is a guess for tasks that moved. */
static void find_cpus(struct report *r, struct last_lines *l)
{
	for (uint64_t i = first_line(l); i < l->n; i++) {
		struct line *line = &l->line[i % LINES_MAX];
		struct task task;
		if (line->caller & BY_CPU) {
			line->cpu = line->caller & ~BY_CPU;
		} else if (line->caller) {
			const struct line *before = i > first_line(l) ? line_at(l, i - 1) : NULL;
			if (before && before->caller == line->caller) {
				line->cpu = before->cpu;
				continue;
			}
			struct err *err = task_find_pid(r->t, line->caller, &task);
			if (!err && task.cpu != TASK_CPU_UNKNOWN)
				line->cpu = task.cpu;
			err_drop(err); /* gone since: no CPU is known */
		}
	}
}

static unsigned lane_of(const struct line *l, unsigned lanes)
{
	return l->cpu < lanes ? l->cpu : lanes;
}

/* As the console has it: what is less than a microsecond is left out, not rounded. */
static const char *seconds(uint64_t ns, char ret[32])
{
	snprintf(ret, 32, "%llu.%06llu", (unsigned long long)(ns / 1000000000),
		(unsigned long long)(ns % 1000000000 / 1000));
	return ret;
}

static void draw_times(struct report *r, const struct last_lines *l)
{
	char text[32], end[32];
	unsigned lanes = 0;
	uint64_t first = first_line(l), from = UINT64_MAX, to = 0;
	for (uint64_t i = first; i < l->n; i++) {
		const struct line *line = line_at(l, i);
		lanes = line->cpu < LANES_MAX && line->cpu >= lanes ? line->cpu + 1 : lanes;
		from = line->ts_ns < from ? line->ts_ns : from;
		to = line->ts_ns > to ? line->ts_ns : to;
	}
	strbuf_addf(r->out,
		"<svg class=\"draw\" viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"time "
		"line\">\n",
		WIDTH, (lanes + 2) * LANE);
	for (unsigned k = 0; k <= lanes; k++) {
		strbuf_addf(r->out,
			"<rect class=\"none\" x=\"70\" y=\"%u\" width=\"920\" height=\"%d\"/>",
			k * LANE, LANE - 4);
		strbuf_addf(r->out,
			k < lanes ? "<text x=\"0\" y=\"%u\">CPU %u</text>\n"
				  : "<text x=\"0\" y=\"%u\">CPU ?</text>\n",
			k * LANE + 13, k);
	}
	for (uint64_t i = first; i < l->n; i++) {
		const struct line *line = line_at(l, i);
		double x =
			70 +
			(to > from ? (double)(line->ts_ns - from) / (double)(to - from) * 916 : 0);
		strbuf_addf(r->out, "<g><title>");
		html_textf(r->out, "%s %s", seconds(line->ts_ns, text), line->text);
		strbuf_addf(r->out,
			"</title><rect class=\"%s\" x=\"%.1f\" y=\"%u\" width=\"4\" "
			"height=\"%d\"/></g>\n",
			line->level <= 3 ? "damage" : "k0", x, lane_of(line, lanes) * LANE,
			LANE - 4);
	}
	strbuf_addf(r->out,
		"<text x=\"70\" y=\"%u\">%s s</text><text x=\"990\" y=\"%u\" "
		"text-anchor=\"end\">%s s</text>\n",
		(lanes + 2) * LANE - 8, seconds(from, text), (lanes + 2) * LANE - 8,
		seconds(to, end));
	strbuf_add(r->out, "</svg>\n");
}

struct err *report_log(struct report *r)
{
	struct last_lines *l = arena_alloc(r->a, sizeof(*l));
	struct err *err = read_lines(r, l);
	if (err)
		return err;
	if (!l->n) {
		html_element(r->out, "p", "dim", "The log holds no line.");
		return NULL;
	}
	find_cpus(r, l);
	html_element(r->out, "p", "dim",
		"The last %llu of %llu records; red: errors and worse. A task's lines stand on the "
		"CPU "
		"where it ran last.",
		(unsigned long long)(l->n - first_line(l)), (unsigned long long)l->n);
	if (l->lost)
		html_element(r->out, "p", "bad", "%llu records could not be read.",
			(unsigned long long)l->lost);
	draw_times(r, l);
	char text[32];
	strbuf_add(r->out, "<pre class=\"wide\">");
	for (uint64_t i = first_line(l); i < l->n; i++) {
		const struct line *line = line_at(l, i);
		const char *p = line->text;
		html_textf(r->out, "[%12s] ", seconds(line->ts_ns, text));
		for (const char *newline; (newline = strchr(p, '\n')); p = newline + 1) {
			html_textf(r->out, "%.*s", (int)(newline - p), p);
			strbuf_add_char(r->out, '\n');
		}
		html_text(r->out, p);
		strbuf_add_char(r->out, '\n');
	}
	strbuf_add(r->out, "</pre>\n");
	return NULL;
}

/* ---- memory ------------------------------------------------------------------------------ */

struct range {
	uint64_t start, last;
	unsigned depth;
	const char *name;
};

struct ranges {
	struct range v[RESOURCES_MAX];
	size_t n, left_out;
};

static struct err *read_resources(struct report *r, struct ranges *ret)
{
	struct resource_iter it;
	bool more = true;
	struct err *err = resource_iter_init(&it, r->t, "iomem_resource");
	while (!err && more) {
		struct resource res;
		scoped_strbuf struct strbuf name = { 0 };
		err = resource_iter_next(&it, &res, &more);
		if (!err && more)
			err = resource_name(r->t, &res, &name);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err);
			err = NULL;
			ret->left_out++;
		} else if (!err && more && ret->n < RESOURCES_MAX && res.end >= res.start) {
			ret->v[ret->n++] = (struct range){ res.start, res.end, res.depth,
				arena_strdup(r->a, strbuf_text(&name)) };
		} else if (!err && more) {
			ret->left_out++;
		}
	}
	return err;
}

static bool is_ram(const struct range *range)
{
	return !strcmp(range->name, "System RAM");
}

static void draw_range(struct strbuf *out, const struct range *at, uint64_t from, double scale)
{
	double x = (double)(at->start - from) * scale,
	       width = ((double)(at->last - at->start) + 1) * scale;
	unsigned y = (at->depth > 2 ? 2 : at->depth) * 34;
	const char *class = is_ram(at)			  ? "k0"
			    : strstr(at->name, "Kernel")  ? "k1"
			    : strstr(at->name, "eserved") ? "k3"
							  : "k5";
	strbuf_add(out, "<g><title>");
	html_textf(out, "0x%llx to 0x%llx: %s", (unsigned long long)at->start,
		(unsigned long long)at->last, at->name);
	strbuf_addf(out,
		"</title><rect class=\"%s\" x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"30\"/>",
		class, x, y, width < 0.5 ? 0.5 : width);
	if (width > 8.0 * (double)strlen(at->name)) {
		strbuf_addf(out, "<text class=\"in\" x=\"%.2f\" y=\"%u\">", x + 3, y + 19);
		html_text(out, at->name);
		strbuf_add(out, "</text>");
	}
	strbuf_add(out, "</g>\n");
}

/* From the first byte of RAM to the last: devices, which lie far away, stand in the table. */
static void draw_physical(struct report *r, const struct ranges *ranges)
{
	uint64_t from = UINT64_MAX, last = 0;
	for (size_t i = 0; i < ranges->n; i++) {
		const struct range *at = &ranges->v[i];
		from = is_ram(at) && at->start < from ? at->start : from;
		last = is_ram(at) && at->last > last ? at->last : last;
	}
	if (last <= from) {
		html_element(r->out, "p", "dim", "No claim is called System RAM: nothing to draw.");
		return;
	}
	strbuf_addf(r->out,
		"<svg class=\"draw\" viewBox=\"0 0 %d 124\" role=\"img\" aria-label=\"physical "
		"memory to scale\">\n",
		WIDTH);
	for (size_t i = 0; i < ranges->n; i++)
		if (ranges->v[i].start >= from && ranges->v[i].last <= last)
			draw_range(
				r->out, &ranges->v[i], from, WIDTH / ((double)(last - from) + 1));
	strbuf_addf(r->out,
		"<text x=\"0\" y=\"118\">0x%llx</text><text x=\"%d\" y=\"118\" "
		"text-anchor=\"end\">0x%llx</text>\n",
		(unsigned long long)from, WIDTH, (unsigned long long)last);
	strbuf_add(r->out, "</svg>\n");
}

static void show_range(struct strbuf *out, uint64_t start, uint64_t last, unsigned depth,
	const char *name, const char *note)
{
	strbuf_add(out, "<tr>");
	html_element(out, "td", "m", "0x%llx", (unsigned long long)start);
	html_element(out, "td", "m", "0x%llx", (unsigned long long)last);
	html_element(out, "td", "n", "%.0f KiB", ((double)(last - start) + 1) / 1024);
	html_element(out, "td", NULL, "%s%s", depth > 1 ? "– – " : depth ? "– " : "", name);
	html_element(out, "td", "dim", "%s", note);
	strbuf_add(out, "</tr>\n");
}

struct err *report_memory(struct report *r)
{
	struct ranges *ranges = arena_alloc(r->a, sizeof(*ranges));
	struct address_map map;
	static const char head[] =
		"<div "
		"class=\"wide\"><table><thead><tr><th>from</th><th>to</th><th>bytes</th><th></th>"
		"<th></th></tr></thead><tbody>\n";
	struct err *err = read_resources(r, ranges);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	report_missing(r, "Physical memory", err);
	draw_physical(r, ranges);
	if (ranges->left_out)
		html_element(r->out, "p", "bad", "%zu claims are left out.", ranges->left_out);
	strbuf_add(r->out, "<details><summary>physical addresses as a table</summary>");
	strbuf_add(r->out, head);
	for (size_t i = 0; i < ranges->n; i++)
		show_range(r->out, ranges->v[i].start, ranges->v[i].last, ranges->v[i].depth,
			ranges->v[i].name, "");
	strbuf_add(r->out, "</tbody></table></div></details>\n<h3>Virtual addresses</h3>");
	err = address_map_find(r->t, &map);
	if (err)
		return err;
	strbuf_add(r->out, head);
	for (unsigned i = 0; i < map.n; i++)
		show_range(r->out, map.region[i].start, map.region[i].last, 0, map.region[i].name,
			map.region[i].note);
	strbuf_add(r->out, "</tbody></table></div>\n");
	return NULL;
}
