/*
 * Data symbols by the code that uses them. Several functions that surely refer to a variable vote
 * for the addresses that they form; a proof of what lies there strikes out the wrong ones; the one
 * that is left with the most votes, two at least, is taken. Knows nothing of instructions
 * (arch->code_refs) nor of variables (recover_table.c).
 */
#include "analyzer/target/recover.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"

enum { FUNCTION_BYTES_MAX = 64 << 10, BEHIND = 32 << 20, PERCPU_BYTES_MAX = 16 << 20 };

static const char BY_CODE[] = "recovered: functions that use it agree, its content proves it";

/* ---- the helpers of proofs ----------------------------------------------- */

bool recovery_find(const struct recovery *r, const char *name, uint64_t *ret_va)
{
	struct symbol s;
	for (size_t i = 0; i < r->nfound; i++) {
		if (!strcmp(r->found[i].name, name)) {
			*ret_va = r->found[i].va;
			return true;
		}
	}
	if (!symtab_find_kernel(r->t->syms, name, &s))
		return false;
	*ret_va = s.va;
	return true;
}

bool recovery_read(const struct recovery *r, uint64_t va, void *buf, size_t n)
{
	return vspace_try_read(r->t->kernel, va, buf, n, NULL) == FAULT_NONE;
}

bool recovery_uint(const struct recovery *r, uint64_t va, unsigned bytes, uint64_t *ret)
{
	return vspace_try_uint(r->t->kernel, va, bytes, ret);
}

bool recovery_word(const struct recovery *r, uint64_t va, uint64_t *ret)
{
	return vspace_try_word(r->t->kernel, va, ret);
}

bool recovery_cpu(const struct recovery *r, unsigned i, unsigned *ret_cpu, uint64_t *ret_offset)
{
	unsigned bits = r->t->abi.word_bytes * 8u;
	uint64_t mask, offsets, word;
	if (!recovery_find(r, "__cpu_possible_mask", &mask) ||
		!recovery_find(r, "__per_cpu_offset", &offsets))
		return false;
	for (unsigned cpu = 0; cpu < r->cpus; cpu++) {
		if (!recovery_word(r, mask + cpu / bits * (bits / 8), &word))
			return false;
		if (!(word >> (cpu % bits) & 1) || i--)
			continue;
		*ret_cpu = cpu;
		return recovery_word(r, offsets + (uint64_t)cpu * (bits / 8), ret_offset);
	}
	return false;
}

/* ---- votes ----------------------------------------------- */

struct ballot {
	const struct recover_symbol *sym;
	VEC(uint64_t) va; /* of one function, then of all */
};

static void collect(void *cx, const struct code_ref *ref)
{
	struct ballot *b = cx;
	if (!b->sym->bytes || (ref->kind != CODE_ADDRESS && ref->bytes == b->sym->bytes))
		vec_push(&b->va, ref->va);
}

/* gcc makes clones of static functions under names of their own. */
static bool find_function(const struct target *t, const char *name, struct symbol *ret)
{
	static const char *const suffix[] = { "", ".isra.0", ".constprop.0", ".part.0" };
	char full[96];
	for (size_t i = 0; i < ARRAY_SIZE(suffix); i++) {
		snprintf(full, sizeof(full), "%s%s", name, suffix[i]);
		if (symtab_find_kernel(t->syms, full, ret) && strchr("tTwW", ret->type))
			return true;
	}
	return false;
}

