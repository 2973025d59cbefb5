/*
 * struct swap_info_struct (include/linux/swap.h) and swap_info[] (mm/swapfile.c), 4.19 to 7.2. The
 * kernel calls an entry of the table in use while it has a file.
 */
#include "analyzer/kernel/swap.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

#define SWAP_HINT "mm/swapfile.c"

/* Entries of page tables have 5 bits for the type, MAX_SWAPFILES_SHIFT. */
enum { AREAS_MAX = 32 };

struct raw_area {
	uint64_t flags, pages, used, used_counter, file;
	int64_t priority;
};
static const struct view_field area_fields[] = {
	FIELD(struct raw_area, flags, "flags"),
	FIELD(struct raw_area, priority, "prio"),
	FIELD(struct raw_area, pages, "pages"),
	FIELD_OPTIONAL(struct raw_area, used_counter, "inuse_pages.counter"), /* since v6.13 */
	FIELD_OPTIONAL(struct raw_area, used, "inuse_pages"),
	FIELD(struct raw_area, file, "swap_file"),
};
enum { USED_COUNTER = 3 };
static const struct view_spec area_spec = { .type = "swap_info_struct",
	.hint = SWAP_HINT,
	.fields = area_fields,
	.nfields = ARRAY_SIZE(area_fields) };

struct raw_file {
	uint64_t inode;
	uint32_t mode;
};
static const struct view_field file_fields[] = { FIELD(struct raw_file, inode, "f_inode") };
static const struct view_spec file_spec = { .type = "file",
	.hint = "fs/open.c",
	.fields = file_fields,
	.nfields = ARRAY_SIZE(file_fields) };
static const struct view_field inode_fields[] = { FIELD(struct raw_file, mode, "i_mode") };
static const struct view_spec inode_spec = { .type = "inode",
	.hint = "fs/inode.c",
	.fields = inode_fields,
	.nfields = ARRAY_SIZE(inode_fields) };

struct err *swap_iter_init(struct swap_iter *it, struct target *t)
{
	uint64_t n = 0;
	*it = (struct swap_iter){ .t = t };
	struct err *err = target_need_kernel(t);
	if (!err && !target_has_symbol(t, "swap_info"))
		err = err_new(ERR_MISSING, "this kernel has no swap (CONFIG_SWAP)");
	if (!err)
		err = target_symbol(t, "swap_info", &it->table);
	if (!err)
		err = target_read_variable(t, "nr_swapfiles", 4, &n);
	if (!err && n > AREAS_MAX)
		err = err_new(
			ERR_FORMAT, "%" PRIu64 " swap areas; the kernel can have %d", n, AREAS_MAX);
	if (!err)
		it->n = (unsigned)n;
	return err;
}

static struct err *is_block_device(struct target *t, uint64_t file, bool *ret)
{
	const struct view *v;
	struct raw_file f = { 0 };
	struct err *err = target_view(t, &file_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, file, &f);
	if (!err)
		err = target_view(t, &inode_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, f.inode, &f);
	if (!err)
		*ret = (f.mode & 0170000) == 0060000; /* S_ISBLK, include/uapi/linux/stat.h */
	return err;
}

/* swap_usage_in_pages(), mm/swapfile.c: bit 30 (62) says that the area is on no list. */
static uint64_t used_pages(const struct target *t, const struct view *v, const struct raw_area *raw)
{
	if (!view_has(v, USED_COUNTER))
		return raw->used;
	return raw->used_counter & ~(1ull << (t->abi.word_bytes * 8u - 2));
}

static struct err *read_area(struct target *t, uint64_t va, struct swap_area *ret)
{
	const struct view *v;
	struct raw_area raw;
	struct err *err = target_view(t, &area_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &raw);
	if (err)
		return err;
	unsigned shift = vspace_facts(t->kernel)->layout.paging.page_shift;
	ret->va = va;
	ret->flags = raw.flags;
	ret->priority = (int32_t)raw.priority;
	ret->bytes = raw.pages << shift;
	ret->used_bytes = used_pages(t, v, &raw) << shift;
	ret->file = raw.file;
	return raw.file ? is_block_device(t, raw.file, &ret->is_device) : NULL;
}

struct err *swap_iter_next(struct swap_iter *it, struct swap_area *ret, bool *ret_more)
{
	*ret_more = false;
	while (it->at < it->n) {
		uint64_t va = 0, slot = it->table + (uint64_t)it->at * it->t->abi.word_bytes;
		struct swap_area area = { .type = it->at++ };
		struct err *err = interrupt_check();
		if (err)
			return err;
		err = vspace_read_word(it->t->kernel, slot, &va);
		if (!err && va)
			err = read_area(it->t, va, &area);
		*ret_more = err || area.file;
		if (err)
			return err_wrap(err, "swap_info[%u]", area.type);
		if (area.file) {
			*ret = area;
			return NULL;
		}
	}
	return NULL;
}
