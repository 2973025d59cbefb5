/*
 * struct irq_desc (include/linux/irqdesc.h, 4.19 to 7.2). They hang in a radix tree, since v6.5 in
 * a maple tree (kernel/irq/irqdesc.c: irq_desc_tree, sparse_irqs), or stand in an array. Which of
 * them /proc/interrupts leaves out is kernel/irq/proc.c's, and the command's to follow.
 */
#include "analyzer/kernel/irq.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

#define IRQ_HINT "kernel/irq/irqdesc.c"

enum { IRQS_MAX = 1 << 20 };

struct raw_irq {
	struct irq i;
	uint64_t chip, domain, name_va;
	uint32_t status, state;
};

static const struct view_field desc_fields[] = {
	FIELD(struct raw_irq, i.irq, "irq_data.irq"),
	FIELD(struct raw_irq, i.hwirq, "irq_data.hwirq"),
	FIELD(struct raw_irq, i.handler, "handle_irq"),
	FIELD(struct raw_irq, i.action, "action"),
	FIELD(struct raw_irq, i.counts, "kstat_irqs"),
	FIELD(struct raw_irq, i.depth, "depth"),
	FIELD(struct raw_irq, chip, "irq_data.chip"),
	FIELD_OPTIONAL(struct raw_irq, domain, "irq_data.domain"),
	FIELD(struct raw_irq, name_va, "name"),
	FIELD(struct raw_irq, status, "status_use_accessors"),
	/* irq_common_data since v4.1 */
	FIELD(struct raw_irq, state, "irq_common_data.state_use_accessors"),
};
static const struct view_spec desc_spec = { .type = "irq_desc",
	.hint = IRQ_HINT,
	.fields = desc_fields,
	.nfields = ARRAY_SIZE(desc_fields) };

struct raw_chip {
	uint64_t name_va;
};
static const struct view_field chip_fields[] = { FIELD(struct raw_chip, name_va, "name") };
static const struct view_spec chip_spec = { .type = "irq_chip",
	.hint = IRQ_HINT,
	.fields = chip_fields,
	.nfields = ARRAY_SIZE(chip_fields) };

struct raw_domain {
	uint64_t name_va;
};
static const struct view_field domain_fields[] = { FIELD(struct raw_domain, name_va, "name") };
static const struct view_spec domain_spec = { .type = "irq_domain",
	.hint = "kernel/irq/irqdomain.c",
	.fields = domain_fields,
	.nfields = ARRAY_SIZE(domain_fields) };

struct raw_action {
	struct irq_action a;
	uint64_t name_va;
};
static const struct view_field action_fields[] = {
	FIELD(struct raw_action, a.handler, "handler"),
	FIELD(struct raw_action, a.thread_fn, "thread_fn"),
	FIELD(struct raw_action, a.thread, "thread"),
	FIELD(struct raw_action, a.device, "dev_id"),
	FIELD(struct raw_action, a.next, "next"),
	FIELD(struct raw_action, a.flags, "flags"),
	FIELD(struct raw_action, name_va, "name"),
};
static const struct view_spec action_spec = { .type = "irqaction",
	.hint = IRQ_HINT,
	.fields = action_fields,
	.nfields = ARRAY_SIZE(action_fields) };

/* "" where @va is NULL. */
static struct err *read_name(struct target *t, uint64_t va, char *buf, size_t n)
{
	buf[0] = '\0';
	return va ? vspace_read_str(t->kernel, va, buf, n) : NULL;
}

/* A flag by the target's own enumerator, else by include/linux/irq.h's value, the same from 4.19
 * to 7.2. */
static uint32_t flag(struct target *t, const char *name, uint32_t otherwise)
{
	const struct type *e;
	struct err *err = types_find_enumerator(t->types, name, &e);
	if (!err)
		err = type_complete(t->types, e);
	for (uint32_t i = 0; !err && i < e->nenumerators; i++)
		if (!strcmp(e->enumerator[i].name, name))
			otherwise = (uint32_t)e->enumerator[i].value;
	err_drop(err); /* types without this enum: the header's */
	return otherwise;
}

