/* per_cpu() and per_cpu_ptr() as the kernel's macros of these names: the address that symbol or
 * pointer has, moved to that CPU's copy (include/linux/percpu-defs.h, all versions). */
#include "analyzer/kernel/percpu_expr.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static struct err *check_cpu(const struct target *t, uint64_t cpu)
{
	struct cpu_mask possible;
	struct err *err = cpu_mask_read(t, CPUS_POSSIBLE, &possible);
	if (!err && (cpu >= CPUS_MAX || !cpu_mask_has(&possible, (unsigned)cpu)))
		err = err_new(ERR_USAGE, "there is no CPU %lld", (long long)cpu);
	return err;
}

/* The CPU number in the second argument; 0 when nothing may be read. */
static struct err *cpu_argument(const struct target *t, const struct expr_call *c, unsigned *ret)
{
	uint64_t cpu = 0;
	struct err *err = c->unevaluated ? NULL : value_number(c->env, &c->arg[1], &cpu);
	if (!err && !c->unevaluated)
		err = check_cpu(t, cpu);
	*ret = (unsigned)cpu;
	return err;
}

static struct err *call_per_cpu(void *cx, const struct expr_call *c, struct value *ret)
{
	const struct target *t = cx;
	unsigned cpu;
	if (c->arg[0].computed)
		return err_new(ERR_USAGE, "per_cpu() wants a variable; per_cpu_ptr() a pointer");
	struct err *err = cpu_argument(t, c, &cpu);
	*ret = c->arg[0];
	return err || c->unevaluated ? err : percpu_address(t, c->arg[0].va, cpu, &ret->va);
}

static struct err *call_per_cpu_ptr(void *cx, const struct expr_call *c, struct value *ret)
{
	const struct target *t = cx;
	unsigned cpu;
	*ret = c->arg[0];
	struct err *err = cpu_argument(t, c, &cpu);
	if (!err && !c->unevaluated)
		err = expr_load(c->env, ret);
	if (!err && type_strip(ret->type)->kind != TYPE_POINTER)
		err = err_new(ERR_USAGE, "per_cpu_ptr() wants a pointer; per_cpu() a variable");
	return err || c->unevaluated ? err : percpu_address(t, ret->number, cpu, &ret->number);
}

void percpu_expr_register(struct expr_state *s, struct target *t)
{
	const struct expr_function functions[] = {
		{ "per_cpu", "per_cpu(VARIABLE, CPU)", 2, 2, call_per_cpu, t },
		{ "per_cpu_ptr", "per_cpu_ptr(POINTER, CPU)", 2, 2, call_per_cpu_ptr, t },
	};
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		expr_state_add_function(s, &functions[i]);
}

/* ---- EXPRESSION:CPU ----------------------------------------------- */

static struct err *find_copy(void *cx, const char *name, struct value *ret, bool *ret_found)
{
	struct percpu_names *n = cx;
	struct symbol sym;
	struct value v;
	*ret_found = false;
	if (!symtab_find(n->t->syms, name, &sym) || !percpu_is_static(n->t, sym.va))
		return NULL;
	struct err *err = value_parse(&n->t->debug, name, &v); /* has no names: the symbol itself */
	if (!err)
		err = percpu_address(n->t, v.va, n->cpu, &v.va);
	if (err)
		return err;
	n->moved = *ret_found = true;
	*ret = v;
	return NULL;
}

void percpu_names_init(struct percpu_names *n, const struct target *t, unsigned cpu)
{
	*n = (struct percpu_names){ { find_copy, n }, t, cpu, false };
}

/* ---- lists of CPUs ----------------------------------------------- */

/* A CPU number at *io; false when there is none. */
static bool next_cpu(const char **io, uint64_t *ret)
{
	char *end;
	if (!isdigit((unsigned char)**io))
		return false;
	*ret = strtoull(*io, &end, 10);
	*io = end;
	return true;
}

struct err *cpu_list_parse(const struct target *t, const char *text, struct cpu_mask *ret)
{
	struct cpu_mask m = { 0 };
	const char *p = text;
	if (!strcmp(text, "a") || !strcmp(text, "all"))
		return cpu_mask_read(t, CPUS_POSSIBLE, ret);
	for (bool more = true; more; p++) {
		uint64_t first, last;
		if (!next_cpu(&p, &first))
			return err_new(ERR_USAGE, "%s: no list of CPUs (a, 0, 0,2-3)", text);
		last = first;
		if (*p == '-' && (p++, !next_cpu(&p, &last)))
			return err_new(ERR_USAGE, "%s: no list of CPUs (a, 0, 0,2-3)", text);
		if (last < first || last >= CPUS_MAX || (*p && *p != ','))
			return err_new(ERR_USAGE, "%s: no list of CPUs (a, 0, 0,2-3)", text);
		for (uint64_t cpu = first; cpu <= last; cpu++) {
			struct err *err = check_cpu(t, cpu);
			if (err)
				return err;
			m.bits[cpu / 64] |= 1ull << (cpu % 64);
		}
		more = *p == ',';
	}
	*ret = m;
	return NULL;
}

size_t cpu_suffix_find(const char *text)
{
	const char *colon = strrchr(text, ':');
	if (!colon || colon == text || !colon[1] || strchr(text, '?') || strchr(text, '"'))
		return 0;
	bool all = !strcmp(colon + 1, "a") || !strcmp(colon + 1, "all");
	bool list =
		isdigit((unsigned char)colon[1]) && !colon[1 + strspn(colon + 1, "0123456789,-")];
	return all || list ? (size_t)(colon - text) : 0;
}
