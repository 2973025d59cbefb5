/*
 * The command line's splitter, redirections and option parser on any bytes: no crash, every offset
 * inside the line, words made of what was typed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/shell/args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_seed(void (*add)(const uint8_t *data, size_t size));

static void require(bool holds)
{
	if (!holds)
		abort();
}

static const struct option options[] = {
	{ 'a', NULL, "a flag" },
	{ 'c', "ARG", "with an argument" },
	{ '1', NULL, "a digit" },
	{ 0 },
};

static void check_args(struct arena *arena, const char *text, bool expression)
{
	const struct command c = {
		.name = "x",
		.usage = "",
		.options = options,
		.max_args = 3,
		.expression = expression,
	};
	struct args a;
	size_t len = strlen(text), caret = 0;
	uint64_t v;
	struct err *err = args_parse(arena, &c, text, &a, &caret);
	require(caret <= len);
	if (err) {
		require(err->msg != NULL);
		err_drop(err); /* refusing is a right answer */
		return;
	}
	require(args_count(&a) <= 3);
	for (int i = 0; i <= args_count(&a); i++) {
		require(strlen(args_rest(&a, i)) <= len);
		err_drop(args_uint(&a, i, &v)); /* only that it ends well */
		err_drop(args_addr(&a, i, &v)); /* only that it ends well */
		require(caret <= len);
	}
	const char *option = args_option(&a, 'c');
	require(!option || strlen(option) <= len);
}

/* Half of all words are stages. */
static bool is_stage(const void *cx, const char *word)
{
	(void)cx;
	return word[0] & 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	scoped_free char *text = xstrndup((const char *)data, size);
	size_t len = strlen(text), at = 0, n = 0;
	struct line line;
	struct word *words;
	struct err *err = line_parse(&arena, text, is_stage, NULL, &line, &at);
	require(at <= len);
	if (!err && line.kind == LINE_COMMAND) {
		require(strncmp(text, line.command, strlen(line.command)) == 0);
		require(!line.host || strcmp(line.host, text + line.host_at) == 0);
		check_args(&arena, line.command, false);
		check_args(&arena, line.command, true);
		for (size_t i = 0; i < line.nstages; i++) {
			const struct line_stage *st = &line.stage[i];
			require(st->at + strlen(st->text) <= len);
			require(strncmp(text + st->at, st->text, strlen(st->text)) == 0);
			check_args(&arena, st->text, true);
		}
	}
	err_drop(err); /* refusing is a right answer */
	err = words_split(&arena, text, &words, &n, &at);
	require(at <= len);
	for (size_t i = 0; !err && i < n; i++) {
		require(words[i].start < words[i].end && words[i].end <= len);
		require(strlen(words[i].text) <= words[i].end - words[i].start);
		require(!i || words[i - 1].end < words[i].start);
	}
	err_drop(err); /* an open quote */
	arena_deinit(&arena);
	return 0;
}

void fuzz_seed(void (*add)(const uint8_t *data, size_t size))
{
	static const char *const seeds[] = {
		"bt -a -c 3 1234",
		"ps | cwhere state == 'x' | abt -l | first > file",
		"p -1 init_task->comm[(a >> 2)] | grep 'x y' > z",
		"rd \"a b\\\" c\" -cVALUE -- -a >> ~/file",
		"!ls | wc",
		"struct task_struct -ac x 0xffff000012345678",
		"p 'a' || b >= c \\> d",
		"# comment",
	};
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		add((const uint8_t *)seeds[i], strlen(seeds[i]));
}
