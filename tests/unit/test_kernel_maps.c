/* memblock, resource trees and device trees, on hand-made memory of both word sizes:
 * what the dumps of the corpus do not show (other eras, damage, names, discarded data). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "analyzer/kernel/machine.h"
#include "analyzer/kernel/memblock.h"
#include "tests/unit/fake_maps.h"
#include "tests/unit/fdt_build.h"

static void is_fine(struct err *err)
{
	if (err)
		fail_msg("%s", err->msg);
}

static void fails(struct err *err, enum err_code code, const char *words)
{
	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_non_null(strstr(err->msg, words));
	err_drop(err);
}

/* ---- memblock ----------------------------------------------- */

enum { MEMBLOCK_AT = 0x200, REGIONS_AT = 0x400 };

static void memblock_init(struct fake *f, unsigned word)
{
	fake_init(f, word);
	FAKE_STRUCT(f, "memblock_region", "base:u64", "size:u64", "flags:u32", "nid:u32");
	FAKE_STRUCT(f, "memblock_type", "cnt:word", "max:word", "total_size:u64", "regions:word");
	FAKE_STRUCT(
		f, "memblock", "bottom_up:u8", "memory:memblock_type", "reserved:memblock_type");
	fake_symbol(f, "memblock", MEMBLOCK_AT, 128);
	fake_set(f, "memblock", MEMBLOCK_AT, "memory.cnt", 2);
	fake_set(f, "memblock", MEMBLOCK_AT, "memory.max", 8);
	fake_set(f, "memblock", MEMBLOCK_AT, "memory.total_size", 0x3000);
	fake_set(f, "memblock", MEMBLOCK_AT, "memory.regions", fake_va(f, REGIONS_AT));
	uint64_t second = REGIONS_AT + fake_sizeof(f, "memblock_region");
	fake_set(f, "memblock_region", REGIONS_AT, "base", 0x140000000ull);
	fake_set(f, "memblock_region", REGIONS_AT, "size", 0x1000);
	fake_set(f, "memblock_region", second, "base", 0x180000000ull);
	fake_set(f, "memblock_region", second, "flags", 5);
	fake_set(f, "memblock_region", second, "nid", 0xffffffff);
}

static void test_memblock(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		struct memblock_list l;
		struct memblock_region r;
		struct strbuf flags = { 0 };
		memblock_init(&f, word);
		is_fine(memblock_read(f.t, MEMBLOCK_MEMORY, &l));
		assert_int_equal(l.count, 2);
		assert_int_equal(l.total_bytes, 0x3000);
		assert_int_equal(l.address_bytes, 8);
		is_fine(memblock_region_read(f.t, &l, 0, &r));
		assert_int_equal(r.base_pa, 0x140000000ull);
		assert_true(r.has_nid);
		is_fine(memblock_region_read(f.t, &l, 1, &r));
		assert_int_equal(r.base_pa, 0x180000000ull);
		assert_false(r.has_nid);
		memblock_flags_format(f.t, r.flags, &flags);
		assert_string_equal(strbuf_text(&flags), "0x5"); /* no enum: a number */
		strbuf_deinit(&flags);
		fails(memblock_read(f.t, MEMBLOCK_PHYSMEM, &l), ERR_NOT_FOUND, "no list");
		fake_set(&f, "memblock", MEMBLOCK_AT, "memory.cnt", 9);
		fails(memblock_read(f.t, MEMBLOCK_MEMORY, &l), ERR_FORMAT,
			"9 regions in an array of 8");
		fake_deinit(&f);
	}
}

static void test_memblock_discarded(void **state)
{
	struct fake f;
	struct memblock_list l;
	(void)state;
	memblock_init(&f, 8);
	fake_symbol(&f, "__init_begin", 0x100, 8);
	fake_symbol(&f, "__init_end", 0x1000, 8);
	fake_number(&f, "system_state", 0x2000, 1, 4);
	is_fine(memblock_read(f.t, MEMBLOCK_MEMORY, &l)); /* still booting */
	fake_put(f.t->dump, 0x2000, 3, 4);
	fails(memblock_read(f.t, MEMBLOCK_MEMORY, &l), ERR_MISSING, "CONFIG_ARCH_KEEP_MEMBLOCK");
	fake_deinit(&f);
}

