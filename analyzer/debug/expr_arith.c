/*
 * Arithmetic on target values: C's promotions and usual conversions for the target's word size,
 * pointers, casts. Computes in 128 bits and cuts to the type. Messages have no place: the caller
 * knows it.
 */
#include <string.h>

#include "analyzer/debug/expr_internal.h"

/* ---- types ----------------------------------------------- */

enum rank { RANK_INT, RANK_LONG, RANK_LONG_LONG, RANK_INT128 };

/* An integer type after promotion. */
struct arith {
	enum rank rank;
	bool is_signed;
};

static unsigned rank_bytes(const struct debug_env *env, enum rank r)
{
	return r == RANK_INT	     ? 4
	       : r == RANK_LONG	     ? types_abi(env->types)->word_bytes
	       : r == RANK_LONG_LONG ? 8
				     : 16;
}

static const struct type *builtin(const struct debug_env *env, const char *name)
{
	const struct type *t = NULL;
	/* Names of C's own types always parse, also without debug information. */
	if (types_parse(env->types, name, &t))
		__builtin_unreachable();
	return t;
}

static const struct type *arith_type(const struct debug_env *env, struct arith a)
{
	static const char *const name[4][2] = { { "unsigned int", "int" },
		{ "unsigned long", "long" }, { "unsigned long long", "long long" },
		{ "unsigned __int128", "__int128" } };
	return builtin(env, name[a.rank][a.is_signed]);
}

static bool is_wide_int(const struct type *t)
{
	return t->kind == TYPE_INT && t->size == 16;
}

static bool is_arith(const struct type *t)
{
	return ((t->kind == TYPE_INT || t->kind == TYPE_ENUM) && type_is_number(t)) ||
	       is_wide_int(t);
}

/* C11 6.3.1.1: what is smaller than int becomes int, and so does a bitfield whose values int holds.
 */
static struct arith promote(const struct debug_env *env, const struct value *v)
{
	const struct type *t = type_strip(v->type);
	if (t->size < 4 || (v->bit_size && v->bit_size < 32))
		return (struct arith){ RANK_INT, true };
	if (is_wide_int(t))
		return (struct arith){ RANK_INT128, t->is_signed };
	if (t->size == 4 && types_abi(env->types)->word_bytes == 4 && t->name &&
		strstr(t->name, "long"))
		return (struct arith){ RANK_LONG, t->is_signed };
	if (t->size == 4)
		return (struct arith){ RANK_INT, t->is_signed };
	bool is_long = types_abi(env->types)->word_bytes == 8 &&
		       !(t->name && strstr(t->name, "long long"));
	return (struct arith){ is_long ? RANK_LONG : RANK_LONG_LONG, t->is_signed };
}

/* C11 6.3.1.8. */
static struct arith common(const struct debug_env *env, struct arith a, struct arith b)
{
	if (a.is_signed == b.is_signed)
		return a.rank >= b.rank ? a : b;
	struct arith u = a.is_signed ? b : a, s = a.is_signed ? a : b;
	if (u.rank >= s.rank)
		return u;
	s.is_signed = rank_bytes(env, s.rank) > rank_bytes(env, u.rank);
	return s;
}

const struct type *expr_common_type(
	const struct debug_env *env, const struct value *a, const struct value *b)
{
	if (!is_arith(type_strip(a->type)) || !is_arith(type_strip(b->type)))
		return NULL;
	return arith_type(env, common(env, promote(env, a), promote(env, b)));
}

uint64_t expr_word_mask(const struct debug_env *env)
{
	return types_abi(env->types)->word_bytes == 8 ? UINT64_MAX : UINT32_MAX;
}

/* ---- numbers ----------------------------------------------- */

static unsigned __int128 wide(const struct value *v)
{
	const struct type *t = type_strip(v->type);
	if (is_wide_int(t))
		return (unsigned __int128)v->high << 64 | v->number;
	return t->is_signed ? (unsigned __int128)(int64_t)v->number : v->number;
}

void expr_set_wide(struct value *v, const struct type *type, unsigned __int128 n)
{
	const struct type *t = type_strip(type);
	*v = (struct value){ .type = type, .computed = true };
	if (t->kind == TYPE_INT && t->encoding == INT_BOOL) {
		v->number = n != 0;
		return;
	}
	v->number = (uint64_t)n;
	v->high = t->size == 16 ? (uint64_t)(n >> 64) : 0;
	if (t->size < 8 && t->size) {
		unsigned bits = (unsigned)t->size * 8;
		v->number &= (1ull << bits) - 1;
		if (t->is_signed)
			v->number = (uint64_t)sign_extend(v->number, bits);
	}
}

