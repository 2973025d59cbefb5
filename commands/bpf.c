/* bpf: loaded BPF programs and maps. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column id_columns[] = { { "id" }, { 0 } };
static const struct table id_table = { .layout = LAYOUT_TABLE, .columns = id_columns };

#define PROGRAM_COLUMNS                                                                            \
	{ "id", .title = "ID", .width = 4, .align = ALIGN_RIGHT },                                 \
		{ "program", .title = "BPF_PROG", .width = WIDTH_ADDRESS,                          \
			.object = "struct bpf_prog" },                                             \
		{ "aux", .title = "BPF_PROG_AUX", .width = WIDTH_ADDRESS,                          \
			.object = "struct bpf_prog_aux" },                                         \
		{ "type", .title = "BPF_PROG_TYPE", .width = 15 }, { "tag", .width = 16 },         \
		{ "maps", .hidden = true, .list = &id_table },                                     \
	{                                                                                          \
		"used", .title = "USED_MAPS", .width = 9, .text_only = true                        \
	}

static const struct column program_columns[] = { PROGRAM_COLUMNS, { 0 } };
static const struct table program_table = { .layout = LAYOUT_TABLE, .columns = program_columns };

static const struct column program_more_columns[] = { PROGRAM_COLUMNS, { "name", .width = 15 },
	{ "translated", .title = "XLATED", .width = 6, .align = ALIGN_RIGHT },
	{ "compiled", .title = "JITED", .width = 6, .align = ALIGN_RIGHT },
	{ "locked", .title = "MEMLOCK", .width = 7, .align = ALIGN_RIGHT },
	{ "loaded", .width = 12, .align = ALIGN_RIGHT }, { "gpl", .title = "GPL", .width = 3 },
	{ "uid", .title = "UID" }, { "code", .hidden = true }, { 0 } };
static const struct table program_more_table = { .layout = LAYOUT_TABLE,
	.columns = program_more_columns };

#define MAP_COLUMNS                                                                                \
	{ "id", .title = "ID", .width = 4, .align = ALIGN_RIGHT },                                 \
		{ "map", .title = "BPF_MAP", .width = WIDTH_ADDRESS, .object = "struct bpf_map" }, \
		{ "type", .title = "BPF_MAP_TYPE", .width = 15 },                                  \
	{                                                                                          \
		"flags", .title = "MAP_FLAGS", .width = 9                                          \
	}

static const struct column map_columns[] = { MAP_COLUMNS, { 0 } };
static const struct table map_table = { .layout = LAYOUT_TABLE, .columns = map_columns };

static const struct column map_more_columns[] = { MAP_COLUMNS, { "name", .width = 15 },
	{ "key_bytes", .title = "KEY_SIZE", .width = 8, .align = ALIGN_RIGHT },
	{ "value_bytes", .title = "VALUE_SIZE", .width = 10, .align = ALIGN_RIGHT },
	{ "max_entries", .title = "MAX_ENTRIES", .width = 11, .align = ALIGN_RIGHT },
	{ "uid", .title = "UID" }, { 0 } };
static const struct table map_more_table = { .layout = LAYOUT_TABLE, .columns = map_more_columns };

static const struct option bpf_options[] = {
	{ 'p', "ID", "this program, with its size, name and when it was loaded" },
	{ 'P', NULL, "all programs so" }, { 'm', "ID", "this map, with its sizes and its name" },
	{ 'M', NULL, "all maps so" }, { 'j', NULL, "with -p: the machine's instructions" },
	{ 's', NULL, "with -p and -m: the kernel's own structures" },
	{ 'x', NULL, "with -s: numbers in hexadecimal" },
	{ 'd', NULL, "with -s: numbers in decimal" }, { 0 }
};

static void show_maps_used(struct cx *cx, const struct bpf_program *p)
{
	scoped_strbuf struct strbuf ids = { 0 };
	out_list_begin(cx->out, "maps");
	for (uint32_t i = 0; i < p->nmaps; i++) {
		out_row(cx->out);
		out_uint(cx->out, "id", p->map_ids[i]);
		strbuf_addf(&ids, "%s%u", i ? "," : "", p->map_ids[i]);
	}
	out_list_end(cx->out);
	out_str(cx->out, "used", strbuf_text(&ids));
}

static void show_program(struct cx *cx, const struct bpf_program *p, bool more)
{
	scoped_strbuf struct strbuf type = { 0 }, tag = { 0 };
	bpf_program_type_format(cx->target, p->type, &type);
	for (unsigned i = 0; i < BPF_TAG_BYTES; i++)
		strbuf_addf(&tag, "%02x", p->tag[i]);
	out_row(cx->out);
	out_uint(cx->out, "id", p->id);
	out_addr(cx->out, "program", p->va);
	out_addr(cx->out, "aux", p->aux);
	out_str(cx->out, "type", strbuf_text(&type));
	out_str(cx->out, "tag", strbuf_text(&tag));
	show_maps_used(cx, p);
	if (!more)
		return;
	out_str(cx->out, "name", p->name);
	out_uint(cx->out, "translated", p->translated_bytes);
	out_uint(cx->out, "compiled", p->compiled_bytes);
	out_uint(cx->out, "locked", p->locked_bytes);
	out_seconds(cx->out, "loaded", p->loaded_ns);
	out_bool(cx->out, "gpl", p->gpl);
	if (p->uid_known)
		out_uint(cx->out, "uid", p->uid);
	out_addr(cx->out, "code", p->code);
}

static void show_map(struct cx *cx, const struct bpf_map *m, bool more)
{
	scoped_strbuf struct strbuf type = { 0 };
	bpf_map_type_format(cx->target, m->type, &type);
	out_row(cx->out);
	out_uint(cx->out, "id", m->id);
	out_addr(cx->out, "map", m->va);
	out_str(cx->out, "type", strbuf_text(&type));
	out_strf(cx->out, "flags", "%08x", m->flags);
	if (!more)
		return;
	out_str(cx->out, "name", m->name);
	out_uint(cx->out, "key_bytes", m->key_bytes);
	out_uint(cx->out, "value_bytes", m->value_bytes);
	out_uint(cx->out, "max_entries", m->max_entries);
	if (m->uid_known)
		out_uint(cx->out, "uid", m->uid);
}

/* What is asked of the programs or of the maps. */
struct wanted {
	bool any, more, one, structures, code, hex, decimal, found;
	uint64_t id;
};

