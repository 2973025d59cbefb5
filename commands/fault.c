/* fault: what a task died of: the exception, the instruction with its operands, and what its
 * address means. */
#include "analyzer/api.h"
#include "analyzer/model.h"

#include <string.h>

static const struct column explanation_columns[] = { { "kind" }, { "text" }, { "evidence" },
	{ 0 } };
static const struct table explanation_table = { .layout = LAYOUT_LINES,
	.columns = explanation_columns };

static const struct column code_columns[] = { { "mark", .width = 2, .text_only = true },
	{ "at", .hidden = true }, { "address" }, { "bytes", .width = 8 }, { "insn" },
	{ 0 } };
static const struct table code_table = { .layout = LAYOUT_LINES, .columns = code_columns };

static const struct column operand_columns[] = { { "name", .width = 8, .align = ALIGN_RIGHT },
	{ "value" }, { "symbol" }, { "role" }, { 0 } };
static const struct table operand_table = { .layout = LAYOUT_LINES, .columns = operand_columns };

static const struct column field_columns[] = { { "name", .width = 8, .align = ALIGN_RIGHT },
	{ "value", .width = 6 }, { "meaning" }, { 0 } };
static const struct table field_table = { .layout = LAYOUT_LINES, .columns = field_columns };

static const struct column fault_columns[] = { { "exception" }, { "access" }, { "address" },
	{ "address_source", .title = "FROM" }, { "means", .text_only = true },
	{ "also", .text_only = true },
	{ "explanations", .hidden = true, .list = &explanation_table }, { "pid" },
	{ "task", .object = "struct task_struct" }, { "cpu" }, { "comm", .title = "COMMAND" },
	{ "place", .title = "PC", .text_only = true }, { "pc", .hidden = true },
	{ "symbol", .hidden = true }, { "offset", .hidden = true },
	{ "caller", .title = "LR", .text_only = true }, { "lr", .hidden = true }, { "source" },
	{ "file", .hidden = true }, { "line", .hidden = true }, { "status" },
	{ "status_source", .title = "FROM" }, { "own", .hidden = true }, { "trap", .hidden = true },
	{ "class", .hidden = true }, { "details", .hidden = true }, { "frame" },
	{ "pt_regs", .title = "PT_REGS" }, { "trust" }, { "code", .list = &code_table },
	{ "operands", .list = &operand_table }, { "operand_address", .title = "OPERANDS' ADDRESS" },
	{ "agrees", .hidden = true }, { "fields", .title = "STATUS", .list = &field_table },
	{ "regs_block", .title = "REGISTERS", .text_only = true },
	{ "registers", .hidden = true, .list = &register_rows_table }, { 0 } };
static const struct table fault_table = { .layout = LAYOUT_RECORD, .columns = fault_columns };

static const struct option fault_options[] = {
	{ 'r', NULL, "all registers and the fields of the status, too" }, { 0 }
};

static const char *access_word(enum fault_access a)
{
	static const char *const word[] = { [FAULT_ACCESS_UNKNOWN] = NULL,
		[FAULT_READS] = "read",
		[FAULT_WRITES] = "write",
		[FAULT_EXECUTES] = "execute" };
	return word[a];
}

/* ---- the parts --------------------------------------------------------------------------- */

static void show_exception(struct cx *cx, const struct fault_context *f)
{
	const char *name =
		f->exception ? f->exception : "an exception whose entry code is not known";
	const struct fault_status *d = &f->decoded;
	out_bool(cx->out, "own", f->kind != EXCEPTION_ASIDE);
	out_str(cx->out, "trap", f->trap);
	if (!f->status.source) {
		out_strf(cx->out, "exception", "%s%s%s%s", name, f->trap ? ", " : "",
			f->trap ? f->trap : "",
			f->kind != EXCEPTION_ASIDE
				? ""
				: ": the code that it came upon did not cause it");
		return;
	}
	bool same = !strcmp(name, d->what); /* ARM32: the entry code says as much */
	out_strf(cx->out, "exception", "%s%s%s%s%s", name, same ? "" : ": ", same ? "" : d->what,
		d->details ? ", " : "", d->details ? d->details : "");
	out_str(cx->out, "class", d->what);
	out_str(cx->out, "details", d->details);
	out_str(cx->out, "access", access_word(d->access));
	out_hex(cx->out, "status", f->status.v);
	out_str(cx->out, "status_source", f->status.source);
}

