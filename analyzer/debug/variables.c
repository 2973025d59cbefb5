/*
 * Local variables by DWARF: the scopes at an address, the variables in them, and the location of
 * each evaluated over its frame. What a frame is comes from above; how a value is printed is
 * variable_format.c's business.
 */
#include <dwarf.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/variables_internal.h"

enum {
	SCOPES_MAX = 256,
	VARIABLES_MAX = 4096, /* of one function */
	BYTES_MAX = 1 << 16,  /* of an object put together from parts */
};

/* ---- which debug information ----------------------------------------------- */

static struct dwarf_source *source_in(struct types *db, size_t i)
{
	struct provider_slot *s = &db->slot.v[i];
	if (!s->scans)
		return NULL;
	struct type_provider *p = types_provider_at(db, i);
	return p && p->source_frames == dwarf_source_frames ? (struct dwarf_source *)p : NULL;
}

bool variables_function(
	struct types *db, uint64_t link_va, uint64_t start, struct variables_code *ret)
{
	for (size_t i = 0; i < db->slot.n; i++) {
		struct dwarf_source *s =
			types_slot_covers(db, i, link_va) ? source_in(db, i) : NULL;
		ret->va = link_va;
		ret->source = s;
		if (s && dwarf_find_function(s, start, &ret->va, &ret->unit, &ret->function))
			return true;
	}
	if (!db->modules.load)
		return false;
	types_modules_load(db);
	return variables_function(db, link_va, start, ret);
}

bool types_noreturn(struct types *db, uint64_t link_va)
{
	struct variables_code code;
	Dwarf_Attribute attr;
	bool flag;
	return variables_function(db, link_va, 0, &code) &&
	       dwarf_attr_integrate(&code.function, DW_AT_noreturn, &attr) &&
	       !dwarf_formflag(&attr, &flag) && flag;
}

/* ---- a frame as location expressions see it ---------------------------------------------- */

static bool answer_register(void *cx, unsigned reg, uint64_t *ret)
{
	const struct variables_cx *c = cx;
	const struct regs *regs = &c->env->frame[c->n].regs;
	if (reg > c->env->arch->reg_pc || !regs_has(regs, reg))
		return false;
	*ret = regs->v[reg];
	return true;
}

static enum fault_kind answer_read(void *cx, uint64_t va, void *buf, size_t n)
{
	const struct variables_cx *c = cx;
	struct vspace *vs = c->env->debug->vs;
	return vs ? vspace_try_read(vs, va, buf, n, NULL) : FAULT_UNMAPPED;
}

static struct err *answer_cfa(void *cx, uint64_t *ret)
{
	const struct variables_cx *c = cx;
	const struct variables_env *e = c->env;
	const struct variables_frame *f = &e->frame[c->n];
	const struct cfi_place place = {
		.arch = e->arch, .abi = types_abi(e->debug->types), .vs = e->debug->vs
	};
	struct cfi_row row;
	if (!types_cfi(e->debug->types, f->lookup_pc - e->slide, true, &row))
		return err_new(ERR_MISSING, "there is no call frame information");
	if (!cfi_cfa(&place, &row, &f->regs, ret))
		return err_new(ERR_MISSING, "where the frame begins is lost");
	return NULL;
}

static struct err *answer_frame_base(void *cx, unsigned nesting, uint64_t *ret)
{
	struct variables_cx *c = cx;
	struct location_env env = variables_location_env(c, nesting);
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t n;
	if (nesting > LOCATION_NESTING_MAX ||
		!dwarf_attr_integrate(&c->code.function, DW_AT_frame_base, &attr) ||
		dwarf_getlocation_addr(&attr, c->code.va, &op, &n, 1) != 1)
		return err_new(ERR_MISSING, "the function has no frame base");
	/* It is no way back to itself. */
	env.frame_base = NULL;
	return location_number(&env, &attr, op, n, NULL, ret);
}

struct location_env variables_location_env(struct variables_cx *c, unsigned nesting)
{
	return (struct location_env){
		.cx = c,
		.abi = types_abi(c->env->debug->types),
		.slide = c->env->slide,
		.nesting = nesting,
		.reg = answer_register,
		.read = answer_read,
		.frame_base = answer_frame_base,
		.cfa = answer_cfa,
		.entry_value = variables_entry_value,
	};
}