struct value expr_number(const struct debug_env *env, const char *type, uint64_t number)
{
	struct value v;
	expr_set_wide(&v, builtin(env, type), number);
	return v;
}

static struct err *no_number(const struct type *t)
{
	scoped_strbuf struct strbuf b = { 0 };
	type_declare(t, NULL, &b);
	if (t->kind == TYPE_VOID)
		return err_new(ERR_USAGE, "this has no known type: cast it, as *(int *)&x");
	return err_new(ERR_USAGE, "%s is no number", strbuf_text(&b));
}

static struct err *load_wide_int(const struct debug_env *env, struct value *io)
{
	uint8_t b[16];
	const struct abi *abi = types_abi(env->types);
	if (io->bit_size)
		return err_new(ERR_UNSUPPORTED, "a bitfield of __int128");
	struct err *e = env->vs ? vspace_read(env->vs, io->va, b, sizeof(b))
				: err_new(ERR_MISSING, "there is no memory to read");
	if (e)
		return e;
	uint64_t low = load_uint(abi, b + (abi->big_endian ? 8 : 0), 8);
	uint64_t high = load_uint(abi, b + (abi->big_endian ? 0 : 8), 8);
	expr_set_wide(io, io->type, (unsigned __int128)high << 64 | low);
	return NULL;
}

struct err *expr_load_dry(const struct debug_env *env, bool dry, struct value *io)
{
	const struct type *t = type_strip(io->type);
	uint64_t n = 0;
	if (io->text)
		return err_new(ERR_USAGE, "a string can only be compared, with == and !=");
	if (io->computed)
		return NULL;
	if (t->kind == TYPE_ARRAY || t->kind == TYPE_FUNCTION) {
		const struct type *to = t->kind == TYPE_ARRAY ? t->target : io->type;
		expr_set_wide(io, types_pointer_to(env->types, to), io->va);
		return NULL;
	}
	if (is_wide_int(t) && !dry)
		return load_wide_int(env, io);
	if (!type_is_number(t) && !is_wide_int(t))
		return no_number(t);
	struct err *e = dry ? NULL : value_number(env, io, &n);
	if (e)
		return e;
	uint32_t bit_size = io->bit_size;
	expr_set_wide(io, io->type, n);
	/* Wider than a bitfield can be only what its type says: keep its width for promotion. */
	if (bit_size && bit_size < 32)
		io->bit_size = bit_size;
	io->number = n;
	return NULL;
}

struct err *expr_load(const struct debug_env *env, struct value *io)
{
	return expr_load_dry(env, false, io);
}

struct err *expr_cast(
	const struct debug_env *env, bool dry, const struct type *type, struct value *io)
{
	const struct type *t = type_strip(type);
	if (!is_arith(t) && !(t->kind == TYPE_POINTER && type_is_number(t)))
		return err_new(ERR_USAGE, "a cast to what is no number or pointer");
	struct err *e = expr_load_dry(env, dry, io);
	if (!e)
		expr_set_wide(io, type, wide(io));
	return e;
}

struct err *expr_unary(const struct debug_env *env, bool dry, unsigned op, struct value *io)
{
	struct err *e = expr_load_dry(env, dry, io);
	if (e)
		return e;
	unsigned __int128 n = wide(io);
	const struct type *t = type_strip(io->type);
	if (op == '!') {
		*io = expr_number(env, "int", n == 0);
		return NULL;
	}
	if (t->kind == TYPE_POINTER && op != '~')
		return err_new(ERR_USAGE, "a pointer has no sign");
	if (t->kind != TYPE_POINTER && !is_arith(t))
		return no_number(t);
	const struct type *type = t->kind == TYPE_POINTER ? builtin(env, "unsigned long")
							  : arith_type(env, promote(env, io));
	expr_set_wide(io, type, op == '-' ? -n : op == '~' ? ~n : n);
	return NULL;
}

/* ---- pointers ----------------------------------------------- */

struct err *expr_step_bytes(const struct debug_env *env, const struct type *t, uint64_t *ret)
{
	const struct type *s = type_strip(t);
	if (s->kind == TYPE_VOID || s->kind == TYPE_FUNCTION) {
		*ret = 1; /* gcc: info gcc, "Arithmetic on void- and Function-Pointers" */
		return NULL;
	}
	struct err *e = s->declaration ? type_complete(env->types, s) : NULL;
	if (!e)
		*ret = s->size;
	return e;
}

