/* Two ways back from physical memory: which frames are mapped elsewhere than in the linear map, and
 * which are page tables, of which level and of whose. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/explain/explain_internal.h"
#include "analyzer/kernel/slab_page.h"
#include "analyzer/kernel/user_space.h"
#include "analyzer/space/pieces.h"

/* ---- aliases ----------------------------------------------------------------------------- */

enum { ALIASES_MAX = 1 << 22, TABLES_MAX = 1 << 20 };

static int alias_by_pa(const void *a, const void *b)
{
	const struct indexed_alias *x = a, *y = b;
	if (x->pa != y->pa)
		return x->pa < y->pa ? -1 : 1;
	return x->va < y->va ? -1 : x->va > y->va;
}

/* The areas where each frame has an owner of its own: the linear map and KASAN's zero pages are
 * not. */
static bool has_aliases(const struct map_region *r)
{
	static const char *const name[] = { "modules", "BPF", "vmalloc" };
	for (size_t i = 0; i < ARRAY_SIZE(name); i++)
		if (!strcmp(r->name, name[i]))
			return true;
	return false;
}

static struct err *read_region(struct explain_index *ix, const struct map_region *r)
{
	struct pieces *p =
		pieces_of_space(ix->t->dump, vspace_facts(ix->t->kernel), r->start, r->last);
	struct sweep_piece piece;
	bool more = true;
	struct err *err = NULL;
	while (!err && more && ix->alias.n < ALIASES_MAX) {
		err = pieces_next(p, &piece, &more);
		if (err || !more)
			break;
		struct indexed_alias a = { piece.pa.v, piece.addr, piece.size };
		vec_push(&ix->alias, a);
		err = interrupt_check();
	}
	pieces_destroy(p);
	return err;
}

struct err *explain_read_aliases(struct explain_index *ix)
{
	struct err *err = NULL;
	ix->alias.n = 0;
	for (unsigned i = 0; !err && i < ix->map.n; i++)
		if (has_aliases(&ix->map.region[i]))
			err = read_region(ix, &ix->map.region[i]);
	if (ix->alias.n)
		qsort(ix->alias.v, ix->alias.n, sizeof(*ix->alias.v), alias_by_pa);
	return err;
}

/* The last one that begins at or below @pa. Larger ones below it may hold @pa too: looked for
 * within a few steps, since vmalloc's pieces seldom overlap. */
static const struct indexed_alias *alias_find(const struct explain_index *ix, uint64_t pa)
{
	enum { STEPS = 64 };
	size_t lo = 0, hi = ix->alias.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ix->alias.v[mid].pa <= pa)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (unsigned i = 0; i < STEPS && lo; i++) {
		const struct indexed_alias *a = &ix->alias.v[--lo];
		if (pa - a->pa < a->size)
			return a;
	}
	return NULL;
}

static bool window_va(struct target *t, uint64_t pa, uint64_t *ret_va)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	if (t->image.size && pa - t->image.pa.v < t->image.size) {
		struct walk walk;
		*ret_va = t->image.va + (pa - t->image.pa.v);
		walk_address(&l->paging, t->dump, l->pgd, *ret_va, &walk);
		if (walk.fault == FAULT_NONE && walk.pa.v == pa)
			return true; /* else it was given back */
	}
	return slab_linear_va(t, pa, ret_va);
}

bool explain_virtual(struct target *t, uint64_t pa, uint64_t *ret_va)
{
	struct explain_index *ix = explain_index_get(t);
	const struct err *why;
	if (!t->kernel)
		return false;
	struct err *err = explain_need(ix, PART_MAP, &why);
	if (!err && !why)
		err = explain_need(ix, PART_ALIASES, &why);
	const struct indexed_alias *a = err || why ? NULL : alias_find(ix, pa);
	err_drop(err); /* Ctrl-C: whoever asks sees it too */
	if (!a)
		return window_va(t, pa, ret_va);
	*ret_va = a->va + (pa - a->pa);
	return true;
}

struct err *explain_find_alias(struct explain_cx *cx)
{
	const struct err *why;
	uint64_t window;
	struct err *err = cx->has_pa ? explain_need(cx->ix, PART_ALIASES, &why) : NULL;
	if (err || !cx->has_pa || why)
		return err; /* without page tables nothing is mapped twice */
	const struct indexed_alias *a = alias_find(cx->ix, cx->pa);
	uint64_t alias = a ? a->va + (cx->pa - a->pa) : 0;
	if (cx->has_va && a && alias != cx->va) {
		const struct map_region *r = explain_region(cx->ix, alias);
		struct explain_row *row =
			explain_add(cx, EXPLAIN_ALIAS, "in %s", r ? r->name : "?");
		row->name = r ? r->name : NULL;
		row->has_range = true;
		row->start = alias;
	} else if (cx->has_va && window_va(cx->t, cx->pa, &window) && window != cx->va) {
		const struct map_region *r = explain_region(cx->ix, window);
		struct explain_row *row =
			explain_add(cx, EXPLAIN_ALIAS, "in %s", r ? r->name : "?");
		row->name = r ? r->name : NULL;
		row->has_range = true;
		row->start = window;
	}
	return NULL;
}

/* ---- page tables ------------------------------------------------------------------------- */

static int table_by_pa(const void *a, const void *b)
{
	const struct indexed_table *x = a, *y = b;
	if (x->pa != y->pa)
		return x->pa < y->pa ? -1 : 1;
	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	return x->mm < y->mm ? -1 : x->mm > y->mm; /* the kernel's first */
}

