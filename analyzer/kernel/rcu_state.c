/*
 * kernel/rcu/tree.h, tree.c and tree_stall.h, 4.20 to 7.2. Each CPU's rcu_data says its leaf of the
 * tree of rcu_nodes and its bit in it; the leaf's qsmask has the bits of those who still must pass.
 * Counters are unsigned long and go round.
 */
#include "analyzer/kernel/rcu_state.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/jiffies.h"
#include "analyzer/kernel/list.h"

#define HINT "kernel/rcu/tree.c"

/* kernel/rcu/rcu.h: RCU_SEQ_CTR_SHIFT, RCU_SEQ_STATE_MASK */
enum { SEQ_SHIFT = 2, SEQ_PHASE = 3 };
enum { BLOCKED_MAX = 1 << 20 };

struct raw_state {
	uint64_t seq, kthread, start, activity, stall, forced, forced_before;
	int16_t state;
};
static const struct view_field state_fields[] = {
	FIELD(struct raw_state, seq, "gp_seq"),
	FIELD(struct raw_state, kthread, "gp_kthread"),
	FIELD(struct raw_state, start, "gp_start"),
	FIELD(struct raw_state, activity, "gp_activity"),
	FIELD(struct raw_state, stall, "jiffies_stall"),
	FIELD(struct raw_state, forced, "n_force_qs"),
	FIELD(struct raw_state, forced_before, "n_force_qs_gpstart"),
	FIELD(struct raw_state, state, "gp_state"),
};
static const struct view_spec state_spec = { .type = "rcu_state",
	.hint = HINT,
	.fields = state_fields,
	.nfields = ARRAY_SIZE(state_fields) };

struct raw_data {
	uint64_t seq, node, mask, ticks;
	int64_t callbacks;
	uint8_t needs_qs, no_qs;
	uint32_t watching;
};
static const struct view_field data_fields[] = {
	FIELD(struct raw_data, seq, "gp_seq"), FIELD(struct raw_data, node, "mynode"),
	FIELD(struct raw_data, mask, "grpmask"), FIELD(struct raw_data, ticks, "ticks_this_gp"),
	/* atomic_long_t with CONFIG_RCU_NOCB_CPU: include/linux/rcu_segcblist.h */
	FIELD(struct raw_data, callbacks, "cblist.len.counter", "cblist.len"),
	FIELD(struct raw_data, needs_qs, "core_needs_qs"),
	FIELD(struct raw_data, no_qs, "cpu_no_qs.b.norm"),
	FIELD_OPTIONAL(struct raw_data, watching, "dynticks.counter"), /* up to v5.19 */
};
enum { DATA_WATCHING = 7 };
static const struct view_spec data_spec = {
	.type = "rcu_data", .hint = HINT, .fields = data_fields, .nfields = ARRAY_SIZE(data_fields)
};

struct raw_node {
	uint64_t mask, blocked_va, gp_tasks;
	uint32_t first, last;
};
static const struct view_field node_fields[] = {
	FIELD(struct raw_node, mask, "qsmask"),
	FIELD(struct raw_node, first, "grplo"),
	FIELD(struct raw_node, last, "grphi"),
	FIELD_ADDRESS(struct raw_node, blocked_va, "blkd_tasks"),
	FIELD(struct raw_node, gp_tasks, "gp_tasks"),
};
static const struct view_spec node_spec = {
	.type = "rcu_node", .hint = HINT, .fields = node_fields, .nfields = ARRAY_SIZE(node_fields)
};

/* kernel/context_tracking.c: since v6.0 its state holds what RCU watches. */
struct raw_context {
	uint32_t state;
};
static const struct view_field context_fields[] = {
	FIELD(struct raw_context, state, "state.counter"),
};
static const struct view_spec context_spec = { .type = "context_tracking",
	.hint = "kernel/context_tracking.c",
	.fields = context_fields,
	.nfields = ARRAY_SIZE(context_fields) };

