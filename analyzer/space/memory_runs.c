/*
 * The memory behind a range of virtual addresses, for those who scan: windows first, as in reads, the
 * page table for the rest, and the dump's own pieces below. Copies nothing.
 */
#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/space/runs.h"

/* A stretch of virtual addresses that is physically one piece, or a gap. */
struct stretch {
	uint64_t va, size;
	struct paddr pa;
	bool mapped;
	enum fault_kind fault;
};

struct memory_runs {
	struct dump *dump;
	struct space_facts facts;
	uint64_t next, last; /* what is still to come */
	bool done;
	struct table_runs *table; /* between two windows; NULL: not begun */
	uint64_t table_last;
	struct table_run run; /* the table's next, where have_run */
	bool have_run;
	struct stretch stretch; /* what is left of the present one; size 0: none */
	uint64_t generation;
	struct memory_run given;
	bool again;
};

struct memory_runs *memory_runs_create(struct dump *d, const struct space_facts *facts, uint64_t lo,
	uint64_t last)
{
	struct memory_runs *it = xcalloc(1, sizeof(*it));

	it->dump = d;
	it->facts = *facts;
	it->next = lo;
	it->last = last;
	it->done = lo > last;
	return it;
}

void memory_runs_destroy(struct memory_runs *it)
{
	if (it)
		table_runs_destroy(it->table);
	free(it);
}

/* ---- stretches ------------------------------------------------------------------------------------- */

static const struct arch_window *window_at(const struct memory_runs *it, uint64_t va)
{
	const struct arch_layout *l = &it->facts.layout;
	for (unsigned i = 0; i < l->nwindows; i++)
		if (va - l->window[i].va < l->window[i].size)
			return &l->window[i];
	return NULL;
}

/* The last byte before the next window above @va, or of the range. */
static uint64_t before_window(const struct memory_runs *it, uint64_t va)
{
	const struct arch_layout *l = &it->facts.layout;
	uint64_t last = it->last;
	for (unsigned i = 0; i < l->nwindows; i++)
		if (l->window[i].va > va && l->window[i].va - 1 < last)
			last = l->window[i].va - 1;
	return last;
}

static void set_gap(struct memory_runs *it, uint64_t last, enum fault_kind fault)
{
	it->stretch = (struct stretch){ .va = it->next, .size = last - it->next + 1, .fault = fault };
}

static void begin_table(struct memory_runs *it)
{
	const struct arch_layout *l = &it->facts.layout;
	struct table_runs_options o = { .lo = it->next, .last = before_window(it, it->next) };

	table_runs_destroy(it->table);
	it->table_last = o.last;
	it->have_run = false;
	/* As in vspace.c: a root of one half has nothing to say of the other. */
	if (l->paging.two_halves) {
		uint64_t half = l->nwindows ? UINT64_MAX << l->paging.va_bits : 0;
		uint64_t end = half + ((1ull << l->paging.va_bits) - 1);
		o.lo = o.lo < half ? half : o.lo;
		o.last = o.last > end ? end : o.last;
	}
	it->table = table_runs_create(&l->paging, it->dump, l->pgd, &o);
}

/* The stretch at it->next by the table. */
static struct err *table_stretch(struct memory_runs *it)
{
	if (!it->table || it->next > it->table_last)
		begin_table(it);
	if (!it->have_run) {
		struct err *err = table_runs_next(it->table, &it->run, &it->have_run);
		if (err)
			return err;
	}
	if (!it->have_run) {
		set_gap(it, it->table_last, FAULT_UNMAPPED);
		return NULL;
	}
	if (it->next < it->run.va) {
		set_gap(it, it->run.va - 1, FAULT_UNMAPPED);
		return NULL;
	}
	uint64_t run_last = it->run.va + (it->run.size - 1);
	if (it->run.kind != RUN_MAPPED) {
		set_gap(it, run_last, it->run.fault ? it->run.fault : FAULT_UNMAPPED);
	} else if (!it->run.repeats) {
		it->stretch = (struct stretch){ it->run.va, it->run.size, it->run.pa, true, 0 };
	} else if (it->next == it->run.va) { /* the page once, then the rest of it as a gap */
		uint64_t page = 1ull << it->run.entry_shift, in = it->run.va & (page - 1);
		uint64_t n = page - in < it->run.size ? page - in : it->run.size;
		it->stretch = (struct stretch){ it->run.va, n, it->run.pa, true, 0 };
		run_last = it->run.va + (n - 1);
	} else {
		set_gap(it, run_last, FAULT_NONE);
	}
	it->have_run = run_last < it->run.va + (it->run.size - 1);
	return NULL;
}

