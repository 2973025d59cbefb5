/* Addresses that are no addresses: NULL, error pointers, poisons, text. By value alone, in memory
 * nothing is looked at here. */
#include "analyzer/stack/bad_address.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/debug/printk_format_internal.h"
#include "analyzer/kernel/page.h"

void bad_address_add(
	struct bad_address_cx *cx, const char *kind, const char *evidence, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	if (cx->out->n == BAD_ADDRESS_ROWS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cx->out->row[cx->out->n++] = (struct bad_address_row){
		.kind = kind,
		.text = arena_strdup(cx->a, text),
		.evidence = evidence,
	};
}

/* "x20 = 0x6b6b6b6b6b6b6b6b"; NULL where the pointer is not known. */
static const char *base_words(const struct bad_address_cx *cx)
{
	const struct bad_address_hint *h = cx->hint;
	if (!h->has_base)
		return NULL;
	return arena_printf(cx->a, "%s = 0x%0*" PRIx64, h->base_name ? h->base_name : "pointer",
		(int)cx->t->abi.word_bytes * 2, h->base);
}

/* ---- members ---------------------------------------- */

static const struct type_member *member_holding(const struct type *type, uint64_t offset)
{
	const struct type_member *found = NULL;
	for (uint32_t i = 0; i < type->nmembers; i++) {
		const struct type_member *m = &type->member[i];
		uint64_t from = m->bit_offset / 8, bytes = type_strip(m->type)->size;
		/* A flexible array at the end has no size. */
		if (offset >= from && (offset - from < bytes || (!bytes && offset == from)))
			if (!found)
				found = m;
	}
	return found;
}

bool bad_address_member(
	struct types *db, const struct type *type, uint64_t offset, struct strbuf *out)
{
	enum { DEPTH_MAX = 16 };
	bool any = false;
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		type = type_strip(type);
		if (type->kind == TYPE_ARRAY && type->target && type_strip(type->target)->size) {
			uint64_t bytes = type_strip(type->target)->size;
			strbuf_addf(out, "[%" PRIu64 "]", offset / bytes);
			offset %= bytes;
			type = type->target;
			continue;
		}
		if (type->kind != TYPE_STRUCT && type->kind != TYPE_UNION)
			break;
		scoped_err struct err *err = type_complete(db, type);
		const struct type_member *m = err ? NULL : member_holding(type, offset);
		if (!m)
			return any;
		if (m->name)
			strbuf_addf(out, "%s%s", any ? "." : "", m->name);
		any |= m->name != NULL;
		offset -= m->bit_offset / 8;
		type = m->type;
	}
	if (any && offset)
		strbuf_addf(out, "+%" PRIu64, offset);
	return any;
}

/* "member next of struct account, which `a` should have pointed to" for each that it may be. */
static const char *member_words(struct bad_address_cx *cx)
{
	const struct bad_address_hint *h = cx->hint;
	scoped_strbuf struct strbuf b = { 0 };
	for (size_t i = 0; h->has_base && i < h->npointers && h->offset >= 0; i++) {
		scoped_strbuf struct strbuf path = { 0 };
		const struct fault_pointer *p = &h->pointer[i];
		if (!bad_address_member(cx->t->types, p->type, (uint64_t)h->offset, &path))
			continue;
		strbuf_addf(&b, "%smember %s of %s %s (variable %s)", b.len ? ", or " : "",
			strbuf_text(&path), p->type->kind == TYPE_UNION ? "union" : "struct",
			p->type->name ? p->type->name : "without a name", p->variable);
	}
	return b.len ? arena_strdup(cx->a, strbuf_text(&b)) : NULL;
}

/* ---- near NULL and error pointers ---------------------------------------- */

/* include/linux/err.h: MAX_ERRNO */
enum { ERRNO_MAX = 4095 };

static bool is_error(const struct target *t, uint64_t v, uint64_t *ret_errno)
{
	uint64_t negated = t->abi.word_bytes == 4 ? (uint32_t) - (uint32_t)v : -v;
	*ret_errno = negated;
	return negated && negated <= ERRNO_MAX;
}

static void add_error(struct bad_address_cx *cx, uint64_t number, int64_t offset)
{
	const char *name = printk_errno_name(number), *member = member_words(cx);
	char plus[40] = "";
	if (offset)
		snprintf(plus, sizeof(plus), " %c 0x%" PRIx64, offset < 0 ? '-' : '+',
			(uint64_t)(offset < 0 ? -offset : offset));
	bad_address_add(cx, "error-pointer", base_words(cx),
		"error pointer -%s (-%" PRIu64 ")%s%s%s", name ? name : "E?", number, plus,
		member ? ": " : "", member ? member : "");
}

