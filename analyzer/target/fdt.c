/* Walks the structure block token by token. Knows nothing of properties but reg and the cell
 * counts. */
#include "analyzer/target/fdt.h"

#include <string.h>

#include "analyzer/base/load.h"

enum { FDT_BEGIN_NODE = 1, FDT_END_NODE, FDT_PROP, FDT_NOP, FDT_END = 9, DEPTH_MAX = 64 };

struct walk {
	const uint8_t *p;
	size_t at, end;		  /* of the structure block */
	size_t strings, nstrings; /* of the strings block */
	unsigned depth;		  /* 1: in the root */
	bool in_memory;
	uint32_t address_cells, size_cells; /* of the root */
	bool found;
	uint64_t lowest;
};

static uint32_t be32(const uint8_t *p)
{
	return __builtin_bswap32(load_u32le(p));
}

size_t fdt_size(const uint8_t *p, size_t n)
{
	enum { VERSION = 17 };
	if (n < FDT_HEADER_BYTES || be32(p) != 0xd00dfeedu || be32(p + 20) < VERSION)
		return 0;
	size_t size = be32(p + 4);
	return size >= FDT_HEADER_BYTES && size <= FDT_BYTES_MAX ? size : 0;
}

/* First <address> of each <address size> pair; a bank without bytes counts for nothing. */
static void take_reg(struct walk *w, const uint8_t *p, size_t n)
{
	uint32_t a = w->address_cells, s = w->size_cells;
	if (a < 1 || a > 2 || s < 1 || s > 2)
		return;
	for (size_t step = 4ul * (a + s); n >= step; p += step, n -= step) {
		uint64_t address = be32(p), size = be32(p + 4ul * a);
		if (a == 2)
			address = address << 32 | be32(p + 4);
		if (s == 2)
			size = size << 32 | be32(p + 4ul * a + 4);
		if (size && (!w->found || address < w->lowest)) {
			w->found = true;
			w->lowest = address;
		}
	}
}

static void take_property(struct walk *w, const char *name, const uint8_t *p, size_t n)
{
	if (w->depth == 1 && n == 4 && !strcmp(name, "#address-cells"))
		w->address_cells = be32(p);
	else if (w->depth == 1 && n == 4 && !strcmp(name, "#size-cells"))
		w->size_cells = be32(p);
	else if (w->depth == 2 && w->in_memory && !strcmp(name, "reg"))
		take_reg(w, p, n);
}

static bool step_node(struct walk *w)
{
	const char *name = (const char *)w->p + w->at;
	size_t len = strnlen(name, w->end - w->at);
	if (len == w->end - w->at || ++w->depth > DEPTH_MAX)
		return false;
	w->in_memory =
		w->depth == 2 && !strncmp(name, "memory", 6) && (name[6] == '\0' || name[6] == '@');
	w->at += (len + 4) & ~(size_t)3;
	return true;
}

static bool step_property(struct walk *w)
{
	if (w->end - w->at < 8)
		return false;
	size_t n = be32(w->p + w->at), name = be32(w->p + w->at + 4);
	w->at += 8;
	if (n > w->end - w->at || name >= w->nstrings ||
		!memchr(w->p + w->strings + name, '\0', w->nstrings - name))
		return false;
	take_property(w, (const char *)w->p + w->strings + name, w->p + w->at, n);
	w->at += (n + 3) & ~(size_t)3;
	return true;
}

static bool step(struct walk *w)
{
	if (w->at > w->end || w->end - w->at < 4)
		return false;
	uint32_t token = be32(w->p + w->at);
	w->at += 4;
	switch (token) {
	case FDT_BEGIN_NODE:
		return step_node(w);
	case FDT_END_NODE:
		w->in_memory = false;
		return w->depth && --w->depth;
	case FDT_PROP:
		return step_property(w);
	case FDT_NOP:
		return true;
	default:
		return false;
	}
}

bool fdt_memory_start(const uint8_t *p, size_t n, uint64_t *ret)
{
	size_t size = fdt_size(p, n);
	if (!size || size > n)
		return false;
	struct walk w = { .p = p,
		.at = be32(p + 8),
		.strings = be32(p + 12),
		.nstrings = be32(p + 32),
		.address_cells = 2,
		.size_cells = 1 };
	size_t nstruct = be32(p + 36);
	if (w.at > size || nstruct > size - w.at || w.strings > size ||
		w.nstrings > size - w.strings)
		return false;
	w.end = w.at + nstruct;
	while (step(&w))
		;
	if (w.found)
		*ret = w.lowest;
	return w.found;
}
