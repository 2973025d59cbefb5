/*
 * mm/vmalloc.c, 4.19 to 7.2. One list and one tree of areas in use up to 6.8; since 6.9 those of
 * vmap_nodes[], among which addresses are spread. Freed areas wait on a list of their own: an llist
 * up to 5.10, then a list_head's, then each node's. Before vmalloc_init() there is only vmlist.
 */
#include "analyzer/kernel/vmalloc_internal.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/list.h"
#include "analyzer/kernel/rbtree.h"

#define VMALLOC_HINT "mm/vmalloc.c"

/* 128 nodes since 6.9, one for each CPU at most; an area is a page and a guard at least */
enum { VMAP_NODES_MAX = 4096, AREAS_MAX = 1 << 22 };

/* mm/vmalloc.c: of struct vmap_area.flags since 6.3; of the same name before 5.2 they were others
 */
enum { VMAP_RAM = 1, OLD_VM_AREA = 4 };

struct area_words {
	uint64_t start, end, rb_va, list_va, vm, purge, flags;
};
enum { AREA_RB = 2, AREA_LIST, AREA_VM, AREA_PURGE, AREA_FLAGS };
static const struct view_field area_fields[] = {
	FIELD(struct area_words, start, "va_start"), FIELD(struct area_words, end, "va_end"),
	FIELD_ADDRESS(struct area_words, rb_va, "rb_node"),
	FIELD_ADDRESS(struct area_words, list_va, "list"),
	FIELD(struct area_words, vm, "vm"),
	FIELD_OPTIONAL(struct area_words, purge, "purge_list.next"), /* up to 5.10 */
	FIELD_OPTIONAL(struct area_words, flags, "flags"),	     /* up to 5.1, and since 6.3 */
};
static const struct view_spec area_spec = { .type = "vmap_area",
	.hint = VMALLOC_HINT,
	.fields = area_fields,
	.nfields = ARRAY_SIZE(area_fields) };

struct vm_words {
	uint64_t next, addr, size, flags, pages_va, npages, phys, caller, requested;
	uint32_t page_order;
};
static const struct view_field vm_fields[] = {
	FIELD(struct vm_words, next, "next"), FIELD(struct vm_words, addr, "addr"),
	FIELD(struct vm_words, size, "size"), FIELD(struct vm_words, flags, "flags"),
	FIELD(struct vm_words, pages_va, "pages"), FIELD(struct vm_words, npages, "nr_pages"),
	FIELD(struct vm_words, phys, "phys_addr"), FIELD(struct vm_words, caller, "caller"),
	FIELD_OPTIONAL(struct vm_words, requested, "requested_size"), /* 6.12 */
	FIELD_OPTIONAL(struct vm_words, page_order, "page_order"),    /* 5.12 */
};
static const struct view_spec vm_spec = { .type = "vm_struct",
	.hint = VMALLOC_HINT,
	.fields = vm_fields,
	.nfields = ARRAY_SIZE(vm_fields) };

struct node_words {
	uint64_t busy_head, busy_root, lazy_head;
};
static const struct view_field node_fields[] = {
	FIELD_ADDRESS(struct node_words, busy_head, "busy.head"),
	FIELD_ADDRESS(struct node_words, busy_root, "busy.root"),
	FIELD_ADDRESS(struct node_words, lazy_head, "lazy.head"),
};
static const struct view_spec node_spec = { .type = "vmap_node",
	.hint = VMALLOC_HINT,
	.fields = node_fields,
	.nfields = ARRAY_SIZE(node_fields) };

/* One collection under way. */
struct reading {
	struct vmalloc *v;
	const struct view *area, *vm;
	VEC(uint64_t) in_tree; /* addresses of struct vmap_areas */
};

void vmalloc_found(struct vmalloc *v, struct err *finding)
{
	if (v->damage.n < VMALLOC_DAMAGE_MAX) {
		vec_push(&v->damage, finding);
		return;
	}
	v->more_damage++;
	err_drop(finding); /* counted */
}

struct err *vmalloc_fatal(struct vmalloc *v, struct err *err)
{
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	vmalloc_found(v, err);
	return NULL;
}

static uint64_t untagged(const struct target *t, uint64_t va)
{
	return t->arch->untag(&vspace_facts(t->kernel)->layout, va);
}

/* ---- one area ----------------------------------------------- */

