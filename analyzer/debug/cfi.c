/*
 * Decodes call frame information (DWARF 5, 6.4; .eh_frame as the Linux Standard Base has it). Knows
 * the bytes; refuses to know memory, registers' values and what an ABI preserves.
 */
#include "analyzer/debug/cfi.h"

#include <dwarf.h>
#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/cfi_program.h"

enum {
	ENTRIES_MAX = 1 << 22,
};

struct entry {
	uint64_t start, end;
	uint32_t off;
	uint32_t section;
};

struct cfi {
	struct abi abi;
	struct cfi_section section[4];
	size_t nsections;
	VEC(struct entry) entry;
};

struct cie {
	uint64_t off; /* in its section */
	struct dwarf_bytes program;
	uint64_t code_align;
	int64_t data_align;
	uint64_t return_column;
	uint8_t address_bytes, pointer_encoding;
	bool augmented; /* "z": entries have augmentation data with its length before it */
	bool signal;
};

/* What stands before each CIE and FDE. */
struct header {
	struct dwarf_bytes body; /* behind the id */
	uint64_t next;		 /* offset of the next one */
	bool is_cie;
	uint64_t cie; /* FDE: offset of its CIE */
};

/* ---- entries ----------------------------------------------- */

static bool read_header(
	const struct cfi *c, const struct cfi_section *s, uint64_t off, struct header *ret)
{
	if (off > s->n)
		return false;
	struct dwarf_bytes b = { .at = s->bytes + off, .end = s->bytes + s->n, .abi = &c->abi };
	unsigned wide = 4;
	uint64_t length = dwarf_uint(&b, 4);
	if (length == UINT32_MAX) {
		wide = 8;
		length = dwarf_uint(&b, 8);
	}
	const uint8_t *id_at = b.at, *body = dwarf_take(&b, length);
	if (!body || length < wide)
		return false;
	struct dwarf_bytes in = { .at = body, .end = body + length, .abi = &c->abi };
	/* In .eh_frame the id has four bytes in either format, and says how far back the CIE is. */
	uint64_t id = dwarf_uint(&in, s->eh ? 4 : wide);
	uint64_t no_cie = s->eh ? 0 : wide == 8 ? UINT64_MAX : UINT32_MAX;
	ret->next = (uint64_t)(in.end - s->bytes);
	ret->is_cie = id == no_cie;
	ret->cie = s->eh ? (uint64_t)(id_at - s->bytes) - id : id;
	ret->body = in;
	return true;
}

static bool skip_pointer(struct dwarf_bytes *b, uint8_t encoding, unsigned word_bytes)
{
	switch (encoding & 0xf) {
	case DW_EH_PE_absptr:
		dwarf_take(b, word_bytes);
		return !b->bad;
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		dwarf_take(b, 2);
		return !b->bad;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		dwarf_take(b, 4);
		return !b->bad;
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		dwarf_take(b, 8);
		return !b->bad;
	default:
		return false;
	}
}

/* The letters behind "z"; each says what one part of the augmentation data is. */
static bool read_augmentation(struct dwarf_bytes *b, const char *letters, struct cie *io)
{
	uint64_t n = dwarf_uleb(b);
	const uint8_t *data = dwarf_take(b, n);
	if (!data)
		return false;
	struct dwarf_bytes in = { .at = data, .end = data + n, .abi = b->abi };
	for (const char *p = letters; *p; p++) {
		if (*p == 'R')
			io->pointer_encoding = (uint8_t)dwarf_uint(&in, 1);
		else if (*p == 'S')
			io->signal = true;
		else if (*p == 'L')
			dwarf_take(&in, 1);
		else if (*p == 'P' &&
			 !skip_pointer(&in, (uint8_t)dwarf_uint(&in, 1), io->address_bytes))
			return false;
		else if (!strchr("PBG", *p)) /* B, G: arm64's keys and tags */
			return false;
	}
	return !in.bad;
}

static bool read_cie(
	const struct cfi *c, const struct cfi_section *s, uint64_t off, struct cie *ret)
{
	struct header h;
	if (!read_header(c, s, off, &h) || !h.is_cie)
		return false;
	struct dwarf_bytes b = h.body;
	*ret = (struct cie){ .off = off, .address_bytes = c->abi.word_bytes };
	uint64_t version = dwarf_uint(&b, 1);
	const char *letters = (const char *)b.at;
	while (dwarf_uint(&b, 1))
		;
	if (b.bad || !(version == 1 || version == 3 || version == 4))
		return false;
	if (version == 4) {
		ret->address_bytes = (uint8_t)dwarf_uint(&b, 1);
		if (dwarf_uint(&b, 1)) /* segments */
			return false;
	}
	ret->code_align = dwarf_uleb(&b);
	ret->data_align = dwarf_sleb(&b);
	ret->return_column = version == 1 ? dwarf_uint(&b, 1) : dwarf_uleb(&b);
	ret->augmented = *letters == 'z';
	if (ret->augmented ? !read_augmentation(&b, letters + 1, ret) : *letters != '\0')
		return false;
	ret->program = b;
	bool known = ret->address_bytes == 4 || ret->address_bytes == 8;
	return !b.bad && known && ret->return_column < ARCH_MAX_REGS;
}

