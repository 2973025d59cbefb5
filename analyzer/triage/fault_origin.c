/* Where the bad pointer came from, in words, and from which object. What register it is the
 * instruction says; the way back is origin.h's. */
#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/stack/bad_address.h"
#include "analyzer/triage/object.h"
#include "analyzer/triage/origin.h"

static const char *place(struct triage *tr, uint64_t va)
{
	scoped_strbuf struct strbuf out = { 0 };
	if (!symtab_format(tr->t->syms, va, false, &out))
		strbuf_addf(&out, "0x%" PRIx64, va);
	return arena_strdup(&tr->arena, strbuf_text(&out));
}

/* "account_at", "table+0x20 [module]" */
static const char *variable(struct triage *tr, const struct symbol *sym, uint64_t va)
{
	const char *added =
		va == sym->va ? "" : arena_printf(&tr->arena, "+0x%" PRIx64, va - sym->va);
	return arena_printf(&tr->arena, "%s%s", sym->name, added);
}

/* ": member partner of struct widget"; "" where no type is known. */
static const char *member_words(struct triage *tr, const struct origin *o)
{
	scoped_strbuf struct strbuf path = { 0 };
	const struct type *type = o->type ? type_strip(o->type) : NULL;
	if (!type || !type->name || !bad_address_member(tr->t->types, type, o->offset, &path))
		return "";
	return arena_printf(&tr->arena, ": member %s of %s %s", strbuf_text(&path),
		type->kind == TYPE_UNION ? "union" : "struct", type->name);
}

/* "; that is in the slab object mb_widget at 0x…, which is free"; "" for the stack and variables.
 */
static const char *object_words(struct triage *tr, const struct object *o)
{
	return arena_printf(&tr->arena, "; that is in %s%s%s at 0x%" PRIx64 "%s%s", o->kind,
		o->name ? " " : "", o->name ? o->name : "", o->va, o->state ? ", " : "",
		o->state ? o->state : "");
}

static bool is_freed(const struct object *o)
{
	return o->state && strstr(o->state, "free");
}

static struct err *say_load(struct triage *tr, struct finding *f, const char *reg,
	const char *added, const struct origin *o)
{
	struct object object;
	struct symbol sym;
	const char *words = "";
	struct err *err = object_find(tr->t, o->va, &tr->arena, &object);
	bool named = symtab_at(tr->t->syms, o->va, &sym) && sym.va <= o->va;
	if (err && err->code == ERR_INTERRUPTED)
		return err;
	bool slab = !err && !strcmp(object.kind, "slab object");
	err_drop(err); /* it is in nothing that has a name */
	if (slab)
		words = object_words(tr, &object);
	else if (named)
		words = arena_printf(&tr->arena, "; that is %s", variable(tr, &sym, o->va));
	const char *now = o->agrees ? ""
				    : arena_printf(&tr->arena, ", where there is 0x%" PRIx64 " now",
					      o->value);
	finding_say(tr, f, EVIDENCE_MEMORY,
		o->certain && o->agrees ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
		arena_printf(&tr->arena, "rd 0x%" PRIx64, o->va), "pointer from",
		"%s%s was loaded by %s from 0x%" PRIx64 "%s%s%s", reg, added, place(tr, o->pc),
		o->va, member_words(tr, o), words, now);
	if (slab && o->agrees && f->class == VERDICT_USE_AFTER_FREE && !f->object &&
		is_freed(&object))
		finding_object(tr, f, &object);
	return NULL;
}

struct err *finding_origin(struct triage *tr, struct finding *f)
{
	const struct fault_context *c = &tr->facts.fault;
	struct origin o;
	if (c->decoded.access == FAULT_EXECUTES || !c->has_insn || !c->insn.memory ||
		c->insn.base == INSN_NO_REGISTER || !fault_agrees(tr->t, c) ||
		!origin_find(tr->t, &c->trace, c->frame, c->insn.base, c->thumb, &tr->arena, &o))
		return interrupt_check();
	const char *reg = tr->t->arch->reg_name[c->insn.base];
	const char *added = o.added ? arena_printf(&tr->arena, " less 0x%" PRIx64, o.added) : "";
	enum confidence sure = o.certain ? CONFIDENCE_SURE : CONFIDENCE_LIKELY;
	const char *command = arena_printf(&tr->arena, "dis 0x%" PRIx64, o.pc);
	if (o.kind == ORIGIN_LOADED)
		return say_load(tr, f, reg, added, &o);
	if (o.kind == ORIGIN_RETURNED)
		finding_say(tr, f, EVIDENCE_INFERENCE, sure, command, "pointer from",
			"%s%s was returned by %s, which %s called", reg, added,
			o.callee ? place(tr, o.callee) : "a function through a pointer",
			place(tr, o.pc));
	else
		finding_say(tr, f, EVIDENCE_MEMORY, sure, command, "pointer from",
			"%s%s is a constant of the code at %s", reg, added, place(tr, o.pc));
	return NULL;
}
