/*
 * Structs that every kernel person reads at a glance when they are shown as what they mean: lists,
 * hash lists, red-black nodes. Recognised by tag and member names; what differs is printed as
 * usual.
 */
#include <string.h>

#include "analyzer/debug/value_internal.h"

/* Member @name of @v as a number. */
static bool member_number(struct printer *p, const struct value *v, const char *name, uint64_t *ret)
{
	struct field_ref ref;
	scoped_err struct err *e = type_field(p->env->types, v->type, name, &ref);
	if (e || ref.bit_size)
		return false;
	const struct value m = { .type = ref.type, .va = v->va + ref.bit_offset / 8 };
	scoped_err struct err *unread = value_number(p->env, &m, ret);
	return !unread;
}

static void add_pointer(struct printer *p, const char *name, uint64_t va, const char *end)
{
	strbuf_addf(p->out, ".%s = 0x%llx", name, (unsigned long long)va);
	if (va)
		print_symbol(p, va);
	strbuf_add(p->out, end);
}

/* include/linux/list.h: a head that points to itself is empty, and so is a node after
 * list_del_init(). */
static bool print_list_head(struct printer *p, const struct value *v)
{
	uint64_t next, prev;
	if (!member_number(p, v, "next", &next) || !member_number(p, v, "prev", &prev))
		return false;
	if (next == v->va && prev == v->va) {
		strbuf_addf(p->out, "<empty list 0x%llx>", (unsigned long long)v->va);
		return true;
	}
	strbuf_add(p->out, "{ ");
	add_pointer(p, "next", next, ", ");
	add_pointer(p, "prev", prev, " }");
	return true;
}

static bool print_root(
	struct printer *p, const struct value *v, const char *member, const char *empty)
{
	uint64_t first;
	if (!member_number(p, v, member, &first))
		return false;
	if (!first) {
		strbuf_add(p->out, empty);
		return true;
	}
	strbuf_add(p->out, "{ ");
	add_pointer(p, member, first, " }");
	return true;
}

/* include/linux/rbtree_types.h: bit 0 of the parent is the colour, 1 is black; a node that is its
 * own parent is in no tree (RB_EMPTY_NODE). */
static bool print_rb_node(struct printer *p, const struct value *v)
{
	uint64_t parent, right, left;
	if (!member_number(p, v, "__rb_parent_color", &parent) ||
		!member_number(p, v, "rb_right", &right) || !member_number(p, v, "rb_left", &left))
		return false;
	if ((parent & ~3ull) == v->va) {
		strbuf_add(p->out, "<in no tree>");
		return true;
	}
	strbuf_addf(p->out, "{ %s, ", parent & 1 ? "black" : "red");
	add_pointer(p, "parent", parent & ~3ull, ", ");
	add_pointer(p, "rb_left", left, ", ");
	add_pointer(p, "rb_right", right, " }");
	return true;
}

bool print_known(struct printer *p, const struct value *v, const struct type *t)
{
	if (!t->name || v->computed)
		return false;
	if (!strcmp(t->name, "list_head"))
		return print_list_head(p, v);
	if (!strcmp(t->name, "hlist_head") || !strcmp(t->name, "llist_head"))
		return print_root(p, v, "first", "<empty list>");
	if (!strcmp(t->name, "rb_root"))
		return print_root(p, v, "rb_node", "<empty tree>");
	return !strcmp(t->name, "rb_node") && print_rb_node(p, v);
}
