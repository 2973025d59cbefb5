/*
 * What the whole of per-CPU memory looks like: the static part, where each CPU's copy lies, and
 * which chunk an address belongs to. Read once per target. Takes the static part from symbols
 * alone, so that it is known where the allocator's own variables or types are not.
 */
#include <inttypes.h>
#include <string.h>

#include "analyzer/kernel/page.h"
#include "analyzer/kernel/percpu_chunk.h"

static const char key;

static uint64_t narrow(const struct percpu_areas *a, uint64_t va)
{
	return a->t->abi.word_bytes == 4 ? (uint32_t)va : va;
}

static void destroy(void *what)
{
	struct percpu_areas *a = what;
	for (size_t i = 0; i < a->damage.n; i++)
		err_drop(a->damage.v[i]);
	vec_deinit(&a->damage);
	vec_deinit(&a->chunk);
	vec_deinit(&a->offset);
	err_drop(a->no_chunks);
	free(a);
}

static void destroy_scoped(struct percpu_areas **a)
{
	if (*a)
		destroy(*a);
}

/* Kernels for one CPU have no section of their own: the variables lie where they are used. */
static void read_static(struct percpu_areas *a)
{
	struct symbol start, end;
	if (!symtab_find_kernel(a->t->syms, "__per_cpu_start", &start) ||
		!symtab_find_kernel(a->t->syms, "__per_cpu_end", &end) || end.va < start.va)
		return;
	a->static_va = start.va;
	a->static_size = end.va - start.va;
}

static void read_layout(struct percpu_areas *a)
{
	const struct {
		const char *symbol;
		uint64_t *to;
	} number[] = { { "pcpu_unit_size", &a->unit_size }, { "pcpu_nr_units", &a->nunits },
		{ "pcpu_nr_groups", &a->ngroups }, { "pcpu_atom_size", &a->atom_size } };
	for (size_t i = 0; i < ARRAY_SIZE(number); i++)
		if (target_has_symbol(a->t, number[i].symbol))
			err_drop(target_read_variable(a->t, number[i].symbol, 4, number[i].to));
	a->page_bytes = 1ull << page_shift(a->t);
	if (a->unit_size % a->page_bytes || a->unit_size >> 31) {
		vec_push(&a->damage,
			err_new(ERR_FORMAT, "pcpu_unit_size is %" PRIu64, a->unit_size));
		a->unit_size = 0;
	}
}

/* Where the kernel keeps the same twice (mm/percpu.c, setup_per_cpu_areas() of all versions). */
static void check_offsets(struct percpu_areas *a)
{
	uint64_t units, offset;
	if (a->no_chunks || !target_try_variable(a->t, "pcpu_unit_offsets", &units) || !units ||
		!target_has_symbol(a->t, "__per_cpu_offset"))
		return;
	for (unsigned cpu = 0; (cpu = cpu_mask_next(&a->cpus, cpu)) < CPUS_MAX; cpu++) {
		uint64_t at = narrow(a, units + (uint64_t)cpu * a->t->abi.word_bytes);
		if (!vspace_try_word(a->t->kernel, at, &offset))
			continue; /* a dump's filter */
		if (narrow(a, a->delta + offset) != a->offset.v[cpu])
			vec_push(&a->damage,
				err_new(ERR_FORMAT,
					"CPU %u: __per_cpu_offset is 0x%" PRIx64
					", its unit is at 0x%" PRIx64,
					cpu, a->offset.v[cpu], narrow(a, a->delta + offset)));
	}
}

static struct err *read_offsets(struct percpu_areas *a)
{
	for (unsigned cpu = 0, at = 0; (at = cpu_mask_next(&a->cpus, at)) < CPUS_MAX; at++) {
		uint64_t offset;
		struct err *err = percpu_address(a->t, 0, at, &offset);
		if (err)
			return err;
		for (; cpu < at; cpu++)
			vec_push(&a->offset, 0);
		vec_push(&a->offset, offset);
		cpu++;
	}
	return NULL;
}

struct err *percpu_areas_get(struct target *t, const struct percpu_areas **ret)
{
	struct percpu_areas *kept = target_kept(t, &key);
	if (kept) {
		*ret = kept;
		return NULL;
	}
	__attribute__((cleanup(destroy_scoped))) struct percpu_areas *a = xcalloc(1, sizeof(*a));
	a->t = t;
	struct err *err = cpu_mask_read(t, CPUS_POSSIBLE, &a->cpus);
	if (!err)
		err = read_offsets(a);
	if (err)
		return err;
	read_static(a);
	read_layout(a);
	err = percpu_chunks_read(t, a);
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	a->no_chunks = err;
	check_offsets(a);
	*ret = a;
	target_keep(t, &key, take_ptr(a), destroy);
	return NULL;
}

const struct percpu_chunk *percpu_chunk_of_pointer(
	const struct percpu_areas *a, uint64_t pointer_va)
{
	uint64_t base = narrow(a, pointer_va + a->delta);
	size_t low = 0, high = a->chunk.n;
	while (low < high) { /* the last that begins at or before it */
		size_t middle = low + (high - low) / 2;
		const struct percpu_chunk *c = &a->chunk.v[middle];
		if (c->base_va + c->start <= base)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	const struct percpu_chunk *c = &a->chunk.v[low - 1];
	return base - c->base_va < c->end ? c : NULL;
}

const struct percpu_chunk *percpu_chunk_of_copy(
	const struct percpu_areas *a, uint64_t va, unsigned *ret_cpu, uint64_t *ret_pointer_va)
{
	for (unsigned cpu = 0; (cpu = cpu_mask_next(&a->cpus, cpu)) < CPUS_MAX; cpu++) {
		uint64_t pointer = narrow(a, va - a->offset.v[cpu]);
		const struct percpu_chunk *c = percpu_chunk_of_pointer(a, pointer);
		if (!c)
			continue;
		*ret_cpu = cpu;
		*ret_pointer_va = pointer;
		return c;
	}
	return NULL;
}
