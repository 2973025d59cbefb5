/*
 * Evaluates the tree. Values stay places as long as possible. `dry` counts the reasons for wanting
 * types only (sizeof, the branch not taken): then nothing is read and every number is 0.
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/expr_internal.h"
#include "analyzer/debug/suggest.h"

struct eval {
	const struct debug_env *env;
	unsigned dry;
	size_t *at;
};

static struct err *eval(struct eval *ev, const struct expr *x, struct value *ret);

static struct err *placed(struct eval *ev, size_t at, struct err *e)
{
	if (e)
		*ev->at = at;
	return e;
}

static struct err *wrong(struct eval *ev, size_t at, const char *what)
{
	return placed(ev, at, err_new(ERR_USAGE, "%s", what));
}

/* The operand's number, widened by its sign. */
static struct err *number_of(struct eval *ev, const struct expr *x, uint64_t *ret)
{
	struct value v;
	struct err *e = eval(ev, x, &v);
	if (e)
		return e;
	e = expr_load_dry(ev->env, ev->dry, &v);
	*ret = v.number;
	return placed(ev, x->at, e);
}

static struct err *truth_of(struct eval *ev, const struct expr *x, bool *ret)
{
	struct value v;
	struct err *e = eval(ev, x, &v);
	if (e)
		return e;
	e = expr_load_dry(ev->env, ev->dry, &v);
	*ret = v.number || v.high;
	return placed(ev, x->at, e);
}

/* ---- places ----------------------------------------------- */

/* The object that pointer or array @io points to. */
static struct err *dereference(struct eval *ev, size_t at, struct value *io)
{
	const struct type *t = type_strip(io->type);
	if (io->text)
		return wrong(ev, at, "a string can only be compared, with == and !=");
	if (t->kind == TYPE_ARRAY && !io->computed) {
		io->type = t->target;
		return NULL;
	}
	if (t->kind == TYPE_FUNCTION) /* *f is f again */
		return NULL;
	if (t->kind != TYPE_POINTER)
		return wrong(ev, at, "what is dereferenced is no pointer");
	struct err *e = expr_load_dry(ev->env, ev->dry, io);
	if (e)
		return placed(ev, at, e);
	*io = (struct value){ .type = t->target, .va = io->number };
	return NULL;
}

static struct err *address_of(struct eval *ev, const struct expr *x, struct value *io)
{
	struct err *e = eval(ev, x->a, io);
	if (e)
		return e;
	if (io->computed)
		return wrong(ev, x->at, "& needs something in memory");
	if (io->bit_size)
		return wrong(ev, x->at, "& of a bitfield");
	expr_set_wide(io, types_pointer_to(ev->env->types, io->type), io->va);
	return NULL;
}

static struct err *member(struct eval *ev, const struct expr *x, struct value *io)
{
	struct field_ref ref;
	struct err *e = eval(ev, x->a, io);
	if (e)
		return e;
	/* gdb lets . stand for -> on a pointer; people rely on it. */
	bool pointer = type_strip(io->type)->kind == TYPE_POINTER;
	if (x->kind == X_ARROW || pointer)
		e = dereference(ev, x->at, io);
	if (e)
		return e;
	if (io->computed)
		return wrong(ev, x->at, "this has no members");
	e = type_field(ev->env->types, io->type, x->name, &ref);
	if (e)
		return placed(ev, (size_t)x->number,
			suggest_member(ev->env->types, io->type, x->name, e));
	*io = (struct value){
		.type = ref.type,
		.va = (io->va + ref.bit_offset / 8) & expr_word_mask(ev->env),
		.bit_offset = ref.bit_size ? (uint32_t)(ref.bit_offset % 8) : 0,
		.bit_size = ref.bit_size,
	};
	return NULL;
}

/* Arrays of one element or none are how old kernels write flexible ones. */
static struct err *check_bounds(
	struct eval *ev, const struct expr *x, const struct value *of, uint64_t i)
{
	const struct type *t = type_strip(of->type);
	if (ev->dry || of->computed || t->kind != TYPE_ARRAY || t->count <= 1 || i < t->count)
		return NULL;
	return placed(ev, x->at,
		err_new(ERR_USAGE, "index %lld is beyond the array's %llu", (long long)i,
			(unsigned long long)t->count));
}

