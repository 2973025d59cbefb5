/*
 * Data symbols of a kernel whose table has only text (CONFIG_KALLSYMS without KALLSYMS_ALL), from
 * what the things themselves look like. Only what proves itself is added; everything else stays
 * unknown.
 */
#include <ctype.h>

#include "analyzer/base/xalloc.h"
#include "analyzer/target/bare.h"
#include "analyzer/target/image_scan.h"
#include "analyzer/target/private.h"
#include "analyzer/target/recover.h"

enum {
	BEHIND = 32 << 20, /* data may lie behind the last symbol that is known */
	BANNER_BYTES_MAX = 1024,
	SECTION_BYTES_MAX = 128 << 20, /* .BTF; Debian's have 5 MB */
};

static bool known(const struct target *t, const char *name)
{
	struct symbol s;
	return symtab_find_kernel(t->syms, name, &s);
}

/* ---- init_task ----------------------------------------------- */

/* include/uapi/linux/magic.h: STACK_END_MAGIC at the stack's low end, on ARM up to v5.15 behind the
 * thread_info that lies there. */
static bool is_stack(const struct target *t, uint64_t va)
{
	enum { STACK_END_MAGIC = 0x57AC6E9D };
	uint8_t raw[1024];
	if (va % 4096 || !va || !image_read(t, va, raw, sizeof(raw)))
		return false;
	for (size_t i = 0; i < sizeof(raw); i += 4)
		if (get_u32(&t->abi, raw + i) == STACK_END_MAGIC)
			return true;
	return false;
}

static bool has_stack(const struct target *t, uint64_t task_va)
{
	enum { WORDS = 256 }; /* ARM's thread_info, which comes first, has some 140 */
	uint8_t raw[WORDS * 8];
	size_t word = t->abi.word_bytes;
	if (!image_read(t, task_va, raw, WORDS * word))
		return false;
	for (size_t i = 0; i < WORDS; i++)
		if (is_stack(t, get_word(&t->abi, raw + i * word)))
			return true;
	return false;
}

/*
 * include/linux/sched.h (bin: 6.1, 6.12): real_parent, parent, children, sibling, group_leader
 * stand in a row in every task_struct, some words before comm. The first task is its own parent and
 * leader, and on nobody's list of children.
 */
static bool is_init_task(struct target *t, uint64_t comm_va, void *cx)
{
	enum { BEFORE = 8192, COMM_BYTES = 16 };
	uint8_t raw[BEFORE], comm[COMM_BYTES];
	size_t word = t->abi.word_bytes;
	if (!image_read(t, comm_va, comm, sizeof(comm)) ||
		!image_read(t, (comm_va & ~7ull) - BEFORE, raw, sizeof(raw)))
		return false;
	size_t len = strnlen((const char *)comm, sizeof(comm));
	if (len != 7 && (len != 9 || comm[7] != '/'))
		return false;
	for (size_t at = 0; at + 7 * word <= sizeof(raw); at += word) {
		const uint8_t *p = raw + at;
		uint64_t here = (comm_va & ~7ull) - BEFORE + at;
		uint64_t self = get_word(&t->abi, p), sibling = get_word(&t->abi, p + 4 * word);
		if (self >= here || here - self > 2 * BEFORE || self % 8 ||
			get_word(&t->abi, p + word) != self ||
			get_word(&t->abi, p + 6 * word) != self || sibling != here + 4 * word ||
			get_word(&t->abi, p + 5 * word) != sibling || !has_stack(t, self))
			continue;
		*(uint64_t *)cx = self;
		return true;
	}
	return false;
}

/* ---- linux_banner ----------------------------------------------- */

/*
 * init/version.c (version-timestamp.c since v6.2): "Linux version 6.1.0… #1 SMP …\n". The log has
 * the text too, without newline and terminator; Debian's 6.1 and 6.12 have a second copy early in
 * .rodata. In these (bin) the variable stands right before kallsyms: the last copy is taken.
 */
static bool is_banner(struct target *t, uint64_t va, void *cx)
{
	char text[BANNER_BYTES_MAX];
	size_t n = strlen("Linux version ");
	if (!image_read(t, va, text, sizeof(text)) || !isdigit((unsigned char)text[n]))
		return false;
	size_t len = strcspn(text, "\n");
	if (len + 1 >= sizeof(text) || text[len + 1] || !memchr(text, '#', len))
		return false;
	if (va < t->priv->kallsyms->token_table.v - t->image.pa.v + t->image.va)
		*(uint64_t *)cx = va;
	return false;
}

