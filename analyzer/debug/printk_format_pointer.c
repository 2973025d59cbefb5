/* %p and what looks at the address itself or at one number behind it: addresses, symbols, error
 * pointers, physical addresses, FourCC. */
#include <string.h>

#include "analyzer/debug/printk_format_internal.h"

static const struct abi *abi_of(const struct printk_pointer *p)
{
	return types_abi(p->env->types);
}

/* ---- addresses ----------------------------------------------- */

/* lib/vsprintf.c:pointer_string(): all digits unless there is a width. */
static struct err *print_address(const struct printk_pointer *p, struct strbuf *out)
{
	struct printk_spec spec = p->spec;
	if (spec.width < 0) {
		spec.width = 2 * abi_of(p)->word_bytes;
		spec.zero = true;
	}
	printk_add_number(out, &spec, p->va, PRINTK_HEX);
	return NULL;
}

/* PTR_ERR() is as wide as a pointer; include/linux/err.h: MAX_ERRNO is 4095. */
static struct err *print_error(const struct printk_pointer *p, struct strbuf *out)
{
	int64_t n = sign_extend(p->va, abi_of(p)->word_bytes * 8u);
	if (n >= 0 || n < -4095)
		return print_address(p, out);
	scoped_strbuf struct strbuf b = { 0 };
	const char *name = printk_errno_name((uint64_t)-n);
	if (!name) {
		printk_add_number(out, &p->spec, (uint64_t)n, PRINTK_SIGNED);
		return NULL;
	}
	strbuf_addf(&b, "-%s", name);
	printk_add_text(out, &p->spec, strbuf_text(&b), b.len);
	return NULL;
}

/* ---- symbols ----------------------------------------------- */

/* __builtin_extract_return_addr(): without pointer authentication. */
static uint64_t return_address(const struct printk_pointer *p)
{
	const struct space_facts *facts = p->env->vs ? vspace_facts(p->env->vs) : NULL;
	bool can = facts && facts->arch && facts->arch->strip;
	return can ? facts->arch->strip(&facts->layout, p->va) : p->va;
}

/* Without a symbol: the address, as kernel/kallsyms.c:__sprint_symbol() has it. */
static struct err *add_symbol(const struct printk_pointer *p, struct strbuf *b, struct strbuf *out)
{
	if (!b->len)
		strbuf_addf(b, "0x%llx", (unsigned long long)p->va);
	printk_add_text(out, &p->spec, b->s, b->len);
	return NULL;
}

struct err *printk_add_symbol(const struct printk_pointer *p, bool is_return, const char *build_id,
	struct strbuf *out)
{
	scoped_strbuf struct strbuf b = { 0 };
	uint64_t va = strchr(p->letters, 'R') ? return_address(p) : p->va;
	if (p->env->syms)
		(void)symtab_format(p->env->syms, va, is_return, &b); /* b stays empty */
	if (build_id && b.len && b.s[b.len - 1] == ']') {
		b.len--;
		strbuf_addf(&b, " %s]", build_id);
	}
	return add_symbol(p, &b, out);
}

static struct err *print_symbol(const struct printk_pointer *p, struct strbuf *out)
{
	return printk_add_symbol(p, false, NULL, out);
}

static struct err *print_backtrace(const struct printk_pointer *p, struct strbuf *out)
{
	return printk_add_symbol(p, true, NULL, out);
}

static struct err *print_symbol_name(const struct printk_pointer *p, struct strbuf *out)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct symbol sym;
	uint64_t va = strchr(p->letters, 'R') ? return_address(p) : p->va;
	if (p->env->syms && symtab_at(p->env->syms, va, &sym)) {
		strbuf_add(&b, sym.name);
		if (sym.module)
			strbuf_addf(&b, " [%s]", sym.module);
	}
	return add_symbol(p, &b, out);
}

/* ---- a number behind the pointer ----------------------------------------------- */

/* The types know how wide it is; on arm64 it always has 64 bits (arch/arm64/Kconfig:
 * PHYS_ADDR_T_64BIT by 64BIT). */
static struct err *print_typed(const struct printk_pointer *p, const char *name, struct strbuf *out)
{
	const struct type *t;
	uint64_t n, bytes = 8;
	if (abi_of(p)->word_bytes == 4) {
		struct err *err = types_find(p->env->types, TYPE_TYPEDEF, name, NULL, &t);
		if (err)
			return err_wrap(err, "the width of %s", name);
		bytes = type_strip(t)->size;
		if (bytes != 4 && bytes != 8)
			return err_new(
				ERR_FORMAT, "%s has %llu bytes", name, (unsigned long long)bytes);
	}
	struct err *err = printk_read_uint(p->env, p->va, (unsigned)bytes, &n);
	if (!err)
		printk_add_hex(out, n, (unsigned)bytes);
	return err;
}

static struct err *print_phys_addr(const struct printk_pointer *p, struct strbuf *out)
{
	return print_typed(p, "phys_addr_t", out);
}

static struct err *print_dma_addr(const struct printk_pointer *p, struct strbuf *out)
{
	return print_typed(p, "dma_addr_t", out);
}

