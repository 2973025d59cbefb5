/*
 * kinfo: the blocks that vendors' kernels leave in RAM for their boot loaders, as they are:
 * Google's debug-kinfo, MediaTek's mrdump control block, Unisoc's sysdump header, Qualcomm's word
 * for KASLR. Knows their bytes and nothing of the kernel; that inquest finds kernels by them is
 * another matter (`sys -b`). All are little-endian.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/api.h"

enum { PAGE = 4096, BLOCK_BYTES = 1024, BLOCKS_MAX = 64 };

/* ---- the bytes --------------------------------------------------------------------------- */

enum block_kind { BLOCK_NONE, BLOCK_DEBUG_KINFO, BLOCK_MRDUMP, BLOCK_SYSDUMP, BLOCK_IMEM };
static const char *const kind_names[] = { "", "debug-kinfo", "mrdump", "sysdump", "imem" };

enum { KINFO_MAGIC = 0xcceeddff, IMEM_MAGIC = 0xdead4ead, IMEM_AT = 0x6d0, IMEM_BYTES = 12 };

/* Also SPINLOCK_MAGIC (include/linux/spinlock_types.h), behind which stand a CPU and a task: an
 * offset is a multiple of 64 KiB and of less than 48 bits. */
static bool imem_is(const uint8_t *p)
{
	uint64_t offset = load_u64le(p + 4);
	return load_u32le(p) == IMEM_MAGIC && offset && !(offset & 0xffff) && !(offset >> 48);
}

/* @p: the first BLOCK_BYTES of a page; @imem: IMEM_BYTES at IMEM_AT of it, or NULL. */
static enum block_kind block_recognise(const uint8_t *p, const uint8_t *imem)
{
	if (load_u32le(p) == KINFO_MAGIC)
		return BLOCK_DEBUG_KINFO;
	if (!memcmp(p, "MRDUMP", 6) && isdigit(p[6]) && isdigit(p[7]))
		return BLOCK_MRDUMP;
	if (!memcmp(p, "SPRD_SYSDUMP_", 13))
		return BLOCK_SYSDUMP;
	return imem && imem_is(imem) ? BLOCK_IMEM : BLOCK_NONE;
}

enum field_form { FIELD_U8, FIELD_U16, FIELD_U32, FIELD_PA, FIELD_TEXT };

struct field {
	const char *name;
	uint16_t offset;
	enum field_form form;
	uint16_t bytes; /* of TEXT */
};

/*
 * drivers/android/debug_kinfo.h of Android's kernels, 5.4 to 6.12: packed, a magic word, the XOR of
 * all 32-bit words behind the sum, then struct kernel_info. Behind build_info it differs by
 * release.
 */
enum { KINFO_SUMMED = 8, KINFO_TAIL = 0x1c4 };
static const struct field kinfo_fields[] = { { "enabled_all", 0x08, FIELD_U8, 0 },
	{ "enabled_base_relative", 0x09, FIELD_U8, 0 },
	{ "enabled_absolute_percpu", 0x0a, FIELD_U8, 0 },
	{ "enabled_cfi_clang", 0x0b, FIELD_U8, 0 }, { "num_syms", 0x0c, FIELD_U32, 0 },
	{ "name_len", 0x10, FIELD_U16, 0 }, { "bit_per_long", 0x12, FIELD_U16, 0 },
	{ "module_name_len", 0x14, FIELD_U16, 0 }, { "symbol_len", 0x16, FIELD_U16, 0 },
	{ "_addresses_pa", 0x18, FIELD_PA, 0 }, { "_relative_pa", 0x20, FIELD_PA, 0 },
	{ "_stext_pa", 0x28, FIELD_PA, 0 }, { "_etext_pa", 0x30, FIELD_PA, 0 },
	{ "_sinittext_pa", 0x38, FIELD_PA, 0 }, { "_einittext_pa", 0x40, FIELD_PA, 0 },
	{ "_end_pa", 0x48, FIELD_PA, 0 }, { "_offsets_pa", 0x50, FIELD_PA, 0 },
	{ "_names_pa", 0x58, FIELD_PA, 0 }, { "_token_table_pa", 0x60, FIELD_PA, 0 },
	{ "_token_index_pa", 0x68, FIELD_PA, 0 }, { "_markers_pa", 0x70, FIELD_PA, 0 },
	{ "thread_size", 0x78, FIELD_U32, 0 }, { "swapper_pg_dir_pa", 0x7c, FIELD_PA, 0 },
	{ "last_uts_release", 0x84, FIELD_TEXT, 64 }, { "build_info", 0xc4, FIELD_TEXT, 256 },
	{ 0 } };