/* ---- BTF ----------------------------------------------- */

/* include/uapi/linux/btf.h: magic, version, flags, hdr_len, then where types and strings lie,
 * counted from the header's end. Strings begin with an empty one and end terminated. */
static bool is_btf(struct target *t, uint64_t va, void *cx)
{
	uint8_t raw[24], first, last;
	if (va % 4 || !image_read(t, va, raw, sizeof(raw)))
		return false;
	uint64_t header = get_u32(&t->abi, raw + 4), types = get_u32(&t->abi, raw + 12);
	uint64_t str_off = get_u32(&t->abi, raw + 16), strings = get_u32(&t->abi, raw + 20);
	if (header < sizeof(raw) || header > 4096 || get_u32(&t->abi, raw + 8) ||
		types < (1 << 16) || str_off < types || !strings ||
		str_off + strings > SECTION_BYTES_MAX)
		return false;
	if (!image_read(t, va + header + str_off, &first, 1) || first ||
		!image_read(t, va + header + str_off + strings - 1, &last, 1) || last)
		return false;
	uint64_t *span = cx;
	span[0] = va;
	span[1] = va + header + str_off + strings;
	return true;
}

bool bare_find_btf(struct target *t, uint64_t *ret_va, uint64_t *ret_end)
{
	static const uint8_t little[] = { 0x9f, 0xeb, 1, 0 }, big[] = { 0xeb, 0x9f, 1, 0 };
	struct symbol start, stop;
	uint64_t span[2];
	if (symtab_find_kernel(t->syms, "__start_BTF", &start) &&
		symtab_find_kernel(t->syms, "__stop_BTF", &stop) && stop.va > start.va) {
		*ret_va = start.va;
		*ret_end = stop.va;
		return true;
	}
	if (!t->image.va ||
		!image_scan(t, t->abi.big_endian ? big : little, sizeof(little), 0, is_btf, span))
		return false;
	symtab_add_recovered(t->syms, "__start_BTF", span[0], 'R', "recovered: BTF's magic");
	symtab_add_recovered(t->syms, "__stop_BTF", span[1], 'R', "recovered: BTF's header");
	symtab_finish(t->syms);
	*ret_va = span[0];
	*ret_end = span[1];
	return true;
}

void bare_add_btf(struct target *t)
{
	uint64_t va, end;
	if (!bare_find_btf(t, &va, &end) || end - va > SECTION_BYTES_MAX)
		return;
	struct err *err = mem_alloc_array(end - va, 1, "BTF", &t->priv->btf);
	if (!err && !image_read(t, va, t->priv->btf, end - va))
		err = err_new(ERR_FAULT, "not all of it is in the dump");
	if (!err)
		err = types_add_btf(t->types, t->priv->btf, end - va, "the dump's memory");
	if (err)
		target_warn(t, "%s: no types from BTF at 0x%" PRIx64 ": %s",
			dump_info(t->dump)->path, va, err->msg);
	err_drop(err);
}

/* ---- all ----------------------------------------------- */

/* swapper_pg_dir: the architecture's layout has found the table by what it maps. It is the one of
 * the kernel's space, but for 64K pages on a 48-bit CPU (there it is the last part of it). */
static void add_swapper(struct target *t)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	uint64_t va = l->pgd.v - t->image.pa.v + t->image.va;
	if (known(t, "swapper_pg_dir") || l->pgd.v % 4096)
		return;
	symtab_add_recovered(t->syms, "swapper_pg_dir", va, 'D', "recovered: maps the image");
}

void bare_recover(struct target *t)
{
	uint64_t va;
	add_swapper(t);
	if (!known(t, "init_task") &&
		image_scan(t, "swapper", strlen("swapper"), BEHIND, is_init_task, &va))
		symtab_add_recovered(t->syms, "init_task", va, 'D',
			"recovered: comm swapper, its own parent, stack magic");
	va = 0;
	if (!known(t, "linux_banner") && t->priv->kallsyms)
		image_scan(t, "Linux version ", strlen("Linux version "), 0, is_banner, &va);
	if (va)
		symtab_add_recovered(
			t->syms, "linux_banner", va, 'R', "recovered: its text, before kallsyms");
	symtab_finish(t->syms);
	recover_from_code(t);
	err_drop(recover_percpu_variables(t)); /* Ctrl-C: target_open() asks for it next */
}
