/*
 * %pOF and %pfw: nodes of the device tree and of software, as lib/vsprintf.c and
 * drivers/base/property.c (v6.1) print them. One exception: the root's path is "/" here, as it was
 * up to v5.4; newer kernels print nothing for it. Knows no ACPI nodes.
 */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/printk_objects_internal.h"

enum { DEPTH_MAX = 64, PROPERTIES_MAX = 4096, VALUE_BYTES_MAX = 65536 };

static const struct printk_spec plain = { .width = -1, .precision = -1 };

static struct err *add_name(const struct debug_env *env, uint64_t va,
	const struct printk_spec *spec, struct strbuf *out)
{
	scoped_strbuf struct strbuf text = { 0 };
	struct err *err = printk_read_text(env, va, PRINTK_NAME_BYTES, &text);
	if (!err)
		printk_add_text(out, spec, strbuf_text(&text), text.len);
	return err;
}

/* ---- the device tree ----------------------------------------------- */

struct node {
	uint64_t name, parent, properties, flags;
	uint32_t phandle;
};
static const struct view_field node_fields[] = {
	FIELD(struct node, name, "full_name"),
	FIELD(struct node, parent, "parent"),
	FIELD(struct node, properties, "properties"),
	FIELD(struct node, flags, "_flags"),
	FIELD(struct node, phandle, "phandle"),
};
static const struct view_spec node_spec = { .type = "device_node",
	.hint = "drivers/of/base.c",
	.fields = node_fields,
	.nfields = ARRAY_SIZE(node_fields) };

struct property {
	uint64_t name, value, next;
	int32_t length;
};
static const struct view_field property_fields[] = {
	FIELD(struct property, name, "name"),
	FIELD(struct property, value, "value"),
	FIELD(struct property, next, "next"),
	FIELD(struct property, length, "length"),
};
static const struct view_spec property_spec = { .type = "property",
	.hint = "drivers/of/base.c",
	.fields = property_fields,
	.nfields = ARRAY_SIZE(property_fields) };

/* What is behind the last slash: kernels before 4.14 kept whole paths there. */
static struct err *node_name(const struct debug_env *env, const struct node *n, struct strbuf *ret)
{
	struct err *err = printk_read_text(env, n->name, PRINTK_NAME_BYTES, ret);
	const char *slash = err || !ret->len ? NULL : memrchr(ret->s, '/', ret->len);
	if (slash) {
		size_t n_bytes = ret->len - (size_t)(slash + 1 - ret->s);
		memmove(ret->s, slash + 1, n_bytes);
		ret->len = n_bytes;
		ret->s[n_bytes] = '\0';
	}
	return err;
}

static struct err *add_path(const struct debug_env *env, const struct node *node,
	const struct printk_spec *spec, struct strbuf *out)
{
	scoped_strbuf struct strbuf path = { 0 };
	struct node n = *node;
	if (!n.parent)
		strbuf_add_char(&path, '/');
	for (unsigned depth = 0; n.parent; depth++) {
		scoped_strbuf struct strbuf name = { 0 };
		struct err *err = interrupt_check();
		if (!err && depth == DEPTH_MAX)
			err = err_new(
				ERR_LIMIT, "a device_node more than %d levels deep", DEPTH_MAX);
		if (!err)
			err = node_name(env, &n, &name);
		if (!err)
			err = printk_read_object(env, &node_spec, n.parent, &n);
		if (err)
			return err;
		strbuf_add_bytes(&name, strbuf_text(&path), path.len);
		strbuf_reset(&path);
		strbuf_add_char(&path, '/');
		strbuf_add_bytes(&path, strbuf_text(&name), name.len);
	}
	printk_add_text(out, spec, strbuf_text(&path), path.len);
	return NULL;
}

static struct err *read_value(
	const struct debug_env *env, const struct property *p, struct strbuf *ret)
{
	scoped_free char *b = NULL;
	if (p->length <= 0)
		return NULL;
	if (p->length > VALUE_BYTES_MAX)
		return err_new(ERR_FORMAT, "a property of %d bytes", p->length);
	struct err *err = mem_alloc_array((size_t)p->length, 1, "a property", &b);
	if (!err)
		err = printk_read(env, p->value, b, (size_t)p->length);
	if (!err)
		strbuf_add_bytes(ret, b, (size_t)p->length);
	return err;
}

