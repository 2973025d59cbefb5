/*
 * The sockets that a task holds open: their addresses, as /proc/net and ss tell them. Knows the
 * common families, not what is under way in them.
 */
#ifndef ANALYZER_KERNEL_SOCKET_H
#define ANALYZER_KERNEL_SOCKET_H

#include "analyzer/base/strbuf.h"
#include "analyzer/kernel/open_files.h"

/* include/linux/socket.h */
enum {
	SOCKET_UNIX = 1,
	SOCKET_INET = 2,
	SOCKET_INET6 = 10,
	SOCKET_NETLINK = 16,
	SOCKET_PACKET = 17
};
enum { SOCKET_PATH_BYTES = 108 }; /* UNIX_PATH_MAX */

struct open_socket {
	uint64_t socket, sock; /* struct socket, sock; sock is 0 when it was shut down */
	uint64_t inode_number; /* as in "socket:[1169]" */
	uint32_t family, type, protocol, state; /* state: TCP_ESTABLISHED … of all families */
	uint8_t source[16], destination[16];	/* INET: 4 bytes; INET6: 16; network order */
	uint32_t source_port, destination_port; /* NETLINK: port ids */
	uint64_t peer;				/* UNIX: struct sock; 0: none */
	uint32_t name_bytes; /* UNIX; a name that begins with a NUL is of no file system */
	char name[SOCKET_PATH_BYTES];
};

/* Of the open file @f, whose type is SOCK. */
struct err *open_socket_read(
	struct target *t, const struct open_file *f, struct open_socket *ret) MUST_CHECK;

/* "INET:STREAM"; what has no name here is a number. */
void open_socket_type_format(const struct open_socket *s, struct strbuf *out);

/* "127.0.0.1-8080", "/run/x.sock", "@abstract", "" where the family has no addresses. */
void open_socket_source_format(const struct open_socket *s, struct strbuf *out);
void open_socket_destination_format(const struct open_socket *s, struct strbuf *out);

/* "ESTABLISHED", "LISTEN"; a number for others. */
void open_socket_state_format(const struct open_socket *s, struct strbuf *out);

#endif
