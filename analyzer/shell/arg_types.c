/* Turns words into addresses, tasks and counts. */
#include "analyzer/shell/arg_types.h"

#include <inttypes.h>

#include "analyzer/base/number.h"
#include "analyzer/debug/address.h"

/* A usage error about argument @i gets its place; others pass. */
static struct err *placed(const struct args *a, int i, struct err *err)
{
	if (!err || err->code != ERR_USAGE)
		return err;
	struct err *at = args_error(a, i, "%s", err->msg);
	err_drop(err);
	return at;
}

struct err *arg_address(struct cx *cx, const struct args *a, int i, uint64_t *ret)
{
	const char *text = args_get(a, i);
	if (!text)
		return args_error(a, i, "an address is missing");
	return placed(a, i, address_parse(&cx->target->debug, text, ret));
}

struct err *arg_task(struct cx *cx, const struct args *a, int i, struct task *ret)
{
	const char *text = args_get(a, i);
	if (!text)
		return args_error(a, i, "a pid or the address of a task_struct is missing");
	uint64_t va;
	struct err *err = task_parse(cx->target, text, ret);
	if (!err || err->code != ERR_USAGE)
		return err;
	struct err *other = address_parse(&cx->target->debug, text, &va);
	if (other) {
		err_drop(other); /* what a task may be called is said by the first */
		return placed(a, i, err);
	}
	err_drop(err); /* an expression: $x, it, init_task.real_parent */
	return task_read(cx->target, va, ret);
}

struct err *arg_limited(const struct args *a, int i, uint64_t most, uint64_t *ret)
{
	const char *text = args_get(a, i);
	uint64_t n;
	if (!text)
		return NULL;
	if (!number_parse(text, &n) || !n || n > most)
		return args_error(a, i, "%s: no count (1 to %" PRIu64 ")", text, most);
	*ret = n;
	return NULL;
}