static struct err *next_stretch(struct memory_runs *it)
{
	const struct arch_window *w = window_at(it, it->next);
	if (!w)
		return table_stretch(it);
	uint64_t off = it->next - w->va, last = w->va + (w->size - 1);
	if (last > it->last)
		last = it->last;
	it->stretch = (struct stretch){ it->next, last - it->next + 1, { w->pa.v + off }, true, 0 };
	return NULL;
}

/* ---- what the dump has of a stretch ------------------------------------------------------------------ */

/* How far from @pa on the dump surely has nothing: to the next run of RAM, else one granule. */
static uint64_t missing_bytes(const struct memory_runs *it, uint64_t pa, enum fault_kind fault)
{
	const struct dump_info *info = dump_info(it->dump);
	uint64_t granule = info->page_bytes ? info->page_bytes : 4096, next = UINT64_MAX;
	uint64_t step = granule - (pa & (granule - 1));

	if (fault != FAULT_BEYOND)
		return step;
	for (size_t i = 0; i < info->nextents; i++) {
		uint64_t start = info->extent[i].start.v;
		if (pa - start < info->extent[i].size)
			return step;
		if (start > pa && start - pa < next)
			next = start - pa;
	}
	return next;
}

/* Takes @n bytes off the stretch's beginning. */
static void advance(struct memory_runs *it, uint64_t n)
{
	it->stretch.va += n;
	it->stretch.pa.v += n;
	it->stretch.size -= n;
	it->done = it->stretch.va - 1 == it->last;
	it->next = it->stretch.va;
}

static void piece(struct memory_runs *it, struct memory_run *ret)
{
	const struct stretch *s = &it->stretch;
	const uint8_t *p = NULL;
	size_t n = 0;

	*ret = (struct memory_run){ .va = s->va, .size = s->size, .fault = s->fault };
	if (!s->mapped)
		return;
	ret->fault = dump_map(it->dump, s->pa, &p, &n);
	uint64_t have = ret->fault ? missing_bytes(it, s->pa.v, ret->fault) : n;
	ret->p = ret->fault ? NULL : p;
	if (have < ret->size)
		ret->size = have;
}

/* The bytes of the run that was given last: its stretch has moved on past them. */
static void map_again(struct memory_runs *it)
{
	struct memory_run *r = &it->given;
	struct paddr pa = { it->stretch.pa.v - r->size };
	size_t n = 0;

	it->generation = dump_generation(it->dump);
	r->fault = dump_map(it->dump, pa, &r->p, &n);
	if (!r->fault && n < r->size)
		r->fault = FAULT_CORRUPT; /* the same place had more before */
	if (r->fault)
		r->p = NULL;
}

struct err *memory_runs_next(struct memory_runs *it, struct memory_run *ret, bool *ret_more)
{
	struct memory_run run = { 0 };
	unsigned steps = 0;

	*ret_more = false;
	if (it->again && it->given.size) {
		it->again = false;
		if (it->given.p)
			map_again(it);
		*ret = it->given;
		*ret_more = true;
		return NULL;
	}
	it->again = false;
	while (!it->done) {
		struct memory_run more;
		if (!it->stretch.size) {
			struct err *err = next_stretch(it);
			if (err)
				return err;
		}
		if (steps++ % 1024 == 0 && interrupt_pending())
			return interrupt_check();
		uint64_t generation = dump_generation(it->dump);
		piece(it, &more);
		bool joins = run.size && !run.p && !more.p && run.fault == more.fault;
		if (run.size && !joins)
			break;
		if (joins)
			run.size += more.size;
		else
			run = more;
		it->generation = generation;
		advance(it, more.size);
		if (run.p)
			break;
	}
	if (!run.size)
		return NULL;
	it->given = run;
	*ret = run;
	*ret_more = true;
	return NULL;
}

bool memory_runs_valid(const struct memory_runs *it)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return dump_generation(it->dump) == it->generation;
}

void memory_runs_again(struct memory_runs *it)
{
	it->again = true;
}
