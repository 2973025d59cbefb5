/* Symbols: the kernel's choice among aliases, sizes, ranges, modules, names, and a vmlinux's own
 * table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <gelf.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/symtab.h"

static void expect_format(const struct symtab *st, uint64_t va, bool is_return, const char *want)
{
	scoped_strbuf struct strbuf b = { 0 };
	assert_int_equal(symtab_format(st, va, is_return, &b), want != NULL);
	assert_string_equal(strbuf_text(&b), want ? want : "");
}

/* Which name %pS would print at @va. */
static const char *name_at(const struct symtab *st, uint64_t va)
{
	struct symbol s;
	return symtab_at(st, va, &s) ? s.name : "";
}

static void aliases_in_the_kernels_order(void **state)
{
	(void)state;
	struct symtab *st = symtab_create();
	/* scripts/kallsyms.c compare_symbols(): weak last, then script symbols, then underscores.
	 */
	symtab_add(st, "aweak", 0x1000, 0, 'W', NULL);
	symtab_add(st, "__strong", 0x1000, 0, 'T', NULL);
	symtab_add(st, "__start_text", 0x2000, 0, 'T', NULL);
	symtab_add(st, "___plain", 0x2000, 0, 't', NULL);
	symtab_add(st, "__x", 0x3000, 0, 't', NULL);
	symtab_add(st, "_x", 0x3000, 0, 't', NULL);
	symtab_add(st, "b_same", 0x4000, 0, 't', NULL);
	symtab_add(st, "a_same", 0x4000, 0, 't', NULL);
	symtab_add(st, "last", 0x5000, 0, 't', NULL);
	symtab_finish(st);
	assert_string_equal(name_at(st, 0x1000), "__strong");
	assert_string_equal(name_at(st, 0x2004), "___plain");
	assert_string_equal(name_at(st, 0x3fff), "_x");
	assert_string_equal(name_at(st, 0x4000), "a_same");
	symtab_destroy(st);
}

static void many_aliases_and_far_addresses_sort(void **state)
{
	(void)state;
	struct symtab *st = symtab_create();
	char name[32];
	for (int i = 999; i >= 0; i--) {
		snprintf(name, sizeof(name), "alias%03d", i);
		symtab_add(st, name, 0x7000, 0, 't', NULL);
		snprintf(name, sizeof(name), "far%03d", i);
		symtab_add(st, name, 0xffff800000000000ull + (uint64_t)(i * 7919 % 1000) * 0x1000,
			0, 't', NULL);
	}
	symtab_finish(st);
	struct symbol a, b;
	assert_int_equal(symtab_count(st), 2000);
	for (size_t i = 1; i < 2000; i++) {
		symtab_get(st, i - 1, &a);
		symtab_get(st, i, &b);
		assert_true(a.va <= b.va);
		if (a.va == b.va)
			assert_true(strcmp(a.name, b.name) < 0);
	}
	assert_true(symtab_find(st, "far999", &a));
	assert_int_equal(a.va, 0xffff800000000000ull + (uint64_t)(999 * 7919 % 1000) * 0x1000);
	assert_int_equal(a.size, a.va == 0xffff8000003e7000ull ? 0 : 0x1000);
	symtab_destroy(st);
}

static void sizes_and_ranges(void **state)
{
	(void)state;
	struct symtab *st = symtab_create();
	symtab_add_range(st, 0x1000, 0x3000, NULL);
	symtab_add_range(st, 0x2800, 0x3000, NULL); /* inside: no second range */
	symtab_add_range(st, 0x9000, 0xa000, "ext4");
	symtab_add(st, "first", 0x1000, 4, 'T', NULL);
	symtab_add(st, "second", 0x1010, 4, 'T', NULL);
	symtab_add(st, "_etext", 0x2000, 0, 'T', NULL);
	symtab_add(st, "ext4_open", 0x9100, 4, 't', "ext4");
	symtab_add(st, "first", 0x9200, 4, 't', "ext4");
	symtab_add(st, "stray", 0xf000, 4, 't', NULL);
	symtab_finish(st);
	symtab_finish(st);
	expect_format(st, 0x1008, false, "first+0x8/0x10");
	expect_format(st, 0x1010, false, "second+0x0/0xff0");
	/* A return address behind the last instruction belongs to the function that called. */
	expect_format(st, 0x1010, true, "first+0x10/0x10");
	expect_format(st, 0x2fff, false, "_etext+0xfff/0x1000");
	expect_format(st, 0x3000, false, NULL);
	expect_format(st, 0xfff, false, NULL);
	expect_format(st, 0x9000, false, NULL); /* before the module's first symbol */
	expect_format(st, 0x91ff, false, "ext4_open+0xff/0x100 [ext4]");
	expect_format(st, 0x9fff, false, "first+0xdff/0xe00 [ext4]");
	expect_format(st, 0xf000, false, NULL);
	struct symbol s;
	assert_true(symtab_find(st, "first", &s));
	assert_int_equal(s.va, 0x1000);
	assert_null(s.module);
	assert_true(symtab_find(st, "ext4:first", &s));
	assert_int_equal(s.va, 0x9200);
	assert_string_equal(s.module, "ext4");
	assert_false(symtab_find(st, "ext4:second", &s));
	assert_false(symtab_find(st, "xfs:first", &s));
	assert_false(symtab_find(st, "fir", &s));
	symtab_destroy(st);
}

