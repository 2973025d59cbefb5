/* Finds the exception in a trace and reads what the CPU had said about it from where the handlers
 * keep it. */
#include "analyzer/stack/fault.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/kernel/printk.h"
#include "analyzer/stack/cfi.h"
#include "analyzer/stack/exception_frames.h"
#include "analyzer/stack/locals.h"

static const char *words(struct arena *a, struct strbuf *b)
{
	return arena_strdup(a, strbuf_text(b));
}

/* ---- which of the trace's exceptions ---------------------------------------- */

static const char *entry_of(const struct target *t, const struct trace *trace, size_t i)
{
	struct symbol sym;
	return i && symtab_at(t->syms, trace->frame[i - 1].lookup_pc, &sym) ? sym.name : NULL;
}

static bool choose_frame(struct target *t, struct fault_context *f)
{
	bool found = false;
	for (size_t i = 0; i < f->trace.nframes; i++) {
		const struct frame *frame = &f->trace.frame[i];
		enum exception_kind kind = EXCEPTION_ASIDE;
		if (!frame->pt_regs_va || t->arch->user_mode(&frame->regs))
			continue;
		const char *name = t->arch->exception_name(entry_of(t, &f->trace, i), &kind);
		if (found && kind == EXCEPTION_ASIDE)
			continue;
		f->frame = i;
		f->exception = name;
		f->kind = kind;
		found = true;
	}
	return found;
}

/* ---- the status and the address, by the handlers' variables ------------------------------ */

static bool variable_number(const struct target *t, const struct variable *v, uint64_t *ret)
{
	if (v->state == VARIABLE_PLACE && v->type) {
		const struct type *type = type_strip(v->type);
		return type->size && type->size <= 8 &&
		       vspace_try_uint(t->kernel, v->va, (unsigned)type->size, ret);
	}
	if (v->state != VARIABLE_BYTES || !v->nbytes || v->nbytes > 8)
		return false;
	uint64_t n = 0;
	for (size_t i = 0; i < v->nbytes; i++) {
		size_t at = t->abi.big_endian ? v->nbytes - 1 - i : i;
		if (v->known[at] != 0xff)
			return false;
		n |= (uint64_t)v->bytes[at] << 8 * i;
	}
	*ret = n;
	return true;
}

static const char *const status_names[] = { "esr", "fsr", "ifsr", NULL };
static const char *const address_names[] = { "far", "addr", NULL };

static const struct variable *find_variable(
	const struct variable_scope *s, const char *const *names)
{
	for (size_t n = 0; names[n]; n++)
		for (size_t i = 0; i < s->nvariables; i++)
			if (s->variable[i].name && !strcmp(s->variable[i].name, names[n]))
				return &s->variable[i];
	return NULL;
}

static void take_variable(struct target *t, struct arena *a, const struct variable_scope *s,
	const char *const *names, struct fault_number *io)
{
	const struct variable *v = find_variable(s, names);
	uint64_t n;
	if (io->source || !v || !variable_number(t, v, &n))
		return;
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_addf(&b, "variable %s of %s()", v->name, s->function ? s->function : "?");
	/* do_PrefetchAbort() has the register as it is, and its callees get it marked as not of
	 * data: arch/arm/mm/fault.h, FSR_LNX_PF. */
	io->v = strcmp(v->name, "ifsr") ? n : n | 1u << 31;
	io->source = words(a, &b);
}

/* A function that speaks of a status is a handler; one that has an "addr" alone may be anything's.
 */
static void take_scope(
	struct target *t, struct arena *a, const struct variable_scope *s, struct fault_context *f)
{
	if (!find_variable(s, status_names))
		return;
	take_variable(t, a, s, status_names, &f->status);
	take_variable(t, a, s, address_names, &f->address);
}

/* From the entry code inwards: the outer handlers have them as the CPU gave them. */
static struct err *ask_handlers(struct target *t, struct arena *a, struct fault_context *f)
{
	struct err *err = NULL;
	for (size_t i = f->frame; !err && i-- > 0 && !(f->status.source && f->address.source);) {
		struct variable_scope *scope = NULL;
		size_t n = 0;
		if (f->trace.frame[i].pt_regs_va)
			break; /* another exception's handlers */
		err = frame_variables(t, &f->trace, i, a, &scope, &n);
		for (size_t k = n; !err && k-- > 0;)
			take_scope(t, a, &scope[k], f);
		if (err && err->code != ERR_INTERRUPTED && err->code != ERR_NO_MEMORY) {
			err_drop(err); /* without debug information there are other ways */
			err = NULL;
		}
	}
	return err;
}

/* ---- by the words on the stack ---------------------------------------- */

