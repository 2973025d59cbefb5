/* mod: the loaded modules. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column mod_columns[] = { { "module", .width = WIDTH_ADDRESS,
						     .object = "struct module" },
	{ "name", .width = 20 }, { "text", .title = "TEXT", .width = WIDTH_ADDRESS },
	{ "size", .width = 9, .align = ALIGN_RIGHT },
	{ "references", .title = "REFS", .width = 4, .align = ALIGN_RIGHT },
	{ "users", .title = "USED BY", .width = 16 }, { "state", .width = 9 },
	{ "taints", .width = 6 }, { "file", .title = "OBJECT FILE" },
	{ "has_debug", .hidden = true }, { 0 } };
static const struct table mod_table = { .layout = LAYOUT_TABLE, .columns = mod_columns };

static const struct option mod_options[] = { { 't', NULL, "only those that taint the kernel" },
	{ 's', NULL,
		"accepted for fingers used to crash: debug information is loaded when it is "
		"needed" },
	{ 'S', NULL, "the same" }, { 0 } };

enum { FILES_MAX = 4096 };

/* Where its symbols and types come from. */
static void show_file(
	struct cx *cx, const struct module_debug_info *file, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(file[i].name, name))
			continue;
		out_str(cx->out, "file", file[i].state);
		out_bool(cx->out, "has_debug", file[i].debug);
		return;
	}
}

static uint64_t total_bytes(const struct module *m)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < MODULE_PARTS_MAX; i++)
		sum += m->part[i].size;
	return sum;
}

static void show_use(struct cx *cx, const struct module *m)
{
	scoped_strbuf struct strbuf users = { 0 };
	int64_t references;
	bool known;
	struct err *err = module_references(cx->target, m->va, &references, &known);
	if (err)
		out_fault(cx->out, "references", err);
	else if (known)
		out_int(cx->out, "references", references);
	err = module_users_format(cx->target, m->va, &users);
	if (err)
		out_fault(cx->out, "users", err);
	else
		out_str(cx->out, "users", strbuf_text(&users));
}

static void show(struct cx *cx, const struct module *m, const char *taints,
	const struct module_debug_info *file, size_t nfiles)
{
	out_row(cx->out);
	out_addr(cx->out, "module", m->va);
	out_str(cx->out, "name", m->name);
	out_addr(cx->out, "text", m->part[0].va);
	out_uint(cx->out, "size", total_bytes(m));
	show_use(cx, m);
	out_str(cx->out, "state", module_state_name(m));
	out_str(cx->out, "taints", taints);
	show_file(cx, file, nfiles, m->name);
}

static bool is_named(const struct args *a, const struct module *m)
{
	uint64_t va;
	for (int i = 0; i < args_count(a); i++) {
		const char *word = args_get(a, i);
		if (!strcmp(word, m->name) || (number_parse_hex(word, &va) && va == m->va))
			return true;
	}
	return !args_count(a);
}

static struct err *mod_run(struct cx *cx, const struct args *a)
{
	struct module_iter it;
	bool more = true, found = false;
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	struct module_debug_info *file = arena_alloc(cx->arena, FILES_MAX * sizeof(*file));
	size_t n = module_debug_list(cx->target, file, FILES_MAX);
	err = module_iter_init(&it, cx->target);
	out_table(cx->out, &mod_table);
	out_nothing(cx->out, "no module is loaded");
	while (!err && more) {
		struct module m;
		scoped_strbuf struct strbuf taints = { 0 };
		err = module_iter_next(&it, &m, &more);
		bool wanted = !err && more && is_named(a, &m);
		if (wanted)
			err = module_taints_format(cx->target, m.va, &taints);
		if (!err && wanted && (taints.len || !args_flag(a, 't')))
			show(cx, &m, strbuf_text(&taints), file, n < FILES_MAX ? n : FILES_MAX);
		found |= wanted;
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	if (!err && !found && args_count(a))
		return args_error(a, 0, "no module is called so");
	return err;
}

static const char *const mod_examples[] = {
	"mod\tthe loaded modules, and where their debug information comes from",
	"mod virtio_net\tone of them",
	"mod | order by size desc | first 5\tthe largest",
	NULL,
};

const struct command cmd_mod = {
	.name = "mod",
	.alias = "lsmod",
	.summary = "loaded modules",
	.usage = "[NAME|ADDRESS…]",
	.details = "Debug information is looked for in --symbols DIR, in modules/ beside the "
		   "vmlinux and below "
		   "/usr/lib/debug, and loaded when it is needed.",
	.options = mod_options,
	.examples = mod_examples,
	.max_args = -1,
	.rows = &mod_table,
	.run = mod_run,
};
