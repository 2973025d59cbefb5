/*
 * struct device_node and struct property (include/linux/of.h; the same links from 4.19 to 7.2),
 * made by unflatten_dt_nodes() in drivers/of/fdt.c. Nodes are held against their parents'
 * addresses; lists and depths have limits.
 */
#include "analyzer/kernel/device_tree.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

#define OF_HINT "drivers/of/base.c"

enum { NODES_MAX = 1 << 18, PROPERTIES_MAX = 4096, VALUE_BYTES_MAX = 4 << 20, NAME_BYTES = 256 };

struct node {
	uint64_t va, name, parent, child, sibling, properties;
};
static const struct view_field node_fields[] = {
	FIELD(struct node, name, "full_name"),
	FIELD(struct node, parent, "parent"),
	FIELD(struct node, child, "child"),
	FIELD(struct node, sibling, "sibling"),
	FIELD(struct node, properties, "properties"),
};
static const struct view_spec node_spec = { .type = "device_node",
	.hint = OF_HINT,
	.fields = node_fields,
	.nfields = ARRAY_SIZE(node_fields) };

struct property {
	uint64_t va, name, value, next;
	int32_t length;
};
static const struct view_field property_fields[] = {
	FIELD(struct property, name, "name"),
	FIELD(struct property, value, "value"),
	FIELD(struct property, length, "length"),
	FIELD(struct property, next, "next"),
};
static const struct view_spec property_spec = { .type = "property",
	.hint = OF_HINT,
	.fields = property_fields,
	.nfields = ARRAY_SIZE(property_fields) };

struct tree_walk {
	struct target *t;
	const struct view *node, *property;
	device_tree_fn fn;
	device_tree_complain_fn complain;
	void *cx;
	uint64_t count;
	unsigned depth; /* of the node at hand */
	struct {
		uint64_t va, sibling;
	} open[DEVICE_TREE_DEPTH_MAX];
};

static struct err *read_node(struct tree_walk *w, uint64_t va, uint64_t parent, struct node *ret)
{
	struct node n = { .va = va };
	struct err *err = interrupt_check();
	if (!err && ++w->count > NODES_MAX)
		err = err_new(ERR_LIMIT, "more than %d nodes", NODES_MAX);
	if (!err)
		err = view_read(w->node, w->t->kernel, va, &n);
	if (!err && n.parent != parent)
		err = err_new(ERR_FORMAT,
			"its parent is 0x%" PRIx64 ", but it hangs below 0x%" PRIx64, n.parent,
			parent);
	if (!err)
		*ret = n;
	return err_wrap(err, "device_node 0x%" PRIx64, va);
}

/* ---- properties ----------------------------------------------- */

static struct err *tell_property(struct tree_walk *w, const struct property *p, const char *name)
{
	struct device_tree_event e = {
		.kind = DEVICE_TREE_PROPERTY, .depth = w->depth, .name = name, .va = p->va
	};
	scoped_free uint8_t *value = NULL;
	if (p->length < 0 || p->length > VALUE_BYTES_MAX)
		return err_new(ERR_FORMAT, "property %s has %d bytes", name, p->length);
	struct err *err = mem_alloc_array((size_t)p->length + 1, 1, "a property", &value);
	if (!err && p->length)
		err = vspace_read(w->t->kernel, p->value, value, (size_t)p->length);
	if (err)
		return err_wrap(err, "property %s", name);
	e.value = value;
	e.length = (size_t)p->length;
	return w->fn(w->cx, &e);
}

/* populate_properties() adds "name", the node's name up to the @, where the blob has none. */
static bool is_made_up(
	const struct tree_walk *w, const struct property *p, const char *name, const char *node)
{
	char value[NAME_BYTES];
	size_t n = strcspn(node, "@");
	return !strcmp(name, "name") && p->length >= 1 && (size_t)p->length == n + 1 &&
	       n < sizeof(value) && !vspace_try_read(w->t->kernel, p->value, value, n + 1, NULL) &&
	       !memcmp(value, node, n) && !value[n];
}

static struct err *tell_properties(struct tree_walk *w, const struct node *n, const char *node_name)
{
	uint64_t va = n->properties;
	for (unsigned i = 0; va; i++) {
		struct property p = { .va = va };
		char name[NAME_BYTES];
		if (i == PROPERTIES_MAX)
			return err_new(ERR_LIMIT, "more than %d properties", PROPERTIES_MAX);
		struct err *err = view_read(w->property, w->t->kernel, va, &p);
		p.va = va;
		if (!err)
			err = vspace_read_str(w->t->kernel, p.name, name, sizeof(name));
		if (!err && !is_made_up(w, &p, name, node_name))
			err = tell_property(w, &p, name);
		if (err)
			return err_wrap(err, "property at 0x%" PRIx64, va);
		va = p.next;
	}
	return NULL;
}

