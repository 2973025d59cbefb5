/*
 * printk's formats over a small memory. What is expected comes from printk-formats.rst, from the
 * kernel's own lib/test_printf.c and from C's rules where the kernel follows them: never from our
 * output.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/printk_format.h"
#include "analyzer/kernel/printk_objects.h"
#include "tests/unit/fake_vspace.h"

/* ---- the target's structures: their DWARF is this program's own -------------------------- */

typedef unsigned long long phys_addr_t;

struct list_head {
	void *next, *prev;
};
struct qstr {
	unsigned long long hash_len;
	const char *name;
};
struct dentry {
	unsigned int d_flags;
	struct dentry *d_parent;
	struct qstr d_name;
};
struct path {
	void *mnt;
	struct dentry *dentry;
};
struct file {
	long f_mode;
	struct path f_path;
};
struct resource {
	phys_addr_t start, end;
	const char *name;
	unsigned long flags;
};
struct gendisk {
	int major;
	char disk_name[32];
};
struct block_device {
	long bd_start;
	struct gendisk *bd_disk;
	unsigned char bd_partno;
};
struct clk_core {
	const char *name;
};
struct clk {
	struct clk_core *core;
};
struct trace_print_flags {
	unsigned long mask;
	const char *name;
};
struct page_flags_fields {
	int width, shift, mask;
	const void *spec;
	const char *name;
};
enum pageflags { PG_locked, PG_referenced, PG_uptodate, PG_lru, __NR_PAGEFLAGS };
enum { MEMORY = 0x10000, OBJECTS = 0x20000, CODE = 0x30000, DECIMAL = 0x40000 };

struct objects {
	struct resource mem, mem64, io, irq, bus, odd, one, unset, dma;
	struct dentry root, usr, bin, ls;
	struct file file;
	struct gendisk sda, loop;
	struct block_device disk, part, loop_part;
	struct clk_core core;
	struct clk clk;
	struct trace_print_flags page_names[5], gfp_names[4], vma_names[4];
	struct page_flags_fields fields[3];
	unsigned long page_flags, vma_flags, no_flags;
	unsigned int gfp, gfp_rest;
	char comm[8]; /* full: no NUL of its own */
	char behind[8];
	char text[160];
};
struct objects objects;
enum pageflags page_flag;

static uint8_t memory[0x400];
static struct vspace vs;
static struct types *db, *narrow;
static struct symtab *st;
static struct debug_env env;
static struct printk_formats *formats;

/* The target's address of a text. */
static const char *text(const char *s)
{
	static size_t used;
	size_t at = used;
	memcpy(objects.text + at, s, strlen(s) + 1);
	used += strlen(s) + 1;
	assert_true(used <= sizeof(objects.text));
	return (const char *)(OBJECTS + offsetof(struct objects, text) + at);
}
#define PLACE(member) ((void *)(OBJECTS + offsetof(struct objects, member)))

static void fill_memory(void)
{
	static const uint8_t ip6[] = { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8 };
	static const uint8_t escaped[] = { 0x1b, 0x62, 0x20, 0x5c, 0x43, 0x07, 0x22, 0x90, 0x0d,
		0x5d };
	static const uint8_t sa4[] = { 2, 0, 0x30, 0x39, 1, 2, 3, 4 };
	static const uint8_t sa6[] = { 10, 0, 0x30, 0x39, 0x07, 0x5b, 0xcd, 0x15 }; /* 123456789 */
	static const uint8_t scope[] = { 0xd2, 0x02, 0x96, 0x49 };		    /* 1234567890 */
	static const uint8_t fourcc[] = { 0x42, 0x47, 0x31, 0x32, 0x59, 0x31, 0x30, 0x20, 0x4e,
		0x56, 0x31, 0xb2, 0x0a, 0x01, 0x00, 0x10 };
	static const uint8_t mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1 };
	static const uint8_t runs[] = { 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3 };
	static const uint8_t doc[] = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1 };
	static const int rtc[] = { 43, 49, 11, 31, 0, 119 };	     /* 2019-01-31T11:49:43 */
	const uint64_t phys = 0x0123456789abcdef, when = 1546300799; /* 2018-12-31T23:59:59 */
	for (unsigned i = 0; i < 16; i++)
		memory[i] = (uint8_t)i;
	memcpy(memory + 0x10, (uint8_t[]){ 1, 2, 3, 4 }, 4);
	memcpy(memory + 0x20, ip6, 16);
	memcpy(memory + 0x30, escaped, 10);
	memcpy(memory + 0x40, (uint8_t[]){ 0x79, 0x07, 0, 0, 0, 0, 0, 0x80, 1 }, 9);
	memcpy(memory + 0x50, sa4, 8);
	memcpy(memory + 0x60, sa6, 8);
	memcpy(memory + 0x68, ip6, 16);
	memcpy(memory + 0x78, scope, 4);
	memcpy(memory + 0x80, rtc, sizeof(rtc));
	memcpy(memory + 0xa8, &when, 8);
	memcpy(memory + 0xb0, fourcc, 16);
	memcpy(memory + 0xc0, &phys, 8);
	strcpy((char *)memory + 0xd0, "swapper/0");
	strcpy((char *)memory + 0xe0, "a\nb\x1b[2J\\");
	memcpy(memory + 0xf0, mapped, 16);
	memcpy(memory + 0x120, runs, 16);
	memcpy(memory + 0x130, doc, 16);
	memset(memory + 0x140, 0xff, 80);
	memcpy(memory + 0x300, "DCBAABCD", 8); /* 0x41424344 in both orders */
	memcpy(memory + 0x310, (uint64_t[]){ 1546615943, 11235813 }, 16);
	memcpy(memory + 0x200, doc, 4);
	memory[0x209] = memory[0x20f] =
		1; /* two runs of the same length: RFC 5952 takes the first */
	memcpy(memory + 0x3fc, "tail", 4);
}

