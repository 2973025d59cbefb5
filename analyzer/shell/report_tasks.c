/* Tasks: those that sleep uninterruptibly with what they wait for, the stacks of all as a flame
 * graph, and a table with a search box. */
#include "analyzer/shell/report_page.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/out/flame.h"
#include "analyzer/stack/groups.h"
#include "analyzer/triage/waiting.h"

static const char *comm_of(struct report *r, const struct task *task)
{
	return arena_strndup(r->a, task->comm, (size_t)task_comm_length(task));
}

/* ---- locks ------------------------------------------------------------------------------- */

static void show_holder(struct report *r, const struct waiting *w)
{
	struct task owner;
	scoped_err struct err *err = NULL;
	if (!w->has_lock || !w->lock.owner_va) {
		html_element(r->out, "td", "dim", "%s",
			w->has_lock && w->lock.owner_unknown ? w->lock.owner_unknown : "");
		return;
	}
	err = task_read(r->t, w->lock.owner_va, &owner);
	if (err)
		html_element(r->out, "td", NULL, "task 0x%llx: %s",
			(unsigned long long)w->lock.owner_va, err->msg);
	else
		html_element(r->out, "td", NULL, "%s%s, pid %u",
			w->lock.readers ? "readers, one is " : "", comm_of(r, &owner), owner.pid);
}

static void show_waiting(struct report *r, const struct waiting_tasks *all, size_t i)
{
	const struct waiting *w = all->v.v + i;
	size_t last;
	strbuf_add(r->out, "<tr>");
	html_element(r->out, "td", "n", "%u", w->task.pid);
	html_element(r->out, "td", NULL, "%s", comm_of(r, &w->task));
	if (w->has_since)
		html_element(
			r->out, "td", "n", "%llu s", (unsigned long long)w->since_ns / 1000000000);
	else
		html_element(r->out, "td", "n", "?");
	if (w->has_lock)
		html_element(r->out, "td", "m", "%s 0x%llx", lock_kind_name(w->lock.kind),
			(unsigned long long)w->lock.lock_va);
	else
		html_element(
			r->out, "td", "dim", "%s", w->no_lock ? w->no_lock : "none that is known");
	show_holder(r, w);
	html_element(r->out, "td", "bad", "%s", waiting_circle(all, i, &last) ? "in a cycle" : "");
	strbuf_add(r->out, "</tr>\n");
}

struct err *report_locks(struct report *r)
{
	scoped_waiting struct waiting_tasks w = { 0 };
	struct err *err = waiting_read(&w, r->t, r->a);
	if (err)
		return err;
	scoped_err struct err *unread = lock_waits_take_unread(&w.locks);
	if (unread)
		html_element(r->out, "p", "dim", "%s", unread->msg);
	if (!w.v.n) {
		html_element(r->out, "p", "dim", "No task sleeps uninterruptibly.");
		return NULL;
	}
	strbuf_add(r->out,
		"<div class=\"wide\"><table><thead><tr><th>pid</th><th>task</th><th>for</th>"
		"<th>waits for</th><th>held by</th><th></th></tr></thead><tbody>\n");
	for (size_t i = 0; i < w.v.n; i++)
		show_waiting(r, &w, i);
	strbuf_add(r->out, "</tbody></table></div>\n");
	return NULL;
}

/* ---- stacks ------------------------------------------------------------------------------ */

static void add_group(struct report *r, struct flame *f, const struct stack_group *g)
{
	const struct trace *trace = &g->trace;
	size_t n = trace->nframes ? trace->nframes : 1;
	struct flame_name *name = arena_alloc(r->a, n * sizeof(*name));
	name[0].name = trace->end;
	for (size_t i = 0; i < trace->nframes; i++) {
		struct flame_name *at = &name[n - 1 - i];
		const struct frame *frame = &trace->frame[i];
		struct symbol sym;
		if (symtab_at(r->t->syms, frame->lookup_pc, &sym))
			*at = (struct flame_name){ sym.name, sym.module };
		else
			at->name = arena_printf(r->a, "0x%llx", (unsigned long long)frame->pc);
	}
	flame_add(f, name, n, g->members.n);
}

