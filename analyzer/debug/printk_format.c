/*
 * "FORMAT", arg, arg…: takes the literal apart, matches conversions and arguments, then evaluates
 * and prints. What a %p extension shows is its own business (printk_format_*.c and higher folders).
 */
#include "analyzer/debug/printk_format.h"

#include <ctype.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/debug/expr_internal.h"
#include "analyzer/debug/printk_format_internal.h"

/* Text to copy (.letter 0), or a conversion. */
struct piece {
	const char *text;
	size_t bytes;
	size_t at;	/* where its % stands, for errors */
	char letter;	/* d u o x X c s p */
	char qualifier; /* 0, H (hh), h, l, L (ll), z, t */
	bool width_arg, precision_arg;
	struct printk_spec spec;
	const struct printk_extension *ext; /* p */
	const char *letters;
};

struct argument {
	const char *text;
	size_t at;
	struct value value;
};

struct job {
	const struct debug_env *env;
	const struct printk_formats *formats;
	struct arena *arena;
	const char *format; /* escapes undone, bytes long */
	size_t bytes;
	size_t *place; /* of each of its bytes, and of its end, in the text */
	VEC(struct piece) pieces;
	VEC(struct argument) args;
	size_t *ret_at;
	struct err *fault; /* the first */
};

static void job_deinit(struct job *j)
{
	vec_deinit(&j->pieces);
	vec_deinit(&j->args);
}

/* ---- the literal and its arguments ----------------------------------------------- */

/* All adjacent literals from the beginning of @text; *ret_end is behind the last. */
static struct err *read_format(struct job *j, const char *text, struct token *ret_next)
{
	const struct abi *abi = types_abi(j->env->types);
	size_t room = strlen(text) + 1;
	char *format = arena_alloc(j->arena, room);
	j->format = format;
	j->place = arena_alloc(j->arena, (room + 1) * sizeof(*j->place));
	struct err *err = expr_lex(abi, j->arena, text, 0, EXPR_C, ret_next, j->ret_at);
	*j->ret_at = err ? *j->ret_at : ret_next->at;
	if (!err && ret_next->kind != TOKEN_STRING)
		err = err_new(
			ERR_USAGE, "a format in double quotes comes first: printf \"%%d\", 5");
	while (!err && ret_next->kind == TOKEN_STRING) {
		const char *raw = text + ret_next->at + 1;
		memcpy(format + j->bytes, ret_next->text, ret_next->text_bytes);
		for (size_t i = 0; i < ret_next->text_bytes; i++) {
			j->place[j->bytes++] = (size_t)(raw - text);
			raw += printk_raw_bytes(raw);
		}
		j->place[j->bytes] = (size_t)(raw - text);
		err = expr_lex(abi, j->arena, text, ret_next->end, EXPR_C, ret_next, j->ret_at);
	}
	return err;
}

static bool is_op(const struct token *t, unsigned op)
{
	return t->kind == TOKEN_OP && t->op == op;
}

/* From the token behind one comma up to the next one outside of brackets, or the end. */
static struct err *split_argument(struct job *j, const char *text, struct token *io)
{
	size_t start = io->at, end = start, depth = 0;
	while (io->kind != TOKEN_END && (depth || !is_op(io, ','))) {
		depth += is_op(io, '(') || is_op(io, '[');
		depth -= depth && (is_op(io, ')') || is_op(io, ']'));
		end = io->end;
		struct err *err = expr_lex(
			types_abi(j->env->types), j->arena, text, io->end, EXPR_C, io, j->ret_at);
		if (err)
			return err;
	}
	*j->ret_at = start;
	if (end == start)
		return err_new(ERR_USAGE, "an argument is missing here");
	struct argument arg = { .text = arena_strndup(j->arena, text + start, end - start),
		.at = start };
	vec_push(&j->args, arg);
	return NULL;
}

static struct err *split_arguments(struct job *j, const char *text, struct token *tok)
{
	struct err *err = NULL;
	while (!err && is_op(tok, ',')) {
		err = expr_lex(
			types_abi(j->env->types), j->arena, text, tok->end, EXPR_C, tok, j->ret_at);
		if (!err)
			err = split_argument(j, text, tok);
	}
	if (err || tok->kind == TOKEN_END)
		return err;
	*j->ret_at = tok->at;
	return err_new(ERR_USAGE, "a comma belongs between the format and its arguments");
}

/* ---- the conversions ----------------------------------------------- */

