/*
 * %pOF, %pfw, %pV, %pGt, %pra and the build-ids of %pSb over structures by hand. What is expected
 * comes from printk-formats.rst, lib/vsprintf.c (6.1 and 7.0), lib/tests/printf_kunit.c and
 * drivers/of/unittest.c.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/printk_objects.h"
#include "tests/unit/fake_vspace.h"

/* ---- the target's structures: their DWARF is this program's own ---- */

struct list_head {
	void *next, *prev;
};
struct fwnode_handle {
	void *secondary;
	const void *ops;
};
struct property {
	const char *name;
	int length;
	const void *value;
	struct property *next;
};
struct device_node {
	const char *name;
	unsigned int phandle;
	const char *full_name;
	struct fwnode_handle fwnode;
	struct property *properties, *deadprops;
	struct device_node *parent, *child, *sibling;
	unsigned long _flags;
};
struct kobject {
	const char *name;
};
struct swnode {
	struct kobject kobj;
	struct fwnode_handle fwnode;
	struct swnode *parent;
};
struct va_format {
	const char *fmt;
	void *va;
};
struct range {
	unsigned long long start, end;
};
struct trace_print_flags {
	unsigned long mask;
	const char *name;
};
struct module {
	int state;
	struct list_head list;
	char name[56];
	unsigned char build_id[20];
};
enum {
	OBJECTS = 0x20000,
	OF_OPS = 0x30000,
	SOFTWARE_OPS = 0x30100,
	OTHER_OPS = 0x30200,
	CODE = 0x40000
};

struct objects {
	struct device_node root, soc, uart, deep, loop[2], bad;
	struct property compatible, status, open_ended, huge, wild;
	struct swnode first, second, third, ring;
	struct fwnode_handle other, nameless;
	struct va_format format, no_arguments, no_format;
	struct range wide, one;
	struct trace_print_flags types[3];
	unsigned int page_type[5];
	struct list_head modules;
	struct module a, b;
	char text[400];
};
struct objects objects;

static struct vspace vs;
static struct types *db;
static struct symtab *st;
static struct debug_env env;
static struct printk_formats *formats;

#define PLACE(member) ((void *)(OBJECTS + offsetof(struct objects, member)))

static const char *bytes(const char *s, size_t n)
{
	static size_t used;
	size_t at = used;
	memcpy(objects.text + at, s, n);
	used += n;
	assert_true(used <= sizeof(objects.text));
	return (const char *)(OBJECTS + offsetof(struct objects, text) + at);
}

static const char *text(const char *s)
{
	return bytes(s, strlen(s) + 1);
}

static void fill_tree(void)
{
	const char both[] = "arm,pl011\0arm,primecell", open[] = { 'a', 0, 'b', 'c' };
	objects.root = (struct device_node){ .full_name = text("") };
	objects.soc = (struct device_node){
		.full_name = text("soc"), .parent = PLACE(root), ._flags = 1ul << 4
	};
	objects.uart = (struct device_node){ .full_name = text("uart@9000000"),
		.parent = PLACE(soc),
		.phandle = 0xfffffff0,
		.properties = PLACE(status),
		._flags = 1ul << 1 | 1ul << 3 | 1ul << 9 };
	objects.deep = (struct device_node){ .full_name = text("/soc/uart@9000000/d\x1b"),
		.parent = PLACE(uart),
		.properties = PLACE(open_ended),
		._flags = 1ul << 2 };
	objects.uart.fwnode.ops = objects.root.fwnode.ops = (void *)OF_OPS;
	objects.status = (struct property){ text("status"), 5, text("okay"), PLACE(compatible) };
	objects.compatible = (struct property){ text("compatible"), sizeof(both),
		bytes(both, sizeof(both)), NULL };
	objects.open_ended = (struct property){ objects.compatible.name, sizeof(open),
		bytes(open, sizeof(open)), NULL };
	objects.huge =
		(struct property){ objects.compatible.name, 1 << 30, objects.status.value, NULL };
	objects.wild =
		(struct property){ objects.status.name, 5, objects.status.value, PLACE(wild) };
	objects.loop[0] = (struct device_node){
		.full_name = text("l"), .parent = PLACE(loop[1]), .properties = PLACE(huge)
	};
	objects.loop[1] = (struct device_node){ .full_name = objects.loop[0].full_name,
		.parent = PLACE(loop[0]),
		.properties = PLACE(wild) };
	objects.bad = (struct device_node){ .full_name = text("bad"), .parent = (void *)0x90000 };
}