static bool is_comparison(unsigned op)
{
	return op == OP2('=', '=') || op == OP2('!', '=') || op == '<' || op == '>' ||
	       op == OP2('<', '=') || op == OP2('>', '=');
}

static bool compare(unsigned op, bool less, bool equal)
{
	switch (op) {
	case OP2('=', '='):
		return equal;
	case OP2('!', '='):
		return !equal;
	case '<':
		return less;
	case '>':
		return !less && !equal;
	case OP2('<', '='):
		return less || equal;
	default:
		return !less;
	}
}

/* p + i and p - i. */
static struct err *pointer_step(const struct debug_env *env, const struct value *p,
	const struct value *i, bool back, struct value *ret)
{
	uint64_t bytes;
	struct err *e = expr_step_bytes(env, type_strip(p->type)->target, &bytes);
	if (e)
		return e;
	uint64_t n = (uint64_t)wide(i) * bytes;
	expr_set_wide(ret, p->type, (back ? p->number - n : p->number + n) & expr_word_mask(env));
	return NULL;
}

static struct err *pointer_difference(const struct debug_env *env, const struct value *a,
	const struct value *b, struct value *ret)
{
	uint64_t bytes, other;
	struct err *e = expr_step_bytes(env, type_strip(a->type)->target, &bytes);
	if (!e)
		e = expr_step_bytes(env, type_strip(b->type)->target, &other);
	if (e)
		return e;
	if (bytes != other)
		return err_new(ERR_USAGE, "the difference of pointers to different types");
	if (!bytes)
		return err_new(ERR_USAGE, "the difference of pointers to what has no size");
	uint64_t n = (a->number - b->number) & expr_word_mask(env);
	if (types_abi(env->types)->word_bytes == 4)
		n = (uint64_t)sign_extend(n, 32);
	*ret = expr_number(env, "long", (uint64_t)((int64_t)n / (int64_t)bytes));
	return NULL;
}

static struct err *pointer_binary(const struct debug_env *env, unsigned op, struct value *a,
	struct value *b, struct value *ret, bool *ret_done)
{
	bool pa = type_strip(a->type)->kind == TYPE_POINTER;
	bool pb = type_strip(b->type)->kind == TYPE_POINTER;
	*ret_done = true;
	if (op == '+' && pa != pb)
		return pointer_step(env, pa ? a : b, pa ? b : a, false, ret);
	if (op == '-' && pa && !pb)
		return pointer_step(env, a, b, true, ret);
	if (op == '-' && pa && pb)
		return pointer_difference(env, a, b, ret);
	if (is_comparison(op) || op == '&' || op == '|' || op == '^' || op == '%') {
		/* Which C forbids for all but comparisons; everybody masks pointers. */
		struct err *e = expr_cast(env, false, builtin(env, "unsigned long"), a);
		*ret_done = false;
		return e ? e : expr_cast(env, false, builtin(env, "unsigned long"), b);
	}
	return err_new(ERR_USAGE, "pointers cannot do this: cast to unsigned long");
}

/* ---- binary operators ----------------------------------------------- */

static struct err *divide(bool dry, unsigned op, unsigned __int128 a, unsigned __int128 b,
	bool is_signed, unsigned __int128 *ret)
{
	*ret = 0;
	if (!b)
		return dry ? NULL : err_new(ERR_USAGE, "a division by 0");
	if (is_signed && b == (unsigned __int128)-1) /* the host's own division would trap */
		*ret = op == '/' ? -a : 0;
	else if (is_signed)
		*ret = (unsigned __int128)(op == '/' ? (__int128)a / (__int128)b
						     : (__int128)a % (__int128)b);
	else
		*ret = op == '/' ? a / b : a % b;
	return NULL;
}

static struct err *shift(const struct debug_env *env, bool dry, unsigned op, const struct value *a,
	const struct value *b, struct value *ret)
{
	struct arith t = promote(env, a);
	unsigned bits = rank_bytes(env, t.rank) * 8;
	unsigned __int128 n = wide(a), by = wide(b);
	if (by >= bits && !dry)
		return err_new(ERR_USAGE,
			(__int128)by < 0 ? "a shift by a negative count"
					 : "a shift by at least all of the value's %u bits: "
					   "1ull << n has 64",
			bits);
	if (dry)
		by = 0;
	if (op == OP2('<', '<'))
		n <<= by;
	else
		n = t.is_signed ? (unsigned __int128)((__int128)n >> by) : n >> by;
	expr_set_wide(ret, arith_type(env, t), n);
	return NULL;
}

