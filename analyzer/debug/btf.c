/*
 * BTF as bytes: one pass at open finds where each record lies and puts the names of what defines
 * something into a hash table; nothing else is read until it is asked for.
 */
#include "analyzer/debug/btf.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/xalloc.h"

enum {
	MAGIC = 0xeb9f,
	HEADER_BYTES = 24,	  /* up to str_len */
	HEADER_LAYOUT_BYTES = 32, /* with layout_off and layout_len, v7.2 */
	RECORD_BYTES = 12,
	NAME_BYTES = 512,    /* KSYM_NAME_LEN (include/linux/kallsyms.h), the kernel's own limit */
	MAX_TYPES = 1 << 24, /* far above any kernel's 130,000 */
};

uint32_t btf_u32(const struct btf *b, const uint8_t *p)
{
	uint32_t v = load_u32le(p);
	return b->big_endian ? __builtin_bswap32(v) : v;
}

/* ---- header ----------------------------------------------- */

static const struct btf_layout builtin_layout[BTF_NKINDS] = {
	[BTF_INT] = { true, 4, 0 },
	[BTF_PTR] = { true, 0, 0 },
	[BTF_ARRAY] = { true, 12, 0 },
	[BTF_STRUCT] = { true, 0, 12 },
	[BTF_UNION] = { true, 0, 12 },
	[BTF_ENUM] = { true, 0, 8 },
	[BTF_FWD] = { true, 0, 0 },
	[BTF_TYPEDEF] = { true, 0, 0 },
	[BTF_VOLATILE] = { true, 0, 0 },
	[BTF_CONST] = { true, 0, 0 },
	[BTF_RESTRICT] = { true, 0, 0 },
	[BTF_FUNC] = { true, 0, 0 }, /* vlen is the linkage: no elements */
	[BTF_FUNC_PROTO] = { true, 0, 8 },
	[BTF_VAR] = { true, 4, 0 },
	[BTF_DATASEC] = { true, 0, 12 },
	[BTF_FLOAT] = { true, 0, 0 },
	[BTF_DECL_TAG] = { true, 4, 0 },
	[BTF_TYPE_TAG] = { true, 0, 0 },
	[BTF_ENUM64] = { true, 0, 12 },
};

/* The layout section has, for each kind from 0: bytes once, bytes for each element, 16 bits of
 * flags. It is asked only for kinds that are not known here. */
static void read_layout(struct btf *b, const uint8_t *p, uint32_t bytes)
{
	for (uint32_t kind = 0; kind < bytes / 4 && kind < 128; kind++)
		if (kind >= BTF_NKINDS)
			b->layout[kind] = (struct btf_layout){ true, p[4 * kind], p[4 * kind + 1] };
}

static struct err *section(const struct btf *b, const uint8_t *header, unsigned at, size_t n,
	uint32_t header_bytes, const char *what, const uint8_t **ret, uint32_t *ret_bytes)
{
	uint32_t off = btf_u32(b, header + at), len = btf_u32(b, header + at + 4);
	if (!range_inside((uint64_t)header_bytes + off, len, n))
		return err_new(ERR_FORMAT, "BTF: the %s lie outside of its %zu bytes", what, n);
	*ret = header + header_bytes + off;
	*ret_bytes = len;
	return NULL;
}

static struct err *read_header(struct btf *b, const uint8_t *p, size_t n)
{
	if (n < HEADER_BYTES)
		return err_new(ERR_FORMAT, "BTF: %zu bytes hold no header", n);
	b->big_endian = load_u16le(p) != MAGIC;
	if (b->big_endian && __builtin_bswap16(load_u16le(p)) != MAGIC)
		return err_new(ERR_FORMAT, "no BTF: it begins with %02x %02x", p[0], p[1]);
	if (p[2] != 1)
		return err_new(ERR_UNSUPPORTED, "BTF: version %u is not known", p[2]);
	uint32_t header_bytes = btf_u32(b, p + 4);
	if (header_bytes < HEADER_BYTES || header_bytes > n)
		return err_new(ERR_FORMAT, "BTF: a header of %u bytes", header_bytes);
	struct err *e = section(b, p, 8, n, header_bytes, "types", &b->types, &b->types_bytes);
	if (!e)
		e = section(b, p, 16, n, header_bytes, "strings", &b->strings, &b->strings_bytes);
	if (e)
		return e;
	if (b->strings_bytes && b->strings[b->strings_bytes - 1])
		return err_new(ERR_FORMAT, "BTF: its strings have no end");
	if (header_bytes >= HEADER_LAYOUT_BYTES) {
		const uint8_t *layout;
		uint32_t layout_bytes;
		e = section(b, p, 24, n, header_bytes, "layouts", &layout, &layout_bytes);
		if (!e)
			read_layout(b, layout, layout_bytes);
	}
	return e;
}