static void add_null(struct bad_address_cx *cx, int64_t offset)
{
	const char *member = member_words(cx);
	if (!offset)
		bad_address_add(cx, "null", base_words(cx), "NULL%s%s", member ? ": " : "",
			member ? member : "");
	else
		bad_address_add(cx, "null", base_words(cx), "NULL %c 0x%" PRIx64 "%s%s",
			offset < 0 ? '-' : '+', (uint64_t)(offset < 0 ? -offset : offset),
			member ? ": " : "", member ? member : "");
}

/* An array behind a NULL pointer, or a struct larger than a page, is as much NULL as what is near
 * it. */
static bool near_null(struct bad_address_cx *cx, uint64_t va)
{
	const struct bad_address_hint *h = cx->hint;
	uint64_t page = 1ull << page_shift(cx->t), number;
	uint64_t mask = cx->t->abi.word_bytes == 4 ? UINT32_MAX : UINT64_MAX;
	if (h->has_base && is_error(cx->t, h->base, &number)) {
		add_error(
			cx, number, (int64_t)sign_extend(va - h->base, cx->t->abi.word_bytes * 8));
		return true;
	}
	if (h->has_base && !h->base) {
		add_null(cx, (int64_t)sign_extend(va, cx->t->abi.word_bytes * 8));
		return true;
	}
	/* Where another pointer was used it is chance. */
	if (h->has_base && (h->base & mask) >= page)
		return false;
	if (va < page) {
		add_null(cx, (int64_t)va);
		return true;
	}
	if (is_error(cx->t, va & mask, &number)) {
		add_error(cx, number, 0);
		return true;
	}
	return false;
}

/* ---- poisons ---------------------------------------- */

/* include/linux/poison.h, v4.19 to v7.2, POISON_POINTER_DELTA left out. */
static const struct {
	uint16_t value;
	const char *name, *meaning;
} poison_pointers[] = {
	{ 0x100, "LIST_POISON1", "next of an entry that was deleted from its list" },
	{ 0x122, "LIST_POISON2", "prev of an entry that was deleted from its list" },
	{ 0x200, "LIST_POISON2", "prev of an entry that was deleted from its list" },
	{ 0x300, "TIMER_ENTRY_STATIC", "a timer that was never started" },
	{ 0x400, "TAIL_MAPPING", "mapping of a tail page" },
	{ 0x500, "MUTEX_POISON_WW_CTX", "context of a ww_mutex that is gone" },
	{ 0x0f5, "VFS_PTR_POISON", "a pointer of the VFS that must not be used" },
	{ 0xeb9f, "BPF_PTR_POISON", "a pointer of BPF that must not be used" },
};

/* arch/arm64/Kconfig: ILLEGAL_POINTER_VALUE; ARM32 has none, so that there these are small numbers.
 */
static const uint64_t POISON_DELTA_64 = 0xdead000000000000ull;

/* The poison that @v is, or with @reach is near. */
static int poison_of(const struct target *t, uint64_t v, uint64_t reach)
{
	uint64_t delta = t->abi.word_bytes == 8 ? POISON_DELTA_64 : 0, best = reach;
	int found = -1;
	for (size_t i = 0; i < ARRAY_SIZE(poison_pointers); i++) {
		uint64_t p = delta + poison_pointers[i].value;
		uint64_t d = v > p ? v - p : p - v;
		if (d < best || !d) {
			best = d;
			found = (int)i;
		}
	}
	return found;
}

static bool poison_pointer(struct bad_address_cx *cx, uint64_t typed_va)
{
	enum { REACH = 0x1000 };
	const struct bad_address_hint *h = cx->hint;
	bool wide = cx->t->abi.word_bytes == 8;
	uint64_t at = h->has_base ? h->base : typed_va;
	/* On ARM32 only a pointer that is exactly it says so: near it there is NULL, too. */
	int i = poison_of(cx->t, at, wide ? REACH : 0);
	if (i < 0 || (!wide && !h->has_base))
		return false;
	uint64_t p = (wide ? POISON_DELTA_64 : 0) + poison_pointers[i].value;
	int64_t off = sign_extend(typed_va - p, cx->t->abi.word_bytes * 8);
	const char *member = at == p ? member_words(cx) : NULL;
	char plus[40] = "";
	if (off)
		snprintf(plus, sizeof(plus), " %c 0x%" PRIx64, off < 0 ? '-' : '+',
			(uint64_t)(off < 0 ? -off : off));
	bool list = !strncmp(poison_pointers[i].name, "LIST", 4);
	char other[48] = "";
	/* Of the address alone it can be either's. */
	if (list && !h->has_base && poison_pointers[i].value != 0x100)
		snprintf(other, sizeof(other), ", or LIST_POISON1 + 0x%" PRIx64,
			typed_va - POISON_DELTA_64 - 0x100);
	bad_address_add(cx, list ? "list-poison" : "poison", base_words(cx), "%s%s%s, %s%s%s",
		poison_pointers[i].name, plus, other, poison_pointers[i].meaning,
		member ? ": " : "", member ? member : "");
	return true;
}

