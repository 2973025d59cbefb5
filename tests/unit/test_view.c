/*
 * Views over structs of this very program (its own debug information), read through a fake address
 * space; big-endian and bitfield decoding with bytes written by hand.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/debug/types_internal.h"
#include "analyzer/debug/view.h"
#include "tests/unit/fake_vspace.h"

enum guest_state { GUEST_LEFT = -2, GUEST_HERE = 1 };

struct guest {
	int pid;
	signed char nice;
	unsigned char prio;
	unsigned int flags : 5, deep : 9;
	int delta : 6;
	enum guest_state state;
	char comm[16];
	struct {
		unsigned long long vruntime;
	} se;
	char gap[2000];
	struct guest *parent;
	_Bool on;
	unsigned long long wide : 61;
	unsigned short tail[];
};

struct guest_list {
	struct guest first;
};

struct ours {
	uint64_t va;
	int64_t pid;
	int16_t nice;
	uint8_t prio;
	uint32_t flags, deep;
	int32_t delta, state;
	char comm[8];
	char comm_long[24];
	uint64_t vruntime, parent, tail_va;
	uint8_t on;
	uint64_t wide;
	uint64_t absent;
	uint16_t tail[2];
};

static const struct view_field fields[] = {
	FIELD(struct ours, pid, "pid"),
	FIELD(struct ours, nice, "nice"),
	FIELD(struct ours, prio, "__prio", "prio"),
	FIELD(struct ours, flags, "flags"),
	FIELD(struct ours, deep, "deep"),
	FIELD(struct ours, delta, "delta"),
	FIELD_OPTIONAL(struct ours, state, "__state", "state"),
	FIELD_BYTES(struct ours, comm, "comm"),
	FIELD_BYTES(struct ours, comm_long, "comm"),
	FIELD(struct ours, vruntime, "se.vruntime"),
	FIELD(struct ours, parent, "parent"),
	FIELD_ADDRESS(struct ours, tail_va, "tail"),
	FIELD(struct ours, on, "on"),
	FIELD(struct ours, wide, "wide"),
	FIELD_OPTIONAL(struct ours, absent, "pid.nothing", "nothing"),
	FIELD_BYTES(struct ours, tail, "tail"),
};
enum { F_STATE = 6, F_TAIL_VA = 11, F_ABSENT = 14 };

static const struct view_spec spec = { .type = "guest_renamed",
	.type_old = "guest",
	.hint = "tests/unit/test_view.c",
	.fields = fields,
	.nfields = ARRAY_SIZE(fields) };

static struct types *db;
/* Keeps struct guest_list in the debug information. */
struct guest_list keep_guest_list;

static int open_self(void **state)
{
	(void)state;
	struct abi abi = { .word_bytes = sizeof(void *) };
	db = types_create(&abi);
	struct err *e = types_add_dwarf(db, open("/proc/self/exe", O_RDONLY), "self");
	return e ? -1 : 0;
}

static int close_self(void **state)
{
	(void)state;
	types_destroy(db);
	return 0;
}

static union {
	struct guest g;
	uint8_t bytes[sizeof(struct guest) + 4];
} object;

static struct vspace space_of(const void *p, size_t n)
{
	return (struct vspace){ .facts.abi = { .word_bytes = 8 },
		.nregions = 1,
		.region = { { 0xffff000000001000ull, n, p } } };
}

static void fill_object(void)
{
	memset(&object, 0xff, sizeof(object));
	object.g.pid = -7;
	object.g.nice = -20;
	object.g.prio = 250;
	object.g.flags = 21;
	object.g.deep = 300;
	object.g.delta = -9;
	object.g.state = GUEST_LEFT;
	memcpy(object.g.comm, "kworker/0:1-evt", 16);
	object.g.se.vruntime = 0x1122334455667788ull;
	object.g.parent = (struct guest *)0xffff000012345678ull;
	object.g.on = 1;
	object.g.wide = 0x1abbccddeeff0011ull;
	uint16_t tail[2] = { 0x1234, 0x5678 };
	memcpy(object.bytes + offsetof(struct guest, tail), tail, sizeof(tail));
}

