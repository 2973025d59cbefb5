/*
 * struct socket (include/linux/net.h), sock, socket_alloc (include/net/sock.h), inet_sock,
 * unix_sock (include/net/af_unix.h), netlink_sock (net/netlink/af_netlink.h), 4.19 to 7.2.
 */
#include "analyzer/kernel/socket.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#define SPEC(t, h, f)                                                                              \
	{                                                                                          \
		.type = (t), .hint = (h), .fields = (f), .nfields = ARRAY_SIZE(f)                  \
	}

enum { INODE, SOCKET };
struct raw_alloc {
	uint64_t inode_va, socket_va;
};
static const struct view_field alloc_fields[] = {
	[INODE] = FIELD_ADDRESS(struct raw_alloc, inode_va, "vfs_inode"),
	[SOCKET] = FIELD_ADDRESS(struct raw_alloc, socket_va, "socket"),
};
static const struct view_spec alloc_spec = SPEC("socket_alloc", "net/socket.c", alloc_fields);

static const struct view_field inode_fields[] = {
	FIELD(struct open_socket, inode_number, "i_ino"),
};
static const struct view_spec inode_spec = SPEC("inode", "fs/inode.c", inode_fields);

static const struct view_field socket_fields[] = {
	FIELD(struct open_socket, sock, "sk"),
	FIELD(struct open_socket, type, "type"),
};
static const struct view_spec socket_spec = SPEC("socket", "net/socket.c", socket_fields);

static const struct view_field sock_fields[] = {
	FIELD(struct open_socket, family, "__sk_common.skc_family"),
	FIELD(struct open_socket, state, "__sk_common.skc_state"),
	FIELD(struct open_socket, protocol, "sk_protocol"),
};
static const struct view_spec sock_spec = SPEC("sock", "net/core/sock.c", sock_fields);

static const struct view_field inet_fields[] = {
	FIELD_BYTES(struct open_socket, source, "sk.__sk_common.skc_rcv_saddr"),
	FIELD_BYTES(struct open_socket, destination, "sk.__sk_common.skc_daddr"),
	FIELD(struct open_socket, source_port, "inet_sport"),
	FIELD(struct open_socket, destination_port, "sk.__sk_common.skc_dport"),
};
static const struct view_spec inet_spec = SPEC("inet_sock", "net/ipv4/af_inet.c", inet_fields);

static const struct view_field inet6_fields[] = {
	FIELD_BYTES(struct open_socket, source, "sk.__sk_common.skc_v6_rcv_saddr"),
	FIELD_BYTES(struct open_socket, destination, "sk.__sk_common.skc_v6_daddr"),
	FIELD(struct open_socket, source_port, "inet_sport"),
	FIELD(struct open_socket, destination_port, "sk.__sk_common.skc_dport"),
};
static const struct view_spec inet6_spec = SPEC("inet_sock", "net/ipv4/af_inet.c", inet6_fields);

struct raw_unix {
	uint64_t address, peer;
};
static const struct view_field unix_fields[] = {
	FIELD(struct raw_unix, address, "addr"),
	FIELD(struct raw_unix, peer, "peer"),
};
static const struct view_spec unix_spec = SPEC("unix_sock", "net/unix/af_unix.c", unix_fields);

enum { NAME = 1 };
struct raw_name {
	uint32_t bytes; /* of the whole sockaddr_un: the family's two, and the path */
	uint64_t name_va;
};
static const struct view_field name_fields[] = {
	FIELD(struct raw_name, bytes, "len"),
	[NAME] = FIELD_ADDRESS(struct raw_name, name_va, "name"),
};
static const struct view_spec name_spec = SPEC("unix_address", "net/unix/af_unix.c", name_fields);

static const struct view_field netlink_fields[] = {
	FIELD(struct open_socket, source_port, "portid"),
	FIELD(struct open_socket, destination_port, "dst_portid"),
};
static const struct view_spec netlink_spec =
	SPEC("netlink_sock", "net/netlink/af_netlink.c", netlink_fields);

static struct err *read_view(struct target *t, const struct view_spec *spec, uint64_t va, void *ret)
{
	const struct view *v;
	struct err *err = target_view(t, spec, &v);
	return err ? err : view_read(v, t->kernel, va, ret);
}

/* A 16-bit number in network order, which the view read in the target's own. */
static uint32_t from_network(const struct target *t, uint32_t n)
{
	return t->abi.big_endian ? n & 0xffff : (n & 0xff) << 8 | (n >> 8 & 0xff);
}

static struct err *read_unix(struct target *t, struct open_socket *s)
{
	struct raw_unix u = { 0 };
	struct raw_name name = { 0 };
	struct err *err = read_view(t, &unix_spec, s->sock, &u);
	s->peer = u.peer;
	if (err || !u.address)
		return err;
	err = read_view(t, &name_spec, u.address, &name);
	if (!err && (name.bytes < 2 || name.bytes > 2 + SOCKET_PATH_BYTES))
		err = err_new(ERR_FORMAT, "a name of %" PRIu32 " bytes", name.bytes);
	if (!err)
		err = vspace_read(t->kernel, name.name_va + 2, s->name, name.bytes - 2);
	s->name_bytes = err ? 0 : name.bytes - 2;
	return err;
}