static struct err *format_error(struct job *j, size_t i, struct err *e)
{
	*j->ret_at = j->place[i < j->bytes ? i : j->bytes];
	return e;
}

static char at(const struct job *j, size_t i)
{
	return i < j->bytes ? j->format[i] : '\0';
}

static size_t scan_flags(const struct job *j, size_t i, struct printk_spec *ret)
{
	for (;; i++) {
		char c = at(j, i);
		bool *flag = c == '-'	? &ret->left
			     : c == '+' ? &ret->plus
			     : c == ' ' ? &ret->space
			     : c == '#' ? &ret->alternate
			     : c == '0' ? &ret->zero
					: NULL;
		if (!flag)
			return i;
		*flag = true;
	}
}

/* Digits, or * for the next argument. *ret stays when there is neither. */
static struct err *scan_number(struct job *j, size_t *io, int max, int *ret, bool *ret_arg)
{
	size_t i = *io;
	int v = 0;
	*ret_arg = at(j, i) == '*';
	if (*ret_arg)
		++*io;
	if (*ret_arg || !isdigit((unsigned char)at(j, i)))
		return NULL;
	for (; isdigit((unsigned char)at(j, i)); i++) {
		v = v * 10 + (at(j, i) - '0');
		if (v > max)
			return format_error(
				j, *io, err_new(ERR_USAGE, "more than %d: too wide", max));
	}
	*io = i;
	*ret = v;
	return NULL;
}

static size_t scan_qualifier(const struct job *j, size_t i, char *ret)
{
	char c = at(j, i);
	*ret = '\0';
	if (!c || !strchr("hlLzt", c))
		return i;
	bool twice = at(j, i + 1) == c && (c == 'h' || c == 'l');
	*ret = twice ? (char)toupper(c) : c;
	return i + 1 + twice;
}

/* What follows %p: as the kernel, all letters and digits there are. */
static struct err *scan_extension(struct job *j, size_t *io, struct piece *p)
{
	size_t n = 0;
	while (isalnum((unsigned char)at(j, *io + n)))
		n++;
	const char *letters = arena_strndup(j->arena, j->format + *io, n);
	p->ext = printk_formats_find(j->formats, letters);
	size_t named = p->ext ? strlen(p->ext->name) : 0;
	if (!named && n)
		return format_error(j, *io, printk_formats_unknown(j->formats, letters));
	p->letters = letters + named;
	size_t fits = strspn(p->letters, p->ext ? p->ext->letters : "");
	if (p->letters[fits])
		return format_error(j, *io + named + fits,
			err_new(ERR_USAGE, "%%p%s takes %s%s, not %c: see help printf",
				p->ext->name, *p->ext->letters ? "the letters " : "no letters",
				p->ext->letters, p->letters[fits]));
	*io += n;
	return NULL;
}

static struct err *scan_conversion(struct job *j, size_t *io)
{
	struct piece p = { .at = *io, .spec = { .width = -1, .precision = -1 } };
	size_t i = scan_flags(j, *io + 1, &p.spec);
	struct err *err = scan_number(j, &i, PRINTK_MAX_WIDTH, &p.spec.width, &p.width_arg);
	if (!err && at(j, i) == '.') {
		i++;
		err = scan_number(j, &i, PRINTK_MAX_PRECISION, &p.spec.precision, &p.precision_arg);
	}
	if (err)
		return err;
	i = scan_qualifier(j, i, &p.qualifier);
	p.letter = at(j, i) == 'i' ? 'd' : at(j, i);
	if (i >= j->bytes)
		return format_error(j, *io, err_new(ERR_USAGE, "the conversion has no letter"));
	if (!p.letter || !strchr("duoxXcsp%", p.letter))
		return format_error(j, i,
			err_new(ERR_USAGE, "printk has no %%%c: known are d i u o x X c s p %%",
				isprint((unsigned char)p.letter) ? p.letter : '?'));
	i++;
	if (p.letter == 'p')
		err = scan_extension(j, &i, &p);
	if (p.letter == '%') {
		p.letter = '\0'; /* whatever stands between: the kernel prints one, too */
		p.text = "%";
		p.bytes = 1;
		p.width_arg = p.precision_arg = false;
	}
	*io = i;
	if (!err)
		vec_push(&j->pieces, p);
	return err;
}