/* ---- records ----------------------------------------------- */

/* kind_flag is bit 31. The kind has bits 24 to 27 (up to 5.10), 28 (5.11), 30 (7.2), vlen bits 0 to
 * 15, 23 (7.2); what was not in use was 0, so the widest form reads them all. */
static void split_info(uint32_t info, unsigned *ret_kind, uint32_t *ret_vlen)
{
	*ret_kind = info >> 24 & 0x7f;
	*ret_vlen = info & 0xffffff;
}

static void damaged(struct btf *b, uint32_t at, const char *how)
{
	b->damage = xasprintf("type %zu, at byte %u of %u, %s", b->first_id + b->offset.n, at,
		b->types_bytes, how);
}

/* Where each record begins; those after a damaged one cannot be found. */
static void find_records(struct btf *b)
{
	uint32_t at = 0;
	while (at < b->types_bytes && b->offset.n < MAX_TYPES) {
		if (b->types_bytes - at < RECORD_BYTES) {
			damaged(b, at, "is cut");
			return;
		}
		unsigned kind;
		uint32_t vlen;
		split_info(btf_u32(b, b->types + at + 4), &kind, &vlen);
		const struct btf_layout *l = &b->layout[kind];
		if (!l->known) {
			damaged(b, at, kind ? "is of an unknown kind" : "is of no kind");
			return;
		}
		uint64_t bytes = RECORD_BYTES + l->fixed + (uint64_t)vlen * l->element;
		if (bytes > b->types_bytes - at) {
			damaged(b, at, "does not fit");
			return;
		}
		vec_push(&b->offset, at);
		at += (uint32_t)bytes;
	}
	if (at < b->types_bytes)
		damaged(b, at, "is one too many");
}

uint32_t btf_end_id(const struct btf *b)
{
	return b->first_id + (uint32_t)b->offset.n;
}

bool btf_get(const struct btf *b, uint32_t id, struct btf_record *ret)
{
	while (id < b->first_id && b->base)
		b = b->base;
	if (id < b->first_id || id >= btf_end_id(b))
		return false;
	const uint8_t *p = b->types + b->offset.v[id - b->first_id];
	uint32_t info = btf_u32(b, p + 4);
	unsigned kind;
	split_info(info, &kind, &ret->vlen);
	ret->id = id;
	ret->kind = kind;
	ret->kind_flag = info >> 31;
	ret->size_or_type = btf_u32(b, p + 8);
	ret->name = btf_string(b, btf_u32(b, p));
	ret->body = p + RECORD_BYTES;
	return kind < BTF_NKINDS;
}

const char *btf_string(const struct btf *b, uint32_t offset)
{
	while (offset < b->first_string && b->base)
		b = b->base;
	offset -= b->first_string;
	if (offset >= b->strings_bytes || !b->strings[offset])
		return NULL;
	const char *s = (const char *)b->strings + offset;
	return strnlen(s, NAME_BYTES) < NAME_BYTES ? s : NULL;
}

struct btf_member btf_get_member(const struct btf *b, const struct btf_record *r, uint32_t i)
{
	const uint8_t *p = r->body + 12 * (size_t)i;
	return (struct btf_member){ btf_string(b, btf_u32(b, p)), btf_u32(b, p + 4),
		btf_u32(b, p + 8) };
}

struct btf_member btf_get_parameter(const struct btf *b, const struct btf_record *r, uint32_t i)
{
	const uint8_t *p = r->body + 8 * (size_t)i;
	return (struct btf_member){ btf_string(b, btf_u32(b, p)), btf_u32(b, p + 4), 0 };
}

