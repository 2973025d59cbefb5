/*
 * Symbols of a vmlinux: which of its ELF symbols the kernel's own table would hold, under which
 * letter. Names stay in the file's string table.
 */
#include "analyzer/debug/symtab_image.h"

#include <ctype.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"

static bool has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool has_suffix(const char *s, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);
	return len >= n && !memcmp(s + len - n, suffix, n);
}

/* scripts/mksysmap and is_ignored_symbol() of scripts/kallsyms.c, v6.1; the __pi_ forms since v6.2.
 * The first character sorts nearly all names out. */
bool symtab_ignored(const char *name, size_t len)
{
	static const char *const prefixes[] = { "__crc_", "__kstrtab_", "__kstrtabns_",
		"__efistub_", "__kvm_nvhe_$", "__kvm_nvhe_.L", "__pi_$", "__pi_.L",
		"__AArch64ADRPThunk_", "__ARMV5PILongThunk_", "__ARMV7PILongThunk_",
		"__ThumbV7PILongThunk_", "__kcfi_typeid_" };
	static const char *const kallsyms[] = { "addresses", "offsets", "relative_base", "num_syms",
		"names", "markers", "token_table", "token_index", "seqs_of_names" };

	if (name[0] == '$' || (name[0] == '.' && name[1] == 'L') || !strcmp(name, "L0"))
		return true;
	if (name[0] == '_' && name[1] == '_')
		for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
			if (has_prefix(name, prefixes[i]))
				return true;
	if (name[0] == 'k' && has_prefix(name, "kallsyms_"))
		for (size_t i = 0; i < ARRAY_SIZE(kallsyms); i++)
			if (!strcmp(name + 9, kallsyms[i]))
				return true;
	return has_suffix(name, len, "_from_arm") || has_suffix(name, len, "_from_thumb") ||
	       has_suffix(name, len, "_veneer");
}

/* nm's letter of a section's local symbols; capitals are for global ones. */
static char section_letter(const GElf_Shdr *sh)
{
	if (sh->sh_flags & SHF_EXECINSTR)
		return 't';
	if (!(sh->sh_flags & SHF_ALLOC))
		return 'n';
	if (sh->sh_type == SHT_NOBITS)
		return 'b';
	return sh->sh_flags & SHF_WRITE ? 'd' : 'r';
}

struct elf_symbols {
	Elf_Data *sym;
	const char *str;
	size_t str_bytes, nsyms;
	char *letter; /* by section number */
	size_t nsections;
	bool arm;
};

static void elf_symbols_deinit(struct elf_symbols *t)
{
	free(t->letter);
}

static struct err *find_tables(Elf *elf, struct elf_symbols *ret)
{
	if (elf_getshdrnum(elf, &ret->nsections) || !ret->nsections)
		return err_new(ERR_MISSING, "no sections, so no symbol table");
	struct err *e = mem_alloc_array(ret->nsections, 1, "section table", &ret->letter);
	if (e)
		return e;
	Elf_Scn *scn = NULL, *table = NULL;
	GElf_Shdr sh, table_sh = { 0 };
	while ((scn = elf_nextscn(elf, scn))) {
		size_t i = elf_ndxscn(scn);
		if (!gelf_getshdr(scn, &sh) || i >= ret->nsections)
			continue;
		ret->letter[i] = section_letter(&sh);
		if (sh.sh_type == SHT_SYMTAB) {
			table = scn;
			table_sh = sh;
		}
	}
	if (!table)
		return err_new(ERR_MISSING, "no symbol table");
	Elf_Data *str = elf_getdata(elf_getscn(elf, table_sh.sh_link), NULL);
	ret->sym = elf_getdata(table, NULL);
	if (!ret->sym || !ret->sym->d_buf || !str || !str->d_buf || !table_sh.sh_entsize)
		return err_new(ERR_FORMAT, "symbol table: %s", elf_errmsg(-1));
	ret->str = str->d_buf;
	/* A table whose last name is not terminated loses that name. */
	for (ret->str_bytes = str->d_size; ret->str_bytes && ret->str[ret->str_bytes - 1];)
		ret->str_bytes--;
	if (ret->sym->d_type != ELF_T_SYM)
		return err_new(ERR_FORMAT, "symbol table: not in ELF's form");
	ret->nsyms = ret->sym->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
	return NULL;
}

/* nm's letter, 0 for what mksysmap drops: section and file symbols, undefined and debugging ones.
 */