static void fill_paths(void)
{
	struct dentry *root = PLACE(root), *usr = PLACE(usr), *bin = PLACE(bin);
	objects.root = (struct dentry){ .d_parent = root, .d_name.name = text("/") };
	objects.usr = (struct dentry){ .d_parent = root, .d_name.name = text("usr") };
	objects.bin = (struct dentry){ .d_parent = usr, .d_name.name = text("bin") };
	objects.ls = (struct dentry){ .d_parent = bin, .d_name.name = text("l\ns") };
	objects.file.f_path.dentry = bin;
	strcpy(objects.sda.disk_name, "sda");
	strcpy(objects.loop.disk_name, "loop0");
	objects.disk.bd_disk = objects.part.bd_disk = PLACE(sda);
	objects.loop_part.bd_disk = PLACE(loop);
	objects.part.bd_partno = objects.loop_part.bd_partno = 1;
	objects.core.name = text("pll1");
	objects.clk.core = PLACE(core);
	memcpy(objects.comm, "kthreadd", 8);
	memcpy(objects.behind, "BEHIND!", 8);
}

/* include/linux/ioport.h has the numbers of the flags */
static void fill_resources(void)
{
	objects.mem = (struct resource){ 0x60000000, 0x6fffffff, NULL, 0x2200 };
	objects.mem64 = (struct resource){ 0x1000000000, 0x1fffffffff, NULL, 0x302200 };
	objects.io = (struct resource){ 0x1f, 0x3f, NULL, 0x10000100 };
	objects.irq = (struct resource){ 27, 27, NULL, 0x400 };
	objects.bus = (struct resource){ 0, 0xff, NULL, 0x1000 };
	objects.odd = (struct resource){ 0, 1, NULL, 0x40000000 };
	objects.one = (struct resource){ 0x60000000, 0x60000000, NULL, 0x200 };
	objects.unset = (struct resource){ 0, 0xfff, NULL, 0x20000200 };
	objects.dma = (struct resource){ 2, 5, NULL, 0x800 };
}

static void fill_flags(void)
{
	const char *zone = text("zone"), *tag = text("kasantag"), *locked = text("locked");
	objects.page_names[0] = (struct trace_print_flags){ 1, locked };
	objects.page_names[1] = (struct trace_print_flags){ 2, text("referenced") };
	objects.page_names[2] = (struct trace_print_flags){ 4, text("uptodate") };
	objects.gfp_names[0] = (struct trace_print_flags){ 0xc0, text("GFP_NOIO") };
	objects.gfp_names[1] = (struct trace_print_flags){ 0x40, text("__GFP_IO") };
	objects.vma_names[0] = (struct trace_print_flags){ 1, text("read") };
	objects.vma_names[1] = (struct trace_print_flags){ 4, text("exec") };
	objects.fields[0] = (struct page_flags_fields){ 0, 0, 0, NULL, zone };
	objects.fields[1] = (struct page_flags_fields){ 2, 62, 3, (void *)DECIMAL, zone };
	objects.fields[2] = (struct page_flags_fields){ 8, 54, 0xff, NULL, tag };
	objects.page_flags = 2ul << 62 | 0xfful << 54 | 6;
	objects.vma_flags = 5;
	objects.gfp = 0xc0;
	objects.gfp_rest = 0x80000040;
}

