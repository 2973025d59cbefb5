/*
 * Finds true return addresses in the lists of kretprobes, rethooks and the function graph tracer.
 * What the frames are it is told; whether an answer fits the code around it, others check.
 */
#include "analyzer/stack/trampoline.h"

#include <string.h>

/* Records looked at in one walk up a stack, of which each has one for a frame and is rarely passed
 * twice. */
enum { RECORDS_MAX = 1 << 16 };

static uint64_t symbol_or_zero(const struct target *t, const char *name)
{
	struct symbol sym;
	return symtab_find_kernel(t->syms, name, &sym) ? sym.va : 0;
}

/* kretprobe_trampoline up to v5.15, __kretprobe_trampoline since v5.16 (arch/arm64/kernel/probes/
 * kprobes_trampoline.S, arch/arm/probes/kprobes/core.c); arch_rethook_trampoline where kretprobes
 * are built on rethooks (kernel/trace/rethook.c, v5.18); return_to_handler in all. */
static void look_up(struct trampolines *w, const struct target *t)
{
	if (w->looked_up)
		return;
	w->looked_up = true;
	w->kretprobe_va = symbol_or_zero(t, "__kretprobe_trampoline");
	if (!w->kretprobe_va)
		w->kretprobe_va = symbol_or_zero(t, "kretprobe_trampoline");
	w->rethook_va = symbol_or_zero(t, "arch_rethook_trampoline");
	w->graph_va = symbol_or_zero(t, "return_to_handler");
}

/* ---- kretprobes and rethooks ------------------------------------------------------------- */

/* What both kinds of record have in common. */
struct hook {
	uint64_t ret_addr, frame, next, task;
};

static const struct view_field kretprobe_fields[] = {
	FIELD(struct hook, ret_addr, "ret_addr"),
	FIELD_OPTIONAL(struct hook, frame, "fp"),
	FIELD(struct hook, next, "llist.next", "hlist.next"),
	FIELD_OPTIONAL(struct hook, task, "task"),
};
static const struct view_spec kretprobe_spec = { .type = "kretprobe_instance",
	.hint = "kernel/kprobes.c",
	.fields = kretprobe_fields,
	.nfields = ARRAY_SIZE(kretprobe_fields) };

static const struct view_field rethook_fields[] = {
	FIELD(struct hook, ret_addr, "ret_addr"),
	FIELD_OPTIONAL(struct hook, frame, "frame"),
	FIELD(struct hook, next, "llist.next"),
};
static const struct view_spec rethook_spec = { .type = "rethook_node",
	.hint = "kernel/trace/rethook.c",
	.fields = rethook_fields,
	.nfields = ARRAY_SIZE(rethook_fields) };

struct hook_heads {
	uint64_t kretprobes, rethooks;
};
static const struct view_field heads_fields[] = {
	FIELD_OPTIONAL(struct hook_heads, kretprobes, "kretprobe_instances.first"),
	FIELD_OPTIONAL(struct hook_heads, rethooks, "rethooks.first"),
};
static const struct view_spec heads_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = heads_fields,
	.nfields = ARRAY_SIZE(heads_fields) };

struct hook_list {
	const struct view *view;
	uint64_t node_offset; /* of the list's node in a record */
	uint64_t first;
	bool of_all_tasks;
};

/* Up to v5.13 all tasks' kretprobes hang in one hash table of 64 buckets, by the address of the
 * task: kernel/kprobes.c, KPROBE_HASH_BITS; include/linux/hash.h: hash_64() and hash_32(). */
static bool hash_bucket(struct target *t, const struct task *task, uint64_t *ret_first)
{
	enum { HASH_BITS = 6 };
	uint64_t table = symbol_or_zero(t, "kretprobe_inst_table");
	uint64_t hash = t->abi.word_bytes == 8
				? (task->va * 0x61c8864680b583ebull) >> (64 - HASH_BITS)
				: (uint32_t)(task->va * 0x61c88647u) >> (32 - HASH_BITS);
	return table && vspace_try_word(t->kernel, table + hash * t->abi.word_bytes, ret_first);
}

