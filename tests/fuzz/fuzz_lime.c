/* LiME and AVML dumps from any bytes: headers, ranges that overlap, snappy's frames. */
#include "tests/fuzz/fuzz_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	return fuzz_dump_bytes(p, n, true);
}

void fuzz_seed(fuzz_add_fn add)
{
	scoped_blob struct blob lime = { 0 }, avml = { 0 }, over = { 0 };
	size_t at = lime_add(&lime, 0, 0x40000000, 8192);
	lime_add(&lime, at, 0x80000000, 4096);
	add(lime.p, lime.n);
	at = avml_add(&avml, 0, 0x40000000, 0x24000, NULL);
	avml_add(&avml, at, 0x40040000, 4096, NULL);
	add(avml.p, avml.n);
	at = avml_add(&over, 0, 0x1000, 0x3000, NULL);
	avml_add(&over, at, 0x2000, 0x4000, NULL);
	add(over.p, over.n);
}
