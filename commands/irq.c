/* irq: interrupts, who handles them, how often they came. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column count_columns[] = { { "cpu" }, { "count" }, { 0 } };
static const struct table count_table = { .layout = LAYOUT_TABLE, .columns = count_columns };

static const struct column action_columns[] = { { "action", .object = "struct irqaction" },
	{ "handler" }, { "thread_fn" }, { "thread", .object = "struct task_struct" }, { "device" },
	{ "flags" }, { "name" }, { 0 } };
static const struct table action_table = { .layout = LAYOUT_TABLE, .columns = action_columns };

static const struct column irq_columns[] = { { "irq", .width = 4, .align = ALIGN_RIGHT },
	{ "desc", .title = "IRQ_DESC", .width = WIDTH_ADDRESS, .object = "struct irq_desc" },
	{ "count", .width = 10, .align = ALIGN_RIGHT },
	{ "cpus", .hidden = true, .list = &count_table }, { "chip", .width = 14 },
	{ "domain", .hidden = true }, { "hwirq", .width = 5, .align = ALIGN_RIGHT },
	{ "type", .width = 5 }, { "state", .width = 8 }, { "flow", .hidden = true },
	{ "handler", .width = 24 }, { "name", .width = 12 },
	{ "counts", .title = "COUNT OF EACH CPU", .text_only = true },
	{ "actions", .hidden = true, .list = &action_table }, { 0 } };
static const struct table irq_table = { .layout = LAYOUT_TABLE, .columns = irq_columns };

static const struct column softirq_columns[] = { { "softirq", .width = 8 }, { "n", .hidden = true },
	{ "handler", .width = 26 }, { "count", .width = 10, .align = ALIGN_RIGHT },
	{ "counts", .title = "COUNT OF EACH CPU", .text_only = true },
	{ "cpus", .hidden = true, .list = &count_table }, { 0 } };
static const struct table softirq_table = { .layout = LAYOUT_TABLE, .columns = softirq_columns };

static const struct option irq_options[] = {
	{ 's', NULL, "how often on each CPU, as /proc/interrupts has it: only what has a handler" },
	{ 'c', "CPUS", "with -s and -b: of these CPUs" }, { 'b', NULL, "the softirqs" },
	{ 'a', NULL, "also numbers that nobody asked for" }, { 0 }
};

enum { ACTIONS_MAX = 1024 };

struct view_of_irqs {
	struct cpu_mask cpus;
	bool counts; /* one by one */
	bool all;
};

/* ---- counts ---------------------------------------- */

typedef struct err *(*count_fn)(struct target *t, const void *of, unsigned cpu, uint64_t *ret);

static struct err *irq_count_of(struct target *t, const void *of, unsigned cpu, uint64_t *ret)
{
	return irq_count(t, of, cpu, ret);
}

static struct err *softirq_count_of(struct target *t, const void *of, unsigned cpu, uint64_t *ret)
{
	const unsigned *n = of;
	return softirq_count(t, *n, cpu, ret);
}

/* The sum and each CPU's share. */
static void show_counts(struct cx *cx, const struct view_of_irqs *w, count_fn count, const void *of)
{
	scoped_strbuf struct strbuf text = { 0 };
	uint64_t sum = 0, n = 0;
	struct err *err = NULL;
	out_list_begin(cx->out, "cpus");
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&w->cpus, cpu)) < CPUS_MAX; cpu++) {
		err = count(cx->target, of, cpu, &n);
		if (err)
			break;
		out_row(cx->out);
		out_uint(cx->out, "cpu", cpu);
		out_uint(cx->out, "count", n);
		strbuf_addf(&text, "%s%10llu", text.len ? " " : "", (unsigned long long)n);
		sum += n;
	}
	out_list_end(cx->out);
	if (err) {
		out_fault(cx->out, "count", err);
		return;
	}
	out_uint(cx->out, "count", sum);
	if (w->counts)
		out_str(cx->out, "counts", strbuf_text(&text));
}

static void show_function(struct cx *cx, const char *key, uint64_t va)
{
	scoped_strbuf struct strbuf name = { 0 };
	if (!va)
		return;
	if (symtab_format(cx->target->syms, va, false, &name))
		out_str(cx->out, key, strbuf_text(&name));
	else
		out_strf(cx->out, key, "0x%llx", (unsigned long long)va);
}

/* ---- interrupts ---------------------------------------- */

static void show_action(struct cx *cx, const struct irq_action *a)
{
	out_row(cx->out);
	out_addr(cx->out, "action", a->va);
	show_function(cx, "handler", a->handler);
	show_function(cx, "thread_fn", a->thread_fn);
	if (a->thread)
		out_addr(cx->out, "thread", a->thread);
	out_hex(cx->out, "device", a->device);
	out_hex(cx->out, "flags", a->flags);
	out_str(cx->out, "name", a->name);
}

/* The list of them; their names, and the first one's function. */
static struct err *show_actions(
	struct cx *cx, const struct irq *irq, struct strbuf *names, uint64_t *ret_handler)
{
	struct err *err = NULL;
	uint64_t va = irq->chained ? 0 : irq->action;
	*ret_handler = 0;
	out_list_begin(cx->out, "actions");
	for (unsigned n = 0; !err && va; n++) {
		struct irq_action a;
		if (n == ACTIONS_MAX)
			err = err_new(ERR_LIMIT, "interrupt %u has more than %d actions", irq->irq,
				ACTIONS_MAX);
		if (!err)
			err = irq_action_read(cx->target, va, &a);
		if (err)
			break;
		show_action(cx, &a);
		strbuf_addf(names, "%s%s", n ? ", " : "", a.name);
		if (!n)
			*ret_handler = a.handler;
		va = a.next;
	}
	out_list_end(cx->out);
	return err;
}