static bool read_pointer(const struct cfi_section *s, struct dwarf_bytes *b, const struct cie *cie,
	uint8_t encoding, uint64_t *ret)
{
	uint64_t base = s->va + (uint64_t)(b->at - s->bytes);
	switch (encoding & 0xf) {
	case DW_EH_PE_absptr:
		*ret = dwarf_uint(b, cie->address_bytes);
		break;
	case DW_EH_PE_uleb128:
		*ret = dwarf_uleb(b);
		break;
	case DW_EH_PE_sleb128:
		*ret = (uint64_t)dwarf_sleb(b);
		break;
	case DW_EH_PE_udata2:
	case DW_EH_PE_udata4:
	case DW_EH_PE_udata8:
		*ret = dwarf_uint(b, 1u << ((encoding & 7) - 1));
		break;
	case DW_EH_PE_sdata2:
	case DW_EH_PE_sdata4:
	case DW_EH_PE_sdata8:
		*ret = (uint64_t)dwarf_sint(b, 1u << ((encoding & 7) - 1));
		break;
	default:
		return false;
	}
	if ((encoding & 0xf0) == DW_EH_PE_pcrel)
		*ret += base;
	else if (encoding & 0xf0) /* relative to what only a loader knows, or indirect */
		return false;
	if (cie->address_bytes == 4)
		*ret = (uint32_t)*ret;
	return !b->bad;
}

/* @io stands behind the FDE's id; then where its program begins. */
static bool read_range(const struct cfi_section *s, const struct cie *cie, struct dwarf_bytes *io,
	uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t size;
	struct cfi_section plain = { .bytes = s->bytes };
	if (!read_pointer(s, io, cie, cie->pointer_encoding, ret_start) ||
		!read_pointer(&plain, io, cie, cie->pointer_encoding & 0xf, &size))
		return false;
	if (cie->augmented)
		dwarf_take(io, dwarf_uleb(io));
	*ret_end = *ret_start + size;
	return !io->bad && *ret_end > *ret_start;
}

/* ---- the table ----------------------------------------------- */

static void index_section(struct cfi *c, uint32_t number)
{
	const struct cfi_section *s = &c->section[number];
	struct cie cie;
	struct header h;
	bool have = false;
	for (uint64_t off = 0; read_header(c, s, off, &h) && c->entry.n < ENTRIES_MAX;
		off = h.next) {
		struct entry e = { .off = (uint32_t)off, .section = number };
		if (h.is_cie)
			continue;
		if (!have || cie.off != h.cie)
			have = read_cie(c, s, h.cie, &cie);
		/* What the linker threw away stands at 0. */
		if (have && read_range(s, &cie, &h.body, &e.start, &e.end) && e.start)
			vec_push(&c->entry, e);
	}
}

static int compare_entry(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	return a->start != b->start	  ? (a->start < b->start ? -1 : 1)
	       : a->section != b->section ? (a->section < b->section ? -1 : 1)
					  : (a->off > b->off) - (a->off < b->off);
}

struct cfi *cfi_create(const struct abi *abi, const struct cfi_section *section, size_t nsections)
{
	struct cfi *c = xcalloc(1, sizeof(*c));
	c->abi = *abi;
	for (size_t i = 0; i < nsections && c->nsections < ARRAY_SIZE(c->section); i++) {
		if (!section[i].bytes || section[i].n > UINT32_MAX)
			continue;
		c->section[c->nsections] = section[i];
		index_section(c, (uint32_t)c->nsections++);
	}
	if (c->entry.n)
		qsort(c->entry.v, c->entry.n, sizeof(*c->entry.v), compare_entry);
	return c;
}

void cfi_destroy(struct cfi *c)
{
	if (!c)
		return;
	vec_deinit(&c->entry);
	free(c);
}

size_t cfi_count(const struct cfi *c)
{
	return c->entry.n;
}

void cfi_get(const struct cfi *c, size_t i, uint64_t *ret_start, uint64_t *ret_end)
{
	*ret_start = c->entry.v[i].start;
	*ret_end = c->entry.v[i].end;
}

static const struct entry *find_entry(const struct cfi *c, uint64_t va)
{
	size_t lo = 0, hi = c->entry.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->entry.v[mid].start <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && va < c->entry.v[lo - 1].end ? &c->entry.v[lo - 1] : NULL;
}

bool cfi_find(const struct cfi *c, uint64_t va, struct cfi_row *ret)
{
	const struct entry *e = find_entry(c, va);
	struct header h;
	struct cie cie;
	struct cfi_row row, initial;
	uint64_t start, end;
	if (!e)
		return false;
	const struct cfi_section *s = &c->section[e->section];
	if (!read_header(c, s, e->off, &h) || !read_cie(c, s, h.cie, &cie) ||
		!read_range(s, &cie, &h.body, &start, &end))
		return false;
	row = (struct cfi_row){ .return_column = (uint8_t)cie.return_column,
		.signal = cie.signal,
		.start = start,
		.end = end };
	struct cfi_program p = { cie.program, cie.code_align, cie.data_align, .at = start };
	p.stop = UINT64_MAX; /* a CIE's rules hold from the first instruction on */
	if (!cfi_program_run(&p, NULL, &row))
		return false;
	initial = row;
	p.bytes = h.body;
	p.stop = va;
	if (!cfi_program_run(&p, &initial, &row))
		return false;
	*ret = row;
	return true;
}
