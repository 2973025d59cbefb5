/* What opening a dump rests on: the pass over memory, vendors' blocks, device trees, types by
 * VMCOREINFO, and facts that a person states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/type.h"
#include "analyzer/target/fdt.h"
#include "analyzer/target/kinfo.h"
#include "analyzer/target/overrides.h"
#include "analyzer/target/scan.h"
#include "analyzer/target/vmcoreinfo_btf.h"
#include "tests/unit/fake_memory.h"

enum { RAM = 0x40000000, RAM_BYTES = 16 * FAKE_PAGE };

static const char digits[20] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";

static void start(struct dump *d)
{
	*d = (struct dump){ 0 };
	d->extent = (struct dump_extent){ { RAM }, RAM_BYTES };
	d->info.extent = &d->extent;
	d->info.nextents = 1;
}

static void put(struct dump *d, uint64_t pa, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*fake_at(d, pa + i) = ((const uint8_t *)p)[i];
}

/* All hits of @mark are @want, in this order; once in one pass, once more from what was kept. */
static void expect_hits(struct scan *s, enum scan_mark mark, const uint64_t *want, size_t n)
{
	struct paddr pa;
	bool found;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < n; i++) {
			assert_null(scan_find(s, mark, i, &found, &pa));
			assert_true(found);
			assert_int_equal(pa.v, want[i]);
		}
		assert_null(scan_find(s, mark, n, &found, &pa));
		assert_false(found);
		assert_true(scan_finished(s));
	}
}

/* The row of digits at every distance from a page's end: within, across, behind; the fake memory
 * gives each page as a run of its own. */
static void scan_meets_seams(void **state)
{
	(void)state;
	for (unsigned back = 0; back <= sizeof(digits) + 1; back++) {
		struct dump d;
		struct scan s;
		start(&d);
		uint64_t at = RAM + 2 * FAKE_PAGE - back;
		put(&d, RAM + FAKE_PAGE, "x", 1); /* so that there is a page before, always */
		put(&d, at, digits, sizeof(digits));
		put(&d, at + 100, "Linux version 6", 15);
		scan_init(&s, &d);
		expect_hits(&s, SCAN_DIGITS, &at, 1);
		expect_hits(&s, SCAN_BANNER, &(uint64_t){ at + 100 }, 1);
		scan_deinit(&s);
		fake_clear(&d);
	}
}

/* A page that is missing between two halves joins nothing. */
static void scan_joins_no_gap(void **state)
{
	(void)state;
	struct dump d;
	struct scan s;
	start(&d);
	put(&d, RAM + FAKE_PAGE - 10, digits, 10);
	put(&d, RAM + 2 * FAKE_PAGE, digits + 10, 10);
	scan_init(&s, &d);
	expect_hits(&s, SCAN_DIGITS, NULL, 0);
	scan_deinit(&s);
	fake_clear(&d);
}

static void scan_page_marks(void **state)
{
	(void)state;
	struct dump d;
	struct scan s;
	start(&d);
	put(&d, RAM, "OSRELEASE=6.1\n", 14);
	put(&d, RAM + FAKE_PAGE + 8, "OSRELEASE=6.1\n", 14); /* not where a page begins */
	put(&d, RAM + 2 * FAKE_PAGE, "MRDUMP08", 8);
	put(&d, RAM + 3 * FAKE_PAGE, "SPRD_SYSDUMP_119", 16);
	put(&d, RAM + 4 * FAKE_PAGE, "\xff\xdd\xee\xcc", 4);
	put(&d, RAM + 5 * FAKE_PAGE, "\xd0\x0d\xfe\xed", 4);
	put(&d, RAM + 6 * FAKE_PAGE + 0x6d0, "\xad\x4e\xad\xde", 4);
	scan_init(&s, &d);
	const enum scan_mark mark[] = { SCAN_VMCOREINFO, SCAN_MRDUMP, SCAN_SYSDUMP, SCAN_KINFO,
		SCAN_FDT, SCAN_IMEM };
	const unsigned page[] = { 0, 2, 3, 4, 5, 6 };
	for (size_t i = 0; i < ARRAY_SIZE(mark); i++) {
		uint64_t want = RAM + page[i] * FAKE_PAGE;
		expect_hits(&s, mark[i], &want, 1);
	}
	scan_move(&s, 0x1000000);
	struct paddr pa;
	assert_true(scan_seen(&s, SCAN_MRDUMP, 0, &pa));
	assert_int_equal(pa.v, RAM + 2 * FAKE_PAGE + 0x1000000);
	scan_deinit(&s);
	fake_clear(&d);
}

