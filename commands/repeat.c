/* repeat: one line again and again, until Ctrl-C. */
#include <errno.h>
#include <time.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

enum { SECONDS_MAX = 86400 };

/* "-5", crash's way to say how long to wait. */
static struct err *read_pause(const struct args *a, uint64_t *ret)
{
	const char *word = args_get(a, 0);
	*ret = 0;
	if (word[0] != '-')
		return NULL;
	if (!number_parse(word + 1, ret) || *ret > SECONDS_MAX)
		return args_error(
			a, 0, "not a number of seconds up to %d: %s", SECONDS_MAX, word + 1);
	return args_get(a, 1) ? NULL : args_error(a, 1, "a command is missing");
}

/* Ctrl-C ends it early. */
static void wait_seconds(uint64_t seconds)
{
	struct timespec left = { .tv_sec = (time_t)seconds };
	while (!interrupt_pending() && nanosleep(&left, &left) && errno == EINTR)
		continue;
}

static struct err *repeat_run(struct cx *cx, const struct args *a)
{
	uint64_t pause, times;
	bool counted = args_option(a, 'n');
	struct err *err = args_option_uint(a, 'n', 0, &times);
	if (!err)
		err = read_pause(a, &pause);
	struct arena round = { 0 }; /* what one round leaves behind does not wait for the last */
	struct cx inner = *cx;
	inner.arena = &round;
	const char *line = args_rest(a, args_get(a, 0)[0] == '-');
	for (uint64_t i = 0; !err && (!counted || i < times); i++) {
		if (i)
			wait_seconds(pause);
		err = interrupt_check();
		if (!err)
			err = session_run_inside(&inner, line);
		arena_reset(&round);
	}
	arena_deinit(&round);
	return err;
}

static const struct option repeat_options[] = {
	{ 'n', "COUNT", "so many times; else until Ctrl-C" }, { 0 }
};

static const char *const repeat_examples[] = {
	"repeat -n 3 p $i = $i + 1\tthree times",
	"repeat -1 p jiffies\tevery second, until Ctrl-C",
	NULL,
};

const struct command cmd_repeat = {
	.name = "repeat",
	.summary = "run a command again and again",
	.usage = "[-SECONDS] COMMAND [ARGUMENT…]",
	.details = "A dump does not change: this is for commands that do, as p with a variable of "
		   "its own.",
	.options = repeat_options,
	.examples = repeat_examples,
	.min_args = 1,
	.max_args = -1,
	.expression = true,
	.needs_no_target = true,
	.complete = "command",
	.run = repeat_run,
};
