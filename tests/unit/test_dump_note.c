/* Notes as bytes, VMCOREINFO as text. */
#include "tests/unit/test_dump_file.h"

static const struct abi le = { 8, false };

static void dump_free(struct dump *d)
{
	vec_deinit(&d->notes);
	arena_deinit(&d->arena);
	free(d->vmcoreinfo);
	free(d->damage);
}
#define scoped_dump __attribute__((cleanup(dump_free)))

static void test_padding(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	scoped_dump struct dump d = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < 9; i++) /* every remainder of name and descriptor */
		n = note_build(&b, n, &"abcdefgh"[8 - i], (uint32_t)i, "ABCDEFGH", 8 - i);
	notes_parse(&d, b.p, n, &le);
	assert_int_equal(d.notes.n, 9);
	assert_null(d.damage);
	for (size_t i = 0; i < 9; i++) {
		assert_string_equal(d.notes.v[i].name, &"abcdefgh"[8 - i]);
		assert_int_equal(d.notes.v[i].type, i);
		assert_int_equal(d.notes.v[i].desc_size, 8 - i);
		assert_memory_equal(d.notes.v[i].desc, "ABCDEFGH", 8 - i);
	}
}

/* The last descriptor's padding may be missing; empty notes end a CPU's buffer, more may follow. */
static void test_ends(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	scoped_dump struct dump d = { 0 };
	size_t n = note_build(&b, 0, "CORE", 1, "x", 1);
	blob_grow(&b, n += 24); /* two empty notes */
	n = note_build(&b, n, "CORE", 2, "y", 1);
	notes_parse(&d, b.p, n - 3, &le);
	assert_int_equal(d.notes.n, 2);
	assert_int_equal(d.notes.v[1].type, 2);
	assert_null(d.damage);
}

static void test_unterminated_name(void **state)
{
	(void)state;
	scoped_blob struct blob b = { 0 };
	scoped_dump struct dump d = { 0 };
	blob_int(&b, 0, 4, 4);
	blob_int(&b, 4, 4, 4);
	blob_int(&b, 8, 7, 4);
	blob_put(&b, 12, "COREdesc", 8);
	notes_parse(&d, b.p, b.n, &le);
	assert_int_equal(d.notes.n, 1);
	assert_string_equal(d.notes.v[0].name, "CORE");
	assert_memory_equal(d.notes.v[0].desc, "desc", 4);
}

static void test_hostile_sizes(void **state)
{
	(void)state;
	static const uint32_t sizes[] = { 0x7fffffff, 0x80000000, 0xfffffffc, 0xfffffffd,
		0xffffffff };
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		scoped_blob struct blob b = { 0 };
		scoped_dump struct dump d = { 0 };
		size_t n = note_build(&b, 0, "CORE", 1, "ok", 2);
		size_t end = note_build(&b, n, "CORE", 1, "bad", 3);
		blob_int(&b, n + (i % 2) * 4, sizes[i / 2], 4);
		notes_parse(&d, b.p, end, &le);
		assert_int_equal(d.notes.n, 1);
		assert_non_null(d.damage);
		assert_non_null(strstr(d.damage, "byte 24 of 48"));
	}
}

static void test_vmcoreinfo_note(void **state)
{
	(void)state;
	scoped_blob struct blob b = { .be = true };
	scoped_dump struct dump d = { 0 };
	size_t n = note_build(&b, 0, "VMCOREINFO", 1, "WRONG=1", 7);
	n = note_build(&b, n, "VMCOREINFO_XEN", 0, "WRONG=2", 7);
	n = note_build(&b, n, "VMCOREINFO", 0, "RIGHT=1", 7);
	n = note_build(&b, n, "VMCOREINFO", 0, "LATER=1", 7);
	notes_parse(&d, b.p, n, &(struct abi){ 4, true });
	assert_string_equal(d.vmcoreinfo, "RIGHT=1");
}