static struct err *scan_format(struct job *j)
{
	struct err *err = NULL;
	for (size_t i = 0; !err && i < j->bytes;) {
		const char *percent = memchr(j->format + i, '%', j->bytes - i);
		size_t end = percent ? (size_t)(percent - j->format) : j->bytes;
		if (end > i) {
			struct piece p = { .text = j->format + i, .bytes = end - i };
			vec_push(&j->pieces, p);
			i = end;
		} else {
			err = scan_conversion(j, &i);
		}
	}
	return err;
}

/* As many arguments as the conversions want: the caret under the one that is alone. */
static struct err *match(struct job *j)
{
	size_t n = 0;
	for (size_t i = 0; i < j->pieces.n; i++) {
		const struct piece *p = &j->pieces.v[i];
		n += p->width_arg + p->precision_arg + (p->letter != '\0');
		if (n > j->args.n)
			return format_error(j, p->at,
				err_new(ERR_USAGE, "there is no argument for this: %zu given",
					j->args.n));
	}
	if (n == j->args.n)
		return NULL;
	*j->ret_at = j->args.v[n].at;
	return err_new(ERR_USAGE, "the format has no conversion for this argument");
}

static struct err *evaluate(struct job *j)
{
	struct err *err = NULL;
	for (size_t i = 0; !err && i < j->args.n; i++) {
		struct argument *a = &j->args.v[i];
		const struct expr *x;
		size_t place = 0;
		err = expr_parse(j->env, j->arena, a->text, EXPR_C, &x, &place);
		if (!err)
			err = expr_eval(j->env, x, &a->value, &place);
		*j->ret_at = a->at + place;
	}
	return err;
}

/* ---- printing ----------------------------------------------- */

/* What cannot be read stands in its place; other errors go on. @start: how much of @out stays. */
static struct err *note_fault(struct job *j, struct err *e, struct strbuf *out, size_t start)
{
	if (!e || e->code != ERR_FAULT)
		return e;
	if (out->len > start) {
		out->len = start;
		out->s[start] = '\0';
	}
	strbuf_addf(out, "<%s>", fault_text(e->fault));
	if (j->fault)
		err_drop(e); /* one is enough to know that something is missing */
	else
		j->fault = e;
	return NULL;
}

/* An integer of the conversion's width: cut by h and hh, else it has to fit. */
static struct err *integer(struct job *j, const struct piece *p, struct argument *a, uint64_t *ret)
{
	unsigned word = types_abi(j->env->types)->word_bytes;
	unsigned bits = p->qualifier == 'H' ? 8 : p->qualifier == 'h' ? 16 : 32;
	uint64_t n;
	if (p->qualifier == 'L')
		bits = 64;
	else if (p->qualifier && strchr("lzt", p->qualifier))
		bits = word * 8;
	struct err *err = expr_load(j->env, &a->value);
	if (!err)
		err = value_number(j->env, &a->value, &n);
	*j->ret_at = a->at;
	if (err)
		return err;
	bool fits = bits == 64 || !(n >> bits) || sign_extend(n, bits) == (int64_t)n;
	if (!fits && bits >= 32)
		return err_new(ERR_USAGE, "0x%llx has more than the %u bits of this conversion: %s",
			(unsigned long long)n, bits, "use ll");
	*ret = p->letter == 'd' ? (uint64_t)sign_extend(n, bits)
	       : bits == 64	? n
				: n & ((1ull << bits) - 1);
	return NULL;
}

static struct err *star(struct job *j, struct argument *a, int max, int *ret)
{
	const struct piece as_int = { .letter = 'd' };
	uint64_t n = 0;
	struct err *err = integer(j, &as_int, a, &n);
	if (!err && ((int64_t)n > max || (int64_t)n < -max))
		err = err_new(ERR_USAGE, "%lld: no more than %d", (long long)n, max);
	if (!err)
		*ret = (int)(int64_t)n;
	return err;
}

/* lib/vsprintf.c: a negative width means left, a negative precision 0. */
static struct err *take_stars(struct job *j, struct piece *p, size_t *io)
{
	struct err *err = NULL;
	if (p->width_arg) {
		err = star(j, &j->args.v[(*io)++], PRINTK_MAX_WIDTH, &p->spec.width);
		if (!err && p->spec.width < 0) {
			p->spec.width = -p->spec.width;
			p->spec.left = true;
		}
	}
	if (!err && p->precision_arg) {
		err = star(j, &j->args.v[(*io)++], PRINTK_MAX_PRECISION, &p->spec.precision);
		if (!err && p->spec.precision < 0)
			p->spec.precision = 0;
	}
	return err;
}

