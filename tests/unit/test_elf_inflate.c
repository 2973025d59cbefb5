/* Sections compressed with zstd: inflated for both classes and byte orders, and headers that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gelf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/elf_inflate.h"
#include "tests/unit/zstd_elf.h"

static struct err *inflate(const struct zstd_elf *z, int *ret_fd)
{
	uint8_t bytes[ZSTD_ELF_MAX];
	size_t n = zstd_elf_write(z, bytes);
	scoped_fd int fd = memfd_create("test", 0);
	assert_int_equal(write(fd, bytes, n), n);
	return elf_inflate(fd, ret_fd);
}

static void both_classes_and_orders(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		uint8_t want[ZSTD_ELF_BYTES];
		size_t names;
		GElf_Shdr sh;
		scoped_fd int fd = -1;
		assert_null(inflate(&(struct zstd_elf){ .wide = i & 1, .big_endian = i & 2 }, &fd));
		assert_true(fd >= 0);
		Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
		assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
		Elf_Scn *scn = elf_getscn(elf, 1);
		assert_non_null(gelf_getshdr(scn, &sh));
		assert_string_equal(elf_strptr(elf, names, sh.sh_name), ".debug_x");
		assert_int_equal(sh.sh_flags & SHF_COMPRESSED, 0);
		assert_int_equal(sh.sh_addralign, 1);
		assert_int_equal(sh.sh_size, ZSTD_ELF_BYTES);
		zstd_elf_content(want);
		assert_memory_equal(elf_rawdata(scn, NULL)->d_buf, want, sizeof(want));
		assert_non_null(gelf_getshdr(elf_getscn(elf, 2), &sh));
		assert_int_equal(sh.sh_type, SHT_NOBITS);
		assert_true(sh.sh_addr == 0x8000);
		elf_end(elf);
	}
}

static void expect(const struct zstd_elf *z, enum err_code code)
{
	int fd = -1;
	scoped_err struct err *err = inflate(z, &fd);
	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_int_equal(fd, -1);
}

static void headers_that_lie(void **state)
{
	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		expect(&(struct zstd_elf){ .wide = wide, .claim = ZSTD_ELF_BYTES + 1 }, ERR_FORMAT);
		expect(&(struct zstd_elf){ .wide = wide, .claim = ZSTD_ELF_BYTES - 1 }, ERR_FORMAT);
		expect(&(struct zstd_elf){ .wide = wide, .claim = 0xfffffff0 }, ERR_LIMIT);
		expect(&(struct zstd_elf){ .wide = wide, .cut = 5 }, ERR_FORMAT);
	}
	expect(&(struct zstd_elf){ .wide = true, .claim = UINT64_MAX }, ERR_LIMIT);
}

static void nothing_to_do(void **state)
{
	(void)state;
	int fd = 7;
	assert_null(inflate(&(struct zstd_elf){ .wide = true, .type = ELFCOMPRESS_ZLIB }, &fd));
	assert_int_equal(fd, -1);
	scoped_fd int text = memfd_create("text", 0);
	assert_int_equal(write(text, "no ELF file", 11), 11);
	fd = 7;
	assert_null(elf_inflate(text, &fd));
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_classes_and_orders),
		cmocka_unit_test(headers_that_lie),
		cmocka_unit_test(nothing_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