struct raw_task {
	uint64_t entry_va;
};
static const struct view_field task_fields[] = {
	FIELD_ADDRESS(struct raw_task, entry_va, "rcu_node_entry"),
};
static const struct view_spec task_spec = { .type = "task_struct",
	.hint = HINT,
	.fields = task_fields,
	.nfields = ARRAY_SIZE(task_fields) };

const char *rcu_state_name(int state)
{
	/* kernel/rcu/tree.h: RCU_GP_…, 5.10 to 7.2 */
	static const char *const name[] = { "idle", "wait-gps", "done-gps", "onoff", "init",
		"wait-fqs", "doing-fqs", "cleanup", "cleaned" };
	return state >= 0 && state < (int)ARRAY_SIZE(name) ? name[state] : NULL;
}

struct reading {
	struct target *t;
	const struct view *data, *node;
	struct rcu *ret;
	unsigned bits;		  /* of unsigned long */
	uint64_t nodes[CPUS_MAX]; /* leaves whose tasks were read */
	size_t nnodes;
};

static uint64_t word(const struct reading *r, uint64_t v)
{
	return r->bits == 64 ? v : v & UINT32_MAX;
}

static struct err *set_aside(struct rcu *r, struct err *err)
{
	if (!err || err->code == ERR_INTERRUPTED)
		return err;
	r->unread++;
	if (!r->first_unread)
		r->first_unread = err;
	else
		err_drop(err); /* counted */
	return NULL;
}

static struct err *read_state(struct reading *r)
{
	const struct view *v;
	struct raw_state raw = { 0 };
	uint64_t va, now;
	struct rcu_grace_period *gp = &r->ret->gp;
	if (!target_has_symbol(r->t, "rcu_state"))
		return err_new(ERR_MISSING,
			"no rcu_state: this kernel has the tiny RCU, which cannot stall");
	struct err *err = target_symbol(r->t, "rcu_state", &va);
	if (!err)
		err = target_view(r->t, &state_spec, &v);
	if (!err)
		err = view_read(v, r->t->kernel, va, &raw);
	if (!err)
		err = target_read_variable(r->t, "jiffies", 0, &now);
	if (err)
		return err;
	if (!jiffies_hz(r->t, &r->ret->hz))
		r->ret->hz = 0;
	if (!target_try_variable(r->t, "rcu_cpu_stall_timeout", &r->ret->timeout_s) ||
		r->ret->timeout_s > INT32_MAX)
		r->ret->timeout_s = 0;
	gp->seq = word(r, raw.seq);
	gp->running = raw.seq & SEQ_PHASE;
	gp->age = word(r, now - raw.start);
	gp->stall_in = sign_extend(raw.stall - now, r->bits);
	gp->forced = word(r, raw.forced - raw.forced_before);
	gp->thread_va = raw.kthread;
	gp->thread_idle = word(r, now - raw.activity);
	gp->state = raw.state;
	return NULL;
}

/* ---- tasks that sleep in a critical section ---------------------------------------------- */

/* The list's newest come first; those from gp_tasks on are what the grace period waits for. */
static struct err *read_blocked(struct reading *r, const struct raw_node *node)
{
	const struct view *v;
	struct list_iter it;
	uint64_t entry;
	bool more, holds_up = false;
	struct err *err = target_view(r->t, &task_spec, &v);
	if (err && err->code == ERR_MISSING) {
		err_drop(err); /* not preemptible: no task sleeps in a critical section */
		return NULL;
	}
	if (err)
		return err;
	list_iter_init(&it, r->t, node->blocked_va);
	for (;;) {
		err = list_iter_next(&it, &entry, &more);
		if (err || !more)
			return err;
		if (r->ret->blocked.n == BLOCKED_MAX)
			return err_new(ERR_LIMIT, "more than %d blocked tasks", BLOCKED_MAX);
		holds_up = holds_up || entry == node->gp_tasks;
		struct rcu_blocked b = { .task_va = list_entry(r->t, entry, view_offset(v, 0)),
			.first_cpu = node->first,
			.last_cpu = node->last,
			.holds_up = holds_up && r->ret->gp.running };
		vec_push(&r->ret->blocked, b);
	}
}

