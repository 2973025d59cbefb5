/* %p formats of kernel structures. Facts: lib/vsprintf.c of 6.1, and what other releases call the
 * same. */
#include "analyzer/kernel/printk_objects.h"

#include <ctype.h>
#include <string.h>

#include "analyzer/kernel/printk_objects_internal.h"

enum { FORMAT_BYTES = 1024 /* PRINTKRB_RECORD_MAX: no message is longer */ };

void printk_view_destroy(struct view **v)
{
	view_destroy(*v);
}

struct err *printk_read_object(
	const struct debug_env *env, const struct view_spec *spec, uint64_t va, void *ret)
{
	scoped_printk_view struct view *v = NULL;
	if (!env->vs)
		return err_new(ERR_MISSING, "there is no memory to read");
	struct err *err = view_bind(env->types, spec, &v);
	return err ? err : view_read(v, env->vs, va, ret);
}

static struct err *print_name(const struct printk_pointer *p, uint64_t va, struct strbuf *out)
{
	struct printk_pointer name = *p;
	scoped_strbuf struct strbuf text = { 0 };
	name.va = va;
	if (printk_bad_pointer(&name, out))
		return NULL;
	struct err *err = printk_read_text(p->env, va, PRINTK_NAME_BYTES, &text);
	if (!err)
		printk_add_text(out, &p->spec, strbuf_text(&text), text.len);
	return err;
}

/* ---- struct resource ----------------------------------------------- */

struct resource {
	uint64_t start, end, flags;
};
static const struct view_field resource_fields[] = {
	FIELD(struct resource, start, "start"),
	FIELD(struct resource, end, "end"),
	FIELD(struct resource, flags, "flags"),
};
static const struct view_spec resource_spec = { .type = "resource",
	.hint = "kernel/resource.c",
	.fields = resource_fields,
	.nfields = ARRAY_SIZE(resource_fields) };

/* include/linux/ioport.h: no enum has these */
enum resource_flag {
	RESOURCE_IO = 0x100,
	RESOURCE_MEM = 0x200,
	RESOURCE_IRQ = 0x400,
	RESOURCE_DMA = 0x800,
	RESOURCE_BUS = 0x1000,
	RESOURCE_PREFETCH = 0x2000,
	RESOURCE_MEM_64 = 0x100000,
	RESOURCE_WINDOW = 0x200000,
	RESOURCE_DISABLED = 0x10000000,
	RESOURCE_UNSET = 0x20000000,
};

struct resource_kind {
	uint64_t flag;
	const char *name;
	enum printk_base base;
	struct printk_spec spec;
};

/* The first one set counts. */
static const struct resource_kind resource_kinds[] = {
	{ RESOURCE_IO, "io  ", PRINTK_HEX, { .alternate = true, .zero = true, .width = 6 } },
	{ RESOURCE_MEM, "mem ", PRINTK_HEX, { .alternate = true, .zero = true, .width = 10 } },
	{ RESOURCE_IRQ, "irq ", PRINTK_DECIMAL, { 0 } },
	{ RESOURCE_DMA, "dma ", PRINTK_DECIMAL, { 0 } },
	{ RESOURCE_BUS, "bus ", PRINTK_HEX, { .zero = true, .width = 2 } },
	{ 0, "??? ", PRINTK_HEX, { .alternate = true, .zero = true, .width = 10 } },
};

static const struct resource_kind *kind_of(uint64_t flags)
{
	const struct resource_kind *k = resource_kinds;
	while (k->flag && !(flags & k->flag))
		k++;
	return k;
}

static void add_words(struct strbuf *b, uint64_t flags)
{
	strbuf_add(b, flags & RESOURCE_MEM_64 ? " 64bit" : "");
	strbuf_add(b, flags & RESOURCE_PREFETCH ? " pref" : "");
	strbuf_add(b, flags & RESOURCE_WINDOW ? " window" : "");
	strbuf_add(b, flags & RESOURCE_DISABLED ? " disabled" : "");
}

static struct err *format_resource(const struct printk_pointer *p, bool decode, struct strbuf *out)
{
	struct resource r = { 0 };
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read_object(p->env, &resource_spec, p->va, &r);
	if (err)
		return err;
	const struct resource_kind *k = kind_of(r.flags);
	decode &= k->flag != 0;
	strbuf_addf(&b, "[%s", k->name);
	if (decode && r.flags & RESOURCE_UNSET) {
		strbuf_add(&b, "size ");
		printk_add_number(&b, &k->spec, r.end - r.start + 1, k->base);
	} else {
		printk_add_number(&b, &k->spec, r.start, k->base);
		strbuf_add(&b, r.start != r.end ? "-" : "");
		if (r.start != r.end)
			printk_add_number(&b, &k->spec, r.end, k->base);
	}
	if (decode)
		add_words(&b, r.flags);
	else
		strbuf_addf(&b, " flags 0x%llx", (unsigned long long)r.flags);
	strbuf_add_char(&b, ']');
	printk_add_text(out, &p->spec, b.s, b.len);
	return NULL;
}