/* How much of one text is compared: as far as the literal goes, and the end of the other. */
static struct err *text_equals(const struct debug_env *env, const struct value *literal,
	const struct value *other, bool *ret)
{
	enum { MOST = 4096 };
	const struct type *t = type_strip(other->type);
	uint64_t n = type_strip(literal->type)->count - 1, have = n + 1;
	struct value p = *other;
	char buf[MOST + 1];
	if (other->text) {
		*ret = type_strip(other->type)->count == n + 1 &&
		       !memcmp(other->text, literal->text, n);
		return NULL;
	}
	bool of_chars = (t->kind == TYPE_ARRAY || t->kind == TYPE_POINTER) && t->target &&
			type_strip(t->target)->size == 1;
	if (!of_chars)
		return err_new(ERR_USAGE, "a string can only be compared with chars");
	if (n >= MOST)
		return err_new(ERR_LIMIT, "this string is too long to compare");
	if (t->kind == TYPE_ARRAY && t->count && t->count < have)
		have = t->count;
	struct err *e = expr_load(env, &p);
	if (!e && !env->vs)
		e = err_new(ERR_MISSING, "there is no memory to read");
	/* A pointer's text may end before a page that is not there. */
	if (!e && t->kind == TYPE_ARRAY)
		e = vspace_read(env->vs, p.number, buf, have);
	else if (!e)
		e = vspace_read_str(env->vs, p.number, buf, n + 2);
	if (e)
		return e;
	if (t->kind != TYPE_ARRAY)
		*ret = strnlen(buf, n + 2) == n && !memcmp(buf, literal->text, n);
	else
		*ret = have >= n && !memcmp(buf, literal->text, n) && (have == n || !buf[n]);
	return NULL;
}

static struct err *text_binary(const struct debug_env *env, bool dry, unsigned op,
	const struct value *a, const struct value *b, struct value *ret)
{
	bool equal = false;
	if (op != OP2('=', '=') && op != OP2('!', '='))
		return err_new(ERR_USAGE, "a string can only be compared, with == and !=");
	struct err *e = dry ? NULL : text_equals(env, a->text ? a : b, a->text ? b : a, &equal);
	if (!e)
		*ret = expr_number(env, "int", equal == (op == OP2('=', '=')));
	return e;
}

static struct err *integer_binary(const struct debug_env *env, bool dry, unsigned op,
	const struct value *a, const struct value *b, struct value *ret)
{
	struct arith t = common(env, promote(env, a), promote(env, b));
	const struct type *type = arith_type(env, t);
	struct value x, y;
	expr_set_wide(&x, type, wide(a));
	expr_set_wide(&y, type, wide(b));
	unsigned __int128 m = wide(&x), n = wide(&y), r = 0;
	struct err *e = NULL;
	if (is_comparison(op)) {
		bool less = t.is_signed ? (__int128)m < (__int128)n : m < n;
		*ret = expr_number(env, "int", compare(op, less, m == n));
		return NULL;
	}
	switch (op) {
	case '+':
		r = m + n;
		break;
	case '-':
		r = m - n;
		break;
	case '*':
		r = m * n;
		break;
	case '&':
		r = m & n;
		break;
	case '|':
		r = m | n;
		break;
	case '^':
		r = m ^ n;
		break;
	default:
		e = divide(dry, op, m, n, t.is_signed, &r);
	}
	if (!e)
		expr_set_wide(ret, type, r);
	return e;
}

struct err *expr_binary(const struct debug_env *env, bool dry, unsigned op, const struct value *a,
	const struct value *b, struct value *ret)
{
	struct value x = *a, y = *b;
	bool done = false;
	if (a->text || b->text)
		return text_binary(env, dry, op, a, b, ret);
	struct err *e = expr_load_dry(env, dry, &x);
	if (!e)
		e = expr_load_dry(env, dry, &y);
	if (!e && (type_strip(x.type)->kind == TYPE_POINTER ||
			  type_strip(y.type)->kind == TYPE_POINTER))
		e = pointer_binary(env, op, &x, &y, ret, &done);
	if (e || done)
		return e;
	if (!is_arith(type_strip(x.type)) || !is_arith(type_strip(y.type)))
		return no_number(is_arith(type_strip(x.type)) ? y.type : x.type);
	if (op == OP2('<', '<') || op == OP2('>', '>'))
		return shift(env, dry, op, &x, &y, ret);
	return integer_binary(env, dry, op, &x, &y, ret);
}

struct err *expr_truth(const struct debug_env *env, const struct value *v, bool *ret)
{
	struct value n = *v;
	struct err *e = expr_load(env, &n);
	if (!e)
		*ret = wide(&n) != 0;
	return e;
}