bool variables_enter(const struct variables_env *env, size_t n, struct variables_cx *ret)
{
	const struct variables_frame *f = &env->frame[n];
	struct symbol sym;
	const struct symtab *syms = env->debug->syms;
	uint64_t start = syms && symtab_at(syms, f->lookup_pc, &sym) ? sym.va - env->slide : 0;
	*ret = (struct variables_cx){ .env = env, .n = n };
	return variables_function(env->debug->types, f->lookup_pc - env->slide, start, &ret->code);
}

/* ---- values ----------------------------------------------- */

/* What went wrong with one variable is its state; only Ctrl-C and the like end the rest. */
static struct err *settle(struct variable *v, struct arena *a, struct err *err)
{
	if (!err)
		return NULL;
	if (err->code == ERR_INTERRUPTED || err->code == ERR_NO_MEMORY)
		return err;
	v->state = err->code == ERR_MISSING ? VARIABLE_ABSENT
		   : err->code == ERR_FAULT ? VARIABLE_FAULT
					    : VARIABLE_BAD;
	v->fault = err->fault;
	v->why = arena_strdup(a, err->msg);
	err_drop(err);
	return NULL;
}

static bool any_known(const struct variable *v)
{
	for (size_t i = 0; i < v->nbytes; i++)
		if (v->known[i])
			return true;
	return false;
}

static void absent(struct variable *v, const char *why)
{
	v->state = VARIABLE_ABSENT;
	v->why = why;
}

static struct err *load(
	struct variables_cx *c, const struct location *l, struct arena *a, struct variable *v)
{
	const struct location_part *first = &l->part[0];
	uint64_t size = type_strip(v->type)->size;
	if (l->nparts == 1 && first->kind == PART_MEMORY && !first->bits) {
		v->state = VARIABLE_PLACE;
		v->va = first->v;
		return NULL;
	}
	if (l->nparts == 1 && first->kind == PART_POINTER) {
		absent(v, "it points to what was optimised out");
		return NULL;
	}
	if (!size || size > BYTES_MAX)
		return err_new(ERR_UNSUPPORTED, "an object of %llu bytes in parts",
			(unsigned long long)size);
	struct location_env env = variables_location_env(c, 0);
	uint8_t *bytes = arena_alloc(a, size), *known = arena_alloc(a, size);
	struct err *err = location_load(&env, l, size, bytes, known);
	if (err)
		return err;
	v->state = VARIABLE_BYTES;
	v->bytes = bytes;
	v->known = known;
	v->nbytes = size;
	if (!any_known(v))
		absent(v, first->kind == PART_REGISTER ? "what its register held is lost"
						       : "optimised out");
	return NULL;
}

/* A variable that is a constant: a number of its type's width, or its bytes. */
static struct err *constant(
	Dwarf_Attribute *attr, const struct abi *abi, struct arena *a, struct variable *v)
{
	struct location_env env = { .abi = abi };
	struct location l = { .nparts = 1, .part = { { .kind = PART_VALUE } } };
	uint64_t size = type_strip(v->type)->size;
	Dwarf_Block block;
	Dwarf_Sword number;
	Dwarf_Word plain;
	/* data1 to data8 are as wide as they are, and unsigned. */
	unsigned form = dwarf_whatform(attr);
	bool is_signed = form == DW_FORM_sdata || form == DW_FORM_implicit_const;
	if (!size || size > BYTES_MAX)
		return err_new(ERR_FORMAT, "a constant without a size");
	if (!dwarf_formblock(attr, &block)) {
		l.part[0] = (struct location_part){
			.kind = PART_BYTES, .bytes = block.data, .nbytes = block.length
		};
	} else if (is_signed && !dwarf_formsdata(attr, &number)) {
		l.part[0].v = (uint64_t)number;
	} else if (!is_signed && !dwarf_formudata(attr, &plain)) {
		l.part[0].v = plain;
	} else {
		return err_new(ERR_FORMAT, "a constant that is none");
	}
	uint8_t *bytes = arena_alloc(a, size), *known = arena_alloc(a, size);
	v->state = VARIABLE_BYTES;
	v->bytes = bytes;
	v->known = known;
	v->nbytes = size;
	return location_load(&env, &l, size, bytes, known);
}