static bool find_list(
	struct target *t, const struct task *task, bool rethook, struct hook_list *ret)
{
	const struct view *heads_view;
	struct hook_heads heads = { 0 };
	*ret = (struct hook_list){ 0 };
	scoped_err struct err *err =
		target_view(t, rethook ? &rethook_spec : &kretprobe_spec, &ret->view);
	if (err)
		return false;
	ret->node_offset = view_offset(ret->view, 2);
	scoped_err struct err *heads_err = target_view(t, &heads_spec, &heads_view);
	if (heads_err || !view_try_read(heads_view, t->kernel, task->va, &heads))
		return false;
	if (view_has(heads_view, rethook ? 1 : 0)) {
		ret->first = rethook ? heads.rethooks : heads.kretprobes;
		return true;
	}
	ret->of_all_tasks = true;
	return !rethook && hash_bucket(t, task, &ret->first);
}

/* The record behind the last one used whose frame is @fp, or else, when @any, the next one at all.
 */
static bool next_hook(struct trampolines *w, struct target *t, const struct task *task,
	const struct hook_list *list, uint64_t trampoline, uint64_t fp, bool any, uint64_t *ret_pc)
{
	struct hook h;
	uint64_t node = list->first;
	if (w->node && w->node_list == trampoline) {
		if (!view_try_read(list->view, t->kernel, w->node - list->node_offset, &h))
			return false;
		node = h.next;
	}
	while (node && w->walked++ < RECORDS_MAX) {
		if (!view_try_read(list->view, t->kernel, node - list->node_offset, &h))
			return false;
		bool ours = !list->of_all_tasks || h.task == task->va;
		if (ours && h.ret_addr != trampoline && (any || h.frame == fp)) {
			w->node = node;
			w->node_list = trampoline;
			*ret_pc = h.ret_addr;
			return true;
		}
		node = h.next;
	}
	return false;
}

static enum trampoline_answer resolve_hook(struct trampolines *w, struct target *t,
	const struct task *task, uint64_t trampoline, uint64_t fp, uint64_t *ret_pc)
{
	struct hook_list list;
	if (!find_list(t, task, trampoline == w->rethook_va, &list))
		return TRAMPOLINE_LOST;
	/* A record's frame is x29 (arm64 since v5.16) or fp (ARM32) when the function was entered,
	 * or the stack pointer then (arm64 before), which a walk along frame records does not know.
	 */
	if (fp && next_hook(w, t, task, &list, trampoline, fp, false, ret_pc))
		return TRAMPOLINE_SURE;
	return next_hook(w, t, task, &list, trampoline, 0, true, ret_pc) ? TRAMPOLINE_LIKELY
									 : TRAMPOLINE_LOST;
}

/* ---- function graph ---------------------------------------------------------------------- */

struct graph_task {
	uint64_t ret_stack;
	int32_t at;
};
static const struct view_field graph_task_fields[] = {
	FIELD(struct graph_task, ret_stack, "ret_stack"),
	FIELD(struct graph_task, at, "curr_ret_stack"),
};
static const struct view_spec graph_task_spec = { .type = "task_struct",
	.hint = "init/main.c",
	.fields = graph_task_fields,
	.nfields = ARRAY_SIZE(graph_task_fields) };

struct graph_record {
	uint64_t ret, fp, retp;
};
static const struct view_field graph_fields[] = {
	FIELD(struct graph_record, ret, "ret"),
	FIELD_OPTIONAL(struct graph_record, fp, "fp"),
	FIELD_OPTIONAL(struct graph_record, retp, "retp"),
};
static const struct view_spec graph_spec = { .type = "ftrace_ret_stack",
	.hint = "kernel/trace/fgraph.c",
	.fields = graph_fields,
	.nfields = ARRAY_SIZE(graph_fields) };

struct graph_stack {
	const struct view *view;
	uint64_t base;
	bool packed; /* words: records of several sizes, each below a word that says how far it is
		      */
};

/* Whether task_struct.ret_stack points to words (v6.11 on: kernel/trace/fgraph.c) and not to
 * records. */
static bool is_packed(struct target *t)
{
	const struct type *task;
	struct field_ref field;
	scoped_err struct err *err =
		types_find(t->types, TYPE_STRUCT, "task_struct", "init/main.c", &task);
	scoped_err struct err *field_err =
		err ? NULL : type_field(t->types, task, "ret_stack", &field);
	if (err || field_err)
		return false;
	const struct type *pointer = type_strip(field.type);
	return pointer->kind == TYPE_POINTER && pointer->target &&
	       type_strip(pointer->target)->kind == TYPE_INT;
}