/* The value of "compatible": texts that each end with a NUL. Empty when there is none. */
static struct err *read_compatible(
	const struct debug_env *env, const struct node *n, struct strbuf *ret)
{
	uint64_t va = n->properties;
	for (unsigned i = 0; va; i++) {
		struct property p = { 0 };
		scoped_strbuf struct strbuf name = { 0 };
		struct err *err = interrupt_check();
		if (!err && i == PROPERTIES_MAX)
			err = err_new(ERR_LIMIT, "more than %d properties", PROPERTIES_MAX);
		if (!err)
			err = printk_read_object(env, &property_spec, va, &p);
		if (!err)
			err = printk_read_text(env, p.name, PRINTK_NAME_BYTES, &name);
		if (err)
			return err;
		/* drivers/of/base.c: of_prop_cmp() looks at capitals, too, but for SPARC */
		if (!strcmp(strbuf_text(&name), "compatible"))
			return read_value(env, &p, ret);
		va = p.next;
	}
	return NULL;
}

static struct err *add_compatible(const struct debug_env *env, const struct node *n, bool all,
	const struct printk_spec *spec, struct strbuf *out)
{
	scoped_strbuf struct strbuf value = { 0 };
	struct err *err = read_compatible(env, n, &value);
	/* A text that is not ended is no text: of_property_read_string(), of_prop_next_string(). */
	for (size_t at = 0; !err && at < value.len;) {
		size_t bytes = strnlen(value.s + at, value.len - at);
		if (at + bytes == value.len)
			break;
		strbuf_add(out, !all ? "" : at ? ",\"" : "\"");
		printk_add_text(out, spec, value.s + at, bytes);
		if (!all)
			break;
		strbuf_add_char(out, '"');
		at += bytes + 1;
	}
	return err;
}

/* include/linux/of.h: numbers of bits, in no enum */
static void add_node_flags(uint64_t flags, const struct printk_spec *spec, struct strbuf *out)
{
	static const char letters[] = { 'D', 'd', 'P', 'B' }; /* bits 1 to 4 */
	char text[sizeof(letters)];
	for (size_t i = 0; i < sizeof(letters); i++)
		text[i] = flags >> (i + 1) & 1 ? letters[i] : '-';
	printk_add_text(out, spec, text, sizeof(text));
}

static struct err *add_node_part(const struct debug_env *env, const struct node *n, char letter,
	const struct printk_spec *spec, struct strbuf *out)
{
	scoped_strbuf struct strbuf name = { 0 };
	struct err *err = NULL;
	if (letter == 'f')
		return add_path(env, n, &plain, out);
	if (letter == 'c' || letter == 'C')
		return add_compatible(env, n, letter == 'C', spec, out);
	if (letter == 'p')
		strbuf_addf(out, "%u", n->phandle);
	if (letter == 'F')
		add_node_flags(n->flags, spec, out);
	if (letter != 'n' && letter != 'P')
		return NULL;
	err = node_name(env, n, &name);
	if (err)
		return err;
	const char *text = letter == 'P' && !n->parent ? "/" : strbuf_text(&name);
	printk_add_text(out, spec, text, letter == 'n' ? strcspn(text, "@") : strlen(text));
	return NULL;
}

/* The width is the whole's; the precision each part's. */
static void add_whole(struct strbuf *out, const struct printk_spec *spec, const struct strbuf *b)
{
	size_t fill =
		spec->width > 0 && (size_t)spec->width > b->len ? (size_t)spec->width - b->len : 0;
	strbuf_pad(out, ' ', spec->left ? 0 : fill);
	strbuf_add_bytes(out, strbuf_text(b), b->len);
	strbuf_pad(out, ' ', spec->left ? fill : 0);
}

static struct err *print_device_node(const struct printk_pointer *p, struct strbuf *out)
{
	struct node n = { 0 };
	struct printk_spec part = p->spec;
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read_object(p->env, &node_spec, p->va, &n);
	part.width = -1;
	for (const char *l = *p->letters ? p->letters : "f"; !err && *l; l++) {
		err = add_node_part(p->env, &n, *l, &part, &b);
		strbuf_add(&b, l[1] ? ":" : "");
	}
	if (!err)
		add_whole(out, &p->spec, &b);
	return err;
}

/* ---- firmware nodes ----------------------------------------------- */

struct fwnode {
	uint64_t ops;
};
static const struct view_field fwnode_fields[] = { FIELD(struct fwnode, ops, "ops") };
static const struct view_spec fwnode_spec = { .type = "fwnode_handle",
	.hint = "drivers/base/property.c",
	.fields = fwnode_fields,
	.nfields = ARRAY_SIZE(fwnode_fields) };

