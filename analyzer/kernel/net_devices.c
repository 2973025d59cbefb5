/*
 * struct net, net_device (include/linux/netdevice.h), in_device and in_ifaddr
 * (include/linux/inetdevice.h), inet6_dev and inet6_ifaddr (include/net/if_inet6.h), 4.19 to 7.2.
 */
#include "analyzer/kernel/net_devices.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

#define NET_HINT "net/core/dev.c"

struct raw_word {
	uint64_t va;
};
static const struct view_field net_fields[] = { FIELD_ADDRESS(
	struct raw_word, va, "dev_base_head") };
static const struct view_spec net_spec = { .type = "net",
	.hint = "net/core/net_namespace.c",
	.fields = net_fields,
	.nfields = ARRAY_SIZE(net_fields) };
static const struct view_field task_fields[] = { FIELD(struct raw_word, va, "nsproxy") };
static const struct view_spec task_spec = { .type = "task_struct",
	.hint = "kernel/fork.c",
	.fields = task_fields,
	.nfields = ARRAY_SIZE(task_fields) };
static const struct view_field proxy_fields[] = { FIELD(struct raw_word, va, "net_ns") };
static const struct view_spec proxy_spec = { .type = "nsproxy",
	.hint = "kernel/nsproxy.c",
	.fields = proxy_fields,
	.nfields = ARRAY_SIZE(proxy_fields) };

enum { DEVICE_LIST };
struct raw_device {
	uint64_t list_va;
	struct net_device d;
};
static const struct view_field device_fields[] = {
	[DEVICE_LIST] = FIELD_ADDRESS(struct raw_device, list_va, "dev_list"),
	FIELD_BYTES(struct raw_device, d.name, "name"),
	FIELD(struct raw_device, d.index, "ifindex"),
	FIELD(struct raw_device, d.mtu, "mtu"),
	FIELD(struct raw_device, d.flags, "flags"),
	FIELD_OPTIONAL(struct raw_device, d.ip, "ip_ptr"),
	FIELD_OPTIONAL(struct raw_device, d.ip6, "ip6_ptr"),
};
static const struct view_spec device_spec = { .type = "net_device",
	.hint = NET_HINT,
	.fields = device_fields,
	.nfields = ARRAY_SIZE(device_fields) };

static const struct view_field ip_fields[] = { FIELD(struct raw_word, va, "ifa_list") };
static const struct view_spec ip_spec = { .type = "in_device",
	.hint = "net/ipv4/devinet.c",
	.fields = ip_fields,
	.nfields = ARRAY_SIZE(ip_fields) };

struct raw_address {
	uint64_t next, node_va;
	uint8_t address[16];
	uint32_t prefix;
};
static const struct view_field ip_address_fields[] = {
	FIELD(struct raw_address, next, "ifa_next"),
	FIELD_BYTES(struct raw_address, address, "ifa_local"),
	FIELD(struct raw_address, prefix, "ifa_prefixlen"),
};
static const struct view_spec ip_address_spec = { .type = "in_ifaddr",
	.hint = "net/ipv4/devinet.c",
	.fields = ip_address_fields,
	.nfields = ARRAY_SIZE(ip_address_fields) };

static const struct view_field ip6_fields[] = { FIELD_ADDRESS(struct raw_word, va, "addr_list") };
static const struct view_spec ip6_spec = { .type = "inet6_dev",
	.hint = "net/ipv6/addrconf.c",
	.fields = ip6_fields,
	.nfields = ARRAY_SIZE(ip6_fields) };
static const struct view_field ip6_address_fields[] = {
	FIELD_ADDRESS(struct raw_address, node_va, "if_list"),
	FIELD_BYTES(struct raw_address, address, "addr"),
	FIELD(struct raw_address, prefix, "prefix_len"),
};
static const struct view_spec ip6_address_spec = { .type = "inet6_ifaddr",
	.hint = "net/ipv6/addrconf.c",
	.fields = ip6_address_fields,
	.nfields = ARRAY_SIZE(ip6_address_fields) };