static struct err *read_vm(struct reading *r, uint64_t va, struct vmalloc_area *io)
{
	struct vm_words w = { 0 };
	struct err *err = view_read(r->vm, r->v->t->kernel, va, &w);
	if (err)
		return err_wrap(err, "vm_struct 0x%" PRIx64, va);
	io->vm_va = va;
	io->size = w.size;
	io->flags = w.flags;
	io->pages_va = w.pages_va;
	io->npages = w.npages;
	io->phys = w.phys;
	io->caller = w.caller;
	io->requested = w.requested;
	io->page_order = w.page_order;
	uint64_t addr = untagged(r->v->t, w.addr);
	if (io->va && (addr != untagged(r->v->t, io->start) || w.size > io->end - io->start))
		return err_new(ERR_FORMAT,
			"vmap_area 0x%" PRIx64 " is at 0x%" PRIx64 "-0x%" PRIx64
			", its vm_struct 0x%" PRIx64 " says 0x%" PRIx64 " and 0x%" PRIx64 " bytes",
			io->va, io->start, io->end, va, addr, w.size);
	if (!io->va) {
		io->start = addr;
		io->end = addr + w.size;
	}
	return NULL;
}

static bool makes_sense(const struct vmalloc_area *a)
{
	return a->start && a->start < a->end && !(a->start & 0xfff) && !(a->end & 0xfff);
}

/*
 * Up to 5.1 .vm is there for areas in use only, and a flag says so; since then it shares its place
 * with what other states need, and is 0 for vm_map_ram()'s. Those say so themselves since 6.3.
 */
static struct err *add_area(struct reading *r, uint64_t va, enum vmalloc_state state)
{
	struct area_words w = { 0 };
	struct err *err = view_read(r->area, r->v->t->kernel, va, &w);
	if (err)
		return err_wrap(err, "vmap_area 0x%" PRIx64, va);
	bool has_flags = view_has(r->area, AREA_FLAGS),
	     old = has_flags && view_has(r->area, AREA_PURGE);
	struct vmalloc_area a = { .va = va, .start = w.start, .end = w.end, .state = state };
	uint64_t vm = old && !(w.flags & OLD_VM_AREA) ? 0 : w.vm;

	a.map_ram = state == VMALLOC_BUSY && !vm && (old || !has_flags || (w.flags & VMAP_RAM));
	if (!makes_sense(&a))
		return err_new(ERR_FORMAT,
			"vmap_area 0x%" PRIx64 ": 0x%" PRIx64 "-0x%" PRIx64 " is no range of pages",
			va, a.start, a.end);
	if (state == VMALLOC_BUSY && vm)
		err = vmalloc_fatal(r->v, read_vm(r, vm, &a));
	if (!err)
		vec_push(&r->v->area, a);
	return err;
}

/* ---- lists and trees ----------------------------------------------- */

static struct err *check_count(const struct reading *r)
{
	return r->v->area.n < AREAS_MAX
		       ? NULL
		       : err_new(ERR_LIMIT, "more than %d vmalloc areas", AREAS_MAX);
}

static struct err *read_list(struct reading *r, uint64_t head, enum vmalloc_state state)
{
	struct target *t = r->v->t;
	struct list_iter it;
	uint64_t node, offset = view_offset(r->area, AREA_LIST);
	bool more = true;
	list_iter_init(&it, t, head);
	while (more) {
		struct err *err = check_count(r);
		if (!err)
			err = list_iter_next(&it, &node, &more);
		if (err)
			return vmalloc_fatal(
				r->v, err_wrap(err, "%s vmalloc areas",
					      state == VMALLOC_BUSY ? "busy" : "unpurged"));
		if (more)
			err = vmalloc_fatal(r->v, add_area(r, list_entry(t, node, offset), state));
		if (err)
			return err;
	}
	return NULL;
}

static struct err *read_tree(struct reading *r, uint64_t root)
{
	struct target *t = r->v->t;
	struct rbtree_iter it;
	uint64_t node, offset = view_offset(r->area, AREA_RB);
	bool more = true;
	rbtree_iter_init(&it, t, root);
	while (more) {
		struct err *err = rbtree_iter_next(&it, &node, &more);
		if (err) {
			err = vmalloc_fatal(r->v, err_wrap(err, "vmalloc areas"));
			if (err)
				return err;
			continue;
		}
		if (more)
			vec_push(&r->in_tree, list_entry(t, node, offset));
		if (r->in_tree.n > AREAS_MAX)
			break; /* the list has said so already */
	}
	return NULL;
}

