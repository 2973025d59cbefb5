/*
 * What a register held when its function was entered, by what the caller's debug information says
 * of the call: DW_OP_entry_value (DWARF 5, 2.5.1.7, 3.4). Believed only if that call was one of
 * this function: a function that the callee was reached through by a jump may have changed the
 * register.
 */
#include <dwarf.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/variables_internal.h"

enum { DIES_MAX = 1 << 16, DEPTH_MAX = 64 };

static struct err *unknown(const char *why)
{
	return err_new(ERR_MISSING, "the value at the function's entry is not known: %s", why);
}

/* GNU's form of these, before DWARF 5, has other numbers. */
static bool attr_of(Dwarf_Die *die, unsigned name, unsigned gnu_name, Dwarf_Attribute *ret)
{
	return dwarf_attr(die, name, ret) || dwarf_attr(die, gnu_name, ret);
}

static bool is_call_site(Dwarf_Die *die, uint64_t return_va)
{
	Dwarf_Attribute attr;
	Dwarf_Addr va;
	int tag = dwarf_tag(die);
	return (tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site) &&
	       attr_of(die, DW_AT_call_return_pc, DW_AT_low_pc, &attr) &&
	       !dwarf_formaddr(&attr, &va) && va == return_va;
}

/* The call that returns to @return_va, in @die or the blocks and inlined functions within. */
static bool find_call_site(
	Dwarf_Die *die, uint64_t return_va, unsigned depth, unsigned *io_left, Dwarf_Die *ret)
{
	Dwarf_Die child;
	Dwarf_Off at;
	if (depth > DEPTH_MAX || dwarf_child(die, &child))
		return false;
	do {
		at = dwarf_dieoffset(&child);
		if (!(*io_left)--) {
			*io_left = 0;
			return false;
		}
		int tag = dwarf_tag(&child);
		if (is_call_site(&child, return_va)) {
			*ret = child;
			return true;
		}
		if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) &&
			find_call_site(&child, return_va, depth + 1, io_left, ret))
			return true;
	} while (!dwarf_siblingof(&child, &child) && dwarf_dieoffset(&child) > at);
	return false;
}

/* Whether the call was of @callee's function: by its name, or where a register said where to call,
 * by that. */
static bool calls(
	struct variables_cx *caller, Dwarf_Die *site, struct variables_cx *callee, unsigned nesting)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin;
	Dwarf_Addr entry;
	Dwarf_Op *op;
	size_t n;
	uint64_t target;
	const char *name = dwarf_diename(&callee->code.function);
	if (attr_of(site, DW_AT_call_origin, DW_AT_abstract_origin, &attr)) {
		const char *called =
			dwarf_formref_die(&attr, &origin) ? dwarf_diename(&origin) : NULL;
		return name && called && !strcmp(name, called);
	}
	if (!attr_of(site, DW_AT_call_target, DW_AT_GNU_call_site_target, &attr) ||
		dwarf_getlocation(&attr, &op, &n) || dwarf_entrypc(&callee->code.function, &entry))
		return false;
	struct location_env env = variables_location_env(caller, nesting);
	scoped_err struct err *err = location_number(&env, &attr, op, n, NULL, &target);
	struct symbol sym;
	const struct symtab *syms = caller->env->debug->syms;
	uint64_t run_entry = entry + caller->env->slide;
	return !err && (target == run_entry ||
			       (syms && symtab_at(syms, run_entry, &sym) && sym.va == target));
}

static bool is_register(const Dwarf_Op *op, size_t n, unsigned reg)
{
	return n == 1 && ((op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31 &&
				  op->atom - DW_OP_reg0 == (int)reg) ||
				 (op->atom == DW_OP_regx && op->number == reg));
}

/* The expression over the caller's frame that gave register @reg its value for the call. */
static bool find_parameter(Dwarf_Die *site, unsigned reg, Dwarf_Attribute *ret)
{
	Dwarf_Die child;
	Dwarf_Off at;
	if (dwarf_child(site, &child))
		return false;
	do {
		Dwarf_Attribute attr;
		Dwarf_Op *op;
		size_t n;
		int tag = dwarf_tag(&child);
		at = dwarf_dieoffset(&child);
		if ((tag == DW_TAG_call_site_parameter || tag == DW_TAG_GNU_call_site_parameter) &&
			dwarf_attr(&child, DW_AT_location, &attr) &&
			!dwarf_getlocation(&attr, &op, &n) && is_register(op, n, reg))
			return attr_of(&child, DW_AT_call_value, DW_AT_GNU_call_site_value, ret);
	} while (!dwarf_siblingof(&child, &child) && dwarf_dieoffset(&child) > at);
	return false;
}

static struct err *value_in_caller(
	struct variables_cx *callee, unsigned reg, unsigned nesting, uint64_t *ret)
{
	const struct variables_env *env = callee->env;
	struct variables_cx caller;
	Dwarf_Die site;
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t n;
	unsigned left = DIES_MAX;
	if (callee->n + 1 >= env->nframes || env->frame[callee->n + 1].exact ||
		!variables_enter(env, callee->n + 1, &caller))
		return unknown("there is no caller");
	uint64_t return_va = env->frame[caller.n].pc - env->slide;
	if (!find_call_site(&caller.code.function, return_va, 0, &left, &site))
		return unknown("nothing is said of the call");
	if (!calls(&caller, &site, callee, nesting))
		return unknown("the call was of another function");
	if (!find_parameter(&site, reg, &attr) || dwarf_getlocation(&attr, &op, &n))
		return unknown("the call does not say");
	struct location_env in_caller = variables_location_env(&caller, nesting);
	return location_number(&in_caller, &attr, op, n, NULL, ret);
}

struct err *variables_entry_value(
	void *cx, unsigned nesting, Dwarf_Attribute *attr, const Dwarf_Op *op, uint64_t *ret)
{
	Dwarf_Attribute inner;
	Dwarf_Op *ops;
	size_t n;
	if (nesting > LOCATION_NESTING_MAX || dwarf_getlocation_attr(attr, op, &inner) ||
		dwarf_getlocation(&inner, &ops, &n))
		return unknown("its expression makes no sense");
	if (n == 1 && ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31)
		return value_in_caller(cx, ops->atom - DW_OP_reg0, nesting, ret);
	if (n == 1 && ops->atom == DW_OP_regx && ops->number <= UINT16_MAX)
		return value_in_caller(cx, (unsigned)ops->number, nesting, ret);
	return unknown("it is no register");
}
