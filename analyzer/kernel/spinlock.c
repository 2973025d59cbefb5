/*
 * include/asm-generic/qspinlock_types.h and kernel/locking/qspinlock.c (arm64, 4.19 to 7.2),
 * arch/arm/include/asm/spinlock_types.h (tickets), include/linux/spinlock_types_raw.h (debugging).
 * The nodes of a queue are per CPU; each knows the one behind it and none the one before.
 */
#include "analyzer/kernel/spinlock.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyzer/base/interrupt.h"

/* include/linux/spinlock_types_raw.h and include/asm-generic/qspinlock_types.h: macros, which no
 * debug information keeps. NR_CPUS below 16384 gives the pending bit a whole byte. */
static const uint32_t MAGIC = 0xdead4ead;
enum { LEVELS = 4, LEVEL_SHIFT = 16, CPU_SHIFT = 18, PENDING_SHIFT = 8, BYTE = 0xff };
enum { PLAIN_HELD = 0 }; /* include/linux/spinlock_up.h */

const char *spinlock_form_name(enum spinlock_form form)
{
	static const char *const name[] = { "queued", "ticket", "plain" };
	return name[form];
}

struct raw_spinlock {
	uint32_t word, plain;
	uint16_t serving, next;
	uint32_t magic, owner_cpu;
	uint64_t owner;
};
static const struct view_field lock_fields[] = {
	FIELD_OPTIONAL(struct raw_spinlock, word, "raw_lock.val.counter"),
	FIELD_OPTIONAL(struct raw_spinlock, serving, "raw_lock.tickets.owner"),
	FIELD_OPTIONAL(struct raw_spinlock, next, "raw_lock.tickets.next"),
	FIELD_OPTIONAL(struct raw_spinlock, plain, "raw_lock.slock"),
	FIELD_OPTIONAL(struct raw_spinlock, magic, "magic"),
	FIELD_OPTIONAL(struct raw_spinlock, owner_cpu, "owner_cpu"),
	FIELD_OPTIONAL(struct raw_spinlock, owner, "owner"),
};
enum { LOCK_WORD, LOCK_SERVING, LOCK_NEXT, LOCK_PLAIN, LOCK_MAGIC, LOCK_OWNER_CPU, LOCK_OWNER };
static const struct view_spec lock_spec = { .type = "raw_spinlock",
	.hint = "kernel/locking/spinlock.c",
	.fields = lock_fields,
	.nfields = ARRAY_SIZE(lock_fields) };

static void decode_queued(const struct raw_spinlock *raw, struct spinlock *ret)
{
	uint32_t pending = raw->word >> PENDING_SHIFT & BYTE;
	uint32_t cpu = raw->word >> CPU_SHIFT; /* one more than its number; 0: none */
	ret->form = SPINLOCK_QUEUED;
	ret->held = raw->word & BYTE;
	ret->pending = pending;
	ret->has_tail = cpu;
	ret->tail_cpu = cpu ? cpu - 1 : 0;
	ret->tail_level = raw->word >> LEVEL_SHIFT & (LEVELS - 1);
	ret->valid = (raw->word & BYTE) <= 1 && pending <= 1 && cpu <= CPUS_MAX &&
		     (cpu || !ret->tail_level);
}

static void decode_ticket(const struct raw_spinlock *raw, struct spinlock *ret)
{
	uint16_t taken = (uint16_t)(raw->next - raw->serving);
	ret->form = SPINLOCK_TICKET;
	ret->serving = raw->serving;
	ret->next = raw->next;
	ret->held = taken;
	ret->waiting = taken ? taken - 1u : 0;
	ret->valid = taken <= CPUS_MAX;
}

static void decode_debug(struct target *t, const struct raw_spinlock *raw, struct spinlock *ret)
{
	uint64_t none = t->abi.word_bytes == 8 ? UINT64_MAX : UINT32_MAX;
	ret->debug = true;
	ret->magic_bad = raw->magic != MAGIC;
	if (ret->magic_bad || !raw->owner || raw->owner == none)
		return;
	ret->owner_va = raw->owner;
	ret->owner_cpu = raw->owner_cpu;
}

