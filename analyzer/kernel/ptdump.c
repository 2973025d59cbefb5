/*
 * What the kernel prints of its page tables, from the table's runs: note_page() of
 * arch/arm64/mm/ptdump.c and arch/arm/mm/dump.c (5.10, 6.1) decides where a line ends, and this
 * does as they do. The sections' addresses come from the kernel's address_markers[] where it has
 * one.
 */
#include "analyzer/kernel/ptdump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/address_map.h"
#include "analyzer/kernel/user_space.h"

/* ---- the sections ------------------------------------------------------------------------ */

/* Without the array: the kernel has no such debug file either, so the newest words do. */
static void compute_markers(struct target *t, struct ptdump *d)
{
	struct address_map map;
	scoped_err struct err *err = address_map_find(t, &map);
	if (err)
		return;
	for (unsigned i = 0; i < map.n && d->nmarkers + 2 <= ADDRESS_MARKERS_MAX; i++) {
		const struct map_region *r = &map.region[i];
		if (!r->marker)
			continue;
		struct address_marker *m = &d->marker[d->nmarkers];
		if (d->nmarkers && r->start < m[-1].start)
			continue;
		d->nmarkers++;
		*m = (struct address_marker){ .start = r->start };
		snprintf(m->name, sizeof(m->name), "%s", r->marker);
		if (!r->marker_end)
			continue;
		d->nmarkers++;
		m[1] = (struct address_marker){ .start = r->last + 1 };
		snprintf(m[1].name, sizeof(m[1].name), "%s", r->marker_end);
	}
}

struct err *ptdump_kernel(struct target *t, struct ptdump *ret)
{
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	*ret = (struct ptdump){
		.last = t->abi.word_bytes == 8 ? UINT64_MAX : UINT32_MAX,
		.holes = t->arch->ptdump.holes,
		.address_digits = t->abi.word_bytes * 2,
	};
	t->arch->whole_table(l, &ret->paging, &ret->root, &ret->lo);
	ret->nmarkers = address_markers_read(t, ret->marker);
	ret->marker_found = ret->nmarkers;
	if (!ret->nmarkers)
		compute_markers(t, ret);
	const char *levelless = t->arch->ptdump.levelless;
	for (unsigned i = 0; levelless && i < ret->nmarkers; i++)
		ret->no_level |= !strcmp(ret->marker[i].name, levelless);
	return NULL;
}

struct err *ptdump_task(struct target *t, const struct task *task, struct ptdump *ret)
{
	struct vspace *user;
	struct err *err = user_space_open(t, task, &user);
	if (err)
		return err;
	const struct arch_layout *l = &vspace_facts(user)->layout;
	*ret = (struct ptdump){
		.paging = l->paging,
		.root = l->pgd,
		.last = l->user_end - 1,
		.address_digits = t->abi.word_bytes * 2,
	};
	vspace_destroy(user);
	return NULL;
}

/* ---- lines ------------------------------------------------------------------------------- */

struct state {
	const struct ptdump *d;
	ptdump_line_fn fn;
	void *cx;
	uint64_t mask[PAGING_MAX_LEVELS];
	bool begun;
	unsigned marker; /* the present section */
	uint64_t start, prot;
	struct table_run first; /* of the line */
	const char *domain;
};

static uint64_t words_mask(const struct pte_word *w)
{
	uint64_t mask = 0;
	for (; w && w->mask; w++)
		mask |= w->mask;
	return mask;
}

static void tell_marker(const struct state *st)
{
	struct ptdump_line line = { .section = st->d->marker[st->marker].name };
	if (st->d->nmarkers)
		st->fn(st->cx, &line);
}

static bool at_next_marker(const struct state *st, uint64_t addr)
{
	return st->marker + 1 < st->d->nmarkers && addr >= st->d->marker[st->marker + 1].start;
}

static void tell_line(const struct state *st, uint64_t end)
{
	static const char *const upper[][2] = { { "pgd", "PGD" }, { "p4d", "P4D" },
		{ "pud", "PUD" }, { "pmd", "PMD" }, { "pte", "PTE" } };
	const struct ptdump *d = st->d;
	struct ptdump_line line = {
		.start = st->start,
		.size = end - st->start,
		.domain = st->domain,
		.raw = st->first.raw,
		.kind = st->first.kind,
		.fault = st->first.fault,
		.level = "?",
	};
	for (size_t i = 0; i < ARRAY_SIZE(upper); i++)
		if (!strcmp(upper[i][0], d->paging.level[st->first.level].name))
			line.level = upper[i][1];
	if (st->prot)
		line.words = d->paging.words(&d->paging, st->first.level);
	if (st->prot || d->holes || line.kind == RUN_BROKEN)
		st->fn(st->cx, &line);
}

