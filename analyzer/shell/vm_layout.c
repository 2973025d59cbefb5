/* A record of mm_struct's own numbers, with the word or symbol that makes sense of each. */
#include "analyzer/shell/vm_layout.h"

#include "analyzer/kernel/file_path.h"
#include "analyzer/kernel/page.h"
#include "analyzer/kernel/vma.h"

static const struct column layout_columns[] = {
	{ "pid" }, { "comm", .title = "COMMAND" }, { "note" }, { "task" }, { "mm" }, { "exe" },
	{ "compat", .title = "PROGRAM" },
	{ "task_size", .title = "TASK SIZE" },
	{ "mmap", .title = "MMAP" },
	{ "mmap_base", .title = "MMAP BASE" },
	{ "mmap_legacy_base", .title = "LEGACY BASE" },
	{ "code", .title = "CODE" }, { "data", .title = "DATA" }, { "heap", .title = "HEAP" },
	{ "stack" }, { "arguments" }, { "environment" },
	{ "vdso" }, { "sigpage", .title = "SIGPAGE" }, { "vectors" },
	{ "areas" }, { "total" }, { "locked" }, { "users" },
	{ 0 }
};
static const struct table layout_table = { .layout = LAYOUT_RECORD, .columns = layout_columns };

static void show_range(struct cx *cx, const char *key, uint64_t start, uint64_t end)
{
	int digits = cx->target->abi.word_bytes * 2;
	out_strf(cx->out, key, "0x%0*llx-0x%0*llx", digits, (unsigned long long)start, digits,
		(unsigned long long)end);
}

static void show_exe(struct cx *cx, const struct mm *mm)
{
	scoped_strbuf struct strbuf path = { 0 };
	if (!mm->exe_file)
		return;
	struct err *err = file_path_format(cx->target, mm->exe_file, &path);
	if (err)
		out_fault(cx->out, "exe", err);
	else
		out_str(cx->out, "exe", strbuf_text(&path));
}

static void show_program(struct cx *cx, const struct task *task)
{
	enum mm_compat compat = mm_task_compat(cx->target, task);
	if (compat == MM_COMPAT)
		out_str(cx->out, "compat", "32 bits on a 64-bit kernel (compat)");
	else if (compat == MM_NATIVE)
		out_str(cx->out, "compat", cx->target->abi.word_bytes == 8 ? "64 bits" : "32 bits");
	else
		out_str(cx->out, "compat", "not known: thread_info.flags cannot be read");
}

static void show_mmap(struct cx *cx, const struct mm *mm)
{
	enum mm_direction d = mm_mmap_direction(cx->target, mm);
	struct symbol sym;
	bool named = mm->get_unmapped_area &&
		     symtab_at(cx->target->syms, mm->get_unmapped_area & ~1ull, &sym);
	const char *word = d == MM_TOP_DOWN    ? "top down from the base"
			   : d == MM_BOTTOM_UP ? "bottom up from the base (legacy layout)"
					       : "not known";
	if (named)
		out_strf(cx->out, "mmap", "%s, by %s", word, sym.name);
	else
		out_str(cx->out, "mmap", word);
	out_addr(cx->out, "mmap_base", mm->mmap_base);
	if (mm->mmap_legacy_base)
		out_addr(cx->out, "mmap_legacy_base", mm->mmap_legacy_base);
}

/* The gate area, which all processes of ARM32 share. */
static void show_vectors(struct cx *cx)
{
	if (target_has_symbol(cx->target, "gate_vma"))
		out_str(cx->out, "vectors", "0xffff0000, readable by every process");
}

static void show_mm(struct cx *cx, const struct task *task, const struct mm *mm)
{
	struct out *o = cx->out;
	unsigned shift = page_shift(cx->target);
	out_addr(o, "mm", mm->va);
	show_exe(cx, mm);
	show_program(cx, task);
	if (mm->task_size)
		out_addr(o, "task_size", mm->task_size);
	show_mmap(cx, mm);
	show_range(cx, "code", mm->start_code, mm->end_code);
	show_range(cx, "data", mm->start_data, mm->end_data);
	show_range(cx, "heap", mm->start_brk, mm->brk);
	out_addr(o, "stack", mm->start_stack);
	show_range(cx, "arguments", mm->arg_start, mm->arg_end);
	show_range(cx, "environment", mm->env_start, mm->env_end);
	if (mm->vdso)
		out_addr(o, "vdso", mm->vdso);
	if (mm->sigpage)
		out_addr(o, "sigpage", mm->sigpage);
	show_vectors(cx);
	out_int(o, "areas", mm->map_count);
	out_bytes(o, "total", mm->total_pages << shift);
	out_bytes(o, "locked", mm->locked_pages << shift);
	out_int(o, "users", mm->users);
}

struct err *vm_layout_show(struct cx *cx, const struct task *task)
{
	struct mm mm;
	struct err *err = task->mm ? mm_read(cx->target, task->mm, &mm) : NULL;
	if (err)
		return err_wrap(err, "pid %u", task->pid);
	out_table(cx->out, &layout_table);
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
	out_addr(cx->out, "task", task->va);
	if (!task->mm)
		out_str(cx->out, "note", mm_absence(task));
	else
		show_mm(cx, task, &mm);
	return NULL;
}