static struct err *show_struct(struct cx *cx, const struct wanted *w, const char *type, uint64_t va)
{
	char line[100];
	if (!w->structures)
		return NULL;
	snprintf(line, sizeof(line), "struct %s%s 0x%llx",
		w->hex	     ? "-x "
		: w->decimal ? "-d "
			     : "",
		type, (unsigned long long)va);
	return session_run_inside(cx, line);
}

static struct err *show_code(struct cx *cx, const struct wanted *w, const struct bpf_program *p)
{
	char line[100];
	if (!w->code)
		return NULL;
	if (!p->compiled_bytes)
		return err_new(ERR_MISSING, "program %u was not compiled for the machine", p->id);
	snprintf(line, sizeof(line), "dis 0x%llx %llu", (unsigned long long)p->code,
		(unsigned long long)p->compiled_bytes / 4);
	return session_run_inside(cx, line);
}

static struct err *show_programs(struct cx *cx, struct wanted *w)
{
	struct xarray_iter it;
	bool more = w->any;
	struct err *err = w->any ? bpf_program_iter_init(&it, cx->target) : NULL;
	if (w->any)
		out_table(cx->out, w->more ? &program_more_table : &program_table);
	while (!err && more) {
		struct bpf_program p;
		err = bpf_program_iter_next(&it, &p, &more);
		if (!err && more && (!w->one || p.id == w->id)) {
			w->found = true;
			out_table(cx->out, w->more ? &program_more_table : &program_table);
			show_program(cx, &p, w->more);
			err = show_struct(cx, w, "bpf_prog", p.va);
			if (!err)
				err = show_struct(cx, w, "bpf_prog_aux", p.aux);
			if (!err)
				err = show_code(cx, w, &p);
			if (err)
				return err;
		}
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static struct err *show_maps(struct cx *cx, struct wanted *w)
{
	struct xarray_iter it;
	bool more = w->any;
	struct err *err = w->any ? bpf_map_iter_init(&it, cx->target) : NULL;
	if (w->any)
		out_table(cx->out, w->more ? &map_more_table : &map_table);
	while (!err && more) {
		struct bpf_map m;
		err = bpf_map_iter_next(&it, &m, &more);
		if (!err && more && (!w->one || m.id == w->id)) {
			w->found = true;
			out_table(cx->out, w->more ? &map_more_table : &map_table);
			show_map(cx, &m, w->more);
			err = show_struct(cx, w, "bpf_map", m.va);
			if (err)
				return err;
		}
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

/* @one and @all are the letters of the options that ask for these. */
static struct err *what_is_wanted(const struct args *a, char one, char all, struct wanted *ret)
{
	bool given = args_option(a, one), other = args_option(a, 'p') || args_option(a, 'm') ||
						  args_flag(a, 'P') || args_flag(a, 'M');
	*ret = (struct wanted){
		.any = !other || given || args_flag(a, all),
		.more = given || args_flag(a, all),
		.one = given,
		.structures = args_flag(a, 's'),
		.code = args_flag(a, 'j'),
		.hex = args_flag(a, 'x'),
		.decimal = args_flag(a, 'd'),
	};
	return args_option_uint(a, one, 0, &ret->id);
}

static struct err *bpf_run(struct cx *cx, const struct args *a)
{
	struct wanted programs, maps;
	struct err *err = what_is_wanted(a, 'p', 'P', &programs);
	if (!err)
		err = what_is_wanted(a, 'm', 'M', &maps);
	if (!err && args_flag(a, 'j') && !programs.more)
		err = args_error(a, 0, "-j is of a program: bpf -p ID -j");
	if (!err && args_flag(a, 's') && !programs.more && !maps.more)
		err = args_error(a, 0, "-s is of a program or a map: -p, -P, -m or -M");
	if (!err)
		err = show_programs(cx, &programs);
	if (!err)
		err = show_maps(cx, &maps);
	if (!err && programs.one && !programs.found)
		err = err_new(ERR_NOT_FOUND, "no program %llu: bpf lists them",
			(unsigned long long)programs.id);
	if (!err && maps.one && !maps.found)
		err = err_new(
			ERR_NOT_FOUND, "no map %llu: bpf lists them", (unsigned long long)maps.id);
	return err;
}

static const char *const bpf_examples[] = {
	"bpf\tloaded programs and maps",
	"bpf -p 13 -j\ta program and its instructions",
	"bpf -M\tall maps with their sizes and names",
	"bpf -m 4 -s\ta map and its struct bpf_map",
	NULL,
};

const struct command cmd_bpf = {
	.name = "bpf",
	.summary = "BPF programs and maps",
	.usage = "",
	.details = "LOADED is in seconds since the machine started.",
	.options = bpf_options,
	.examples = bpf_examples,
	.run = bpf_run,
};