static void show_address(struct cx *cx, const struct fault_context *f)
{
	const struct arch_layout *l = &vspace_facts(cx->target->kernel)->layout;
	if (!f->address.source)
		return;
	/* As the kernel prints it: a tag of the upper half stays (arch/arm64/include/asm/memory.h,
	 * untagged_addr()). */
	out_addr(cx->out, "address", f->address.v & cx->target->arch->untag(l, f->address.v));
	out_str(cx->out, "address_source", f->address.source);
}

static void show_place(struct cx *cx, const struct fault_context *f)
{
	const struct target *t = cx->target;
	const struct arch *arch = t->arch;
	uint64_t pc = f->regs.v[arch->reg_pc];
	uint64_t lr = arch->strip(&vspace_facts(t->kernel)->layout, f->regs.v[arch->reg_lr]);
	struct symbol sym;
	scoped_strbuf struct strbuf name = { 0 };
	scoped_strbuf struct strbuf lr_name = { 0 };
	struct source_frame source[SOURCE_FRAMES_MAX] = { 0 };
	out_addr(cx->out, "pc", pc);
	out_addr(cx->out, "lr", lr);
	if (symtab_at(t->syms, pc, &sym)) {
		symtab_format(t->syms, pc, false, &name);
		out_str(cx->out, "place", strbuf_text(&name));
		out_str(cx->out, "symbol", sym.name);
		out_hex(cx->out, "offset", pc - sym.va);
	} else {
		out_strf(cx->out, "place", "0x%llx, which is in no function",
			(unsigned long long)pc);
	}
	if (symtab_format(t->syms, lr, false, &lr_name))
		out_str(cx->out, "caller", strbuf_text(&lr_name));
	else
		out_strf(cx->out, "caller", "0x%llx", (unsigned long long)lr);
	if (!frame_source(cx->target, &f->trace.frame[f->frame], source) || !source[0].file)
		return;
	out_strf(cx->out, "source", "%s:%d%s%s", source[0].file, source[0].line,
		source[0].inlined ? ", inlined " : "",
		source[0].inlined && source[0].function ? source[0].function : "");
	out_str(cx->out, "file", source[0].file);
	out_int(cx->out, "line", source[0].line);
}

/* Four instructions before, as the kernel's "Code:" line has them, and two after. */
static struct err *show_code(struct cx *cx, const struct fault_context *f)
{
	enum { BEFORE = 4, AFTER = 2 };
	struct disasm *d = NULL;
	uint64_t pc = f->regs.v[cx->target->arch->reg_pc];
	uint64_t va = pc - BEFORE * f->code_bytes;
	struct symbol sym;
	if (symtab_at(cx->target->syms, pc, &sym) && va < sym.va)
		va = sym.va & ~1ull;
	/* Thumb code can only be read from a known beginning; the fault itself is one. */
	if (f->thumb)
		va = pc;
	struct err *err = disasm_open(cx->target->kernel, cx->target->syms, f->thumb, &d);
	out_list_begin(cx->out, "code");
	for (unsigned after = 0; !err && after <= AFTER;) {
		struct insn insn;
		scoped_strbuf struct strbuf bytes = { 0 };
		err = disasm_one(d, va, &insn);
		if (err)
			break;
		out_row(cx->out);
		out_str(cx->out, "mark", va == pc ? "=>" : "");
		out_bool(cx->out, "at", va == pc);
		out_addr(cx->out, "address", va);
		if (insn.size == 4 && !f->thumb)
			strbuf_addf(&bytes, "%08x", load_u32le(insn.bytes));
		else
			for (unsigned i = 0; i < insn.size; i += 2)
				strbuf_addf(&bytes, "%04x", load_u16le(insn.bytes + i));
		out_str(cx->out, "bytes", strbuf_text(&bytes));
		out_str(cx->out, "insn", insn.text);
		after += va >= pc;
		va += insn.size;
	}
	out_list_end(cx->out);
	disasm_close(d);
	return err;
}

