/*
 * Several providers behind one database: hand-made BTF beside the DWARF of this very program, and
 * the table of known globals where neither knows a variable.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/known_globals.h"
#include "analyzer/debug/lines.h"
#include "analyzer/debug/types_internal.h"
#include "tests/unit/btf_checks.h"

/* In DWARF; demo_twin and demo_other are in the BTF below as well. */
struct demo_twin {
	int first;
	long second;
};
struct demo_other {
	char here[24];
};
typedef int (*demo_call)(struct demo_twin *, int);
struct demo_twin demo_twin_variable;
struct demo_other demo_other_variable;
demo_call demo_call_variable;

static struct types *open_both(struct tiny_btf *b, uint8_t *bytes)
{
	tiny_int(b, "int", 4, 1, 32);
	tiny_int(b, "long int", 8, 1, 64);
	tiny_type(b, BTF_STRUCT, "demo_twin", 2, 16);
	tiny_member(b, "first", 1, 0);
	tiny_member(b, "second", 2, 64);
	tiny_type(b, BTF_STRUCT, "demo_other", 1, 8); /* not the size that DWARF says */
	tiny_member(b, "there", 2, 0);
	tiny_type(b, BTF_PTR, "", 0, 3);
	tiny_type(b, BTF_FUNC_PROTO, "", 2, 1);
	tiny_u32(b, 0);
	tiny_u32(b, 5);
	tiny_u32(b, 0);
	tiny_u32(b, 1);
	tiny_type(b, BTF_PTR, "", 0, 6);
	tiny_type(b, BTF_TYPEDEF, "demo_call", 0, 7);
	struct abi abi = { .word_bytes = 8 };
	struct types *db = types_create(&abi);
	/* in the wrong order: BTF is asked first all the same */
	assert_null(types_add_dwarf(db, open("/proc/self/exe", O_RDONLY), "self"));
	assert_null(types_add_btf(db, bytes, tiny_btf_finish(b, bytes), "tiny"));
	return db;
}

static const char *dwarf_state(struct types *db)
{
	static struct types_provider_info info[4];
	assert_int_equal(types_providers(db, info, 4), 2);
	assert_string_equal(info[0].name, "BTF");
	assert_int_equal(strncmp(info[1].name, "DWARF", 5), 0);
	return info[1].state;
}

static void dwarf_is_asked_last(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	struct tiny_btf b = { 0 };
	struct types *db = open_both(&b, bytes);
	const struct type *t, *v;
	const char *file;
	int line;
	assert_int_equal(strncmp(types_source(db), "BTF + DWARF", 11), 0);
	t = find(db, TYPE_STRUCT, "demo_twin");
	assert_absent(db, TYPE_STRUCT, "tiny_btf"); /* DWARF has it, the whole BTF does not */
	assert_string_equal(dwarf_state(db), "not opened yet");
	assert_null(types_find_variable(db, "demo_twin_variable", "test_types_providers.c", &v));
	assert_non_null(strstr(dwarf_state(db), "compile unit"));
	assert_ptr_equal(v, t);
	assert_null(type_complete(db, v));
	assert_int_equal(v->nmembers, 2);
	assert_absent(db, TYPE_STRUCT, "tiny_btf");
	assert_null(types_search(db, TYPE_STRUCT, "tiny_btf", &t)); /* a person insists */
	/* of two sizes: two types, each with its own members */
	t = find(db, TYPE_STRUCT, "demo_other");
	assert_field(db, t, "there", "long int", 0, 0);
	assert_null(types_find_variable(db, "demo_other_variable", NULL, &v));
	assert_ptr_not_equal(v, t);
	assert_field(db, v, "here", "char [24]", 0, 0);
	assert_field(db, t, "there", "long int", 0, 0);
	/* functions and what is made of them */
	assert_null(types_find_variable(db, "demo_call_variable", NULL, &v));
	assert_ptr_equal(v, find(db, TYPE_TYPEDEF, "demo_call"));
	assert_false(types_source_line(db, 1, &file, &line));
	types_destroy(db);
}

/* DWARF's types come first here; BTF's become the same objects. */
static void dwarf_types_first(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	struct tiny_btf b = { 0 };
	struct types *db = open_both(&b, bytes);
	const struct type *v;
	assert_null(types_find_variable(db, "demo_twin_variable", "test_types_providers.c", &v));
	assert_null(type_complete(db, v));
	assert_ptr_equal(v, find(db, TYPE_STRUCT, "demo_twin"));
	assert_null(types_find_variable(db, "demo_call_variable", NULL, &v));
	assert_ptr_equal(v, find(db, TYPE_TYPEDEF, "demo_call"));
	types_destroy(db);
}

