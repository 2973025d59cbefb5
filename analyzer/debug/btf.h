/*
 * BTF as bytes: the header, where each record lies, strings, and an index of names. The bytes are
 * hostile: whatever is asked for here is answered within bounds. What records mean as C types is
 * btf_types.c's business. Format: Documentation/bpf/btf.rst, include/uapi/linux/btf.h.
 */
#ifndef ANALYZER_DEBUG_BTF_H
#define ANALYZER_DEBUG_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/base/err.h"
#include "analyzer/base/load.h"
#include "analyzer/base/vec.h"

enum btf_kind {
	BTF_VOID,
	BTF_INT,
	BTF_PTR,
	BTF_ARRAY,
	BTF_STRUCT,
	BTF_UNION,
	BTF_ENUM,
	BTF_FWD,
	BTF_TYPEDEF,
	BTF_VOLATILE,
	BTF_CONST,
	BTF_RESTRICT,
	BTF_FUNC,
	BTF_FUNC_PROTO,
	BTF_VAR,
	BTF_DATASEC,
	BTF_FLOAT,
	BTF_DECL_TAG,
	BTF_TYPE_TAG,
	BTF_ENUM64,
	BTF_NKINDS, /* newer ones are skipped where the layout section tells their size */
};

/* Sizes of one record's parts behind its first 12 bytes. */
struct btf_layout {
	bool known;
	uint16_t fixed;   /* bytes once */
	uint16_t element; /* bytes for each of vlen */
};

struct btf {
	const uint8_t *types, *strings;
	uint32_t types_bytes, strings_bytes;
	bool big_endian;
	const struct btf *base; /* split BTF: whose ids and strings come first; NULL: none */
	uint32_t first_id;      /* 1 without a base */
	uint32_t first_string;  /* offset of strings[0], 0 without a base */
	VEC(uint32_t) offset;   /* of record first_id + i in types */
	struct btf_layout layout[128];
	bool enum_signs;        /* its writer marks signed enums (kind_flag, since 6.0) */
	char *damage;           /* why there are fewer records than the header says; NULL: whole */

	uint32_t *bucket;       /* name's hash to 1 + index of the lowest id; 0: none */
	uint32_t *next;         /* the same, from one record to the next of its bucket */
	uint32_t bucket_mask;
	uint32_t nvariables;
};

/* One record, decoded; body bytes are checked to be there. */
struct btf_record {
	uint32_t id;
	enum btf_kind kind;
	bool kind_flag;
	uint32_t vlen;
	uint32_t size_or_type; /* the kind says which */
	const char *name;      /* NULL: anonymous */
	const uint8_t *body;
};

/* Elements of bodies. */
struct btf_member {
	const char *name;
	uint32_t type, offset;
};
struct btf_section_entry {
	uint32_t variable, offset, bytes;
};
struct btf_constant {
	const char *name;
	int64_t value;
};

/*
 * Opens @n borrowed bytes. ERR_FORMAT when the header makes no sense; damage among the records ends
 * them and is told in ->damage. @base (may be NULL) lives as long. *ret is filled in any case, to
 * be freed by btf_close().
 */
struct err *btf_open(const void *bytes, size_t n, const struct btf *base, struct btf *ret)
	MUST_CHECK;
void btf_close(struct btf *b);

/* 1 + the highest id. */
uint32_t btf_end_id(const struct btf *b);

/* False for void (0), ids beyond the end, and unknown kinds; ids of the base are answered. */
bool btf_get(const struct btf *b, uint32_t id, struct btf_record *ret);

/* The string at @offset, NULL when it is empty, too long for a name, or outside. */
const char *btf_string(const struct btf *b, uint32_t offset);

/* Number @i < vlen of a STRUCT's or UNION's members; of a FUNC_PROTO's parameters (offset 0). */
struct btf_member btf_get_member(const struct btf *b, const struct btf_record *r, uint32_t i);
struct btf_member btf_get_parameter(const struct btf *b, const struct btf_record *r, uint32_t i);

/* Number @i < vlen of an ENUM's or ENUM64's enumerators; 32-bit ones widened by their sign when
 * @is_signed. */
struct btf_constant btf_get_constant(
	const struct btf *b, const struct btf_record *r, uint32_t i, bool is_signed);

/* Number @i < vlen of a DATASEC's variables: the id of a VAR, offset in the section, bytes. */
struct btf_section_entry btf_get_section_entry(
	const struct btf *b, const struct btf_record *r, uint32_t i);

uint32_t btf_u32(const struct btf *b, const uint8_t *p);

/*
 * Records of this BTF (not its base's) that are called @name and define something, by ascending id:
 * *io_id 0 begins; false at the end. Functions, tags and declarations are not in the index.
 */
bool btf_next_named(
	const struct btf *b, const char *name, uint32_t *io_id, struct btf_record *ret);

#endif
