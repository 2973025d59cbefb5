/* Sorts tasks by where their stacks stand. Knows when two stacks are alike; not how one is unwound.
 */
#include "analyzer/stack/groups.h"

#include <fnmatch.h>
#include <string.h>

void stack_groups_init(struct stack_groups *g, struct target *t, enum stack_likeness likeness)
{
	*g = (struct stack_groups){ .t = t, .likeness = likeness };
}

void stack_groups_deinit(struct stack_groups *g)
{
	for (size_t i = 0; i < g->group.n; i++) {
		vec_deinit(&g->group.v[i]->members);
		free(g->group.v[i]);
	}
	vec_deinit(&g->group);
	arena_deinit(&g->frames);
	arena_deinit(&g->scratch);
	free(g->slot);
	g->slot = NULL;
}

/* ---- likeness ---------------------------------------------------------------------------- */

/* What one frame of alike stacks has in common. */
static uint64_t place_of(const struct stack_groups *g, const struct frame *f)
{
	struct symbol sym;
	if (g->likeness == STACKS_BY_PLACE || !symtab_at(g->t->syms, f->lookup_pc, &sym))
		return f->pc;
	return sym.va;
}

static uint64_t mix(uint64_t hash, uint64_t v)
{
	hash = (hash ^ v) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

static uint64_t hash_of(const struct stack_groups *g, const struct trace *trace, const char *state)
{
	uint64_t hash = mix((unsigned char)state[0], trace->nframes);
	for (size_t i = 0; i < trace->nframes; i++)
		hash = mix(hash, place_of(g, &trace->frame[i]));
	return hash;
}

static bool alike(const struct stack_groups *g, const struct stack_group *group, uint64_t hash,
	const struct trace *trace, const char *state)
{
	const struct trace *have = &group->trace;
	if (group->hash != hash || have->nframes != trace->nframes ||
		have->broken != trace->broken || strcmp(group->state, state) != 0)
		return false;
	/* Without frames the reason is all that there is; a broken chain's may be in words of its
	 * own. */
	if (!trace->nframes && strcmp(have->end, trace->end) != 0)
		return false;
	for (size_t i = 0; i < trace->nframes; i++)
		if (place_of(g, &have->frame[i]) != place_of(g, &trace->frame[i]))
			return false;
	return true;
}

/* ---- the table --------------------------------------------------------------------------- */

static void rehash(struct stack_groups *g)
{
	g->nslots = g->nslots ? g->nslots * 2 : 256;
	free(g->slot);
	g->slot = xcalloc(g->nslots, sizeof(*g->slot));
	for (size_t i = 0; i < g->group.n; i++) {
		size_t at = g->group.v[i]->hash & (g->nslots - 1);
		while (g->slot[at])
			at = (at + 1) & (g->nslots - 1);
		g->slot[at] = (uint32_t)i + 1;
	}
}

static struct stack_group *new_group(
	struct stack_groups *g, const struct trace *trace, const char *state, uint64_t hash)
{
	struct stack_group *group = xcalloc(1, sizeof(*group));
	size_t bytes = trace->nframes * sizeof(*trace->frame);
	group->trace = *trace;
	group->state = state;
	group->hash = hash;
	group->order = g->group.n;
	group->trace.frame = arena_alloc(&g->frames, bytes);
	if (bytes)
		memcpy(group->trace.frame, trace->frame, bytes);
	vec_push(&g->group, group);
	return group;
}

static struct stack_group *group_of(
	struct stack_groups *g, const struct trace *trace, const char *state)
{
	uint64_t hash = hash_of(g, trace, state);
	if (g->group.n * 2 >= g->nslots)
		rehash(g);
	size_t at = hash & (g->nslots - 1);
	for (; g->slot[at]; at = (at + 1) & (g->nslots - 1)) {
		struct stack_group *group = g->group.v[g->slot[at] - 1];
		if (alike(g, group, hash, trace, state))
			return group;
	}
	g->slot[at] = (uint32_t)g->group.n + 1;
	return new_group(g, trace, state, hash);
}

/* ---- one task ---------------------------------------------------------------------------- */

struct err *stack_groups_add(
	struct stack_groups *g, const struct task *task, const struct stack_filter *filter)
{
	struct trace trace;
	arena_reset(&g->scratch);
	struct err *err = trace_task(g->t, task, &g->scratch, &trace);
	if (err)
		return err_wrap(err, "pid %u", task->pid);
	if (filter && !stack_filter_wants(filter, g->t, &trace))
		return NULL;
	struct stack_member member = { .task_va = task->va, .pid = task->pid };
	memcpy(member.comm, task->comm, (size_t)task_comm_length(task));
	struct stack_group *group = group_of(g, &trace, task_state_letter(task));
	vec_push(&group->members, member);
	g->ntasks++;
	return NULL;
}

/* ---- order ------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const struct stack_group *x = *(struct stack_group *const *)a,
				 *y = *(struct stack_group *const *)b;
	if (x->members.n != y->members.n)
		return x->members.n > y->members.n ? -1 : 1;
	if (x->trace.nframes != y->trace.nframes)
		return x->trace.nframes > y->trace.nframes ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static int by_rarity(const void *a, const void *b)
{
	const struct stack_group *x = *(struct stack_group *const *)a,
				 *y = *(struct stack_group *const *)b;
	if (x->members.n != y->members.n)
		return x->members.n < y->members.n ? -1 : 1;
	return by_size(a, b);
}

void stack_groups_sort(struct stack_groups *g, bool rarest_first)
{
	if (g->group.n)
		qsort(g->group.v, g->group.n, sizeof(*g->group.v),
			rarest_first ? by_rarity : by_size);
}

/* ---- filters ----------------------------------------------------------------------------- */

static bool has_function(const char *const *wanted, size_t n, const struct symbol *sym)
{
	for (size_t i = 0; i < n; i++)
		if (!fnmatch(wanted[i], sym->name, 0))
			return true;
	return false;
}

static bool has_module(const char *const *wanted, size_t n, const struct symbol *sym)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(wanted[i], sym->module ? sym->module : "kernel"))
			return true;
	return false;
}

bool stack_filter_wants(const struct stack_filter *f, struct target *t, const struct trace *trace)
{
	bool function = !f->functions.n, module = !f->modules.n;
	for (size_t i = 0; i < trace->nframes; i++) {
		struct symbol sym;
		if (!symtab_at(t->syms, trace->frame[i].lookup_pc, &sym))
			continue;
		if (has_function(f->not_functions.v, f->not_functions.n, &sym) ||
			has_module(f->not_modules.v, f->not_modules.n, &sym))
			return false;
		function |= has_function(f->functions.v, f->functions.n, &sym);
		module |= has_module(f->modules.v, f->modules.n, &sym);
	}
	return function && module;
}

void stack_filter_deinit(struct stack_filter *f)
{
	vec_deinit(&f->functions);
	vec_deinit(&f->modules);
	vec_deinit(&f->not_functions);
	vec_deinit(&f->not_modules);
}
