/*
 * The blob's three blocks: reservations, structure, strings. All numbers are big-endian; each
 * offset is held against the block it is meant for. Values have no types: dtc's guess is the usual
 * one.
 */
#include "analyzer/kernel/fdt.h"

#include <ctype.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/load.h"

enum {
	MAGIC_AT = 0,
	TOKEN_NODE = 1,
	TOKEN_NODE_END = 2,
	TOKEN_PROPERTY = 3,
	TOKEN_NOP = 4,
	TOKEN_END = 9
};
static const uint32_t magic = 0xd00dfeed;

static uint32_t load_u32be(const uint8_t *p)
{
	return __builtin_bswap32(load_u32le(p));
}

struct err *fdt_header_parse(const uint8_t *p, struct fdt_header *ret)
{
	struct fdt_header h = {
		.total_bytes = load_u32be(p + 4),
		.struct_at = load_u32be(p + 8),
		.strings_at = load_u32be(p + 12),
		.reserve_at = load_u32be(p + 16),
		.version = load_u32be(p + 20),
		.compatible_version = load_u32be(p + 24),
		.boot_cpu = load_u32be(p + 28),
		.strings_bytes = load_u32be(p + 32),
		.struct_bytes = load_u32be(p + 36),
	};
	if (load_u32be(p + MAGIC_AT) != magic)
		return err_new(ERR_FORMAT, "no device tree: it begins with 0x%08x",
			load_u32be(p + MAGIC_AT));
	if (h.total_bytes < FDT_HEADER_BYTES || h.total_bytes > FDT_BYTES_MAX)
		return err_new(ERR_FORMAT, "a device tree of %u bytes", h.total_bytes);
	if (h.version < 16 || h.compatible_version > 17)
		return err_new(ERR_UNSUPPORTED, "a device tree of version %u, compatible with %u",
			h.version, h.compatible_version);
	if (h.version < 17) /* it says nothing of the structure's length */
		h.struct_bytes = h.struct_at < h.total_bytes ? h.total_bytes - h.struct_at : 0;
	if (!range_inside(h.struct_at, h.struct_bytes, h.total_bytes) || h.struct_at % 4 ||
		!range_inside(h.strings_at, h.strings_bytes, h.total_bytes) ||
		h.reserve_at > h.total_bytes || h.reserve_at % 8)
		return err_new(ERR_FORMAT,
			"a block of the device tree does not lie within its %u bytes",
			h.total_bytes);
	*ret = h;
	return NULL;
}

/* ---- the structure block ----------------------------------------------- */

struct walk {
	const uint8_t *p; /* the blob */
	struct fdt_header h;
	uint32_t at;	/* in the structure block */
	unsigned depth; /* open nodes */
	device_tree_fn fn;
	void *cx;
};

static struct err *bad(const struct walk *w, const char *what)
{
	return err_new(ERR_FORMAT, "device tree: %s at 0x%x of the structure block", what, w->at);
}

static const uint8_t *here(const struct walk *w)
{
	return w->p + w->h.struct_at + w->at;
}

static bool skip(struct walk *w, uint64_t n)
{
	uint64_t end = ((uint64_t)w->at + n + 3) & ~3ull;
	if (end > w->h.struct_bytes)
		return false;
	w->at = (uint32_t)end;
	return true;
}

static struct err *walk_node(struct walk *w)
{
	const char *name = (const char *)here(w);
	size_t room = w->h.struct_bytes - w->at, n = strnlen(name, room);
	struct device_tree_event e = { .kind = DEVICE_TREE_NODE, .depth = w->depth, .name = name };
	if (n == room || !skip(w, n + 1))
		return bad(w, "a name without an end");
	if (w->depth == DEVICE_TREE_DEPTH_MAX)
		return bad(w, "too many nodes in nodes");
	w->depth++;
	return w->fn(w->cx, &e);
}

static struct err *walk_property(struct walk *w)
{
	struct device_tree_event e = { .kind = DEVICE_TREE_PROPERTY, .depth = w->depth - 1 };
	const uint8_t *head = here(w);
	if (!w->depth)
		return bad(w, "a property outside of all nodes");
	if (!skip(w, 8))
		return bad(w, "a property that is cut off");
	uint32_t name_at = load_u32be(head + 4);
	e.length = load_u32be(head);
	e.value = here(w);
	if (name_at >= w->h.strings_bytes)
		return bad(w, "a property whose name is not in the strings");
	e.name = (const char *)w->p + w->h.strings_at + name_at;
	size_t room = w->h.strings_bytes - name_at;
	if (strnlen(e.name, room) == room)
		return bad(w, "a property's name without an end");
	if (!skip(w, e.length))
		return bad(w, "a property's value that is cut off");
	return w->fn(w->cx, &e);
}

