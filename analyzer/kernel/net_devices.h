/* Network interfaces and their addresses. Knows names and addresses, not traffic. */
#ifndef ANALYZER_KERNEL_NET_DEVICES_H
#define ANALYZER_KERNEL_NET_DEVICES_H

#include "analyzer/kernel/list.h"

enum { NET_NAME_BYTES = 16, NET_ADDRESSES_MAX = 1024 };

struct net_device {
	uint64_t va;
	char name[NET_NAME_BYTES + 1];
	uint32_t index, mtu, flags; /* flags: IFF_… */
	uint64_t ip, ip6;	    /* struct in_device, inet6_dev; 0: none */
};

struct net_device_iter {
	struct target *t;
	struct list_iter list;
};

/* Over the devices of a network namespace (struct net), 0: init_net. ERR_MISSING without
 * networking. */
struct err *net_device_iter_init(
	struct net_device_iter *it, struct target *t, uint64_t net_va) MUST_CHECK;

/* An error with *ret_more true is about one of them. */
struct err *net_device_iter_next(
	struct net_device_iter *it, struct net_device *ret, bool *ret_more) MUST_CHECK;

/* Calls @each for every address of @dev: 4 or 16 bytes in network order, and the prefix's length.
 */
typedef void (*net_address_fn)(void *cx, const uint8_t *address, unsigned bytes, unsigned prefix);
struct err *net_device_addresses(
	struct target *t, const struct net_device *dev, net_address_fn each, void *cx) MUST_CHECK;

/* The network namespace of the task at @task_va. ERR_MISSING when it has left its namespaces. */
struct err *net_namespace_of(struct target *t, uint64_t task_va, uint64_t *ret) MUST_CHECK;

#endif