static void add_place(const char *name, size_t offset, size_t size)
{
	symtab_add(st, name, OBJECTS + offset, size, 'D', NULL);
}
#define ADD(name, member) add_place(name, offsetof(struct objects, member), sizeof(objects.member))

static int setup(void **state)
{
	(void)state;
	db = types_create(&(struct abi){ .word_bytes = 8 });
	narrow = types_create(&(struct abi){ .word_bytes = 4 });
	struct err *e = types_add_dwarf(db, open("/proc/self/exe", O_RDONLY), "self");
	if (e)
		return -1;
	fill_memory();
	fill_paths();
	fill_resources();
	fill_flags();
	st = symtab_create();
	symtab_add(st, "objects", OBJECTS, 8, 'D', NULL);
	ADD("pageflag_names", page_names);
	ADD("gfpflag_names", gfp_names);
	ADD("vmaflag_names", vma_names);
	ADD("pff", fields);
	symtab_add(st, "default_dec_spec", DECIMAL, 8, 'd', NULL);
	symtab_add(st, "versatile_init", CODE, 0x110, 'T', NULL);
	symtab_add(st, "next_fn", CODE + 0x110, 0x10, 'T', NULL);
	symtab_add(st, "mod_fn", CODE + 0x1000, 0x20, 't', "mod");
	symtab_add_range(st, CODE, CODE + 0x120, NULL);
	symtab_add_range(st, OBJECTS, OBJECTS + sizeof(objects), NULL);
	symtab_add_range(st, CODE + 0x1000, CODE + 0x1020, "mod");
	symtab_finish(st);
	vs = (struct vspace){ .facts.abi.word_bytes = 8,
		.nregions = 2,
		.region = { { MEMORY, sizeof(memory), memory },
			{ OBJECTS, sizeof(objects), &objects } } };
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
	types_destroy(narrow);
	return 0;
}

struct row {
	const char *text, *want;
};

static void expect_rows(const struct debug_env *e, const struct row *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena a = { 0 };
		scoped_strbuf struct strbuf out = { 0 };
		size_t at = 0;
		struct err *err = printk_print(e, formats, &a, row[i].text, &out, &at);
		if (err && err->code != ERR_FAULT)
			fail_msg("%s: at %zu: %s", row[i].text, at, err->msg);
		if (strcmp(strbuf_text(&out), row[i].want))
			fail_msg("%s: got \"%s\", want \"%s\"", row[i].text, strbuf_text(&out),
				row[i].want);
		bool missing = strstr(row[i].want, "<not mapped>");
		assert_int_equal(missing, err != NULL);
		err_drop(err);
		arena_deinit(&a);
	}
}
#define EXPECT(...)                                                                                \
	do {                                                                                       \
		static const struct row rows_[] = { __VA_ARGS__ };                                 \
		expect_rows(&env, rows_, ARRAY_SIZE(rows_));                                       \
	} while (0)

