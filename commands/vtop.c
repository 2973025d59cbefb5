/* vtop: from a virtual address down the page tables to the physical one. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column level_columns[] = { { "level", .width = 6 },
	{ "entry", .width = WIDTH_ADDRESS }, { "value", .width = 18 }, { "kind", .width = 7 },
	{ "maps", .width = WIDTH_ADDRESS }, { "size", .width = 5, .align = ALIGN_RIGHT },
	{ "attributes" }, { 0 } };
static const struct table level_table = { .layout = LAYOUT_TABLE, .columns = level_columns };

static const struct column vtop_columns[] = { { "virtual", .width = WIDTH_ADDRESS },
	{ "physical", .width = WIDTH_ADDRESS }, { "space", .width = 8 }, { "window", .width = 12 },
	{ "page", .width = WIDTH_ADDRESS }, { "owner", .width = 10 }, { "flags" }, { "note" },
	{ "levels", .list = &level_table }, { 0 } };
static const struct table vtop_table = { .layout = LAYOUT_TABLE, .columns = vtop_columns };

static const struct option vtop_options[] = { { 'c', "PID|TASK", "in this task's user space" },
	{ 'u', NULL, "in the current task's user space (set), as user addresses are anyway" },
	{ 'k', NULL, "in the kernel's" }, { 0 } };

static const char *kind_name(enum pte_kind kind)
{
	switch (kind) {
	case PTE_NONE:
		return "none";
	case PTE_TABLE:
		return "table";
	case PTE_LEAF:
		return "leaf";
	case PTE_ABSENT:
		return "absent";
	case PTE_INVALID:
		return "invalid";
	}
	return "?";
}

static void show_step(struct cx *cx, const struct paging *p, const struct walk_step *s)
{
	bool last = s->level + 1u == p->nlevels;
	scoped_strbuf struct strbuf attributes = { 0 };
	const struct paging_level *level = &p->level[s->level];
	out_row(cx->out);
	out_str(cx->out, "level", level->name);
	out_addr(cx->out, "entry", s->entry_pa.v);
	out_strf(cx->out, "value", "0x%0*llx", level->entry_bytes * 2, (unsigned long long)s->raw);
	out_str(cx->out, "kind", kind_name(s->pte.kind));
	if (s->pte.kind == PTE_TABLE || s->pte.kind == PTE_LEAF)
		out_addr(cx->out, "maps", s->pte.pa.v);
	if (s->pte.kind == PTE_LEAF)
		out_bytes(cx->out, "size", 1ull << s->pte.size_shift);
	if (s->pte.kind == PTE_ABSENT && last &&
		page_entry_explain(cx->target, p, s->raw, &attributes))
		;
	else if (s->raw)
		p->describe(p, s->level, s->raw, &attributes);
	out_str(cx->out, "attributes", strbuf_text(&attributes));
}

/* The window that translates @va without tables, for a word of explanation. */
static const char *window_name(const struct arch_layout *l, uint64_t va)
{
	for (unsigned i = 0; i < l->nwindows; i++)
		if (va - l->window[i].va < l->window[i].size)
			return l->window[i].name;
	return NULL;
}

/* The frame's struct page, its flags by name and whose it is. Devices and holes have none: no news.
 */
static void show_page(struct cx *cx, struct paddr pa)
{
	struct target *t = cx->target;
	struct page page;
	const char *owner;
	scoped_strbuf struct strbuf flags = { 0 };
	uint64_t va;
	struct err *err = page_of_pfn(t, pa.v >> page_shift(t), &va);

	if (err && err->code == ERR_NOT_FOUND) {
		err_drop(err);
		return;
	}
	if (err) {
		out_fault(cx->out, "page", err);
		return;
	}
	out_addr(cx->out, "page", va);
	err = page_read(t, va, &page);
	if (!err)
		err = page_owner(t, &page, &owner);
	if (err) {
		out_fault(cx->out, "owner", err);
		return;
	}
	out_str(cx->out, "owner", owner);
	err = page_flags_format(t, page.flags, &flags);
	if (err)
		out_fault(cx->out, "flags", err);
	else
		out_str(cx->out, "flags", strbuf_text(&flags));
}

/* What was taken off the address as it was given. */
static const char *stripped(const struct space_facts *f, uint64_t typed_va, uint64_t va)
{
	if (typed_va == va)
		return NULL;
	uint64_t untagged = f->arch->untag(&f->layout, typed_va);
	return untagged == va ? "tag removed" : "pointer authentication code removed";
}

/* Whose space an address is looked up in. */
struct place {
	struct vspace *user;  /* owned; NULL: there is none, or nobody asked for it yet */
	struct task task;     /* whose it is, where that is the current one */
	bool current, kernel; /* -u, -k */
	bool sought;
};

