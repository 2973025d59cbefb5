/* dt: the device tree, as the kernel keeps it or as the boot loader gave it. */
#include <errno.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column dt_columns[] = {
	{ "line", .text_only = true },
	{ "path", .hidden = true },
	{ "property", .hidden = true },
	{ "kind", .hidden = true },
	{ "value", .hidden = true },
	{ "length", .hidden = true },
	{ "address", .hidden = true },
	{ 0 }
};
static const struct table dt_table = { .layout = LAYOUT_LINES, .columns = dt_columns };

static const struct column written_columns[] = { { "file" }, { "bytes" }, { 0 } };
static const struct table written_table = { .layout = LAYOUT_RECORD, .columns = written_columns };

static const struct option dt_options[] = {
	{ 'b', NULL, "the blob that the kernel was booted with" },
	{ 'w', "FILE", "write the blob to this file, for dtc or fdtdump" },
	{ 0 }
};

struct shown {
	struct cx *cx;
	const char *wanted; /* a path; NULL: everything */
	bool found, inside;
	unsigned inside_depth;
	struct strbuf path;
	size_t path_len[DEVICE_TREE_DEPTH_MAX + 1]; /* of the open nodes' parents */
};

/* Whether @path names this node: each part may leave its unit address out ("/pl011"). */
static bool path_fits(const char *wanted, const char *path)
{
	for (;;) {
		wanted += strspn(wanted, "/");
		path += strspn(path, "/");
		size_t n = strcspn(wanted, "/"), m = strcspn(path, "/"), bare = strcspn(path, "@/");
		if (!n || !m)
			return !n && !m;
		if (!(n == m || n == bare) || strncmp(wanted, path, n))
			return false;
		wanted += n;
		path += m;
	}
}

static void show_row(struct shown *s, const struct device_tree_event *e, const char *line)
{
	out_row(s->cx->out);
	out_str(s->cx->out, "line", line);
	out_str(s->cx->out, "path", s->path.len > 1 ? strbuf_text(&s->path) + 1 : "/");
	if (e->va)
		out_addr(s->cx->out, "address", e->va);
}

static void show_property(struct shown *s, const struct device_tree_event *e)
{
	static const char *const kind[] = { [DEVICE_TREE_EMPTY] = "empty",
		[DEVICE_TREE_STRINGS] = "strings",
		[DEVICE_TREE_CELLS] = "cells",
		[DEVICE_TREE_BYTES] = "bytes" };
	scoped_strbuf struct strbuf line = { 0 }, value = { 0 };
	device_tree_value_format(e->value, e->length, &value);
	strbuf_pad(&line, '\t', e->depth + 1 - (s->wanted ? s->inside_depth : 0));
	strbuf_addf(&line, "%s%s%s;", e->name, value.len ? " = " : "", strbuf_text(&value));
	show_row(s, e, strbuf_text(&line));
	out_str(s->cx->out, "property", e->name);
	out_str(s->cx->out, "kind", kind[device_tree_value_kind(e->value, e->length)]);
	out_str(s->cx->out, "value", strbuf_text(&value));
	out_uint(s->cx->out, "length", e->length);
}

static void show_node(struct shown *s, const struct device_tree_event *e)
{
	scoped_strbuf struct strbuf line = { 0 };
	unsigned depth = e->depth - (s->wanted ? s->inside_depth : 0);
	if (depth) {
		out_row(s->cx->out);
		out_str(s->cx->out, "line", "");
		out_str(s->cx->out, "kind", "blank");
	}
	strbuf_pad(&line, '\t', depth);
	strbuf_addf(&line, "%s {", e->depth ? e->name : "/");
	show_row(s, e, strbuf_text(&line));
	out_str(s->cx->out, "kind", "node");
}

static void show_end(struct shown *s, const struct device_tree_event *e)
{
	scoped_strbuf struct strbuf line = { 0 };
	strbuf_pad(&line, '\t', e->depth - (s->wanted ? s->inside_depth : 0));
	strbuf_add(&line, "};");
	show_row(s, e, strbuf_text(&line));
	out_str(s->cx->out, "kind", "end");
}

