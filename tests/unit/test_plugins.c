/* The walkers' and commands' registry as plugins use it, and ramoops' reading of hand-made zones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plugins/ramoops.c"
#include "plugins/ramoops/zone.c"

#include "analyzer/shell/registry.h"

static void put_u32(const struct abi *abi, uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[abi->big_endian ? 3 - i : i] = (uint8_t)(v >> (8 * i));
}

static void make_zone(const struct abi *abi, uint8_t *p, uint32_t signature, uint32_t start,
	uint32_t size, const char *data)
{
	put_u32(abi, p, signature);
	put_u32(abi, p + 4, start);
	put_u32(abi, p + 8, size);
	memcpy(p + ZONE_HEADER, data, strlen(data));
}

static void check_zone(uint32_t signature, uint32_t start, uint32_t size, bool any,
	enum zone_state want, const char *text)
{
	for (int big = 0; big < 2; big++) {
		const struct abi abi = { .word_bytes = 4, .big_endian = big };
		uint8_t zone[ZONE_HEADER + 8], out[sizeof(zone)];
		size_t n = 99;
		make_zone(&abi, zone, signature, start, size, "abcdefgh");
		assert_int_equal(zone_unroll(&abi, zone, sizeof(zone), any, out, &n), want);
		assert_int_equal(n, strlen(text));
		assert_memory_equal(out, text, n);
	}
}

static void zones(void **state)
{
	(void)state;
	check_zone(SIGNATURE, 8, 8, false, ZONE_GOOD, "abcdefgh");
	check_zone(SIGNATURE, 3, 8, false, ZONE_GOOD, "defghabc");
	check_zone(SIGNATURE, 0, 8, false, ZONE_GOOD, "abcdefgh");
	check_zone(SIGNATURE, 5, 5, false, ZONE_GOOD, "abcde");
	check_zone(SIGNATURE, 0, 0, false, ZONE_EMPTY, "");
	check_zone(SIGNATURE, 1, 0, false, ZONE_DAMAGED, "");
	check_zone(SIGNATURE, 0, 9, false, ZONE_DAMAGED, "");
	check_zone(SIGNATURE, 6, 5, false, ZONE_DAMAGED, "");
	check_zone(SIGNATURE, UINT32_MAX, UINT32_MAX, false, ZONE_DAMAGED, "");
	check_zone(SIGNATURE ^ 0x060112, 8, 8, false, ZONE_NOT_ONE, "");
	check_zone(SIGNATURE ^ 0x060112, 8, 8, true, ZONE_GOOD, "abcdefgh");
	check_zone(SIGNATURE ^ 0x01000000, 8, 8, true, ZONE_NOT_ONE, "");
	uint8_t cut[ZONE_HEADER - 1] = { 0 }, out[1];
	size_t n;
	assert_int_equal(
		zone_unroll(&(struct abi){ .word_bytes = 4 }, cut, sizeof(cut), false, out, &n),
		ZONE_DAMAGED);
}

static void check_header(
	const char *text, bool there, bool compressed, uint64_t s, uint64_t us, size_t n)
{
	struct record_header h = record_header_parse((const uint8_t *)text, strlen(text));
	assert_int_equal(h.there, there);
	if (!there)
		return;
	assert_int_equal(h.compressed, compressed);
	assert_int_equal(h.seconds, s);
	assert_int_equal(h.microseconds, us);
	assert_int_equal(h.bytes, n);
}

static void headers(void **state)
{
	(void)state;
	check_header("====1700000000.123456-C\nrest", true, true, 1700000000, 123456, 24);
	check_header("====1.000007-D\n", true, false, 1, 7, 15);
	check_header("====1.5\nrest", true, false, 1, 5, 8);
	check_header("====1.5", false, false, 0, 0, 0);
	check_header("====1.5-X\n", false, false, 0, 0, 0);
	check_header("====1.5-", false, false, 0, 0, 0);
	check_header("====.5-C\n", false, false, 0, 0, 0);
	check_header("====99999999999999999999999.5-C\n", false, false, 0, 0, 0);
	check_header("===1.5-C\n", false, false, 0, 0, 0);
	check_header("", false, false, 0, 0, 0);
}

static void inflating(void **state)
{
	(void)state;
	/* "hello hello hello\n", raw deflate, a window of 2 KB. */
	static const uint8_t packed[] = { 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90,
		0x5c, 0x00 };
	scoped_strbuf struct strbuf b = { 0 };
	assert_null(record_inflate(packed, sizeof(packed), &b));
	assert_string_equal(strbuf_text(&b), "hello hello hello\n");
	strbuf_reset(&b);
	struct err *err = record_inflate(packed, 6, &b);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_FORMAT);
	assert_string_equal(strbuf_text(&b), "hello");
	err_drop(err);
	err = record_inflate((const uint8_t *)"\xff\xff\xff", 3, &b);
	assert_non_null(err);
	err_drop(err);
	err = record_inflate(packed, 0, &b);
	assert_non_null(err);
	err_drop(err);
}