/* Many of these are lib/test_printf.c's own. */
static void integers(void **state)
{
	(void)state;
	EXPECT({ "\"\"", "" }, { "\"plain\"", "plain" }, { "\"%%\"", "%" },
		{ "\"100%% of %d\", 3", "100% of 3" }, { "\"a\" \"b%d\", 1", "ab1" },
		{ "\"\\x41\\t%d\\\"\", 1", "A\t1\"" },
		{ "\"%d|%03d|%3d|%+d|% d|%+d|% d\", 0, 1, 12, 123, 1234, -123, -1234",
			"0|001| 12|+123| 1234|-123|-1234" },
		{ "\"%#-12x\", 0x1234abcd", "0x1234abcd  " },
		{ "\"%#12x\", 0x1234abcd", "  0x1234abcd" },
		{ "\"%hhu|%hhu|%hhu|%hhu|%hhu\", 0, 1, 257, 128, -1", "0|1|1|128|255" },
		{ "\"%hhd|%hhd|%hhd|%hhd|%hhd\", 0, 1, 257, 128, -1", "0|1|1|-128|-1" },
		{ "\"%ho%ho%#ho\", 1037, 5282, -11627", "2015122420151225" },
		{ "\"%.2d|%.1d|%.0d|%.*d|%1.0d\", 0, 0, 0, 0, 0, 0", "00|0|0|0|0" },
		{ "\"%i\", 0x7fffffff", "2147483647" }, { "\"%d\", 0xffffffff", "-1" },
		{ "\"%u\", -1", "4294967295" }, { "\"%lu\", -1", "18446744073709551615" },
		{ "\"%ld\", -1", "-1" }, { "\"%lld\", 1ull << 63", "-9223372036854775808" },
		{ "\"%Lx\", 0x123456789abcdef0", "123456789abcdef0" },
		{ "\"%zu\", sizeof(int)", "4" }, { "\"%zd\", -5", "-5" },
		{ "\"%td\", 2560l", "2560" }, { "\"%tx\", 2560l", "a00" },
		{ "\"%hx\", 0x12345", "2345" }, { "\"%hd\", 0xffff", "-1" },
		{ "\"%x\", 255", "ff" }, { "\"%X\", 255", "FF" }, { "\"%#X\", 255", "0XFF" },
		{ "\"%o\", 8", "10" }, { "\"%#o\", 8", "010" }, { "\"%#o\", 0", "0" },
		{ "\"%#x\", 0", "0x0" }, { "\"%08x\", 0xbeef", "0000beef" },
		{ "\"%#010x\", 0xbeef", "0x0000beef" }, { "\"%-8x|\", 0xbeef", "beef    |" },
		{ "\"%-08x|\", 0xbeef", "beef    |" }, { "\"%8.4x\", 0xab", "    00ab" },
		{ "\"%.8d\", -42", "-00000042" }, { "\"%+d\", 0", "+0" },
		{ "\"%+05d\", 42", "+0042" }, { "\"%+u\", 42", "42" },
		{ "\"%*d|%-*d|%*d|\", 4, 1, 4, 2, -4, 3", "   1|2   |3   |" },
		{ "\"%.*d\", -3, 7", "7" }, { "\"%0*x\", 4, 10", "000a" },
		{ "\"%c%c\", 'o', 107", "ok" }, { "\"%3c|%-3c|\", 'x', 'y'", "  x|y  |" },
		{ "\"%c\", 10", "\\n" }, { "\"%d\", (char)65", "65" }, { "\"%d\", 1 ? 2 : 3", "2" },
		{ "\"%d\", ((2)) * (3)", "6" });
}

static void texts(void **state)
{
	(void)state;
	EXPECT({ "\"%s%.0s\", \"\", \"123\"", "" },
		{ "\"%s|%.3s|%.*s\", \"ABCD\", \"abcdef\", 3, \"123456\"", "ABCD|abc|123" },
		{ "\"%-3s|%3s|%-*s|%*s|%*s|\", \"1\", \"2\", 3, \"3\", 3, \"4\", -3, \"5\"",
			"1  |  2|3  |  4|5  |" },
		{ "\"%-10.4s|\", \"123456\"", "1234      |" },
		{ "\"%10.4s\", \"123456\"", "      1234" }, { "\"%s\", 0x100d0", "swapper/0" },
		{ "\"%.4s\", 0x100d0", "swap" }, { "\"%s\", (char *)0x100d0", "swapper/0" },
		{ "\"%s\", 0", "(null)" }, { "\"%s\", 5", "(efault)" },
		{ "\"%s\", -2l", "(efault)" }, { "\"%10s\", 0", "    (null)" },
		{ "\"%s\", 0x100e0", "a\\nb\\x1b[2J\\\\" },
		{ "\"%14s\", 0x100e0", " a\\nb\\x1b[2J\\\\" },
		{ "\"%s\", (*(struct objects *)0x20000).comm", "kthreadd" },
		{ "\"%s|%d\", 0x90000, 5", "<not mapped>|5" },
		{ "\"<%s>\", 0x103fc", "<tail<not mapped>>" }, { "\"%.4s\", 0x103fc", "tail" },
		{ "\"%pks\", 0x100d0", "swapper/0" }, { "\"%.2pks\", 0x100d0", "sw" },
		{ "\"%pus\", 0x100d0", "swapper/0" }, { "\"%s\", \"x,y)\"", "x,y)" });
}

static void addresses(void **state)
{
	(void)state;
	EXPECT({ "\"%p\", 0x1234", "0000000000001234" }, { "\"%p\", 0", "0000000000000000" },
		{ "\"%px\", -1l", "ffffffffffffffff" },
		{ "\"%pK\", 0x0123456789abcdef", "0123456789abcdef" },
		{ "\"%10px|\", 0x1234", "      1234|" },
		{ "\"%#px\", 0x1234", "0x00000000001234" });
}

