/*
 * Walks struct resource (include/linux/ioport.h, kernel/resource.c; the same links from 4.19
 * to 7.2). Each one is held against its parent's address, siblings are searched for cycles, and
 * depth and count have limits, so that a damaged tree costs a branch.
 */
#include "analyzer/kernel/resource.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

enum { RESOURCES_MAX = 1 << 20, NAME_BYTES = 256 };

static const struct view_field resource_fields[] = {
	FIELD(struct resource, start, "start"),
	FIELD(struct resource, end, "end"),
	FIELD(struct resource, flags, "flags"),
	FIELD(struct resource, name_va, "name"),
	FIELD(struct resource, parent, "parent"),
	FIELD(struct resource, sibling, "sibling"),
	FIELD(struct resource, child, "child"),
};
static const struct view_spec resource_spec = { .type = "resource",
	.hint = "kernel/resource.c",
	.fields = resource_fields,
	.nfields = ARRAY_SIZE(resource_fields) };

static struct err *read_resource(struct target *t, uint64_t va, struct resource *ret)
{
	const struct view *v;
	struct resource r = { .va = va };
	struct err *err = target_view(t, &resource_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &r);
	if (!err)
		*ret = r;
	return err_wrap(err, "resource 0x%" PRIx64, va);
}

struct err *resource_iter_init(struct resource_iter *it, struct target *t, const char *symbol)
{
	uint64_t va;
	memset(it, 0, sizeof(*it));
	it->t = t;
	struct err *err = target_need_kernel(t);
	if (!err)
		err = target_symbol(t, symbol, &va);
	if (!err)
		err = read_resource(t, va, &it->root);
	if (err)
		return err;
	it->level[0].va = va;
	it->next_va = it->root.child;
	return NULL;
}

/* To the next sibling of this branch, or of the nearest one above that has one. */
static void leave_branch(struct resource_iter *it)
{
	it->next_va = it->level[it->depth].sibling;
	while (!it->next_va && it->depth)
		it->next_va = it->level[--it->depth].sibling;
}

static struct err *check(struct resource_iter *it, const struct resource *r)
{
	uint64_t parent = it->level[it->depth].va;
	if (r->parent != parent)
		return err_new(ERR_FORMAT,
			"resource 0x%" PRIx64 " says that its parent is 0x%" PRIx64
			", but it hangs below 0x%" PRIx64,
			r->va, r->parent, parent);
	if (it->level[it->depth].mark == r->va)
		return err_new(ERR_LIMIT,
			"the siblings of resource 0x%" PRIx64 " go round in a circle", r->va);
	if (++it->level[it->depth].steps >= it->level[it->depth].mark_at) {
		it->level[it->depth].mark = r->va;
		it->level[it->depth].mark_at = it->level[it->depth].steps * 2;
	}
	return NULL;
}

static struct err *step_down(struct resource_iter *it, const struct resource *r)
{
	it->level[it->depth].sibling = r->sibling;
	if (!r->child) {
		leave_branch(it);
		return NULL;
	}
	if (it->depth + 1 == RESOURCE_DEPTH_MAX) {
		leave_branch(it);
		return err_new(ERR_LIMIT, "resource 0x%" PRIx64 ": the tree is deeper than %d",
			r->va, RESOURCE_DEPTH_MAX);
	}
	it->depth++;
	memset(&it->level[it->depth], 0, sizeof(it->level[0]));
	it->level[it->depth].va = r->va;
	it->next_va = r->child;
	return NULL;
}

struct err *resource_iter_next(struct resource_iter *it, struct resource *ret, bool *ret_more)
{
	struct resource r;
	struct err *err = interrupt_check();
	*ret_more = false;
	if (err || !it->next_va)
		return err;
	if (++it->count > RESOURCES_MAX)
		return err_new(ERR_LIMIT, "the tree has more than %d resources", RESOURCES_MAX);
	*ret_more = true;
	err = read_resource(it->t, it->next_va, &r);
	if (!err)
		err = check(it, &r);
	if (err) {
		/* neither its children nor what comes behind it can be trusted */
		it->level[it->depth].sibling = 0;
		leave_branch(it);
		return err;
	}
	r.depth = it->depth;
	err = step_down(it, &r);
	if (!err)
		*ret = r;
	return err;
}

struct err *resource_name(struct target *t, const struct resource *r, struct strbuf *out)
{
	char name[NAME_BYTES];
	struct err *err = NULL;
	if (!r->name_va) {
		strbuf_add(out, "<BAD>");
		return NULL;
	}
	err = vspace_read_str(t->kernel, r->name_va, name, sizeof(name));
	if (!err)
		strbuf_add(out, name);
	return err;
}

/* include/linux/ioport.h; no enum has these. */
void resource_flags_format(uint64_t flags, struct strbuf *out)
{
	static const struct {
		uint64_t mask, value;
		const char *name;
	} known[] = {
		{ 0x1f00, 0x100, "io" },
		{ 0x1f00, 0x200, "mem" },
		{ 0x1f00, 0x300, "reg" },
		{ 0x1f00, 0x400, "irq" },
		{ 0x1f00, 0x800, "dma" },
		{ 0x1f00, 0x1000, "bus" },
		{ 0x2000, 0x2000, "prefetch" },
		{ 0x4000, 0x4000, "readonly" },
		{ 0x8000, 0x8000, "cacheable" },
		{ 0x20000, 0x20000, "shadowable" },
		{ 0x100000, 0x100000, "64bit" },
		{ 0x200000, 0x200000, "window" },
		{ 0x400000, 0x400000, "muxed" },
		{ 0x1000000, 0x1000000, "sysram" },
		{ 0x8000000, 0x8000000, "exclusive" },
		{ 0x10000000, 0x10000000, "disabled" },
		{ 0x20000000, 0x20000000, "unset" },
		{ 0x40000000, 0x40000000, "auto" },
		{ 0x80000000, 0x80000000, "busy" },
	};
	bool first = true;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if ((flags & known[i].mask) != known[i].value)
			continue;
		strbuf_addf(out, "%s%s", first ? "" : " ", known[i].name);
		first = false;
	}
}