/* ---- resources ----------------------------------------------- */

static void resource_init(struct fake *f)
{
	fake_init(f, 4);
	fake_resource_types(f);
	fake_resource(f, IOMEM_AT, 0, UINT32_MAX, 0, 0, 0x800);
	fake_resource(f, 0x800, 0x1000, 0x1fff, IOMEM_AT, 0x880, 0x900);
	fake_resource(f, 0x880, 0x2000, 0x2fff, IOMEM_AT, 0, 0);
	fake_resource(f, 0x900, 0x1100, 0x11ff, 0x800, 0, 0);
}

/* The starts that a walk gives, in hex with the depth before each; *ret_bad: errors on the way. */
static void walk_resources(struct fake *f, char *out, unsigned *ret_bad)
{
	struct resource_iter it;
	struct resource r;
	bool more = true;
	*ret_bad = 0;
	*out = 0;
	is_fine(resource_iter_init(&it, f->t, "iomem_resource"));
	for (unsigned n = 0; more && n < 200; n++) {
		struct err *err = resource_iter_next(&it, &r, &more);
		if (!err && more)
			out += sprintf(out, "%u:%x ", r.depth, (unsigned)r.start);
		*ret_bad += err != NULL;
		err_drop(err);
	}
}

static void test_resources(void **state)
{
	struct fake f;
	char seen[4096];
	unsigned bad;
	(void)state;
	resource_init(&f);
	walk_resources(&f, seen, &bad);
	assert_string_equal(seen, "0:1000 1:1100 0:2000 ");
	assert_int_equal(bad, 0);
	/* a child that belongs to somebody else costs its branch, not the rest */
	fake_set(&f, "resource", 0x900, "parent", fake_va(&f, 0x880));
	walk_resources(&f, seen, &bad);
	assert_string_equal(seen, "0:1000 0:2000 ");
	assert_int_equal(bad, 1);
	fake_deinit(&f);
}

static void test_resource_circle(void **state)
{
	struct fake f;
	char seen[4096];
	unsigned bad;
	(void)state;
	resource_init(&f);
	fake_set(&f, "resource", 0x880, "sibling", fake_va(&f, 0x800));
	walk_resources(&f, seen, &bad);
	assert_int_equal(bad, 1);
	assert_true(strlen(seen) < 100);
	struct resource nameless = { 0 };
	struct strbuf name = { 0 };
	is_fine(resource_name(f.t, &nameless, &name));
	assert_string_equal(strbuf_text(&name), "<BAD>");
	resource_flags_format(0x80002200 | 0x200000, &name);
	assert_string_equal(strbuf_text(&name), "<BAD>mem prefetch window busy");
	strbuf_deinit(&name);
	fake_deinit(&f);
}

/* ---- device trees ----------------------------------------------- */

struct told {
	char text[2048];
	size_t n;
	unsigned complaints;
};

static struct err *tell(void *cx, const struct device_tree_event *e)
{
	struct told *t = cx;
	struct strbuf value = { 0 };
	if (e->kind == DEVICE_TREE_PROPERTY)
		device_tree_value_format(e->value, e->length, &value);
	if (e->kind == DEVICE_TREE_END)
		t->n += (size_t)sprintf(t->text + t->n, "} ");
	else if (e->kind == DEVICE_TREE_RESERVE)
		t->n += (size_t)sprintf(t->text + t->n, "reserve %llx %llx ",
			(unsigned long long)e->address, (unsigned long long)e->bytes);
	else
		t->n += (size_t)sprintf(t->text + t->n, "%s%s%s ", e->name,
			e->kind == DEVICE_TREE_NODE ? "{" : "=", strbuf_text(&value));
	strbuf_deinit(&value);
	return NULL;
}

static void count_complaint(void *cx, struct err *e)
{
	struct told *t = cx;
	t->complaints++;
	err_drop(e);
}

