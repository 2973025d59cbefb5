/*
 * Knows where the kernel keeps its canaries, and remembers for each place in code what the
 * architecture has read out of it. What an instruction does is not known here, nor what a word that
 * is no canary means.
 */
#include "analyzer/stack/canary.h"

#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/stack/stacks.h"

struct place {
	uint64_t key; /* the address, and Thumb in bit 0; 0: this one is free */
	enum canary_answer answer;
	struct canary_slot slot;
};

struct canaries {
	struct target *t;
	struct arch_env env;
	struct canary_source from;
	struct place *place; /* a hash table with open addresses */
	size_t nplaces, size;
};

/* ---- where the kernel has it ------------------------------------------------------------- */

struct canary_members {
	uint64_t va;
};
static const struct view_field member_fields[] = {
	FIELD_ADDRESS_OPTIONAL(struct canary_members, va, "stack_canary"),
};
static const struct view_spec task_spec = {
	.type = "task_struct",
	.hint = "init/main.c",
	.fields = member_fields,
	.nfields = ARRAY_SIZE(member_fields),
};
/* arch/arm/include/asm/thread_info.h, up to v5.15, with CONFIG_STACKPROTECTOR_PER_TASK */
static const struct view_spec info_spec = {
	.type = "thread_info",
	.hint = "init/main.c",
	.fields = member_fields,
	.nfields = ARRAY_SIZE(member_fields),
};

static bool find_member(struct target *t, const struct view_spec *spec, uint64_t *ret)
{
	const struct view *view;
	scoped_err struct err *err = target_view(t, spec, &view);
	if (err || !view_has(view, 0))
		return false;
	*ret = view_offset(view, 0);
	return true;
}

/*
 * arch/arm/kernel/process.c, arch/arm64/kernel/process.c, v5.0 to v7.2: __stack_chk_guard is there
 * without CONFIG_STACKPROTECTOR_PER_TASK only. A table of symbols that has no data cannot tell:
 * then code that takes it from a task is the proof.
 */
static bool find_source(struct target *t, struct canary_source *ret)
{
	struct symbol guard;
	struct canary_source s = { 0 };
	if (symtab_find_kernel(t->syms, "__stack_chk_guard", &guard)) {
		s.kind = CANARY_OF_ALL;
		s.where = guard.va;
	} else if (find_member(t, &info_spec, &s.where)) {
		s.kind = CANARY_OF_STACK;
		scoped_err struct err *err = task_stack_bytes(t, &s.stack_bytes);
		if (err)
			return false;
	} else if (find_member(t, &task_spec, &s.where)) {
		s.kind = CANARY_OF_TASK;
	} else {
		return false;
	}
	*ret = s;
	return true;
}

/* ---- what is known of code --------------------------------------------------------------- */

static bool answer_read(void *cx, uint64_t va, void *buf, size_t n)
{
	struct canaries *c = cx;
	return vspace_try_read(c->t->kernel, va, buf, n, NULL) == FAULT_NONE;
}

struct canaries *canaries_create(struct target *t)
{
	struct canary_source from;
	if (!t->arch->canary || !find_source(t, &from))
		return NULL;
	struct canaries *c = xcalloc(1, sizeof(*c));
	*c = (struct canaries){ .t = t, .from = from, .env = { .cx = c, .read = answer_read } };
	return c;
}

void canaries_destroy(struct canaries *c)
{
	if (c)
		free(c->place);
	free(c);
}

static struct place *slot_for(struct place *table, size_t size, uint64_t key)
{
	size_t at = (size_t)((key * 0x9e3779b97f4a7c15ull) >> 32) & (size - 1);
	while (table[at].key && table[at].key != key)
		at = (at + 1) & (size - 1);
	return &table[at];
}

static void grow(struct canaries *c)
{
	size_t size = c->size ? c->size * 2 : 256;
	struct place *table = xcalloc(size, sizeof(*table));
	for (size_t i = 0; i < c->size; i++)
		if (c->place[i].key)
			*slot_for(table, size, c->place[i].key) = c->place[i];
	free(c->place);
	c->place = table;
	c->size = size;
}

/* In front of the instruction at @pc. Code that no symbol holds is not understood: .answer is 0. */
static struct place look_at(struct canaries *c, uint64_t pc, bool thumb)
{
	struct place p = { .key = pc | thumb };
	struct symbol sym;
	if (!p.key || !symtab_at(c->t->syms, pc, &sym))
		return p;
	if (c->nplaces * 2 >= c->size)
		grow(c);
	struct place *known = slot_for(c->place, c->size, p.key);
	if (known->key)
		return *known;
	struct canary_code code = {
		.start = sym.va & ~(uint64_t)thumb, .size = sym.size, .pc = pc, .thumb = thumb
	};
	p.answer = c->t->arch->canary(&c->env, &c->t->abi, &c->from, &code, &p.slot);
	c->nplaces++;
	*known = p;
	return p;
}

