/* A cache file from any bytes, once as it is and once with sums that are right: what it gives for
 * symbols and types is used to the end. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/base/load.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/index_cache_internal.h"
#include "analyzer/debug/lines.h"
#include "analyzer/debug/symtab.h"
#include "analyzer/debug/type.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tiny_dwarf.h"

static const uint8_t id[20] = { 1, 2, 3 };
static char home[] = "/tmp/inquest-fuzz-XXXXXX";
static char *path;
static int dwarf_fd = -1; /* stands for the vmlinux as well */

static void clean(void)
{
	scoped_free char *folder = xasprintf("%s/inquest", home);
	unlink(path);
	rmdir(folder);
	rmdir(home);
	free(path);
}

static struct index_cache *open_cache(void)
{
	return index_cache_open(&(struct index_key){ dwarf_fd, id, sizeof(id) });
}

static void prepare(void)
{
	uint8_t elf[16384];
	if (path)
		return;
	char *made = mkdtemp(home);
	if (made)
		setenv("XDG_CACHE_HOME", made, 1);
	scoped_free char *file = xasprintf("%s/vmlinux", home);
	size_t n = tiny_odd_unit(elf);
	dwarf_fd = open(file, O_CREAT | O_RDWR, 0600);
	if (write(dwarf_fd, elf, n) != (ssize_t)n)
		abort();
	unlink(file);
	struct index_cache *c = open_cache();
	path = xstrdup(index_cache_path(c));
	index_cache_close(c);
	atexit(clean);
}

static void use_symbols(struct index_cache *c)
{
	const void *p;
	size_t n;
	struct symbol s;
	struct symtab *st = symtab_create();
	if (index_cache_section(c, INDEX_SYMBOLS, &p, &n) && symtab_add_saved(st, p, n, 0x1000)) {
		symtab_finish(st);
		for (size_t i = 0; i < symtab_count(st) && i < 50; i++) {
			symtab_get(st, i, &s);
			symtab_find(st, s.name, &s);
			symtab_at(st, s.va, &s);
			symtab_at(st, s.va + s.size, &s);
		}
		symtab_find(st, "_text", &s);
		symtab_find(st, "hidden_veneer", &s);
		symtab_at(st, 0x2000, &s);
	}
	symtab_destroy(st);
}

static struct err *complete(void *cx, const struct type *t)
{
	return type_complete(cx, t);
}

static void use_types(struct index_cache *c)
{
	static const char *const names[] = { "int", "self_t", "bits", "huge", "nowhere",
		"spec_var" };
	struct abi abi = { .word_bytes = 8 };
	struct types *db = types_create(&abi);
	const struct type *t;
	const char *file;
	int line;
	types_use_cache(db, c);
	err_drop(types_add_dwarf(db, dwarf_fd, "fuzz"));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (enum type_kind k = TYPE_VOID; k <= TYPE_TYPEDEF; k++)
			err_drop(types_find(db, k, names[i], i & 1 ? "odd.c" : NULL, &t));
		err_drop(types_find_variable(db, names[i], NULL, &t));
		err_drop(types_find_enumerator(db, names[i], &t));
		types_source_line(db, 0x1000 * i, &file, &line);
	}
	err_drop(types_each(db, TYPE_STRUCT, complete, db));
	types_destroy(db);
}

static void use_file(const void *p, size_t n)
{
	scoped_fd int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		return;
	struct index_cache *c = open_cache();
	use_symbols(c);
	use_types(c);
	index_cache_save(c);
	index_cache_close(c);
}

/* As a forger would: identity and sums are right. */
static void mend(uint8_t *p, size_t n)
{
	struct index_file_header h;
	if (n < sizeof(h))
		return;
	memcpy(&h, p, sizeof(h));
	struct index_cache *c = open_cache();
	struct index_file_header want = c->want;
	index_cache_close(c);
	memcpy(want.section, h.section, sizeof(h.section));
	want.file_bytes = n;
	for (int i = 0; i < INDEX_SECTIONS_END; i++)
		if (range_inside(want.section[i].offset, want.section[i].bytes, n))
			want.section[i].sum =
				index_sum(p + want.section[i].offset, want.section[i].bytes);
	want.sum = index_sum(&want, offsetof(struct index_file_header, sum));
	memcpy(p, &want, sizeof(want));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	prepare();
	use_file(p, n);
	scoped_free uint8_t *mended = xmalloc(n + 1);
	memcpy(mended, p, n);
	mend(mended, n);
	use_file(mended, n);
	return 0;
}

/* Five symbols: three in the image, an alias, a hidden one. */
static void *some_symbols(size_t *ret_n)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Shdr sh[4];
		Elf64_Sym sym[6];
		char str[64];
	} m = { .str = "\0_text\0_end\0alias\0hidden_veneer" };
	const uint8_t text = STB_GLOBAL << 4 | STT_FUNC;
	m.eh = (Elf64_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_AARCH64,
		.e_version = EV_CURRENT,
		.e_shoff = sizeof(m.eh),
		.e_ehsize = sizeof(m.eh),
		.e_shentsize = sizeof(m.sh[0]),
		.e_shnum = 4 };
	m.sh[1] = (Elf64_Shdr){ .sh_type = SHT_NOBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR };
	m.sh[2] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
		.sh_link = 3,
		.sh_entsize = sizeof(m.sym[0]),
		.sh_offset = (uint64_t)((char *)m.sym - (char *)&m),
		.sh_size = sizeof(m.sym),
		.sh_addralign = 8 };
	m.sh[3] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
		.sh_size = sizeof(m.str),
		.sh_addralign = 1,
		.sh_offset = (uint64_t)(m.str - (char *)&m) };
	m.sym[1] = (Elf64_Sym){ 1, text, 0, 1, 0x1000, 8 };
	m.sym[2] = (Elf64_Sym){ 7, text, 0, 1, 0x3000, 0 };
	m.sym[3] = (Elf64_Sym){ 12, text, 0, 1, 0x2000, 8 };
	m.sym[4] = (Elf64_Sym){ 12, text, 0, 1, 0x2000, 8 };
	m.sym[5] = (Elf64_Sym){ 18, text, 0, 1, 0x2800, 8 };
	elf_version(EV_CURRENT);
	Elf *elf = elf_memory((char *)&m, sizeof(m));
	struct symtab *st = symtab_create();
	err_drop(symtab_add_elf(st, elf, 0));
	void *bytes = symtab_save(st, ret_n);
	symtab_destroy(st);
	elf_end(elf);
	return bytes;
}

void fuzz_seed(fuzz_add_fn add)
{
	size_t n;
	prepare();
	unlink(path);
	struct index_cache *c = open_cache();
	void *symbols = some_symbols(&n);
	index_cache_put(c, INDEX_SYMBOLS, symbols, n);
	use_types(c);
	index_cache_save(c);
	index_cache_close(c);
	scoped_fd int fd = open(path, O_RDONLY);
	uint8_t file[16384];
	ssize_t bytes = read(fd, file, sizeof(file));
	if (bytes <= 0)
		abort();
	add(file, (size_t)bytes);
}
