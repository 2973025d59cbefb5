/* net: network interfaces. */
#include <arpa/inet.h>

#include "analyzer/api.h"
#include "analyzer/model.h"

static const struct column address_columns[] = { { "address" }, { "prefix" }, { 0 } };
static const struct table address_table = { .layout = LAYOUT_TABLE, .columns = address_columns };

static const struct column net_columns[] = {
	{ "device", .title = "NET_DEVICE", .width = WIDTH_ADDRESS, .object = "struct net_device" },
	{ "index", .hidden = true }, { "name", .width = 10 },
	{ "mtu", .width = 6, .align = ALIGN_RIGHT }, { "state", .width = 5 },
	{ "flags", .hidden = true }, { "text", .title = "IP ADDRESS(ES)", .text_only = true },
	{ "addresses", .hidden = true, .list = &address_table }, { 0 }
};
static const struct table net_table = { .layout = LAYOUT_TABLE, .columns = net_columns };

static const struct option net_options[] = {
	{ 'n', "PID|TASK", "of this task's namespace; else of the first task's" }, { 0 }
};

struct shown {
	struct cx *cx;
	struct strbuf text;
};

static void show_address(void *cx, const uint8_t *address, unsigned bytes, unsigned prefix)
{
	struct shown *s = cx;
	char text[INET6_ADDRSTRLEN];
	if (!inet_ntop(bytes == 4 ? AF_INET : AF_INET6, address, text, sizeof(text)))
		return; /* it knows both families */
	out_row(s->cx->out);
	out_str(s->cx->out, "address", text);
	out_uint(s->cx->out, "prefix", prefix);
	strbuf_addf(&s->text, "%s%s/%u", s->text.len ? ", " : "", text, prefix);
}

static void show(struct cx *cx, const struct net_device *d)
{
	struct shown s = { .cx = cx };
	out_row(cx->out);
	out_addr(cx->out, "device", d->va);
	out_uint(cx->out, "index", d->index);
	out_str(cx->out, "name", d->name);
	out_uint(cx->out, "mtu", d->mtu);
	out_str(cx->out, "state",
		d->flags & 1 ? "up" : "down"); /* IFF_UP, include/uapi/linux/if.h */
	out_hex(cx->out, "flags", d->flags);
	out_list_begin(cx->out, "addresses");
	struct err *err = net_device_addresses(cx->target, d, show_address, &s);
	out_list_end(cx->out);
	out_str(cx->out, "text", strbuf_text(&s.text));
	strbuf_deinit(&s.text);
	if (err)
		out_complain(cx->out, err_wrap(err, "%s", d->name));
}

static struct err *net_run(struct cx *cx, const struct args *a)
{
	struct net_device_iter it;
	struct task task;
	uint64_t net = 0;
	bool more = true;
	const char *of = args_option(a, 'n');
	struct err *err = target_need_kernel(cx->target);
	if (!err && of)
		err = err_wrap(task_parse(cx->target, of, &task), "option -n");
	if (!err && of)
		err = net_namespace_of(cx->target, task.va, &net);
	if (!err)
		err = net_device_iter_init(&it, cx->target, net);
	out_table(cx->out, &net_table);
	while (!err && more) {
		struct net_device d;
		err = net_device_iter_next(&it, &d, &more);
		if (!err && more)
			show(cx, &d);
		if (err && more && err->code != ERR_INTERRUPTED) {
			out_complain(cx->out, err);
			err = NULL;
		}
	}
	return err;
}

static const char *const net_examples[] = {
	"net\tthe interfaces and their addresses",
	"net -n 42\tthose that pid 42 sees",
	NULL,
};

const struct command cmd_net = {
	.name = "net",
	.summary = "network interfaces and their addresses",
	.usage = "",
	.options = net_options,
	.examples = net_examples,
	.rows = &net_table,
	.run = net_run,
};