static void fill_others(void)
{
	objects.first =
		(struct swnode){ .kobj.name = text("first"), .fwnode.ops = (void *)SOFTWARE_OPS };
	objects.second = (struct swnode){ .kobj.name = text("second"),
		.fwnode.ops = (void *)SOFTWARE_OPS,
		.parent = PLACE(first) };
	objects.third = (struct swnode){ .kobj.name = text("third"),
		.fwnode.ops = (void *)SOFTWARE_OPS,
		.parent = PLACE(second) };
	objects.ring = (struct swnode){ .kobj.name = objects.first.kobj.name,
		.fwnode.ops = (void *)SOFTWARE_OPS,
		.parent = PLACE(ring) };
	objects.other.ops = (void *)OTHER_OPS;
	objects.nameless.ops = (void *)(OTHER_OPS + 8);
	objects.format.fmt = text("Hello %d\n");
	objects.no_arguments.fmt = text("Hello");
	objects.wide = (struct range){ 0xc0ffee00ba5eba11, 0xc0ffee00ba5ebaff };
	objects.one = (struct range){ 7, 7 };
	objects.types[0] = (struct trace_print_flags){ 0x200, text("table") };
	objects.types[1] = (struct trace_print_flags){ 0x80, text("buddy") };
	memcpy(objects.page_type, (unsigned[]){ ~0u, 10, ~0x80u, ~0x280u, -128u },
		sizeof(objects.page_type));
	objects.modules.next = PLACE(a.list);
	objects.a =
		(struct module){ .list.next = PLACE(b.list), .name = "other", .build_id = { 1 } };
	objects.b = (struct module){
		.list.next = PLACE(modules), .name = "mod", .build_id = { 0xde, 0xad, [19] = 0x0f }
	};
}

static int setup(void **state)
{
	(void)state;
	db = types_create(&(struct abi){ .word_bytes = 8 });
	struct err *e = types_add_dwarf(db, open("/proc/self/exe", O_RDONLY), "self");
	if (e)
		return -1;
	fill_tree();
	fill_others();
	st = symtab_create();
	symtab_add(st, "objects", OBJECTS, 8, 'D', NULL);
	symtab_add(st, "of_fwnode_ops", OF_OPS, 0x100, 'R', NULL);
	symtab_add(st, "software_node_ops", SOFTWARE_OPS, 0x100, 'r', NULL);
	symtab_add(st, "acpi_device_fwnode_ops", OTHER_OPS, 0x100, 'R', NULL);
	symtab_add(st, "pagetype_names", OBJECTS + offsetof(struct objects, types), 48, 'R', NULL);
	symtab_add(st, "modules", OBJECTS + offsetof(struct objects, modules), 16, 'd', NULL);
	symtab_add(st, "core_fn", CODE, 0x20, 'T', NULL);
	symtab_add(st, "mod_fn", CODE + 0x1000, 0x20, 't', "mod");
	symtab_add(st, "lost_fn", CODE + 0x2000, 0x20, 't', "lost");
	symtab_add_range(st, OBJECTS, CODE + 0x20, NULL);
	symtab_add_range(st, CODE + 0x1000, CODE + 0x1020, "mod");
	symtab_add_range(st, CODE + 0x2000, CODE + 0x2020, "lost");
	symtab_finish(st);
	vs = (struct vspace){ .facts.abi.word_bytes = 8,
		.nregions = 1,
		.region = { { OBJECTS, sizeof(objects), &objects } } };
	env = (struct debug_env){ .vs = &vs, .types = db, .syms = st };
	formats = printk_formats_create();
	printk_objects_register(formats);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	printk_formats_destroy(formats);
	symtab_destroy(st);
	types_destroy(db);
	return 0;
}

static struct err *print(const char *format, size_t offset, struct strbuf *out)
{
	struct arena a = { 0 };
	scoped_strbuf struct strbuf line = { 0 };
	size_t at;
	strbuf_addf(&line, "\"%s\", 0x%zx", format, offset);
	struct err *err = printk_print(&env, formats, &a, strbuf_text(&line), out, &at);
	arena_deinit(&a);
	return err;
}

static void expect(const char *format, size_t va, const char *want)
{
	scoped_strbuf struct strbuf out = { 0 };
	struct err *err = print(format, va, &out);
	if (err && err->code != ERR_FAULT)
		fail_msg("%s: %s", format, err->msg);
	assert_int_equal(strstr(want, "<not mapped>") != NULL, err != NULL);
	err_drop(err);
	if (strcmp(strbuf_text(&out), want))
		fail_msg("%s: got \"%s\", want \"%s\"", format, strbuf_text(&out), want);
}
#define EXPECT(format, member, want)                                                               \
	expect(format, OBJECTS + offsetof(struct objects, member), want)

static void refuse(const char *format, size_t va, enum err_code code, const char *word)
{
	scoped_strbuf struct strbuf out = { 0 };
	scoped_err struct err *err = print(format, va, &out);
	assert_non_null(err);
	if (err->code != code || !strstr(err->msg, word))
		fail_msg("%s: code %d, %s", format, err->code, err->msg);
}
#define REFUSE(format, member, code, word)                                                         \
	refuse(format, OBJECTS + offsetof(struct objects, member), code, word)

