/* A file's tree is read whole at the first question: programs ask about few files, and of those
 * often. */
#include "analyzer/stack/user_pages.h"

#include <stdlib.h>

#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/xarray.h"

/* include/linux/fs.h: i_pages was page_tree before 4.17. */
struct file_mapping {
	uint64_t mapping;
};
static const struct view_field file_fields[] = {
	FIELD(struct file_mapping, mapping, "f_mapping"),
};
static const struct view_spec file_spec = { .type = "file",
	.hint = "fs/open.c",
	.fields = file_fields,
	.nfields = ARRAY_SIZE(file_fields) };

struct mapping_tree {
	uint64_t root_va;
};
static const struct view_field mapping_fields[] = {
	FIELD_ADDRESS(struct mapping_tree, root_va, "i_pages", "page_tree"),
};
static const struct view_spec mapping_spec = { .type = "address_space",
	.hint = "mm/filemap.c",
	.fields = mapping_fields,
	.nfields = ARRAY_SIZE(mapping_fields) };

/* Of a file: its pages by ascending index; one of several pages (a folio) is one run. */
struct cached_run {
	uint64_t index, last, page_va;
	bool known;   /* .pfn is what page_va's pages begin with */
	uint64_t pfn; /* UINT64_MAX: nobody knows */
};
struct cached_file {
	uint64_t mapping;
	VEC(struct cached_run) runs;
};
struct user_pages {
	struct target *t;
	VEC(struct cached_file) files;
	uint64_t last_file; /* the struct file that was asked for last, and its place in .files */
	size_t last;
};

struct user_pages *user_pages_create(struct target *t)
{
	struct user_pages *c = xcalloc(1, sizeof(*c));
	c->t = t;
	return c;
}

static void forget(struct user_pages *c)
{
	for (size_t i = 0; i < c->files.n; i++)
		vec_deinit(&c->files.v[i].runs);
	vec_deinit(&c->files);
	c->last_file = 0;
}

void user_pages_destroy(struct user_pages *c)
{
	if (!c)
		return;
	forget(c);
	free(c);
}

static struct err *find_tree(struct target *t, uint64_t mapping, uint64_t *ret)
{
	const struct view *view;
	struct mapping_tree tree;
	struct err *err = target_view(t, &mapping_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, mapping, &tree);
	if (!err)
		*ret = tree.root_va;
	return err;
}

static struct err *read_runs(struct target *t, struct cached_file *io)
{
	enum { RUNS_MAX = 1 << 16 };
	struct xarray_iter it;
	struct xarray_entry e;
	uint64_t root = 0;
	bool more = true;
	struct err *err = find_tree(t, io->mapping, &root);
	if (!err)
		err = xarray_iter_init(&it, t, root);
	while (!err && more && io->runs.n < RUNS_MAX) {
		err = xarray_iter_next(&it, &e, &more);
		if (err || !more || e.is_value) /* a value: what was thrown out leaves a shadow */
			continue;
		struct cached_run run = { .index = e.index, .last = e.last, .page_va = e.entry };
		if (!io->runs.n || run.index > io->runs.v[io->runs.n - 1].last)
			vec_push(&io->runs, run);
	}
	return err;
}

static struct cached_file *find_file(struct user_pages *c, uint64_t file)
{
	enum { FILES_MAX = 64 };
	const struct view *view;
	struct file_mapping f = { 0 };
	if (c->last_file && c->last_file == file)
		return &c->files.v[c->last];
	scoped_err struct err *err = target_view(c->t, &file_spec, &view);
	if (err || !view_try_read(view, c->t->kernel, file, &f))
		return NULL;
	for (size_t i = 0; i < c->files.n; i++)
		if (c->files.v[i].mapping == f.mapping) {
			c->last_file = file;
			c->last = i;
			return &c->files.v[i];
		}
	if (c->files.n >= FILES_MAX)
		forget(c);
	struct cached_file made = { .mapping = f.mapping };
	/* A damaged tree: what came before the damage counts. */
	scoped_err struct err *damage = read_runs(c->t, &made);
	vec_push(&c->files, made);
	return &c->files.v[c->files.n - 1];
}

static uint64_t first_pfn(struct target *t, struct cached_run *r)
{
	if (!r->known) {
		scoped_err struct err *err = page_to_pfn(t, r->page_va, &r->pfn);
		if (err)
			r->pfn = UINT64_MAX;
		r->known = true;
	}
	return r->pfn;
}

bool user_pages_read(struct user_pages *c, uint64_t file, uint64_t offset, void *buf, size_t n)
{
	unsigned shift = vspace_facts(c->t->kernel)->layout.paging.page_shift;
	struct cached_file *f = find_file(c, file);
	uint64_t index = offset >> shift;
	size_t lo = 0, hi = f ? f->runs.n : 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (f->runs.v[mid].last < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!f || lo >= f->runs.n || f->runs.v[lo].index > index)
		return false;
	uint64_t pfn = first_pfn(c->t, &f->runs.v[lo]);
	if (pfn == UINT64_MAX)
		return false;
	pfn += index - f->runs.v[lo].index;
	struct paddr pa = { (pfn << shift) + (offset & ((1ull << shift) - 1)) };
	return dump_try_read(c->t->dump, pa, buf, n, NULL) == FAULT_NONE;
}

/* include/linux/mm_types.h, 4.19 to 7.3: ends with NULL; absent where a fault handler is all there
 * is. */
struct special_pages {
	uint64_t pages;
};
static const struct view_field special_fields[] = {
	FIELD(struct special_pages, pages, "pages"),
};
static const struct view_spec special_spec = { .type = "vm_special_mapping",
	.hint = "init/main.c",
	.fields = special_fields,
	.nfields = ARRAY_SIZE(special_fields) };

bool user_pages_read_special(
	struct user_pages *c, uint64_t special, uint64_t offset, void *buf, size_t n)
{
	enum { PAGES_MAX = 16 };
	const struct target *t = c->t;
	unsigned shift = vspace_facts(t->kernel)->layout.paging.page_shift;
	const struct view *view;
	struct special_pages s = { 0 };
	uint64_t page, pfn;
	scoped_err struct err *err = target_view(c->t, &special_spec, &view);
	if (err || !view_try_read(view, t->kernel, special, &s) || !s.pages ||
		offset >> shift >= PAGES_MAX)
		return false;
	for (uint64_t i = 0; i <= offset >> shift; i++)
		if (!vspace_try_word(t->kernel, s.pages + i * t->abi.word_bytes, &page) || !page)
			return false;
	scoped_err struct err *unknown = page_to_pfn(c->t, page, &pfn);
	if (unknown)
		return false;
	struct paddr pa = { (pfn << shift) + (offset & ((1ull << shift) - 1)) };
	return dump_try_read(t->dump, pa, buf, n, NULL) == FAULT_NONE;
}
