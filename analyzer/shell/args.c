/*
 * Options and arguments. Every complaint about a word leaves its offset behind, so that the shell
 * can put a caret under it, also when a command finds out long after parsing.
 */
#include "analyzer/shell/args.h"

#include <ctype.h>
#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

static const struct option *find_option(const struct command *c, char letter)
{
	for (const struct option *o = c->options; o && o->letter; o++)
		if (o->letter == letter && !o->word)
			return o;
	return NULL;
}

/* The option that the whole word is, like -16 or --flame. */
static const struct option *find_word(const struct command *c, const char *s)
{
	for (const struct option *o = c->options; *s == '-' && o && o->letter; o++)
		if (o->word && !strcmp(o->word, s + 1))
			return o;
	return NULL;
}

/* Whether the word is meant as options: not "-", not a negative number, and in front of an
 * expression not what only an expression can be, like "-(x)". */
static bool is_option_word(const struct command *c, const char *s)
{
	if (s[0] != '-' || !s[1])
		return false;
	if (isdigit((unsigned char)s[1]))
		return find_option(c, s[1]) != NULL;
	if (s[1] == '-' && isalpha((unsigned char)s[2]))
		return true; /* no expression begins with "--name" here: nothing is decremented */
	return !c->expression || isalpha((unsigned char)s[1]);
}

/* An option's argument; what was given before stays behind it. */
static void set_option(struct arena *arena, struct args *a, unsigned char letter, const char *text,
	const struct word *place)
{
	struct word *value = arena_alloc(arena, sizeof(*value));
	*value = (struct word){
		.text = text, .start = place->start, .end = place->end, .before = a->option[letter]
	};
	a->option[letter] = value;
}

/* An option that is a whole word; *i moves on when it takes the next one. */
static struct err *parse_whole(struct arena *arena, const struct option *o,
	const struct word *words, size_t nwords, size_t *i, struct args *ret)
{
	unsigned char letter = (unsigned char)o->letter;
	if (!o->arg) {
		ret->option[letter] = &words[*i];
		return NULL;
	}
	*ret->caret = words[*i].start;
	if (*i + 1 >= nwords)
		return err_new(ERR_USAGE, "option -%s needs its %s", o->word, o->arg);
	++*i;
	set_option(arena, ret, letter, words[*i].text, &words[*i]);
	return NULL;
}

/* One cluster; *i moves on when an option takes the next word. */
static struct err *parse_cluster(struct arena *arena, const struct command *c,
	const struct word *words, size_t nwords, size_t *i, struct args *ret)
{
	const struct word *w = &words[*i];
	for (const char *p = w->text + 1; *p; p++) {
		const struct option *o = find_option(c, *p);
		*ret->caret = w->start;
		if (!o || (unsigned char)*p >= ARRAY_SIZE(ret->option))
			return isalnum((unsigned char)*p)
				       ? err_new(ERR_USAGE, "unknown option -%c", *p)
				       : err_new(ERR_USAGE, "unknown option %s", w->text);
		unsigned char letter = (unsigned char)*p;
		if (!o->arg) {
			ret->option[letter] = w;
			continue;
		}
		if (!p[1]) {
			if (*i + 1 >= nwords)
				return err_new(ERR_USAGE, "option -%c needs its %s", *p, o->arg);
			++*i;
			set_option(arena, ret, letter, words[*i].text, &words[*i]);
			return NULL;
		}
		set_option(arena, ret, letter, p + 1, w);
		return NULL;
	}
	return NULL;
}

static struct err *check_count(const struct command *c, const struct args *a)
{
	if (a->narg < c->min_args) {
		*a->caret = strlen(a->text);
		return err_new(ERR_USAGE, "an argument is missing: %s", c->usage ? c->usage : "");
	}
	if (c->max_args >= 0 && a->narg > c->max_args) {
		const struct word *w = &a->arg[c->max_args];
		*a->caret = w->start;
		return err_new(ERR_USAGE, "one argument too many: %s", w->text);
	}
	return NULL;
}