static char symbol_letter(const struct elf_symbols *t, const GElf_Sym *sym)
{
	unsigned type = GELF_ST_TYPE(sym->st_info), bind = GELF_ST_BIND(sym->st_info);
	if (type == STT_SECTION || type == STT_FILE || sym->st_shndx == SHN_UNDEF)
		return 0;
	char letter;
	if (bind == STB_WEAK)
		return type == STT_OBJECT ? 'V' : 'W';
	if (sym->st_shndx == SHN_ABS)
		letter = 'a';
	else if (sym->st_shndx < t->nsections && sym->st_shndx < SHN_LORESERVE)
		letter = t->letter[sym->st_shndx];
	else
		return 0;
	if (!letter || letter == 'n')
		return 0;
	return bind == STB_LOCAL ? letter : (char)toupper(letter);
}

static void add_symbol(struct symtab *st, const struct elf_symbols *t, const GElf_Sym *sym)
{
	char letter = symbol_letter(t, sym);
	if (!letter || sym->st_name >= t->str_bytes || !t->str[sym->st_name])
		return;
	const char *name = t->str + sym->st_name;
	if (name[0] == '$') /* half of an ARM image's symbols */
		return;
	size_t len = strlen(name);
	bool absolute = sym->st_shndx == SHN_ABS;
	uint64_t va = sym->st_value;
	/* The low bit of a function's address marks Thumb code; nm hides it as well. */
	bool function = t->arm && GELF_ST_TYPE(sym->st_info) == STT_FUNC;
	if (function)
		va &= ~1ull;
	struct symtab_entry e = {
		.va = va,
		.name = name,
		.size = sym->st_size > UINT32_MAX ? UINT32_MAX : (uint32_t)sym->st_size,
		.rank = absolute ? SYMTAB_RANK_ABSOLUTE : symtab_rank(name, len, letter),
		.type = letter,
		.thumb = function && sym->st_value & 1,
	};
	if (absolute || symtab_ignored(name, len))
		vec_push(&st->hidden, e);
	else
		vec_push(&st->sym, e);
}

/* The image's bounds, from its own markers: nothing outside belongs to it. */
static void add_image_range(struct symtab *st)
{
	uint64_t start = 0, end = 0;
	for (size_t i = 0; i < st->sym.n; i++) {
		const char *name = st->sym.v[i].name;
		if (name[0] != '_')
			continue;
		if (!strcmp(name, "_text") || (!start && !strcmp(name, "_stext")))
			start = st->sym.v[i].va;
		else if (!strcmp(name, "_end"))
			end = st->sym.v[i].va;
	}
	if (start && end)
		symtab_add_range(st, start, end, NULL);
}

/* libelf's array is in the host's order; its accessor would check and lock for each of 200,000. */
static GElf_Sym symbol_at(const struct elf_symbols *t, bool wide, size_t i)
{
	const char *table = t->sym->d_buf;
	GElf_Sym sym;
	Elf32_Sym s;
	if (wide) {
		memcpy(&sym, table + i * sizeof(sym), sizeof(sym));
		return sym;
	}
	memcpy(&s, table + i * sizeof(s), sizeof(s));
	return (GElf_Sym){ .st_name = s.st_name,
		.st_info = s.st_info,
		.st_other = s.st_other,
		.st_shndx = s.st_shndx,
		.st_value = s.st_value,
		.st_size = s.st_size };
}

static void take_image(struct symtab *st, struct symtab_image *im)
{
	uint64_t start, end;
	symtab_image_range(im, &start, &end);
	symtab_image_destroy(st->image);
	st->image = im;
	symtab_add_range(st, start, end, NULL);
	st->finished = false;
}

static void destroy_scoped(struct symtab **st)
{
	symtab_destroy(*st);
}

struct err *symtab_add_elf(struct symtab *st, Elf *elf, uint64_t slide)
{
	__attribute__((cleanup(elf_symbols_deinit))) struct elf_symbols t = { 0 };
	__attribute__((cleanup(destroy_scoped))) struct symtab *sorted = symtab_create();
	GElf_Ehdr eh;
	if (!gelf_getehdr(elf, &eh))
		return err_new(ERR_FORMAT, "not an ELF file: %s", elf_errmsg(-1));
	struct err *e = find_tables(elf, &t);
	if (e)
		return e;
	t.arm = eh.e_machine == EM_ARM;
	bool wide = gelf_getclass(elf) == ELFCLASS64;
	for (size_t i = 1; i < t.nsyms; i++) {
		GElf_Sym sym = symbol_at(&t, wide, i);
		add_symbol(sorted, &t, &sym);
	}
	add_image_range(sorted);
	symtab_sort(sorted);
	struct symtab_image *im;
	e = symtab_image_build(sorted, t.str, t.str_bytes, slide, &im);
	if (!e)
		take_image(st, im);
	return e;
}

bool symtab_add_saved(struct symtab *st, const void *bytes, size_t n, uint64_t slide)
{
	struct symtab_image *im = symtab_image_open(bytes, n, slide);
	if (im)
		take_image(st, im);
	return im;
}

void *symtab_save(const struct symtab *st, size_t *ret_n)
{
	return st->image ? symtab_image_save(st->image, ret_n) : NULL;
}
