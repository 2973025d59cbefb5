/*
 * kallsyms tables by hand, in each of the shapes that scripts/kallsyms.c has given them: for the
 * tests of the decoder and as seeds of its fuzz target.
 */
#ifndef TESTS_UNIT_KALLSYMS_BUILD_H
#define TESTS_UNIT_KALLSYMS_BUILD_H

#include <stdio.h>
#include <string.h>

#include "analyzer/target/kallsyms.h"

enum { KS_BYTES_MAX = 256 << 10, KS_LONG = 300, KS_LONG_AT = 200 };

struct ks_spec {
	const char *what;
	unsigned word;	/* 4 or 8 */
	unsigned align; /* of every table */
	enum kallsyms_form form;
	bool behind;	  /* addresses stand behind token_index: v6.6 */
	bool seqs;	  /* kallsyms_seqs_of_names is there */
	bool wide_counts; /* num_syms and markers are words: 4.19 */
	bool big_endian;
	bool no_long_name; /* no name of more than 127 bytes: they came with v6.1 */
	unsigned nsyms;	   /* 0: 700 */
};

static const struct ks_spec ks_specs[] = {
	{ "4.19, 64 bits", 8, 8, KALLSYMS_RELATIVE, .wide_counts = true, .no_long_name = true },
	{ "4.19, 32 bits", 4, 4, KALLSYMS_RELATIVE, .wide_counts = true, .no_long_name = true },
	{ "4.19, big-endian", 8, 8, KALLSYMS_RELATIVE, .wide_counts = true, .no_long_name = true,
		.big_endian = true },
	{ "5.4, absolute", 8, 8, KALLSYMS_ABSOLUTE, .no_long_name = true },
	{ "5.4, absolute, 32 bits", 4, 4, KALLSYMS_ABSOLUTE, .no_long_name = true },
	{ "5.10, per-CPU absolute", 8, 8, KALLSYMS_RELATIVE_PERCPU },
	{ "6.1", 8, 8, KALLSYMS_RELATIVE },
	{ "6.1, 32 bits", 4, 4, KALLSYMS_RELATIVE },
	{ "6.1 with seqs, odd count", 8, 8, KALLSYMS_RELATIVE, .seqs = true, .nsyms = 701 },
	{ "6.1 with seqs, 32 bits", 4, 4, KALLSYMS_RELATIVE, .seqs = true },
	{ "6.6", 8, 8, KALLSYMS_RELATIVE, .behind = true, .seqs = true, .nsyms = 701 },
	{ "6.6, absolute", 8, 8, KALLSYMS_ABSOLUTE, .behind = true, .seqs = true },
	{ "6.6, per-CPU absolute", 8, 8, KALLSYMS_RELATIVE_PERCPU, .behind = true },
	{ "6.12, 32 bits", 4, 4, KALLSYMS_RELATIVE, .behind = true, .seqs = true },
	{ "6.18, alignment 4", 8, 4, KALLSYMS_RELATIVE, .behind = true, .seqs = true },
	{ "7.0", 8, 4, KALLSYMS_SELF, .behind = true, .seqs = true },
	{ "7.0, big-endian", 8, 4, KALLSYMS_SELF, .behind = true, .big_endian = true },
	{ "7.0, 32 bits", 4, 4, KALLSYMS_ABSOLUTE, .behind = true, .seqs = true },
	{ "a multiple of 256", 8, 8, KALLSYMS_RELATIVE, .nsyms = 512 },
};

struct ks_build {
	struct ks_spec s;
	uint64_t pa, voffset; /* of bytes[0]; what addresses are above places */
	uint8_t bytes[KS_BYTES_MAX];
	size_t n;
	size_t num_syms, names, markers, token_table, token_index, addresses; /* offsets in bytes */
};

static inline unsigned ks_count(const struct ks_build *b)
{
	return b->s.nsyms ? b->s.nsyms : 700;
}

/* Every seventh symbol is an alias of the one before. Text lies below the tables and data above.
 * The lowest six of a per-CPU table are small numbers. */
static inline uint64_t ks_va(const struct ks_build *b, unsigned i)
{
	if (b->s.form == KALLSYMS_RELATIVE_PERCPU && i < 6)
		return i * 64;
	unsigned k = i % 7 == 6 ? i - 1 : i;
	uint64_t va = b->pa + b->voffset - 0x10000 + (uint64_t)k * 0x100 + (k > 400 ? 0x80000 : 0);
	return b->s.word == 4 ? va & UINT32_MAX : va;
}

static inline void ks_name(const struct ks_build *b, unsigned i, char *ret)
{
	sprintf(ret, "%ssym_%u", i % 3 ? "t" : "T", i);
	if (i == KS_LONG_AT && !b->s.no_long_name) {
		memset(ret + 1, 'x', KS_LONG);
		ret[1 + KS_LONG] = '\0';
	}
}