/* Where the summed words end: behind them all is zero, or another's. 0: the sum is wrong. */
static size_t kinfo_end(const uint8_t *p)
{
	uint32_t want = load_u32le(p + 4), sum = 0;
	size_t end = 0;
	for (size_t at = KINFO_SUMMED; at + 4 <= BLOCK_BYTES; at += 4) {
		uint32_t word = load_u32le(p + at);
		sum ^= word;
		if (at + 4 >= KINFO_TAIL && sum == want && (!end || word))
			end = at + 4;
	}
	return end;
}

/* drivers/misc/mediatek/aee/mrdump/mrdump.h: what follows the signature differs by release. */
static const struct field mrdump_fields[] = { { "sig", 0, FIELD_TEXT, 8 }, { 0 } };

/* Unisoc's native dump; newer kernels put more behind mem_num. */
static const struct field sysdump_fields[] = { { "magic", 0, FIELD_TEXT, 16 },
	{ "time", 16, FIELD_TEXT, 32 }, { "dump_path", 48, FIELD_TEXT, 128 },
	{ "elfhdr_size", 176, FIELD_U32, 0 }, { "mem_num", 180, FIELD_U32, 0 }, { 0 } };

/* Words that can only be kimage_voffset of arm64: the upper half of all addresses, page-aligned. */
static bool may_be_voffset(uint64_t v)
{
	return v >> 52 == 0xfff && !(v & 0xfff) && v << 12;
}

/* ---- rows -------------------------------------------------------------------------------- */

static const struct column kinfo_columns[] = { { "block", .width = 11 },
	{ "physical", .width = WIDTH_ADDRESS }, { "offset", .width = 6 }, { "field", .width = 24 },
	{ "value", .width = 18 }, { "text" }, { 0 } };
static const struct table kinfo_table = { .layout = LAYOUT_TABLE, .columns = kinfo_columns };

struct block {
	enum block_kind kind;
	uint64_t pa;
	uint8_t p[BLOCK_BYTES];
};

static void begin_row(struct cx *cx, const struct block *b, size_t offset, const char *field)
{
	out_row(cx->out);
	out_str(cx->out, "block", kind_names[b->kind]);
	out_addr(cx->out, "physical", b->pa);
	out_hex(cx->out, "offset", offset);
	out_str(cx->out, "field", field);
}

static void show_field(struct cx *cx, const struct block *b, const struct field *f)
{
	const uint8_t *p = b->p + f->offset;
	begin_row(cx, b, f->offset, f->name);
	if (f->form == FIELD_TEXT)
		out_str_n(cx->out, "text", (const char *)p, strnlen((const char *)p, f->bytes));
	else if (f->form == FIELD_PA)
		out_hex(cx->out, "value", load_u64le(p));
	else
		out_uint(cx->out, "value",
			f->form == FIELD_U8    ? p[0]
			: f->form == FIELD_U16 ? (uint64_t)p[0] | (uint64_t)p[1] << 8
					       : load_u32le(p));
}

static void show_fields(struct cx *cx, const struct block *b, const struct field *f)
{
	for (; f->name; f++)
		show_field(cx, b, f);
}

static void show_kinfo(struct cx *cx, const struct block *b)
{
	size_t end = kinfo_end(b->p);
	begin_row(cx, b, 4, "combined_checksum");
	out_hex(cx->out, "value", load_u32le(b->p + 4));
	out_str(cx->out, "text", end ? "right" : "wrong: what follows may be damaged");
	show_fields(cx, b, kinfo_fields);
	for (size_t at = KINFO_TAIL; at < end; at += 4) {
		begin_row(cx, b, at, "module offset");
		out_hex(cx->out, "value", load_u32le(b->p + at));
	}
}

static void show_words(struct cx *cx, const struct block *b, size_t from)
{
	for (size_t at = from; at + 8 <= BLOCK_BYTES; at += 4) {
		uint64_t v = load_u64le(b->p + at);
		if (!may_be_voffset(v))
			continue;
		begin_row(cx, b, at, "kimage_voffset?");
		out_hex(cx->out, "value", v);
	}
}

