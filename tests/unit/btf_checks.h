/* What tests over hand-made BTF share; after cmocka.h. */
#ifndef TESTS_UNIT_BTF_CHECKS_H
#define TESTS_UNIT_BTF_CHECKS_H

#include "analyzer/base/near.h"
#include "analyzer/debug/type.h"
#include "tests/unit/tiny_btf.h"

enum { TINY_ROOM = 16384 };

static inline struct types *tiny_btf_open(const struct tiny_btf *b, uint8_t *bytes)
{
	struct abi abi = { .word_bytes = 8, .big_endian = b->big_endian };
	struct types *db = types_create(&abi);
	size_t n = tiny_btf_finish(b, bytes);
	struct err *e = types_add_btf(db, bytes, n, "tiny");
	if (e)
		print_error("%s\n", e->msg);
	assert_null(e);
	return db;
}

static inline const struct type *find(struct types *db, enum type_kind kind, const char *name)
{
	const struct type *t = NULL;
	struct err *e = types_find(db, kind, name, NULL, &t);
	if (e)
		print_error("%s\n", e->msg);
	assert_null(e);
	return t;
}

static inline void assert_absent(struct types *db, enum type_kind kind, const char *name)
{
	const struct type *t;
	scoped_err struct err *e = types_find(db, kind, name, NULL, &t);
	assert_non_null(e);
	assert_int_equal(e->code, ERR_NOT_FOUND);
}

static inline void assert_text(const struct type *t, const char *name, const char *wanted)
{
	scoped_strbuf struct strbuf b = { 0 };
	type_declare(t, name, &b);
	assert_string_equal(strbuf_text(&b), wanted);
}

static inline void assert_field(struct types *db, const struct type *t, const char *path,
	const char *declared, uint64_t bit_offset, uint32_t bit_size)
{
	struct field_ref f;
	struct err *e = type_field(db, t, path, &f);
	if (e)
		print_error("%s\n", e->msg);
	assert_null(e);
	assert_text(f.type, NULL, declared);
	assert_int_equal(f.bit_offset, bit_offset);
	assert_int_equal(f.bit_size, bit_size);
}

#endif