/* ---- debug-kinfo ----------------------------------------------- */

static void put_kinfo(struct dump *d, uint64_t pa, size_t bytes)
{
	uint32_t sum = 0;
	fake_put(d, pa, 0xcceeddff, 4);
	fake_put(d, pa + 0x0c, 90000, 4);
	fake_put(d, pa + 0x28, 0x40210000, 8);
	fake_put(d, pa + 0x7c, 0x41000000, 8);
	put(d, pa + 0x84, "6.6.30-android15", 17);
	for (size_t at = 0x1c4; at < bytes; at += 4)
		fake_put(d, pa + at, 0x100 + at, 4);
	for (size_t at = 8; at < bytes; at += 4)
		sum ^= load_u32le(fake_at(d, pa + at));
	fake_put(d, pa + 4, sum, 4);
}

/* Whatever stands behind build_info in that release. */
static void kinfo_of_any_length(void **state)
{
	(void)state;
	for (size_t bytes = 0x1c4; bytes < 0x220; bytes += 4) {
		struct dump d;
		struct kinfo k;
		start(&d);
		put_kinfo(&d, RAM, bytes);
		assert_true(kinfo_read(&d, (struct paddr){ RAM }, &k));
		assert_int_equal(k.nsyms, 90000);
		assert_int_equal(k.stext.v, 0x40210000);
		assert_int_equal(k.swapper.v, 0x41000000);
		assert_string_equal(k.release, "6.6.30-android15");
		*fake_at(&d, RAM + 0x30) ^= 1;
		assert_false(kinfo_read(&d, (struct paddr){ RAM }, &k));
		fake_clear(&d);
	}
}

/* ---- device trees ----------------------------------------------- */

struct tree {
	uint8_t b[1024];
	size_t n;
};

static void put_be32(struct tree *t, uint32_t v)
{
	for (int i = 3; i >= 0; i--)
		t->b[t->n++] = (uint8_t)(v >> 8 * i);
}

static void put_text(struct tree *t, const char *s)
{
	size_t n = strlen(s) + 1;
	memcpy(t->b + t->n, s, n);
	t->n += (n + 3) & ~(size_t)3;
}

/* Strings: "reg" 0, "#address-cells" 4, "#size-cells" 19. */
static void property(struct tree *t, uint32_t name, const uint32_t *v, size_t n)
{
	put_be32(t, 3);
	put_be32(t, (uint32_t)n * 4);
	put_be32(t, name);
	for (size_t i = 0; i < n; i++)
		put_be32(t, v[i]);
}

static void make_tree(
	struct tree *t, const char *node, uint32_t cells, const uint32_t *reg, size_t nreg)
{
	static const char strings[] = "reg\0#address-cells\0#size-cells";
	*t = (struct tree){ .n = FDT_HEADER_BYTES };
	put_be32(t, 1);
	put_text(t, "");
	property(t, 4, &cells, 1);
	property(t, 19, &cells, 1);
	put_be32(t, 1);
	put_text(t, "chosen");
	property(t, 0, (const uint32_t[]){ 0, 1, 0, 1 }, 4); /* no memory */
	put_be32(t, 2);
	put_be32(t, 1);
	put_text(t, node);
	property(t, 0, reg, nreg);
	put_be32(t, 2);
	put_be32(t, 2);
	put_be32(t, 9);
	size_t nstruct = t->n - FDT_HEADER_BYTES, at = t->n;
	memcpy(t->b + at, strings, sizeof(strings));
	const uint32_t head[] = { 0xd00dfeed, (uint32_t)(at + sizeof(strings)), FDT_HEADER_BYTES,
		(uint32_t)at, 0, 17, 16, 0, sizeof(strings), (uint32_t)nstruct };
	t->n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		put_be32(t, head[i]);
	t->n = at + sizeof(strings);
}

