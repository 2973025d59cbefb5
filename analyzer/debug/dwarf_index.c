/* The index of names as one block of bytes. */
#include "analyzer/debug/dwarf_index.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/symtab_internal.h"

/* Units, ranges, names, slots and text follow, in this order. In the host's byte order. */
struct dwarf_index_header {
	struct dwarf_index_origin origin;
	uint32_t nunits, covered, nranges, has_ranges;
	uint32_t nnames, nslots;
	uint64_t text_bytes;
};

struct dwarf_index_unit {
	uint64_t die;
	uint32_t name, rank;
	uint32_t untyped, reserved;
};

struct dwarf_index_name {
	uint64_t die_plus_1;
	uint32_t text; /* offset */
	uint32_t next; /* index + 1 of the next of the same name */
	uint32_t what, reserved;
};

static const char *text_at(const struct dwarf_index *ix, uint32_t at)
{
	return at < ix->header->text_bytes ? ix->text + at : "";
}

/* ---- making one ----------------------------------------------- */

typedef VEC(struct dwarf_index_name) name_vec;

struct maker {
	struct strbuf text;
	name_vec name;
};

static uint32_t add_text(struct maker *m, const char *s)
{
	uint32_t at = (uint32_t)m->text.len;
	strbuf_add_bytes(&m->text, s, strlen(s) + 1);
	return at;
}

static void add_name(struct maker *m, enum dwarf_name what, const char *name, Dwarf_Off plus_1)
{
	struct dwarf_index_name n = { .die_plus_1 = plus_1, .what = what };
	n.text = add_text(m, name);
	vec_push(&m->name, n);
}

/* The old index first, where there is one: what it has outweighs what later units have. */
static void collect_names(struct maker *m, const struct dwarf_source *s)
{
	enum dwarf_name what;
	const char *name;
	Dwarf_Off off;
	for (size_t i = 0; s->index && dwarf_index_get(s->index, i, &what, &name, &off); i++)
		add_name(m, what, name, off);
	for (what = 0; what < NNAMES; what++) {
		const struct strmap *map = &s->names.map[what];
		for (size_t i = 0; i < map->cap; i++)
			if (map->slot[i].key &&
				(!s->index || !dwarf_index_find(s->index, what, map->slot[i].key)))
				add_name(m, what, map->slot[i].key, (uintptr_t)map->slot[i].value);
	}
}

/* From the last to the first, so that chains ascend. */
static void fill_slots(const struct strbuf *text, name_vec *names, uint32_t *slot, uint32_t nslots)
{
	for (size_t i = names->n; i--;) {
		const char *name = text->s + names->v[i].text;
		uint32_t k = symtab_hash(name, strlen(name)) & (nslots - 1);
		while (slot[k] && strcmp(text->s + names->v[slot[k] - 1].text, name) != 0)
			k = (k + 1) & (nslots - 1);
		names->v[i].next = slot[k];
		slot[k] = (uint32_t)i + 1;
	}
}

/* Appends @n elements and moves @io behind them. */
static void *put(char **io, const void *p, size_t n, size_t size)
{
	char *at = *io;
	if (n && p)
		memcpy(at, p, n * size);
	*io = at + n * size;
	return at;
}

static void *assemble(const struct dwarf_source *s, struct maker *m,
	const struct dwarf_index_unit *unit, struct dwarf_index_header *h, size_t *ret_n)
{
	uint64_t bytes = sizeof(*h) + h->nunits * sizeof(*unit) + h->nranges * sizeof(*s->range.v) +
			 h->nnames * sizeof(*m->name.v) + h->nslots * 4ull + m->text.len;
	char *block = bytes < UINT32_MAX ? xcalloc(1, bytes) : NULL, *at = block;
	if (!block)
		return NULL;
	put(&at, h, 1, sizeof(*h));
	put(&at, unit, h->nunits, sizeof(*unit));
	put(&at, s->range.v, h->nranges, sizeof(*s->range.v));
	void *names = put(&at, NULL, h->nnames, sizeof(*m->name.v));
	fill_slots(&m->text, &m->name, put(&at, NULL, h->nslots, 4), h->nslots);
	put((char **)&names, m->name.v, h->nnames, sizeof(*m->name.v));
	put(&at, m->text.s, m->text.len, 1);
	*ret_n = bytes;
	return block;
}

