/* Two sources of pieces for sweeps: a page table's mapped runs, and the dump's extents. */
#include "analyzer/space/pieces.h"

#include "analyzer/base/interrupt.h"

struct pieces {
	struct dump *dump;
	struct table_runs *runs; /* NULL: RAM itself */
	uint64_t lo, last;
	size_t extent;
};

void space_bounds(const struct space_facts *facts, uint64_t *ret_lo, uint64_t *ret_last)
{
	const struct paging *p = &facts->layout.paging;
	bool kernel = facts->layout.nwindows > 0; /* see struct space_facts */
	uint64_t half_last = p->va_bits >= 64 ? UINT64_MAX : (1ull << p->va_bits) - 1;
	if (p->two_halves) {
		*ret_lo = kernel ? ~half_last : 0;
		*ret_last = kernel ? UINT64_MAX : half_last;
	} else {
		*ret_lo = kernel ? facts->layout.user_end : 0;
		*ret_last =
			kernel || !facts->layout.user_end ? half_last : facts->layout.user_end - 1;
	}
}

struct pieces *pieces_of_space(
	struct dump *d, const struct space_facts *facts, uint64_t lo, uint64_t last)
{
	struct pieces *p = xcalloc(1, sizeof(*p));
	struct table_runs_options o = { .lo = lo, .last = last };
	p->dump = d;
	p->runs = table_runs_create(&facts->layout.paging, d, facts->layout.pgd, &o);
	return p;
}

struct pieces *pieces_of_ram(struct dump *d, uint64_t lo, uint64_t last)
{
	struct pieces *p = xcalloc(1, sizeof(*p));
	p->dump = d;
	p->lo = lo;
	p->last = last;
	return p;
}

static struct err *next_of_table(struct pieces *p, struct sweep_piece *ret, bool *ret_more)
{
	struct table_run run;
	struct err *err;
	while (!(err = table_runs_next(p->runs, &run, ret_more)) && *ret_more) {
		if (run.kind != RUN_MAPPED)
			continue;
		*ret = (struct sweep_piece){ .addr = run.va, .pa = run.pa, .size = run.size };
		if (run.repeats && run.size >> run.entry_shift)
			ret->size = 1ull << run.entry_shift;
		return NULL;
	}
	return err;
}

static struct err *next_of_ram(struct pieces *p, struct sweep_piece *ret, bool *ret_more)
{
	const struct dump_info *info = dump_info(p->dump);
	*ret_more = false;
	while (p->extent < info->nextents) {
		const struct dump_extent *e = &info->extent[p->extent++];
		uint64_t lo = e->start.v, last = lo + (e->size - 1);
		if (!e->size || last < p->lo || lo > p->last)
			continue;
		lo = lo > p->lo ? lo : p->lo;
		last = last < p->last ? last : p->last;
		*ret = (struct sweep_piece){ .addr = lo, .pa = { lo }, .size = last - lo + 1 };
		*ret_more = true;
		break;
	}
	return interrupt_check();
}

struct err *pieces_next(struct pieces *p, struct sweep_piece *ret, bool *ret_more)
{
	return p->runs ? next_of_table(p, ret, ret_more) : next_of_ram(p, ret, ret_more);
}

void pieces_destroy(struct pieces *p)
{
	if (!p)
		return;
	table_runs_destroy(p->runs);
	free(p);
}
