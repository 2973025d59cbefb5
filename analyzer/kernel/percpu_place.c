/*
 * A per-CPU address back to what it belongs to: the kernel's static variables by symbol, modules'
 * by the part of the reserved chunk (or, where there is none, the chunk) that struct module names,
 * anything else by the chunk's maps.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/kernel/module.h"
#include "analyzer/kernel/percpu_map.h"

static uint64_t narrow(const struct target *t, uint64_t va)
{
	return t->abi.word_bytes == 4 ? (uint32_t)va : va;
}

static void name_symbol(struct percpu_place *p, const struct symbol *sym)
{
	p->symbol = sym->name;
	p->start = sym->va;
	p->size = sym->object_size ? sym->object_size : sym->size;
}

static void find_variable(const struct percpu_areas *a, struct percpu_place *p)
{
	struct symbol sym;
	p->kind = PERCPU_VARIABLE;
	p->start = a->static_va;
	p->chunk_offset = p->pointer_va - a->static_va;
	if (symtab_at(a->t->syms, p->pointer_va, &sym) && sym.va >= a->static_va)
		name_symbol(p, &sym);
	p->offset = p->pointer_va - p->start;
}

/* ---- modules ------------------------------------------------------ */

struct module_words {
	uint64_t percpu;
	uint32_t bytes;
};
static const struct view_field module_fields[] = {
	FIELD(struct module_words, percpu, "percpu"), /* CONFIG_SMP */
	FIELD(struct module_words, bytes, "percpu_size"),
};
static const struct view_spec module_spec = { .type = "module",
	.hint = "kernel/module/main.c",
	.fields = module_fields,
	.nfields = ARRAY_SIZE(module_fields) };

struct err *percpu_module_find(
	struct target *t, uint64_t pointer_va, struct percpu_place *p, bool *ret_found)
{
	const struct view *view;
	struct module_iter it;
	struct module m;
	bool more = true;
	struct err *err = target_view(t, &module_spec, &view);
	if (!err)
		err = module_iter_init(&it, t);
	*ret_found = false;
	while (!err && more && !*ret_found) {
		struct module_words w;
		err = module_iter_next(&it, &m, &more);
		if (err && err->code != ERR_INTERRUPTED && more) {
			err_drop(err);
			err = NULL;
			continue;
		}
		if (err || !more || !view_try_read(view, t->kernel, m.va, &w))
			continue;
		if (!w.percpu || narrow(t, pointer_va - w.percpu) >= w.bytes)
			continue;
		snprintf(p->module, sizeof(p->module), "%s", m.name);
		p->start = w.percpu;
		p->size = w.bytes;
		*ret_found = true;
	}
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	err_drop(err);
	return NULL;
}

/* Their addresses lie outside of what symtab_at() knows as the module's. */
static bool find_loaded_symbol(
	const struct target *t, const struct percpu_place *p, struct symbol *ret)
{
	struct symbol sym;
	uint64_t start = p->start;
	bool found = false;
	for (size_t i = 0, n = symtab_count(t->syms); i < n; i++) {
		symtab_get(t->syms, i, &sym);
		if (sym.va > p->pointer_va)
			break;
		if (!sym.module || strcmp(sym.module, p->module) != 0 || sym.va < start)
			continue;
		*ret = sym;
		found = true;
	}
	return found;
}

/* Without CONFIG_KALLSYMS_ALL only the module's own file has them; looking for a name that is
 * nowhere has the files read. */
static void find_module_symbol(const struct target *t, struct percpu_place *p)
{
	struct symbol best;
	uint64_t end = p->start + p->size;
	bool found = find_loaded_symbol(t, p, &best);
	if (!found) {
		scoped_strbuf struct strbuf nowhere = { 0 };
		strbuf_addf(&nowhere, "%s:.data..percpu", p->module);
		symtab_find(t->syms, strbuf_text(&nowhere), &best);
		found = find_loaded_symbol(t, p, &best);
	}
	if (!found)
		return;
	name_symbol(p, &best);
	if (!best.object_size)
		p->size = best.size && best.size < end - best.va ? best.size : end - best.va;
}

/* ---- chunks ------------------------------------------------------- */

static struct err *find_in_chunk(
	const struct percpu_areas *a, const struct percpu_chunk *c, struct percpu_place *p)
{
	scoped_percpu_map struct percpu_map m = { 0 };
	struct percpu_area area;
	bool is_module = false;
	p->chunk_va = c->va;
	p->chunk_offset = narrow(a->t, p->pointer_va - c->pointer_va);
	p->start = c->pointer_va;
	p->kind = PERCPU_UNKNOWN;
	struct err *err = percpu_map_read(a, c, &m);
	if (!err && percpu_map_at(&m, p->chunk_offset, &area)) {
		p->kind = area.allocated ? PERCPU_ALLOCATED : PERCPU_FREE;
		p->start = narrow(a->t, c->pointer_va + area.offset);
		p->size = area.size;
	}
	err_drop(err); /* a dump's filter: the chunk is known all the same */
	err = p->kind == PERCPU_FREE ? NULL
				     : percpu_module_find(a->t, p->pointer_va, p, &is_module);
	if (is_module) {
		p->kind = PERCPU_MODULE;
		find_module_symbol(a->t, p);
	}
	p->offset = narrow(a->t, p->pointer_va - p->start);
	return err;
}

static bool is_static(const struct percpu_areas *a, uint64_t pointer_va)
{
	return pointer_va - a->static_va < a->static_size;
}

struct err *percpu_address_find(
	struct target *t, uint64_t va, struct percpu_place *ret, bool *ret_found)
{
	const struct percpu_areas *a;
	struct percpu_place p = { 0 };
	struct err *err = percpu_areas_get(t, &a);
	if (err)
		return err;
	*ret_found = false;
	va = narrow(t, va);
	bool fixed = false;
	for (unsigned cpu = 0; !fixed && (cpu = cpu_mask_next(&a->cpus, cpu)) < CPUS_MAX; cpu++) {
		p.cpu = cpu;
		p.pointer_va = narrow(t, va - a->offset.v[cpu]);
		fixed = is_static(a, p.pointer_va);
	}
	const struct percpu_chunk *c =
		fixed ? NULL : percpu_chunk_of_copy(a, va, &p.cpu, &p.pointer_va);
	if (!fixed && !c) {
		p.is_pointer = true;
		p.cpu = 0;
		p.pointer_va = va;
		fixed = is_static(a, va);
		c = fixed ? NULL : percpu_chunk_of_pointer(a, va);
	}
	if (!fixed && !c)
		return NULL;
	if (fixed)
		find_variable(a, &p);
	else
		err = find_in_chunk(a, c, &p);
	if (err)
		return err;
	*ret = p;
	*ret_found = true;
	return NULL;
}
