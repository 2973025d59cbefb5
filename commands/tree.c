/* tree: the members of a red-black tree, an XArray (radix tree, IDR) or a maple tree. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column tree_columns[] = { { "address", .width = WIDTH_ADDRESS,
						      .object = "void" },
	{ "number" }, { "index", .hidden = true }, { "first", .hidden = true },
	{ "last", .hidden = true }, { "where", .text_only = true }, { "position" },
	{ "type", .hidden = true }, { "value" }, { 0 } };
static const struct table tree_table = { .layout = LAYOUT_LINES, .columns = tree_columns };

static const struct option tree_options[] = {
	{ 't', "TYPE", "rbtree (when not given), xarray, radix, maple or idr, or how it begins" },
	{ 'r', "OFFSET", "of the root in the struct at ROOT: a number or TYPE.MEMBER" },
	{ 'o', "OFFSET", "of the rb_node in its struct: a number or TYPE.MEMBER" },
	{ 's', "TYPE[.MEMBER,…]",
		"show each as this struct, or these members of it; several may be given" },
	{ 'S', "TYPE[.MEMBER,…]", "the same" },
	{ 'N', NULL, "ROOT is the topmost node itself (rbtree, xarray)" },
	{ 'p', NULL, "the way to each from the root" },
	{ 'v', NULL, "the nodes of a maple tree, too, each before its first entry" },
	{ 'l', NULL, "in order: always so, accepted for fingers used to crash" },
	{ 'x', NULL, "integers in hexadecimal" },
	{ 'd', NULL, "integers in decimal, as they are without -x" }, { 0 }
};

struct tree_walk {
	struct shape shape;
	bool is_node, position, nodes;
};

/* @err is about a part of the tree: said beside the rows. @more: the walk goes on. */
static struct err *part_failed(struct cx *cx, struct err *err, bool more)
{
	if (!err || !more)
		return err;
	out_complain(cx->out, err);
	return NULL;
}

static struct err *show_rbtree(struct cx *cx, const struct tree_walk *w, uint64_t root)
{
	struct rbtree_iter it;
	uint64_t node;
	bool more = true;
	struct err *err = NULL;
	if (w->is_node)
		rbtree_iter_init_node(&it, cx->target, root);
	else
		rbtree_iter_init(&it, cx->target, root);
	while (!err && more) {
		scoped_strbuf struct strbuf way = { 0 };
		err = rbtree_iter_next(&it, &node, &more);
		if (err || !more) {
			err = part_failed(cx, err, more);
			continue;
		}
		out_row(cx->out);
		out_addr(cx->out, "address", list_entry(cx->target, node, w->shape.offset));
		rbtree_iter_position(&it, &way);
		if (w->position)
			out_str(cx->out, "position", strbuf_text(&way));
		err = shape_show(cx, &w->shape, list_entry(cx->target, node, w->shape.offset));
	}
	return err;
}

/* A pointer and what it points to, or a number. */
static struct err *show_entry(
	struct cx *cx, const struct tree_walk *w, uint64_t entry, bool is_number, uint64_t number)
{
	if (is_number)
		out_hex(cx->out, "number", number);
	else
		out_addr(cx->out, "address", entry);
	return is_number
		       ? NULL
		       : shape_show(cx, &w->shape, list_entry(cx->target, entry, w->shape.offset));
}

static void show_range(struct cx *cx, uint64_t first, uint64_t last)
{
	out_hex(cx->out, "first", first);
	out_hex(cx->out, "last", last);
}

static struct err *show_slots(struct cx *cx, const struct tree_walk *w, struct xarray_iter *it)
{
	struct xarray_entry e;
	bool more = true;
	struct err *err = NULL;
	while (!err && more) {
		scoped_strbuf struct strbuf way = { 0 };
		err = xarray_iter_next(it, &e, &more);
		if (err || !more) {
			err = part_failed(cx, err, more);
			continue;
		}
		out_row(cx->out);
		out_uint(cx->out, "index", e.index);
		show_range(cx, e.index, e.last);
		if (e.last != e.index)
			out_strf(cx->out, "where", "%llu-%llu", (unsigned long long)e.index,
				(unsigned long long)e.last);
		else
			out_strf(cx->out, "where", "%llu", (unsigned long long)e.index);
		xarray_iter_position(it, &way);
		if (w->position)
			out_str(cx->out, "position", strbuf_text(&way));
		err = show_entry(cx, w, e.entry, e.is_value, e.value);
	}
	return err;
}

static struct err *show_xarray(struct cx *cx, const struct tree_walk *w, uint64_t root)
{
	struct xarray_iter it;
	struct err *err = w->is_node ? xarray_iter_init_node(&it, cx->target, root)
				     : xarray_iter_init(&it, cx->target, root);
	return err ? err : show_slots(cx, w, &it);
}

static struct err *show_idr(struct cx *cx, const struct tree_walk *w, uint64_t root)
{
	struct xarray_iter it;
	struct err *err =
		w->is_node ? err_new(ERR_USAGE, "option -N is not for IDRs: -t xarray shows a "
						"node of one")
			   : xarray_iter_init_idr(&it, cx->target, root);
	return err ? err : show_slots(cx, w, &it);
}

