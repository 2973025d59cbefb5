/*
 * fs/proc/meminfo.c with si_meminfo(), si_mem_available(), vm_commit_limit() and their kin; 4.19
 * to 7.2.
 */
#include "analyzer/kernel/memory_usage.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/kernel/list.h"
#include "analyzer/kernel/vm_counters.h"
#include "analyzer/kernel/zone_map.h"

struct usage {
	struct target *t;
	struct memory_usage *u;
	unsigned shift;
};

static void set_bytes(struct usage *r, enum memory_item i, uint64_t bytes)
{
	r->u->item[i].known = true;
	r->u->item[i].bytes = bytes;
}

static void set_pages(struct usage *r, enum memory_item i, uint64_t pages)
{
	set_bytes(r, i, pages << r->shift);
}

/* The sum of counters; those of several names are the same one, the newest name first. */
static void set_counter(struct usage *r, enum memory_item i, const char *name, const char *old_name)
{
	uint64_t n;
	if (vm_counter_find(r->t, name, &n) || (old_name && vm_counter_find(r->t, old_name, &n)))
		set_pages(r, i, n);
}

static uint64_t counter(struct target *t, const char *name)
{
	uint64_t n;
	return vm_counter_find(t, name, &n) ? n : 0;
}

/* ---- numbers that are no counters ----------------------------------------------- */

struct super_words {
	uint64_t inodes_va;
};
static const struct view_field super_fields[] = { FIELD_ADDRESS(
	struct super_words, inodes_va, "s_inodes") };
static const struct view_spec super_spec = { .type = "super_block",
	.hint = "fs/super.c",
	.fields = super_fields,
	.nfields = ARRAY_SIZE(super_fields) };

struct inode_words {
	uint64_t list_va, mapping;
};
static const struct view_field inode_fields[] = {
	FIELD_ADDRESS(struct inode_words, list_va, "i_sb_list"),
	FIELD(struct inode_words, mapping, "i_mapping"),
};
static const struct view_spec inode_spec = { .type = "inode",
	.hint = "fs/inode.c",
	.fields = inode_fields,
	.nfields = ARRAY_SIZE(inode_fields) };

struct space_words {
	uint64_t nrpages;
};
static const struct view_field space_fields[] = { FIELD(struct space_words, nrpages, "nrpages") };
static const struct view_spec space_spec = { .type = "address_space",
	.hint = "fs/inode.c",
	.fields = space_fields,
	.nfields = ARRAY_SIZE(space_fields) };

/* nr_blockdev_pages(): the page caches of all block devices; none in a kernel without CONFIG_BLOCK.
 */
static struct err *read_buffers(struct target *t, uint64_t *ret)
{
	const struct view *super, *inode, *space;
	struct super_words s;
	struct list_iter it;
	uint64_t va, node, sum = 0;
	bool more = true;
	if (!target_has_symbol(t, "blockdev_superblock"))
		return NULL;
	struct err *err = target_read_variable(t, "blockdev_superblock", 0, &va);
	if (!err)
		err = target_view(t, &super_spec, &super);
	if (!err)
		err = target_view(t, &inode_spec, &inode);
	if (!err)
		err = target_view(t, &space_spec, &space);
	if (!err)
		err = view_read(super, t->kernel, va, &s);
	if (err)
		return err;
	list_iter_init(&it, t, s.inodes_va);
	while (!err && !(err = list_iter_next(&it, &node, &more)) && more) {
		struct inode_words i;
		struct space_words w;
		err = view_read(inode, t->kernel, list_entry(t, node, view_offset(inode, 0)), &i);
		if (!err)
			err = view_read(space, t->kernel, i.mapping, &w);
		if (!err)
			sum += w.nrpages;
	}
	*ret = err ? *ret : sum;
	return err;
}