/* struct llist_head of 4.19 to 5.10: ends with 0. A circle would come back to what was seen. */
static struct err *read_llist(struct reading *r, uint64_t head)
{
	struct target *t = r->v->t;
	uint64_t node, mark = 0, mark_at = 2, offset = view_offset(r->area, AREA_PURGE);
	struct err *err = vspace_read_word(t->kernel, head, &node);
	for (uint64_t n = 1; !err && node; n++) {
		err = interrupt_check();
		if (!err)
			err = check_count(r);
		if (!err && node == mark)
			err = err_new(ERR_LIMIT, "the list at 0x%" PRIx64 " loops at 0x%" PRIx64,
				head, node);
		if (n == mark_at) {
			mark = node;
			mark_at *= 2;
		}
		if (!err)
			err = vmalloc_fatal(
				r->v, add_area(r, list_entry(t, node, offset), VMALLOC_UNPURGED));
		if (!err)
			err = vspace_read_word(t->kernel, node, &node);
	}
	return vmalloc_fatal(r->v, err_wrap(err, "unpurged vmalloc areas"));
}

/* ---- where they begin ----------------------------------------------- */

/* On 32-bit machines there is one node for good, and the compiler put its address wherever the
 * pointer to it would be read. */
static bool has_nodes(struct target *t)
{
	return target_has_symbol(t, "vmap_nodes") || target_has_symbol(t, "nr_vmap_nodes");
}

static struct err *find_nodes(struct target *t, uint64_t *ret_first, uint64_t *ret_n)
{
	*ret_n = 1;
	if (target_has_symbol(t, "nr_vmap_nodes")) {
		struct err *err = target_read_variable(t, "nr_vmap_nodes", 4, ret_n);
		if (err)
			return err;
	}
	if (!target_has_symbol(t, "vmap_nodes") && *ret_n == 1)
		return target_symbol(t, "single", ret_first);
	return target_read_variable(t, "vmap_nodes", 0, ret_first);
}

static struct err *read_nodes(struct reading *r)
{
	struct target *t = r->v->t;
	const struct view *node;
	uint64_t n, first;
	struct err *err = target_view(t, &node_spec, &node);
	if (!err)
		err = find_nodes(t, &first, &n);
	if (!err && (!n || n > VMAP_NODES_MAX))
		err = err_new(ERR_FORMAT, "nr_vmap_nodes is %" PRIu64, n);
	for (uint64_t i = 0; !err && i < n; i++) {
		struct node_words w = { 0 };
		err = view_read(node, t->kernel, first + i * view_size(node), &w);
		if (!err)
			err = read_tree(r, w.busy_root);
		if (!err)
			err = read_list(r, w.busy_head, VMALLOC_BUSY);
		if (!err)
			err = read_list(r, w.lazy_head, VMALLOC_UNPURGED);
		err = err_wrap(vmalloc_fatal(r->v, err), "vmap_nodes[%" PRIu64 "]", i);
	}
	return err;
}

static struct err *read_lists(struct reading *r)
{
	struct target *t = r->v->t;
	uint64_t list;
	struct symbol sym;
	struct err *err = target_symbol(t, "vmap_area_list", &list);
	if (!err && symtab_find_kernel(t->syms, "vmap_area_root", &sym))
		err = read_tree(r, sym.va);
	if (!err)
		err = read_list(r, list, VMALLOC_BUSY);
	if (err)
		return err;
	if (symtab_find_kernel(t->syms, "purge_vmap_area_list", &sym)) /* 5.11 */
		return read_list(r, sym.va, VMALLOC_UNPURGED);
	if (view_has(r->area, AREA_PURGE) && symtab_find_kernel(t->syms, "vmap_purge_list", &sym))
		return read_llist(r, sym.va);
	return NULL;
}

/* vmlist of vm_structs; its memory is given back once the machine is up. */
static struct err *read_early(struct reading *r)
{
	struct target *t = r->v->t;
	uint64_t va;
	struct err *err = target_read_variable(t, "vmlist", 0, &va);
	while (!err && va) {
		struct vmalloc_area a = { .state = VMALLOC_EARLY };
		err = interrupt_check();
		if (!err)
			err = read_vm(r, va, &a);
		if (!err && r->v->area.n > 4096)
			err = err_new(
				ERR_LIMIT, "vmlist: more than 4096 areas before boot was done");
		if (!err && !makes_sense(&a))
			err = err_new(ERR_FORMAT,
				"vm_struct 0x%" PRIx64 ": 0x%" PRIx64 "-0x%" PRIx64
				" is no range of pages",
				va, a.start, a.end);
		if (err)
			break;
		vec_push(&r->v->area, a);
		err = vspace_read_word(t->kernel, va + view_offset(r->vm, 0), &va);
	}
	return vmalloc_fatal(r->v, err);
}

/* ---- what they say together ----------------------------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct vmalloc_area *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->va != y->va)
		return x->va < y->va ? -1 : 1;
	return (int)y->state - (int)x->state;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* A circle brings areas twice, and up to 5.1 a freed one stays on the list of those in use. */
