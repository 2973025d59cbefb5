/*
 * struct vm_area_struct (include/linux/mm_types.h, 4.19 to 7.2). The maple tree replaced mm_rb and
 * the list in 6.1. ARM32 adds its gate area behind the last one (arch/arm/kernel/process.c).
 */
#include "analyzer/kernel/vma.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/file_path.h"
#include "analyzer/kernel/page.h"

#define VMA_HINT "mm/mmap.c"

/* vm.max_map_count may be raised to INT_MAX; this many at 200 bytes each are memory enough. */
enum { VMAS_MAX = 1 << 22, VMA_NAME_BYTES = 256 };

enum { VMA_RB_NODE = 16 };
struct raw_vma {
	struct vma v;
	uint64_t rb_va;
};
static const struct view_field vma_fields[] = {
	FIELD(struct raw_vma, v.start, "vm_start"),
	FIELD(struct raw_vma, v.end, "vm_end"),
	FIELD(struct raw_vma, v.mm, "vm_mm"),
	FIELD(struct raw_vma, v.flags, "vm_flags"),
	FIELD(struct raw_vma, v.pgoff, "vm_pgoff"),
	FIELD(struct raw_vma, v.file, "vm_file"),
	FIELD(struct raw_vma, v.ops, "vm_ops"),
	FIELD(struct raw_vma, v.private_data, "vm_private_data"),
	FIELD(struct raw_vma, v.anon_vma, "anon_vma"),
	FIELD_ADDRESS(struct raw_vma, v.chain_va, "anon_vma_chain"),
	FIELD(struct raw_vma, v.chain_next, "anon_vma_chain.next"),
	FIELD(struct raw_vma, v.chain_prev, "anon_vma_chain.prev"),
	FIELD_OPTIONAL(struct raw_vma, v.policy, "vm_policy"), /* CONFIG_NUMA */
	FIELD_OPTIONAL(
		struct raw_vma, v.userfaultfd, "vm_userfaultfd_ctx.ctx"), /* CONFIG_USERFAULTFD */
	FIELD_OPTIONAL(
		struct raw_vma, v.anon_name, "anon_name"), /* since 5.17, CONFIG_ANON_VMA_NAME */
	FIELD_OPTIONAL(struct raw_vma, v.next, "vm_next"), /* up to 6.0 */
	FIELD_ADDRESS_OPTIONAL(struct raw_vma, rb_va, "vm_rb"),
};
static const struct view_spec vma_spec = { .type = "vm_area_struct",
	.hint = VMA_HINT,
	.fields = vma_fields,
	.nfields = ARRAY_SIZE(vma_fields) };

static struct err *read_vma(struct target *t, uint64_t va, struct vma *ret)
{
	const struct view *v;
	struct raw_vma raw = { .v.va = va };
	struct err *err = target_view(t, &vma_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &raw);
	if (!err)
		*ret = raw.v;
	return err_wrap(err, "vma 0x%" PRIx64, va);
}

/* ---- the walk ----------------------------------------------- */

struct err *vma_iter_init(struct vma_iter *it, struct target *t, const struct mm *mm)
{
	struct symbol gate;
	memset(it, 0, sizeof(*it));
	it->t = t;
	it->mm = *mm;
	if (symtab_find_kernel(t->syms, "gate_vma", &gate))
		it->gate_va = gate.va;
	if (mm->maple_va) {
		it->how = VMA_MAPLE;
		return maple_iter_init(&it->maple, t, mm->maple_va);
	}
	if (mm->rbtree_va) {
		it->how = VMA_RBTREE;
		rbtree_iter_init(&it->rbtree, t, mm->rbtree_va);
		return NULL;
	}
	it->how = VMA_LIST;
	it->next_va = mm->first_vma;
	if (!it->next_va)
		return err_new(
			ERR_MISSING, "struct mm_struct has neither mm_mt nor mm_rb nor mmap");
	return NULL;
}

static struct err *next_of_maple(struct vma_iter *it, struct vma *ret, bool *ret_more)
{
	struct maple_entry e;
	struct err *err = maple_iter_next(&it->maple, &e, ret_more);
	if (err || !*ret_more)
		return err;
	err = read_vma(it->t, e.entry, ret);
	if (!err) {
		ret->index_first = e.first;
		ret->index_last = e.last;
	}
	return err;
}

static struct err *next_of_rbtree(struct vma_iter *it, struct vma *ret, bool *ret_more)
{
	const struct view *v;
	uint64_t node;
	struct err *err = rbtree_iter_next(&it->rbtree, &node, ret_more);
	if (err || !*ret_more)
		return err;
	err = target_view(it->t, &vma_spec, &v);
	return err ? err
		   : read_vma(it->t, list_entry(it->t, node, view_offset(v, VMA_RB_NODE)), ret);
}

