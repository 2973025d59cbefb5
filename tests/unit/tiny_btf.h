/*
 * Builds small BTF by hand, in either byte order and with either header: for tests of what pahole
 * seldom writes, and for fuzz seeds.
 */
#ifndef TESTS_UNIT_TINY_BTF_H
#define TESTS_UNIT_TINY_BTF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "analyzer/debug/btf.h"

enum { TINY_KIND_FLAG = 1u << 31, TINY_UNKNOWN_KIND = 40 };

struct tiny_btf {
	bool big_endian;
	bool long_header; /* 32 bytes, with a layout section that knows TINY_UNKNOWN_KIND */
	uint32_t id;	  /* the last one given out */
	uint32_t first_string;
	uint8_t types[8192];
	size_t ntypes;
	char strings[2048];
	size_t nstrings;
};

static inline void tiny_word(const struct tiny_btf *b, uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * (b->big_endian ? 3 - i : i));
}

static inline uint32_t tiny_name(struct tiny_btf *b, const char *s)
{
	size_t n = strlen(s) + 1, at = b->nstrings;
	if (!b->nstrings && !b->first_string)
		b->nstrings = at = 1; /* the empty string */
	if (!*s || at + n > sizeof(b->strings))
		return 0;
	memcpy(b->strings + at, s, n);
	b->nstrings = at + n;
	return b->first_string + (uint32_t)at;
}

static inline void tiny_u32(struct tiny_btf *b, uint32_t v)
{
	if (b->ntypes + 4 <= sizeof(b->types))
		tiny_word(b, b->types + b->ntypes, v);
	b->ntypes += 4;
}

/* One record's first part; its id. @vlen may carry TINY_KIND_FLAG. */
static inline uint32_t tiny_type(
	struct tiny_btf *b, unsigned kind, const char *name, uint32_t vlen, uint32_t size_or_type)
{
	tiny_u32(b, tiny_name(b, name));
	tiny_u32(b, (uint32_t)kind << 24 | vlen);
	tiny_u32(b, size_or_type);
	return ++b->id;
}

static inline uint32_t tiny_int(
	struct tiny_btf *b, const char *name, uint32_t size, uint32_t encoding, uint32_t bits)
{
	uint32_t id = tiny_type(b, BTF_INT, name, 0, size);
	tiny_u32(b, encoding << 24 | bits);
	return id;
}

static inline void tiny_member(struct tiny_btf *b, const char *name, uint32_t type, uint32_t offset)
{
	tiny_u32(b, tiny_name(b, name));
	tiny_u32(b, type);
	tiny_u32(b, offset);
}

static inline uint32_t tiny_array(struct tiny_btf *b, uint32_t element, uint32_t n)
{
	uint32_t id = tiny_type(b, BTF_ARRAY, "", 0, 0);
	tiny_u32(b, element);
	tiny_u32(b, 1);
	tiny_u32(b, n);
	return id;
}

/* The whole into @out, which has room for the header and both sections; the bytes used. */
static inline size_t tiny_btf_finish(const struct tiny_btf *b, uint8_t *out)
{
	uint32_t header = b->long_header ? 32 : 24;
	uint32_t layout = b->long_header ? 4 * (TINY_UNKNOWN_KIND + 1) : 0;
	uint32_t words[] = { header, 0, (uint32_t)b->ntypes, (uint32_t)b->ntypes,
		(uint32_t)b->nstrings, (uint32_t)(b->ntypes + b->nstrings), layout };
	memset(out, 0, header);
	out[b->big_endian ? 0 : 1] = 0xeb;
	out[b->big_endian ? 1 : 0] = 0x9f;
	out[2] = 1;
	for (uint32_t i = 0; i < (header - 4) / 4; i++)
		tiny_word(b, out + 4 + 4 * i, words[i]);
	memcpy(out + header, b->types, b->ntypes);
	memcpy(out + header + b->ntypes, b->strings, b->nstrings);
	uint8_t *end = out + header + b->ntypes + b->nstrings;
	memset(end, 0, layout);
	if (layout) {
		end[4 * TINY_UNKNOWN_KIND] = 8;	    /* once */
		end[4 * TINY_UNKNOWN_KIND + 1] = 4; /* for each element */
	}
	return (size_t)(end - out) + layout;
}

/* Ids of tiny_btf_sample()'s types that tests refer to. */
enum {
	TINY_INT = 1,
	TINY_ULONG,
	TINY_CHAR,
	TINY_SCHAR,
	TINY_BOOL,
	TINY_DOUBLE,
	TINY_ARRAY,
	TINY_ANON,
	TINY_LIST, /* holds pointers to itself, the next record */
};

