/* list: the members of a linked list, as addresses or as structs. */
#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column list_columns[] = { { "address", .width = WIDTH_ADDRESS, .object = "void" },
	{ "type", .hidden = true }, { "value" }, { 0 } };
static const struct table list_table = { .layout = LAYOUT_LINES, .columns = list_columns };

static const struct option list_options[] = {
	{ 'o', "OFFSET", "of the list_head in its struct: a number or TYPE.MEMBER" },
	{ 's', "TYPE[.MEMBER,…]",
		"show each as this struct, or these members of it; several may be given" },
	{ 'S', "TYPE[.MEMBER,…]", "the same" }, { 'r', NULL, "backwards, by the prev pointers" },
	{ 'h', NULL, "START is a struct of the list, which comes first itself" },
	{ 'H', NULL, "START is the list_head outside of all structs: it is no member" },
	{ 'x', NULL, "integers in hexadecimal" },
	{ 'd', NULL, "integers in decimal, as they are without -x" }, { 0 }
};

static struct err *show(struct cx *cx, const struct shape *s, uint64_t va)
{
	out_row(cx->out);
	out_addr(cx->out, "address", va);
	return shape_show(cx, s, va);
}

static struct err *list_run(struct cx *cx, const struct args *a)
{
	struct shape s;
	struct list_iter it;
	uint64_t start, node;
	bool more = true, external = args_flag(a, 'H');
	struct err *err = target_need_kernel(cx->target);
	if (!err)
		err = shape_parse(cx, a, &s);
	if (!err)
		err = args_point(
			a, 0, 0, address_parse(&cx->target->debug, args_get(a, 0), &start));
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
	while (!err && !(err = list_iter_next(&it, &node, &more)) && more && node)
		err = show(cx, &s, node - s.offset);
	return err;
}

static const char *const list_examples[] = {
	"list -H modules -o module.list -s module.name\tfrom a list_head of its own",
	"list -h init_task -o task_struct.tasks -s task_struct.comm,pid\tfrom a struct that is on "
	"the list",
	"list -r -H modules -o module.list -s module.name -s module.state\tthe last one first",
	"list init_task.tasks\tonly where the nodes are",
	NULL,
};

const struct command cmd_list = {
	.name = "list",
	.summary = "the members of a linked list",
	.usage = "START",
	.options = list_options,
	.examples = list_examples,
	.min_args = 1,
	.max_args = 1,
	.complete = "symbol",
	.takes = "*",
	.run = list_run,
};
