/* Areas are read once a space, files' headers when they are asked for. */
#include "analyzer/stack/user_maps.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/user_space.h"
#include "analyzer/stack/user_pages.h"

/* include/linux/mm.h, 4.19 to 7.3: these bits never moved. */
enum { FLAG_WRITE = 2, FLAG_EXEC = 4 };

static void destroy_maps(struct user_maps *m)
{
	if (!m)
		return;
	vspace_destroy(m->vs);
	vec_deinit(&m->areas);
	vec_deinit(&m->files);
	for (size_t i = 0; i < m->names.n; i++)
		free(m->names.v[i].name);
	vec_deinit(&m->names);
	free(m);
}

static struct err *read_areas(struct user_maps *m)
{
	struct vma_iter it;
	struct vma v;
	bool more = true;
	struct err *err = vma_iter_init(&it, m->t, &m->mm);
	while (!err && more) {
		err = vma_iter_next(&it, &v, &more);
		if (err && err->code != ERR_INTERRUPTED && more) {
			err_drop(err); /* a damaged area is missing; the walk says where it would be
					  needed */
			err = NULL;
		} else if (!err && more && v.end > v.start) {
			vec_push(&m->areas, v);
		}
	}
	return err;
}

static int by_start(const void *a, const void *b)
{
	const struct vma *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* A page that the program has not touched, in an area that it cannot have changed, is the file's
 * own. */
static bool read_file(struct user_maps *m, uint64_t va, void *buf, size_t n)
{
	const struct vma *v = user_maps_area(m, va);
	if (!v || v->is_gate || user_area_is_stack(v))
		return false;
	/* Only the kernel's own mappings have no file and a name, which stands in brackets. */
	if (!v->file)
		return v->private_data && user_maps_name(m, v)[0] == '[' &&
		       user_pages_read_special(m->pages, v->private_data, va - v->start, buf, n);
	uint64_t offset = va - v->start + (v->pgoff << m->page_shift);
	return user_pages_read(m->pages, v->file, offset, buf, n);
}

bool user_maps_read(struct user_maps *m, uint64_t va, void *buf, size_t n)
{
	uint64_t page = 1ull << m->page_shift;
	for (size_t done = 0; done < n;) {
		uint64_t at = va + done, left = page - (at & (page - 1));
		size_t part = n - done < left ? n - done : left;
		uint8_t *to = (uint8_t *)buf + done;
		if (vspace_try_read(m->vs, at, to, part, NULL) != FAULT_NONE &&
			!read_file(m, at, to, part))
			return false;
		done += part;
	}
	return true;
}

static bool read_memory(void *cx, uint64_t va, void *buf, size_t n)
{
	return user_maps_read(cx, va, buf, n);
}

static struct err *create(struct target *t, const struct task *task, const struct abi *abi,
	struct user_pages *pages, struct user_maps **ret)
{
	struct user_maps *m = xcalloc(1, sizeof(*m));
	m->t = t;
	m->abi = *abi;
	m->page_shift = vspace_facts(t->kernel)->layout.paging.page_shift;
	m->memory = (struct user_memory){ .cx = m, .read = read_memory };
	m->pages = pages;
	struct err *err = user_space_open(t, task, &m->vs);
	if (!err)
		err = mm_read(t, task->mm, &m->mm);
	if (!err)
		err = read_areas(m);
	if (err) {
		destroy_maps(m);
		return err;
	}
	if (m->areas.n)
		qsort(m->areas.v, m->areas.n, sizeof(*m->areas.v), by_start);
	*ret = m;
	return NULL;
}

/* ---- what is kept with the target -------------------------------------------------------- */

enum { SPACES_KEPT = 16 };
struct kept_maps {
	struct user_maps *space[SPACES_KEPT]; /* a ring: the oldest goes first */
	unsigned next;
	struct user_pages *pages;
};
static const char kept_key;

static void destroy_kept(void *what)
{
	struct kept_maps *k = what;
	for (size_t i = 0; i < SPACES_KEPT; i++)
		destroy_maps(k->space[i]);
	user_pages_destroy(k->pages);
	free(k);
}

struct err *user_maps_find(
	struct target *t, const struct task *task, const struct abi *abi, struct user_maps **ret)
{
	struct kept_maps *k = target_kept(t, &kept_key);
	if (!k) {
		k = xcalloc(1, sizeof(*k));
		k->pages = user_pages_create(t);
		target_keep(t, &kept_key, k, destroy_kept);
	}
	for (size_t i = 0; i < SPACES_KEPT; i++) {
		struct user_maps *m = k->space[i];
		if (m && task->mm && m->mm.va == task->mm && m->abi.word_bytes == abi->word_bytes) {
			*ret = m;
			return NULL;
		}
	}
	struct user_maps *made;
	struct err *err = create(t, task, abi, k->pages, &made);
	if (err)
		return err;
	destroy_maps(k->space[k->next]);
	k->space[k->next] = made;
	k->next = (k->next + 1) % SPACES_KEPT;
	*ret = made;
	return NULL;
}

const char *user_maps_name(struct user_maps *m, const struct vma *v)
{
	for (size_t i = 0; i < m->names.n; i++)
		if (m->names.v[i].area_va == v->va)
			return m->names.v[i].name;
	scoped_strbuf struct strbuf text = { 0 };
	/* A path that cannot be read is no name. */
	scoped_err struct err *err = vma_name_format(m->t, v, &m->mm, &text);
	struct user_name name = { .area_va = v->va,
		.name = xstrdup(err ? "" : strbuf_text(&text)) };
	vec_push(&m->names, name);
	return name.name;
}

/* ---- areas ------------------------------------------------------------------------------- */

const struct vma *user_maps_area(const struct user_maps *m, uint64_t va)
{
	size_t lo = 0, hi = m->areas.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (m->areas.v[mid].end > va)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < m->areas.n && m->areas.v[lo].start <= va ? &m->areas.v[lo] : NULL;
}

bool user_area_is_code(const struct vma *v)
{
	return v->is_gate || v->flags & FLAG_EXEC;
}

bool user_area_is_stack(const struct vma *v)
{
	return !v->is_gate && v->flags & FLAG_WRITE;
}

/* Where the first byte of the file at @v is mapped: the nearest such area at or below. */
static bool find_base(const struct user_maps *m, const struct vma *v, uint64_t *ret)
{
	if (!v->file) { /* the vDSO is whole */
		*ret = v->start;
		return !v->is_gate;
	}
	for (size_t i = (size_t)(v - m->areas.v) + 1; i-- > 0;)
		if (m->areas.v[i].file == v->file && !m->areas.v[i].pgoff) {
			*ret = m->areas.v[i].start;
			return true;
		}
	return false;
}

const struct user_elf *user_maps_elf(struct user_maps *m, const struct vma *v)
{
	uint64_t base;
	if (!v || !find_base(m, v, &base))
		return NULL;
	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.v[i].base == base)
			return m->files.v[i].known ? &m->files.v[i].elf : NULL;
	struct user_file f = { .base = base };
	f.known = user_elf_read(&m->memory, &m->abi, base, &f.elf);
	vec_push(&m->files, f);
	return f.known ? &m->files.v[m->files.n - 1].elf : NULL;
}
