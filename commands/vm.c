/* vm: the address space of a process: its areas, its layout, its pages, and what keeps areas apart.
 */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column area_columns[] = {
	{ "line", .text_only = true },
	{ "note", .text_only = true },
	{ "vma", .hidden = true },
	{ "start", .hidden = true },
	{ "end", .hidden = true },
	{ "flags", .hidden = true },
	{ "flag_letters", .hidden = true },
	{ "flag_names", .hidden = true },
	{ "offset", .hidden = true },
	{ "file", .hidden = true },
	{ "name", .hidden = true },
	{ 0 }
};
static const struct table area_table = { .layout = LAYOUT_LINES, .columns = area_columns };

static const struct column merge_columns[] = {
	{ "first", .width = WIDTH_ADDRESS },
	{ "boundary", .width = WIDTH_ADDRESS },
	{ "last", .width = WIDTH_ADDRESS },
	{ "anonymous", .title = "ANON", .width = 4 },
	{ "obstacles" },
	{ 0 }
};
static const struct table merge_table = { .layout = LAYOUT_TABLE, .columns = merge_columns };

static const struct column page_columns[] = {
	{ "start", .width = WIDTH_ADDRESS },
	{ "physical", .width = WIDTH_ADDRESS },
	{ "pages", .width = 7, .align = ALIGN_RIGHT },
	{ "kind", .width = 7 },
	{ "attributes" },
	{ 0 }
};
static const struct table page_table = { .layout = LAYOUT_TABLE, .columns = page_columns };

static const struct column vm_columns[] = {
	{ "pid" }, { "task" }, { "mm" }, { "comm", .title = "COMMAND" },
	{ "note" },
	{ "areas", .list = &area_table },
	{ "neighbours", .list = &merge_table },
	{ "pages", .list = &page_table },
	{ 0 }
};
static const struct table vm_table = { .layout = LAYOUT_HEADLINE, .columns = vm_columns };

static const struct option vm_options[] = {
	{ 'l', NULL, "the layout: where mmap, heap and stack begin" },
	{ 'm', NULL, "neighbouring areas and what keeps them from being one" },
	{ 'p', NULL, "the pages: which physical memory is mapped where" },
	{ 'f', NULL, "with each area's flags by name" },
	{ 'a', NULL, "all processes" },
	{ 0 }
};

/* What one walk over the areas is for. */
struct walk_state {
	struct cx *cx;
	const struct mm *mm;
	bool flags;
	struct vspace *user; /* pages: whose */
	struct vma before;
	bool has_before;
};

typedef struct err *(*area_fn)(struct walk_state *w, const struct vma *v);

/* Calls @fn for each area; one that is damaged is told, and shown as far as it can be. */
static struct err *each_area(struct walk_state *w, area_fn fn)
{
	struct vma_iter it;
	bool more = true;
	struct err *err = vma_iter_init(&it, w->cx->target, w->mm);
	while (!err && more) {
		struct vma v;
		err = vma_iter_next(&it, &v, &more);
		if (!err && more) {
			struct err *wrong = vma_check(&v, w->has_before ? &w->before : NULL, w->mm);
			if (wrong)
				out_complain(w->cx->out, wrong);
			err = fn(w, &v);
			w->before = v;
			w->has_before = true;
		}
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(w->cx->out, err);
			err = NULL;
		}
	}
	return err;
}

/* ---- the areas ----------------------------------------------- */

static void show_flags(struct walk_state *w, const struct vma *v)
{
	scoped_strbuf struct strbuf letters = { 0 }, names = { 0 };
	vma_flags_short(w->cx->target, v->flags, &letters);
	vma_flags_names(w->cx->target, v->flags, &names);
	out_hex(w->cx->out, "flags", v->flags);
	out_str(w->cx->out, "flag_letters", strbuf_text(&letters));
	out_str(w->cx->out, "flag_names", strbuf_text(&names));
	if (w->flags)
		out_strf(
			w->cx->out, "note", " %s (%s)", strbuf_text(&letters), strbuf_text(&names));
}