static struct err *next_of_list(struct vma_iter *it, struct vma *ret, bool *ret_more)
{
	*ret_more = it->next_va != 0;
	if (!it->next_va)
		return NULL;
	struct err *err = read_vma(it->t, it->next_va, ret);
	*ret_more = !err;
	if (!err)
		it->next_va = ret->next;
	return err;
}

static struct err *next_of_gate(struct vma_iter *it, struct vma *ret, bool *ret_more)
{
	uint64_t va = it->gate_va;
	*ret_more = va != 0;
	it->gate_va = 0;
	if (!va)
		return NULL;
	struct err *err = read_vma(it->t, va, ret);
	if (!err)
		ret->is_gate = true;
	return err;
}

struct err *vma_iter_next(struct vma_iter *it, struct vma *ret, bool *ret_more)
{
	struct vma v = { 0 };
	struct err *err = interrupt_check();
	*ret_more = false;
	if (!err && it->count > VMAS_MAX)
		err = err_new(ERR_LIMIT, "more than %d areas", VMAS_MAX);
	if (err)
		return err;
	it->count++;
	err = it->how == VMA_MAPLE    ? next_of_maple(it, &v, ret_more)
	      : it->how == VMA_RBTREE ? next_of_rbtree(it, &v, ret_more)
				      : next_of_list(it, &v, ret_more);
	if (!err && !*ret_more)
		err = next_of_gate(it, &v, ret_more);
	if (!err)
		*ret = v;
	return err;
}

struct err *vma_check(const struct vma *v, const struct vma *before, const struct mm *mm)
{
	if (v->is_gate)
		return NULL;
	if (v->mm != mm->va)
		return err_new(ERR_FORMAT,
			"vma 0x%" PRIx64 " says that it belongs to mm 0x%" PRIx64
			", not 0x%" PRIx64,
			v->va, v->mm, mm->va);
	if (v->start >= v->end)
		return err_new(ERR_FORMAT,
			"vma 0x%" PRIx64 " ends at 0x%" PRIx64 ", before it begins", v->va, v->end);
	if (before && v->start < before->end)
		return err_new(ERR_FORMAT,
			"vma 0x%" PRIx64 " begins within the one before, which ends at "
			"0x%" PRIx64,
			v->va, before->end);
	if (v->index_last && (v->index_first != v->start || v->index_last != v->end - 1))
		return err_new(ERR_FORMAT,
			"vma 0x%" PRIx64 " is filed under 0x%" PRIx64 "-0x%" PRIx64
			" in the maple tree",
			v->va, v->index_first, v->index_last + 1);
	return NULL;
}

/* ---- names ----------------------------------------------- */

struct vm_ops {
	uint64_t name, close;
};
static const struct view_field ops_fields[] = {
	FIELD(struct vm_ops, name, "name"),
	FIELD(struct vm_ops, close, "close"),
};
static const struct view_spec ops_spec = { .type = "vm_operations_struct",
	.hint = VMA_HINT,
	.fields = ops_fields,
	.nfields = ARRAY_SIZE(ops_fields) };

struct special {
	uint64_t name;
};
static const struct view_field special_fields[] = { FIELD(struct special, name, "name") };
static const struct view_spec special_spec = { .type = "vm_special_mapping",
	.hint = VMA_HINT,
	.fields = special_fields,
	.nfields = ARRAY_SIZE(special_fields) };

struct anon_name {
	uint64_t name_va;
};
static const struct view_field anon_name_fields[] = {
	FIELD_ADDRESS(struct anon_name, name_va, "name"),
};
static const struct view_spec anon_name_spec = { .type = "anon_vma_name",
	.hint = "mm/madvise.c",
	.fields = anon_name_fields,
	.nfields = ARRAY_SIZE(anon_name_fields) };

static struct err *read_ops(struct target *t, const struct vma *v, struct vm_ops *ret)
{
	const struct view *view;
	*ret = (struct vm_ops){ 0 };
	if (!v->ops)
		return NULL;
	struct err *err = target_view(t, &ops_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, v->ops, ret);
	return err_wrap(err, "vm_ops 0x%" PRIx64, v->ops);
}