/* -v: a node as the struct that its type makes it. */
static struct err *show_maple_node(
	struct cx *cx, const struct tree_walk *w, const struct maple_frame *f)
{
	static const char *const structs[] = { "maple_node", "maple_range_64", "maple_range_64",
		"maple_arange_64" }; /* by enum maple_type, include/linux/maple_tree.h */
	struct shape as_node = { .nparts = 1, .style = w->shape.style };
	if (f->type >= ARRAY_SIZE(structs))
		return NULL;
	struct err *err = types_find(cx->target->types, TYPE_STRUCT, structs[f->type],
		"lib/maple_tree.c", &as_node.part[0].type);
	if (err)
		return err;
	out_row(cx->out);
	out_addr(cx->out, "address", f->va);
	out_str(cx->out, "where", "node");
	return shape_show(cx, &as_node, f->va);
}

/* Those on the way to the entry that came last which were not there before it. */
static struct err *show_maple_nodes(struct cx *cx, const struct tree_walk *w,
	const struct maple_iter *it, uint64_t shown[static MAPLE_DEPTH_MAX])
{
	struct err *err = NULL;
	for (unsigned i = 0; w->nodes && !err && i < it->depth; i++) {
		if (shown[i] == it->stack[i].va)
			continue;
		shown[i] = it->stack[i].va;
		err = show_maple_node(cx, w, &it->stack[i]);
	}
	return err;
}

static struct err *show_maple(struct cx *cx, const struct tree_walk *w, uint64_t root)
{
	struct maple_iter it;
	struct maple_entry e;
	uint64_t shown[MAPLE_DEPTH_MAX] = { 0 };
	bool more = true;
	struct err *err = w->is_node ? err_new(ERR_USAGE, "option -N is not for maple trees: their "
							  "nodes do not know their ranges")
				     : maple_iter_init(&it, cx->target, root);
	while (!err && more) {
		scoped_strbuf struct strbuf way = { 0 };
		err = maple_iter_next(&it, &e, &more);
		if (err || !more) {
			err = part_failed(cx, err, more);
			continue;
		}
		err = show_maple_nodes(cx, w, &it, shown);
		if (err)
			break;
		out_row(cx->out);
		show_range(cx, e.first, e.last);
		out_strf(cx->out, "where", "0x%llx-0x%llx", (unsigned long long)e.first,
			(unsigned long long)e.last);
		maple_iter_position(&it, &way);
		if (w->position)
			out_str(cx->out, "position", strbuf_text(&way));
		err = show_entry(cx, w, e.entry, e.entry & 1, e.entry >> 1);
	}
	return err;
}

/* ---- the command ----------------------------------------------- */

typedef struct err *(*show_fn)(struct cx *cx, const struct tree_walk *w, uint64_t root);

/* By how the word begins, as crash takes it; "r" alone could be two. */
static show_fn find_kind(const char *word)
{
	static const struct {
		const char *name;
		size_t enough;
		show_fn show;
	} kinds[] = { { "rbtree", 2, show_rbtree }, { "radix", 2, show_xarray },
		{ "xarray", 1, show_xarray }, { "maple", 1, show_maple }, { "idr", 1, show_idr } };
	size_t n = word ? strlen(word) : 0;
	if (!word)
		return show_rbtree;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (n >= kinds[i].enough && !strncmp(kinds[i].name, word, n))
			return kinds[i].show;
	return NULL;
}

static struct err *tree_run(struct cx *cx, const struct args *a)
{
	struct tree_walk walk = { .is_node = args_flag(a, 'N'),
		.position = args_flag(a, 'p'),
		.nodes = args_flag(a, 'v') };
	uint64_t root, offset;
	show_fn show = find_kind(args_option(a, 't'));
	if (!show)
		return err_new(ERR_USAGE, "option -t: rbtree, xarray, radix, maple or idr, not %s",
			args_option(a, 't'));
	if (walk.nodes && show != show_maple)
		return err_new(ERR_USAGE, "option -v is for maple trees: -t maple");
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = shape_parse(cx, a, &walk.shape);
	if (!err)
		err = shape_parse_offset(cx, a, 'r', &offset);
	if (!err)
		err = args_point(a, 0, 0, address_parse(&cx->target->debug, args_get(a, 0), &root));
	if (err)
		return err;
	out_table(cx->out, &tree_table);
	out_nothing(cx->out, "the tree is empty");
	return show(cx, &walk, root + offset);
}

static const char *const tree_examples[] = {
	"tree -t rbtree -o vmap_area.rb_node -s vmap_area.va_start,va_end vmap_area_root\t"
	"a red-black tree of structs",
	"tree -t idr -s pid.level init_pid_ns.idr\tan IDR's entries, by their numbers",
	"tree -t maple -s vm_area_struct.vm_start,vm_end init_task.active_mm->mm_mt\tranges",
	"tree -t xarray -p -r address_space.i_pages ffff800012345678\twhere each stands",
	NULL,
};

const struct command cmd_tree = {
	.name = "tree",
	.summary = "the members of a red-black tree, an xarray, a radix or a maple tree, an IDR",
	.usage = "ROOT",
	.options = tree_options,
	.examples = tree_examples,
	.min_args = 1,
	.max_args = 1,
	.complete = "symbol",
	.run = tree_run,
};
