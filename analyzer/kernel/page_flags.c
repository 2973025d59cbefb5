/*
 * Names of page flags and page types: include/linux/page-flags.h, 4.19 to 7.2, by the kernel's own
 * pageflag_names[] and its enums; types of pages were bits without enumerators up to 6.10.
 */
#include "analyzer/kernel/page_flags.h"

#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/kernel/page.h"

enum { FLAGS_MAX = 40 }; /* __NR_PAGEFLAGS is about 27 */

static void add_word(struct strbuf *out, const char *word)
{
	strbuf_addf(out, "%s%s", out->len ? "|" : "", word);
}

/* struct trace_print_flags { unsigned long mask; const char *name; }, mm/debug.c; ends with mask 0
 */
static bool flags_by_kernel(struct target *t, uint64_t flags, struct strbuf *out)
{
	unsigned word = t->abi.word_bytes;
	uint64_t mask, name_va;
	struct symbol sym;
	char name[32];

	if (!symtab_find_kernel(t->syms, "pageflag_names", &sym))
		return false;
	for (unsigned i = 0; i < FLAGS_MAX; i++, sym.va += 2 * word) {
		if (!vspace_try_word(t->kernel, sym.va, &mask) ||
			!vspace_try_word(t->kernel, sym.va + word, &name_va))
			return false;
		if (!mask)
			return i > 0;
		scoped_err struct err *err =
			vspace_read_str(t->kernel, name_va, name, sizeof(name));
		if (err)
			return false;
		if (flags & mask)
			add_word(out, name);
	}
	return true;
}

static struct err *look_up_enum(struct target *t, const char *name, const struct type **ret)
{
	struct err *err = types_find(t->types, TYPE_ENUM, name, "mm/page_alloc.c", ret);
	return err ? err : type_complete(t->types, *ret);
}

/* Every page asks for these two: they are looked up once. */
struct page_enums {
	const struct type *flags, *types; /* NULL: there is none */
};
static const char enums_key;

static const struct page_enums *page_enums(struct target *t)
{
	struct page_enums *e = target_kept(t, &enums_key);
	if (e)
		return e;
	e = xcalloc(1, sizeof(*e));
	struct err *err = look_up_enum(t, "pageflags", &e->flags);
	e->flags = err ? NULL : e->flags;
	err_drop(err); /* who needs it looks again, and says so */
	err = look_up_enum(t, "pagetype", &e->types);
	e->types = err ? NULL : e->types;
	err_drop(err);
	target_keep(t, &enums_key, e, free);
	return e;
}

static struct err *find_enum(struct target *t, const char *name, const struct type **ret)
{
	const struct page_enums *e = page_enums(t);
	bool flags = !strcmp(name, "pageflags");

	if (!flags && strcmp(name, "pagetype"))
		return look_up_enum(t, name, ret);
	*ret = flags ? e->flags : e->types;
	return *ret ? NULL : err_new(ERR_NOT_FOUND, "no type enum %s", name);
}

static bool enum_value(const struct type *e, const char *name, int64_t *ret)
{
	for (uint32_t i = 0; i < e->nenumerators; i++) {
		if (strcmp(e->enumerator[i].name, name))
			continue;
		*ret = e->enumerator[i].value;
		return true;
	}
	return false;
}

/* include/linux/page-flags.h: several names may share a bit; the first is what it was made for. */
static struct err *flags_by_enum(struct target *t, uint64_t flags, struct strbuf *out)
{
	const struct type *e;
	int64_t count = FLAGS_MAX;
	uint64_t said = 0;
	struct err *err = find_enum(t, "pageflags", &e);

	if (err)
		return err_wrap(err, "page flags");
	enum_value(e, "__NR_PAGEFLAGS", &count);
	for (uint32_t i = 0; i < e->nenumerators; i++) {
		const char *name = e->enumerator[i].name;
		int64_t bit = e->enumerator[i].value;
		if (strncmp(name, "PG_", 3) || bit < 0 || bit >= count || bit >= 64 ||
			!(flags >> bit & 1) || (said >> bit & 1))
			continue;
		said |= 1ull << bit;
		add_word(out, name + 3);
	}
	return NULL;
}

struct err *page_flags_format(struct target *t, uint64_t flags, struct strbuf *out)
{
	scoped_strbuf struct strbuf words = { 0 };
	struct err *err = NULL;