/* include/linux/netdev_features.h: netdev_features_t is a u64 */
static struct err *print_netdev_features(const struct printk_pointer *p, struct strbuf *out)
{
	uint64_t n;
	struct err *err = printk_read_uint(p->env, p->va, 8, &n);
	if (!err)
		printk_add_hex(out, n, 8);
	return err;
}

/* The text is ours and printable: no escapes, which would double its backslashes. */
static void add_plain(struct strbuf *out, const struct printk_spec *spec, const struct strbuf *b)
{
	size_t shown = spec->precision >= 0 && (size_t)spec->precision < b->len
			       ? (size_t)spec->precision
			       : b->len;
	size_t fill =
		spec->width > 0 && (size_t)spec->width > shown ? (size_t)spec->width - shown : 0;
	strbuf_pad(out, ' ', spec->left ? 0 : fill);
	strbuf_add_bytes(out, b->s, shown);
	strbuf_pad(out, ' ', spec->left ? fill : 0);
}

/* @codes: four characters, the lowest byte first. */
static void add_characters(struct strbuf *b, uint32_t codes)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)(codes >> (8 * i));
		strbuf_add_char(b, c >= 0x20 && c < 0x7f ? (char)c : '.');
	}
}

/* Bit 31 says big-endian (include/uapi/linux/videodev2.h). */
static struct err *print_fourcc(const struct printk_pointer *p, struct strbuf *out)
{
	uint64_t n;
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read_uint(p->env, p->va, 4, &n);
	if (err)
		return err;
	add_characters(&b, (uint32_t)n & 0x7fffffff);
	strbuf_add(&b, n >> 31 ? " big-endian (" : " little-endian (");
	printk_add_hex(&b, n, 4);
	strbuf_add_char(&b, ')');
	add_plain(out, &p->spec, &b);
	return NULL;
}

/* Any four characters, since v6.15 (lib/vsprintf.c:fourcc_string()): the highest byte first. */
static struct err *format_generic_fourcc(
	const struct printk_pointer *p, bool swap, struct strbuf *out)
{
	uint64_t n;
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = printk_read_uint(p->env, p->va, 4, &n);
	if (err)
		return err;
	uint32_t codes = swap ? __builtin_bswap32((uint32_t)n) : (uint32_t)n;
	add_characters(&b, __builtin_bswap32(codes));
	strbuf_add(&b, " (");
	printk_add_hex(&b, codes, 4);
	strbuf_add_char(&b, ')');
	add_plain(out, &p->spec, &b);
	return NULL;
}

static struct err *print_fourcc_host(const struct printk_pointer *p, struct strbuf *out)
{
	return format_generic_fourcc(p, strchr(p->letters, 'R') != NULL, out);
}

static struct err *print_fourcc_swapped(const struct printk_pointer *p, struct strbuf *out)
{
	return format_generic_fourcc(p, true, out);
}

static struct err *print_fourcc_little(const struct printk_pointer *p, struct strbuf *out)
{
	return format_generic_fourcc(p, abi_of(p)->big_endian, out);
}

static struct err *print_fourcc_big(const struct printk_pointer *p, struct strbuf *out)
{
	return format_generic_fourcc(p, !abi_of(p)->big_endian, out);
}

static struct err *print_string(const struct printk_pointer *p, struct strbuf *out)
{
	scoped_strbuf struct strbuf text = { 0 };
	size_t max = p->spec.precision >= 0 ? (size_t)p->spec.precision : PRINTK_TEXT_BYTES;
	struct err *err = printk_read_text(p->env, p->va, max, &text);
	if (!err)
		printk_add_text(out, &p->spec, strbuf_text(&text), text.len);
	return err;
}

const struct printk_extension printk_pointer_extensions[] = {
	{ "", "", "the address itself (the kernel shows a hash)", true, print_address },
	{ "x", "", "the address", true, print_address },
	{ "K", "", "the address (the kernel may hide it)", true, print_address },
	{ "e", "", "an error pointer by name: -ENOSPC; others as %p", true, print_error },
	{ "S", "Rb", "symbol+offset/size [module] (b: and its build-id)", true, print_symbol },
	{ "F", "Rb", "as %pS (kernels before 5.5)", true, print_symbol },
	{ "s", "R", "symbol", true, print_symbol_name },
	{ "f", "R", "as %ps (kernels before 5.5)", true, print_symbol_name },
	{ "B", "Rb", "a return address: the symbol that holds the byte before it", true,
		print_backtrace },
	{ "a", "p", "a phys_addr_t", false, print_phys_addr },
	{ "ad", "", "a dma_addr_t", false, print_dma_addr },
	{ "NF", "", "a netdev_features_t", false, print_netdev_features },
	{ "4cc", "", "a FourCC: NV12 little-endian (0x3231564e)", false, print_fourcc },
	{ "4ch", "R", "four characters and their number: ABCD (0x41424344) (R: swapped)", false,
		print_fourcc_host },
	{ "4cn", "", "as %p4chR (6.15)", false, print_fourcc_swapped },
	{ "4cl", "", "as %p4ch, a little-endian number", false, print_fourcc_little },
	{ "4cb", "", "as %p4ch, a big-endian number", false, print_fourcc_big },
	{ "ks", "", "a string of the kernel, as %s", false, print_string },
	{ "us", "", "a string of user space, where the kernel's tables reach it", false,
		print_string },
	{ 0 },
};
