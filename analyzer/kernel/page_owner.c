/* mm/page_owner.c, 4.19 to 7.2: struct page_owner in each frame's extension, behind flags that say
 * whether it was ever filled and whether the page is allocated now. */
#include "analyzer/kernel/page_owner.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/page.h"

#define OWNER_HINT "mm/page_owner.c"

struct owner_flags {
	uint64_t flags;
};
static const struct view_field flags_fields[] = { FIELD(struct owner_flags, flags, "flags") };
static const struct view_spec flags_spec = { .type = "page_ext",
	.hint = OWNER_HINT,
	.fields = flags_fields,
	.nfields = ARRAY_SIZE(flags_fields) };

enum { OWNER_TIME = 5, OWNER_PID = 7, OWNER_FREE_PID = 10 };
static const struct view_field owner_fields[] = {
	FIELD(struct page_owner, order, "order"),
	FIELD(struct page_owner, gfp, "gfp_mask"),
	FIELD(struct page_owner, handle, "handle"),
	FIELD_OPTIONAL(struct page_owner, free_handle, "free_handle"),
	FIELD_OPTIONAL(struct page_owner, last_migrate_reason, "last_migrate_reason"),
	[OWNER_TIME] = FIELD_OPTIONAL(struct page_owner, ts_ns, "ts_nsec"),
	FIELD_OPTIONAL(struct page_owner, free_ts_ns, "free_ts_nsec"),
	[OWNER_PID] = FIELD_OPTIONAL(struct page_owner, pid, "pid"),
	FIELD_OPTIONAL(struct page_owner, tgid, "tgid"),
	FIELD_BYTES_OPTIONAL(struct page_owner, comm, "comm"),
	[OWNER_FREE_PID] = FIELD_OPTIONAL(struct page_owner, free_pid, "free_pid"),
	FIELD_OPTIONAL(struct page_owner, free_tgid, "free_tgid"),
};
static const struct view_spec owner_spec = { .type = "page_owner",
	.hint = OWNER_HINT,
	.fields = owner_fields,
	.nfields = ARRAY_SIZE(owner_fields) };

struct ops {
	uint64_t offset;
};
static const struct view_field ops_fields[] = { FIELD(struct ops, offset, "offset") };
static const struct view_spec ops_spec = { .type = "page_ext_operations",
	.hint = OWNER_HINT,
	.fields = ops_fields,
	.nfields = ARRAY_SIZE(ops_fields) };

/* A static key begins with its count (include/linux/jump_label.h). */
static bool is_on(struct target *t)
{
	uint64_t va, n;
	struct err *err = target_symbol(t, "page_owner_inited", &va);
	if (!err)
		err = vspace_read_uint(t->kernel, va, 4, &n);
	bool on = err || n; /* a kernel that does not tell is asked for its data */
	err_drop(err);
	return on;
}

struct err *page_owner_init(struct target *t, struct page_owner_source *ret)
{
	struct page_owner_source s = { .t = t };
	const struct view *ops_view;
	struct ops ops;
	uint64_t va, bit;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	if (!target_has_symbol(t, "page_owner_ops"))
		return err_new(ERR_MISSING,
			"there is no page_owner_ops: this kernel was built without "
			"CONFIG_PAGE_OWNER, or its vmlinux is needed");
	if (!is_on(t))
		return err_new(ERR_MISSING,
			"page_owner was off: the kernel needs page_owner=on when it boots");
	err = target_symbol(t, "page_owner_ops", &va);
	if (!err)
		err = target_view(t, &ops_spec, &ops_view);
	if (!err)
		err = view_read(ops_view, t->kernel, va, &ops);
	if (!err)
		err = page_ext_init(t, &s.ext);
	if (!err)
		err = target_view(t, &flags_spec, &s.flags);
	if (!err)
		err = target_view(t, &owner_spec, &s.owner);
	if (err)
		return err_wrap(err, "page_owner");
	if (ops.offset >= s.ext.entry_bytes)
		return err_new(ERR_FORMAT,
			"page_owner: offset %" PRIu64 " lies behind a frame's %" PRIu64 " bytes",
			ops.offset, s.ext.entry_bytes);
	s.offset = ops.offset;
	s.owner_bit = target_number(t, "enum(page_ext_flags.PAGE_EXT_OWNER)", &bit)
			      ? 1ull << (bit & 63)
			      : 1;
	s.allocated_bit = target_number(t, "enum(page_ext_flags.PAGE_EXT_OWNER_ALLOCATED)", &bit)
				  ? 1ull << (bit & 63)
				  : s.owner_bit; /* 4.19 clears the first one on free */
	*ret = s;
	return NULL;
}