static void bomb(void **state)
{
	(void)state;
	enum { PLAIN = TEXT_MAX + (1 << 20), ROOM = 1 << 20 };
	uint8_t *plain = calloc(1, PLAIN), *packed = malloc(ROOM);
	z_stream z = { .next_in = plain, .avail_in = PLAIN, .next_out = packed, .avail_out = ROOM };
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -11, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = record_inflate(packed, z.total_out, &b);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_LIMIT);
	assert_true(b.len < TEXT_MAX + 8192);
	err_drop(err);
	deflateEnd(&z);
	free(plain);
	free(packed);
}

static void regions(void **state)
{
	(void)state;
	static const struct {
		struct region r;
		bool good;
	} cases[] = {
		{ { 0x1000, 0x10000, 0x1000, 0x1000, 0x1000, 0x1000, 1, "" }, true },
		{ { 0x1000, 0x3000, 0x1000, 0x1000, 0x1000, 0x1000, 1, "" }, true },
		{ { 0x1000, 0x2fff, 0x1000, 0x1000, 0x1000, 0x1000, 1, "" }, false },
		{ { 0x1000, 0x10000, 0, UINT64_MAX, 2, 0, 1, "" }, false },
		{ { 0x1000, 0x10000, 0, 0x8000, UINT64_MAX - 0x7fff, 0, 1, "" }, false },
		{ { 0x1000, 0, 0, 0, 0, 0, 1, "" }, false },
		{ { UINT64_MAX - 10, 0x1000, 0, 0, 0, 0, 1, "" }, false },
		{ { 0, REGION_MAX + 1ull, 0, 0, 0, 0, 1, "" }, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err *err = region_check(&cases[i].r);
		assert_int_equal(!err, cases[i].good);
		err_drop(err);
	}
}

static void rounding(void **state)
{
	(void)state;
	static const uint64_t cases[][2] = { { 0, 0 }, { 1, 1 }, { 3, 2 }, { 4096, 4096 },
		{ 5000, 4096 }, { 0xffffffff, 0x80000000 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(power_of_two(cases[i][0]), cases[i][1]);
}

static void traces(void **state)
{
	(void)state;
	static const uint8_t p[] = { 1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 1 };
	struct trace_entry e = trace_entry_parse(&(struct abi){ .word_bytes = 4 }, p);
	assert_int_equal(trace_entry_bytes(&(struct abi){ .word_bytes = 4 }), 16);
	assert_int_equal(e.ip, 0x201);
	assert_int_equal(e.parent, 0x403);
	assert_int_equal(e.cpu, 5);
	assert_int_equal(e.time, 0x706);
	e = trace_entry_parse(&(struct abi){ .word_bytes = 8 }, p);
	assert_int_equal(trace_entry_bytes(&(struct abi){ .word_bytes = 8 }), 24);
	assert_int_equal(e.ip, 0x0000040300000201);
	assert_int_equal(e.cpu, 0);
	assert_int_equal(e.time, 0x1000000000000);
}

static void registering(void **state)
{
	(void)state;
	static const struct walker a = { .name = "a" }, b = { .name = "b" },
				   other = { .name = "a" };
	static const struct command one = { .name = "one", .alias = "uno" },
				    two = { .name = "two" };
	struct registry r = { 0 };
	const struct walker *k;
	assert_null(registry_add_walker(&r, &a));
	assert_null(registry_add_walker(&r, &b));
	struct err *err = registry_add_walker(&r, &other);
	assert_non_null(err);
	err_drop(err);
	assert_null(registry_find_walker(&r, "a", &k));
	assert_ptr_equal(k, &a);
	registry_remove_walker(&r, &other); /* is not in it */
	assert_int_equal(r.walkers.n, 2);
	registry_remove_walker(&r, &a);
	assert_int_equal(r.walkers.n, 1);
	err = registry_find_walker(&r, "a", &k);
	assert_non_null(err);
	err_drop(err);
	assert_null(registry_find_walker(&r, "b", &k));
	assert_null(registry_add_walker(&r, &other));
	assert_null(registry_add(&r, &one));
	assert_null(registry_add(&r, &two));
	registry_remove(&r, &one);
	assert_false(registry_has(&r, "one"));
	assert_false(registry_has(&r, "uno"));
	assert_true(registry_has(&r, "two"));
	registry_deinit(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones),
		cmocka_unit_test(headers),
		cmocka_unit_test(inflating),
		cmocka_unit_test(bomb),
		cmocka_unit_test(regions),
		cmocka_unit_test(rounding),
		cmocka_unit_test(traces),
		cmocka_unit_test(registering),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
