/* Separate debug files: found by build-id and by link, refused when they are another file's. The
 * files are minimal ELF images that the test writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/debug_file.h"

static char folder[] = "/tmp/test-debug-file-XXXXXX";

static char *in_folder(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

struct section {
	const char *name;
	uint32_t type;
	const void *data;
	size_t n;
};

/* An ELF64 file of these sections and nothing else. */
static void write_elf(const char *path, const struct section *sec, size_t nsec)
{
	struct strbuf names = { 0 }, body = { 0 };
	Elf64_Shdr sh[8] = { 0 };
	strbuf_add_char(&names, '\0');
	for (size_t i = 0; i < nsec; i++) {
		sh[i + 1] = (Elf64_Shdr){ .sh_name = (uint32_t)names.len,
			.sh_type = sec[i].type,
			.sh_offset = sizeof(Elf64_Ehdr) + body.len,
			.sh_size = sec[i].n,
			.sh_addralign = 4 };
		strbuf_add_bytes(&names, sec[i].name, strlen(sec[i].name) + 1);
		strbuf_add_bytes(&body, sec[i].data, sec[i].n);
		strbuf_pad(&body, '\0', -body.len % 8);
	}
	sh[nsec + 1] = (Elf64_Shdr){ .sh_name = (uint32_t)names.len,
		.sh_type = SHT_STRTAB,
		.sh_offset = sizeof(Elf64_Ehdr) + body.len };
	strbuf_add_bytes(&names, ".shstrtab", 10);
	sh[nsec + 1].sh_size = names.len;
	strbuf_add_bytes(&body, names.s, names.len);
	strbuf_pad(&body, '\0', -body.len % 8);
	Elf64_Ehdr eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_AARCH64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(eh),
		.e_shentsize = sizeof(*sh),
		.e_shnum = (uint16_t)(nsec + 2),
		.e_shstrndx = (uint16_t)(nsec + 1),
		.e_shoff = sizeof(eh) + body.len };
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fwrite(&eh, sizeof(eh), 1, f);
	fwrite(body.s, body.len, 1, f);
	fwrite(sh, sizeof(*sh), nsec + 2, f);
	assert_int_equal(fclose(f), 0);
	strbuf_deinit(&names);
	strbuf_deinit(&body);
}

/* namesz, descsz, type, "GNU", 4 bytes of build-id. */
static const uint8_t id_note[] = { 4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 0xab, 0xcd,
	0xef, 0x01 };
static const uint8_t other_note[] = { 4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 0xab,
	0xcd, 0xef, 0x02 };

static char *find(const char *path, const char *symbols_dir, char **tried)
{
	scoped_fd int fd = open(path, O_RDONLY);
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	assert_non_null(elf);
	char *found = debug_file_find(elf, path, symbols_dir, tried);
	elf_end(elf);
	return found;
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	static const char *const sub[] = { ".build-id", ".build-id/ab", ".debug" };
	for (size_t i = 0; i < ARRAY_SIZE(sub); i++) {
		scoped_free char *p = in_folder(sub[i]);
		assert_int_equal(mkdir(p, 0700), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scoped_free char *command = xasprintf("rm -r %s", folder);
	return system(command);
}

static void test_by_build_id(void **state)
{
	(void)state;
	scoped_free char *file = in_folder("vmlinux"),
			 *debug = in_folder(".build-id/ab/cdef01.debug");
	struct section sec[] = { { ".note.gnu.build-id", SHT_NOTE, id_note, sizeof(id_note) } };
	write_elf(file, sec, 1);
	scoped_free char *tried = NULL, *none = find(file, folder, &tried);
	assert_null(none);
	assert_non_null(strstr(tried, "/.build-id/ab/cdef01.debug\n"));

	struct section wrong[] = { { ".note.gnu.build-id", SHT_NOTE, other_note,
		sizeof(other_note) } };
	write_elf(debug, wrong, 1);
	scoped_free char *refused = find(file, folder, NULL);
	assert_null(refused);

	write_elf(debug, sec, 1);
	scoped_free char *found = find(file, folder, NULL);
	assert_string_equal(found, debug);
	unlink(debug);
}

/* A file whose link names @name with @crc. */
static void write_linked(const char *path, const char *name, uint32_t crc)
{
	uint8_t link[64] = { 0 };
	size_t n = (strlen(name) + 4) & ~3ul;
	memcpy(link, name, strlen(name));
	memcpy(link + n, &crc, 4);
	struct section sec[] = { { ".gnu_debuglink", SHT_PROGBITS, link, n + 4 } };
	write_elf(path, sec, 1);
}

static void test_by_link(void **state)
{
	(void)state;
	scoped_free char *file = in_folder("module.ko"), *debug = in_folder(".debug/module.debug");
	static const char text[] = "what the debug file holds";
	FILE *f = fopen(debug, "w");
	fputs(text, f);
	fclose(f);
	uint32_t crc = (uint32_t)crc32(0, (const void *)text, sizeof(text) - 1);

	write_linked(file, "module.debug", crc + 1);
	scoped_free char *refused = find(file, NULL, NULL);
	assert_null(refused);

	write_linked(file, "module.debug", crc);
	scoped_free char *found = find(file, NULL, NULL);
	assert_non_null(found);
	assert_non_null(strstr(found, "/.debug/module.debug"));

	/* A link may not lead out of the places that are searched. */
	write_linked(file, "../.debug/module.debug", crc);
	scoped_free char *outside = find(file, NULL, NULL);
	assert_null(outside);
}

static void test_not_itself(void **state)
{
	(void)state;
	scoped_free char *file = in_folder("self");
	write_linked(file, "self", 0);
	scoped_free char *found = find(file, NULL, NULL);
	assert_null(found);
}

static void test_needed(void **state)
{
	(void)state;
	scoped_free char *file = in_folder("own");
	struct section sec[] = { { ".debug_info", SHT_PROGBITS, "x", 1 } };
	for (int with = 0; with < 2; with++) {
		write_elf(file, sec, (size_t)with);
		scoped_fd int fd = open(file, O_RDONLY);
		Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
		assert_int_equal(debug_file_not_needed(elf), with);
		elf_end(elf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_build_id),
		cmocka_unit_test(test_by_link),
		cmocka_unit_test(test_not_itself),
		cmocka_unit_test(test_needed),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