static void show_operands(struct cx *cx, const struct fault_context *f)
{
	const struct insn_access *in = &f->insn;
	const struct target *t = cx->target;
	out_list_begin(cx->out, "operands");
	for (unsigned i = 0; i < in->noperands; i++) {
		const struct insn_operand *o = &in->operand[i];
		scoped_strbuf struct strbuf name = { 0 };
		out_row(cx->out);
		out_str(cx->out, "name", o->name);
		if (o->known)
			out_addr(cx->out, "value", o->value);
		else
			out_fault(cx->out, "value", err_new(ERR_MISSING, "not known"));
		if (o->known && symtab_format(t->syms,
					t->arch->strip(&vspace_facts(t->kernel)->layout, o->value),
					false, &name))
			out_str(cx->out, "symbol", strbuf_text(&name));
		out_str(cx->out, "role",
			in->memory && o->reg == in->base && o->read    ? "base"
			: in->memory && o->reg == in->index && o->read ? "index"
			: o->read				       ? "input"
								       : "output");
	}
	out_list_end(cx->out);
	if (!in->memory || !in->known)
		return;
	scoped_strbuf struct strbuf sum = { 0 };
	strbuf_add(&sum, t->arch->reg_name[in->base]);
	if (in->index != INSN_NO_REGISTER)
		strbuf_addf(&sum, " + 0x%llx (%s)", (unsigned long long)in->index_value,
			t->arch->reg_name[in->index]);
	if (in->offset)
		strbuf_addf(&sum, " %c 0x%llx", in->offset < 0 ? '-' : '+',
			(unsigned long long)(in->offset < 0 ? -in->offset : in->offset));
	bool agrees = fault_agrees(t, f);
	out_strf(cx->out, "operand_address", "%s = 0x%0*llx%s", strbuf_text(&sum),
		t->abi.word_bytes * 2, (unsigned long long)in->va,
		!f->address.source		      ? ""
		: agrees			      ? ", the address of the fault"
		: f->decoded.access == FAULT_EXECUTES ? ""
						      : ", which is NOT the address of the fault");
	if (f->address.source)
		out_bool(cx->out, "agrees", agrees);
}

static void show_fields(struct cx *cx, const struct fault_context *f)
{
	out_list_begin(cx->out, "fields");
	for (unsigned i = 0; i < f->decoded.nfields; i++) {
		const struct fault_field *field = &f->decoded.field[i];
		out_row(cx->out);
		out_str(cx->out, "name", field->name);
		out_hex(cx->out, "value", field->value);
		out_str(cx->out, "meaning", field->meaning);
	}
	out_list_end(cx->out);
}

/* ---- what the address means -------------------------------------------------------------- */

enum { POINTERS_MAX = 3 };

static struct bad_address_hint make_hint(const struct cx *cx, const struct fault_context *f,
	const struct task *task, const struct fault_pointer *pointer, size_t n)
{
	struct bad_address_hint hint = { .task = task,
		.status = f->status.source ? &f->decoded : NULL };
	const struct insn_access *in = &f->insn;
	/* The instruction's own pointer counts when it made this address. */
	if (f->decoded.access != FAULT_EXECUTES && in->index == INSN_NO_REGISTER &&
		fault_agrees(cx->target, f)) {
		hint.has_base = true;
		hint.base = f->regs.v[in->base];
		hint.base_name = cx->target->arch->reg_name[in->base];
		hint.offset = in->offset;
		hint.pointer = pointer;
		hint.npointers = n;
	}
	if (cx->target->abi.word_bytes == 8) {
		hint.pan_known = true;
		hint.pan = f->regs.v[cx->target->arch->reg_status] >> 22 & 1; /* PSR_PAN_BIT */
	}
	return hint;
}