static void symbols(void **state)
{
	(void)state;
	EXPECT({ "\"%pS\", 0x30000", "versatile_init+0x0/0x110" },
		{ "\"%ps\", 0x30009", "versatile_init" },
		{ "\"%pSR\", 0x30009", "versatile_init+0x9/0x110" },
		{ "\"%pF\", 0x30000", "versatile_init+0x0/0x110" },
		{ "\"%pf\", 0x30000", "versatile_init" },
		{ "\"%pS\", 0x30110", "next_fn+0x0/0x10" },
		{ "\"%pB\", 0x30110", "versatile_init+0x110/0x110" },
		{ "\"%pBb\", 0x30110", "versatile_init+0x110/0x110" },
		{ "\"%pS\", versatile_init", "versatile_init+0x0/0x110" },
		{ "\"%pS\", 0x31004", "mod_fn+0x4/0x20 [mod]" },
		{ "\"%ps\", 0x31004", "mod_fn [mod]" },
		{ "\"%pSRb\", 0x31004", "mod_fn+0x4/0x20 [mod]" }, { "\"%pS\", 0xdead", "0xdead" },
		{ "\"%pB\", 0", "0x0" }, { "\"%16ps|\", 0x30110", "         next_fn|" },
		{ "\"%-9ps|\", 0x30110", "next_fn  |" });
}

static void errors_by_name(void **state)
{
	(void)state;
	EXPECT({ "\"%pe\", -28l", "-ENOSPC" }, { "\"%pe\", -2l", "-ENOENT" },
		{ "\"%pe\", -517l", "-EPROBE_DEFER" }, { "\"%pe\", -4095l", "-4095" },
		{ "\"%pe\", -4096l", "fffffffffffff000" },
		{ "\"%pe\", 0x1234", "0000000000001234" }, { "\"%9pe\", -5l", "     -EIO" },
		{ "\"%pe\", -110l", "-ETIMEDOUT" }, { "\"%pe\", -1l", "-EPERM" });
}

static void buffers(void **state)
{
	(void)state;
	EXPECT({ "\"%*ph\", 3, 0x10000", "00 01 02" }, { "\"%*phC\", 3, 0x10000", "00:01:02" },
		{ "\"%*phD\", 3, 0x10000", "00-01-02" }, { "\"%*phN\", 3, 0x10000", "000102" },
		{ "\"%ph\", 0x10001", "01" }, { "\"%2phN\", 0x10001", "0102" },
		{ "\"%0*ph\", 0, 0x10001", "" }, { "\"%*ph\", 8, 0", "  (null)" },
		{ "\"%*ph\", 4, 0x103fe", "<not mapped>" },
		{ "\"%80phN\", 0x10140",
			"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
			"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" },
		{ "\"%*pEhp\", 10, 0x10030", "\\x1bb \\C\\x07\"\\x90\\x0d]" },
		{ "\"%*pEa\", 10, 0x10030", "\\e\\142\\040\\\\\\103\\a\\\"\\220\\r\\135" },
		{ "\"%*pE\", 10, 0x10030", "\\eb \\C\\a\"\\220\\r]" }, { "\"%pE\", 0x10031", "b" },
		{ "\"%*pEn\", 2, 0x10000", "\\0\\x01" }, { "\"%*pEs\", 2, 0x10038", "\\r]" },
		{ "\"%*pEo\", 2, 0x10030", "\\033\\142" },
		{ "\"%*pEh\", 2, 0x10030", "\\x1b\\x62" }, { "\"%*pEc\", 2, 0x10030", "\\eb" },
		{ "\"%*pE\", 0, 0", "" }, { "\"%*pb\", 16, 0x10040", "0779" },
		{ "\"%*pbl\", 16, 0x10040", "0,3-6,8-10" }, { "\"%11pb\", 0x10040", "779" },
		{ "\"%4pbl\", 0x10040", "0,3" }, { "\"%3pb\", 0x10040", "1" },
		{ "\"%65pb\", 0x10040", "1,80000000,00000779" },
		{ "\"%*pbl\", 65, 0x10040", "0,3-6,8-10,63-64" }, { "\"%pb|\", 0x10040", "|" },
		{ "\"%*pb\", 16, 0", "          (null)" },
		{ "\"%64pb\", 0x10140", "ffffffff,ffffffff" }, { "\"%64pbl\", 0x10140", "0-63" });
}

