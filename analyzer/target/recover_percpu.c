/*
 * Per-CPU variables of a kernel whose symbol table has none of its data: BTF lists them with their
 * place in the per-CPU section, so that the section's start gives their addresses. Knows no code
 * and no types.
 */
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/target/recover.h"

struct percpu_section {
	struct target *t;
	uint64_t start, bytes;
	bool contradicted; /* a variable that is known otherwise lies elsewhere */
	bool add;
};

static struct err *visit(void *cx, const char *name, uint64_t offset, uint64_t bytes)
{
	struct percpu_section *s = cx;
	struct symbol known;
	struct err *err = interrupt_check();
	if (err || bytes > s->bytes || offset > s->bytes - bytes)
		return err;
	if (!symtab_find_kernel(s->t->syms, name, &known)) {
		if (s->add)
			symtab_add_recovered(s->t->syms, name, s->start + offset, 'D',
				"recovered: BTF's per-CPU section");
		return NULL;
	}
	/* Two static ones may share a name: only what lies in the section can contradict. */
	bool inside = known.va >= s->start && known.va - s->start < s->bytes;
	s->contradicted |= known.source && inside && known.va != s->start + offset;
	return NULL;
}

/* What was recovered by other means (runqueues, irq_stack_ptr, …) is asked first. */
struct err *recover_percpu_variables(struct target *t)
{
	struct symbol start, end;
	if (!symtab_find_kernel(t->syms, "__per_cpu_start", &start) ||
		!symtab_find_kernel(t->syms, "__per_cpu_end", &end) || end.va <= start.va)
		return NULL;
	struct percpu_section s = { .t = t, .start = start.va, .bytes = end.va - start.va };
	struct err *err = types_each_percpu(t->types, visit, &s);
	s.add = !s.contradicted;
	if (!err && s.add)
		err = types_each_percpu(t->types, visit, &s);
	symtab_finish(t->syms);
	return err;
}