static struct err *element_at(struct eval *ev, const struct expr *x, uint64_t i, struct value *io)
{
	uint64_t bytes;
	struct err *e = check_bounds(ev, x, io, i);
	if (!e)
		e = dereference(ev, x->at, io);
	if (e)
		return e;
	e = expr_step_bytes(ev->env, io->type, &bytes);
	if (e)
		return placed(ev, x->at, e);
	/* The multiplication may wrap as the target's would. */
	io->va = (io->va + i * bytes) & expr_word_mask(ev->env);
	return NULL;
}

static struct err *element(struct eval *ev, const struct expr *x, struct value *io)
{
	uint64_t i = 0;
	struct err *e = eval(ev, x->a, io);
	if (!e)
		e = number_of(ev, x->b, &i);
	if (!e && io->text && (ev->dry || i < type_strip(io->type)->count)) {
		*io = expr_number(ev->env, "char", ev->dry ? 0 : (unsigned char)io->text[i]);
		return NULL;
	}
	return e ? e : element_at(ev, x, i, io);
}

/* Makes an array of @n elements of the object @io. */
static struct err *repeat(struct eval *ev, size_t at, uint64_t n, struct value *io)
{
	enum { MOST = 1 << 24 };
	if (io->computed || io->bit_size)
		return wrong(ev, at, "a range needs something in memory");
	if (!n || n > MOST)
		return wrong(ev, at, "a range has from 1 to 16777216 elements");
	const struct type *t = types_array_of(ev->env->types, io->type, n);
	if (!t->count)
		return wrong(ev, at, "this range is larger than memory");
	io->type = t;
	return NULL;
}

static struct err *range(struct eval *ev, const struct expr *x, struct value *io)
{
	uint64_t first = 0, last = 0;
	struct err *e = eval(ev, x->a, io);
	if (!e)
		e = number_of(ev, x->b, &first);
	if (!e)
		e = number_of(ev, x->c, &last);
	if (!e && (int64_t)last < (int64_t)first)
		return wrong(ev, x->c->at, "the range ends before it begins");
	if (!e)
		e = check_bounds(ev, x, io, last);
	if (!e)
		e = element_at(ev, x, first, io);
	return e ? e : repeat(ev, x->at, last - first + 1, io);
}

/* ---- values ----------------------------------------------- */

static struct err *name_value(struct eval *ev, const struct expr *x, struct value *ret)
{
	if (x->kind == X_NAME)
		return placed(ev, x->at, expr_name_value(ev->env, x->name, ret));
	if (x->kind == X_DOLLAR)
		return placed(ev, x->at, expr_state_get(ev->env->state, x->name, ret));
	const struct type *c = expr_number(ev->env, "char", 0).type;
	*ret = (struct value){ .type = types_array_of(ev->env->types, c, x->number + 1),
		.computed = true,
		.text = x->name };
	return NULL;
}

static struct err *assign(struct eval *ev, const struct expr *x, struct value *ret)
{
	struct err *e = eval(ev, x->a, ret);
	if (e)
		return e;
	if (!ev->env->state)
		return wrong(ev, x->at, "there are no variables here");
	if (!ev->dry)
		expr_state_set(ev->env->state, x->name, ret);
	return NULL;
}

static struct err *size_of(struct eval *ev, const struct expr *x, struct value *ret)
{
	struct value v;
	uint64_t bytes;
	ev->dry++;
	struct err *e = eval(ev, x->a, &v);
	ev->dry--;
	if (e)
		return e;
	if (v.bit_size)
		return wrong(ev, x->at, "sizeof of a bitfield");
	e = expr_step_bytes(ev->env, v.type, &bytes);
	if (e)
		return placed(ev, x->at, e);
	*ret = expr_number(ev->env, "unsigned long", bytes);
	return NULL;
}

static struct err *logical(struct eval *ev, const struct expr *x, struct value *ret)
{
	bool left = false, right = false, is_or = x->op == OP2('|', '|');
	struct err *e = truth_of(ev, x->a, &left);
	if (e)
		return e;
	bool decided = left == is_or;
	ev->dry += decided;
	e = truth_of(ev, x->b, &right);
	ev->dry -= decided;
	if (e)
		return e;
	*ret = expr_number(ev->env, "int", decided ? left : right);
	return NULL;
}