static void show_block(struct cx *cx, const struct block *b, const uint8_t *imem)
{
	out_table(cx->out, &kinfo_table);
	if (b->kind == BLOCK_DEBUG_KINFO) {
		show_kinfo(cx, b);
	} else if (b->kind == BLOCK_MRDUMP) {
		show_fields(cx, b, mrdump_fields);
		show_words(cx, b, 8);
	} else if (b->kind == BLOCK_SYSDUMP) {
		show_fields(cx, b, sysdump_fields);
		show_words(cx, b, 184);
	} else {
		begin_row(cx, b, IMEM_AT + 4, "kaslr_offset");
		out_hex(cx->out, "value", load_u64le(imem + 4));
	}
}

/* ---- finding them ------------------------------------------------------------------------ */

/* Whether a block begins at @pa. What cannot be read is none. */
static bool block_at(struct target *t, uint64_t pa, struct block *ret, uint8_t imem[IMEM_BYTES])
{
	bool has_imem = true;
	*ret = (struct block){ .pa = pa };
	struct err *err = api_read_physical(t, pa, ret->p, 16);
	if (err) {
		err_drop(err); /* a hole of the dump */
		return false;
	}
	err = api_read_physical(t, pa + IMEM_AT, imem, IMEM_BYTES);
	if (err) {
		err_drop(err);
		has_imem = false;
	}
	ret->kind = block_recognise(ret->p, has_imem ? imem : NULL);
	if (ret->kind == BLOCK_NONE || ret->kind == BLOCK_IMEM)
		return ret->kind != BLOCK_NONE;
	err = api_read_physical(t, pa, ret->p, BLOCK_BYTES);
	bool whole = !err;
	err_drop(err); /* cut off: nothing that could be decoded */
	return whole;
}

static struct err *scan_run(struct cx *cx, uint64_t pa, uint64_t n, unsigned *io_found)
{
	uint8_t imem[IMEM_BYTES];
	struct block b;
	for (uint64_t at = (pa + PAGE - 1) & ~(uint64_t)(PAGE - 1); at >= pa && at - pa < n;
		at += PAGE) {
		uint64_t data;
		struct err *err = interrupt_check();
		if (err)
			return err;
		if (!api_next_data(cx->target, at, &data))
			return NULL;
		if (data - at >= PAGE) {
			at = (data & ~(uint64_t)(PAGE - 1)) - PAGE;
			continue;
		}
		if (!block_at(cx->target, at, &b, imem))
			continue;
		if (++*io_found > BLOCKS_MAX)
			return err_new(ERR_LIMIT, "more than %d blocks", BLOCKS_MAX);
		show_block(cx, &b, imem);
	}
	return NULL;
}

static struct err *kinfo_run(struct cx *cx, const struct args *a)
{
	uint8_t imem[IMEM_BYTES];
	uint64_t pa, n;
	unsigned found = 0;
	struct block b;
	struct err *err = NULL;
	if (args_count(a)) {
		err = args_addr(a, 0, &pa);
		if (!err && !block_at(cx->target, pa, &b, imem))
			err = args_error(a, 0, "no block of a vendor begins there");
		if (!err)
			show_block(cx, &b, imem);
		return err;
	}
	for (size_t i = 0; !err && api_ram(cx->target, i, &pa, &n); i++)
		err = scan_run(cx, pa, n, &found);
	if (!err && !found)
		err = err_new(ERR_NOT_FOUND, "no vendor's block begins at a page of this dump");
	return err;
}

static const char *const kinfo_examples[] = {
	"kinfo\tall blocks of the dump's memory",
	"kinfo 9fe00000\tthe one at this physical address",
	NULL,
};

static const struct command kinfo = {
	.name = "kinfo",
	.summary = "what vendors' kernels leave in memory for their boot loaders",
	.usage = "[PHYSICAL]",
	.details = "debug-kinfo (Android), mrdump (MediaTek), sysdump (Unisoc) and Qualcomm's word "
		   "for KASLR, field by\n"
		   "field. `sys -b` says whether the kernel was found by one of them.",
	.examples = kinfo_examples,
	.max_args = 1,
	.rows = &kinfo_table,
	.run = kinfo_run,
};

static const struct command *const commands[] = { &kinfo, NULL };

const struct plugin plugin = {
	PLUGIN_BUILT_BY,
	.name = "kinfo",
	.version = "1",
	.summary = "blocks of vendors' kernels",
	.commands = commands,
};