/* Code of .init.text is not looked at: it was freed, other things lie there. */
bool recovery_refs(const struct recovery *r, const char *function, code_ref_fn fn, void *cx)
{
	struct symbol s;
	if (!find_function(r->t, function, &s) || s.va < r->text_start || s.va >= r->text_end ||
		s.size > FUNCTION_BYTES_MAX)
		return false;
	scoped_free uint8_t *code = xmalloc(s.size + 1);
	if (!recovery_read(r, s.va, code, s.size))
		return false;
	r->t->arch->code_refs(code, s.size, s.va, fn, cx);
	return true;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Each address once per function: sorts what came since @from and drops repetitions. */
static void one_vote_each(struct ballot *b, size_t from)
{
	size_t n = from;
	if (b->va.n > from)
		qsort(b->va.v + from, b->va.n - from, sizeof(*b->va.v), by_value);
	for (size_t i = from; i < b->va.n; i++)
		if (n == from || b->va.v[n - 1] != b->va.v[i])
			b->va.v[n++] = b->va.v[i];
	b->va.n = n;
}

static bool is_found(const struct recovery *r, uint64_t va)
{
	for (size_t i = 0; i < r->nfound; i++)
		if (r->found[i].va == va && r->found[i].source == BY_CODE)
			return true;
	return false;
}

static bool may_be(const struct recovery *r, const struct recover_symbol *sym, uint64_t va)
{
	const struct kernel_image *im = &r->t->image;
	bool in_percpu = va >= r->percpu_start && va < r->percpu_end;
	if (va < im->va || va - im->va >= im->size + BEHIND || is_found(r, va) ||
		(va >= r->text_start && va < r->text_end))
		return false;
	if (r->percpu_start && in_percpu != sym->percpu)
		return false;
	return sym->proof(r, va);
}

/* The address with the most votes of those that the proof takes. False when another one has as
 * many, unless both lie in one object. */
static bool elect(const struct recovery *r, struct ballot *b, unsigned voters, uint64_t *ret)
{
	unsigned best = 0, need = voters / 2 > 2 ? voters / 2 : 2;
	uint64_t winner = 0;
	bool tie = false;
	if (b->va.n)
		qsort(b->va.v, b->va.n, sizeof(*b->va.v), by_value);
	for (size_t i = 0, next; i < b->va.n; i = next) {
		for (next = i + 1; next < b->va.n && b->va.v[next] == b->va.v[i];)
			next++;
		unsigned votes = (unsigned)(next - i);
		if (votes < need || votes < best || !may_be(r, b->sym, b->va.v[i]))
			continue;
		if (votes == best) { /* ascending: the first of them is the lowest */
			tie = tie || b->va.v[i] - winner >= b->sym->span;
			continue;
		}
		best = votes;
		winner = b->va.v[i];
		tie = false;
	}
	*ret = winner;
	return best && !tie;
}

static bool seek(const struct recovery *r, const struct recover_symbol *sym, uint64_t *ret)
{
	struct ballot b = { .sym = sym };
	unsigned voters = 0;
	for (size_t i = 0; i < RECOVER_FUNCTIONS_MAX && sym->function[i]; i++) {
		size_t from = b.va.n;
		voters += recovery_refs(r, sym->function[i], collect, &b);
		one_vote_each(&b, from);
	}
	bool found = elect(r, &b, voters, ret);
	vec_deinit(&b.va);
	return found;
}

/* ---- what follows ----------------------------------------------- */

static void add(struct recovery *r, const char *name, uint64_t va, const char *source)
{
	if (r->nfound == RECOVER_FOUND_MAX)
		return;
	r->found[r->nfound].name = name;
	r->found[r->nfound].source = source;
	r->found[r->nfound++].va = va;
}

/* mm/percpu.c, pcpu_setup_first_chunk() and setup_per_cpu_areas(), all versions. The caller's word
 * arithmetic wraps. */
bool recovery_percpu_start(const struct recovery *r, uint64_t base_var, uint64_t *ret)
{
	uint64_t base, units, unit, offset;
	unsigned cpu;
	if (!recovery_find(r, "pcpu_unit_offsets", &units) || !recovery_word(r, units, &units) ||
		!recovery_word(r, base_var, &base) || !recovery_cpu(r, 0, &cpu, &offset) ||
		!recovery_word(r, units + (uint64_t)cpu * r->t->abi.word_bytes, &unit))
		return false;
	*ret = base + unit - offset;
	if (r->t->abi.word_bytes == 4)
		*ret = (uint32_t)*ret;
	return true;
}

struct percpu_refs {
	uint64_t start, end;
	bool start_seen;
};

static void note_percpu(void *cx, const struct code_ref *ref)
{
	struct percpu_refs *p = cx;
	p->start_seen = p->start_seen || ref->va == p->start;
	if (ref->va > p->start && ref->va - p->start < PERCPU_BYTES_MAX &&
		(!p->end || ref->va < p->end))
		p->end = ref->va;
}

/* is_kernel_percpu_address() compares with the start and the end of .data..percpu. That the start
 * computed from the areas is what it compares with proves it; what it names next is the end. */
static void find_percpu_range(struct recovery *r)
{
	struct percpu_refs p = { 0 };
	uint64_t base, runqueues;
	if (recovery_find(r, "__per_cpu_start", &r->percpu_start) &&
		recovery_find(r, "__per_cpu_end", &r->percpu_end))
		return;
	r->percpu_start = r->percpu_end = 0;
	if (!recovery_find(r, "pcpu_base_addr", &base) ||
		!recovery_percpu_start(r, base, &p.start) ||
		!recovery_find(r, "runqueues", &runqueues) ||
		(!recovery_refs(r, "__is_kernel_percpu_address", note_percpu, &p) &&
			!recovery_refs(r, "is_kernel_percpu_address", note_percpu, &p)) ||
		!p.start_seen || runqueues < p.start || runqueues >= p.end)
		return;
	static const char how[] = "recovered: from the per-CPU areas, and in code";
	r->percpu_start = p.start;
	r->percpu_end = p.end;
	add(r, "__per_cpu_start", p.start, how);
	add(r, "__per_cpu_end", p.end, how);
}

/* What the tasks behind init_task say that a stack is long; see recover_stack.c. */
static void find_init_stack(struct recovery *r)
{
	uint64_t start, bytes;
	if (recovery_find(r, "init_stack", &start) || !recover_stack(r, &start, &bytes))
		return;
	static const char how[] = "recovered: init_task's stack, as long as other tasks'";
	add(r, "init_stack", start, how);
	add(r, "__end_init_task", start + bytes, how);
}

static void set_cpus(struct recovery *r)
{
	uint64_t va, n;
	if (recovery_find(r, "nr_cpu_ids", &va) && recovery_uint(r, va, 4, &n) && n &&
		n <= RECOVER_CPUS_MAX)
		r->cpus = (unsigned)n;
}

/* ---- all ----------------------------------------------- */

static bool text_range(struct recovery *r)
{
	struct symbol start, end;
	if ((!symtab_find_kernel(r->t->syms, "_stext", &start) &&
		    !symtab_find_kernel(r->t->syms, "_text", &start)) ||
		!symtab_find_kernel(r->t->syms, "_etext", &end) || end.va <= start.va)
		return false;
	r->text_start = start.va;
	r->text_end = end.va;
	return true;
}

void recover_from_code(struct target *t)
{
	struct recovery r = { .t = t };
	const struct recover_symbol *sym = recover_symbols;
	uint64_t va;
	if (!t->kernel || !t->arch || !t->arch->code_refs || !text_range(&r))
		return;
	for (; sym->name && !interrupt_pending(); sym++) {
		if (!recovery_find(&r, sym->name, &va) && seek(&r, sym, &va))
			add(&r, sym->name, va, BY_CODE);
		set_cpus(&r);
		if (!r.percpu_start)
			find_percpu_range(&r);
	}
	find_init_stack(&r);
	for (size_t i = 0; i < r.nfound; i++) {
		char type = 'D';
		for (sym = recover_symbols; sym->name; sym++)
			if (!strcmp(sym->name, r.found[i].name))
				type = sym->type;
		symtab_add_recovered(
			t->syms, r.found[i].name, r.found[i].va, type, r.found[i].source);
	}
	if (r.nfound)
		symtab_finish(t->syms);
}