/* note_page(). That which prints holes looks for a second marker at the same address too. */
static void note(struct state *st, uint64_t addr, const struct table_run *r, const char *domain)
{
	uint64_t prot = r->raw & st->mask[r->level];

	if (!st->begun) {
		st->begun = true;
		tell_marker(st);
	} else if (prot != st->prot || r->level != st->first.level || domain != st->domain ||
		   r->kind == RUN_BROKEN || st->first.kind == RUN_BROKEN ||
		   at_next_marker(st, addr)) {
		tell_line(st, addr);
		if (at_next_marker(st, addr)) {
			st->marker++;
			tell_marker(st);
		}
	} else {
		return;
	}
	st->start = addr;
	st->prot = prot;
	st->first = *r;
	st->domain = domain;
	if (st->d->holes && at_next_marker(st, addr)) {
		st->marker++;
		tell_marker(st);
	}
}

/*
 * walk_pmd() of arch/arm/mm/dump.c, where entries of the first level are two and two: of the second
 * only a section is looked at, and the line before goes on over all else.
 */
static bool skip_odd_half(const struct paging *p, struct table_run *r)
{
	const uint64_t half = 1ull << p->level[0].shift;

	if (!p->pairs || r->level != 0 || r->kind == RUN_MAPPED || !(r->va & half))
		return false;
	if (r->size <= half)
		return true;
	r->va += half;
	r->size -= half;
	return false;
}

/* The kernel notes every entry; only the first and those at markers can change anything. */
static void note_run(struct state *st, const struct table_run *run)
{
	const struct ptdump *d = st->d;
	struct table_run r = *run;
	uint64_t step = 1ull << r.entry_shift;

	if (skip_odd_half(&d->paging, &r))
		return;
	if (d->paging.pairs && r.level == 0 && r.kind != RUN_MAPPED)
		step *= 2;
	const char *domain = NULL;
	if (d->paging.domain)
		domain = d->paging.domain(r.level ? r.parent : r.raw);
	uint64_t at = r.va;
	note(st, at, &r, domain);
	while (st->marker + 1 < d->nmarkers) {
		uint64_t want = d->marker[st->marker + 1].start;
		uint64_t next = at - (at & (step - 1)) + step;
		if (want > next)
			next = (want + (step - 1)) & ~(step - 1);
		if (next <= at || next - r.va >= r.size)
			break;
		at = next;
		note(st, at, &r, domain);
	}
}

struct err *ptdump_walk(struct target *t, const struct ptdump *d, ptdump_line_fn fn, void *cx)
{
	struct state st = { .d = d, .fn = fn, .cx = cx };
	struct table_runs_options o = { d->lo, d->last, .by_attributes = true, .holes = true };
	struct table_runs *it = table_runs_create(&d->paging, t->dump, d->root, &o);
	struct table_run run;
	bool more;
	struct err *err;

	for (unsigned i = 0; i < d->paging.nlevels; i++)
		st.mask[i] = words_mask(d->paging.words(&d->paging, i));
	while (st.marker + 1 < d->nmarkers && d->marker[st.marker + 1].start <= d->lo)
		st.marker++;
	while (!(err = table_runs_next(it, &run, &more)) && more)
		note_run(&st, &run);
	table_runs_destroy(it);
	if (st.begun && !err)
		tell_line(&st, d->last + 1);
	return err;
}

/* ---- text -------------------------------------------------------------------------------- */

/* (end - start) >> 10 with units, as the kernel writes sizes. */
static void format_size(uint64_t bytes, struct strbuf *out)
{
	const char *unit = "KMGTPE";
	uint64_t n = bytes >> 10;

	while (!(n & 1023) && unit[1]) {
		n >>= 10;
		unit++;
	}
	strbuf_addf(out, "%9" PRIu64 "%c", n, *unit);
}

void ptdump_format(const struct ptdump *d, const struct ptdump_line *line, struct strbuf *out)
{
	int digits = d->address_digits;

	if (line->section) {
		strbuf_addf(out, "---[ %s ]---", line->section);
		return;
	}
	uint64_t mask = digits == 16 ? UINT64_MAX : UINT32_MAX;
	strbuf_addf(out, "0x%0*" PRIx64 "-0x%0*" PRIx64 "   ", digits, line->start, digits,
		(line->start + line->size) & mask);
	format_size(line->size & mask, out);
	if (!d->no_level)
		strbuf_addf(out, " %s", line->level);
	if (line->domain)
		strbuf_addf(out, " %s", line->domain);
	for (const struct pte_word *w = line->words; w && w->mask; w++) {
		const char *word = (line->raw & w->mask) == w->value ? w->set : w->clear;
		if (word)
			strbuf_addf(out, " %s", word);
	}
	if (line->fault)
		strbuf_addf(out, " <%s>", fault_text(line->fault));
}

void ptdump_attributes(const struct ptdump_line *line, struct strbuf *out)
{
	for (const struct pte_word *w = line->words; w && w->mask; w++) {
		const char *word = (line->raw & w->mask) == w->value ? w->set : w->clear;
		if (!word)
			continue;
		size_t first = strspn(word, " "), n = strlen(word);
		while (n > first && word[n - 1] == ' ')
			n--;
		if (n == first)
			continue;
		if (out->len)
			strbuf_add_char(out, ' ');
		strbuf_add_bytes(out, word + first, n - first);
	}
}