/* Two structs of a name: each is its own; which one is meant a hint and DWARF tell. */
static void two_of_a_name(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	struct tiny_btf b = { 0 };
	tiny_type(&b, BTF_STRUCT, "demo_other", 1, 24);
	tiny_member(&b, "mine", 4, 0);
	tiny_type(&b, BTF_STRUCT, "demo_other", 1, 24);
	tiny_member(&b, "yours", 4, 0);
	tiny_type(&b, BTF_STRUCT, "holder", 2, 48);
	tiny_member(&b, "a", 1, 0);
	tiny_member(&b, "b", 2, 192);
	tiny_int(&b, "char", 1, 0, 8);
	struct abi abi = { .word_bytes = 8 };
	struct types *db = types_create(&abi);
	assert_null(types_add_btf(db, bytes, tiny_btf_finish(&b, bytes), "tiny"));
	const struct type *t;
	assert_null(types_find(db, TYPE_STRUCT, "demo_other", "test_types_providers.c", &t));
	assert_field(db, t, "mine", "char", 0, 0); /* the first, for want of better */
	assert_field(db, find(db, TYPE_STRUCT, "holder"), "b.yours", "char", 192, 0);
	assert_null(types_add_dwarf(db, open("/proc/self/exe", O_RDONLY), "self"));
	assert_null(types_find(db, TYPE_STRUCT, "demo_other", NULL, &t));
	assert_field(db, t, "mine", "char", 0, 0);
	assert_null(types_find(db, TYPE_STRUCT, "demo_other", "test_types_providers.c", &t));
	assert_field(db, t, "here", "char [24]", 0, 0);
	types_destroy(db);
}

/* Typedefs of anonymous structs: the line of declaration tells two of a name apart, and makes
 * copies of one the same; a provider that knows no lines takes what is there. */
static void typedefs_by_line(void **state)
{
	(void)state;
	struct types *db = types_create(&(struct abi){ .word_bytes = 8 });
	struct type body[3], def = { .kind = TYPE_TYPEDEF, .name = "pair_t", .complete = true };
	for (size_t i = 0; i < 3; i++)
		body[i] = (struct type){ .kind = TYPE_STRUCT, .size = 8, .complete = true };
	def.size = 8;
	const struct type *first, *t;
	def.target = types_new(db, &body[0]);
	first = types_intern(db, &def, 10);
	def.target = types_new(db, &body[1]);
	assert_ptr_equal(types_intern(db, &def, 10), first);
	def.target = types_new(db, &body[2]);
	t = types_intern(db, &def, 11);
	assert_ptr_not_equal(t, first);
	assert_ptr_equal(t->target, def.target);
	assert_ptr_equal(types_intern(db, &def, 11), t);
	def.target = first->target;
	assert_ptr_equal(types_intern(db, &def, 10), first);
	assert_ptr_equal(types_intern(db, &def, 0), first);
	types_destroy(db);
}

/* ---- known globals ----------------------------------------------- */

static void known_globals(void **state)
{
	(void)state;
	uint8_t bytes[TINY_ROOM];
	struct tiny_btf b = { 0 };
	const struct type *t;
	tiny_int(&b, "unsigned int", 4, 0, 32);
	tiny_type(&b, BTF_STRUCT, "task_struct", 0, 640);
	tiny_type(&b, BTF_STRUCT, "xarray", 0, 16);
	struct types *db = tiny_btf_open(&b, bytes);
	assert_null(types_find_variable(db, "init_task", NULL, &t));
	assert_ptr_equal(t, find(db, TYPE_STRUCT, "task_struct"));
	assert_null(types_find_variable(db, "irq_desc_tree", NULL, &t)); /* the first that exists */
	assert_ptr_equal(t, find(db, TYPE_STRUCT, "xarray"));
	assert_null(types_find_variable(db, "jiffies", NULL, &t));
	assert_text(t, NULL, "volatile long unsigned int");
	struct err *e = types_find_variable(db, "init_mm", NULL, &t); /* no struct mm_struct here */
	assert_int_equal(e->code, ERR_NOT_FOUND);
	err_drop(e);
	types_destroy(db);
}

static void known_globals_in_order(void **state)
{
	(void)state;
	const char *types, *last = "", *name;
	size_t n = 0;
	for (; (name = known_global_name(n, &types)); n++) {
		assert_true(strcmp(last, name) < 0);
		assert_true(*types);
		last = name;
	}
	assert_true(n >= 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dwarf_is_asked_last),
		cmocka_unit_test(dwarf_types_first),
		cmocka_unit_test(two_of_a_name),
		cmocka_unit_test(typedefs_by_line),
		cmocka_unit_test(known_globals),
		cmocka_unit_test(known_globals_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