/* A return address: in front of the call, so that a call that never returns counts too. Thumb's are
 * of two lengths, and only one of them begins where some way leads. */
static struct place look_at_frame(struct canaries *c, const struct frame *f)
{
	uint64_t pc = frame_code_va(f);
	bool thumb = f->pc & 1 && !f->exact;
	struct symbol sym;
	if (f->exact && symtab_at(c->t->syms, f->pc, &sym))
		thumb = sym.thumb;
	if (f->exact)
		return look_at(c, pc, thumb);
	if (f->lookup_pc == pc || pc < 4)
		return (struct place){ 0 };
	struct place p = look_at(c, pc - 4, thumb);
	return thumb && p.answer == CANARY_ELSEWHERE ? look_at(c, pc - 2, thumb) : p;
}

/* ---- frames ------------------------------------------------------------------------------ */

/* The slot by the registers that are known; they must agree, and lead into what the frame has of
 * its stack: from its stack pointer on, or from what the function that it called had used. */
static bool slot_of(struct target *t, const struct task *task, const struct trace *trace, size_t i,
	struct place p, uint64_t *ret)
{
	const struct arch *arch = t->arch;
	const struct frame *f = &trace->frame[i];
	bool sp = p.slot.by_sp && regs_has(&f->regs, arch->reg_sp),
	     fp = p.slot.by_fp && regs_has(&f->regs, arch->reg_fp);
	uint64_t by_sp = f->regs.v[arch->reg_sp] + (uint64_t)p.slot.from_sp,
		 by_fp = f->regs.v[arch->reg_fp] + (uint64_t)p.slot.from_fp;
	struct stack stack;
	if ((!sp && !fp) || (sp && fp && by_sp != by_fp))
		return false;
	uint64_t va = sp ? by_sp : by_fp;
	if (va % t->abi.word_bytes || !stack_find(t, task, va, &stack) || va == stack.hi)
		return false;
	uint64_t floor = stack.lo;
	if (regs_has(&f->regs, arch->reg_sp))
		floor = f->regs.v[arch->reg_sp];
	else if (i && trace->frame[i - 1].sp >= stack.lo && trace->frame[i - 1].sp < stack.hi)
		floor = trace->frame[i - 1].sp;
	*ret = va;
	return va >= floor;
}

/* A page that is zero is what some dumps make of one that they have lost. */
static bool is_lost(struct target *t, uint64_t va, uint64_t found)
{
	uint8_t page[4096];
	if (found || vspace_try_read(t->kernel, va & -(uint64_t)sizeof(page), page, sizeof(page),
			     NULL) != FAULT_NONE)
		return false;
	for (size_t i = 0; i < sizeof(page); i++)
		if (page[i])
			return false;
	return true;
}

/* kernel/panic.c, 4.19 to 7.2; its only callers are functions whose canary was overwritten */
static bool in_check_fail(const struct canaries *c, const struct frame *f)
{
	struct symbol sym;
	return symtab_at(c->t->syms, f->lookup_pc, &sym) && !strcmp(sym.name, "__stack_chk_fail");
}

void canaries_check(struct canaries *c, const struct task *task, const struct trace *trace,
	uint64_t expected, struct canary_counts *ret)
{
	struct canary_counts n = { .alike = true };
	for (size_t i = 0; i < trace->nframes; i++) {
		const struct frame *f = &trace->frame[i];
		bool sure = f->trust == TRUST_SURE;
		uint64_t va, found;
		/* What was searched for may be left over from a call that has returned: not the one
		 * that found its own canary overwritten, as that call never returns. */
		if (!sure && (!i || !in_check_fail(c, &trace->frame[i - 1])))
			continue;
		struct place p = look_at_frame(c, f);
		n.frames += p.answer == CANARY_HELD || p.answer == CANARY_ELSEWHERE;
		if (p.answer != CANARY_HELD || !slot_of(c->t, task, trace, i, p, &va) ||
			!vspace_try_word(c->t->kernel, va, &found) || is_lost(c->t, va, found))
			continue;
		if (!sure && found == expected)
			continue; /* not where that call's frame is */
		n.checked++;
		if (found == expected)
			continue;
		if (!n.damaged++)
			n.found = (struct canary_found){ .frame = (unsigned)i,
				.lookup_pc = f->lookup_pc,
				.slot_va = va,
				.found = found };
		n.alike &= found == n.found.found;
	}
	*ret = n;
}