void *dwarf_index_build(
	const struct dwarf_source *s, const struct dwarf_index_origin *origin, size_t *ret_n)
{
	struct maker m = { 0 };
	scoped_free struct dwarf_index_unit *unit = xcalloc(s->unit.n + 1, sizeof(*unit));
	for (size_t i = 0; i < s->unit.n; i++)
		unit[i] = (struct dwarf_index_unit){ .die = s->unit.v[i].die,
			.name = add_text(&m, s->unit.v[i].name),
			.rank = s->unit.v[i].rank,
			.untyped = s->unit.v[i].untyped };
	collect_names(&m, s);
	add_text(&m, "");
	struct dwarf_index_header h = {
		.origin = *origin,
		.nunits = (uint32_t)s->unit.n,
		.covered = (uint32_t)s->next_unscanned,
		.nranges = (uint32_t)s->range.n,
		.has_ranges = s->ranges_made,
		.nnames = (uint32_t)m.name.n,
		.nslots = 64,
		.text_bytes = m.text.len,
	};
	while (h.nslots < m.name.n * 2 && h.nslots < 1u << 30)
		h.nslots *= 2;
	void *bytes = assemble(s, &m, unit, &h, ret_n);
	strbuf_deinit(&m.text);
	vec_deinit(&m.name);
	return bytes;
}

/* ---- using one ----------------------------------------------- */

struct dwarf_index *dwarf_index_open(
	const void *bytes, size_t n, const struct dwarf_index_origin *origin)
{
	const struct dwarf_index_header *h = bytes;
	if (n < sizeof(*h) || (uintptr_t)bytes % 8 ||
		memcmp(&h->origin, origin, sizeof(*origin)) != 0)
		return NULL;
	uint64_t fixed = sizeof(*h) + h->nunits * (uint64_t)sizeof(struct dwarf_index_unit) +
			 h->nranges * (uint64_t)sizeof(struct dwarf_range) +
			 h->nnames * (uint64_t)sizeof(struct dwarf_index_name) + h->nslots * 4ull;
	if (!h->nunits || h->covered > h->nunits || !h->nslots || h->nslots & (h->nslots - 1) ||
		fixed > n || h->text_bytes != n - fixed || !h->text_bytes ||
		((const char *)bytes)[n - 1])
		return NULL;
	struct dwarf_index *ix = xcalloc(1, sizeof(*ix));
	ix->header = h;
	ix->unit = (const struct dwarf_index_unit *)(h + 1);
	ix->range = (const struct dwarf_range *)(ix->unit + h->nunits);
	ix->name = (const struct dwarf_index_name *)(ix->range + h->nranges);
	ix->slot = (const uint32_t *)(ix->name + h->nnames);
	ix->text = (const char *)bytes + fixed;
	return ix;
}

void dwarf_index_destroy(struct dwarf_index *ix)
{
	if (ix)
		free(ix->owned);
	free(ix);
}

void dwarf_index_units(const struct dwarf_index *ix, struct dwarf_source *s)
{
	for (uint32_t i = 0; i < ix->header->nunits; i++) {
		const struct dwarf_index_unit *from = &ix->unit[i];
		struct dwarf_unit u = { .die = from->die,
			.name = text_at(ix, from->name),
			.rank = from->rank < ix->header->nunits ? from->rank : i,
			.untyped = from->untyped };
		vec_push(&s->unit, u);
	}
	s->order = xcalloc(s->unit.n, sizeof(*s->order));
	for (uint32_t i = 0; i < s->unit.n; i++)
		s->order[s->unit.v[i].rank] = i;
	s->ranges_made = ix->header->has_ranges;
	for (uint32_t i = 0; i < ix->header->nranges; i++)
		if (ix->range[i].unit < s->unit.n)
			vec_push(&s->range, ix->range[i]);
}

size_t dwarf_index_nunits(const struct dwarf_index *ix)
{
	return ix->header->nunits;
}

size_t dwarf_index_covered(const struct dwarf_index *ix, size_t nunits)
{
	return ix->header->nunits == nunits ? ix->header->covered : 0;
}

bool dwarf_index_has_ranges(const struct dwarf_index *ix)
{
	return ix->header->has_ranges;
}

Dwarf_Off dwarf_index_find(const struct dwarf_index *ix, enum dwarf_name what, const char *name)
{
	uint32_t mask = ix->header->nslots - 1, nnames = ix->header->nnames;
	uint32_t at = symtab_hash(name, strlen(name)) & mask, i = 0;
	for (uint32_t k = 0; k <= mask; k++, at = (at + 1) & mask) {
		i = ix->slot[at];
		if (!i || (i <= nnames && !strcmp(text_at(ix, ix->name[i - 1].text), name)))
			break;
		i = 0;
	}
	while (i && i <= nnames) {
		const struct dwarf_index_name *n = &ix->name[i - 1];
		if (n->what == (uint32_t)what)
			return n->die_plus_1;
		i = n->next > i ? n->next : 0;
	}
	return 0;
}

bool dwarf_index_get(const struct dwarf_index *ix, size_t i, enum dwarf_name *ret_what,
	const char **ret_name, Dwarf_Off *ret_plus_1)
{
	if (i >= ix->header->nnames)
		return false;
	*ret_what = ix->name[i].what < NNAMES ? (enum dwarf_name)ix->name[i].what : NAME_STRUCT;
	*ret_name = text_at(ix, ix->name[i].text);
	*ret_plus_1 = ix->name[i].die_plus_1;
	return true;
}