/* total_swapcache_pages(): a counter since 5.12; before, spaces of each swap file. */
static struct err *read_swap_cache(struct target *t, uint64_t *ret)
{
	enum { FILES = 32, SPACES_MAX = 1 << 16 };
	const struct view *space;
	struct symbol files, counts;
	uint64_t sum = 0;
	*ret = 0;
	if (vm_counter_find(t, "NR_SWAPCACHE", ret) ||
		!symtab_find_kernel(t->syms, "swapper_spaces", &files) ||
		!symtab_find_kernel(t->syms, "nr_swapper_spaces", &counts))
		return NULL; /* no such symbols: no swap in this kernel */
	struct err *err = target_view(t, &space_spec, &space);
	for (unsigned i = 0; !err && i < FILES && (i + 1) * 4 <= counts.size; i++) {
		uint64_t n, va;
		err = vspace_read_uint(t->kernel, counts.va + i * 4, 4, &n);
		if (!err)
			err = vspace_read_word(t->kernel, files.va + i * t->abi.word_bytes, &va);
		for (uint64_t k = 0; !err && va && k < n && k < SPACES_MAX; k++) {
			struct space_words w;
			err = view_read(space, t->kernel, va + k * view_size(space), &w);
			sum += err ? 0 : w.nrpages;
		}
	}
	*ret = sum;
	return err;
}

struct hstate_words {
	uint32_t order;
	uint64_t total, free;
};
static const struct view_field hstate_fields[] = {
	FIELD(struct hstate_words, order, "order"),
	FIELD(struct hstate_words, total, "nr_huge_pages"),
	FIELD(struct hstate_words, free, "free_huge_pages"),
};
static const struct view_spec hstate_spec = { .type = "hstate",
	.hint = "mm/hugetlb.c",
	.fields = hstate_fields,
	.nfields = ARRAY_SIZE(hstate_fields) };

/* Pages of all sizes of huge pages; none where the kernel has no hugetlbfs. */
static void read_huge(struct usage *r)
{
	struct target *t = r->t;
	const struct view *v;
	uint64_t n, total = 0, free = 0;
	struct symbol sym;
	if (!symtab_find_kernel(t->syms, "hstates", &sym) ||
		!target_try_variable(t, "hugetlb_max_hstate", &n))
		return;
	struct err *err = target_view(t, &hstate_spec, &v);
	for (uint64_t i = 0; !err && i < n && (i + 1) * view_size(v) <= sym.size; i++) {
		struct hstate_words h;
		err = view_read(v, t->kernel, sym.va + i * view_size(v), &h);
		if (!err && h.order < 32) {
			total += h.total << h.order;
			free += h.free << h.order;
		}
	}
	if (!err) {
		set_pages(r, MEMORY_HUGE_TOTAL, total);
		set_pages(r, MEMORY_HUGE_FREE, free);
	}
	err_drop(err); /* then it is not known */
}

struct percpu_counter_words {
	int64_t count;
	uint64_t counters;
};
static const struct view_field percpu_counter_fields[] = {
	FIELD(struct percpu_counter_words, count, "count"),
	FIELD_OPTIONAL(struct percpu_counter_words, counters, "counters"), /* CONFIG_SMP */
};
static const struct view_spec percpu_counter_spec = { .type = "percpu_counter",
	.hint = "lib/percpu_counter.c",
	.fields = percpu_counter_fields,
	.nfields = ARRAY_SIZE(percpu_counter_fields) };

/* percpu_counter_sum_positive(&vm_committed_as) */
static void read_committed(struct usage *r)
{
	struct target *t = r->t;
	const struct view *v;
	struct percpu_counter_words w;
	struct cpu_mask cpus;
	uint64_t va;
	struct err *err = target_symbol(t, "vm_committed_as", &va);
	if (!err)
		err = target_view(t, &percpu_counter_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &w);
	if (!err)
		err = cpu_mask_read(t, CPUS_POSSIBLE, &cpus);
	for (unsigned cpu = 0; !err && w.counters && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX;
		cpu++) {
		uint64_t at, n;
		err = percpu_address(t, w.counters, cpu, &at);
		if (!err)
			err = vspace_read_uint(t->kernel, at, 4, &n);
		w.count += err ? 0 : sign_extend(n, 32);
	}
	if (!err)
		set_pages(r, MEMORY_COMMITTED, w.count > 0 ? (uint64_t)w.count : 0);
	err_drop(err);
}