struct software_node {
	uint64_t name, parent;
};
static const struct view_field software_fields[] = {
	FIELD(struct software_node, name, "kobj.name"),
	FIELD(struct software_node, parent, "parent"), /* a struct swnode */
};
static const struct view_spec software_spec = { .type = "swnode",
	.hint = "drivers/base/swnode.c",
	.fields = software_fields,
	.nfields = ARRAY_SIZE(software_fields) };

/* drivers/base/swnode.c: no prefix on top, then "/" */
static struct err *add_software_path(
	const struct debug_env *env, struct software_node n, struct strbuf *out)
{
	scoped_strbuf struct strbuf path = { 0 };
	struct err *err = NULL;
	for (unsigned depth = 0; !err; depth++) {
		scoped_strbuf struct strbuf below = { 0 };
		strbuf_add_bytes(&below, strbuf_text(&path), path.len);
		strbuf_reset(&path);
		if (depth == DEPTH_MAX)
			return err_new(
				ERR_LIMIT, "a software node more than %d levels deep", DEPTH_MAX);
		strbuf_add(&path, n.parent ? "/" : "");
		err = add_name(env, n.name, &plain, &path);
		strbuf_add_bytes(&path, strbuf_text(&below), below.len);
		if (err || !n.parent)
			break;
		err = printk_read_object(env, &software_spec, n.parent, &n);
	}
	strbuf_add_bytes(out, strbuf_text(&path), err ? 0 : path.len);
	return err;
}

/* The struct that holds the fwnode_handle at @va. */
static struct err *holder_of(
	const struct debug_env *env, const struct view_spec *spec, uint64_t va, uint64_t *ret)
{
	const struct type *t;
	struct field_ref f;
	struct err *err = types_find(env->types, TYPE_STRUCT, spec->type, spec->hint, &t);
	if (!err)
		err = type_field(env->types, t, "fwnode", &f);
	if (!err)
		*ret = va - f.bit_offset / 8;
	return err;
}

static struct err *add_fwnode(const struct printk_pointer *p, const char *ops, bool name_only,
	const struct printk_spec *part, struct strbuf *out)
{
	uint64_t va;
	struct err *err;
	if (!strcmp(ops, "of_fwnode_ops")) {
		struct node n = { 0 };
		err = holder_of(p->env, &node_spec, p->va, &va);
		if (!err)
			err = printk_read_object(p->env, &node_spec, va, &n);
		return err ? err : add_node_part(p->env, &n, name_only ? 'P' : 'f', part, out);
	}
	if (!strcmp(ops, "software_node_ops")) {
		struct software_node n = { 0 };
		err = holder_of(p->env, &software_spec, p->va, &va);
		if (!err)
			err = printk_read_object(p->env, &software_spec, va, &n);
		if (err)
			return err;
		return name_only ? add_name(p->env, n.name, part, out)
				 : add_software_path(p->env, n, out);
	}
	return err_new(ERR_UNSUPPORTED,
		"%%pfw: a node whose functions are %s: only those of of_fwnode_ops "
		"and software_node_ops are known",
		ops);
}

static struct err *print_fwnode(const struct printk_pointer *p, struct strbuf *out)
{
	struct fwnode f = { 0 };
	struct symbol sym = { 0 };
	struct printk_spec part = p->spec;
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read_object(p->env, &fwnode_spec, p->va, &f);
	part.width = -1;
	if (!err && (!p->env->syms || !symtab_at(p->env->syms, f.ops, &sym) || sym.va != f.ops))
		err = err_new(ERR_MISSING,
			"%%pfw: 0x%llx has functions at 0x%llx, which no symbol names",
			(unsigned long long)p->va, (unsigned long long)f.ops);
	if (!err)
		err = add_fwnode(p, sym.name, *p->letters == 'P', &part, &b);
	if (!err)
		add_whole(out, &p->spec, &b);
	return err;
}

void printk_nodes_register(struct printk_formats *f)
{
	static const struct printk_extension rows[] = {
		{ "OF", "fnpPcCF",
			"a device_node: path, name, phandle, name@unit, compatible, all of them, "
			"flags",
			false, print_device_node },
		{ "fw", "fP", "a fwnode_handle of the device tree or of software: path or name",
			false, print_fwnode },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		printk_formats_add(f, &rows[i]);
}