static void reads_every_kind(void **state)
{
	(void)state;
	struct view *v;
	assert_null(view_bind(db, &spec, &v));
	fill_object();
	struct vspace vs = space_of(&object, sizeof(object));
	struct ours o = { .va = 99 };
	assert_null(view_read(v, &vs, 0xffff000000001000ull, &o));
	assert_int_equal(o.va, 99); /* not a field: untouched */
	assert_int_equal(o.pid, -7);
	assert_int_equal(o.nice, -20);
	assert_int_equal(o.prio, 250);
	assert_int_equal(o.flags, 21);
	assert_int_equal(o.deep, 300);
	assert_int_equal(o.delta, -9);
	assert_int_equal(o.state, GUEST_LEFT);
	assert_memory_equal(o.comm, "kworker/", 8);
	assert_memory_equal(o.comm_long, "kworker/0:1-evt\0\0\0\0\0\0\0\0\0", 24);
	assert_true(o.vruntime == 0x1122334455667788ull);
	assert_true(o.parent == 0xffff000012345678ull);
	assert_true(o.tail_va == 0xffff000000001000ull + offsetof(struct guest, tail));
	assert_int_equal(o.on, 1);
	assert_true(o.wide == 0x1abbccddeeff0011ull);
	assert_int_equal(o.absent, 0);
	assert_int_equal(o.tail[1], 0x5678);
	assert_int_equal(view_size(v), sizeof(struct guest));
	assert_true(view_has(v, F_STATE));
	assert_false(view_has(v, F_ABSENT));
	assert_false(view_has(v, 1000));
	assert_int_equal(view_offset(v, F_TAIL_VA), offsetof(struct guest, tail));
	assert_int_equal(view_offset(v, F_ABSENT), 0);
	assert_int_equal(vs.reads, 2); /* the 2000 bytes between are not wanted */
	view_destroy(v);
}

static void faults_leave_ours_alone(void **state)
{
	(void)state;
	struct view *v;
	assert_null(view_bind(db, &spec, &v));
	fill_object();
	struct vspace vs = space_of(&object, offsetof(struct guest, parent)); /* cut */
	struct ours o, before;
	memset(&o, 0x5a, sizeof(o));
	before = o;
	assert_false(view_try_read(v, &vs, 0xffff000000001000ull, &o));
	assert_memory_equal(&o, &before, sizeof(o));
	struct err *e = view_read(v, &vs, 0xffff000000001000ull, &o);
	assert_int_equal(e->code, ERR_FAULT);
	assert_int_equal(e->fault, FAULT_UNMAPPED);
	assert_true(e->addr == 0xffff000000001000ull + offsetof(struct guest, parent));
	err_drop(e);
	view_destroy(v);
}

static void expect_missing(const struct view_spec *s, const char *word)
{
	struct view *v = (struct view *)1;
	struct err *e = view_bind(db, s, &v);
	assert_non_null(e);
	assert_int_equal(e->code, ERR_MISSING);
	if (!strstr(e->msg, word))
		fail_msg("\"%s\" lacks \"%s\"", e->msg, word);
	assert_ptr_equal(v, (struct view *)1);
	err_drop(e);
}

static void what_is_missing_is_named(void **state)
{
	(void)state;
	static const struct view_field lost[] = { FIELD(struct ours, pid, "tgid", "tgid_old") };
	static const struct view_field whole[] = { FIELD(struct ours, pid, "se") };
	expect_missing(&(struct view_spec){ .type = "nobody", .fields = fields }, "nobody");
	expect_missing(
		&(struct view_spec){ .type = "guest", .fields = lost, .nfields = 1 }, "tgid");
	expect_missing(
		&(struct view_spec){ .type = "guest", .fields = whole, .nfields = 1 }, "no number");
	expect_missing(&(struct view_spec){ .type = "union guest", .fields = fields }, "guest");
}

static void bits_of_both_byte_orders(void **state)
{
	(void)state;
	static const uint8_t b[9] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x81 };
	const struct abi le = { 8, false }, be = { 8, true };
	assert_int_equal(scalar_decode(&le, b, 2, 0, 0, false), 0x3412);
	assert_int_equal(scalar_decode(&be, b, 2, 0, 0, false), 0x1234);
	/* Little-endian counts from the low bit of 0x3412, big-endian from the high bit of 0x1234.
	 */
	assert_int_equal(scalar_decode(&le, b, 4, 4, 8, false), 0x41);
	assert_int_equal(scalar_decode(&be, b, 4, 4, 8, false), 0x23);
	assert_int_equal(scalar_decode(&be, b + 4, 4, 0, 1, false), 1);
	assert_int_equal(scalar_decode(&le, b + 4, 4, 0, 1, false), 0);
	assert_int_equal((int64_t)scalar_decode(&be, b + 4, 4, 0, 4, true), -7); /* 0b1001 */
	assert_int_equal((int64_t)scalar_decode(&le, b + 4, 4, 4, 4, true), -7);
	/* 61 bits from bit 7 touch nine bytes. */
	unsigned __int128 wide = 0;
	for (int i = 8; i >= 0; i--)
		wide = wide << 8 | b[i];
	assert_true(scalar_decode(&le, b, 8, 7, 61, false) ==
		    (uint64_t)(wide >> 7 & ((1ull << 61) - 1)));
	assert_int_equal(scalar_decode(&le, b, 8, 0, 64, false), 0xf0debc9a78563412ull);
	assert_int_equal((int64_t)scalar_decode(&le, b + 8, 1, 0, 0, true), -127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_kind),
		cmocka_unit_test(faults_leave_ours_alone),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(bits_of_both_byte_orders),
	};
	return cmocka_run_group_tests(tests, open_self, close_self);
}
