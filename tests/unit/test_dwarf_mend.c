/* Units of this very program with one length or header damaged: all others are still there. */
#include <fcntl.h>
#include <gelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/dwarf_mend.h"

enum { UNITS_MAX = 4096 };

struct copy {
	int fd;
	uint8_t *at;
	size_t bytes;
	uint64_t info; /* where .debug_info begins in the file */
	Dwarf_Off unit[UNITS_MAX], die[UNITS_MAX];
	size_t n;
};

static size_t list_units(Dwarf *dw, Dwarf_Off *unit, Dwarf_Off *die)
{
	Dwarf_Off off = 0, next;
	size_t header, n = 0;
	while (n < UNITS_MAX && !dwarf_nextcu(dw, off, &next, &header, NULL, NULL, NULL)) {
		unit[n] = off;
		die[n++] = off + header;
		off = next;
	}
	return n;
}

static void open_copy(struct copy *c)
{
	struct stat st;
	int self = open("/proc/self/exe", O_RDONLY);
	assert_int_equal(fstat(self, &st), 0);
	c->bytes = (size_t)st.st_size;
	c->fd = memfd_create("copy", 0);
	assert_int_equal(ftruncate(c->fd, st.st_size), 0);
	c->at = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	assert_int_equal(pread(self, c->at, c->bytes, 0), st.st_size);
	close(self);
	Elf *elf;
	unsigned mended = 99;
	Dwarf *dw = dwarf_begin_mended(c->fd, &elf, &mended);
	assert_non_null(dw);
	assert_int_equal(mended, 0);
	c->n = list_units(dw, c->unit, c->die);
	assert_in_range(c->n, 5, UNITS_MAX - 1);
	size_t names;
	assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh;
		assert_non_null(gelf_getshdr(scn, &sh));
		if (!strcmp(elf_strptr(elf, names, sh.sh_name), ".debug_info"))
			c->info = sh.sh_offset;
	}
	dwarf_end(dw);
	elf_end(elf);
}

static void close_copy(struct copy *c)
{
	munmap(c->at, c->bytes);
	close(c->fd);
}

/* The units that are reached but for number @but are the program's. */
static void check_units(const struct copy *c, size_t but, unsigned want_mended)
{
	static Dwarf_Off unit[UNITS_MAX], die[UNITS_MAX];
	Elf *elf;
	unsigned mended;
	Dwarf *dw = dwarf_begin_mended(c->fd, &elf, &mended);
	assert_non_null(dw);
	assert_int_equal(mended, want_mended);
	assert_int_equal(list_units(dw, unit, die), c->n);
	for (size_t i = 0; i < c->n; i++) {
		Dwarf_Die d;
		assert_int_equal(unit[i], c->unit[i]);
		if (i != but)
			assert_non_null(dwarf_offdie(dw, die[i], &d));
	}
	dwarf_end(dw);
	elf_end(elf);
}

static void wrong_lengths(void **state)
{
	static struct copy c;
	(void)state;
	open_copy(&c);
	static const uint32_t lengths[] = { 0, 1, 7, 8, 100, 0x7fffffff, 0xfffffff0, 0xffffffff };
	const size_t units[] = { 0, 1, c.n / 2, c.n - 2, c.n - 1 };
	for (size_t k = 0; k < ARRAY_SIZE(units); k++) {
		uint8_t *p = c.at + c.info + c.unit[units[k]], good[4];
		memcpy(good, p, 4);
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
			if (units[k] == 0 && lengths[i] == 0xffffffff)
				continue; /* is the 64-bit form of the whole section */
			memcpy(p, &lengths[i], 4);
			check_units(&c, units[k], 1);
		}
		for (int delta = -20; delta <= 20; delta += 5) {
			uint32_t length;
			memcpy(&length, good, 4);
			length += (uint32_t)delta;
			memcpy(p, &length, 4);
			check_units(&c, units[k], delta != 0);
		}
		memcpy(p, good, 4);
	}
	close_copy(&c);
}

static void two_wrong_lengths(void **state)
{
	static struct copy c;
	(void)state;
	open_copy(&c);
	memset(c.at + c.info + c.unit[1], 0x5a, 4);
	memset(c.at + c.info + c.unit[3], 0, 4);
	check_units(&c, 1, 2);
	close_copy(&c);
}

/* The length is good: the header's damage is its own. */
static void wrong_headers(void **state)
{
	static struct copy c;
	(void)state;
	open_copy(&c);
	uint8_t *p = c.at + c.info + c.unit[c.n / 2];
	memset(p + 4, 0xff, 8);
	check_units(&c, c.n / 2, 1);
	close_copy(&c);
}

static void no_units(void **state)
{
	(void)state;
	Elf *elf;
	int fd = memfd_create("none", 0);
	assert_null(dwarf_begin_mended(fd, &elf, NULL));
	assert_null(elf);
	assert_int_equal(write(fd, "\177ELF hello", 10), 10);
	assert_null(dwarf_begin_mended(fd, &elf, NULL));
	assert_null(elf);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(two_wrong_lengths),
		cmocka_unit_test(wrong_headers),
		cmocka_unit_test(no_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
