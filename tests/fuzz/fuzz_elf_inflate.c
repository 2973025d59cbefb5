/* ELF files with sections that zstd compressed, from any bytes: what comes out is an ELF file of
 * the same sections, or an error. */
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/elf_inflate.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/zstd_elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	int inflated = -1;
	scoped_fd int fd = memfd_create("fuzz", 0);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	scoped_err struct err *err = elf_inflate(fd, &inflated);
	if (err && (inflated >= 0 || !err->msg[0]))
		abort();
	if (inflated < 0)
		return 0;
	Elf *elf = elf_begin(inflated, ELF_C_READ, NULL);
	size_t was = 0;
	if (!elf || elf_getshdrnum(elf, &was))
		abort();
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh;
		if (!gelf_getshdr(scn, &sh))
			abort();
		elf_rawdata(scn, NULL);
	}
	elf_end(elf);
	close(inflated);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const struct zstd_elf shapes[] = {
		{ .wide = true },
		{ .wide = false },
		{ .wide = true, .big_endian = true },
		{ .wide = false, .big_endian = true },
		{ .wide = true, .claim = 1 << 20 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		uint8_t bytes[ZSTD_ELF_MAX];
		add(bytes, zstd_elf_write(&shapes[i], bytes));
	}
}
