/* Whole-file compression from any bytes: each stream ends, and one piece gives what many pieces
 * give. */
#include <lzma.h>

#include "analyzer/dump/unpack.h"
#include "analyzer/dump/unpack_stream.h"
#include "tests/fuzz/fuzz_dump.h"

enum { OUT_MAX = 1 << 20 };

static size_t unpack(const uint8_t *p, size_t n, size_t step, uint8_t *to)
{
	struct unpack_stream *s = unpack_stream_create(unpack_stream_kind(p, n));
	size_t got = 0;
	enum unpack_state state = UNPACK_MORE;
	while (s && state == UNPACK_MORE && got < OUT_MAX) {
		size_t used = n < step ? n : step,
		       made = OUT_MAX - got < step ? OUT_MAX - got : step;
		state = unpack_stream_run(s, p, &used, to + got, &made);
		p += used;
		n -= used;
		got += made;
		if (!used && !made)
			break;
	}
	if (s)
		(void)unpack_stream_may_end(s);
	unpack_stream_destroy(s);
	return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static uint8_t a[OUT_MAX], b[OUT_MAX];
	uint8_t head[64];
	size_t nhead = sizeof(head);
	unpack_head(p, n, head, &nhead);
	size_t na = unpack(p, n, OUT_MAX, a), nb = unpack(p, n, 100, b);
	size_t both = na < nb ? na : nb; /* a damaged stream may end at another byte */
	FUZZ_CHECK(memcmp(a, b, both) == 0);
	FUZZ_CHECK(nhead <= sizeof(head) && (!unpack_recognises(p, n) ? nhead == 0 : true));
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	uint8_t plain[9000], packed[20000];
	size_t n = 0;
	for (size_t i = 0; i < sizeof(plain); i += 4096)
		page_fill(plain + i, sizeof(plain) - i < 4096 ? sizeof(plain) - i : 4096, i);
	memcpy(plain, "EMiL", 4);
	add(packed, ZSTD_compress(packed, sizeof(packed), plain, sizeof(plain), 1));
	uLongf zn = sizeof(packed);
	compress2(packed, &zn, plain, sizeof(plain), 6);
	add(packed, zn);
	lzma_easy_buffer_encode(
		1, LZMA_CHECK_CRC32, NULL, plain, sizeof(plain), packed, &n, sizeof(packed));
	add(packed, n);
	z_stream z = { .next_in = plain,
		.avail_in = sizeof(plain),
		.next_out = packed,
		.avail_out = sizeof(packed) };
	deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	deflate(&z, Z_FINISH);
	add(packed, sizeof(packed) - z.avail_out);
	deflateEnd(&z);
}
