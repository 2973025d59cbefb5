/*
 * %pG: sets of flags by the kernel's own tables of names (mm/debug.c) and fields (lib/vsprintf.c).
 * Knows no flag by itself.
 */
#include <string.h>

#include "analyzer/kernel/printk_objects_internal.h"

enum { FLAGS_MAX = 128 /* rows of a table of flag names: three or four dozen so far */ };

struct flag_name {
	uint64_t mask, name;
};
static const struct view_field flag_fields[] = {
	FIELD(struct flag_name, mask, "mask"),
	FIELD(struct flag_name, name, "name"),
};
static const struct view_spec flag_spec = { .type = "trace_print_flags",
	.hint = "mm/debug.c",
	.fields = flag_fields,
	.nfields = ARRAY_SIZE(flag_fields) };

/* ---- by a table ----------------------------------------------- */

static struct err *symbol(const struct debug_env *env, const char *name, struct symbol *ret)
{
	if (env->syms && symtab_find_kernel(env->syms, name, ret))
		return NULL;
	return err_new(ERR_MISSING, "there is no symbol %s", name);
}

static struct err *add_flag_name(const struct debug_env *env, uint64_t va, struct strbuf *out)
{
	const struct printk_spec plain = { .width = -1, .precision = -1 };
	scoped_strbuf struct strbuf name = { 0 };
	struct err *err = printk_read_text(env, va, PRINTK_NAME_BYTES, &name);
	if (!err)
		printk_add_text(out, &plain, strbuf_text(&name), name.len);
	return err;
}

/* By the kernel's own table: rows that are set whole, in its order, then what has no name. */
static struct err *add_flags(
	const struct debug_env *env, const char *table, uint64_t flags, struct strbuf *out)
{
	scoped_printk_view struct view *v = NULL;
	struct symbol sym;
	struct err *err = symbol(env, table, &sym);
	if (!err)
		err = view_bind(env->types, &flag_spec, &v);
	for (unsigned i = 0; !err && flags && i < FLAGS_MAX; i++) {
		struct flag_name row = { 0 };
		err = view_read(v, env->vs, sym.va + i * view_size(v), &row);
		if (err || !row.name)
			break;
		if ((flags & row.mask) != row.mask)
			continue;
		err = add_flag_name(env, row.name, out);
		flags &= ~row.mask;
		strbuf_add(out, flags ? "|" : "");
	}
	if (!err && flags)
		strbuf_addf(out, "0x%llx", (unsigned long long)flags);
	return err;
}

static struct err *format_flags(
	const struct printk_pointer *p, const char *table, unsigned bytes, struct strbuf *out)
{
	uint64_t flags;
	struct err *err = printk_read_uint(p->env, p->va, bytes, &flags);
	return err ? err : add_flags(p->env, table, flags, out);
}

/* gfp_t is an unsigned int (include/linux/types.h) */
static struct err *print_gfp(const struct printk_pointer *p, struct strbuf *out)
{
	return format_flags(p, "gfpflag_names", 4, out);
}

static struct err *print_vma_flags(const struct printk_pointer *p, struct strbuf *out)
{
	return format_flags(p, "vmaflag_names", types_abi(p->env->types)->word_bytes, out);
}

/* The bits below __NR_PAGEFLAGS are flags; above are the fields that pff[] describes (since v5.12).
 */
static struct err *page_flag_bits(const struct debug_env *env, unsigned *ret)
{
	const struct type *t;
	struct err *err = types_find(env->types, TYPE_ENUM, "pageflags", "mm/debug.c", &t);
	if (!err)
		err = type_complete(env->types, t);
	if (err)
		return err;
	for (uint32_t i = 0; i < t->nenumerators; i++)
		if (!strcmp(t->enumerator[i].name, "__NR_PAGEFLAGS") &&
			t->enumerator[i].value > 0 && t->enumerator[i].value < 64) {
			*ret = (unsigned)t->enumerator[i].value;
			return NULL;
		}
	return err_new(ERR_MISSING, "there is no enumerator __NR_PAGEFLAGS");
}