static inline void ks_put(struct ks_build *b, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		b->bytes[b->n + i] = (uint8_t)(v >> 8 * (b->s.big_endian ? n - 1 - i : i));
	b->n += n;
}

static inline void ks_align(struct ks_build *b, unsigned align)
{
	while ((b->pa + b->n) % align)
		b->bytes[b->n++] = 0;
}

static inline void ks_put_addresses(struct ks_build *b)
{
	unsigned n = ks_count(b);
	uint64_t base = ks_va(b, b->s.form == KALLSYMS_RELATIVE_PERCPU ? 6 : 0);
	ks_align(b, b->s.align);
	b->addresses = b->n;
	for (unsigned i = 0; i < n; i++) {
		uint64_t va = ks_va(b, i);
		if (b->s.form == KALLSYMS_ABSOLUTE)
			ks_put(b, va, b->s.word);
		else if (b->s.form == KALLSYMS_RELATIVE)
			ks_put(b, va - base, 4);
		else if (b->s.form == KALLSYMS_RELATIVE_PERCPU)
			ks_put(b, i < 6 ? va : base - 1 - va, 4);
		else if (b->s.form == KALLSYMS_SELF)
			ks_put(b, va - (b->pa + b->n + b->voffset), 4);
		else
			ks_put(b, va, 4);
	}
	if (b->s.form == KALLSYMS_RELATIVE || b->s.form == KALLSYMS_RELATIVE_PERCPU) {
		ks_align(b, b->s.align);
		ks_put(b, base, b->s.word);
	}
}

/* Code 1 is "sym_"; what is not printable is nothing, all else stands for itself. */
static inline void ks_put_names(struct ks_build *b)
{
	uint32_t marker[64];
	ks_align(b, b->s.align);
	b->num_syms = b->n;
	ks_put(b, ks_count(b), b->s.wide_counts ? b->s.word : 4);
	ks_align(b, b->s.align);
	b->names = b->n;
	for (unsigned i = 0; i < ks_count(b); i++) {
		char name[KS_LONG + 16];
		ks_name(b, i, name);
		if (i % 256 == 0)
			marker[i / 256] = (uint32_t)(b->n - b->names);
		char *common = strstr(name, "sym_");
		size_t skip = common ? 3 : 0, len = strlen(name) - skip;
		if (len > 127)
			b->bytes[b->n++] = (uint8_t)(len | 0x80);
		b->bytes[b->n++] = (uint8_t)(len > 127 ? len >> 7 : len);
		if (common) {
			common[0] = 1;
			memmove(common + 1, common + 4, strlen(common + 4) + 1);
		}
		memcpy(b->bytes + b->n, name, len);
		b->n += len;
	}
	ks_align(b, b->s.align);
	b->markers = b->n;
	for (unsigned i = 0; i < (ks_count(b) + 255) / 256; i++)
		ks_put(b, marker[i], b->s.wide_counts ? b->s.word : 4);
}

static inline void ks_put_seqs(struct ks_build *b)
{
	if (!b->s.seqs)
		return;
	ks_align(b, b->s.align);
	for (unsigned i = 0; i < ks_count(b); i++) {
		b->bytes[b->n++] = 0;
		b->bytes[b->n++] = (uint8_t)(i >> 8);
		b->bytes[b->n++] = (uint8_t)i;
	}
}

static inline void ks_put_tokens(struct ks_build *b)
{
	uint16_t index[256];
	ks_align(b, b->s.align);
	b->token_table = b->n;
	for (unsigned c = 0; c < 256; c++) {
		index[c] = (uint16_t)(b->n - b->token_table);
		if (c == 1) {
			memcpy(b->bytes + b->n, "sym_", 4);
			b->n += 4;
		} else if (c > ' ' && c < 0x7f) {
			b->bytes[b->n++] = (uint8_t)c;
		}
		b->bytes[b->n++] = 0;
	}
	ks_align(b, b->s.align);
	b->token_index = b->n;
	for (unsigned c = 0; c < 256; c++)
		ks_put(b, index[c], 2);
}

/* Lays out the tables for memory at @pa; addresses are @voffset above. */
static inline void ks_make(
	struct ks_build *b, const struct ks_spec *s, uint64_t pa, uint64_t voffset)
{
	b->s = *s;
	b->pa = pa;
	b->voffset = voffset;
	b->n = 0;
	if (!s->behind)
		ks_put_addresses(b);
	ks_put_names(b);
	if (!s->behind)
		ks_put_seqs(b);
	ks_put_tokens(b);
	if (s->behind) {
		ks_put_addresses(b);
		ks_put_seqs(b);
	}
}

#endif
