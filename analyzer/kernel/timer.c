/*
 * kernel/time/timer.c: timer_bases[], each a wheel of hash lists (v4.8 to 7.2);
 * kernel/time/hrtimer.c: hrtimer_bases, each clock a red-black tree ordered by expiry. Which wheel
 * is for what (pinned, others, deferrable) has changed, so it stays a number.
 */
#include "analyzer/kernel/timer.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/rbtree.h"

#define TIMER_HINT   "kernel/time/timer.c"
#define HRTIMER_HINT "kernel/time/hrtimer.c"

enum { TIMERS_MAX = 1 << 20, BUCKETS_MAX = 1 << 12, CLOCKS_MAX = 64 };

struct raw_timer {
	struct timer t;
	uint64_t pprev;
};
static const struct view_field timer_fields[] = {
	FIELD(struct raw_timer, t.expires, "expires"),
	FIELD(struct raw_timer, t.function, "function"),
	FIELD(struct raw_timer, t.flags, "flags"),
	FIELD(struct raw_timer, pprev, "entry.pprev"),
	FIELD_ADDRESS(struct raw_timer, t.va, "entry"),
};
static const struct view_spec timer_spec = { .type = "timer_list",
	.hint = TIMER_HINT,
	.fields = timer_fields,
	.nfields = ARRAY_SIZE(timer_fields) };

enum { HRTIMER_NODE };
struct raw_hrtimer {
	uint64_t node_va, expires, soft_expires, function;
};
static const struct view_field hrtimer_fields[] = {
	/* struct timerqueue_linked_node since v7.1 */
	[HRTIMER_NODE] = FIELD_ADDRESS(struct raw_hrtimer, node_va, "node.node.node", "node.node"),
	FIELD(struct raw_hrtimer, expires, "node.expires"),
	FIELD(struct raw_hrtimer, soft_expires, "_softexpires"),
	FIELD(struct raw_hrtimer, function, "function"),
};
static const struct view_spec hrtimer_spec = { .type = "hrtimer",
	.hint = HRTIMER_HINT,
	.fields = hrtimer_fields,
	.nfields = ARRAY_SIZE(hrtimer_fields) };

struct raw_clock {
	uint32_t index;
	uint64_t active_va;
};
static const struct view_field clock_fields[] = {
	FIELD(struct raw_clock, index, "index"),
	FIELD_ADDRESS(struct raw_clock, active_va, "active"),
};
static const struct view_spec clock_spec = { .type = "hrtimer_clock_base",
	.hint = HRTIMER_HINT,
	.fields = clock_fields,
	.nfields = ARRAY_SIZE(clock_fields) };

/* Timers inside of what they serve: where, and what is to be told of it. */
struct raw_owner {
	uint64_t timer_va, word;
};
static const struct view_field process_fields[] = {
	FIELD_ADDRESS(struct raw_owner, timer_va, "timer"),
	FIELD(struct raw_owner, word, "task"),
};
static const struct view_spec process_spec = {
	.type = "process_timer", /* kernel/time/timer.c, v4.15 */
	.hint = TIMER_HINT,
	.fields = process_fields,
	.nfields = ARRAY_SIZE(process_fields)
};
static const struct view_spec sleeper_spec = { .type = "hrtimer_sleeper",
	.hint = HRTIMER_HINT,
	.fields = process_fields,
	.nfields = ARRAY_SIZE(process_fields) };
static const struct view_field work_fields[] = {
	FIELD_ADDRESS(struct raw_owner, timer_va, "timer"),
	FIELD(struct raw_owner, word, "work.func"),
};
static const struct view_spec work_spec = { .type = "delayed_work",
	.hint = "kernel/workqueue.c",
	.fields = work_fields,
	.nfields = ARRAY_SIZE(work_fields) };

void timers_deinit(struct timers *timers)
{
	vec_deinit(&timers->all);
}

/* What the owner of the timer at @va holds; 0 when its function is not @function. */
static uint64_t owner_word(struct target *t, const struct view_spec *spec, const char *function,
	const struct timer *timer)
{
	const struct view *v;
	struct symbol sym;
	struct raw_owner raw = { 0 };
	/* A function on ARM32 may have the Thumb bit. */
	if (!symtab_find_kernel(t->syms, function, &sym) ||
		(sym.va & ~1ull) != (timer->function & ~1ull))
		return 0;
	struct err *err = target_view(t, spec, &v);
	if (!err)
		err = view_read(v, t->kernel, timer->va - view_offset(v, 0), &raw);
	err_drop(err); /* the timer is shown without */
	return raw.word;
}

static struct err *add(struct timers *timers, const struct timer *timer)
{
	if (timers->all.n == TIMERS_MAX)
		return err_new(ERR_LIMIT, "more than %d timers on one CPU", TIMERS_MAX);
	vec_push(&timers->all, *timer);
	return NULL;
}

/* ---- the wheel ---------------------------------------- */

struct wheel {
	unsigned base;
	uint64_t jiffies; /* how far it has turned */
};

