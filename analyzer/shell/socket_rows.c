/* A task's sockets as rows: a line each, or a line and the structures below it. Knows crash's
 * columns. */
#include "analyzer/shell/socket_rows.h"

#include "analyzer/base/number.h"
#include "analyzer/kernel/socket.h"

#define SOCKET_COLUMNS                                                                             \
	{ "fd", .width = 3, .align = ALIGN_RIGHT },                                                \
		{ "socket", .width = WIDTH_ADDRESS, .object = "struct socket" },                   \
		{ "sock", .width = WIDTH_ADDRESS, .object = "struct sock" },                       \
		{ "kind", .title = "FAMILY:TYPE", .width = 14 },                                   \
		{ "source", .title = "SOURCE-PORT", .width = 22 },                                 \
		{ "destination", .title = "DESTINATION-PORT", .width = 22 },                       \
		{ "state", .width = 11 }, { "protocol", .hidden = true },                          \
		{ "inode", .hidden = true },                                                       \
	{                                                                                          \
		"peer", .hidden = true, .object = "struct sock"                                    \
	}

static const struct column socket_columns[] = { SOCKET_COLUMNS, { 0 } };
static const struct table socket_table = { .layout = LAYOUT_TABLE, .columns = socket_columns };

static const struct column task_columns[] = { { "pid" }, { "task", .object = "struct task_struct" },
	{ "cpu" }, { "comm", .title = "COMMAND" }, { "sockets", .list = &socket_table }, { 0 } };
const struct table socket_task_table = { .layout = LAYOUT_HEADLINE, .columns = task_columns };

/* Whether it is what -R asks for. */
static bool is_wanted(
	const struct socket_wish *w, const struct open_file *f, const struct open_socket *s)
{
	uint64_t n;
	if (!w->reference)
		return true;
	if (number_parse(w->reference, &n) && n == f->fd)
		return true;
	return number_parse_hex(w->reference, &n) && n && (n == s->socket || n == s->sock);
}

static void show_task(struct cx *cx, const struct task *task)
{
	out_table(cx->out, &socket_task_table);
	out_row(cx->out);
	out_uint(cx->out, "pid", task->pid);
	out_addr(cx->out, "task", task->va);
	if (task->cpu != TASK_CPU_UNKNOWN)
		out_uint(cx->out, "cpu", task->cpu);
	out_str_n(cx->out, "comm", task->comm, (size_t)task_comm_length(task));
}

static void show_addresses(struct cx *cx, const struct open_socket *s)
{
	scoped_strbuf struct strbuf source = { 0 }, destination = { 0 }, state = { 0 };
	open_socket_source_format(s, &source);
	open_socket_destination_format(s, &destination);
	open_socket_state_format(s, &state);
	out_str_n(cx->out, "source", strbuf_text(&source), source.len);
	out_str(cx->out, "destination", strbuf_text(&destination));
	out_str(cx->out, "state", strbuf_text(&state));
	out_uint(cx->out, "protocol", s->protocol);
	if (s->peer)
		out_addr(cx->out, "peer", s->peer);
}

static void show_socket(struct cx *cx, const struct open_file *f, const struct open_socket *s)
{
	scoped_strbuf struct strbuf kind = { 0 };
	open_socket_type_format(s, &kind);
	out_row(cx->out);
	out_uint(cx->out, "fd", f->fd);
	out_addr(cx->out, "socket", s->socket);
	if (s->sock) {
		out_addr(cx->out, "sock", s->sock);
		out_str(cx->out, "kind", strbuf_text(&kind));
		show_addresses(cx, s);
	}
	out_uint(cx->out, "inode", s->inode_number);
}

static struct err *show_structure(
	struct cx *cx, const struct socket_wish *w, const char *type, uint64_t va)
{
	scoped_strbuf struct strbuf line = { 0 };
	strbuf_addf(&line, "struct %s%s 0x%llx",
		w->hex	     ? "-x "
		: w->decimal ? "-d "
			     : "",
		type, (unsigned long long)va);
	return session_run_inside(cx, strbuf_text(&line));
}

/* With the structures each socket has a table of its own. */
static struct err *show_whole(struct cx *cx, const struct socket_wish *w, const struct open_file *f,
	const struct open_socket *s)
{
	out_table(cx->out, &socket_table);
	show_socket(cx, f, s);
	struct err *err = show_structure(cx, w, "socket", s->socket);
	return err || !s->sock ? err : show_structure(cx, w, "sock", s->sock);
}

static void show_trouble(struct cx *cx, const struct socket_wish *w, struct err *e)
{
	if (w->reference)
		err_drop(e); /* nothing says that this was asked for */
	else
		out_complain(cx->out, e);
}

struct err *socket_rows(struct cx *cx, const struct task *task, const struct socket_wish *w)
{
	struct open_file_iter it;
	bool more = true, begun = !w->reference;
	struct err *err = open_file_iter_init(&it, cx->target, task->va);
	if (begun)
		show_task(cx, task);
	if (begun && !w->structures)
		out_list_begin(cx->out, "sockets");
	while (!err && more) {
		struct open_file f = { 0 };
		struct open_socket s;
		err = open_file_iter_next(&it, &f, &more);
		bool is_socket = !err && more && (f.mode & 0170000) == 0140000; /* S_IFSOCK */
		if (is_socket)
			err = open_socket_read(cx->target, &f, &s);
		if (is_socket && !err && is_wanted(w, &f, &s)) {
			if (!begun)
				show_task(cx, task);
			if (!begun && !w->structures)
				out_list_begin(cx->out, "sockets");
			begun = true;
			if (w->structures)
				err = show_whole(cx, w, &f, &s);
			else
				show_socket(cx, &f, &s);
		}
		if (err && more && err->code != ERR_INTERRUPTED) {
			show_trouble(cx, w, err);
			err = NULL;
		}
	}
	if (begun && !w->structures)
		out_list_end(cx->out);
	return err;
}
