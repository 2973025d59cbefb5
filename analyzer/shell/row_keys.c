/* Keys of rows: parsed at commas, compared as numbers or texts. */
#include "analyzer/shell/row_keys.h"

#include <ctype.h>
#include <string.h>

/* To the next comma outside of brackets and quotes, or to the end. */
static size_t key_length(const char *s)
{
	size_t n = 0, depth = 0;
	char quote = 0;
	for (; s[n]; n++) {
		if (quote) {
			if (s[n] == '\\' && s[n + 1])
				n++;
			else if (s[n] == quote)
				quote = 0;
		} else if (s[n] == '"' || s[n] == '\'') {
			quote = s[n];
		} else if (strchr("([{", s[n])) {
			depth++;
		} else if (strchr(")]}", s[n])) {
			depth -= depth > 0;
		} else if (s[n] == ',' && !depth) {
			break;
		}
	}
	return n;
}

static size_t trim(const char *s, size_t n)
{
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	return n;
}

/* Cuts @word off the end of s[0..*n); false when it does not stand there. */
static bool cut_word(const char *s, size_t *n, const char *word)
{
	size_t w = strlen(word);
	if (*n <= w || strncmp(s + *n - w, word, w) || !isspace((unsigned char)s[*n - w - 1]))
		return false;
	*n = trim(s, *n - w);
	return true;
}

static struct err *parse_key(struct cx *cx, const struct args *a, const char *all, size_t from,
	size_t length, struct row_keys *io)
{
	size_t at, n = trim(all + from, length);
	struct row_key *key = &io->key[io->n];
	if (!n)
		return args_error_at(a, 0, from, "a key is missing, as in: by rss desc");
	if (io->n == ROW_KEYS_MAX)
		return args_error_at(a, 0, from, "more than %d keys", ROW_KEYS_MAX);
	key->descends = cut_word(all + from, &n, "desc");
	if (!key->descends)
		(void)cut_word(all + from, &n, "asc");
	key->text = arena_strndup(cx->arena, all + from, n);
	struct err *err = row_expr_parse(&io->names, cx->arena, key->text, &key->x, &at);
	if (err)
		return args_point(a, 0, from + at, err);
	io->n++;
	return NULL;
}

struct err *row_keys_parse(struct cx *cx, const struct args *a, const struct table *rows,
	struct row_keys *ret)
{
	const char *all = args_rest(a, 0);
	size_t at = 0;
	ret->n = 0;
	row_names_init(&ret->names, cx->target, rows);
	if (!strncmp(all, "by", 2) && (!all[2] || isspace((unsigned char)all[2])))
		at = 2;
	for (;;) {
		at += strspn(all + at, " \t");
		size_t n = key_length(all + at);
		struct err *err = parse_key(cx, a, all, at, n, ret);
		if (err || !all[at + n])
			return err;
		at += n + 1;
	}
}

struct err *row_keys_read(struct row_keys *k, const struct table *t, const struct row *row,
	struct arena *arena, struct row_value *ret)
{
	struct err *err = NULL;
	row_names_set(&k->names, t, row);
	for (size_t i = 0; !err && i < k->n; i++) {
		err = row_expr_value(&k->names, k->key[i].x, arena, &ret[i]);
		if (err && err->code == ERR_FAULT) {
			err_drop(err); /* memory that is not there: as if the cell were empty */
			ret[i] = (struct row_value){ .kind = ROW_ABSENT };
			err = NULL;
		}
	}
	return err;
}

/* Numbers before texts, where a column has both. */
static int compare_values(const struct row_value *a, const struct row_value *b)
{
	bool text = a->kind == ROW_TEXT;
	if (text != (b->kind == ROW_TEXT))
		return text ? 1 : -1;
	if (text)
		return strcmp(a->text, b->text);
	bool below_a = a->kind == ROW_SIGNED && (int64_t)a->number < 0;
	bool below_b = b->kind == ROW_SIGNED && (int64_t)b->number < 0;
	if (below_a != below_b)
		return below_a ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

int row_keys_compare(const struct row_keys *k, const struct row_value *a, const struct row_value *b)
{
	for (size_t i = 0; i < k->n; i++) {
		bool none_a = a[i].kind == ROW_ABSENT, none_b = b[i].kind == ROW_ABSENT;
		if (none_a != none_b)
			return none_a ? 1 : -1;
		int order = none_a ? 0 : compare_values(&a[i], &b[i]);
		if (order)
			return k->key[i].descends ? -order : order;
	}
	return 0;
}