/* ---- nodes ----------------------------------------------- */

static struct err *tell_node(struct tree_walk *w, const struct node *n)
{
	struct device_tree_event e = { .kind = DEVICE_TREE_NODE, .depth = w->depth, .va = n->va };
	char name[NAME_BYTES];
	struct err *err = vspace_read_str(w->t->kernel, n->name, name, sizeof(name));
	if (err)
		return err_wrap(err, "the name of device_node 0x%" PRIx64, n->va);
	e.name = w->depth ? name : "";
	err = w->fn(w->cx, &e);
	if (err)
		return err;
	err = tell_properties(w, n, w->depth ? name : "");
	if (err && err->code != ERR_INTERRUPTED) {
		w->complain(w->cx, err_wrap(err, "device_node %s", name));
		err = NULL;
	}
	return err;
}

static struct err *tell_end(struct tree_walk *w)
{
	struct device_tree_event e = {
		.kind = DEVICE_TREE_END, .depth = w->depth, .va = w->open[w->depth].va
	};
	return w->fn(w->cx, &e);
}

/* Closes nodes until one has a sibling, which is *ret_va; 0 at the end. */
static struct err *climb(struct tree_walk *w, uint64_t *ret_va)
{
	for (;;) {
		struct err *err = tell_end(w);
		*ret_va = err || !w->depth ? 0 : w->open[w->depth].sibling;
		if (err || *ret_va || !w->depth)
			return err;
		w->depth--;
	}
}

/* One node and where to go from it. A node that cannot be read takes what is behind it along. */
static struct err *step(struct tree_walk *w, uint64_t *io_va)
{
	struct node n = { 0 };
	uint64_t parent = w->depth ? w->open[w->depth - 1].va : 0;
	struct err *err = read_node(w, *io_va, parent, &n);
	if (!err)
		err = tell_node(w, &n);
	if (err && (err->code == ERR_INTERRUPTED || err->code == ERR_LIMIT || !w->depth))
		return err;
	if (err) {
		w->complain(w->cx, err);
		w->depth--;
		return climb(w, io_va);
	}
	w->open[w->depth].va = n.va;
	w->open[w->depth].sibling = n.sibling;
	if (n.child && w->depth + 1 < DEVICE_TREE_DEPTH_MAX) {
		w->depth++;
		*io_va = n.child;
		return NULL;
	}
	if (n.child)
		w->complain(w->cx,
			err_new(ERR_LIMIT, "device_node 0x%" PRIx64 ": the tree is deeper than %d",
				n.va, DEVICE_TREE_DEPTH_MAX));
	return climb(w, io_va);
}

struct err *device_tree_walk(
	struct target *t, device_tree_fn fn, device_tree_complain_fn complain, void *cx)
{
	struct tree_walk w = { .t = t, .fn = fn, .complain = complain, .cx = cx };
	uint64_t va;
	struct err *err = target_need_kernel(t);
	if (!err)
		err = target_read_variable(t, "of_root", 0, &va);
	if (!err && !va)
		err = err_new(ERR_NOT_FOUND,
			"of_root is NULL: this machine was not booted with a device tree");
	if (!err)
		err = target_view(t, &node_spec, &w.node);
	if (!err)
		err = target_view(t, &property_spec, &w.property);
	while (!err && va)
		err = step(&w, &va);
	return err;
}

struct err *device_tree_blob_read(struct target *t, uint8_t **ret, size_t *ret_n)
{
	uint8_t head[FDT_HEADER_BYTES];
	struct fdt_header h;
	scoped_free uint8_t *bytes = NULL;
	uint64_t va;
	struct err *err = target_need_kernel(t);
	if (!err)
		err = target_read_variable(t, "initial_boot_params", 0, &va);
	if (!err && !va)
		err = err_new(ERR_NOT_FOUND,
			"initial_boot_params is NULL: there was no device tree blob");
	if (!err)
		err = vspace_read(t->kernel, va, head, sizeof(head));
	if (!err)
		err = fdt_header_parse(head, &h);
	if (!err)
		err = mem_alloc_array(h.total_bytes, 1, "the device tree", &bytes);
	if (!err)
		err = vspace_read(t->kernel, va, bytes, h.total_bytes);
	if (err)
		return err_wrap(err, "device tree blob");
	*ret = take_ptr(bytes);
	*ret_n = h.total_bytes;
	return NULL;
}