static struct err *read_addresses(struct target *t, struct open_socket *s)
{
	bool inet = s->family == SOCKET_INET || s->family == SOCKET_INET6;
	struct err *err = NULL;
	if (inet)
		err = read_view(t, s->family == SOCKET_INET ? &inet_spec : &inet6_spec, s->sock, s);
	else if (s->family == SOCKET_UNIX)
		err = read_unix(t, s);
	else if (s->family == SOCKET_NETLINK)
		err = read_view(t, &netlink_spec, s->sock, s);
	if (inet) {
		s->source_port = from_network(t, s->source_port);
		s->destination_port = from_network(t, s->destination_port);
	}
	return err;
}

struct err *open_socket_read(struct target *t, const struct open_file *f, struct open_socket *ret)
{
	const struct view *v;
	struct open_socket s = { 0 };
	struct err *err = target_view(t, &alloc_spec, &v);
	if (err)
		return err;
	s.socket = f->inode - view_offset(v, INODE) + view_offset(v, SOCKET);
	if (t->abi.word_bytes == 4)
		s.socket &= UINT32_MAX;
	err = read_view(t, &inode_spec, f->inode, &s);
	if (!err)
		err = read_view(t, &socket_spec, s.socket, &s);
	if (!err && s.sock)
		err = read_view(t, &sock_spec, s.sock, &s);
	if (!err && s.sock)
		err = read_addresses(t, &s);
	if (err)
		return err_wrap(err, "descriptor %" PRIu32, f->fd);
	*ret = s;
	return NULL;
}

/* AF_…, include/linux/socket.h; macros, so that no debug information has them. */
static const char *const families[] = { "UNSPEC", "UNIX", "INET", "AX25", "IPX", "APPLETALK",
	"NETROM", "BRIDGE", "ATMPVC", "X25", "INET6", "ROSE", "DECNET", "NETBEUI", "SECURITY",
	"KEY", "NETLINK", "PACKET", "ASH", "ECONET", "ATMSVC", "RDS", "SNA", "IRDA", "PPPOX",
	"WANPIPE", "LLC", "IB", "MPLS", "CAN", "TIPC", "BLUETOOTH", "IUCV", "RXRPC", "ISDN",
	"PHONET", "IEEE802154", "CAIF", "ALG", "NFC", "VSOCK", "KCM", "QIPCRTR", "SMC", "XDP",
	"MCTP" };
/* enum sock_type, include/linux/net.h */
static const char *const types[] = { [1] = "STREAM",
	[2] = "DGRAM",
	[3] = "RAW",
	[4] = "RDM",
	[5] = "SEQPACKET",
	[6] = "DCCP",
	[10] = "PACKET" };
/* include/net/tcp_states.h; sockets of other families use some of them. */
static const char *const states[] = { [1] = "ESTABLISHED",
	[2] = "SYN_SENT",
	[3] = "SYN_RECV",
	[4] = "FIN_WAIT1",
	[5] = "FIN_WAIT2",
	[6] = "TIME_WAIT",
	[7] = "CLOSE",
	[8] = "CLOSE_WAIT",
	[9] = "LAST_ACK",
	[10] = "LISTEN",
	[11] = "CLOSING",
	[12] = "NEW_SYN_RECV",
	[13] = "BOUND_INACTIVE" };

static void add_name(const char *const *names, size_t n, uint32_t value, struct strbuf *out)
{
	if (value < n && names[value])
		strbuf_add(out, names[value]);
	else
		strbuf_addf(out, "%" PRIu32, value);
}

void open_socket_type_format(const struct open_socket *s, struct strbuf *out)
{
	add_name(families, ARRAY_SIZE(families), s->family, out);
	strbuf_add_char(out, ':');
	add_name(types, ARRAY_SIZE(types), s->type, out);
}

void open_socket_state_format(const struct open_socket *s, struct strbuf *out)
{
	add_name(states, ARRAY_SIZE(states), s->state, out);
}

static void add_address(
	const struct open_socket *s, const uint8_t *address, uint32_t port, struct strbuf *out)
{
	char text[INET6_ADDRSTRLEN];
	bool inet = s->family == SOCKET_INET;
	if (s->family == SOCKET_NETLINK)
		strbuf_addf(out, "%" PRIu32, port);
	if ((inet || s->family == SOCKET_INET6) &&
		inet_ntop(inet ? AF_INET : AF_INET6, address, text, sizeof(text)))
		strbuf_addf(out, "%s-%" PRIu32, text, port);
}

void open_socket_source_format(const struct open_socket *s, struct strbuf *out)
{
	bool abstract = s->name_bytes && !s->name[0];
	add_address(s, s->source, s->source_port, out);
	for (uint32_t i = 0; i < s->name_bytes && (abstract || s->name[i]); i++)
		strbuf_add_char(out, s->name[i] ? s->name[i] : '@'); /* as /proc/net/unix */
}

void open_socket_destination_format(const struct open_socket *s, struct strbuf *out)
{
	add_address(s, s->destination, s->destination_port, out);
}