static void tree_says_where_memory_begins(void **state)
{
	(void)state;
	struct tree t;
	uint64_t start_pa = 0;
	make_tree(&t, "memory@80000000", 2,
		(const uint32_t[]){
			8, 0x80000000, 0, 0x1000, 0, 0x80000000, 0, 0x1000, 0, 0, 0, 0 },
		12);
	assert_true(fdt_memory_start(t.b, t.n, &start_pa));
	assert_int_equal(start_pa, 0x80000000); /* the lowest; a bank of no bytes does not count */
	make_tree(&t, "memory", 1, (const uint32_t[]){ 0x60000000, 0x1000 }, 2);
	assert_true(fdt_memory_start(t.b, t.n, &start_pa));
	assert_int_equal(start_pa, 0x60000000);
	assert_false(fdt_memory_start(t.b, t.n - 1, &start_pa)); /* cut */
	make_tree(&t, "memory-controller@1", 1, (const uint32_t[]){ 0x60000000, 0x1000 }, 2);
	assert_false(fdt_memory_start(t.b, t.n, &start_pa));
}

/* ---- types by VMCOREINFO ----------------------------------------------- */

static const char vmcoreinfo_6_1_arm[] =
	"OSRELEASE=6.1\nOFFSET(uts_namespace.name)=0\n"
	"SIZE(printk_ringbuffer)=44\nOFFSET(printk_ringbuffer.desc_ring)=0\n"
	"OFFSET(printk_ringbuffer.text_data_ring)=24\nSIZE(prb_desc_ring)=24\n"
	"OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.tail_id)=16\n"
	"SIZE(printk_info)=88\nOFFSET(printk_info.seq)=0\nOFFSET(printk_info.text_len)=16\n"
	"OFFSET(printk_info.caller_id)=20\nSIZE(prb_data_ring)=16\nOFFSET(prb_data_ring.data)=4\n"
	"SIZE(atomic_long_t)=4\nOFFSET(atomic_long_t.counter)=0\n";

static uint64_t offset_bits(
	struct types *db, const char *type, const char *member, unsigned *ret_bits)
{
	const struct type *t;
	struct field_ref f;
	assert_null(types_find(db, TYPE_STRUCT, type, NULL, &t));
	assert_null(type_field(db, t, member, &f));
	*ret_bits = f.bit_size ? f.bit_size : (unsigned)f.type->size * 8;
	return f.bit_offset;
}

static void types_by_vmcoreinfo(void **state)
{
	(void)state;
	for (unsigned big = 0; big < 2; big++) {
		const struct abi abi = { .word_bytes = 4, .big_endian = big };
		const struct timekeeper_place tk = { "shadow_timekeeper", 112 };
		const struct {
			const char *type, *member;
			uint64_t at;
			unsigned bits;
		} want[] = {
			{ "printk_ringbuffer", "desc_ring.tail_id.counter", 16 * 8, 32 },
			{ "printk_ringbuffer", "text_data_ring.data", 28 * 8, 32 },
			{ "printk_info", "seq", 0, 64 },
			{ "printk_info", "text_len", 16 * 8, 16 },
			{ "printk_info", "facility", 18 * 8, 8 },
			{ "printk_info", "level", 19 * 8 + 5, 3 },
			{ "uts_namespace", "name.release", 130 * 8, 65 * 8 },
			{ "timekeeper", "xtime_sec", 112 * 8, 64 },
			{ "timekeeper", "wall_to_monotonic.tv_sec", 128 * 8, 64 },
			{ "timekeeper", "offs_boot", 152 * 8, 64 },
		};
		size_t n;
		scoped_free uint8_t *btf = vmcoreinfo_btf(vmcoreinfo_6_1_arm, &abi, &tk, &n);
		struct types *db = types_create(&abi);
		const struct type *t;
		assert_non_null(btf);
		assert_null(types_add_btf_part(db, btf, n, "VMCOREINFO", "test"));
		assert_false(types_whole(db));
		for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
			unsigned bits;
			assert_int_equal(
				offset_bits(db, want[i].type, want[i].member, &bits), want[i].at);
			assert_int_equal(bits, want[i].bits);
		}
		assert_null(types_find(db, TYPE_STRUCT, "printk_info", NULL, &t));
		assert_int_equal(t->size, 88);
		types_destroy(db);
	}
}