static struct err *walk_end(struct walk *w)
{
	struct device_tree_event e = { .kind = DEVICE_TREE_END };
	if (!w->depth)
		return bad(w, "the end of a node that did not begin");
	e.depth = --w->depth;
	return w->fn(w->cx, &e);
}

static struct err *walk_structure(struct walk *w)
{
	for (;;) {
		struct err *err = interrupt_check();
		const uint8_t *token = here(w);
		if (!err && !skip(w, 4))
			err = bad(w, "no end");
		if (err)
			return err;
		switch (load_u32be(token)) {
		case TOKEN_NODE:
			err = walk_node(w);
			break;
		case TOKEN_NODE_END:
			err = walk_end(w);
			break;
		case TOKEN_PROPERTY:
			err = walk_property(w);
			break;
		case TOKEN_NOP:
			break;
		case TOKEN_END:
			return w->depth ? bad(w, "the end within a node") : NULL;
		default:
			err = bad(w, "an unknown token");
		}
		if (err)
			return err;
	}
}

static struct err *walk_reservations(struct walk *w)
{
	for (uint64_t at = w->h.reserve_at;; at += 16) {
		struct device_tree_event e = { .kind = DEVICE_TREE_RESERVE };
		if (!range_inside(at, 16, w->h.total_bytes))
			return err_new(
				ERR_FORMAT, "device tree: the list of reservations has no end");
		e.address = load_u64be(w->p + at);
		e.bytes = load_u64be(w->p + at + 8);
		if (!e.address && !e.bytes)
			return NULL;
		struct err *err = w->fn(w->cx, &e);
		if (err)
			return err;
	}
}

struct err *fdt_walk(const uint8_t *p, size_t n, device_tree_fn fn, void *cx)
{
	struct walk w = { .p = p, .fn = fn, .cx = cx };
	if (n < FDT_HEADER_BYTES)
		return err_new(ERR_FORMAT, "a device tree of %zu bytes", n);
	struct err *err = fdt_header_parse(p, &w.h);
	if (!err && w.h.total_bytes > n)
		err = err_new(ERR_FORMAT, "the device tree has %u bytes, of which %zu are here",
			w.h.total_bytes, n);
	if (!err)
		err = walk_reservations(&w);
	return err ? err : walk_structure(&w);
}

/* ---- values ----------------------------------------------- */

static const char escaped[] = "\a\b\t\n\v\f\r", escape_letters[] = "abtnvfr";

/* guess_value_type() of dtc 1.6: printable, terminated, and no more NULs than other bytes. */
enum device_tree_value device_tree_value_kind(const uint8_t *p, size_t n)
{
	size_t nuls = 0, strange = 0;
	if (!n)
		return DEVICE_TREE_EMPTY;
	for (size_t i = 0; i < n; i++) {
		nuls += !p[i];
		strange += p[i] && !(p[i] < 0x80 && isprint(p[i])) && !strchr(escaped, p[i]);
	}
	if (!p[n - 1] && !strange && nuls <= n - nuls)
		return DEVICE_TREE_STRINGS;
	return n % 4 ? DEVICE_TREE_BYTES : DEVICE_TREE_CELLS;
}

static void add_string_byte(uint8_t c, struct strbuf *out)
{
	const char *e = c ? strchr(escaped, c) : NULL;
	if (!c)
		strbuf_add(out, "\", \"");
	else if (e)
		strbuf_addf(out, "\\%c", escape_letters[e - escaped]);
	else if (c == '\\' || c == '"')
		strbuf_addf(out, "\\%c", c);
	else
		strbuf_add_char(out, (char)c);
}

void device_tree_value_format(const uint8_t *p, size_t n, struct strbuf *out)
{
	switch (device_tree_value_kind(p, n)) {
	case DEVICE_TREE_EMPTY:
		break;
	case DEVICE_TREE_STRINGS:
		strbuf_add_char(out, '"');
		for (size_t i = 0; i + 1 < n; i++)
			add_string_byte(p[i], out);
		strbuf_add_char(out, '"');
		break;
	case DEVICE_TREE_CELLS:
		for (size_t i = 0; i < n; i += 4)
			strbuf_addf(out, "%s0x%02x", i ? " " : "<", load_u32be(p + i));
		strbuf_add_char(out, '>');
		break;
	case DEVICE_TREE_BYTES:
		for (size_t i = 0; i < n; i++)
			strbuf_addf(out, "%s%02x", i ? " " : "[", p[i]);
		strbuf_add_char(out, ']');
		break;
	}
}