static void same_name_prefers_global(void **state)
{
	(void)state;
	struct symtab *st = symtab_create();
	symtab_add(st, "probe", 0x1000, 0, 't', NULL);
	symtab_add(st, "probe", 0x2000, 0, 'T', NULL);
	symtab_add(st, "probe", 0x3000, 0, 't', NULL);
	symtab_add(st, "probe", 0x500, 0, 'T', "mod");
	symtab_finish(st);
	struct symbol s;
	assert_true(symtab_find(st, "probe", &s));
	assert_int_equal(s.va, 0x2000);
	symtab_destroy(st);
}

/* Modules keep the order of their own symbol table; the first of equal addresses is printed. */
static void modules_keep_their_order(void **state)
{
	(void)state;
	struct symtab *st = symtab_create();
	symtab_add(st, "__zz", 0x1000, 0, 't', "m");
	symtab_add(st, "aa", 0x1000, 0, 't', "m");
	symtab_add(st, "end", 0x1100, 0, 't', "m");
	symtab_finish(st);
	assert_string_equal(name_at(st, 0x1004), "__zz");
	symtab_destroy(st);
}

static void empty_table(void **state)
{
	(void)state;
	struct symtab *st = symtab_create();
	struct symbol s;
	symtab_finish(st);
	assert_false(symtab_find(st, "x", &s));
	assert_false(symtab_at(st, 0, &s));
	assert_int_equal(symtab_count(st), 0);
	symtab_destroy(st);
}

/* ---- an ELF file made here ----------------------------------------------- */

struct made_elf {
	Elf32_Ehdr eh;
	Elf32_Shdr sh[5];
	Elf32_Sym sym[12];
	char str[256];
};

static void add_sym(struct made_elf *m, unsigned *n, const char *name, uint32_t va, unsigned bind,
	unsigned type, unsigned section)
{
	static unsigned at;
	if (!*n)
		at = 1;
	++*n;
	m->sym[*n] = (Elf32_Sym){ .st_name = at,
		.st_value = va,
		.st_size = 4,
		.st_info = ELF32_ST_INFO(bind, type),
		.st_shndx = (uint16_t)section };
	strcpy(m->str + at, name);
	at += (unsigned)strlen(name) + 1;
}

static void make_arm_elf(struct made_elf *m)
{
	unsigned n = 0;
	memset(m, 0, sizeof(*m));
	add_sym(m, &n, "_text", 0xc0008000, STB_GLOBAL, STT_NOTYPE, 1);
	add_sym(m, &n, "thumb_fn", 0xc0008101, STB_GLOBAL, STT_FUNC, 1);
	add_sym(m, &n, "$t", 0xc0008100, STB_LOCAL, STT_NOTYPE, 1);
	add_sym(m, &n, ".Lx", 0xc0008104, STB_LOCAL, STT_NOTYPE, 1);
	add_sym(m, &n, "f_veneer", 0xc0008108, STB_LOCAL, STT_FUNC, 1);
	add_sym(m, &n, "weak_fn", 0xc0008200, STB_WEAK, STT_FUNC, 1);
	add_sym(m, &n, "counter", 0xc0009001, STB_LOCAL, STT_OBJECT, 2);
	add_sym(m, &n, "VERSION", 0x123, STB_GLOBAL, STT_NOTYPE, SHN_ABS);
	add_sym(m, &n, "missing", 0, STB_GLOBAL, STT_NOTYPE, SHN_UNDEF);
	add_sym(m, &n, "_end", 0xc000a000, STB_GLOBAL, STT_NOTYPE, 2);
	add_sym(m, &n, "file.c", 0, STB_LOCAL, STT_FILE, SHN_ABS);
	m->eh = (Elf32_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC,
		.e_machine = EM_ARM,
		.e_version = 1,
		.e_shoff = offsetof(struct made_elf, sh),
		.e_ehsize = sizeof(m->eh),
		.e_shentsize = sizeof(m->sh[0]),
		.e_shnum = 5,
		.e_shstrndx = 4 };
	m->sh[1] = (Elf32_Shdr){ .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR };
	m->sh[2] = (Elf32_Shdr){ .sh_type = SHT_NOBITS, .sh_flags = SHF_ALLOC | SHF_WRITE };
	m->sh[3] = (Elf32_Shdr){ .sh_type = SHT_SYMTAB,
		.sh_link = 4,
		.sh_info = 1,
		.sh_offset = offsetof(struct made_elf, sym),
		.sh_size = sizeof(m->sym),
		.sh_entsize = sizeof(m->sym[0]),
		.sh_addralign = 4 };
	m->sh[4] = (Elf32_Shdr){ .sh_type = SHT_STRTAB,
		.sh_offset = offsetof(struct made_elf, str),
		.sh_size = sizeof(m->str),
		.sh_addralign = 1 };
}