static struct err *print_resource(const struct printk_pointer *p, struct strbuf *out)
{
	return format_resource(p, true, out);
}

static struct err *print_resource_raw(const struct printk_pointer *p, struct strbuf *out)
{
	return format_resource(p, false, out);
}

struct range {
	uint64_t start, end;
};
static const struct view_field range_fields[] = {
	FIELD(struct range, start, "start"),
	FIELD(struct range, end, "end"),
};
static const struct view_spec range_spec = { .type = "range",
	.hint = "kernel/range.c",
	.fields = range_fields,
	.nfields = ARRAY_SIZE(range_fields) };

/* Since v6.13 (lib/vsprintf.c:range_string()) */
static struct err *print_range(const struct printk_pointer *p, struct strbuf *out)
{
	struct range r = { 0 };
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read_object(p->env, &range_spec, p->va, &r);
	if (err)
		return err;
	strbuf_add(&b, "[range ");
	printk_add_hex(&b, r.start, 8);
	if (r.start != r.end) {
		strbuf_add_char(&b, '-');
		printk_add_hex(&b, r.end, 8);
	}
	strbuf_add_char(&b, ']');
	printk_add_text(out, &p->spec, b.s, b.len);
	return NULL;
}

/* ---- dentries ----------------------------------------------- */

struct dentry {
	uint64_t parent, name;
};
static const struct view_field dentry_fields[] = {
	FIELD(struct dentry, parent, "d_parent"),
	FIELD(struct dentry, name, "d_name.name"),
};
static const struct view_spec dentry_spec = { .type = "dentry",
	.hint = "fs/dcache.c",
	.fields = dentry_fields,
	.nfields = ARRAY_SIZE(dentry_fields) };

/* The names from @va up to a root, which counts as an empty name, or as "/" when it stands alone.
 */
static struct err *format_dentry(
	const struct printk_pointer *p, uint64_t va, unsigned depth, struct strbuf *out)
{
	scoped_strbuf struct strbuf path = { 0 };
	for (unsigned i = 0; i < depth; i++) {
		scoped_strbuf struct strbuf name = { 0 };
		struct printk_pointer at = *p;
		struct dentry d = { 0 };
		at.va = va;
		if (printk_bad_pointer(&at, out))
			return NULL;
		struct err *err = printk_read_object(p->env, &dentry_spec, va, &d);
		bool root = !err && d.parent == va;
		if (!err && !(root && i))
			err = printk_read_text(p->env, d.name, PRINTK_NAME_BYTES, &name);
		if (err)
			return err;
		if (i)
			strbuf_add_char(&name, '/');
		strbuf_add_bytes(&name, strbuf_text(&path), path.len);
		strbuf_reset(&path);
		strbuf_add_bytes(&path, strbuf_text(&name), name.len);
		if (root)
			break;
		va = d.parent;
	}
	printk_add_text(out, &p->spec, strbuf_text(&path), path.len);
	return NULL;
}

static unsigned depth_of(const struct printk_pointer *p)
{
	return *p->letters ? (unsigned)(*p->letters - '0') : 1;
}

static struct err *print_dentry(const struct printk_pointer *p, struct strbuf *out)
{
	return format_dentry(p, p->va, depth_of(p), out);
}

struct file {
	uint64_t dentry;
};
static const struct view_field file_fields[] = {
	FIELD(struct file, dentry, "f_path.dentry"),
};
static const struct view_spec file_spec = { .type = "file",
	.hint = "fs/open.c",
	.fields = file_fields,
	.nfields = ARRAY_SIZE(file_fields) };

static struct err *print_file(const struct printk_pointer *p, struct strbuf *out)
{
	struct file f = { 0 };
	struct err *err = printk_read_object(p->env, &file_spec, p->va, &f);
	return err ? err : format_dentry(p, f.dentry, depth_of(p), out);
}

/* ---- block devices, clocks ----------------------------------------------- */

struct block_device {
	uint64_t disk, flags, part;
	uint8_t partno;
};
static const struct view_field bdev_fields[] = {
	FIELD(struct block_device, disk, "bd_disk"),
	FIELD_OPTIONAL(struct block_device, partno, "bd_partno"),	  /* v5.11 to v6.9 */
	FIELD_OPTIONAL(struct block_device, flags, "__bd_flags.counter"), /* since v6.10 */
	FIELD_OPTIONAL(struct block_device, part, "bd_part"),		  /* up to v5.10 */
};
static const struct view_spec bdev_spec = { .type = "block_device",
	.hint = "block/genhd.c",
	.fields = bdev_fields,
	.nfields = ARRAY_SIZE(bdev_fields) };