static struct err *conditional(struct eval *ev, const struct expr *x, struct value *ret)
{
	bool yes = false;
	struct value no_value;
	struct err *e = truth_of(ev, x->a, &yes);
	if (e)
		return e;
	ev->dry += !yes;
	e = eval(ev, x->b, ret);
	ev->dry -= !yes;
	if (e)
		return e;
	ev->dry += yes;
	e = eval(ev, x->c, &no_value);
	ev->dry -= yes;
	if (e)
		return e;
	/* The type is of both, whichever is taken. */
	const struct type *type = expr_common_type(ev->env, ret, &no_value);
	if (!yes)
		*ret = no_value;
	return type ? placed(ev, x->at, expr_cast(ev->env, ev->dry, type, ret)) : NULL;
}

static struct err *container(struct eval *ev, const struct expr *x, struct value *ret)
{
	uint64_t va = 0;
	struct err *e = number_of(ev, x->a, &va);
	if (!e)
		expr_set_wide(ret, x->type, (va - x->number) & expr_word_mask(ev->env));
	return e;
}

static struct err *call(struct eval *ev, const struct expr *x, struct value *ret)
{
	struct value arg[EXPR_MAX_ARGS];
	for (size_t i = 0; i < x->narg; i++) {
		struct err *e = eval(ev, x->arg[i], &arg[i]);
		if (e)
			return e;
	}
	const struct expr_call c = {
		.env = ev->env, .arg = arg, .narg = x->narg, .unevaluated = ev->dry > 0
	};
	return placed(ev, x->at, x->function->call(x->function->cx, &c, ret));
}

static struct err *operation(struct eval *ev, const struct expr *x, struct value *ret)
{
	struct value a, b;
	struct err *e = eval(ev, x->a, &a);
	if (!e && x->b)
		e = eval(ev, x->b, &b);
	if (e)
		return e;
	*ret = a;
	if (x->kind == X_BINARY)
		e = expr_binary(ev->env, ev->dry, x->op, &a, &b, ret);
	else if (x->kind == X_UNARY)
		e = expr_unary(ev->env, ev->dry, x->op, ret);
	else
		e = expr_cast(ev->env, ev->dry, x->type, ret);
	return placed(ev, x->at, e);
}

static struct err *eval(struct eval *ev, const struct expr *x, struct value *ret)
{
	uint64_t n = 1;
	struct err *e = NULL;
	switch (x->kind) {
	case X_NUMBER:
		*ret = (struct value){ .type = x->type, .computed = true, .number = x->number };
		return NULL;
	case X_NAME:
	case X_DOLLAR:
	case X_STRING:
		return name_value(ev, x, ret);
	case X_ASSIGN:
		return assign(ev, x, ret);
	case X_MEMBER:
	case X_ARROW:
		return member(ev, x, ret);
	case X_INDEX:
		return element(ev, x, ret);
	case X_RANGE:
		return range(ev, x, ret);
	case X_REPEAT:
		e = eval(ev, x->a, ret);
		if (!e)
			e = number_of(ev, x->b, &n);
		return e ? e : repeat(ev, x->at, ev->dry && !n ? 1 : n, ret);
	case X_DEREF:
		e = eval(ev, x->a, ret);
		return e ? e : dereference(ev, x->at, ret);
	case X_ADDRESS:
		return address_of(ev, x, ret);
	case X_LOGICAL:
		return logical(ev, x, ret);
	case X_COND:
		return conditional(ev, x, ret);
	case X_SIZEOF:
		return size_of(ev, x, ret);
	case X_CONTAINER:
		return container(ev, x, ret);
	case X_CALL:
		return call(ev, x, ret);
	case X_UNARY:
	case X_BINARY:
	case X_CAST:
		break;
	}
	return operation(ev, x, ret);
}

static struct err *start(const struct debug_env *env, const struct expr *x, bool dry,
	struct value *ret, size_t *ret_at)
{
	struct value v = { 0 };
	struct eval ev = { .env = env, .dry = dry, .at = ret_at };
	struct err *e = eval(&ev, x, &v);
	if (!e)
		*ret = v;
	return e;
}

struct err *expr_eval(
	const struct debug_env *env, const struct expr *x, struct value *ret, size_t *ret_at)
{
	return start(env, x, false, ret, ret_at);
}

struct err *expr_eval_type(
	const struct debug_env *env, const struct expr *x, struct value *ret, size_t *ret_at)
{
	return start(env, x, true, ret, ret_at);
}