static void unique(struct explain_index *ix, size_t from)
{
	size_t n = from;
	if (ix->table.n - from < 2)
		return;
	qsort(ix->table.v + from, ix->table.n - from, sizeof(*ix->table.v), table_by_pa);
	for (size_t i = from; i < ix->table.n; i++)
		if (n == from || ix->table.v[n - 1].pa != ix->table.v[i].pa)
			ix->table.v[n++] = ix->table.v[i];
	ix->table.n = n;
}

/* The tables that the entries of @of point to. */
static void add_children(struct explain_index *ix, const struct paging *p, struct indexed_table of)
{
	const struct paging_level *l = &p->level[of.level];
	uint8_t raw[4096];
	uint64_t bytes = (uint64_t)l->entry_bytes << l->bits;
	for (uint64_t at = 0; at < bytes && !interrupt_pending(); at += sizeof(raw)) {
		size_t n = bytes - at < sizeof(raw) ? (size_t)(bytes - at) : sizeof(raw);
		const struct abi abi = { .word_bytes = 8, .big_endian = p->big_endian };
		if (dump_try_read(ix->t->dump, (struct paddr){ of.pa + at }, raw, n, NULL))
			continue; /* the dump lacks this table */
		for (size_t i = 0; i < n; i += l->entry_bytes) {
			struct pte pte =
				p->decode(p, of.level, load_uint(&abi, raw + i, l->entry_bytes));
			if (pte.kind != PTE_TABLE || ix->table.n >= TABLES_MAX)
				continue;
			struct indexed_table t = of;
			t.pa = pte.pa.v;
			t.level = of.level + 1;
			t.va = of.va + ((at + i) / l->entry_bytes << l->shift);
			vec_push(&ix->table, t);
		}
	}
}

static void add_root(
	struct explain_index *ix, uint64_t pgd_pa, uint64_t mm, uint32_t pid, uint64_t va)
{
	struct indexed_table root = { .pa = pgd_pa, .mm = mm, .pid = pid, .va = va };
	vec_push(&ix->table, root);
}

/* One task of each process: threads share its tables. */
static struct err *add_user_roots(struct explain_index *ix)
{
	const struct err *why;
	struct err *err = explain_need(ix, PART_TASKS, &why);
	if (err || why)
		return err ? err : err_new(why->code, "%s", why->msg);
	for (size_t i = 0; i < ix->task.n; i++) {
		const struct task *task = &ix->task.v[i];
		struct vspace *user;
		if (!task->mm || task->pid != task->tgid)
			continue;
		err = user_space_open(ix->t, task, &user);
		if (err) {
			err_drop(err); /* its mm cannot be read: vm tells of it */
			continue;
		}
		add_root(ix, vspace_facts(user)->layout.pgd.v, task->mm, task->pid, 0);
		vspace_destroy(user);
	}
	return interrupt_check();
}

/* Level by level, so that a table which many share is followed once. */
struct err *explain_read_tables(struct explain_index *ix)
{
	const struct arch_layout *l = &vspace_facts(ix->t->kernel)->layout;
	const struct paging *p = &l->paging;
	ix->table.n = 0;
	add_root(ix, l->pgd.v, 0, 0,
		p->two_halves && p->va_bits < 64 ? UINT64_MAX << p->va_bits : 0);
	struct err *err = add_user_roots(ix);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	err_drop(err); /* without tasks the kernel's own tables are still known */
	unique(ix, 0);
	for (size_t from = 0; from < ix->table.n;) {
		size_t end = ix->table.n;
		for (size_t i = from; i < end && ix->table.v[i].level + 1u < p->nlevels; i++)
			add_children(ix, p, ix->table.v[i]);
		err = interrupt_check();
		if (err)
			return err;
		unique(ix, end);
		from = end;
	}
	unique(ix, 0);
	return NULL;
}

struct err *explain_find_table(struct explain_cx *cx)
{
	const struct paging *p = &vspace_facts(cx->t->kernel)->layout.paging;
	const struct err *why;
	if (!cx->has_pa || cx->quick)
		return NULL;
	struct err *err = explain_need(cx->ix, PART_TABLES, &why);
	if (err || why)
		return err;
	/* ARM32's short form has two tables and their shadows in a page. */
	uint64_t page = 1ull << p->page_shift;
	size_t lo = 0, hi = cx->ix->table.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (cx->ix->table.v[mid].pa <= cx->pa)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (unsigned i = 0; i < 2 && lo > i; i++) {
		const struct indexed_table *t = &cx->ix->table.v[lo - 1 - i];
		const struct paging_level *l = &p->level[t->level];
		uint64_t bytes = (uint64_t)l->entry_bytes << l->bits;
		bool last = t->level + 1u == p->nlevels;
		if (cx->pa - t->pa >= (last && bytes < page ? page - (t->pa & (page - 1)) : bytes))
			continue;
		struct explain_row *r;
		if (t->mm)
			r = explain_add(cx, EXPLAIN_TABLE, "%s of pid %u, for 0x%llx and on",
				l->name, t->pid, (unsigned long long)t->va);
		else
			r = explain_add(cx, EXPLAIN_TABLE, "%s of the kernel, for 0x%llx and on",
				l->name, (unsigned long long)t->va);
		r->name = l->name;
		r->object_va = t->mm;
		r->type = t->mm ? "struct mm_struct" : NULL;
		r->has_pid = t->mm != 0;
		r->pid = t->pid;
		return NULL;
	}
	return NULL;
}