/* Areas with vm_ops->name: in both architectures only _install_special_mapping()'s (mm/mmap.c). */
static struct err *add_special_name(struct target *t, const struct vma *v, struct strbuf *out)
{
	const struct view *view;
	struct vm_ops ops;
	struct special special;
	struct symbol sym;
	char name[VMA_NAME_BYTES];
	struct err *err = read_ops(t, v, &ops);
	if (err || !ops.name)
		return err;
	if (symtab_at(t->syms, ops.name & ~1ull, &sym) &&
		strcmp(sym.name, "special_mapping_name")) {
		strbuf_addf(out, "[%s]", sym.name);
		return NULL;
	}
	err = target_view(t, &special_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, v->private_data, &special);
	if (!err)
		err = vspace_read_str(t->kernel, special.name, name, sizeof(name));
	if (!err)
		strbuf_add(out, name);
	return err_wrap(err, "vm_special_mapping 0x%" PRIx64, v->private_data);
}

struct err *vma_anon_name_format(struct target *t, const struct vma *v, struct strbuf *out)
{
	const struct view *view;
	struct anon_name at;
	char name[VMA_NAME_BYTES]; /* ANON_VMA_NAME_MAX_LEN is 80 */
	if (!v->anon_name)
		return NULL;
	struct err *err = target_view(t, &anon_name_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, v->anon_name, &at);
	if (!err)
		err = vspace_read_str(t->kernel, at.name_va, name, sizeof(name));
	if (!err)
		strbuf_addf(out, v->file ? "[anon_shmem:%s]" : "[anon:%s]", name);
	return err_wrap(err, "anon_vma_name 0x%" PRIx64, v->anon_name);
}

/* Up to 6.1 anon_name shares its place with the links that a file's area has. */
static bool anon_name_is_shared(struct target *t)
{
	const struct type *type;
	struct field_ref name, shared;
	struct err *err = types_find(t->types, TYPE_STRUCT, vma_spec.type, VMA_HINT, &type);
	if (!err)
		err = type_field(t->types, type, "anon_name", &name);
	if (!err)
		err = type_field(t->types, type, "shared", &shared);
	bool yes = !err && name.bit_offset == shared.bit_offset;
	err_drop(err); /* there is no such member, then nobody asks */
	return yes;
}

/* Both ends counted up to 6.5. The name of the member changed in 6.3, which is the nearest that
 * types tell; it only matters for an area that touches an empty heap. */
static bool is_heap(struct target *t, const struct vma *v, const struct mm *mm)
{
	const struct type *type;
	struct field_ref flags;
	struct err *err = types_find(t->types, TYPE_STRUCT, vma_spec.type, VMA_HINT, &type);
	if (!err)
		err = type_field(t->types, type, "__vm_flags", &flags);
	bool strict = !err;
	err_drop(err); /* absent: an older kernel */
	return strict ? v->start < mm->brk && v->end > mm->start_brk
		      : v->start <= mm->brk && v->end >= mm->start_brk;
}

struct err *vma_name_format(
	struct target *t, const struct vma *v, const struct mm *mm, struct strbuf *out)
{
	size_t before = out->len;
	if (v->file && v->anon_name && !anon_name_is_shared(t))
		return vma_anon_name_format(t, v, out);
	if (v->file)
		return file_path_format(t, v->file, out);
	struct err *err = add_special_name(t, v, out);
	if (err || out->len > before)
		return err;
	if (v->is_gate)
		strbuf_add(out, "[vectors]");
	else if (is_heap(t, v, mm))
		strbuf_add(out, "[heap]");
	else if (v->start <= mm->start_stack && v->end >= mm->start_stack)
		strbuf_add(out, "[stack]");
	else if (v->anon_name)
		err = vma_anon_name_format(t, v, out);
	return err;
}

/* show_map_vma() in fs/proc/task_mmu.c: names begin at one column, lines without one end in a
 * blank. */
struct err *vma_line_format(
	struct target *t, const struct vma *v, const char *name, struct strbuf *out)
{
	struct file_inode f = { 0 };
	uint64_t offset = 0;
	size_t before = out->len;
	if (v->file) {
		struct err *err = file_inode_read(t, v->file, &f);
		if (err)
			return err;
		offset = v->pgoff << page_shift(t);
	}
	strbuf_addf(out,
		"%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " %02x:%02x %" PRIu64 " ",
		v->start, v->end, v->flags & 1 ? 'r' : '-', v->flags & 2 ? 'w' : '-',
		v->flags & 4 ? 'x' : '-', v->flags & 0x80 ? 's' : 'p', offset, f.major, f.minor,
		f.inode);
	if (!*name)
		return NULL;
	size_t column = 25 + t->abi.word_bytes * 6u - 1, have = out->len - before;
	if (have < column)
		strbuf_pad(out, ' ', column - have);
	strbuf_add_char(out, ' ');
	strbuf_add(out, name);
	return NULL;
}