/* Interrupt controllers that make their names up as they print them have none to read: then it is
 * their domain's, of which ":soc@0:intc@8000000" is a whole path. */
static const char *short_domain(const struct irq *irq)
{
	const char *last = strrchr(irq->domain, ':');
	return last ? last + 1 : *irq->domain ? irq->domain : "-";
}

/* One of each CPU is enabled by each; that it is disabled as a whole says nothing. */
static const char *state_name(const struct irq *irq)
{
	if (irq->in_progress)
		return "running";
	if (irq->disabled && !irq->per_cpu)
		return "disabled";
	return irq->hidden ? "hidden" : irq->per_cpu ? "per CPU" : "";
}

static void show_irq(struct cx *cx, const struct view_of_irqs *w, const struct irq *irq)
{
	scoped_strbuf struct strbuf names = { 0 };
	uint64_t handler;
	out_row(cx->out);
	out_uint(cx->out, "irq", irq->irq);
	out_addr(cx->out, "desc", irq->va);
	show_counts(cx, w, irq_count_of, irq);
	out_str(cx->out, "chip", *irq->chip ? irq->chip : short_domain(irq));
	out_str(cx->out, "domain", irq->domain);
	if (irq->has_domain)
		out_uint(cx->out, "hwirq", irq->hwirq);
	out_str(cx->out, "type", irq->level ? "Level" : "Edge");
	out_str(cx->out, "state", state_name(irq));
	show_function(cx, "flow", irq->handler);
	struct err *err = show_actions(cx, irq, &names, &handler);
	show_function(cx, "handler", handler);
	out_str(cx->out, "name", irq->chained ? "(chained)" : strbuf_text(&names));
	if (err)
		out_complain(cx->out, err);
}

/* With -s what /proc/interrupts shows: a handler of somebody's (kernel/irq/proc.c). */
static bool is_wanted(const struct args *a, const struct view_of_irqs *w, const struct irq *irq)
{
	uint64_t n;
	for (int i = 0; i < args_count(a); i++)
		if (number_parse(args_get(a, i), &n) && n == irq->irq)
			return true;
	if (args_count(a))
		return false;
	return w->all || (irq->action && !(w->counts && irq->chained));
}

static struct err *show_irqs(struct cx *cx, const struct args *a, const struct view_of_irqs *w)
{
	struct irq_iter it;
	bool more = true, found = false;
	struct err *err = irq_iter_init(&it, cx->target);
	out_table(cx->out, &irq_table);
	while (!err && more) {
		struct irq irq;
		err = irq_iter_next(&it, &irq, &more);
		if (!err && more && is_wanted(a, w, &irq)) {
			show_irq(cx, w, &irq);
			found = true;
		}
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	if (!err && !found && args_count(a))
		return args_error(a, 0, "no interrupt has this number");
	return err;
}

static struct err *show_softirqs(struct cx *cx, const struct view_of_irqs *w)
{
	struct softirq softirq[SOFTIRQS_MAX];
	unsigned n;
	struct err *err = softirqs_read(cx->target, softirq, &n);
	if (err)
		return err;
	out_table(cx->out, &softirq_table);
	for (unsigned i = 0; i < n; i++) {
		out_row(cx->out);
		out_str(cx->out, "softirq", softirq[i].name);
		out_uint(cx->out, "n", i);
		show_function(cx, "handler", softirq[i].handler);
		show_counts(cx, w, softirq_count_of, &i);
	}
	return NULL;
}

static struct err *irq_run(struct cx *cx, const struct args *a)
{
	struct view_of_irqs w = { .counts = args_flag(a, 's') || args_flag(a, 'b'),
		.all = args_flag(a, 'a') };
	const char *cpus = args_option(a, 'c');
	uint64_t n;
	struct err *err = target_need_kernel(cx->target);
	for (int i = 0; !err && i < args_count(a); i++)
		if (!number_parse(args_get(a, i), &n))
			err = args_error(a, i, "not an interrupt's number: %s", args_get(a, i));
	if (!err)
		err = cpus ? err_wrap(cpu_list_parse(cx->target, cpus, &w.cpus), "option -c")
			   : cpu_mask_read(cx->target, CPUS_POSSIBLE, &w.cpus);
	if (err)
		return err;
	return args_flag(a, 'b') ? show_softirqs(cx, &w) : show_irqs(cx, a, &w);
}

static const char *const irq_examples[] = {
	"irq\tthe interrupts that somebody handles",
	"irq -s\tas /proc/interrupts has them",
	"irq -b\tthe softirqs",
	"irq | where state == \"running\"\twhat was being handled",
	NULL,
};

const struct command cmd_irq = {
	.name = "irq",
	.summary = "interrupts: how often they came and who handles them",
	.usage = "[IRQ…]",
	.details = "Interrupts that CPUs send each other (IPI) are hidden from /proc/interrupts "
		   "and have lines "
		   "of their own there; here they are among the others.",
	.options = irq_options,
	.examples = irq_examples,
	.max_args = -1,
	.rows = &irq_table,
	.run = irq_run,
};