static void drop_twins(struct vmalloc *v)
{
	size_t n = 0;
	if (v->area.n)
		qsort(v->area.v, v->area.n, sizeof(*v->area.v), by_start);
	for (size_t i = 0; i < v->area.n; i++)
		if (!n || !v->area.v[i].va || v->area.v[i].va != v->area.v[n - 1].va)
			v->area.v[n++] = v->area.v[i];
	v->area.n = n;
}

static int by_va(const void *a, const void *b)
{
	return by_number(
		&((const struct vmalloc_area *)a)->va, &((const struct vmalloc_area *)b)->va);
}

/* What is in a tree and on no list, and the other way. */
static struct err *compare(struct reading *r)
{
	struct vmalloc *v = r->v;
	struct err *err = NULL;
	if (!r->in_tree.n)
		return NULL; /* none could be read, which has been said */
	size_t ntree = r->in_tree.n, nlist = v->area.n, k = 0;
	uint64_t *tree = r->in_tree.v;
	qsort(tree, ntree, sizeof(*tree), by_number);
	if (nlist)
		qsort(v->area.v, nlist, sizeof(*v->area.v), by_va);
	for (size_t i = 0; !err && i < ntree; i++) {
		for (; k < nlist && v->area.v[k].va < tree[i]; k++)
			if (v->area.v[k].state == VMALLOC_BUSY)
				vmalloc_found(v, err_new(ERR_FORMAT,
							 "vmap_area 0x%" PRIx64
							 " is on the list, but not in the tree",
							 v->area.v[k].va));
		if (k < nlist && v->area.v[k].va == tree[i]) {
			k++;
			continue;
		}
		vmalloc_found(
			v, err_new(ERR_FORMAT,
				   "vmap_area 0x%" PRIx64 " is in the tree, but not on the list",
				   tree[i]));
		err = vmalloc_fatal(v, add_area(r, tree[i], VMALLOC_BUSY));
	}
	for (; k < nlist; k++)
		if (v->area.v[k].state == VMALLOC_BUSY)
			vmalloc_found(v, err_new(ERR_FORMAT,
						 "vmap_area 0x%" PRIx64
						 " is on the list, but not in the tree",
						 v->area.v[k].va));
	return err;
}

static void check_overlaps(struct vmalloc *v)
{
	const struct vmalloc_area *last = NULL;
	for (size_t i = 0; i < v->area.n; i++) {
		const struct vmalloc_area *a = &v->area.v[i];
		if (last && a->start < last->end)
			vmalloc_found(v,
				err_new(ERR_FORMAT,
					"vmap_area 0x%" PRIx64 " (0x%" PRIx64 "-0x%" PRIx64
					") overlaps vmap_area 0x%" PRIx64 " (0x%" PRIx64
					"-0x%" PRIx64 ")",
					a->va, a->start, a->end, last->va, last->start, last->end));
		if (!last || a->end > last->end)
			last = a;
	}
}

static struct err *read_all(struct reading *r)
{
	struct target *t = r->v->t;
	uint64_t up = 1;
	struct symbol sym;
	struct err *err = target_view(t, &area_spec, &r->area);
	if (!err)
		err = target_view(t, &vm_spec, &r->vm);
	if (err)
		return err;
	if (symtab_find_kernel(t->syms, "vmap_initialized", &sym) &&
		vspace_try_uint(t->kernel, sym.va, 1, &up) && !up)
		err = read_early(r);
	else if (has_nodes(t))
		err = read_nodes(r);
	else
		err = read_lists(r);
	if (err)
		return err;
	drop_twins(r->v);
	err = up ? compare(r) : NULL;
	if (!err)
		err = vmalloc_mark_static(r->v);
	if (r->v->area.n)
		qsort(r->v->area.v, r->v->area.n, sizeof(*r->v->area.v), by_start);
	check_overlaps(r->v);
	return err;
}

struct err *vmalloc_read(struct target *t, struct vmalloc *ret)
{
	scoped_vmalloc struct vmalloc v = { .t = t };
	struct reading r = { .v = &v };
	struct err *err = target_need_kernel(t);
	if (!err)
		err = read_all(&r);
	vec_deinit(&r.in_tree);
	if (err)
		return err_wrap(err, "vmalloc areas");
	*ret = v;
	v = (struct vmalloc){ 0 };
	return NULL;
}

void vmalloc_deinit(struct vmalloc *v)
{
	for (size_t i = 0; i < v->damage.n; i++)
		err_drop(v->damage.v[i]);
	vec_deinit(&v->damage);
	vec_deinit(&v->area);
}