static void enter(struct shown *s, const struct device_tree_event *e)
{
	s->path_len[e->depth] = s->path.len;
	strbuf_addf(&s->path, "/%s", e->name);
	if (!s->inside && (!s->wanted || path_fits(s->wanted, strbuf_text(&s->path)))) {
		s->found = s->inside = true;
		s->inside_depth = e->depth;
	}
}

static void leave(struct shown *s, const struct device_tree_event *e)
{
	if (s->inside && e->depth == s->inside_depth)
		s->inside = false;
	s->path.len = s->path_len[e->depth];
	if (s->path.s)
		s->path.s[s->path.len] = 0;
}

static struct err *show_event(void *cx, const struct device_tree_event *e)
{
	struct shown *s = cx;
	switch (e->kind) {
	case DEVICE_TREE_RESERVE:
		if (s->wanted)
			break;
		out_row(s->cx->out);
		out_strf(s->cx->out, "line", "/memreserve/\t0x%016llx 0x%016llx;",
			(unsigned long long)e->address, (unsigned long long)e->bytes);
		out_str(s->cx->out, "kind", "reserve");
		break;
	case DEVICE_TREE_NODE:
		enter(s, e);
		if (s->inside)
			show_node(s, e);
		break;
	case DEVICE_TREE_PROPERTY:
		if (s->inside)
			show_property(s, e);
		break;
	case DEVICE_TREE_END:
		if (s->inside)
			show_end(s, e);
		leave(s, e);
		break;
	}
	return NULL;
}

static void complain(void *cx, struct err *e)
{
	struct shown *s = cx;
	out_complain(s->cx->out, e);
}

static struct err *write_blob(struct cx *cx, const char *path, const uint8_t *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");
	if (!f)
		return err_io(errno, "%s", path);
	bool written = fwrite(bytes, 1, n, f) == n;
	if (fclose(f) || !written)
		return err_io(errno, "%s", path);
	out_table(cx->out, &written_table);
	out_row(cx->out);
	out_str(cx->out, "file", path);
	out_bytes(cx->out, "bytes", n);
	return NULL;
}

static struct err *show_blob(struct cx *cx, const struct args *a, struct shown *s)
{
	scoped_free uint8_t *bytes = NULL;
	size_t n;
	struct err *err = device_tree_blob_read(cx->target, &bytes, &n);
	if (!err && args_option(a, 'w'))
		return write_blob(cx, args_option(a, 'w'), bytes, n);
	return err ? err : fdt_walk(bytes, n, show_event, s);
}

static struct err *dt_run(struct cx *cx, const struct args *a)
{
	struct shown s = { .cx = cx, .wanted = args_get(a, 0) };
	bool blob = args_flag(a, 'b') || args_option(a, 'w');
	if (!args_option(a, 'w'))
		out_table(cx->out, &dt_table);
	struct err *err = blob ? show_blob(cx, a, &s)
			       : device_tree_walk(cx->target, show_event, complain, &s);
	strbuf_deinit(&s.path);
	if (!err && s.wanted && !s.found && !args_option(a, 'w'))
		err = args_error(a, 0, "there is no such node; dt alone shows all");
	return err;
}

static const char *const dt_examples[] = {
	"dt\tthe kernel's tree, as dtc writes source",
	"dt /chosen\tone node and what is below it",
	"dt -b /memory\tthe same of the blob; unit addresses may be left out",
	"dt -w machine.dtb\twrite the blob to a file",
	NULL,
};

const struct command cmd_dt = {
	.name = "dt",
	.summary = "the device tree: the kernel's, or the blob it was booted with",
	.usage = "[PATH]",
	.details = "Values are shown as dtc guesses them: strings, cells of 32 bits, bytes. The "
		   "name property that "
		   "the kernel makes up for each node is left out.",
	.options = dt_options,
	.examples = dt_examples,
	.max_args = 1,
	.run = dt_run,
};