/* Half a text would say that what the other half has is not so. */
static void test_damaged_vmcoreinfo(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t n;
		const char *kept, *damage;
	} cases[] = {
		{ "A=1\nB=2\n", 8, "A=1\nB=2\n", NULL },
		{ "A=1\r\nB=\t2", 9, "A=1\r\nB=\t2", NULL },
		{ "A=1\n\0\xff\xff", 7, "A=1\n", NULL }, /* padding may be anything */
		{ "A=1\nB=\x01", 7, NULL, "byte 6 of 7" },
		{ "A=\x80", 3, NULL, "byte 2 of 3" },
		{ "A=\x7f\n", 4, NULL, "byte 2 of 4" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scoped_blob struct blob b = { 0 };
		scoped_dump struct dump d = { 0 };
		size_t n = note_build(&b, 0, "VMCOREINFO", 0, cases[i].text, cases[i].n);
		notes_parse(&d, b.p, n, &(struct abi){ 4, false });
		if (cases[i].kept)
			assert_string_equal(d.vmcoreinfo, cases[i].kept);
		else
			assert_null(d.vmcoreinfo);
		assert_int_equal(d.damage != NULL, cases[i].damage != NULL);
		if (d.damage)
			assert_non_null(strstr(d.damage, cases[i].damage));
	}
}

static const char text[] = "OSRELEASE=6.1.0-18-arm64\n"
			   "PAGESIZE=4096\n"
			   "SYMBOL(init_uts_ns)=ffffd1b7c2a0e380\n"
			   "SYMBOL(node)=10\n"
			   "OFFSET(list_head.next)=0\n"
			   "SIZE(x)=10\n"
			   "NUMBER(neg)=-1\n"
			   "NUMBER(lowest)=-9223372036854775808\n"
			   "NUMBER(too_low)=-9223372036854775809\n"
			   "NUMBER(kimage_voffset)=0xffffd1b779e00000\n"
			   "NUMBER(most)=18446744073709551615\n"
			   "NUMBER(too_much)=18446744073709551616\n"
			   "NUMBER(junk)=12x\n"
			   "EMPTY=\n"
			   "KERNELOFFSET=51b7b9e00000\n"
			   "KEY=with=equals\n"
			   "CRASHTIME=1700000000";

static void test_find(void **state)
{
	(void)state;
	static const struct {
		const char *key, *value;
	} cases[] = {
		{ "OSRELEASE", "6.1.0-18-arm64" },
		{ "CRASHTIME", "1700000000" },
		{ "EMPTY", "" },
		{ "KEY", "with=equals" },
		{ "SYMBOL(init_uts_ns)", "ffffd1b7c2a0e380" },
		{ "OSREL", NULL },
		{ "RELEASE", NULL },
		{ "", NULL },
		{ "SYMBOL(init_uts_n", NULL },
		{ "4096", NULL },
		{ "CRASHTIME=1700000000", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *got = NULL;
		bool found = vmcoreinfo_find(text, cases[i].key, &got);
		assert_int_equal(found, cases[i].value != NULL);
		if (found)
			assert_string_equal(got, cases[i].value);
		free(got);
	}
	char *untouched = NULL;
	assert_false(vmcoreinfo_find(NULL, "OSRELEASE", &untouched));
	assert_false(vmcoreinfo_find("", "OSRELEASE", &untouched));
	assert_false(vmcoreinfo_find("\n\n", "", &untouched));
	assert_null(untouched);
}

static void test_number(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		uint64_t value;
	} good[] = {
		{ "PAGESIZE", 4096 },
		{ "SYMBOL(init_uts_ns)", 0xffffd1b7c2a0e380 },
		{ "SYMBOL(node)", 0x10 }, /* bare hex, though it looks decimal */
		{ "SIZE(x)", 10 },
		{ "OFFSET(list_head.next)", 0 },
		{ "NUMBER(neg)", UINT64_MAX },
		{ "NUMBER(lowest)", (uint64_t)1 << 63 },
		{ "NUMBER(kimage_voffset)", 0xffffd1b779e00000 },
		{ "NUMBER(most)", UINT64_MAX },
		{ "KERNELOFFSET", 0x51b7b9e00000 },
		{ "CRASHTIME", 1700000000 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t v = 0x1234;
		assert_true(vmcoreinfo_number(text, good[i].key, &v));
		assert_int_equal(v, good[i].value);
	}
	static const char *const bad[] = { "OSRELEASE", "EMPTY", "NUMBER(junk)", "NUMBER(too_much)",
		"NUMBER(too_low)", "ABSENT" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t v = 0x1234;
		assert_false(vmcoreinfo_number(text, bad[i], &v));
		assert_int_equal(v, 0x1234);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_unterminated_name),
		cmocka_unit_test(test_hostile_sizes),
		cmocka_unit_test(test_vmcoreinfo_note),
		cmocka_unit_test(test_damaged_vmcoreinfo),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