static void test_fdt(void **state)
{
	struct fdt_build b;
	struct told t = { 0 };
	(void)state;
	fdt_build_small(&b);
	is_fine(fdt_walk(b.bytes, b.n, tell, &t));
	assert_string_equal(t.text,
		"reserve 40000000 1000 { compatible=\"a,b\", \"c\" empty= "
		"memory@40000000{ reg=<0x00 0x40000000> mac=[52 54 00 12 34 56] } chosen{ } } ");
	/* one byte short, another magic, another version, a block beyond the end */
	fails(fdt_walk(b.bytes, b.n - 1, tell, &t), ERR_FORMAT, "are here");
	fails(fdt_walk(b.bytes, 39, tell, &t), ERR_FORMAT, "39 bytes");
	fdt_put(b.bytes + 20, 15);
	fails(fdt_walk(b.bytes, b.n, tell, &t), ERR_UNSUPPORTED, "version 15");
	fdt_put(b.bytes + 20, 17);
	fdt_put(b.bytes + 12, (uint32_t)b.n);
	fails(fdt_walk(b.bytes, b.n, tell, &t), ERR_FORMAT, "does not lie within");
	fdt_put(b.bytes, 0xd00dfeee);
	fails(fdt_walk(b.bytes, b.n, tell, &t), ERR_FORMAT, "0xd00dfeee");
}

static void test_fdt_structure(void **state)
{
	struct fdt_build b;
	struct told t = { 0 };
	(void)state;
	fdt_begin(&b);
	fdt_node(&b, "");
	fdt_finish(&b);
	fails(fdt_walk(b.bytes, b.n, tell, &t), ERR_FORMAT, "the end within a node");
	fdt_begin(&b);
	fdt_end_node(&b);
	fdt_finish(&b);
	fails(fdt_walk(b.bytes, b.n, tell, &t), ERR_FORMAT, "did not begin");
	fdt_begin(&b);
	fdt_property(&b, "p", "x", 1);
	fdt_finish(&b);
	fails(fdt_walk(b.bytes, b.n, tell, &t), ERR_FORMAT, "outside of all nodes");
	fdt_begin(&b);
	for (int i = 0; i <= DEVICE_TREE_DEPTH_MAX; i++)
		fdt_node(&b, "");
	fdt_finish(&b);
	fails(fdt_walk(b.bytes, b.n, tell, &t), ERR_FORMAT, "too many nodes");
	fdt_begin(&b);
	fdt_node(&b, "");
	fdt_property(&b, "p", "1234", 4);
	fdt_put(b.bytes + b.n - 12, 0x7fffffff); /* its length */
	fdt_end_node(&b);
	fdt_finish(&b);
	fails(fdt_walk(b.bytes, b.n, tell, &t), ERR_FORMAT, "cut off");
}

static void test_value_kinds(void **state)
{
	(void)state;
	assert_int_equal(device_tree_value_kind((const uint8_t *)"", 0), DEVICE_TREE_EMPTY);
	assert_int_equal(device_tree_value_kind((const uint8_t *)"abc", 4), DEVICE_TREE_STRINGS);
	assert_int_equal(device_tree_value_kind((const uint8_t *)"abcd", 4), DEVICE_TREE_CELLS);
	assert_int_equal(device_tree_value_kind((const uint8_t *)"a\0\0", 4), DEVICE_TREE_CELLS);
	assert_int_equal(device_tree_value_kind((const uint8_t *)"\xc3\xa4", 3), DEVICE_TREE_BYTES);
	assert_int_equal(device_tree_value_kind((const uint8_t *)"", 1), DEVICE_TREE_BYTES);
}

static void device_tree_init(struct fake *f, unsigned word)
{
	fake_init(f, word);
	fake_device_tree_types(f);
	fake_put_word(f, OF_ROOT_AT, 0, fake_va(f, 0x400));
	fake_text(f, 0x700, "cpu@1");
	fake_text(f, 0x710, "reg");
	fake_text(f, 0x720, "name");
	fake_text(f, 0x730, "cpu");
	fake_text(f, 0x740, "other");
	fake_text(f, 0x7f0, "/"); /* the root's name in old kernels */
	fake_device_node(f, 0x400, 0x7f0, 0, 0x480, 0, 0);
	fake_device_node(f, 0x480, 0x700, 0x400, 0, 0x500, 0x600);
	fake_device_node(f, 0x500, 0x740, 0x400, 0, 0, 0);
	fake_property(f, 0x600, 0x710, 0x700, 4, 0x640);
	fake_property(f, 0x640, 0x720, 0x730, 4, 0); /* made up: left out */
}