static void show_address(
	struct cx *cx, struct vspace *vs, uint64_t typed_va, bool user, const struct task *current)
{
	const struct space_facts *facts = vspace_facts(vs);
	const struct arch_layout *l = &facts->layout;
	struct paging paging = l->paging;
	uint64_t va = facts->arch->strip(l, typed_va);
	struct walk walk = { .fault = FAULT_UNMAPPED };

	paging.swap_form = page_entry_paging(cx->target).swap_form;
	/* Where the halves have roots of their own, the other half's addresses are not in this one.
	 */
	bool other = paging.two_halves && (va >> 63) == user;
	if (!other)
		walk_address(&paging, cx->target->dump, l->pgd, va, &walk);
	/* Tables that the dump has lost: the window's word is all there is. */
	const char *window = window_name(l, va);
	bool computed = walk.fault != FAULT_NONE && l->tables_missing && window &&
			vspace_translate(vs, va, &walk.pa, NULL) == FAULT_NONE;
	bool known = walk.fault == FAULT_NONE || computed;
	out_row(cx->out);
	out_addr(cx->out, "virtual", typed_va);
	if (known)
		out_addr(cx->out, "physical", walk.pa.v);
	else
		out_fault(cx->out, "physical",
			err_fault(walk.fault, va, "0x%llx", (unsigned long long)va));
	out_str(cx->out, "space", user ? "user" : "kernel");
	if (window)
		out_str(cx->out, "window", window);
	if (known)
		show_page(cx, walk.pa);
	const char *note = other      ? user ? current ? "a kernel address: without -u"
						       : "a kernel address: without -c"
					     : "a user address: -c says whose"
			   : computed ? "by arithmetic: the tables are not in the dump"
				      : stripped(facts, typed_va, va);
	if (note)
		out_str(cx->out, "note", note);
	else if (current)
		out_strf(cx->out, "note", "pid %u's", current->pid);
	out_list_begin(cx->out, "levels");
	for (unsigned i = 0; i < walk.nsteps; i++)
		show_step(cx, &paging, &walk.step[i]);
	out_list_end(cx->out);
}

static struct err *open_space(struct cx *cx, const struct args *a, struct place *p)
{
	const char *task_text = args_option(a, 'c');
	struct err *err = NULL;
	p->current = args_flag(a, 'u');
	p->kernel = args_flag(a, 'k');
	if ((task_text != NULL) + p->current + p->kernel > 1)
		return err_new(ERR_USAGE, "-c, -k and -u: one of them");
	if (task_text)
		err = task_parse(cx->target, task_text, &p->task);
	else if (p->current)
		err = current_task(cx, &p->task);
	if (!err && (task_text || p->current))
		err = user_space_open(cx->target, &p->task, &p->user);
	return err;
}

/* A user address that nobody said more about is the current task's, if that has any. */
static struct vspace *space_of(struct cx *cx, struct place *p, bool named, uint64_t va)
{
	const struct space_facts *facts = vspace_facts(cx->target->kernel);
	if (named)
		return p->user;
	if (p->kernel || facts->arch->untag(&facts->layout, va) >= facts->layout.user_end)
		return cx->target->kernel;
	if (!p->sought) {
		struct err *err = current_task(cx, &p->task);
		if (!err)
			err = user_space_open(cx->target, &p->task, &p->user);
		err_drop(err); /* a kernel thread: the kernel's tables say that nothing is there */
		p->sought = true;
	}
	return p->user ? p->user : cx->target->kernel;
}

static struct err *vtop_run(struct cx *cx, const struct args *a)
{
	struct place p = { 0 };
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = open_space(cx, a, &p);
	bool named = p.user != NULL;
	out_table(cx->out, &vtop_table);
	for (int i = 0; !err && i < args_count(a); i++) {
		uint64_t va;
		err = arg_address(cx, a, i, &va);
		if (err)
			break;
		struct vspace *vs = space_of(cx, &p, named, va);
		bool user = vs != cx->target->kernel;
		show_address(cx, vs, va, user, user && !args_option(a, 'c') ? &p.task : NULL);
	}
	vspace_destroy(p.user);
	return err;
}

static const char *const vtop_examples[] = {
	"vtop init_task\ta kernel symbol, level by level",
	"vtop -c 1 400000\tan address of pid 1",
	"vtop 400000\ta user address: of the current task (set)",
	NULL,
};

const struct command cmd_vtop = {
	.name = "vtop",
	.summary = "virtual to physical, with every page-table level",
	.usage = "ADDRESS|SYMBOL…",
	.options = vtop_options,
	.examples = vtop_examples,
	.min_args = 1,
	.max_args = -1,
	.complete = "symbol",
	.takes = "*",
	.run = vtop_run,
};