static void network(void **state)
{
	(void)state;
	EXPECT({ "\"%pM\", 0x10000", "00:01:02:03:04:05" },
		{ "\"%pMR\", 0x10000", "05:04:03:02:01:00" },
		{ "\"%pMF\", 0x10000", "00-01-02-03-04-05" },
		{ "\"%pm\", 0x10000", "000102030405" }, { "\"%pmR\", 0x10000", "050403020100" },
		{ "\"%20pM\", 0x10000", "   00:01:02:03:04:05" }, { "\"%pM\", 0", "(null)" },
		{ "\"%pM\", 0x103fc", "<not mapped>" }, { "\"%pI4\", 0x10010", "1.2.3.4" },
		{ "\"%pi4\", 0x10010", "001.002.003.004" }, { "\"%pI4n\", 0x10010", "1.2.3.4" },
		{ "\"%pI4b\", 0x10010", "1.2.3.4" }, { "\"%pI4h\", 0x10010", "4.3.2.1" },
		{ "\"%pi4l\", 0x10010", "004.003.002.001" },
		{ "\"%pI6\", 0x10020", "0001:0002:0003:0004:0005:0006:0007:0008" },
		{ "\"%pi6\", 0x10020", "00010002000300040005000600070008" },
		{ "\"%pI6c\", 0x10020", "1:2:3:4:5:6:7:8" }, { "\"%pI6c\", 0x10110", "::" },
		{ "\"%pI6c\", 0x100f0", "::ffff:127.0.0.1" },
		{ "\"%pI6c\", 0x10120", "1:0:0:2::3" },
		{ "\"%pI6c\", 0x10200", "2001:db8::1:0:0:1" },
		{ "\"%pI6c\", 0x10130", "2001:db8:0:1:1:1:1:1" },
		{ "\"%pIS\", 0x10050", "1.2.3.4" }, { "\"%piS\", 0x10050", "001.002.003.004" },
		{ "\"%pISpc\", 0x10050", "1.2.3.4:12345" },
		{ "\"%pIS\", 0x10060", "0001:0002:0003:0004:0005:0006:0007:0008" },
		{ "\"%piS\", 0x10060", "00010002000300040005000600070008" },
		{ "\"%pISc\", 0x10060", "1:2:3:4:5:6:7:8" },
		{ "\"%pISpc\", 0x10060", "[1:2:3:4:5:6:7:8]:12345" },
		{ "\"%pISfc\", 0x10060", "[1:2:3:4:5:6:7:8]/123456789" },
		{ "\"%pISsc\", 0x10060", "[1:2:3:4:5:6:7:8]%1234567890" },
		{ "\"%pISpfc\", 0x10060", "[1:2:3:4:5:6:7:8]:12345/123456789" },
		{ "\"%pIS\", 0x10000", "(einval)" },
		{ "\"%pUb\", 0x10000", "00010203-0405-0607-0809-0a0b0c0d0e0f" },
		{ "\"%pU\", 0x10000", "00010203-0405-0607-0809-0a0b0c0d0e0f" },
		{ "\"%pUB\", 0x10000", "00010203-0405-0607-0809-0A0B0C0D0E0F" },
		{ "\"%pUl\", 0x10000", "03020100-0504-0706-0809-0a0b0c0d0e0f" },
		{ "\"%pUL\", 0x10000", "03020100-0504-0706-0809-0A0B0C0D0E0F" });
}

static void times_and_numbers(void **state)
{
	(void)state;
	EXPECT({ "\"%ptR\", 0x10080", "2019-01-31T11:49:43" },
		{ "\"%ptRs\", 0x10080", "2019-01-31 11:49:43" },
		{ "\"%ptRd\", 0x10080", "2019-01-31" }, { "\"%ptRt\", 0x10080", "11:49:43" },
		{ "\"%ptRr\", 0x10080", "0119-00-31T11:49:43" },
		{ "\"%ptRdr\", 0x10080", "0119-00-31" },
		{ "\"%ptRrs\", 0x10080", "0119-00-31 11:49:43" },
		{ "\"%ptRtr\", 0x10080", "11:49:43" },
		{ "\"%ptT\", 0x100a8", "2018-12-31T23:59:59" },
		{ "\"%ptTs\", 0x100a8", "2018-12-31 23:59:59" },
		{ "\"%ptTt\", 0x100a8", "23:59:59" }, { "\"%ptTdr\", 0x100a8", "0118-11-31" },
		{ "\"%p4cc\", 0x100b0", "BG12 little-endian (0x32314742)" },
		{ "\"%p4cc\", 0x100b4", "Y10  little-endian (0x20303159)" },
		{ "\"%p4cc\", 0x100b8", "NV12 big-endian (0xb231564e)" },
		{ "\"%p4cc\", 0x100bc", ".... little-endian (0x1000010a)" },
		{ "\"%p4ch\", 0x10300", "ABCD (0x41424344)" },
		{ "\"%p4chR\", 0x10300", "DCBA (0x44434241)" },
		{ "\"%p4cn\", 0x10300", "DCBA (0x44434241)" },
		{ "\"%p4cl\", 0x10300", "ABCD (0x41424344)" },
		{ "\"%p4cb\", 0x10304", "ABCD (0x41424344)" },
		{ "\"%20p4ch|\", 0x10300", "   ABCD (0x41424344)|" },
		{ "\"%ptS\", 0x10310", "2019-01-04T15:32:23.011235813" },
		{ "\"%ptSp\", 0x10310", "1546615943.011235813" },
		{ "\"%ptSs\", 0x10310", "2019-01-04 15:32:23.011235813" },
		{ "\"%ptSt\", 0x10310", "15:32:23.011235813" },
		{ "\"%pa\", 0x100c0", "0x0123456789abcdef" },
		{ "\"%pap\", 0x100c0", "0x0123456789abcdef" },
		{ "\"%pad\", 0x10010", "0x0000000004030201" },
		{ "\"%pNF\", 0x100c0", "0x0123456789abcdef" });
}