/* The handlers' part of the stack keeps the status in saved registers. One value that can be a
 * status, and no other, is it. */
static void search_stack(struct target *t, struct arena *a, struct fault_context *f)
{
	enum { WORDS_MAX = 8192 };
	uint64_t lo = f->trace.frame[0].sp, hi = f->pt_regs_va, found = 0, at = 0;
	unsigned word = t->abi.word_bytes;
	if (!t->arch->plausible_fault || !lo || lo >= hi || (hi - lo) / word > WORDS_MAX)
		return;
	for (uint64_t va = lo & -(uint64_t)word; va < hi; va += word) {
		uint64_t v;
		if (!vspace_try_word(t->kernel, va, &v) || !t->arch->plausible_fault(v) ||
			v == found)
			continue;
		if (found)
			return;
		found = v;
		at = va;
	}
	if (!found)
		return;
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_addf(&b, "a word of the handlers' stack at 0x%" PRIx64, at);
	f->status.v = found;
	f->status.source = words(a, &b);
}

/* ---- by the kernel's log ---------------------------------------- */

/* The number that stands between @before and @after (NULL: anything) in @text. */
static bool number_between(const char *text, const char *before, const char *after, uint64_t *ret)
{
	char digits[17];
	const char *p = strstr(text, before);
	if (!p)
		return false;
	p += strlen(before);
	size_t n = strspn(p, "0123456789abcdef");
	if (!n || n >= sizeof(digits) || (after && strncmp(p + n, after, strlen(after))))
		return false;
	memcpy(digits, p, n);
	digits[n] = '\0';
	return number_parse_hex(digits, ret);
}

static void take_line(struct fault_context *io, const char *text)
{
	static const char *const heads[] = {
		"Internal error: Oops: ", "Internal error: Oops - BUG: ", "Internal error: "
	};
	uint64_t v;
	if (number_between(text, "at virtual address ", NULL, &v))
		io->address = (struct fault_number){ v, "the kernel's log" };
	if (number_between(text, "ESR = 0x", NULL, &v))
		io->status = (struct fault_number){ v, "the kernel's log" };
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (number_between(text, heads[i], " [#", &v)) {
			io->status = (struct fault_number){ v, "the kernel's log" };
			break;
		}
}

/* The first report is the one that the kernel died of; a later one comes from its dying. */
static void ask_log(struct target *t, struct fault_context *f)
{
	struct printk_iter it;
	struct printk_record r;
	struct fault_context said = { 0 };
	bool more = false, first = true;
	struct err *err = printk_iter_init(&it, t);
	if (err) {
		err_drop(err); /* no log: nothing is said */
		return;
	}
	while (!(err = printk_iter_next(&it, &r, &more)) && more) {
		scoped_strbuf struct strbuf line = { 0 };
		strbuf_add_bytes(&line, r.text, r.text_bytes);
		const char *text = strbuf_text(&line);
		if (strstr(text, "Internal error: ") && first) {
			take_line(&said, text);
			first = false;
		} else if (first) {
			take_line(&said, text);
		}
	}
	err_drop(err); /* what was read before the damage counts */
	printk_iter_deinit(&it);
	if (!f->status.source)
		f->status = said.status;
	if (!f->address.source)
		f->address = said.address;
}

/* ---- the instruction ---------------------------------------- */

static void read_code(struct target *t, struct fault_context *f)
{
	const struct arch *arch = t->arch;
	uint64_t pc = f->regs.v[arch->reg_pc];
	/* CPSR.T; arm64's kernel has no such state. */
	f->thumb = t->abi.word_bytes == 4 && f->regs.v[arch->reg_status] >> 5 & 1;
	f->code_bytes = f->thumb ? 2 : 4;
	if (vspace_try_read(t->kernel, pc, f->code, f->code_bytes, NULL) != FAULT_NONE)
		return;
	f->has_code = true;
	/* ARM ARM: a Thumb instruction of 32 bits begins with 0b11101, 0b11110 or 0b11111. */
	if (f->thumb && load_u16le(f->code) >> 11 >= 0x1d) {
		f->has_code =
			vspace_try_read(t->kernel, pc + 2, f->code + 2, 2, NULL) == FAULT_NONE;
		f->code_bytes = 4;
	}
	if (f->has_code && f->kind == EXCEPTION_TRAP && arch->trap_name)
		f->trap = arch->trap_name(f->code, f->thumb);
	f->has_insn = f->has_code && insn_access_read(arch, f->thumb, f->code, f->code_bytes, pc,
					     &f->regs, &f->insn);
}

/* Where the handlers' word is lost, the instruction's own address is as good when the status says
 * that there is one. */