/* The string that the struct at @va (0: none) calls its name. */
static struct err *read_name_of(
	struct target *t, const struct view_spec *spec, uint64_t va, char *buf, size_t n)
{
	const struct view *v;
	uint64_t name_va = 0; /* the specs' structs are just that */
	struct err *err = va ? target_view(t, spec, &v) : NULL;
	if (!err && va)
		err = view_read(v, t->kernel, va, &name_va);
	return err ? err : read_name(t, name_va, buf, n);
}

static struct err *read_irq(struct target *t, uint64_t va, struct irq *ret)
{
	const struct view *v;
	struct raw_irq raw = { 0 };
	uint64_t chained = 0;
	struct symbol sym;
	struct err *err = target_view(t, &desc_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &raw);
	if (!err)
		err = read_name_of(t, &chip_spec, raw.chip, raw.i.chip, sizeof(raw.i.chip));
	if (!err)
		err = read_name_of(t, &domain_spec, raw.domain, raw.i.domain, sizeof(raw.i.domain));
	if (!err)
		err = read_name(t, raw.name_va, raw.i.name, sizeof(raw.i.name));
	if (err)
		return err_wrap(err, "interrupt at 0x%" PRIx64, va);
	if (symtab_find_kernel(t->syms, "chained_action", &sym))
		chained = sym.va;
	raw.i.va = va;
	raw.i.has_domain = raw.domain != 0;
	raw.i.hidden = raw.status & flag(t, "IRQ_HIDDEN", 1 << 20);
	raw.i.level = raw.state & flag(t, "IRQD_LEVEL", 1 << 13);
	raw.i.disabled = raw.state & flag(t, "IRQD_IRQ_DISABLED", 1 << 16);
	raw.i.per_cpu = raw.state & flag(t, "IRQD_PER_CPU", 1 << 11);
	raw.i.in_progress = raw.state & flag(t, "IRQD_IRQ_INPROGRESS", 1 << 18);
	raw.i.chained = chained && raw.i.action == chained;
	*ret = raw.i;
	return NULL;
}

static struct err *init_array(struct irq_iter *it)
{
	const struct type *type;
	struct err *err = target_symbol(it->t, "irq_desc", &it->array_va);
	if (!err)
		err = types_find_variable(it->t->types, "irq_desc", IRQ_HINT, &type);
	if (err)
		return err;
	type = type_strip(type);
	it->kind = IRQS_IN_ARRAY;
	it->array_count = type->kind == TYPE_ARRAY ? type->count : 0;
	it->array_step = it->array_count ? type_strip(type->target)->size : 0;
	if (!it->array_step || it->array_count > IRQS_MAX)
		return err_new(ERR_FORMAT, "irq_desc is no array of interrupts");
	return NULL;
}

struct err *irq_iter_init(struct irq_iter *it, struct target *t)
{
	uint64_t va;
	memset(it, 0, sizeof(*it));
	it->t = t;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	if (target_has_symbol(t, "sparse_irqs")) {
		it->kind = IRQS_IN_MAPLE;
		err = target_symbol(t, "sparse_irqs", &va);
		return err ? err : maple_iter_init(&it->maple, t, va);
	}
	if (target_has_symbol(t, "irq_desc_tree")) {
		it->kind = IRQS_IN_RADIX;
		err = target_symbol(t, "irq_desc_tree", &va);
		return err ? err : xarray_iter_init(&it->radix, t, va);
	}
	return init_array(it);
}

