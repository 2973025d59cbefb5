/* Decoding of Google's block. */
#include "analyzer/target/kinfo.h"

#include <ctype.h>
#include <string.h>

#include "analyzer/base/load.h"

/*
 * struct kernel_all_info, packed: magic, the XOR of all 32-bit words of what follows, then struct
 * kernel_info. Its end differs: module offsets, and later the table of seqs, follow build_info. So
 * every end that is possible is tried; zeroes behind it do not change the sum.
 */
enum {
	KINFO_BYTES_MIN = 0x1c4, /* up to build_info[256] */
	KINFO_BYTES_MAX = 0x400,
	KINFO_INFO = 8,
};

static bool kinfo_sum_fits(const uint8_t *p, size_t n)
{
	uint32_t want = load_u32le(p + 4), sum = 0;
	for (size_t at = KINFO_INFO; at + 4 <= n; at += 4) {
		sum ^= load_u32le(p + at);
		if (at + 4 >= KINFO_BYTES_MIN && sum == want)
			return true;
	}
	return false;
}

bool kinfo_read(struct dump *d, struct paddr pa, struct kinfo *ret)
{
	uint8_t p[KINFO_BYTES_MAX];
	struct kinfo k = { .pa = pa };
	if (dump_try_read(d, pa, p, sizeof(p), NULL) != FAULT_NONE ||
		load_u32le(p) != 0xcceeddffu || !kinfo_sum_fits(p, sizeof(p)))
		return false;
	k.nsyms = load_u32le(p + 0x0c);
	k.stext.v = load_u64le(p + 0x28);
	k.etext.v = load_u64le(p + 0x30);
	k.end.v = load_u64le(p + 0x48);
	k.token_table.v = load_u64le(p + 0x60);
	k.swapper.v = load_u64le(p + 0x7c);
	memcpy(k.release, p + 0x84, 64);
	if (!k.stext.v || !isdigit((unsigned char)k.release[0]))
		return false;
	*ret = k;
	return true;
}