static struct err *show_area(struct walk_state *w, const struct vma *v)
{
	struct out *o = w->cx->out;
	scoped_strbuf struct strbuf name = { 0 }, line = { 0 };
	struct err *name_err = vma_name_format(w->cx->target, v, w->mm, &name);
	struct err *err = vma_line_format(
		w->cx->target, v, name_err ? "<unreadable name>" : strbuf_text(&name), &line);
	out_row(o);
	if (err)
		out_fault(o, "line", err);
	else
		out_str_n(o, "line", line.s, line.len);
	out_addr(o, "vma", v->va);
	out_addr(o, "start", v->start);
	out_addr(o, "end", v->end);
	show_flags(w, v);
	out_hex(o, "offset", v->file ? v->pgoff << page_shift(w->cx->target) : 0);
	if (v->file)
		out_addr(o, "file", v->file);
	if (name_err) {
		out_complain(o, err_wrap(name_err, "name of 0x%llx", (unsigned long long)v->start));
		out_str(o, "name", NULL);
	} else {
		out_str_n(o, "name", strbuf_text(&name), name.len);
	}
	return NULL;
}

/* ---- what keeps areas apart ----------------------------------------------- */

static struct err *show_neighbours(struct walk_state *w, const struct vma *v)
{
	struct out *o = w->cx->out;
	const struct vma *a = &w->before;
	scoped_strbuf struct strbuf why = { 0 };
	if (!w->has_before || a->end != v->start || v->is_gate)
		return NULL;
	struct err *err = vma_merge_obstacles(w->cx->target, a, v, &why);
	out_row(o);
	out_addr(o, "first", a->start);
	out_addr(o, "boundary", v->start);
	out_addr(o, "last", v->end - 1);
	out_bool(o, "anonymous", !a->file && !v->file);
	if (err)
		out_fault(o, "obstacles", err);
	else
		out_str(o, "obstacles",
			why.len ? strbuf_text(&why) : "none: they could be one area");
	return NULL;
}

/* ---- pages ----------------------------------------------- */

static void show_run(struct walk_state *w, const struct paging *p, const struct table_run *r)
{
	struct out *o = w->cx->out;
	struct pte_swap swap;
	scoped_strbuf struct strbuf attributes = { 0 };
	out_row(o);
	out_addr(o, "start", r->va);
	if (r->kind == RUN_MAPPED)
		out_addr(o, "physical", r->pa.v);
	out_uint(o, "pages", r->size >> page_shift(w->cx->target));
	if (r->kind == RUN_ABSENT && p->swap && p->swap(p, r->raw, &swap)) {
		out_str(o, "kind", swap.soft_none ? "none" : "swap");
		out_strf(o, "attributes", "type %u offset 0x%llx", swap.type,
			(unsigned long long)swap.offset);
		return;
	}
	out_str(o, "kind",
		r->kind == RUN_MAPPED	? "mapped"
		: r->kind == RUN_ABSENT ? "absent"
					: "broken");
	p->describe(p, r->level, r->raw, &attributes);
	out_str(o, "attributes", r->fault ? fault_text(r->fault) : strbuf_text(&attributes));
}

static struct err *show_pages(struct walk_state *w, const struct vma *v)
{
	const struct arch_layout *l = &vspace_facts(w->user)->layout;
	struct table_runs_options o = { .lo = v->start, .last = v->end - 1 };
	bool more = true;
	struct err *err = NULL;
	if (v->start >= v->end || v->is_gate || v->start >= l->user_end)
		return NULL;
	o.last = o.last < l->user_end ? o.last : l->user_end - 1;
	struct table_runs *it = table_runs_create(&l->paging, w->cx->target->dump, l->pgd, &o);
	while (!err && more) {
		struct table_run r;
		err = table_runs_next(it, &r, &more);
		if (!err && more)
			show_run(w, &l->paging, &r);
	}
	table_runs_destroy(it);
	return err;
}

static struct err *show_all_pages(struct walk_state *w, const struct task *task)
{
	struct err *err = user_space_open(w->cx->target, task, &w->user);
	if (err)
		return err;
	out_list_begin(w->cx->out, "pages");
	err = each_area(w, show_pages);
	out_list_end(w->cx->out);
	vspace_destroy(w->user);
	w->user = NULL;
	return err;
}

