/*
 * Where exceptions go. Which tables there are and which instruction leads out of an entry is the
 * architecture's knowledge; here it gets its text, its target, and the CPUs that trap into the
 * table.
 */
#include "analyzer/kernel/vector_table.h"

#include <stdio.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/debug/disasm.h"

struct teller {
	struct target *t;
	vector_fn fn;
	void *cx;
	struct disasm *dis, *thumb;
	uint64_t table_va; /* whose .cpus these are */
	char cpus[48];
};

static void add_range(struct strbuf *out, unsigned first, unsigned last)
{
	strbuf_addf(out, out->len ? ",%u" : "%u", first);
	if (last > first)
		strbuf_addf(out, "-%u", last);
}

/*
 * The CPUs whose table is that at @va, as " (CPU 0-3)". A kernel that is unmapped while user space
 * runs gives them the table's second address, in the fixmap (arch/arm64/include/asm/vectors.h,
 * TRAMP_VALIAS): the place in memory is the same.
 */
static void find_cpus(struct target *t, uint64_t va, char *ret, size_t n)
{
	struct cpu_mask cpus;
	struct paddr table, used;
	scoped_strbuf struct strbuf words = { 0 };
	unsigned first = 0, last = 0;
	bool any = false;

	*ret = '\0';
	if (!t->arch->cpu_vectors || vspace_translate(t->kernel, va, &table, NULL))
		return;
	scoped_err struct err *err = cpu_mask_read(t, CPUS_POSSIBLE, &cpus);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		uint64_t at, vector;
		scoped_err struct err *none = percpu_symbol(t, t->arch->cpu_vectors, cpu, &at);
		if (none || !vspace_try_word(t->kernel, at, &vector) ||
			vspace_translate(t->kernel, vector, &used, NULL) || used.v != table.v)
			continue;
		if (any && cpu != last + 1)
			add_range(&words, first, last);
		if (!any || cpu != last + 1)
			first = cpu;
		last = cpu;
		any = true;
	}
	if (!any)
		return;
	add_range(&words, first, last);
	snprintf(ret, n, " (CPU %s)", strbuf_text(&words));
}

static void tell(void *cx, const struct arch_vector *a)
{
	struct teller *tl = cx;
	struct vector v = { .va = a->va, .target = a->target };
	struct insn insn;

	if (a->table_va != tl->table_va)
		find_cpus(tl->t, a->table_va, tl->cpus, sizeof(tl->cpus));
	tl->table_va = a->table_va;
	snprintf(v.set, sizeof(v.set), "%s%s", a->set, tl->cpus);
	snprintf(v.name, sizeof(v.name), "%s", a->name);
	snprintf(v.note, sizeof(v.note), "%s", a->note);
	if (a->insn_va) {
		scoped_err struct err *err =
			disasm_one(a->thumb ? tl->thumb : tl->dis, a->insn_va, &insn);
		if (err) {
			v.fault = err->fault ? err->fault : FAULT_CORRUPT;
		} else {
			v.target = insn.target;
			snprintf(v.insn, sizeof(v.insn), "%s", insn.text);
		}
	}
	tl->fn(tl->cx, &v);
}

struct err *vector_table_each(struct target *t, vector_fn fn, void *cx)
{
	struct teller tl = { .t = t, .fn = fn, .cx = cx };
	struct err *err = target_need_kernel(t);

	if (!err)
		err = disasm_open(t->kernel, t->syms, false, &tl.dis);
	if (!err && t->arch->capstone_thumb_mode)
		err = disasm_open(t->kernel, t->syms, true, &tl.thumb);
	const struct arch_env env = target_arch_env(t);
	tl.table_va = UINT64_MAX;
	if (!err)
		err = t->arch->vectors(&env, &vspace_facts(t->kernel)->layout, tell, &tl);
	disasm_close(tl.thumb);
	disasm_close(tl.dis);
	return err;
}