#define AT(member) "&((struct objects *)0x20000)->" #member

static void kernel_objects(void **state)
{
	(void)state;
	EXPECT({ "\"%pR\", " AT(mem), "[mem 0x60000000-0x6fffffff pref]" },
		{ "\"%pr\", " AT(mem), "[mem 0x60000000-0x6fffffff flags 0x2200]" },
		{ "\"%pR\", ((struct objects *)0x20000)->mem", "[mem 0x60000000-0x6fffffff pref]" },
		{ "\"%pR\", " AT(mem64), "[mem 0x1000000000-0x1fffffffff 64bit pref window]" },
		{ "\"%pR\", " AT(io), "[io  0x001f-0x003f disabled]" },
		{ "\"%pR\", " AT(irq), "[irq 27]" }, { "\"%pR\", " AT(bus), "[bus 00-ff]" },
		{ "\"%pR\", " AT(dma), "[dma 2-5]" },
		{ "\"%pR\", " AT(odd), "[??? 0x00000000-0x00000001 flags 0x40000000]" },
		{ "\"%pR\", " AT(one), "[mem 0x60000000]" },
		{ "\"%pR\", " AT(unset), "[mem size 0x00001000]" }, { "\"%pR\", 0", "(null)" },
		{ "\"%pR\", 0x90000", "<not mapped>" }, { "\"%pd\", " AT(bin), "bin" },
		{ "\"%pd2\", " AT(bin), "usr/bin" }, { "\"%pd3\", " AT(bin), "/usr/bin" },
		{ "\"%pd4\", " AT(bin), "/usr/bin" }, { "\"%pd\", " AT(root), "/" },
		{ "\"%pd4\", " AT(root), "/" }, { "\"%pd\", " AT(ls), "l\\ns" },
		{ "\"%pd4\", " AT(ls), "/usr/bin/l\\ns" }, { "\"%6pd|\", " AT(bin), "   bin|" },
		{ "\"%pD\", " AT(file), "bin" }, { "\"%pD2\", " AT(file), "usr/bin" },
		{ "\"%pg\", " AT(disk), "sda" }, { "\"%pg\", " AT(part), "sda1" },
		{ "\"%pg\", " AT(loop_part), "loop0p1" }, { "\"%pC\", " AT(clk), "pll1" },
		{ "\"%pCn\", " AT(clk), "pll1" }, { "\"%pGv\", " AT(vma_flags), "read|exec" },
		{ "\"%pGv\", " AT(no_flags), "" }, { "\"%pGg\", " AT(gfp), "GFP_NOIO" },
		{ "\"%pGg\", " AT(gfp_rest), "__GFP_IO|0x80000000" },
		{ "\"%pGp\", " AT(page_flags),
			"0xbfc0000000000006(referenced|uptodate|zone=2|kasantag=0xff)" },
		{ "\"%pGp\", " AT(no_flags), "0x0(zone=0|kasantag=0x0)" });
}