/* One of each kind. */
static inline void tiny_btf_sample(struct tiny_btf *b)
{
	tiny_int(b, "int", 4, 1, 32);
	tiny_int(b, "long unsigned int", 8, 0, 64);
	tiny_int(b, "char", 1, 0, 8);
	tiny_int(b, "signed char", 1, 1, 8);
	tiny_int(b, "_Bool", 1, 4, 8);
	tiny_type(b, BTF_FLOAT, "double", 0, 8);
	tiny_array(b, TINY_CHAR, 16);
	tiny_type(b, BTF_UNION, "", 2, 4);
	tiny_member(b, "whole", TINY_INT, 0);
	tiny_member(b, "first", TINY_CHAR, 0);
	tiny_type(b, BTF_STRUCT, "list", 2, 16);
	tiny_member(b, "next", TINY_LIST + 1, 0);
	tiny_member(b, "prev", TINY_LIST + 1, 64);
	tiny_type(b, BTF_PTR, "", 0, TINY_LIST);
	uint32_t color = tiny_type(b, BTF_ENUM, "color", TINY_KIND_FLAG | 2, 4);
	tiny_u32(b, tiny_name(b, "RED"));
	tiny_u32(b, (uint32_t)-3);
	tiny_u32(b, tiny_name(b, "BLUE"));
	tiny_u32(b, 7);
	uint32_t wide = tiny_type(b, BTF_ENUM64, "wide", 1, 8);
	tiny_u32(b, tiny_name(b, "HUGE"));
	tiny_u32(b, 0x89abcdef);
	tiny_u32(b, 0xfedcba98);
	uint32_t opaque = tiny_type(b, BTF_FWD, "opaque", 0, 0);
	uint32_t either = tiny_type(b, BTF_FWD, "either", TINY_KIND_FLAG, 0);
	uint32_t popaque = tiny_type(b, BTF_PTR, "", 0, opaque);
	uint32_t peither = tiny_type(b, BTF_PTR, "", 0, either);
	uint32_t number = tiny_type(b, BTF_TYPEDEF, "number_t", 0, TINY_INT);
	uint32_t cnumber = tiny_type(b, BTF_CONST, "", 0, number);
	uint32_t vnumber = tiny_type(b, BTF_VOLATILE, "", 0, cnumber);
	uint32_t tag = tiny_type(b, BTF_TYPE_TAG, "user", 0, TINY_CHAR);
	uint32_t ptag = tiny_type(b, BTF_PTR, "", 0, tag);
	uint32_t rptr = tiny_type(b, BTF_RESTRICT, "", 0, ptag);
	uint32_t proto = tiny_type(b, BTF_FUNC_PROTO, "", 2, TINY_INT);
	tiny_u32(b, tiny_name(b, "fmt"));
	tiny_u32(b, rptr);
	tiny_u32(b, 0);
	tiny_u32(b, 0);
	tiny_type(b, BTF_FUNC, "printk", 1, proto);
	uint32_t pproto = tiny_type(b, BTF_PTR, "", 0, proto);
	uint32_t demo = tiny_type(b, BTF_STRUCT, "demo", TINY_KIND_FLAG | 12, 96);
	tiny_member(b, "comm", TINY_ARRAY, 0);
	tiny_member(b, "", TINY_ANON, 128);
	tiny_member(b, "lo", TINY_INT, 3u << 24 | 160);
	tiny_member(b, "mid", number, 11u << 24 | 163);
	tiny_member(b, "color", color, 192);
	tiny_member(b, "links", TINY_LIST, 256);
	tiny_member(b, "opaque", popaque, 384);
	tiny_member(b, "either", peither, 448);
	tiny_member(b, "vol", vnumber, 512);
	tiny_member(b, "fn", pproto, 576);
	tiny_member(b, "wide", wide, 640);
	tiny_member(b, "d", TINY_DOUBLE, 704);
	uint32_t var = tiny_type(b, BTF_VAR, "per_cpu_demo", 0, demo);
	tiny_u32(b, 1);
	tiny_type(b, BTF_DATASEC, ".data..percpu", 1, 96);
	tiny_u32(b, var);
	tiny_u32(b, 0);
	tiny_u32(b, 96);
	tiny_type(b, BTF_DECL_TAG, "hint", 0, demo);
	tiny_u32(b, (uint32_t)-1);
	if (b->long_header) {
		tiny_type(b, TINY_UNKNOWN_KIND, "", 2, 0);
		for (int i = 0; i < 4; i++)
			tiny_u32(b, 0xffffffff);
	}
	tiny_type(b, BTF_STRUCT, "last", 1, 4);
	tiny_member(b, "x", TINY_INT, 0);
}

#endif