/* include/linux/poison.h, L8; mm/page_poison.c; fs/jbd2 */
static const struct {
	uint8_t value;
	const char *name, *meaning;
} poison_bytes[] = {
	{ 0x6b, "POISON_FREE", "it was read from a slab object that is free" },
	{ 0x5a, "POISON_INUSE", "it was read from a slab object that nobody had filled in yet" },
	{ 0xa5, "POISON_END", "it was read from the end of a slab object that is free" },
	{ 0xbb, "SLUB_RED_INACTIVE", "it was read from the red zone of a free slab object" },
	{ 0xcc, "SLUB_RED_ACTIVE or POISON_FREE_INITMEM",
		"it was read from the red zone of a slab object, or from "
		"init memory that was given back" },
	{ 0xaa, "PAGE_POISON", "it was read from a page that is free" },
	{ 0x5b, "JBD_POISON_FREE", "it was read from a journal head that is free" },
	{ 0x5c, "JBD2_POISON_FREE", "it was read from a journal head that is free" },
	{ 0xa7, "POOL_POISON_FREED", "it was read from a free DMA pool object" },
	{ 0xa9, "POOL_POISON_ALLOCATED", "it was read from a fresh DMA pool object" },
};

/* How many bytes of @v from @n - 1 down to 0 are @byte, the first that is not ends the count. */
static unsigned same_bytes(uint64_t v, unsigned n, uint8_t byte)
{
	unsigned same = 0;
	while (same < n && (uint8_t)(v >> 8 * (n - 1 - same)) == byte)
		same++;
	return same;
}

static bool poison_pattern(struct bad_address_cx *cx, uint64_t va)
{
	const struct bad_address_hint *h = cx->hint;
	unsigned word = cx->t->abi.word_bytes;
	/* Of an address the top byte may have been taken off as a tag. */
	uint64_t v = h->has_base ? h->base : va;
	unsigned n = h->has_base || word == 4 ? word : word - 1;
	for (size_t i = 0; i < ARRAY_SIZE(poison_bytes); i++) {
		unsigned same = same_bytes(v, n, poison_bytes[i].value);
		if (same + 2 < n)
			continue;
		bad_address_add(cx, "poison", base_words(cx), "%s (0x%02x): %s",
			poison_bytes[i].name, poison_bytes[i].value, poison_bytes[i].meaning);
		return true;
	}
	return false;
}

/* Bits that no pointer has: the CPU ignored the top byte, and what was left is chance. */
static void add_wild(struct bad_address_cx *cx)
{
	const struct bad_address_hint *h = cx->hint;
	const struct arch_layout *l = &vspace_facts(cx->t->kernel)->layout;
	uint64_t plain = cx->t->arch->untag(l, h->base);
	if (h->has_base && plain != h->base && (uint8_t)(h->base >> 56) != 0xff)
		bad_address_add(cx, "wild", base_words(cx),
			"the pointer's top byte 0x%02x is no part of an address; "
			"without it the access went to 0x%" PRIx64,
			(unsigned)(h->base >> 56), plain + (uint64_t)h->offset);
}

/* A string where a pointer should be. */
static void add_text(struct bad_address_cx *cx, uint64_t va)
{
	const struct bad_address_hint *h = cx->hint;
	uint64_t v = h->has_base ? h->base : va;
	char text[9] = "";
	unsigned n = cx->t->abi.word_bytes;
	for (unsigned i = 0; i < n; i++) {
		text[i] = (char)(v >> 8 * (cx->t->abi.big_endian ? n - 1 - i : i));
		if (!isprint((unsigned char)text[i]) || text[i] == '"' || text[i] == '\\')
			return;
	}
	bad_address_add(cx, "text", base_words(cx),
		"as bytes in memory it is the text \"%s\": a string may have "
		"overwritten the pointer",
		text);
}

struct err *bad_address_explain(struct target *t, uint64_t va, const struct bad_address_hint *hint,
	struct arena *a, struct bad_address *ret)
{
	static const struct bad_address_hint nothing;
	struct bad_address out = { 0 };
	struct bad_address_cx cx = { t, hint ? hint : &nothing, a, &out };
	uint64_t plain = t->kernel ? t->arch->untag(&vspace_facts(t->kernel)->layout, va) : va;
	struct err *err = NULL;
	bool known = poison_pointer(&cx, va) || poison_pattern(&cx, plain) || near_null(&cx, plain);
	if (!known)
		add_text(&cx, va);
	if (!known && t->kernel && t->abi.word_bytes == 8)
		add_wild(&cx);
	if (!known && t->kernel)
		err = bad_address_place(&cx, va, plain);
	if (!err)
		*ret = out;
	return err;
}