struct err *args_parse(struct arena *arena, const struct command *c, const char *text,
	struct args *ret, size_t *caret)
{
	*ret = (struct args){ .caret = caret };
	struct word *words;
	size_t nwords;
	struct err *err = words_split(arena, text, &words, &nwords, caret);
	if (err)
		return err;
	ret->text = arena_strndup(arena, text, nwords ? words[nwords - 1].end : 0);
	struct word *arg = arena_alloc(arena, (nwords + 1) * sizeof(*arg));
	bool options = true;
	for (size_t i = 1; i < nwords; i++) {
		const char *s = words[i].text;
		const struct option *whole = options ? find_word(c, s) : NULL;
		if (options && strcmp(s, "--") == 0) {
			options = false;
		} else if (whole) {
			err = parse_whole(arena, whole, words, nwords, &i, ret);
			if (err)
				return err;
		} else if (options && is_option_word(c, s)) {
			err = parse_cluster(arena, c, words, nwords, &i, ret);
			if (err)
				return err;
		} else {
			arg[ret->narg++] = words[i];
			options &= !c->expression;
		}
	}
	ret->arg = arg;
	return check_count(c, ret);
}

static const struct word *option_of(const struct args *a, char letter)
{
	unsigned char i = (unsigned char)letter;
	return i < ARRAY_SIZE(a->option) ? a->option[i] : NULL;
}

bool args_flag(const struct args *a, char letter)
{
	return option_of(a, letter) != NULL;
}

const char *args_option(const struct args *a, char letter)
{
	const struct word *w = option_of(a, letter);
	return w ? w->text : NULL;
}

const char *args_option_at(const struct args *a, char letter, size_t i)
{
	size_t n = 0;
	const struct word *w;
	for (w = option_of(a, letter); w; w = w->before)
		n++;
	if (i >= n)
		return NULL;
	for (w = option_of(a, letter); ++i < n;)
		w = w->before;
	return w->text;
}

int args_count(const struct args *a)
{
	return a->narg;
}

const char *args_get(const struct args *a, int i)
{
	return i >= 0 && i < a->narg ? a->arg[i].text : NULL;
}

const char *args_rest(const struct args *a, int i)
{
	return i >= 0 && i < a->narg ? a->text + a->arg[i].start : "";
}

static struct err *error_at(const struct args *a, size_t at, const char *fmt, va_list ap)
{
	scoped_free char *msg = xvasprintf(fmt, ap);
	size_t end = strlen(a->text);
	*a->caret = at < end ? at : end;
	return err_new(ERR_USAGE, "%s", msg);
}

struct err *args_error(const struct args *a, int i, const char *fmt, ...)
{
	size_t at = i >= 0 && i < a->narg ? a->arg[i].start : strlen(a->text);
	va_list ap;
	va_start(ap, fmt);
	struct err *err = error_at(a, at, fmt, ap);
	va_end(ap);
	return err;
}

struct err *args_error_at(const struct args *a, int i, size_t offset, const char *fmt, ...)
{
	size_t at = i >= 0 && i < a->narg ? a->arg[i].start : strlen(a->text);
	va_list ap;
	va_start(ap, fmt);
	struct err *err = error_at(a, at + offset, fmt, ap);
	va_end(ap);
	return err;
}

struct err *args_point(const struct args *a, int i, size_t offset, struct err *e)
{
	if (!e || (e->code != ERR_USAGE && e->code != ERR_NOT_FOUND))
		return e;
	struct err *pointed = args_error_at(a, i, offset, "%s", e->msg);
	err_drop(e); /* the new one says the same */
	return pointed;
}

struct err *args_uint(const struct args *a, int i, uint64_t *ret)
{
	const char *s = args_get(a, i);
	if (!s)
		return args_error(a, i, "a number is missing");
	if (!number_parse(s, ret) && !number_parse_hex(s, ret))
		return args_error(a, i, "not a number: %s", s);
	return NULL;
}

struct err *args_addr(const struct args *a, int i, uint64_t *ret)
{
	const char *s = args_get(a, i);
	if (!s)
		return args_error(a, i, "an address is missing");
	if (!number_parse_hex(s, ret))
		return args_error(a, i, "not an address: %s", s);
	return NULL;
}

struct err *args_option_uint(const struct args *a, char letter, uint64_t otherwise, uint64_t *ret)
{
	const struct word *w = option_of(a, letter);
	if (!w) {
		*ret = otherwise;
		return NULL;
	}
	if (number_parse(w->text, ret) || number_parse_hex(w->text, ret))
		return NULL;
	*a->caret = w->start;
	return err_new(ERR_USAGE, "option -%c needs a number, not %s", letter, w->text);
}