struct err *page_owner_read(struct page_owner_source *s, uint64_t pfn, struct page_owner *ret)
{
	struct page_owner o = { 0 };
	struct owner_flags f;
	uint64_t va;
	struct err *err = page_ext_find(&s->ext, pfn, &va);
	if (!err)
		err = view_read(s->flags, s->t->kernel, va, &f);
	if (!err && f.flags & s->owner_bit)
		err = view_read(s->owner, s->t->kernel, va + s->offset, &o);
	if (err)
		return err_wrap(err, "page_owner of frame 0x%" PRIx64, pfn);
	o.pfn = pfn;
	o.known = f.flags & s->owner_bit;
	o.allocated = o.known && f.flags & s->allocated_bit;
	o.has_times = view_has(s->owner, OWNER_TIME);
	o.has_task = view_has(s->owner, OWNER_PID);
	o.has_free_task = view_has(s->owner, OWNER_FREE_PID);
	*ret = o;
	return NULL;
}

/* ---- all of them ----------------------------------------------- */

struct err *page_owner_iter_init(struct page_owner_iter *it, struct target *t)
{
	*it = (struct page_owner_iter){ 0 };
	return page_owner_init(t, &it->source);
}

/* The frame behind this one that may begin another allocation. */
static bool begins(const struct page_owner *o)
{
	enum { ORDER_MAX = 32 };
	return o->allocated && o->handle && o->order < ORDER_MAX &&
	       !(o->pfn & ((1ull << o->order) - 1));
}

struct err *page_owner_iter_next(struct page_owner_iter *it, struct page_owner *ret, bool *ret_more)
{
	struct target *t = it->source.t;
	const struct dump_info *info = dump_info(t->dump);
	unsigned shift = page_shift(t);
	*ret_more = false;
	for (; it->extent < info->nextents; it->extent++, it->pfn = 0) {
		const struct dump_extent *e = &info->extent[it->extent];
		uint64_t first = (e->start.v + (1ull << shift) - 1) >> shift;
		uint64_t end = (e->start.v + e->size) >> shift;
		it->pfn = it->pfn < first ? first : it->pfn;
		while (it->pfn < end) {
			struct err *err = it->asked++ % 4096 ? NULL : interrupt_check();
			if (err)
				return err;
			err = page_owner_read(&it->source, it->pfn++, ret);
			if (err && err->code != ERR_NOT_FOUND)
				return err;
			bool found = !err && begins(ret);
			err_drop(err); /* memory without page extensions: the kernel's own image,
					  holes */
			if (found) {
				*ret_more = true;
				return NULL;
			}
		}
	}
	return NULL;
}

/* ---- gfp ----------------------------------------------- */

/* struct trace_print_flags gfpflag_names[], mm/debug.c; ends with mask 0. Its first rows are sets,
 * so a row counts where all its bits are there, and takes them away. */
void page_owner_gfp_format(struct target *t, uint32_t gfp, struct strbuf *out)
{
	enum { ROWS_MAX = 128 };
	unsigned word = t->abi.word_bytes;
	uint64_t mask, name_va, left = gfp;
	struct symbol sym;
	bool any = false;
	if (symtab_find_kernel(t->syms, "gfpflag_names", &sym))
		for (unsigned i = 0; left && i < ROWS_MAX; i++, sym.va += 2 * word) {
			char name[48];
			if (!vspace_try_word(t->kernel, sym.va, &mask) || !mask ||
				!vspace_try_word(t->kernel, sym.va + word, &name_va))
				break;
			if ((left & mask) != mask)
				continue;
			scoped_err struct err *err =
				vspace_read_str(t->kernel, name_va, name, sizeof(name));
			if (err)
				break;
			strbuf_addf(out, "%s%s", any ? "|" : "", name);
			any = true;
			left &= ~mask;
		}
	if (left)
		strbuf_addf(out, "%s0x%llx", any ? "|" : "", (unsigned long long)left);
}
