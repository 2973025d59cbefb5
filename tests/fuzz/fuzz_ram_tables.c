/* dump_info.txt and load.cmm from any bytes: the words, the numbers, the names that are taken. */
#include "analyzer/dump/ram_files.h"
#include "tests/fuzz/fuzz_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ram_files a = { 0 };
	ram_files_parse_info((const char *)p, n, &a);
	ram_files_parse_cmm((const char *)p, n, &a);
	for (size_t i = 0; i < a.file.n; i++)
		FUZZ_CHECK(a.file.v[i].place.known && !strchr(a.file.v[i].name, '/'));
	ram_files_deinit(&a);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const char info[] = "1 0x0000000080000000 1073741824 DDR CS0 part0 DDRCS0_0.BIN\r\n"
				   "2 0x14680000 262144 OCIMEM OCIMEM.BIN\n";
	static const char cmm[] = "d.load.binary DDRCS0.BIN 0x80000000 /noclear\n"
				  "d.load.binary EBI1CS1.BIN 0xC0000000 /noclear\n";
	add((const uint8_t *)info, sizeof(info) - 1);
	add((const uint8_t *)cmm, sizeof(cmm) - 1);
}