static void device_nodes(void **state)
{
	(void)state;
	EXPECT("%pOF", uart, "/soc/uart@9000000");
	EXPECT("%pOFf", uart, "/soc/uart@9000000");
	EXPECT("%pOF", soc, "/soc");
	EXPECT("%pOF", root, "/");
	EXPECT("%pOFP", root, "/");
	EXPECT("%pOFn|", root, "|");
	EXPECT("%pOFn", uart, "uart");
	EXPECT("%pOFP", uart, "uart@9000000");
	EXPECT("%pOFp", uart, "4294967280");
	EXPECT("%pOFF", uart, "D-P-");
	EXPECT("%pOFF", soc, "---B");
	EXPECT("%pOFF", deep, "-d--");
	EXPECT("%pOFc", uart, "arm,pl011");
	EXPECT("%pOFC", uart, "\"arm,pl011\",\"arm,primecell\"");
	EXPECT("%pOFc|%%", soc, "|%");
	EXPECT("%pOFfPc", uart, "/soc/uart@9000000:uart@9000000:arm,pl011");
	EXPECT("%pOFnpF", uart, "uart:4294967280:D-P-");
	EXPECT("%20pOF|", uart, "   /soc/uart@9000000|");
	EXPECT("%20pOFnP|", uart, "   uart:uart@9000000|");
	EXPECT("%-10pOFn|", uart, "uart      |");
	EXPECT("%.2pOFnP", uart, "ua:ua");
	EXPECT("%pOFn", deep, "d\\x1b"); /* a whole path as it was before 4.14 */
	EXPECT("%pOF", deep, "/soc/uart@9000000/d\\x1b");
	EXPECT("%pOFC", deep, "\"a\""); /* the second is not ended */
	expect("%pOF", 0, "(null)");
	expect("%pOF", 0x90000, "<not mapped>");
	EXPECT("%pOF", bad, "<not mapped>");
	REFUSE("%pOF", loop, ERR_LIMIT, "levels");
	REFUSE("%pOFc", loop, ERR_FORMAT, "bytes");
	REFUSE("%pOFc", loop[1], ERR_LIMIT, "properties");
	REFUSE("%pOFx", uart, ERR_USAGE, "not x");
}

static void firmware_nodes(void **state)
{
	(void)state;
	EXPECT("%pfw", second.fwnode, "first/second");
	EXPECT("%pfw", third.fwnode, "first/second/third");
	EXPECT("%pfwf", third.fwnode, "first/second/third");
	EXPECT("%pfwP", second.fwnode, "second");
	EXPECT("%pfwP", third.fwnode, "third");
	EXPECT("%pfw", first.fwnode, "first");
	EXPECT("%pfw", uart.fwnode, "/soc/uart@9000000");
	EXPECT("%pfwP", uart.fwnode, "uart@9000000");
	EXPECT("%-8pfwP|", third.fwnode, "third   |");
	EXPECT("%pfw", root.fwnode, "/");
	REFUSE("%pfw", ring.fwnode, ERR_LIMIT, "levels");
	REFUSE("%pfw", other, ERR_UNSUPPORTED, "acpi_device_fwnode_ops");
	REFUSE("%pfw", nameless, ERR_MISSING, "no symbol");
}

static void formats_ranges_types(void **state)
{
	(void)state;
	EXPECT("%pV|", format, "Hello %d\\n<its arguments are not known>|");
	EXPECT("%pV|", no_arguments, "Hello|");
	EXPECT("%pV", no_format, "(null)");
	expect("%pV", 1, "(efault)");
	EXPECT("%pra", wide, "[range 0xc0ffee00ba5eba11-0xc0ffee00ba5ebaff]");
	EXPECT("%pra", one, "[range 0x0000000000000007]");
	EXPECT("%pGt", page_type[0], "0xffffffff()");
	EXPECT("%pGt", page_type[1], "0xa()");
	EXPECT("%pGt", page_type[2], "0xffffff7f(buddy)");
	EXPECT("%pGt", page_type[3], "0xfffffd7f(table|buddy)");
	EXPECT("%pGt", page_type[4], "0xffffff80()");
}

static void build_ids(void **state)
{
	(void)state;
	expect("%pS", CODE + 0x1004, "mod_fn+0x4/0x20 [mod]");
	expect("%pSb", CODE + 0x1004,
		"mod_fn+0x4/0x20 [mod dead00000000000000000000000000000000000f]");
	expect("%pSRb", CODE + 0x1004,
		"mod_fn+0x4/0x20 [mod dead00000000000000000000000000000000000f]");
	expect("%pBb", CODE + 0x1020,
		"mod_fn+0x20/0x20 [mod dead00000000000000000000000000000000000f]");
	expect("%pB", CODE + 0x1020, "mod_fn+0x20/0x20 [mod]");
	expect("%pSb", CODE + 0x2004, "lost_fn+0x4/0x20 [lost]");
	expect("%pSb", CODE + 4, "core_fn+0x4/0x20");
	expect("%pSb", 0x999999, "0x999999");
	objects.modules.next = (void *)0x90000;
	expect("%pSb", CODE + 0x1004, "<not mapped>");
	objects.modules.next = PLACE(a.list);
	objects.a.list.next = PLACE(a.list);
	refuse("%pSb", CODE + 0x1004, ERR_LIMIT, "modules");
	objects.a.list.next = PLACE(b.list);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(device_nodes),
		cmocka_unit_test(firmware_nodes), cmocka_unit_test(formats_ranges_types),
		cmocka_unit_test(build_ids) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