/* A member that ends behind its struct is none; nothing at all is no BTF. */
static void types_refuse_contradictions(void **state)
{
	(void)state;
	const struct abi abi = { .word_bytes = 8 };
	const struct timekeeper_place none = { 0 };
	size_t n;
	assert_null(vmcoreinfo_btf("OSRELEASE=6.1\n", &abi, &none, &n));
	assert_null(vmcoreinfo_btf(NULL, &abi, &none, &n));
	scoped_free uint8_t *btf =
		vmcoreinfo_btf("SIZE(printk_info)=88\nOFFSET(printk_info.seq)=84\n"
			       "OFFSET(printk_info.ts_nsec)=8\n",
			&abi, &none, &n);
	struct types *db = types_create(&abi);
	const struct type *t;
	struct field_ref f;
	assert_null(types_add_btf_part(db, btf, n, "VMCOREINFO", "test"));
	assert_null(types_find(db, TYPE_STRUCT, "printk_info", NULL, &t));
	assert_null(type_field(db, t, "ts_nsec", &f));
	struct err *err = type_field(db, t, "seq", &f);
	assert_non_null(err);
	err_drop(err);
	types_destroy(db);
}

/* ---- --set ----------------------------------------------- */

static void overrides_take_names_and_keys(void **state)
{
	(void)state;
	static const struct {
		const char *text, *key;
		uint64_t value;
	} good[] = {
		{ "va_bits=39", "NUMBER(VA_BITS)", 39 },
		{ "NUMBER(VA_BITS)=48", "NUMBER(VA_BITS)", 48 },
		{ "kaslr=0x1000", "KERNELOFFSET", 0x1000 },
		{ "KERNELOFFSET=1000", "KERNELOFFSET", 0x1000 }, /* VMCOREINFO prints bare hex */
		{ "SYMBOL(x)=ff", "SYMBOL(x)", 0xff },
		{ "phys_offset=-4096", "NUMBER(PHYS_OFFSET)", -4096ull },
		{ "OFFSET(page.flags)=8", "OFFSET(page.flags)", 8 },
	};
	static const char *const bad[] = { "", "=", "va_bits", "va_bits=", "va_bits=x", "=4",
		"nonsense=1", "OFFSET()=1", "OFFSET(x=1" };
	struct overrides o = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t v;
		assert_null(overrides_add(&o, good[i].text));
		assert_true(overrides_number(&o, good[i].key, &v));
		assert_int_equal(v, good[i].value);
	}
	size_t n = o.v.n;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err *err = overrides_add(&o, bad[i]);
		if (!err)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(err->code, ERR_USAGE);
		err_drop(err);
	}
	assert_int_equal(o.v.n, n);
	overrides_deinit(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan_meets_seams),
		cmocka_unit_test(scan_joins_no_gap),
		cmocka_unit_test(scan_page_marks),
		cmocka_unit_test(kinfo_of_any_length),
		cmocka_unit_test(tree_says_where_memory_begins),
		cmocka_unit_test(types_by_vmcoreinfo),
		cmocka_unit_test(types_refuse_contradictions),
		cmocka_unit_test(overrides_take_names_and_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