struct page_field {
	int32_t width, shift;
	uint32_t mask;
	uint64_t name, spec;
};
static const struct view_field page_field_fields[] = {
	FIELD(struct page_field, width, "width"),
	FIELD(struct page_field, shift, "shift"),
	FIELD(struct page_field, mask, "mask"),
	FIELD(struct page_field, name, "name"),
	FIELD(struct page_field, spec, "spec"),
};
static const struct view_spec page_field_spec = { .type = "page_flags_fields",
	.hint = "lib/vsprintf.c",
	.fields = page_field_fields,
	.nfields = ARRAY_SIZE(page_field_fields) };

static struct err *add_page_fields(
	const struct debug_env *env, uint64_t flags, bool separate, struct strbuf *out)
{
	scoped_printk_view struct view *v = NULL;
	struct symbol table, decimal;
	struct err *err = symbol(env, "pff", &table);
	if (!err)
		err = view_bind(env->types, &page_field_spec, &v);
	bool known = symtab_find_kernel(env->syms, "default_dec_spec", &decimal);
	uint64_t bytes = err ? 0 : table.object_size ? table.object_size : table.size;
	for (uint64_t at = 0; !err && at + view_size(v) <= bytes && at < 16 * view_size(v);
		at += view_size(v)) {
		struct page_field f = { 0 };
		err = view_read(v, env->vs, table.va + at, &f);
		if (err || f.width <= 0 || f.shift < 0 || f.shift > 63)
			continue;
		strbuf_add(out, separate ? "|" : "");
		err = add_flag_name(env, f.name, out);
		strbuf_addf(out, known && f.spec == decimal.va ? "=%llu" : "=0x%llx",
			(unsigned long long)(flags >> f.shift & f.mask));
		separate = true;
	}
	return err;
}

static struct err *print_page_flags(const struct printk_pointer *p, struct strbuf *out)
{
	uint64_t flags;
	unsigned nbits = 0;
	struct err *err =
		printk_read_uint(p->env, p->va, types_abi(p->env->types)->word_bytes, &flags);
	if (!err)
		err = page_flag_bits(p->env, &nbits);
	if (err)
		return err;
	uint64_t named = flags & ((1ull << nbits) - 1);
	strbuf_addf(out, "0x%llx(", (unsigned long long)flags);
	err = add_flags(p->env, "pageflag_names", named, out);
	if (!err && symtab_find_kernel(p->env->syms, "pff", &(struct symbol){ 0 }))
		err = add_page_fields(p->env, flags, named != 0, out);
	strbuf_add_char(out, ')');
	return err;
}

/* include/linux/page-flags.h, v6.4 to v6.11: a type is bits that are 0, below what counts mappings
 * (PAGE_MAPCOUNT_RESERVE, -128). Since v6.12 types are numbers and there is no %pGt. */
static struct err *print_page_type(const struct printk_pointer *p, struct strbuf *out)
{
	uint64_t type;
	struct err *err = printk_read_uint(p->env, p->va, 4, &type);
	if (err)
		return err;
	strbuf_addf(out, "0x%x(", (unsigned)type);
	if ((int32_t)type < -128)
		err = add_flags(p->env, "pagetype_names", (uint32_t)~type, out);
	strbuf_add_char(out, ')');
	return err;
}

void printk_flags_register(struct printk_formats *f)
{
	static const struct printk_extension rows[] = {
		{ "Gp", "", "page flags, from a pointer to them", false, print_page_flags },
		{ "Gg", "", "gfp flags, from a pointer to them", false, print_gfp },
		{ "Gv", "", "vma flags, from a pointer to them", false, print_vma_flags },
		{ "Gt", "", "a page type of 6.4 to 6.11, from a pointer to it", false,
			print_page_type },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		printk_formats_add(f, &rows[i]);
}