static void test_device_tree(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		struct told t = { 0 };
		device_tree_init(&f, word);
		is_fine(device_tree_walk(f.t, tell, count_complaint, &t));
		assert_string_equal(t.text, "{ cpu@1{ reg=<0x63707540> } other{ } } ");
		assert_int_equal(t.complaints, 0);
		/* a real "name" property is shown; a negative length and a strange parent are told
		 */
		memset(&t, 0, sizeof(t));
		fake_property(&f, 0x640, 0x720, 0x740, 6, 0);
		is_fine(device_tree_walk(f.t, tell, count_complaint, &t));
		assert_non_null(strstr(t.text, "name=\"other\""));
		memset(&t, 0, sizeof(t));
		fake_property(&f, 0x640, 0x720, 0x740, 0xffffffff, 0);
		fake_device_node(&f, 0x500, 0x740, 0x480, 0, 0, 0);
		is_fine(device_tree_walk(f.t, tell, count_complaint, &t));
		assert_int_equal(t.complaints, 2);
		assert_string_equal(t.text, "{ cpu@1{ reg=<0x63707540> } } ");
		fake_put_word(&f, OF_ROOT_AT, 0, 0);
		fails(device_tree_walk(f.t, tell, count_complaint, &t), ERR_NOT_FOUND,
			"of_root is NULL");
		fake_deinit(&f);
	}
}

static void test_deep_device_tree(void **state)
{
	enum { DEPTH = DEVICE_TREE_DEPTH_MAX + 6, AT = 0x2000, STEP = 0x80 };
	struct fake f;
	struct told t = { 0 };
	(void)state;
	device_tree_init(&f, 8);
	fake_put_word(&f, OF_ROOT_AT, 0, fake_va(&f, AT));
	for (unsigned i = 0; i < DEPTH; i++)
		fake_device_node(&f, AT + i * STEP, 0x740, i ? AT + (i - 1) * STEP : 0,
			i + 1 < DEPTH ? AT + (i + 1) * STEP : 0, 0, 0);
	is_fine(device_tree_walk(f.t, tell, count_complaint, &t));
	assert_int_equal(t.complaints, 1);
	const char *end = t.text + t.n;
	unsigned open = 0, closed = 0;
	for (const char *c = t.text; c < end; c++) {
		open += *c == '{';
		closed += *c == '}';
	}
	assert_int_equal(open, DEVICE_TREE_DEPTH_MAX);
	assert_int_equal(closed, open);
	fake_deinit(&f);
}

/* The model, else the first of compatible, as of_flat_dt_get_machine_name() has it. */
static void test_model(void **state)
{
	struct fake f;
	struct machine m;
	(void)state;
	device_tree_init(&f, 4);
	fake_text(&f, 0x750, "compatible");
	fake_text(&f, 0x760, "model");
	fake_bytes(&f, 0x770, "acme,board\0arm", 15);
	fake_device_node(&f, 0x400, 0x7f0, 0, 0x480, 0, 0x680);
	fake_property(&f, 0x680, 0x750, 0x770, 15, 0);
	is_fine(machine_read(f.t, &m));
	assert_string_equal(m.model, "acme,board");
	fake_property(&f, 0x680, 0x760, 0x740, 6, 0x6c0);
	fake_property(&f, 0x6c0, 0x750, 0x770, 15, 0);
	is_fine(machine_read(f.t, &m));
	assert_string_equal(m.model, "other");
	assert_string_equal(m.banner, "");
	assert_false(m.has_control);
	assert_null(machine_part_name(0x000f0510));
	assert_string_equal(machine_part_name(0x414fc0f0), "Cortex-A15");
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memblock),
		cmocka_unit_test(test_memblock_discarded),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_resource_circle),
		cmocka_unit_test(test_fdt),
		cmocka_unit_test(test_fdt_structure),
		cmocka_unit_test(test_value_kinds),
		cmocka_unit_test(test_device_tree),
		cmocka_unit_test(test_deep_device_tree),
		cmocka_unit_test(test_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
