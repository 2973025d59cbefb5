/* net: network interfaces, and tasks' sockets. */
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

static const struct column number_columns[] = { { "ipv4" }, { 0 } };
static const struct table number_table = { .layout = LAYOUT_LINES, .columns = number_columns };

static const struct option net_options[] = {
	{ 'n', NULL, "of the namespace of a task: the current one, or the one named" },
	{ 's', NULL, "the sockets of tasks: the current one, or those named" },
	{ 'S', NULL, "the same, each with its struct socket and struct sock" },
	{ 'R', "REF", "with -s and -S: only this descriptor, socket or sock" },
	{ 'N', "NUMBER", "an IPv4 address as it stands in memory, in numbers and dots" },
	{ 'x', NULL, "with -S: numbers in hexadecimal" },
	{ 'd', NULL, "with -S: numbers in decimal" }, { 0 }
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

static struct err *show_devices(struct cx *cx, const struct args *a)
{
	struct net_device_iter it;
	struct task task;
	uint64_t net = 0;
	bool more = true;
	struct err *err = NULL;
	if (args_flag(a, 'n')) {
		err = args_count(a) ? arg_task(cx, a, 0, &task) : current_task(cx, &task);
		if (!err)
			err = net_namespace_of(cx->target, task.va, &net);
	}
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

static struct err *show_sockets(struct cx *cx, const struct args *a, const struct task *task)
{
	const struct socket_wish wish = {
		.structures = args_flag(a, 'S'),
		.hex = args_flag(a, 'x'),
		.decimal = args_flag(a, 'd'),
		.reference = args_option(a, 'R'),
	};
	return socket_rows(cx, task, &wish);
}

/* The first byte in memory is the first of the four. */
static struct err *show_number(struct cx *cx, const struct args *a)
{
	uint64_t n;
	uint8_t b[4];
	struct err *err = args_option_uint(a, 'N', 0, &n);
	if (!err && n > UINT32_MAX)
		err = args_error(a, 0, "an IPv4 address has 32 bits");
	if (err)
		return err;
	for (unsigned i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(n >> 8 * (api_abi(cx->target)->big_endian ? 3 - i : i));
	out_table(cx->out, &number_table);
	out_row(cx->out);
	out_strf(cx->out, "ipv4", "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	return NULL;
}

static struct err *net_run(struct cx *cx, const struct args *a)
{
	bool sockets = args_flag(a, 's') || args_flag(a, 'S');
	if (args_option(a, 'N'))
		return show_number(cx, a);
	struct err *err = target_need_kernel(cx->target);
	if (!err && !sockets && args_option(a, 'R'))
		err = args_error(a, 0, "-R is of sockets: net -s -R %s", args_option(a, 'R'));
	if (!err && !sockets && args_count(a) > (args_flag(a, 'n') ? 1 : 0))
		err = args_error(a, args_flag(a, 'n') ? 1 : 0,
			"what of this task? -s: its sockets, -n: its namespace's interfaces");
	if (!err && sockets && !target_has_symbol(cx->target, "init_net"))
		err = err_new(ERR_MISSING, "this kernel has no networking (CONFIG_NET)");
	if (err)
		return err;
	return sockets ? each_named_task(cx, a, show_sockets) : show_devices(cx, a);
}

static const char *const net_examples[] = {
	"net\tthe interfaces and their addresses",
	"net -n 42\tthose that pid 42 sees",
	"net -s 42\tthe sockets of pid 42, with their addresses and states",
	"foreach user net -s\tthe sockets of all programs",
	"foreach net -s -R 0xc1931780\twho has this socket",
	"net -N 1041236234\t10.1.16.62",
	NULL,
};

const struct command cmd_net = {
	.name = "net",
	.summary = "network interfaces and their addresses; sockets of tasks",
	.usage = "[PID|TASK…]",
	.details =
		"A socket of the family UNIX has its path as its source, one without a file behind "
		"an @; of NETLINK it is the port id.",
	.options = net_options,
	.examples = net_examples,
	.max_args = -1,
	.complete = "task",
	.run = net_run,
};