static struct err *read_view(struct target *t, const struct view_spec *spec, uint64_t va, void *ret)
{
	const struct view *v;
	struct err *err = target_view(t, spec, &v);
	return err ? err : view_read(v, t->kernel, va, ret);
}

struct err *net_namespace_of(struct target *t, uint64_t task_va, uint64_t *ret)
{
	struct raw_word proxy = { 0 }, net = { 0 };
	struct err *err = read_view(t, &task_spec, task_va, &proxy);
	if (!err && !proxy.va)
		err = err_new(ERR_MISSING, "the task has left its namespaces");
	if (!err)
		err = read_view(t, &proxy_spec, proxy.va, &net);
	if (!err)
		*ret = net.va;
	return err;
}

struct err *net_device_iter_init(struct net_device_iter *it, struct target *t, uint64_t net_va)
{
	const struct view *v;
	*it = (struct net_device_iter){ .t = t };
	struct err *err = target_need_kernel(t);
	if (!err && !net_va && !target_has_symbol(t, "init_net"))
		err = err_new(ERR_MISSING, "this kernel has no networking (CONFIG_NET)");
	if (!err && !net_va)
		err = target_symbol(t, "init_net", &net_va);
	if (!err)
		err = target_view(t, &net_spec, &v);
	if (!err)
		list_iter_init(&it->list, t, net_va + view_offset(v, 0));
	return err;
}

struct err *net_device_iter_next(struct net_device_iter *it, struct net_device *ret, bool *ret_more)
{
	const struct view *v;
	struct raw_device raw = { 0 };
	uint64_t node;
	struct err *err = target_view(it->t, &device_spec, &v);
	*ret_more = false;
	if (!err)
		err = list_iter_next(&it->list, &node, ret_more);
	if (err || !*ret_more)
		return err;
	uint64_t va = list_entry(it->t, node, view_offset(v, DEVICE_LIST));
	err = view_read(v, it->t->kernel, va, &raw);
	if (err)
		return err_wrap(err, "net_device 0x%" PRIx64, va);
	raw.d.va = va;
	raw.d.name[NET_NAME_BYTES] = '\0';
	*ret = raw.d;
	return NULL;
}

static struct err *ip_addresses(struct target *t, uint64_t va, net_address_fn each, void *cx)
{
	struct raw_word list = { 0 };
	struct err *err = read_view(t, &ip_spec, va, &list);
	for (unsigned n = 0; !err && list.va; n++) {
		struct raw_address a = { 0 };
		err = n < NET_ADDRESSES_MAX
			      ? interrupt_check()
			      : err_new(ERR_LIMIT,
					"more than %d addresses, or they go round in a circle",
					NET_ADDRESSES_MAX);
		if (!err)
			err = read_view(t, &ip_address_spec, list.va, &a);
		if (!err)
			each(cx, a.address, 4, a.prefix);
		list.va = a.next;
	}
	return err;
}

static struct err *ip6_addresses(struct target *t, uint64_t va, net_address_fn each, void *cx)
{
	const struct view *v, *address_view;
	struct list_iter it;
	uint64_t node;
	bool more = true;
	struct err *err = target_view(t, &ip6_spec, &v);
	if (!err)
		err = target_view(t, &ip6_address_spec, &address_view);
	if (err)
		return err;
	list_iter_init(&it, t, va + view_offset(v, 0));
	while (!err && !(err = list_iter_next(&it, &node, &more)) && more) {
		struct raw_address a = { 0 };
		err = view_read(address_view, t->kernel,
			list_entry(t, node, view_offset(address_view, 0)), &a);
		if (!err)
			each(cx, a.address, 16, a.prefix);
	}
	return err;
}

struct err *net_device_addresses(
	struct target *t, const struct net_device *dev, net_address_fn each, void *cx)
{
	struct err *err = dev->ip ? ip_addresses(t, dev->ip, each, cx) : NULL;
	return err || !dev->ip6 ? err : ip6_addresses(t, dev->ip6, each, cx);
}