/* vm_commit_limit(), mm/util.c */
static void read_commit_limit(struct usage *r)
{
	struct target *t = r->t;
	uint64_t kbytes = 0, ratio = 0, swap = 0, allowed;
	bool has_kbytes = target_try_variable(t, "sysctl_overcommit_kbytes", &kbytes);
	if (!target_try_variable(t, "sysctl_overcommit_ratio", &ratio) ||
		!r->u->item[MEMORY_TOTAL].known)
		return;
	allowed =
		(r->u->item[MEMORY_TOTAL].bytes - r->u->item[MEMORY_HUGE_TOTAL].bytes) >> r->shift;
	allowed = has_kbytes && kbytes ? kbytes >> (r->shift - 10)
				       : allowed * (ratio & INT32_MAX) / 100;
	if (target_try_variable(t, "total_swap_pages", &swap))
		allowed += swap;
	set_pages(r, MEMORY_COMMIT_LIMIT, allowed);
}

/* ---- zones ----------------------------------------------- */

static uint64_t less_half_or(uint64_t pages, uint64_t low)
{
	return pages - (pages / 2 < low ? pages / 2 : low);
}

/* si_mem_available() */
static void read_available(struct usage *r, uint64_t low)
{
	struct target *t = r->t;
	uint64_t reserve, slab = 0;
	if (!target_try_variable(t, "totalreserve_pages", &reserve))
		return;
	if (!vm_counter_find(t, "NR_SLAB_RECLAIMABLE_B", &slab))
		slab = counter(t, "NR_SLAB_RECLAIMABLE");
	slab += counter(t, "NR_KERNEL_MISC_RECLAIMABLE");
	uint64_t cache = counter(t, "NR_ACTIVE_FILE") + counter(t, "NR_INACTIVE_FILE");
	int64_t n = (int64_t)(counter(t, "NR_FREE_PAGES") - reserve + less_half_or(cache, low) +
			      less_half_or(slab, low));
	set_pages(r, MEMORY_AVAILABLE, n > 0 ? (uint64_t)n : 0);
}

static void read_zones(struct usage *r)
{
	scoped_zone_map struct zone_map m = { 0 };
	uint64_t low = 0, high_total = 0, high_free = 0, n;
	bool has_high = false;
	int64_t free_index;
	scoped_err struct err *err = zone_map_read(r->t, &m);
	if (err)
		return; /* what follows from zones is not known then */
	bool has_free = vm_counter_index(r->t, "NR_FREE_PAGES", COUNTERS_ZONE, &free_index);
	for (size_t i = 0; i < m.n; i++) {
		const struct zone *z = &m.place[i].zone;
		low += z->nwatermarks > 1 ? z->watermark[1] : 0;
		if (strcmp(z->name, "HighMem"))
			continue;
		scoped_err struct err *none = NULL;
		if (has_free)
			none = zone_counter_read(
				r->t, COUNTERS_ZONE, z->va, (unsigned)free_index, &n);
		has_high = has_free && !none;
		high_total += z->managed;
		high_free += has_high ? n : 0;
	}
	if (has_high) {
		set_pages(r, MEMORY_HIGH_TOTAL, high_total);
		set_pages(r, MEMORY_HIGH_FREE, high_free);
	}
	read_available(r, low);
}

/* ---- all ----------------------------------------------- */

static void read_caches(struct usage *r)
{
	uint64_t buffers = 0, swap = 0, files = 0, cached;
	struct err *err = read_buffers(r->t, &buffers);
	if (!err)
		set_pages(r, MEMORY_BUFFERS, buffers);
	err_drop(err); /* not known then */
	err = read_swap_cache(r->t, &swap);
	if (!err)
		set_pages(r, MEMORY_SWAP_CACHED, swap);
	err_drop(err);
	if (!vm_counter_find(r->t, "NR_FILE_PAGES", &files))
		return;
	cached = files < swap + buffers ? 0 : files - swap - buffers;
	set_pages(r, MEMORY_CACHED, cached);
}

static void read_swap(struct usage *r)
{
	uint64_t total, free;
	if (!target_has_symbol(r->t, "total_swap_pages")) {
		set_pages(r, MEMORY_SWAP_TOTAL, 0);
		set_pages(r, MEMORY_SWAP_FREE, 0);
		return;
	}
	if (target_try_variable(r->t, "total_swap_pages", &total))
		set_pages(r, MEMORY_SWAP_TOTAL, total);
	if (target_try_variable(r->t, "nr_swap_pages", &free))
		set_pages(r, MEMORY_SWAP_FREE, free);
}