struct err *spinlock_read(struct target *t, uint64_t va, struct spinlock *ret)
{
	const struct view *v;
	struct raw_spinlock raw = { 0 };
	struct err *err = target_view(t, &lock_spec, &v);
	if (err)
		return err;
	bool queued = view_has(v, LOCK_WORD), ticket = view_has(v, LOCK_NEXT);
	if (!queued && !ticket && !view_has(v, LOCK_PLAIN))
		return err_new(ERR_MISSING,
			"this kernel's spinlocks hold nothing: it is built for one CPU");
	err = view_read(v, t->kernel, va, &raw);
	if (err)
		return err_wrap(err, "spinlock 0x%" PRIx64, va);
	*ret = (struct spinlock){ .va = va, .form = SPINLOCK_PLAIN, .valid = raw.plain <= 1 };
	ret->held = raw.plain == PLAIN_HELD;
	if (queued)
		decode_queued(&raw, ret);
	else if (ticket)
		decode_ticket(&raw, ret);
	if (view_has(v, LOCK_MAGIC) && view_has(v, LOCK_OWNER))
		decode_debug(t, &raw, ret);
	return NULL;
}

/* ---- the queue --------------------------------------------------------------------------- */

struct raw_node {
	uint64_t next;
	int32_t count; /* of the CPU's first: how many are in use */
};
static const struct view_field node_fields[] = {
	FIELD(struct raw_node, next, "mcs.next", "next"),
	FIELD(struct raw_node, count, "mcs.count", "count"),
};
static const struct view_spec node_spec = { .type = "qnode", /* v5.0 */
	.type_old = "mcs_spinlock",
	.hint = "kernel/locking/qspinlock.c",
	.fields = node_fields,
	.nfields = ARRAY_SIZE(node_fields) };

struct node {
	uint64_t va, next;
	struct spinlock_place at;
};
struct nodes {
	VEC(struct node) v; /* by .next */
};

static int by_next(const void *a, const void *b)
{
	const struct node *x = a, *y = b;
	return (x->next > y->next) - (x->next < y->next);
}

/* The nodes that are in use; a CPU whose nodes cannot be read is left out, and a chain through it
 * is cut. */
static struct err *read_nodes(struct target *t, struct nodes *ret)
{
	struct cpu_mask cpus;
	const struct view *v;
	struct err *err = target_view(t, &node_spec, &v);
	if (!err)
		err = cpu_mask_read(t, CPUS_POSSIBLE, &cpus);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		uint64_t va;
		struct raw_node raw = { 0 };
		int32_t count = 0;
		/* qnodes since v5.0, mcs_nodes before: kernel/locking/qspinlock.c */
		err = percpu_symbol(
			t, target_has_symbol(t, "qnodes") ? "qnodes" : "mcs_nodes", cpu, &va);
		if (err)
			return err;
		for (unsigned i = 0; i < LEVELS; i++) {
			struct node n = { .va = va + i * view_size(v), .at = { cpu, i } };
			if (!view_try_read(v, t->kernel, n.va, &raw))
				break;
			if (i == 0)
				count = raw.count;
			if ((int32_t)i >= count)
				break;
			n.next = raw.next;
			vec_push(&ret->v, n);
		}
		err = interrupt_check();
	}
	if (ret->v.n)
		qsort(ret->v.v, ret->v.n, sizeof(*ret->v.v), by_next);
	return err;
}

static const struct node *at_place(const struct nodes *n, unsigned cpu, unsigned level)
{
	for (size_t i = 0; i < n->v.n; i++)
		if (n->v.v[i].at.cpu == cpu && n->v.v[i].at.level == level)
			return n->v.v + i;
	return NULL;
}

static const struct node *before(const struct nodes *n, uint64_t va)
{
	struct node key = { .next = va };
	return n->v.n ? bsearch(&key, n->v.v, n->v.n, sizeof(key), by_next) : NULL;
}

struct err *spinlock_queue_read(
	struct target *t, const struct spinlock *lock, struct spinlock_queue *ret)
{
	struct nodes nodes = { 0 };
	*ret = (struct spinlock_queue){ 0 };
	if (lock->form != SPINLOCK_QUEUED || !lock->has_tail)
		return NULL;
	struct err *err = read_nodes(t, &nodes);
	const struct node *n = err ? NULL : at_place(&nodes, lock->tail_cpu, lock->tail_level);
	ret->cut = !err && !n;
	/* A chain has no more places than there are nodes: then it is a circle. */
	for (size_t i = 0; n; n = before(&nodes, n->va), i++) {
		if (i == nodes.v.n) {
			ret->cut = true;
			break;
		}
		vec_push(&ret->v, n->at);
	}
	for (size_t i = 0; i < ret->v.n / 2; i++) {
		struct spinlock_place p = ret->v.v[i];
		ret->v.v[i] = ret->v.v[ret->v.n - 1 - i];
		ret->v.v[ret->v.n - 1 - i] = p;
	}
	vec_deinit(&nodes.v);
	return err;
}

void spinlock_queue_deinit(struct spinlock_queue *q)
{
	vec_deinit(&q->v);
}