/* A hash list: each node says where the pointer to it lies, so none can come twice. */
static struct err *read_bucket(struct target *t, const struct view *v, uint64_t head,
	const struct wheel *w, struct timers *ret)
{
	uint64_t from = head, node;
	struct err *err = vspace_read_word(t->kernel, head, &node);
	while (!err && node) {
		struct raw_timer raw = { 0 };
		uint64_t va = node - view_offset(v, 4);
		err = interrupt_check();
		if (!err)
			err = view_read(v, t->kernel, va, &raw);
		if (!err && raw.pprev != from)
			err = err_new(ERR_FORMAT,
				"timer 0x%" PRIx64 " says that 0x%" PRIx64
				" points to it, but 0x%" PRIx64 " does",
				va, raw.pprev, from);
		if (err)
			break;
		raw.t.va = va;
		raw.t.base = w->base;
		/* jiffies go round, on 32 bits every 49 days at 1000 a second */
		raw.t.left = sign_extend(raw.t.expires - w->jiffies, t->abi.word_bytes * 8u);
		raw.t.task = owner_word(t, &process_spec, "process_timeout", &raw.t);
		raw.t.work = owner_word(t, &work_spec, "delayed_work_timer_fn", &raw.t);
		err = add(ret, &raw.t);
		from = node; /* next is a hlist_node's first word */
		if (!err)
			err = vspace_read_word(t->kernel, node, &node);
	}
	return err;
}

/* One that is damaged costs the rest of its bucket; the first reason comes back. */
static struct err *read_wheel(struct target *t, uint64_t va, const struct field_ref *vectors,
	const struct wheel *w, struct timers *ret)
{
	const struct view *v;
	struct err *first = NULL, *err = target_view(t, &timer_spec, &v);
	for (uint64_t i = 0; !err && i < vectors->type->count; i++) {
		err = read_bucket(
			t, v, va + vectors->bit_offset / 8 + i * t->abi.word_bytes, w, ret);
		if (!err || err->code == ERR_INTERRUPTED || err->code == ERR_LIMIT)
			continue;
		ret->unread++;
		err_drop(first ? err : NULL); /* the first says enough */
		first = first ? first : err;
		err = NULL;
	}
	if (err && first) {
		err_drop(first); /* being stopped comes first */
		return err;
	}
	return err ? err : first;
}

/*
 * Both kinds of base say whose they are: timer_base.cpu since boot (init_timer_cpu()),
 * hrtimer_cpu_base.cpu since its CPU was first prepared (hrtimers_prepare_cpu(), 0 before), 4.19
 * to 7.2. One that says something else is none, and that it is empty is no news.
 */
static struct err *check_cpu(
	struct target *t, const struct type *base, uint64_t va, unsigned cpu, bool zero_too)
{
	struct field_ref field;
	uint64_t said;
	struct err *err = type_field(t->types, base, "cpu", &field);
	if (err) {
		err_drop(err); /* no such member: nothing to compare */
		return NULL;
	}
	err = vspace_read_uint(t->kernel, va + field.bit_offset / 8, 4, &said);
	if (err || said == cpu || (zero_too && !said))
		return err;
	return err_new(ERR_FORMAT,
		"%s 0x%" PRIx64 " says that it is CPU %" PRIu64 "'s, not CPU %u's", base->name, va,
		said, cpu);
}

struct wheels {
	uint64_t va, step, clk_offset;
	uint64_t n;
	const struct type *base;
	struct field_ref vectors;
};

static struct err *find_wheels(struct target *t, unsigned cpu, struct wheels *ret)
{
	const struct type *type;
	struct field_ref clk;
	struct err *err = target_need_kernel(t);
	if (!err)
		err = percpu_symbol(t, "timer_bases", cpu, &ret->va);
	if (!err)
		err = types_find(t->types, TYPE_STRUCT, "timer_base", TIMER_HINT, &ret->base);
	if (!err)
		err = types_find_variable(t->types, "timer_bases", TIMER_HINT, &type);
	if (!err)
		err = type_complete(t->types, ret->base);
	if (!err)
		err = type_field(t->types, ret->base, "vectors", &ret->vectors);
	if (!err)
		err = type_field(t->types, ret->base, "clk", &clk);
	if (err)
		return err_wrap(err, "the timer wheel");
	type = type_strip(type);
	ret->vectors.type = type_strip(ret->vectors.type);
	ret->n = type->kind == TYPE_ARRAY ? type->count : 1;
	ret->step = ret->base->size;
	ret->clk_offset = clk.bit_offset / 8;
	if (!ret->n || ret->n > 8 || ret->vectors.type->kind != TYPE_ARRAY ||
		ret->vectors.type->count > BUCKETS_MAX)
		return err_new(ERR_FORMAT, "timer_bases is not what timer wheels look like");
	return NULL;
}

static int by_expiry(const void *a, const void *b)
{
	const struct timer *x = a, *y = b;
	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	return x->left < y->left ? -1 : x->left > y->left;
}