struct btf_constant btf_get_constant(
	const struct btf *b, const struct btf_record *r, uint32_t i, bool is_signed)
{
	bool wide = r->kind == BTF_ENUM64;
	const uint8_t *p = r->body + (wide ? 12 : 8) * (size_t)i;
	uint32_t low = btf_u32(b, p + 4);
	int64_t value = is_signed ? (int32_t)low : (int64_t)low;
	if (wide) /* the low half comes first in both byte orders */
		value = (int64_t)((uint64_t)btf_u32(b, p + 8) << 32 | low);
	return (struct btf_constant){ btf_string(b, btf_u32(b, p)), value };
}

struct btf_section_entry btf_get_section_entry(
	const struct btf *b, const struct btf_record *r, uint32_t i)
{
	const uint8_t *p = r->body + 12 * (size_t)i;
	return (struct btf_section_entry){ btf_u32(b, p), btf_u32(b, p + 4), btf_u32(b, p + 8) };
}

/* ---- names ----------------------------------------------- */

static uint32_t hash_name(const char *s)
{
	uint32_t h = 0x811c9dc5;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x01000193;
	return h ^ h >> 15;
}

static bool is_definition(unsigned kind, uint32_t vlen)
{
	switch (kind) {
	case BTF_INT:
	case BTF_STRUCT:
	case BTF_UNION:
	case BTF_TYPEDEF:
	case BTF_VAR:
	case BTF_FLOAT:
		return true;
	case BTF_ENUM: /* without enumerators: declared only */
	case BTF_ENUM64:
		return vlen > 0;
	default:
		return false;
	}
}

/* Chains, not open addressing: a million records of one name cost a million steps, not their
 * square. From the highest id, so that the lowest comes first in its chain. */
static void index_names(struct btf *b)
{
	uint32_t n = (uint32_t)b->offset.n, nbuckets = 1024;
	while (nbuckets < n / 4)
		nbuckets *= 2;
	b->bucket = xcalloc(nbuckets, sizeof(*b->bucket));
	b->next = xcalloc((size_t)n + 1, sizeof(*b->next));
	b->bucket_mask = nbuckets - 1;
	for (uint32_t i = n; i--;) {
		const uint8_t *p = b->types + b->offset.v[i];
		unsigned kind;
		uint32_t vlen, info = btf_u32(b, p + 4);
		split_info(info, &kind, &vlen);
		b->enum_signs |= kind == BTF_ENUM64 || (kind == BTF_ENUM && info >> 31);
		if (!is_definition(kind, vlen))
			continue;
		const char *name = btf_string(b, btf_u32(b, p));
		if (!name)
			continue;
		b->nvariables += kind == BTF_VAR;
		uint32_t *bucket = &b->bucket[hash_name(name) & b->bucket_mask];
		b->next[i] = *bucket;
		*bucket = i + 1;
	}
}

bool btf_next_named(const struct btf *b, const char *name, uint32_t *io_id, struct btf_record *ret)
{
	uint32_t i = *io_id ? b->next[*io_id - b->first_id]
			    : b->bucket[hash_name(name) & b->bucket_mask];
	for (; i; i = b->next[i - 1]) {
		const uint8_t *p = b->types + b->offset.v[i - 1];
		const char *s = btf_string(b, btf_u32(b, p));
		if (!s || strcmp(s, name))
			continue;
		*io_id = b->first_id + i - 1;
		return btf_get(b, *io_id, ret);
	}
	return false;
}

/* ---- open, close ----------------------------------------------- */

struct err *btf_open(const void *bytes, size_t n, const struct btf *base, struct btf *ret)
{
	struct btf *b = ret;
	*b = (struct btf){ .base = base, .first_id = 1 };
	memcpy(b->layout, builtin_layout, sizeof(builtin_layout));
	if (base) {
		b->first_id = btf_end_id(base);
		if (__builtin_add_overflow(
			    base->first_string, base->strings_bytes, &b->first_string))
			return err_new(ERR_FORMAT, "BTF: the base's strings are too many");
	}
	struct err *e = read_header(b, bytes, n);
	if (e)
		return e;
	find_records(b);
	index_names(b);
	/* A module's few enums need not show whether their writer marks signs. */
	b->enum_signs |= base && base->enum_signs;
	return NULL;
}

void btf_close(struct btf *b)
{
	vec_deinit(&b->offset);
	free(b->bucket);
	free(b->next);
	free(b->damage);
}
