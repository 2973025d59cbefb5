/* CPU masks (kernel/cpu.c) and the first-chunk arithmetic of per-CPU variables: address of the
 * symbol plus __per_cpu_offset[cpu] (mm/percpu.c, all versions). Dynamic chunks are not known here
 * yet. */
#include "analyzer/kernel/percpu.h"

#include "analyzer/base/scope.h"

bool cpu_mask_has(const struct cpu_mask *m, unsigned cpu)
{
	return cpu < CPUS_MAX && m->bits[cpu / 64] >> (cpu % 64) & 1;
}

unsigned cpu_mask_next(const struct cpu_mask *m, unsigned from)
{
	while (from < CPUS_MAX) {
		uint64_t rest = m->bits[from / 64] >> from % 64;
		if (rest)
			return from + (unsigned)__builtin_ctzll(rest);
		from = (from / 64 + 1) * 64;
	}
	return CPUS_MAX;
}

unsigned cpu_mask_count(const struct cpu_mask *m)
{
	unsigned n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(m->bits); i++)
		n += (unsigned)__builtin_popcountll(m->bits[i]);
	return n;
}

/* How many bits of @mask count. Bits from nr_cpu_ids (kernel/smp.c; a macro with FORCE_NR_CPUS,
 * since v6.1) on are never set, so that where it makes no sense the mask's own size serves as well.
 */
static unsigned cpu_limit(const struct target *t, const struct symbol *mask)
{
	uint64_t n, bits = mask->object_size * 8;
	struct symbol sym;
	if (!bits || bits > CPUS_MAX)
		bits = t->abi.word_bytes * 8u;
	if (symtab_find_kernel(t->syms, "nr_cpu_ids", &sym) &&
		vspace_try_uint(t->kernel, sym.va, 4, &n) && n && n <= CPUS_MAX)
		return (unsigned)n;
	return (unsigned)bits;
}

struct err *cpu_mask_read(const struct target *t, enum cpu_mask_kind kind, struct cpu_mask *ret)
{
	static const char *const symbol[] = {
		[CPUS_POSSIBLE] = "__cpu_possible_mask",
		[CPUS_PRESENT] = "__cpu_present_mask",
		[CPUS_ONLINE] = "__cpu_online_mask",
	};
	struct cpu_mask m = { 0 };
	struct symbol sym;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	if (!symtab_find_kernel(t->syms, symbol[kind], &sym)) {
		/* arch/arm/kernel/smp.c and arm64's, SMP only, all versions: a table that has only
		 * text has this function and no mask. */
		if (!symtab_count(t->syms) || target_has_symbol(t, "secondary_start_kernel"))
			return target_symbol(t, symbol[kind], &sym.va);
		m.bits[0] = 1;
		*ret = m;
		return NULL;
	}
	unsigned n = cpu_limit(t, &sym), word_bits = t->abi.word_bytes * 8u;
	for (unsigned cpu = 0; cpu < n; cpu += word_bits) {
		uint64_t word;
		err = vspace_read_word(t->kernel, sym.va + cpu / 8, &word);
		if (err)
			return err_wrap(err, "%s", symbol[kind]);
		if (n - cpu < word_bits)
			word &= (1ull << (n - cpu)) - 1;
		m.bits[cpu / 64] |= word << (cpu % 64);
	}
	if (!cpu_mask_count(&m))
		return err_new(ERR_FORMAT, "%s holds no CPU below %u", symbol[kind], n);
	*ret = m;
	return NULL;
}

bool percpu_is_static(const struct target *t, uint64_t va)
{
	struct symbol start, end;
	return symtab_find_kernel(t->syms, "__per_cpu_start", &start) &&
	       symtab_find_kernel(t->syms, "__per_cpu_end", &end) && va >= start.va && va < end.va;
}

struct err *percpu_address(const struct target *t, uint64_t va, unsigned cpu, uint64_t *ret_va)
{
	struct symbol sym;
	uint64_t offset = 0;
	struct err *err = target_need_kernel(t);
	if (!err && symtab_find_kernel(t->syms, "__per_cpu_offset", &sym))
		err = vspace_read_word(
			t->kernel, sym.va + (uint64_t)cpu * t->abi.word_bytes, &offset);
	else if (!err && target_has_symbol(t, "secondary_start_kernel"))
		err = target_symbol(
			t, "__per_cpu_offset", &sym.va); /* SMP: only its symbol is missing */
	else if (!err && cpu > 0)
		err = err_new(ERR_NOT_FOUND, "this kernel was built for one CPU");
	if (err)
		return err_wrap(err, "__per_cpu_offset[%u]", cpu);
	uint64_t sum = va + offset;
	*ret_va = t->abi.word_bytes == 4 ? (uint32_t)sum : sum;
	return NULL;
}

struct err *percpu_symbol(const struct target *t, const char *name, unsigned cpu, uint64_t *ret_va)
{
	uint64_t va;
	struct err *err = target_symbol(t, name, &va);
	return err ? err : percpu_address(t, va, cpu, ret_va);
}
