/* Any bytes as memory, as a device tree and as VMCOREINFO: what the finders read before anything is
 * proved. The BTF that is made of VMCOREINFO must always be one that the decoder takes. */
#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/type.h"
#include "analyzer/target/fdt.h"
#include "analyzer/target/kinfo.h"
#include "analyzer/target/overrides.h"
#include "analyzer/target/scan.h"
#include "analyzer/target/vmcoreinfo_btf.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_memory.h"

enum { RAM = 0x40000000 };

static void as_memory(const uint8_t *p, size_t n)
{
	static struct dump mem;
	struct scan s;
	struct paddr pa;
	struct kinfo k;
	bool found = true;
	mem.extent = (struct dump_extent){ { RAM }, n };
	mem.info.extent = &mem.extent;
	mem.info.nextents = n > 0;
	for (size_t i = 0; i < n; i++)
		*fake_at(&mem, RAM + i) = p[i];
	scan_init(&s, &mem);
	for (size_t m = 0; m < SCAN_MARKS; m++) {
		uint64_t last = 0;
		for (size_t i = 0; !scan_find(&s, m, i, &found, &pa) && found; i++) {
			if (pa.v < RAM || pa.v >= RAM + n || (i && pa.v <= last))
				abort();
			last = pa.v;
		}
	}
	if (kinfo_read(&mem, (struct paddr){ RAM }, &k) && strlen(k.release) > 64)
		abort();
	scan_deinit(&s);
	fake_clear(&mem);
}

static void as_vmcoreinfo(const uint8_t *p, size_t n)
{
	const struct timekeeper_place none = { 0 };
	scoped_free char *text = xstrndup((const char *)p, n);
	for (unsigned i = 0; i < 4; i++) {
		const struct abi abi = { .word_bytes = i & 1 ? 8 : 4, .big_endian = i >> 1 };
		size_t nbtf;
		scoped_free uint8_t *btf = vmcoreinfo_btf(text, &abi, &none, &nbtf);
		if (!btf)
			continue;
		struct types *db = types_create(&abi);
		struct err *err = types_add_btf_part(db, btf, nbtf, "VMCOREINFO", "fuzz");
		if (err)
			abort();
		types_destroy(db);
	}
	struct overrides o = { 0 };
	err_drop(overrides_add(&o, text));
	overrides_deinit(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint64_t start;
	if (n > (FAKE_PAGES - 1) * FAKE_PAGE)
		return 0;
	fdt_memory_start(p, n, &start);
	as_memory(p, n);
	as_vmcoreinfo(p, n);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const uint8_t tree[] = { 0xd0, 0x0d, 0xfe, 0xed, 0, 0, 0, 100, 0, 0, 0, 40, 0, 0, 0,
		96, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 56, 0, 0,
		0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 'm', 'e', 'm', 'o', 'r', 'y', 0, 0, 0, 0, 0, 3, 0, 0,
		0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0,
		0, 0, 9, 'r', 'e', 'g', 0 };
	static const char text[] =
		"OSRELEASE=6.1\nPAGESIZE=4096\nSIZE(printk_info)=88\n"
		"OFFSET(printk_info.seq)=0\nOFFSET(printk_info.text_len)=16\nSIZE(prb_data_ring)="
		"16\n"
		"OFFSET(prb_data_ring.head_lpos)=8\nLENGTH(printk_info_device)=48\n"
		"OFFSET(dev_printk_info.device)=16\nSIZE(atomic_long_t)=4\n"
		"OFFSET(atomic_long_t.counter)=0\n";
	static uint8_t kinfo[0x1c4] = { 0xff, 0xdd, 0xee, 0xcc, 1, 0, 0, 0, 1, 0, 0, 0 };
	kinfo[0x28] = 1;
	kinfo[0x84] = '6';
	add(tree, sizeof(tree));
	add((const uint8_t *)text, sizeof(text) - 1);
	add(kinfo, sizeof(kinfo));
	add((const uint8_t *)"va_bits=39", 10);
}