/* No types at all, 4-byte words. */
static void narrow_target(void **state)
{
	(void)state;
	struct debug_env e = env;
	static const struct row rows[] = { { "\"%p\", 0x1234", "00001234" },
		{ "\"%px\", -1", "ffffffff" }, { "\"%pe\", -12", "-ENOMEM" },
		{ "\"%pe\", -4096", "fffff000" }, { "\"%lx\", -1", "ffffffff" },
		{ "\"%ld\", 0xffffffff", "-1" }, { "\"%zu\", -1", "4294967295" },
		{ "\"%llx\", -1ll", "ffffffffffffffff" },
		{ "\"%*pbl\", 65, 0x10040", "0,3-6,8-10,63-64" }, { "\"%s\", -9", "(efault)" },
		{ "\"%pI4h\", 0x10010", "4.3.2.1" } };
	static const struct row big[] = { { "\"%pI4h\", 0x10010", "1.2.3.4" },
		{ "\"%8pb\", 0x10010", "04" },
		{ "\"%p4cc\", 0x10010", "...."
					" little-endian (0x01020304)" } };
	e.types = narrow;
	vs.facts.abi.word_bytes = 4;
	expect_rows(&e, rows, ARRAY_SIZE(rows));
	struct types *be = types_create(&(struct abi){ .word_bytes = 4, .big_endian = true });
	e.types = be;
	vs.facts.abi.big_endian = true;
	expect_rows(&e, big, ARRAY_SIZE(big));
	vs.facts.abi = (struct abi){ .word_bytes = 8 };
	types_destroy(be);
}

/* The caret stands under the byte that is wrong. */
static void wrong_formats(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t at;
		const char *message;
	} row[] = { { "5", 0, "double quotes" }, { "", 0, "double quotes" },
		{ "\"%d\" 5", 5, "comma" }, { "\"%d\"", 1, "no argument" },
		{ "\"%d %d\", 1", 4, "no argument" }, { "\"%*d\", 1", 1, "no argument" },
		{ "\"%d\", 1, 2", 9, "no conversion" }, { "\"x\", 1", 5, "no conversion" },
		{ "\"%d\", ", 6, "missing" }, { "\"%d\", , 1", 6, "missing" },
		{ "\"%pQ\", 1", 3, "known are %p %px" }, { "\"\\t\\x41%pQ\", 1", 9, "known" },
		{ "\"%pRz\", 1", 4, "not z" }, { "\"%pd5\", 1", 4, "234" },
		{ "\"%n\", 1", 2, "no %n" }, { "\"%f\", 1", 2, "no %f" },
		{ "\"50%\"", 3, "no letter" }, { "\"%l\", 1", 1, "no letter" },
		{ "\"%d\", 1 << 2 +", 14, "" }, { "\"%d\", nothing", 6, "nothing" },
		{ "\"%d\", 1l << 32", 6, "ll" }, { "\"%x\", -1l << 40", 6, "ll" },
		{ "\"%99999d\", 1", 2, "too wide" },
		{ "\"%*d\", 70000, 1", 7, "no more than 65536" },
		{ "\"%d\", *(struct objects *)0x20000", 6, "" }, { "\"open", 0, "quote" } };
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct arena a = { 0 };
		scoped_strbuf struct strbuf out = { 0 };
		size_t at = 99;
		scoped_err struct err *err =
			printk_print(&env, formats, &a, row[i].text, &out, &at);
		if (!err)
			fail_msg("%s: no error, but %s", row[i].text, strbuf_text(&out));
		if (at != row[i].at || !strstr(err->msg, row[i].message) || out.len)
			fail_msg("%s: at %zu: %s", row[i].text, at, err->msg);
		arena_deinit(&a);
	}
}

static struct err *print_x(const struct printk_pointer *p, struct strbuf *out)
{
	strbuf_addf(out, "mine %s", p->letters);
	return NULL;
}

static void registry(void **state)
{
	(void)state;
	static const struct printk_extension mine = { "RX", "ab", "", true, print_x };
	struct arena a = { 0 };
	size_t at = 0, n = 0;
	scoped_printk_formats struct printk_formats *f = printk_formats_create();
	scoped_strbuf struct strbuf out = { 0 };
	scoped_err struct err *bare = printk_print(&env, f, &a, "\"%pR\", 0x20000", &out, &at);
	assert_non_null(bare); /* needs kernel structures */
	printk_formats_add(f, &mine);
	while (printk_formats_get(f, n))
		n++;
	printk_formats_add(f, &mine);
	assert_null(printk_formats_get(f, n));
	scoped_err struct err *err = printk_print(&env, f, &a, "\"%pRXba\", 0", &out, &at);
	assert_null(err);
	assert_string_equal(strbuf_text(&out), "mine ba");
	arena_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(integers), cmocka_unit_test(texts),
		cmocka_unit_test(addresses), cmocka_unit_test(symbols),
		cmocka_unit_test(errors_by_name), cmocka_unit_test(buffers),
		cmocka_unit_test(network), cmocka_unit_test(times_and_numbers),
		cmocka_unit_test(kernel_objects), cmocka_unit_test(narrow_target),
		cmocka_unit_test(wrong_formats), cmocka_unit_test(registry) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