static void read_kernel(struct usage *r)
{
	uint64_t n, units, slab;
	struct target *t = r->t;
	set_counter(r, MEMORY_SLAB_RECLAIMABLE, "NR_SLAB_RECLAIMABLE_B",
		"NR_SLAB_RECLAIMABLE"); /* 5.9 */
	if (r->u->item[MEMORY_SLAB_RECLAIMABLE].known &&
		(vm_counter_find(t, "NR_SLAB_UNRECLAIMABLE_B", &slab) ||
			vm_counter_find(t, "NR_SLAB_UNRECLAIMABLE", &slab)))
		set_bytes(r, MEMORY_SLAB,
			r->u->item[MEMORY_SLAB_RECLAIMABLE].bytes + (slab << r->shift));
	if (vm_counter_find(t, "NR_KERNEL_STACK_KB", &n))
		set_bytes(r, MEMORY_STACKS, n << 10);
	set_counter(r, MEMORY_PAGE_TABLES, "NR_PAGETABLE", NULL);
	if (vm_counter_find(t, "NR_VMALLOC", &n) ||
		target_try_variable(t, "nr_vmalloc_pages", &n)) /* 5.3 */
		set_pages(r, MEMORY_VMALLOC, n);
	if (target_try_variable(t, "pcpu_nr_populated", &n)) {
		if (!target_has_symbol(t, "pcpu_nr_units") ||
			!target_try_variable(t, "pcpu_nr_units", &units))
			units = 1; /* one CPU: a constant */
		set_pages(r, MEMORY_PERCPU, n * (units & INT32_MAX));
	}
}

/* @whole without @part; of numbers that contradict each other there is none. */
static void set_difference(
	struct usage *r, enum memory_item i, enum memory_item whole, enum memory_item part)
{
	const struct memory_usage *u = r->u;
	if (u->item[whole].known && u->item[part].known &&
		u->item[part].bytes <= u->item[whole].bytes)
		set_bytes(r, i, u->item[whole].bytes - u->item[part].bytes);
}

struct err *memory_usage_read(struct target *t, struct memory_usage *ret)
{
	struct memory_usage u = { 0 };
	struct usage r = { .t = t, .u = &u };
	uint64_t total;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	r.shift = page_shift(t);
	if (!target_try_variable(t, "_totalram_pages", &total) && /* 5.0 */
		!target_try_variable(t, "totalram_pages", &total))
		return err_new(ERR_MISSING,
			"there is no _totalram_pages among the symbols: give the vmlinux of "
			"this kernel");
	set_pages(&r, MEMORY_TOTAL, total);
	set_counter(&r, MEMORY_FREE, "NR_FREE_PAGES", NULL);
	read_caches(&r);
	set_counter(&r, MEMORY_ANON, "NR_ANON_MAPPED", NULL);
	set_counter(&r, MEMORY_MAPPED, "NR_FILE_MAPPED", NULL);
	set_counter(&r, MEMORY_SHARED, "NR_SHMEM", NULL);
	set_counter(&r, MEMORY_DIRTY, "NR_FILE_DIRTY", NULL);
	set_counter(&r, MEMORY_WRITEBACK, "NR_WRITEBACK", NULL);
	read_kernel(&r);
	read_zones(&r);
	read_huge(&r);
	read_swap(&r);
	read_commit_limit(&r);
	read_committed(&r);
	set_difference(&r, MEMORY_USED, MEMORY_TOTAL, MEMORY_FREE);
	set_difference(&r, MEMORY_SWAP_USED, MEMORY_SWAP_TOTAL, MEMORY_SWAP_FREE);
	set_difference(&r, MEMORY_LOW_TOTAL, MEMORY_TOTAL, MEMORY_HIGH_TOTAL);
	set_difference(&r, MEMORY_LOW_FREE, MEMORY_FREE, MEMORY_HIGH_FREE);
	*ret = u;
	return NULL;
}
