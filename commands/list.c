/* list: the members of a linked list, as addresses or as structs. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column list_columns[] = { { "address", .width = WIDTH_ADDRESS,
						      .object = "void" },
	{ "type", .hidden = true }, { "value" }, { 0 } };
static const struct table list_table = { .layout = LAYOUT_LINES, .columns = list_columns };

static const struct option list_options[] = {
	{ 'o', "OFFSET", "of the list_head in its struct: a number or TYPE.MEMBER" },
	{ 's', "TYPE[.MEMBER,…]",
		"show each as this struct, or these members of it; several may be given" },
	{ 'S', "TYPE[.MEMBER,…]", "the same" }, { 'r', NULL, "backwards, by the prev pointers" },
	{ 'h', NULL, "START is a struct of the list, which comes first itself" },
	{ 'H', NULL, "START is the list_head outside of all structs: it is no member" },
	{ 'e', "END", "the last one, as its node's or its struct's address" },
	{ 'B', NULL, "accepted for fingers used to crash: every walk looks for loops" },
	{ 'x', NULL, "integers in hexadecimal" },
	{ 'd', NULL, "integers in decimal, as they are without -x" }, { 0 }
};

static struct err *show(struct cx *cx, const struct shape *s, uint64_t va)
{
	out_row(cx->out);
	out_addr(cx->out, "address", va);
	return shape_show(cx, s, va);
}

/* [OFFSET] START, and -e: the words that are addresses. */
static struct err *parse_places(struct cx *cx, const struct args *a, struct shape *s,
	uint64_t *ret_start, uint64_t *ret_end)
{
	int last = args_count(a) - 1;
	const char *end = args_option(a, 'e');
	struct err *err = NULL;
	*ret_end = 0;
	if (last && args_option(a, 'o'))
		return args_error(a, 1, "the offset is given twice: with -o and as a word");
	if (last)
		err = args_point(a, 0, 0, shape_offset(cx, args_get(a, 0), &s->offset));
	if (!err)
		err = args_point(a, last, 0,
			address_parse(&cx->target->debug, args_get(a, last), ret_start));
	if (!err && end)
		err = err_wrap(address_parse(&cx->target->debug, end, ret_end), "option -e");
	return err;
}

static struct err *list_run(struct cx *cx, const struct args *a)
{
	struct shape s;
	struct list_iter it;
	uint64_t start, node, end;
	bool more = true, external = args_flag(a, 'H');
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = shape_parse(cx, a, &s);
	if (!err)
		err = parse_places(cx, a, &s, &start, &end);
	if (err)
		return err;
	out_table(cx->out, &list_table);
	if (args_flag(a, 'h'))
		start += s.offset;
	/* Without -H the head is a struct's own node, and so the first member. */
	if (!external)
		err = show(cx, &s, start - s.offset);
	if (args_flag(a, 'r'))
		list_iter_init_backwards(&it, cx->target, start);
	else
		list_iter_init(&it, cx->target, start);
	while (!err && !(err = list_iter_next(&it, &node, &more)) && more && node) {
		err = show(cx, &s, node - s.offset);
		if (!err && end && (node == end || node - s.offset == end))
			break;
	}
	return err;
}

static const char *const list_examples[] = {
	"list -H modules -o module.list -s module.name\tfrom a list_head of its own",
	"list -h init_task -o task_struct.tasks -s task_struct.comm,pid\tfrom a struct that is on "
	"the list",
	"list -r -H modules -o module.list -s module.name -s module.state\tthe last one first",
	"list task_struct.tasks -h init_task\tthe same, with the offset as a word",
	"list init_task.tasks\tonly where the nodes are",
	NULL,
};

const struct command cmd_list = {
	.name = "list",
	.summary = "the members of a linked list",
	.usage = "[OFFSET] START",
	.options = list_options,
	.examples = list_examples,
	.min_args = 1,
	.max_args = 2,
	.complete = "symbol",
	.takes = "*",
	.run = list_run,
};
