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

/* From @at to the first `>` or `|` that is the shell's, or to the end. */
static struct err *find_operator(const char *s, size_t at, size_t *ret, size_t *ret_at)
{
	size_t depth = 0;
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

/* Behind the `|` at @at. *ret_stage: our own stage begins at *ret_from; else the host's command. */
static struct err *parse_pipe(struct arena *a, const char *text, size_t at, is_stage_fn is_stage,
	const void *cx, struct line *ret, bool *ret_stage, size_t *ret_from, size_t *ret_at)
{
	*ret_at = at;
	if (text[at + 1] == '|')
		return err_new(ERR_USAGE, "|| stands in parentheses: (a || b)");
	size_t from = skip_blanks(text, at + 1);
	if (!text[from])
		return err_new(ERR_USAGE, "a command is missing after |");
	char *word = arena_strndup(a, text + from, strcspn(text + from, " \t\r\n\v\f|><;&"));
	*ret_from = from;
	*ret_stage = is_stage && is_stage(cx, word);
	if (!*ret_stage) {
		ret->host_at = from;
		ret->host = arena_strdup(a, text + from);
	}
	return NULL;
}

/* "!command": all of it is the host's. */
static struct err *parse_host(
	struct arena *a, const char *text, size_t start, struct line *ret, size_t *ret_at)
{
	ret->kind = LINE_HOST;
	ret->command = "";
	ret->host_at = skip_blanks(text, start + 1);
	ret->host = arena_strdup(a, text + ret->host_at);
	*ret_at = start;
	return *ret->host ? NULL : err_new(ERR_USAGE, "a command is missing after !");
}

/* "< file" */
static struct err *parse_script(
	struct arena *a, const char *text, size_t start, struct line *ret, size_t *ret_at)
{
	struct word *words;
	size_t n, bad;
	ret->kind = LINE_SCRIPT;
	*ret_at = start;
	struct err *err = words_split(a, text + start + 1, &words, &n, &bad);
	if (err) {
		*ret_at = start + 1 + bad;
		return err;
	}
	if (n != 1)
		return err_new(ERR_USAGE, "one file name follows <, and nothing else");
	ret->file = expand_home(a, words[0].text);
	ret->file_at = start + 1 + words[0].start;
	return NULL;
}

/* The command and its stages, up to what is the host's or the end. */
static struct err *parse_parts(struct arena *a, const char *text, size_t from, is_stage_fn is_stage,
	const void *cx, struct line *ret, size_t *ret_at)
{
	VEC(struct line_stage) stages = { 0 };
	struct err *err = NULL;
	bool more = true;
	for (bool first = true; !err && more; first = false) {
		size_t end = 0;
		more = false;
		err = find_operator(text, from, &end, ret_at);
		if (err)
			break;
		if (text[end] && end == from && first) {
			*ret_at = end;
			err = err_new(ERR_USAGE, "a command is missing before %c", text[end]);
			break;
		}
		if (first)
			ret->command = arena_strndup(a, text, end);
		else
			vec_push(&stages, ((struct line_stage){
				arena_strndup(a, text + from, end - from), from }));
		if (text[end] == '>')
			err = parse_file(a, text, end, ret, ret_at);
		else if (text[end] == '|')
			err = parse_pipe(
				a, text, end, is_stage, cx, ret, &more, &from, ret_at);
	}
	struct line_stage *all = arena_alloc(a, (stages.n + 1) * sizeof(*all));
	if (stages.n)
		memcpy(all, stages.v, stages.n * sizeof(*all));
	ret->stage = all;
	ret->nstages = stages.n;
	vec_deinit(&stages);
	return err;
}

struct err *line_parse(struct arena *a, const char *text, is_stage_fn is_stage, const void *cx,
	struct line *ret, size_t *ret_at)
{
	struct line line = { .kind = LINE_COMMAND, .command = "" };
	size_t start = skip_blanks(text, 0);
	struct err *err = NULL;
	if (!text[start] || text[start] == '#')
		line.kind = LINE_EMPTY;
	else if (text[start] == '!')
		err = parse_host(a, text, start, &line, ret_at);
	else if (text[start] == '<')
		err = parse_script(a, text, start, &line, ret_at);
	else
		err = parse_parts(a, text, start, is_stage, cx, &line, ret_at);
	if (err)
		return err;
	*ret = line;
	return NULL;
}