/* The address of the next descriptor. */
static struct err *next_address(struct irq_iter *it, uint64_t *ret, bool *ret_more)
{
	struct xarray_entry x;
	struct maple_entry m;
	struct err *err = NULL;
	switch (it->kind) {
	case IRQS_IN_RADIX:
		err = xarray_iter_next(&it->radix, &x, ret_more);
		*ret = x.entry;
		break;
	case IRQS_IN_MAPLE:
		err = maple_iter_next(&it->maple, &m, ret_more);
		*ret = m.entry;
		break;
	case IRQS_IN_ARRAY:
		err = interrupt_check();
		*ret_more = !err && it->at < it->array_count;
		*ret = it->array_va + it->at++ * it->array_step;
		break;
	}
	return err;
}

struct err *irq_iter_next(struct irq_iter *it, struct irq *ret, bool *ret_more)
{
	uint64_t va = 0;
	struct err *err = next_address(it, &va, ret_more);
	return err || !*ret_more ? err : read_irq(it->t, va, ret);
}

struct err *irq_action_read(struct target *t, uint64_t va, struct irq_action *ret)
{
	const struct view *v;
	struct raw_action raw = { 0 };
	struct err *err = target_view(t, &action_spec, &v);
	if (!err)
		err = view_read(v, t->kernel, va, &raw);
	if (!err)
		err = read_name(t, raw.name_va, raw.a.name, sizeof(raw.a.name));
	if (err)
		return err_wrap(err, "action 0x%" PRIx64, va);
	raw.a.va = va;
	*ret = raw.a;
	return NULL;
}

struct err *irq_count(struct target *t, const struct irq *irq, unsigned cpu, uint64_t *ret)
{
	uint64_t va;
	*ret = 0;
	if (!irq->counts)
		return NULL;
	/* unsigned int, since v6.10 struct irqstat, which begins with one */
	struct err *err = percpu_address(t, irq->counts, cpu, &va);
	return err ? err : vspace_read_uint(t->kernel, va, 4, ret);
}

/* ---- softirqs ---------------------------------------- */

/* kernel/softirq.c: softirq_vec[NR_SOFTIRQS] of one pointer each, softirq_to_name[]. */
struct err *softirqs_read(struct target *t, struct softirq ret[SOFTIRQS_MAX], unsigned *ret_n)
{
	const struct type *type;
	uint64_t vec, names, va;
	struct err *err = target_symbol(t, "softirq_vec", &vec);
	if (!err)
		err = target_symbol(t, "softirq_to_name", &names);
	if (!err)
		err = types_find_enumerator(t->types, "NR_SOFTIRQS", &type);
	uint32_t n = err ? 0 : flag(t, "NR_SOFTIRQS", 0);
	if (!err && (!n || n > SOFTIRQS_MAX))
		err = err_new(ERR_FORMAT, "%" PRIu32 " softirqs", n);
	for (uint32_t i = 0; !err && i < n; i++) {
		unsigned word = t->abi.word_bytes;
		err = vspace_read_word(t->kernel, vec + i * word, &ret[i].handler);
		if (!err)
			err = vspace_read_word(t->kernel, names + i * word, &va);
		if (!err)
			err = read_name(t, va, ret[i].name, sizeof(ret[i].name));
	}
	*ret_n = n;
	return err;
}

struct raw_kstat {
	uint64_t softirqs_va;
};
static const struct view_field kstat_fields[] = { FIELD_ADDRESS(
	struct raw_kstat, softirqs_va, "softirqs") };
static const struct view_spec kstat_spec = { .type = "kernel_stat",
	.hint = "kernel/softirq.c",
	.fields = kstat_fields,
	.nfields = ARRAY_SIZE(kstat_fields) };

struct err *softirq_count(struct target *t, unsigned n, unsigned cpu, uint64_t *ret)
{
	const struct view *v;
	uint64_t va;
	struct err *err = target_view(t, &kstat_spec, &v);
	if (!err)
		err = percpu_symbol(t, "kstat", cpu, &va);
	return err ? err : vspace_read_uint(t->kernel, va + view_offset(v, 0) + n * 4, 4, ret);
}