struct err *timers_read(struct target *t, unsigned cpu, struct timers *ret)
{
	struct wheels w;
	struct err *first = NULL, *err = find_wheels(t, cpu, &w);
	for (unsigned i = 0; !err && i < w.n; i++) {
		uint64_t va = w.va + i * w.step;
		struct wheel one = { .base = i };
		err = check_cpu(t, w.base, va, cpu, false);
		if (!err)
			err = vspace_read_word(t->kernel, va + w.clk_offset, &one.jiffies);
		if (!err)
			err = read_wheel(t, va, &w.vectors, &one, ret);
		if (!err || err->code == ERR_INTERRUPTED || err->code == ERR_LIMIT)
			continue;
		err_drop(first ? err : NULL); /* the first says enough */
		first = first ? first : err;
		err = NULL;
	}
	if (ret->all.n)
		qsort(ret->all.v, ret->all.n, sizeof(*ret->all.v), by_expiry);
	if (err && first)
		err_drop(first); /* being stopped comes first */
	return err ? err : first;
}

/* ---- high-resolution timers ---------------------------------------- */

/* HRTIMER_BASE_MONOTONIC_SOFT: "monotonic soft"; a number where the enum is not known. */
static void name_clock(struct target *t, uint32_t index, char ret[TIMER_CLOCK_BYTES])
{
	static const char prefix[] = "HRTIMER_BASE_";
	const struct type *e;
	snprintf(ret, TIMER_CLOCK_BYTES, "%" PRIu32, index);
	struct err *err = types_find(t->types, TYPE_ENUM, "hrtimer_base_type", HRTIMER_HINT, &e);
	if (!err)
		err = type_complete(t->types, e);
	for (uint32_t i = 0; !err && i < e->nenumerators; i++) {
		const char *name = e->enumerator[i].name;
		if (e->enumerator[i].value != index || strncmp(name, prefix, sizeof(prefix) - 1))
			continue;
		snprintf(ret, TIMER_CLOCK_BYTES, "%s", name + sizeof(prefix) - 1);
		for (char *p = ret; *p; p++)
			*p = *p == '_' ? ' ' : (char)tolower((unsigned char)*p);
		break;
	}
	err_drop(err); /* then it has its number */
}

static struct err *read_clock(struct target *t, uint64_t va, struct timers *ret)
{
	const struct view *v, *timer_view;
	struct raw_clock clock = { 0 };
	struct rbtree_iter it;
	struct timer timer = { 0 };
	uint64_t node;
	bool more = true;
	struct err *first = NULL, *err = target_view(t, &clock_spec, &v);
	if (!err)
		err = target_view(t, &hrtimer_spec, &timer_view);
	if (!err)
		err = view_read(v, t->kernel, va, &clock);
	if (err)
		return err;
	name_clock(t, clock.index, timer.clock);
	timer.base = clock.index;
	rbtree_iter_init(&it, t, clock.active_va);
	while (!err && more) {
		struct raw_hrtimer raw = { 0 };
		err = rbtree_iter_next(&it, &node, &more);
		if (!err && more) {
			timer.va = node - view_offset(timer_view, HRTIMER_NODE);
			err = view_read(timer_view, t->kernel, timer.va, &raw);
			timer.function = raw.function;
			timer.expires = raw.expires;
			timer.soft_expires = raw.soft_expires;
			timer.task = owner_word(t, &sleeper_spec, "hrtimer_wakeup", &timer);
			if (!err)
				err = add(ret, &timer);
		}
		if (!err || !more || err->code == ERR_INTERRUPTED || err->code == ERR_LIMIT)
			continue;
		ret->unread++;
		err_drop(first ? err : NULL); /* the first says enough */
		first = first ? first : err;
		err = NULL;
	}
	if (err && first)
		err_drop(first); /* what ended it comes first */
	return err ? err : first;
}

struct err *hrtimers_read(struct target *t, unsigned cpu, struct timers *ret)
{
	const struct type *base;
	struct field_ref clocks;
	uint64_t va;
	struct err *first = NULL, *err = target_need_kernel(t);
	if (!err)
		err = percpu_symbol(t, "hrtimer_bases", cpu, &va);
	if (!err)
		err = types_find(t->types, TYPE_STRUCT, "hrtimer_cpu_base", HRTIMER_HINT, &base);
	if (!err)
		err = type_field(t->types, base, "clock_base", &clocks);
	if (!err)
		err = check_cpu(t, base, va, cpu, true);
	if (err)
		return err_wrap(err, "high-resolution timers");
	const struct type *array = type_strip(clocks.type);
	if (array->kind != TYPE_ARRAY || array->count > CLOCKS_MAX)
		return err_new(ERR_FORMAT, "hrtimer_cpu_base.clock_base is no array of clocks");
	for (uint64_t i = 0; !err && i < array->count; i++) {
		err = read_clock(
			t, va + clocks.bit_offset / 8 + i * type_strip(array->target)->size, ret);
		if (!err || err->code == ERR_INTERRUPTED || err->code == ERR_LIMIT)
			continue;
		err_drop(first ? err : NULL); /* the first says enough */
		first = first ? first : err;
		err = NULL;
	}
	if (err && first)
		err_drop(first); /* being stopped comes first */
	return err ? err : first;
}