/* A task that cannot be read is counted, and the next follows. */
static struct err *add_stacks(struct report *r, struct stack_groups *g, size_t *ret_bad)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, r->t);
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (!err && more)
			err = stack_groups_add(g, &task, NULL);
		if (err && more && err->code != ERR_INTERRUPTED) {
			err_drop(err);
			err = NULL;
			++*ret_bad;
		}
	}
	return err;
}

struct err *report_stacks(struct report *r)
{
	scoped_stack_groups struct stack_groups g;
	scoped_strbuf struct strbuf picture = { 0 };
	size_t bad = 0;
	stack_groups_init(&g, r->t, STACKS_BY_FUNCTION);
	struct err *err = add_stacks(r, &g, &bad);
	if (err)
		return err;
	struct flame *f =
		flame_create(arena_printf(r->a, "Kernel stacks of %zu tasks", g.ntasks), "tasks");
	for (size_t i = 0; i < g.group.n; i++)
		add_group(r, f, g.group.v[i]);
	flame_draw(f, &picture);
	flame_destroy(f);
	/* A page has no place for the XML declaration before the picture. */
	const char *svg = strstr(strbuf_text(&picture), "<svg");
	if (bad)
		report_missing(
			r, "Stacks", err_new(ERR_FORMAT, "%zu tasks could not be read", bad));
	html_element(r->out, "p", "dim",
		"A click makes a function as wide as the picture, one on \"all\" goes back.");
	strbuf_add(r->out, "<div class=\"wide\">\n");
	strbuf_add(r->out, svg ? svg : "");
	strbuf_add(r->out, "</div>\n");
	return NULL;
}

/* ---- the table --------------------------------------------------------------------------- */

static void show_task(struct report *r, const struct task *task)
{
	strbuf_add(r->out, "<tr>");
	html_element(r->out, "td", "n", "%u", task->pid);
	html_element(r->out, "td", NULL, "%s", comm_of(r, task));
	html_element(r->out, "td", NULL, "%s", task_state_letter(task));
	if (task->cpu == TASK_CPU_UNKNOWN)
		html_element(r->out, "td", "n", "?");
	else
		html_element(r->out, "td", "n", "%u%s", task->cpu, task->on_cpu ? " running" : "");
	html_element(r->out, "td", NULL, "%s", task->mm ? "user" : "kernel");
	html_element(r->out, "td", "m", "0x%llx", (unsigned long long)task->va);
	strbuf_add(r->out, "</tr>\n");
}

/* report_missing(), for behind the table that is being written. Takes @e. */
static void keep_wrong(struct report *r, struct strbuf *wrong, struct err *e)
{
	struct strbuf *table = r->out;
	r->out = wrong;
	report_missing(r, "A task", e);
	r->out = table;
}

struct err *report_tasks(struct report *r)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, r->t);
	if (err)
		return err;
	strbuf_add(r->out,
		"<p><input id=\"task-search\" type=\"search\" placeholder=\"search tasks\" "
		"aria-label=\"search tasks\"> <span id=\"task-count\" class=\"dim\"></span></p>\n"
		"<div class=\"wide\"><table "
		"id=\"task-table\"><thead><tr><th>pid</th><th>task</th><th>state</th>"
		"<th>CPU</th><th></th><th>address</th></tr></thead><tbody>\n");
	scoped_strbuf struct strbuf wrong = { 0 };
	while (more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (err && err->code == ERR_INTERRUPTED)
			return err;
		if (!err && more)
			show_task(r, &task);
		keep_wrong(r, &wrong, err);
	}
	strbuf_add(r->out, "</tbody></table></div>\n");
	strbuf_add(r->out, strbuf_text(&wrong));
	return NULL;
}