static void compute_address(struct target *t, struct fault_context *f)
{
	if (f->address.source || (f->kind == EXCEPTION_FAULT && !f->decoded.has_address))
		return;
	if (f->decoded.access == FAULT_EXECUTES)
		f->address =
			(struct fault_number){ f->regs.v[t->arch->reg_pc], "the program counter" };
	else if (f->has_insn && f->insn.memory && f->insn.known)
		f->address = (struct fault_number){ f->insn.va, "the instruction's operands" };
}

static bool is_panicking(struct target *t, const struct task *task)
{
	struct task panicking;
	unsigned cpu;
	scoped_err struct err *err = task_panicking(t, &panicking, &cpu);
	return !err && panicking.va == task->va;
}

static struct err *read_numbers(
	struct target *t, const struct task *task, struct arena *a, struct fault_context *f)
{
	struct err *err = ask_handlers(t, a, f);
	if (err)
		return err;
	if (!f->status.source)
		search_stack(t, a, f);
	if (is_panicking(t, task) && !(f->status.source && f->address.source))
		ask_log(t, f);
	if (f->status.source)
		t->arch->describe_fault(f->status.v, &f->decoded);
	/* A trap has a status, but no address: what a handler had in a variable of that name is not
	 * one. */
	if (f->status.source && !f->decoded.has_address)
		f->address = (struct fault_number){ 0 };
	return NULL;
}

struct err *fault_find(
	struct target *t, const struct task *task, struct arena *a, struct fault_context *ret)
{
	struct fault_context f = { 0 };
	struct err *err = trace_task(t, task, a, &f.trace);
	if (err)
		return err;
	if (!f.trace.user)
		cfi_fill_registers(t, task, &f.trace);
	if (f.trace.user || !choose_frame(t, &f))
		return err_new(ERR_NOT_FOUND,
			"pid %u is in no exception of the kernel's: bt shows how it "
			"came where it is",
			task->pid);
	f.pt_regs_va = f.trace.frame[f.frame].pt_regs_va;
	struct exception_frame saved;
	err = exception_frame_read(t, f.pt_regs_va, &saved);
	if (err)
		return err;
	f.regs = saved.regs;
	read_code(t, &f);
	if (f.kind == EXCEPTION_FAULT)
		err = read_numbers(t, task, a, &f);
	if (f.kind != EXCEPTION_ASIDE && !f.trap)
		compute_address(t, &f);
	if (!err)
		err = frame_variables(t, &f.trace, f.frame, a, &f.scope, &f.nscopes);
	if (err && err->code != ERR_INTERRUPTED) {
		err_drop(err); /* no debug information: no names */
		err = NULL;
	}
	if (!err)
		*ret = f;
	return err;
}

bool fault_agrees(const struct target *t, const struct fault_context *f)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	const struct insn_access *in = &f->insn;
	if (!f->address.source || !f->has_insn || !in->memory || !in->known)
		return false;
	uint64_t bytes = in->bytes ? in->bytes : 1;
	return t->arch->untag(l, f->address.v) - t->arch->untag(l, in->va) < bytes;
}

/* ---- what the base register points to ---------------------------------------- */

/* Whether a struct has room for the access: something of it starts or goes on at @offset. */
static bool reaches(struct target *t, const struct type *type, uint64_t offset)
{
	struct err *err = type_complete(t->types, type);
	if (err) {
		err_drop(err); /* a declaration only: it is of no use */
		return false;
	}
	return offset < type->size;
}

static const struct type *pointed_struct(const struct type *type)
{
	if (!type)
		return NULL;
	type = type_strip(type);
	if (type->kind != TYPE_POINTER || !type->target)
		return NULL;
	type = type_strip(type->target);
	return type->kind == TYPE_STRUCT || type->kind == TYPE_UNION ? type : NULL;
}

size_t fault_pointers(
	struct target *t, const struct fault_context *f, struct fault_pointer *out, size_t max)
{
	size_t n = 0;
	if (!f->has_insn || !f->insn.memory || f->insn.base == INSN_NO_REGISTER ||
		!regs_has(&f->regs, f->insn.base) || f->insn.offset < 0)
		return 0;
	for (size_t s = 0; s < f->nscopes; s++)
		for (size_t i = 0; n < max && i < f->scope[s].nvariables; i++) {
			const struct variable *v = &f->scope[s].variable[i];
			const struct type *type = pointed_struct(v->type);
			uint64_t value;
			if (!type || !v->name || !variable_number(t, v, &value) ||
				value != f->regs.v[f->insn.base] ||
				!reaches(t, type, (uint64_t)f->insn.offset))
				continue;
			bool known = false;
			for (size_t k = 0; k < n; k++)
				known |= out[k].type == type;
			if (!known)
				out[n++] = (struct fault_pointer){ v->name, type };
		}
	return n;
}