static void add_meaning(const struct bad_address_row *row, struct strbuf *out)
{
	strbuf_addf(out, "%s%s", out->len ? "; " : "", row->text);
	if (row->evidence)
		strbuf_addf(out, " (%s)", row->evidence);
}

static struct err *show_explanations(
	struct cx *cx, const struct fault_context *f, const struct task *task)
{
	struct fault_pointer pointer[POINTERS_MAX];
	struct bad_address said;
	scoped_strbuf struct strbuf means = { 0 };
	scoped_strbuf struct strbuf also = { 0 };
	size_t n = fault_pointers(cx->target, f, pointer, POINTERS_MAX);
	struct bad_address_hint hint = make_hint(cx, f, task, pointer, n);
	if (!f->address.source)
		return NULL;
	struct err *err = bad_address_explain(cx->target, f->address.v, &hint, cx->arena, &said);
	if (err)
		return err;
	for (unsigned i = 0; i < said.n; i++)
		add_meaning(said.row + i, i ? &also : &means);
	if (means.len)
		out_str(cx->out, "means", strbuf_text(&means));
	if (also.len)
		out_str(cx->out, "also", strbuf_text(&also));
	out_list_begin(cx->out, "explanations");
	for (unsigned i = 0; i < said.n; i++) {
		out_row(cx->out);
		out_str(cx->out, "kind", said.row[i].kind);
		out_str(cx->out, "text", said.row[i].text);
		out_str(cx->out, "evidence", said.row[i].evidence);
	}
	out_list_end(cx->out);
	return NULL;
}

/* ---- the command ---------------------------------------- */

static struct err *show_task(struct cx *cx, const struct args *a, const struct task *task)
{
	struct fault_context f;
	struct err *err = fault_find(cx->target, task, cx->arena, &f);
	if (err)
		return err;
	out_row(cx->out);
	show_exception(cx, &f);
	show_address(cx, &f);
	err = show_explanations(cx, &f, task);
	if (err)
		return err;
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
	show_place(cx, &f);
	out_uint(cx->out, "frame", f.frame);
	out_addr(cx->out, "pt_regs", f.pt_regs_va);
	out_str(cx->out, "trust", frame_trust_name(f.trace.frame[f.frame].trust));
	if (f.has_code)
		err = show_code(cx, &f);
	if (err && err->code != ERR_INTERRUPTED) {
		out_complain(cx->out, err_wrap(err, "the code behind the fault"));
		err = NULL;
	}
	if (f.has_insn && f.insn.noperands)
		show_operands(cx, &f);
	if (f.status.source && args_flag(a, 'r'))
		show_fields(cx, &f);
	if (args_flag(a, 'r'))
		register_rows_show(cx, "registers", "regs_block", &f.regs, NULL);
	return err;
}

static struct err *fault_run(struct cx *cx, const struct args *a)
{
	struct err *err = target_need_kernel(cx->target);
	if (err)
		return err;
	out_table(cx->out, &fault_table);
	return each_named_task(cx, a, show_task);
}

static const char *const fault_examples[] = {
	"fault\tof the current task (set), at first the one that panicked",
	"fault -r 1\tof pid 1, with all its registers",
	NULL,
};

const struct command cmd_fault = {
	.name = "fault",
	.summary = "the exception that a task is in: instruction, operands, what the address means",
	.usage = "[PID|TASK…]",
	.details = "The status (ESR, FSR) and the address (FAR) are registers that the dump lacks: "
		   "they are taken from\n"
		   "where the exception's handlers keep them, else from the kernel's log, and FROM "
		   "says which.",
	.options = fault_options,
	.examples = fault_examples,
	.max_args = -1,
	.complete = "task",
	.run = fault_run,
};