static struct err *load(struct made_elf *m, struct symtab *st, uint64_t slide, Elf **ret)
{
	elf_version(EV_CURRENT);
	*ret = elf_memory((char *)m, sizeof(*m));
	assert_non_null(*ret);
	struct err *e = symtab_add_elf(st, *ret, slide);
	symtab_finish(st);
	return e;
}

static void elf_symbols(void **state)
{
	(void)state;
	struct made_elf m;
	make_arm_elf(&m);
	struct symtab *st = symtab_create();
	Elf *elf;
	assert_null(load(&m, st, 0x1000, &elf));
	struct symbol s;
	assert_int_equal(symtab_count(st), 5);
	assert_true(symtab_find(st, "weak_fn", &s) && !s.thumb);
	assert_true(symtab_find(st, "counter", &s) && !s.thumb);
	assert_true(symtab_find(st, "thumb_fn", &s));
	assert_true(s.thumb);
	assert_int_equal(s.va, 0xc0009100); /* the Thumb bit is gone, the slide is there */
	assert_int_equal(s.type, 'T');
	assert_int_equal(s.size, 0x100); /* neither $t, .Lx nor the veneer end it */
	assert_true(symtab_find(st, "weak_fn", &s));
	assert_int_equal(s.type, 'W');
	assert_true(symtab_find(st, "counter", &s));
	assert_int_equal(s.va, 0xc000a001); /* data keeps its low bit */
	assert_int_equal(s.type, 'b');
	assert_true(symtab_find(st, "VERSION", &s));
	assert_int_equal(s.va, 0x123);
	assert_int_equal(s.type, 'A');
	assert_true(symtab_find(st, "f_veneer", &s));
	assert_false(symtab_find(st, "$t", &s));
	assert_false(symtab_find(st, "missing", &s));
	assert_false(symtab_find(st, "file.c", &s));
	expect_format(st, 0xc000b000, false, NULL); /* at _end */
	expect_format(st, 0xc0009204, false, "weak_fn+0x4/0xe01");
	symtab_destroy(st);
	elf_end(elf);
}

static void broken_elf_symbols(void **state)
{
	(void)state;
	struct made_elf m;
	Elf *elf;
	/* Names beyond the table, and a table without a last terminator. */
	make_arm_elf(&m);
	m.sym[1].st_name = 0xffffff00;
	m.sh[4].sh_size = 20;
	struct symtab *st = symtab_create();
	assert_null(load(&m, st, 0, &elf));
	assert_true(symtab_count(st) <= 2);
	symtab_destroy(st);
	elf_end(elf);
	/* No symbol table at all. */
	make_arm_elf(&m);
	m.sh[3].sh_type = SHT_PROGBITS;
	st = symtab_create();
	struct err *e = load(&m, st, 0, &elf);
	assert_non_null(e);
	assert_int_equal(e->code, ERR_MISSING);
	err_drop(e);
	symtab_destroy(st);
	elf_end(elf);
}

/* The kernel's own table decides among aliases; what was found otherwise is known by name alone. */
static void kernels_own_order_and_recovered_ones(void **state)
{
	(void)state;
	struct symtab *st = symtab_create();
	struct symbol s;
	symtab_add_kallsyms(st, "__weak_first", 0x1000, 'W', 0);
	symtab_add_kallsyms(st, "plain", 0x1000, 'T', 1);
	symtab_add_kallsyms(st, "next", 0x2000, 'T', 0);
	symtab_add_range(st, 0x1000, 0x3000, NULL);
	symtab_finish(st);
	symtab_add_recovered(st, "init_task", 0x1800, 'D', "recovered: a test");
	symtab_finish(st);
	assert_string_equal(name_at(st, 0x1004), "__weak_first");
	assert_string_equal(name_at(st, 0x1800), "__weak_first");
	assert_int_equal(symtab_count(st), 3);
	assert_true(symtab_find_kernel(st, "init_task", &s));
	assert_int_equal(s.va, 0x1800);
	assert_string_equal(s.source, "recovered: a test");
	assert_true(symtab_find(st, "plain", &s));
	assert_null(s.source);
	assert_true(symtab_get_recovered(st, 0, &s));
	assert_string_equal(s.name, "init_task");
	assert_false(symtab_get_recovered(st, 1, &s));
	symtab_destroy(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aliases_in_the_kernels_order),
		cmocka_unit_test(kernels_own_order_and_recovered_ones),
		cmocka_unit_test(many_aliases_and_far_addresses_sort),
		cmocka_unit_test(sizes_and_ranges),
		cmocka_unit_test(same_name_prefers_global),
		cmocka_unit_test(modules_keep_their_order),
		cmocka_unit_test(empty_table),
		cmocka_unit_test(elf_symbols),
		cmocka_unit_test(broken_elf_symbols),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
