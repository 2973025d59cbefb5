/*
 * Type names as C writes them: "struct list_head *", "unsigned long", "pid_t [4]". Base types are
 * made from the words themselves and need no debug information.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/types_internal.h"

enum { WORD_MAX = 128 };

/* Copies the identifier at *io into @word; false when there is none. */
static bool next_word(const char **io, char word[WORD_MAX])
{
	while (isspace((unsigned char)**io))
		++*io;
	size_t n = 0;
	const char *p = *io;
	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	if (!n || n >= WORD_MAX || isdigit((unsigned char)*p))
		return false;
	memcpy(word, p, n);
	word[n] = '\0';
	*io = p + n;
	return true;
}

struct specifiers {
	unsigned is_signed, is_unsigned, is_short, is_long, is_int, is_char, is_bool, is_int128;
	unsigned is_float, is_double, is_void;
};

static bool count_specifier(struct specifiers *s, const char *w)
{
	static const struct {
		const char *word;
		size_t offset;
	} words[] = {
		{ "signed", offsetof(struct specifiers, is_signed) },
		{ "unsigned", offsetof(struct specifiers, is_unsigned) },
		{ "short", offsetof(struct specifiers, is_short) },
		{ "long", offsetof(struct specifiers, is_long) },
		{ "int", offsetof(struct specifiers, is_int) },
		{ "char", offsetof(struct specifiers, is_char) },
		{ "_Bool", offsetof(struct specifiers, is_bool) },
		{ "__int128", offsetof(struct specifiers, is_int128) },
		{ "float", offsetof(struct specifiers, is_float) },
		{ "double", offsetof(struct specifiers, is_double) },
		{ "void", offsetof(struct specifiers, is_void) },
	};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(w, words[i].word)) {
			++*(unsigned *)((char *)s + words[i].offset);
			return true;
		}
	return false;
}

/* The names are gcc's in DWARF, so that interning makes these and the file's own one. Plain char is
 * unsigned on both ARM architectures (AAPCS). */
static const struct type *base_type(struct types *db, const struct specifiers *s)
{
	struct type t = { .kind = TYPE_INT, .complete = true, .size = 4 };
	bool u = s->is_unsigned;
	if (s->is_void)
		return db->void_type;
	if (s->is_float || s->is_double) {
		t.kind = TYPE_FLOAT;
		t.size = s->is_float ? 4 : s->is_long ? db->abi.word_bytes * 2 : 8;
		t.name = s->is_float ? "float" : s->is_long ? "long double" : "double";
		return types_intern(db, &t, 0);
	}
	t.encoding = u ? INT_UNSIGNED : INT_SIGNED;
	t.is_signed = !u;
	if (s->is_char) {
		t = (struct type){ .kind = TYPE_INT,
			.complete = true,
			.size = 1,
			.encoding = INT_CHAR,
			.is_signed = s->is_signed,
			.name = u	       ? "unsigned char"
				: s->is_signed ? "signed char"
					       : "char" };
	} else if (s->is_bool) {
		t.size = 1;
		t.encoding = INT_BOOL;
		t.is_signed = false;
		t.name = "_Bool";
	} else if (s->is_int128) {
		t.size = 16;
		t.name = u ? "__int128 unsigned" : "__int128";
	} else if (s->is_short) {
		t.size = 2;
		t.name = u ? "short unsigned int" : "short int";
	} else if (s->is_long >= 2) {
		t.size = 8;
		t.name = u ? "long long unsigned int" : "long long int";
	} else if (s->is_long) {
		t.size = db->abi.word_bytes;
		t.name = u ? "long unsigned int" : "long int";
	} else {
		t.name = u ? "unsigned int" : "int";
	}
	return types_intern(db, &t, 0);
}

static bool is_qualifier(const char *w)
{
	return !strcmp(w, "const") || !strcmp(w, "volatile") || !strcmp(w, "restrict") ||
	       !strcmp(w, "_Atomic");
}

static const struct type *qualify(struct types *db, const struct type *t, const char *word)
{
	struct type q = { .kind = TYPE_QUALIFIED,
		.size = t->size,
		.target = t,
		.complete = true,
		.name = !strcmp(word, "const")	    ? "const"
			: !strcmp(word, "volatile") ? "volatile"
			: !strcmp(word, "restrict") ? "restrict"
						    : "_Atomic" };
	return types_intern(db, &q, 0);
}

/* What stands before the first * or [. */
static struct err *parse_specifiers(
	struct types *db, const char **io, const char *whole, const struct type **ret)
{
	char word[WORD_MAX], qual[WORD_MAX] = "";
	struct specifiers s = { 0 };
	bool builtin = false;
	const struct type *t = NULL;
	const char *p = *io;
	while (next_word(&p, word)) {
		enum type_kind kind = !strcmp(word, "struct")  ? TYPE_STRUCT
				      : !strcmp(word, "union") ? TYPE_UNION
				      : !strcmp(word, "enum")  ? TYPE_ENUM
							       : TYPE_TYPEDEF;
		if (is_qualifier(word)) {
			memcpy(qual, word, sizeof(qual)); /* both are WORD_MAX */
		} else if (!t && count_specifier(&s, word)) {
			builtin = true;
		} else if (t || builtin) {
			return err_new(
				ERR_USAGE, "\"%s\" is no type: what is \"%s\"?", whole, word);
		} else {
			if (kind != TYPE_TYPEDEF && !next_word(&p, word))
				return err_new(ERR_USAGE, "\"%s\": a tag is missing", whole);
			struct err *e = types_find(db, kind, word, NULL, &t);
			if (e)
				return e;
		}
		*io = p;
	}
	if (builtin)
		t = base_type(db, &s);
	if (!t)
		return err_new(ERR_USAGE, "\"%s\" is no type", whole);
	*ret = qual[0] ? qualify(db, t, qual) : t;
	return NULL;
}

struct err *types_parse(struct types *db, const char *c_name, const struct type **ret)
{
	const char *p = c_name;
	const struct type *t = NULL;
	struct err *e = parse_specifiers(db, &p, c_name, &t);
	if (e)
		return e;
	uint64_t dim[8];
	unsigned ndims = 0, depth = 0;
	for (;; p++) {
		char word[WORD_MAX];
		const char *q = p;
		if (isspace((unsigned char)*p))
			continue;
		if (*p == '*' && !ndims && depth++ < TYPE_MAX_DEPTH / 2) {
			t = types_pointer_to(db, t);
		} else if (*p == '[' && ndims < ARRAY_SIZE(dim)) {
			char *end;
			dim[ndims++] = strtoull(p + 1, &end, 0);
			if (*end != ']')
				break;
			p = end;
		} else if (t->kind == TYPE_POINTER && next_word(&q, word) && is_qualifier(word)) {
			t = qualify(db, t, word);
			p = q - 1;
		} else {
			break;
		}
	}
	if (*p)
		return err_new(ERR_USAGE, "\"%s\" is no type: \"%s\" cannot follow", c_name, p);
	while (ndims--)
		t = types_array_of(db, t, dim[ndims]);
	*ret = t;
	return NULL;
}