/*
 * The record below *io_at. An array of records: curr_ret_stack is the newest one's index. Packed:
 * it is the number of words in use, and the word below the first free one has in its bits 9:0 how
 * far below itself its record begins (fgraph.c, v6.12: get_ret_stack()).
 */
static bool graph_next(struct target *t, const struct graph_stack *s, int64_t *io_at, bool first,
	struct graph_record *ret)
{
	enum { AT_MAX = 1 << 16, OFFSET_MASK = 0x3ff };
	uint64_t word;
	int64_t at = *io_at;
	if (at > AT_MAX)
		return false;
	if (!s->packed) {
		at -= first ? 0 : 1;
		*io_at = at;
		return at >= 0 && view_try_read(s->view, t->kernel,
					  s->base + (uint64_t)at * view_size(s->view), ret);
	}
	if (at <= 0 || !vspace_try_word(
			       t->kernel, s->base + (uint64_t)(at - 1) * t->abi.word_bytes, &word))
		return false;
	int64_t distance = (int64_t)(word & OFFSET_MASK);
	if (!distance || distance > at - 1)
		return false;
	*io_at = at - 1 - distance;
	return view_try_read(
		s->view, t->kernel, s->base + (uint64_t)*io_at * t->abi.word_bytes, ret);
}

/* As next_hook(): the next record of frame @fp, or any. */
static bool graph_find(struct trampolines *w, struct target *t, const struct graph_stack *s,
	int64_t top, uint64_t fp, bool any, uint64_t *ret_pc)
{
	int64_t at = w->graph_begun ? w->graph_at : top;
	bool first = !w->graph_begun;
	struct graph_record r;
	while (w->walked++ < RECORDS_MAX && graph_next(t, s, &at, first, &r)) {
		first = false;
		/* Of functions that were jumped to, all records but one say "return_to_handler". */
		if (r.ret == w->graph_va || (!any && r.fp != fp && r.retp != fp))
			continue;
		w->graph_begun = true;
		w->graph_at = at;
		*ret_pc = r.ret;
		return true;
	}
	return false;
}

static enum trampoline_answer resolve_graph(struct trampolines *w, struct target *t,
	const struct task *task, uint64_t fp, uint64_t *ret_pc)
{
	const struct view *view;
	struct graph_task g;
	struct graph_stack s = { 0 };
	scoped_err struct err *err = target_view(t, &graph_task_spec, &view);
	scoped_err struct err *record_err = target_view(t, &graph_spec, &s.view);
	if (err || record_err || !view_try_read(view, t->kernel, task->va, &g) || !g.ret_stack)
		return TRAMPOLINE_LOST;
	s.base = g.ret_stack;
	s.packed = is_packed(t);
	if (fp && graph_find(w, t, &s, g.at, fp, false, ret_pc))
		return TRAMPOLINE_SURE;
	return graph_find(w, t, &s, g.at, 0, true, ret_pc) ? TRAMPOLINE_LIKELY : TRAMPOLINE_LOST;
}

enum trampoline_answer trampoline_resolve(struct trampolines *w, struct target *t,
	const struct task *task, uint64_t pc, uint64_t fp, uint64_t *ret_pc, const char **ret_note)
{
	static const char *const note[2][4] = {
		{ [TRAMPOLINE_SURE] = "kretprobe's trampoline replaced",
			[TRAMPOLINE_LIKELY] = "kretprobe's trampoline replaced in order",
			[TRAMPOLINE_LOST] =
				"kretprobe's trampoline: the true return address was not found" },
		{ [TRAMPOLINE_SURE] = "return_to_handler replaced",
			[TRAMPOLINE_LIKELY] = "return_to_handler replaced in order",
			[TRAMPOLINE_LOST] =
				"return_to_handler: the true return address was not found" },
	};
	look_up(w, t);
	bool graph = w->graph_va && pc == w->graph_va;
	if (!pc || (!graph && pc != w->kretprobe_va && pc != w->rethook_va))
		return TRAMPOLINE_NONE;
	enum trampoline_answer answer = !task	? TRAMPOLINE_LOST
					: graph ? resolve_graph(w, t, task, fp, ret_pc)
						: resolve_hook(w, t, task, pc, fp, ret_pc);
	*ret_note = note[graph][answer];
	return answer;
}