/* ---- tasks ----------------------------------------------- */

static void show_task_head(struct cx *cx, const struct task *task)
{
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->mm)
		out_addr(cx->out, "mm", task->mm);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
}

static struct err *show_list(struct walk_state *w, const char *key, area_fn fn)
{
	out_list_begin(w->cx->out, key);
	struct err *err = each_area(w, fn);
	out_list_end(w->cx->out);
	return err;
}

/* The sum that the kernel keeps, against the walk. */
static void check_count(struct cx *cx, const struct mm *mm)
{
	struct vma_iter it;
	struct vma v;
	bool more = true;
	int64_t n = 0;
	struct err *err = vma_iter_init(&it, cx->target, mm);
	while (!err && more) {
		err = vma_iter_next(&it, &v, &more);
		n += !err && more && !v.is_gate;
	}
	if (!err && n != mm->map_count)
		err = err_new(ERR_FORMAT, "mm 0x%llx: %lld areas, but map_count says %d",
			(unsigned long long)mm->va, (long long)n, mm->map_count);
	else if (err)
		err_drop(take_ptr(err)); /* the walk above has told it */
	if (err)
		out_complain(cx->out, err);
}

static struct err *show_task(struct cx *cx, const struct args *a, const struct task *task)
{
	struct mm mm;
	struct walk_state w = { .cx = cx, .mm = &mm, .flags = args_flag(a, 'f') };
	show_task_head(cx, task);
	if (!task->mm) {
		out_str(cx->out, "note", mm_absence(task));
		return NULL;
	}
	struct err *err = mm_read(cx->target, task->mm, &mm);
	if (err)
		return err_wrap(err, "pid %u", task->pid);
	if (task->pid != task->tgid)
		out_strf(cx->out, "note", "a thread: shares all with pid %u", task->tgid);
	if (args_flag(a, 'm'))
		return show_list(&w, "neighbours", show_neighbours);
	if (args_flag(a, 'p'))
		return show_all_pages(&w, task);
	err = show_list(&w, "areas", show_area);
	check_count(cx, &mm);
	return err;
}

static struct err *show_one(struct cx *cx, const struct args *a, const struct task *task)
{
	return args_flag(a, 'l') ? vm_layout_show(cx, task) : show_task(cx, a, task);
}

static struct err *show_all(struct cx *cx, const struct args *a)
{
	struct task_iter it;
	bool more = true;
	struct err *err = task_iter_init(&it, cx->target);
	while (!err && more) {
		struct task task;
		err = task_iter_next(&it, &task, &more);
		if (!err && more && task.mm && task.pid == task.tgid)
			err = show_one(cx, a, &task);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static struct err *vm_run(struct cx *cx, const struct args *a)
{
	struct task task;
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	if (!args_flag(a, 'l'))
		out_table(cx->out, &vm_table);
	if (args_flag(a, 'a'))
		return show_all(cx, a);
	if (!args_count(a)) {
		err = current_task(cx, &task);
		return err ? err : show_one(cx, a, &task);
	}
	for (int i = 0; i < args_count(a); i++) {
		err = arg_task(cx, a, i, &task);
		if (!err)
			err = show_one(cx, a, &task);
		if (err && (err->code == ERR_USAGE || err->code == ERR_INTERRUPTED))
			return err;
		if (err)
			out_complain(cx->out, err);
	}
	return NULL;
}

static const char *const vm_examples[] = {
	"vm 1\tthe areas of pid 1, as /proc/1/maps",
	"vm -f 1\twith their flags, as smaps and as the source names them",
	"vm -l 1\twhere mmap, heap, stack and vdso lie",
	"vm -m 1\twhy neighbouring areas are not one",
	"vm -p 1\twhich pages are mapped",
	NULL,
};

const struct command cmd_vm = {
	.name = "vm",
	.summary = "a process's address space: areas, layout, pages",
	.usage = "[PID|TASK…]",
	.details =
		"Lines are those of /proc/PID/maps; paths are followed through mounts to the root "
		"of the "
		"mount namespace. Without a task: the one that `set` shows.",
	.options = vm_options,
	.examples = vm_examples,
	.max_args = -1,
	.complete = "task",
	.run = vm_run,
};