/* A node's tasks come once, however many CPUs it has. */
static struct err *read_node(struct reading *r, uint64_t va, struct raw_node *ret)
{
	struct err *err = view_read(r->node, r->t->kernel, va, ret);
	for (size_t i = 0; i < r->nnodes; i++)
		if (r->nodes[i] == va)
			return err;
	if (err)
		return err_wrap(err, "rcu_node 0x%" PRIx64, va);
	r->nodes[r->nnodes++] = va;
	return set_aside(
		r->ret, err_wrap(read_blocked(r, ret), "tasks of rcu_node 0x%" PRIx64, va));
}

/* ---- CPUs -------------------------------------------------------------------------------- */

static void read_watching(struct reading *r, const struct raw_data *raw, struct rcu_cpu *ret)
{
	const struct view *v;
	struct raw_context context = { 0 };
	uint64_t va;
	ret->has_watching = view_has(r->data, DATA_WATCHING);
	ret->watching = raw->watching;
	if (ret->has_watching)
		return;
	struct err *err = percpu_symbol(r->t, "context_tracking", ret->cpu, &va);
	if (!err)
		err = target_view(r->t, &context_spec, &v);
	if (!err && view_try_read(v, r->t->kernel, va, &context)) {
		ret->has_watching = true;
		ret->watching = context.state;
	}
	err_drop(err); /* a kernel that keeps it elsewhere: not shown */
}

static struct err *read_cpu(struct reading *r, unsigned cpu)
{
	struct raw_data raw = { 0 };
	struct raw_node node = { 0 };
	struct rcu_cpu c = { .cpu = cpu };
	uint64_t va;
	struct err *err = percpu_symbol(r->t, "rcu_data", cpu, &va);
	if (!err)
		err = view_read(r->data, r->t->kernel, va, &raw);
	if (!err)
		err = read_node(r, raw.node, &node);
	if (err)
		return err;
	c.holds_up = r->ret->gp.running && raw.mask & node.mask;
	c.needs_qs = raw.needs_qs;
	c.passed_qs = !raw.no_qs;
	c.ticks = raw.ticks;
	c.behind = word(r, r->ret->gp.seq - raw.seq) >> SEQ_SHIFT;
	c.callbacks = raw.callbacks;
	read_watching(r, &raw, &c);
	vec_push(&r->ret->cpu, c);
	return NULL;
}

struct err *rcu_read(struct target *t, struct rcu *ret)
{
	struct cpu_mask cpus;
	scoped_free struct reading *r = xcalloc(1, sizeof(*r));
	*r = (struct reading){ .t = t, .ret = ret, .bits = t->abi.word_bytes * 8u };
	struct err *err = read_state(r);
	if (!err)
		err = target_view(t, &data_spec, &r->data);
	if (!err)
		err = target_view(t, &node_spec, &r->node);
	if (!err)
		err = cpu_mask_read(t, CPUS_POSSIBLE, &cpus);
	for (unsigned cpu = 0; !err && (cpu = cpu_mask_next(&cpus, cpu)) < CPUS_MAX; cpu++) {
		err = set_aside(ret, err_wrap(read_cpu(r, cpu), "RCU of CPU %u", cpu));
		if (!err)
			err = interrupt_check();
	}
	return err;
}

void rcu_deinit(struct rcu *r)
{
	vec_deinit(&r->cpu);
	vec_deinit(&r->blocked);
	err_drop(r->first_unread); /* whoever wanted it has taken it */
	r->first_unread = NULL;
}

bool rcu_stalls(const struct rcu *r)
{
	return r->gp.running &&
	       (r->gp.stall_in < 0 || (r->hz && r->timeout_s && r->gp.age >= r->timeout_s * r->hz));
}