/* A pointer's number, a struct's or array's place. */
static struct err *address(struct job *j, struct argument *a, uint64_t *ret)
{
	*j->ret_at = a->at;
	struct err *err = value_address(j->env, &a->value, ret);
	if (!err && types_abi(j->env->types)->word_bytes == 4)
		*ret &= UINT32_MAX;
	return err;
}

/* How far a text may go: its array's end, or a bound of ours. */
static size_t text_limit(const struct piece *p, const struct value *v)
{
	const struct type *t = type_strip(v->type);
	size_t max = PRINTK_TEXT_BYTES;
	if (t->kind == TYPE_ARRAY && t->count > 1 && t->size < max)
		max = t->size;
	return p->spec.precision >= 0 && (size_t)p->spec.precision < max ? (size_t)p->spec.precision
									 : max;
}

static struct err *print_text(
	struct job *j, const struct piece *p, struct argument *a, struct strbuf *out)
{
	const struct value *v = &a->value;
	scoped_strbuf struct strbuf text = { 0 };
	struct printk_pointer pointer = { .env = j->env, .spec = p->spec };
	if (v->computed && v->text) {
		printk_add_text(
			out, &p->spec, v->text, strnlen(v->text, type_strip(v->type)->count));
		return NULL;
	}
	struct err *err = address(j, a, &pointer.va);
	if (err || printk_bad_pointer(&pointer, out))
		return err;
	err = printk_read_text(j->env, pointer.va, text_limit(p, v), &text);
	if (err && err->code != ERR_FAULT)
		return err;
	printk_add_text(out, &p->spec, strbuf_text(&text), text.len);
	return note_fault(j, err, out, out->len);
}

static struct err *print_pointer(
	struct job *j, const struct piece *p, struct argument *a, struct strbuf *out)
{
	struct printk_pointer pointer = { .env = j->env, .spec = p->spec, .letters = p->letters };
	struct err *err = address(j, a, &pointer.va);
	if (err || (!p->ext->is_address && printk_bad_pointer(&pointer, out)))
		return err;
	err = p->ext->print(&pointer, out);
	*j->ret_at = j->place[p->at];
	return err;
}

static struct err *print_value(
	struct job *j, const struct piece *p, struct argument *a, struct strbuf *out)
{
	uint64_t n;
	if (p->letter == 's')
		return print_text(j, p, a, out);
	if (p->letter == 'p')
		return print_pointer(j, p, a, out);
	struct err *err = integer(j, p, a, &n);
	if (err)
		return err;
	if (p->letter == 'c') {
		struct printk_spec spec = p->spec;
		char c = (char)n;
		spec.precision = -1;
		printk_add_text(out, &spec, &c, 1);
		return NULL;
	}
	printk_add_number(out, &p->spec, n,
		p->letter == 'd'   ? PRINTK_SIGNED
		: p->letter == 'o' ? PRINTK_OCTAL
		: p->letter == 'x' ? PRINTK_HEX
		: p->letter == 'X' ? PRINTK_HEX_UPPER
				   : PRINTK_DECIMAL);
	return NULL;
}

static struct err *print(struct job *j, struct strbuf *out)
{
	size_t next = 0;
	struct err *err = NULL;
	for (size_t i = 0; !err && i < j->pieces.n; i++) {
		struct piece *p = &j->pieces.v[i];
		size_t start = out->len;
		if (!p->letter) {
			strbuf_add_bytes(out, p->text, p->bytes);
			continue;
		}
		size_t before = next + p->width_arg + p->precision_arg;
		err = take_stars(j, p, &next);
		if (!err)
			err = print_value(j, p, &j->args.v[before], out);
		next = before + 1;
		err = note_fault(j, err, out, start);
	}
	return err;
}

struct err *printk_print(const struct debug_env *env, const struct printk_formats *f,
	struct arena *a, const char *text, struct strbuf *out, size_t *ret_at)
{
	__attribute__((cleanup(job_deinit))) struct job j = {
		.env = env, .formats = f, .arena = a, .ret_at = ret_at
	};
	scoped_strbuf struct strbuf b = { 0 };
	struct token next;
	struct err *err = read_format(&j, text, &next);
	if (!err)
		err = split_arguments(&j, text, &next);
	if (!err)
		err = scan_format(&j);
	if (!err)
		err = match(&j);
	if (!err)
		err = evaluate(&j);
	if (!err)
		err = print(&j, &b);
	if (err) {
		err_drop(j.fault); /* the error ends it all */
		return err;
	}
	strbuf_add_bytes(out, strbuf_text(&b), b.len);
	return j.fault;
}