struct gendisk {
	char name[32];
};
static const struct view_field gendisk_fields[] = {
	FIELD_BYTES(struct gendisk, name, "disk_name"),
};
static const struct view_spec gendisk_spec = { .type = "gendisk",
	.hint = "block/genhd.c",
	.fields = gendisk_fields,
	.nfields = ARRAY_SIZE(gendisk_fields) };

struct hd_struct {
	uint32_t partno;
};
static const struct view_field hd_fields[] = {
	FIELD(struct hd_struct, partno, "partno"),
};
static const struct view_spec hd_spec = { .type = "hd_struct",
	.hint = "block/genhd.c",
	.fields = hd_fields,
	.nfields = ARRAY_SIZE(hd_fields) };

static struct err *print_block_device(const struct printk_pointer *p, struct strbuf *out)
{
	struct block_device bdev = { 0 };
	struct gendisk disk = { 0 };
	struct hd_struct part = { 0 };
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read_object(p->env, &bdev_spec, p->va, &bdev);
	if (!err)
		err = printk_read_object(p->env, &gendisk_spec, bdev.disk, &disk);
	if (!err && bdev.part)
		err = printk_read_object(p->env, &hd_spec, bdev.part, &part);
	if (err)
		return err;
	/* include/linux/blk_types.h: BD_PARTNO is the lowest byte of __bd_flags */
	unsigned partno = bdev.part ? part.partno : bdev.partno ? bdev.partno : bdev.flags & 0xff;
	size_t n = strnlen(disk.name, sizeof(disk.name));
	strbuf_add_bytes(&b, disk.name, n);
	if (partno)
		strbuf_addf(
			&b, n && isdigit((unsigned char)disk.name[n - 1]) ? "p%u" : "%u", partno);
	printk_add_text(out, &p->spec, strbuf_text(&b), b.len);
	return NULL;
}

struct clk {
	uint64_t core;
};
static const struct view_field clk_fields[] = { FIELD(struct clk, core, "core") };
static const struct view_spec clk_spec = { .type = "clk",
	.hint = "drivers/clk/clk.c",
	.fields = clk_fields,
	.nfields = ARRAY_SIZE(clk_fields) };

struct clk_core {
	uint64_t name;
};
static const struct view_field core_fields[] = { FIELD(struct clk_core, name, "name") };
static const struct view_spec core_spec = { .type = "clk_core",
	.hint = "drivers/clk/clk.c",
	.fields = core_fields,
	.nfields = ARRAY_SIZE(core_fields) };

static struct err *print_clock(const struct printk_pointer *p, struct strbuf *out)
{
	struct clk clk = { 0 };
	struct clk_core core = { 0 };
	struct err *err = printk_read_object(p->env, &clk_spec, p->va, &clk);
	if (!err)
		err = printk_read_object(p->env, &core_spec, clk.core, &core);
	return err ? err : print_name(p, core.name, out);
}

/* ---- formats that were handed on ----------------------------------------------- */

struct va_format {
	uint64_t format;
};
static const struct view_field va_format_fields[] = { FIELD(struct va_format, format, "fmt") };
static const struct view_spec va_format_spec = { .type = "va_format",
	.hint = "lib/vsprintf.c",
	.fields = va_format_fields,
	.nfields = ARRAY_SIZE(va_format_fields) };

/* The arguments were in registers and on the stack of some caller: only the format is left. */
static struct err *print_va_format(const struct printk_pointer *p, struct strbuf *out)
{
	static const struct printk_spec plain = { .width = -1, .precision = -1 };
	struct va_format f = { 0 };
	struct printk_pointer format = *p;
	scoped_strbuf struct strbuf text = { 0 };
	struct err *err = printk_read_object(p->env, &va_format_spec, p->va, &f);
	format.va = f.format;
	if (err || printk_bad_pointer(&format, out))
		return err;
	err = printk_read_text(p->env, f.format, FORMAT_BYTES, &text);
	if (err)
		return err;
	printk_add_text(out, &plain, strbuf_text(&text), text.len);
	if (memchr(strbuf_text(&text), '%', text.len))
		strbuf_add(out, "<its arguments are not known>");
	return NULL;
}

void printk_objects_register(struct printk_formats *f)
{
	static const struct printk_extension rows[] = {
		{ "R", "", "a struct resource: [mem 0x60000000-0x6fffffff pref]", false,
			print_resource },
		{ "r", "", "a struct resource with its flags in hex", false, print_resource_raw },
		{ "ra", "", "a struct range: [range 0x0000000000001000-0x0000000000001fff]", false,
			print_range },
		{ "d", "234", "a dentry's name (2 to 4: the last components)", false,
			print_dentry },
		{ "D", "234", "a struct file's dentry, in the same way", false, print_file },
		{ "g", "", "a block_device's name", false, print_block_device },
		{ "C", "n", "a struct clk's name", false, print_clock },
		{ "V", "", "a struct va_format's format, whose arguments are not known", false,
			print_va_format },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		printk_formats_add(f, &rows[i]);
	printk_flags_register(f);
	printk_nodes_register(f);
	printk_modules_register(f);
}