	if (!flags_by_kernel(t, flags, &words)) {
		strbuf_reset(&words);
		err = flags_by_enum(t, flags, &words);
	}
	if (!err)
		strbuf_add(out, strbuf_text(&words));
	return err;
}

bool page_enum_find(struct target *t, const char *tag, const char *name, int64_t *ret)
{
	const struct type *e;
	scoped_err struct err *err = find_enum(t, tag, &e);
	return !err && enum_value(e, name, ret);
}

bool page_flag_has(struct target *t, uint64_t flags, const char *name)
{
	int64_t bit;
	return page_enum_find(t, "pageflags", name, &bit) && bit >= 0 && bit < 64 &&
	       (flags >> bit & 1);
}

bool page_flag_get(struct target *t, size_t i, struct page_flag *ret)
{
	const struct type *e;
	size_t n = 0;
	scoped_err struct err *err = find_enum(t, "pageflags", &e);
	for (uint32_t k = 0; !err && k < e->nenumerators; k++) {
		int64_t bit = e->enumerator[k].value;
		if (strncmp(e->enumerator[k].name, "PG_", 3) || bit < 0 || bit >= 64 || n++ != i)
			continue;
		*ret = (struct page_flag){ e->enumerator[k].name, (unsigned)bit, false };
		for (uint32_t m = 0; m < k; m++)
			ret->alias |= e->enumerator[m].value == bit &&
				      !strncmp(e->enumerator[m].name, "PG_", 3);
		return true;
	}
	return false;
}

/* ---- types ------------------------------------------------------------------------------- */

/* Words for the enumerators of enum pagetype behind "PGTY_" or, in 6.11, "PG_"; the others speak
 * for themselves. */
static const char *type_name(const char *enumerator)
{
	static const char *const known[][2] = { { "table", "page table" },
		{ "large_kmalloc", "kmalloc" } };
	const char *name = strchr(enumerator, '_') + 1;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(name, known[i][0]))
			return known[i][1];
	return name;
}

/* 6.12: the top byte is one of PGTY_*, and 0xff says that there was never a type. 6.11: a bit of
 * PG_* taken out, below PAGE_TYPE_BASE. *ret_known: the enum is of such a release. */
static const char *type_by_enum(struct target *t, uint32_t type, bool *ret_known)
{
	const struct type *e;
	int64_t base;
	scoped_err struct err *err = find_enum(t, "pagetype", &e);
	bool bits = !err && enum_value(e, "PAGE_TYPE_BASE", &base);

	*ret_known = !err && (bits || enum_value(e, "PGTY_buddy", &base));
	if (!*ret_known || type == UINT32_MAX)
		return NULL;
	for (uint32_t i = 0; i < e->nenumerators; i++) {
		const char *name = e->enumerator[i].name;
		uint32_t value = (uint32_t)e->enumerator[i].value;
		bool fits = bits ? !strncmp(name, "PG_", 3) &&
					    (type & ((uint32_t)base | value)) == (uint32_t)base
				 : !strncmp(name, "PGTY_", 5) &&
					    strcmp(name, "PGTY_mapcount_underflow") &&
					    type >> 24 == value;
		if (fits)
			return type_name(name);
	}
	/* page_type_has_type(): below 0xff000000, as a negative number */
	return !bits && type >> 24 >= 0x80 && type >> 24 < 0xff ? "typed" : NULL;
}

/*
 * Up to 6.10 bits were taken out of 0xf0000000 | mapcount -1 (include/linux/page-flags.h). PG_table
 * moved from 0x400 to 0x200 5.10→5.15, as struct page got pp_magic.
 */
const char *page_type_word(struct target *t, uint32_t type)
{
	uint64_t offset;
	bool known;
	const char *word = type_by_enum(t, type, &known);

	if (known || (type & 0xf0000000) != 0xf0000000 || type == UINT32_MAX)
		return word;
	bool moved = target_number(t, "offsetof(page.pp_magic)", &offset) ||
		     target_number(t, "sizeof(folio)", &offset);
	if (!(type & 0x80))
		return "buddy";
	if (!(type & 0x100))
		return "offline";
	if (!(type & (moved ? 0x200 : 0x400)))
		return "page table";
	return !(type & (moved ? 0x400 : 0x800)) ? "guard" : NULL;
}