static struct err *find_value(
	struct variables_cx *c, Dwarf_Die *die, struct arena *a, struct variable *v)
{
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t n;
	struct location l;
	absent(v, "optimised out");
	if (dwarf_attr_integrate(die, DW_AT_const_value, &attr))
		return constant(&attr, types_abi(c->env->debug->types), a, v);
	if (!dwarf_attr_integrate(die, DW_AT_location, &attr))
		return NULL;
	int found = dwarf_getlocation_addr(&attr, c->code.va, &op, &n, 1);
	if (found < 0)
		return err_new(ERR_FORMAT, "its location cannot be read: %s", dwarf_errmsg(-1));
	if (!found || !n)
		return NULL;
	struct location_env env = variables_location_env(c, 0);
	struct err *err = location_evaluate(&env, &attr, op, n, NULL, &l);
	return err ? err : load(c, &l, a, v);
}

/* ---- scopes ----------------------------------------------- */

typedef VEC(struct variable) variable_vec;

static struct err *read_block(
	struct variables_cx *c, Dwarf_Die *block, struct arena *a, variable_vec *io)
{
	Dwarf_Die die;
	Dwarf_Off at;
	struct err *err = NULL;
	if (dwarf_child(block, &die))
		return NULL;
	do {
		int tag = dwarf_tag(&die);
		at = dwarf_dieoffset(&die);
		bool parameter = tag == DW_TAG_formal_parameter;
		if ((!parameter && tag != DW_TAG_variable) ||
			dwarf_hasattr(&die, DW_AT_declaration))
			continue;
		struct variable v = { .name = dwarf_diename(&die), .parameter = parameter };
		v.type = dwarf_type_of(c->code.source, &die);
		err = settle(&v, a, find_value(c, &die, a, &v));
		if (!err)
			err = interrupt_check();
		if (!err)
			vec_push(io, v);
	} while (!err && io->n < VARIABLES_MAX && !dwarf_siblingof(&die, &die) &&
		 dwarf_dieoffset(&die) > at);
	return err;
}

/* The function @chain[first] and its blocks up to @chain[last], innermost block's variables behind
 * the outer ones', as they come in the source. */
static struct err *read_scope(struct variables_cx *c, Dwarf_Die *chain, size_t first, size_t last,
	struct arena *a, struct variable_scope *ret)
{
	variable_vec variables = { 0 };
	struct err *err = NULL;
	for (size_t i = first; !err && i <= last; i++)
		err = read_block(c, &chain[i], a, &variables);
	*ret = (struct variable_scope){ .function = dwarf_diename(&chain[first]),
		.inlined = dwarf_tag(&chain[first]) == DW_TAG_inlined_subroutine,
		.nvariables = variables.n };
	ret->variable = arena_alloc(a, (variables.n + 1) * sizeof(*variables.v));
	if (variables.n)
		memcpy(ret->variable, variables.v, variables.n * sizeof(*variables.v));
	vec_deinit(&variables);
	return err;
}

struct err *variables_read(const struct variables_env *env, size_t n, struct arena *a,
	struct variable_scope **ret, size_t *ret_n)
{
	struct variables_cx c;
	size_t depth = 1, nscopes = 0;
	*ret = NULL;
	*ret_n = 0;
	if (!variables_enter(env, n, &c))
		return NULL;
	Dwarf_Die *chain = arena_alloc(a, SCOPES_MAX * sizeof(*chain));
	chain[0] = c.code.function;
	while (depth < SCOPES_MAX &&
		dwarf_step_inwards(&chain[depth - 1], c.code.va, &chain[depth]))
		depth++;
	struct variable_scope *scope = arena_alloc(a, depth * sizeof(*scope));
	struct err *err = NULL;
	for (size_t last = depth; !err && last > 0;) {
		size_t first = last - 1;
		while (first && dwarf_tag(&chain[first]) == DW_TAG_lexical_block)
			first--;
		err = read_scope(&c, chain, first, last - 1, a, &scope[nscopes++]);
		last = first;
	}
	*ret = scope;
	*ret_n = nscopes;
	return err;
}
