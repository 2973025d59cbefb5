/*
 * The shape of a typed line. One scanner steps over quoted and bracketed text, so that words and
 * redirections agree on what is quoted.
 */
#include "analyzer/shell/line.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/number.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/vec.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

static size_t skip_blanks(const char *s, size_t at)
{
	while (is_blank(s[at]))
		at++;
	return at;
}

/* Past the one item at @at: a character, an escaped one, or a whole quoted part. 0: the quote at
 * @at stays open. What the item means goes to @text (may be NULL). */
static size_t next_item(const char *s, size_t at, struct strbuf *text)
{
	const char quote = s[at];
	if (quote == '\\' && s[at + 1]) {
		if (text)
			strbuf_add_char(text, s[at + 1]);
		return at + 2;
	}
	/* C's character constant: as a quoted backslash nobody needs it */
	if (!strncmp(s + at, "'\\''", 4)) {
		if (text)
			strbuf_add_char(text, '\'');
		return at + 4;
	}
	if (quote != '\'' && quote != '"') {
		if (text)
			strbuf_add_char(text, s[at]);
		return at + 1;
	}
	for (at++; s[at] != quote; at++) {
		if (quote == '"' && s[at] == '\\' && (s[at + 1] == '"' || s[at + 1] == '\\'))
			at++;
		if (!s[at])
			return 0;
		if (text)
			strbuf_add_char(text, s[at]);
	}
	return at + 1;
}

struct err *words_split(
	struct arena *a, const char *s, struct word **ret, size_t *ret_n, size_t *ret_at)
{
	VEC(struct word) words = { 0 };
	scoped_strbuf struct strbuf text = { 0 };
	for (size_t at = skip_blanks(s, 0); s[at]; at = skip_blanks(s, at)) {
		struct word w = { .start = at };
		strbuf_reset(&text);
		while (s[at] && !is_blank(s[at])) {
			size_t next = next_item(s, at, &text);
			if (!next) {
				vec_deinit(&words);
				*ret_at = at;
				return err_new(ERR_USAGE, "the quote %c is not closed", s[at]);
			}
			at = next;
		}
		w.end = at;
		w.text = arena_strdup(a, strbuf_text(&text));
		vec_push(&words, w);
	}
	*ret = arena_alloc(a, (words.n + 1) * sizeof(struct word));
	if (words.n)
		memcpy(*ret, words.v, words.n * sizeof(struct word));
	*ret_n = words.n;
	vec_deinit(&words);
	return NULL;
}

/* To the first `>` or `|` that is the shell's, or to the end. */
static struct err *find_operator(const char *s, size_t *ret, size_t *ret_at)
{
	size_t depth = 0, at = 0;
	while (s[at]) {
		if (s[at] == '(' || s[at] == '[')
			depth++;
		else if ((s[at] == ')' || s[at] == ']') && depth)
			depth--;
		else if (s[at] == '|' && !depth)
			break;
		else if (s[at] == '>' && !depth && !(at && s[at - 1] == '-'))
			break;
		size_t next = next_item(s, at, NULL);
		if (!next) {
			*ret_at = at;
			return err_new(ERR_USAGE, "the quote %c is not closed", s[at]);
		}
		at = next;
	}
	*ret = at;
	return NULL;
}

/* "~/x" as the host's shell has it. */
static const char *expand_home(struct arena *a, const char *path)
{
	const char *home = getenv("HOME");
	if (path[0] != '~' || path[1] != '/' || !home)
		return path;
	return arena_printf(a, "%s%s", home, path + 1);
}

static struct err *parse_file(
	struct arena *a, const char *text, size_t at, struct line *ret, size_t *ret_at)
{
	const char *sign = text[at + 1] == '>' ? ">>" : ">";
	size_t from = at + strlen(sign), n, bad;
	struct word *words;
	*ret_at = at;
	if (text[from] == '=')
		return err_new(ERR_USAGE, "a comparison stands in parentheses: (a >= b)");
	struct err *err = words_split(a, text + from, &words, &n, &bad);
	if (err) {
		*ret_at = from + bad;
		return err;
	}
	if (!n)
		return err_new(ERR_USAGE, "a file name is missing after %s", sign);
	if (n > 1) {
		*ret_at = from + words[1].start;
		return err_new(ERR_USAGE, "one file name follows %s, and nothing else", sign);
	}
	uint64_t number;
	if (number_parse(words[0].text, &number))
		return err_new(ERR_USAGE, "%s stands in parentheses in an expression: (a %s %s)",
			sign, sign, words[0].text);
	ret->append = sign[1] != '\0';
	ret->file = expand_home(a, words[0].text);
	ret->file_at = from + words[0].start;
	return NULL;
}

static struct err *parse_pipe(
	struct arena *a, const char *text, size_t at, struct line *ret, size_t *ret_at)
{
	*ret_at = at;
	if (text[at + 1] == '|')
		return err_new(ERR_USAGE, "|| stands in parentheses: (a || b)");
	ret->host_at = skip_blanks(text, at + 1);
	if (!text[ret->host_at])
		return err_new(ERR_USAGE, "a command is missing after |");
	ret->host = arena_strdup(a, text + ret->host_at);
	return NULL;
}

struct err *line_parse(struct arena *a, const char *text, struct line *ret, size_t *ret_at)
{
	struct line line = { .kind = LINE_COMMAND };
	size_t start = skip_blanks(text, 0), at = start;
	if (!text[start] || text[start] == '#') {
		*ret = (struct line){ .kind = LINE_EMPTY, .command = "" };
		return NULL;
	}
	if (text[start] == '!') {
		line.kind = LINE_HOST;
		line.command = "";
		line.host_at = skip_blanks(text, start + 1);
		line.host = arena_strdup(a, text + line.host_at);
		*ret_at = start;
		if (!*line.host)
			return err_new(ERR_USAGE, "a command is missing after !");
		*ret = line;
		return NULL;
	}
	struct err *err = find_operator(text, &at, ret_at);
	if (err)
		return err;
	line.command = arena_strndup(a, text, at);
	if (text[at] && at == start) {
		*ret_at = at;
		return err_new(ERR_USAGE, "a command is missing before %c", text[at]);
	}
	if (text[at] == '>')
		err = parse_file(a, text, at, &line, ret_at);
	else if (text[at] == '|')
		err = parse_pipe(a, text, at, &line, ret_at);
	if (err)
		return err;
	*ret = line;
	return NULL;
}
