/* The text of --regs. The first byte chooses the architecture. */
#include "analyzer/stack/reg_file.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct reg_file *f = NULL;
	struct regs regs;
	if (!n)
		return 0;
	const struct arch *arch = p[0] & 1 ? &arch_arm64 : &arch_arm;
	struct err *err = reg_file_parse(arch, "given", (const char *)p + 1, n - 1, &f);
	if (!err == !f || (err && !err->msg[0]))
		abort();
	for (unsigned cpu = 0; f && cpu < 8; cpu++)
		if (reg_file_get(f, cpu, &regs) &&
			(!regs_has(&regs, arch->reg_pc) || regs.valid >> arch->nregs))
			abort();
	err_drop(err);
	reg_file_close(f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const char *const seeds[] = {
		"1# by hand\ncpu 0\npc = ffffffc008010000\nlr=2\nx0=0x1\npstate=600003c5\ncpu "
		"1\npc=0\n",
		"0cpu 0\nr15=c0008000\nr14=1\nfp=4\npsr=60000013\n",
		"1cpu 0\npc 1\n",
	};
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		add((const uint8_t *)seeds[i], strlen(seeds[i]));
}
