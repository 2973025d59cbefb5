#include "plugins/ramoops/zone.h"

#include <string.h>
#include <zlib.h>

enum {
	SIGNATURE = 0x43474244, /* "DBGC", fs/pstore/ram_core.c PERSISTENT_RAM_SIG */
	ZONE_HEADER = 12,	/* struct persistent_ram_buffer: sig, start, size */
	TEXT_MAX = 16 << 20,	/* of one decompressed record */
	HEADER_MAX = 64,	/* of "====SECONDS.MICROSECONDS-C\n" */
};

enum zone_state zone_unroll(const struct abi *abi, const uint8_t *p, size_t n, bool any_signature,
	uint8_t *ret, size_t *ret_n)
{
	*ret_n = 0;
	if (n < ZONE_HEADER)
		return ZONE_DAMAGED;
	uint32_t signature = get_u32(abi, p), start = get_u32(abi, p + 4),
		 size = get_u32(abi, p + 8);
	/* A version code has 24 bits: the top one of the signature stays. */
	if (any_signature ? (signature ^ SIGNATURE) >> 24 : signature != SIGNATURE)
		return ZONE_NOT_ONE;
	if (size == 0)
		return start ? ZONE_DAMAGED : ZONE_EMPTY;
	if (size > n - ZONE_HEADER || start > size)
		return ZONE_DAMAGED;
	memcpy(ret, p + ZONE_HEADER + start, size - start);
	memcpy(ret + (size - start), p + ZONE_HEADER, start);
	*ret_n = size;
	return ZONE_GOOD;
}

static bool digits(const char **io, uint64_t *ret)
{
	const char *s = *io;
	uint64_t v = 0;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (v > UINT64_MAX / 10 - 9)
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	bool any = s != *io;
	*io = s;
	*ret = v;
	return any;
}

struct record_header record_header_parse(const uint8_t *p, size_t n)
{
	struct record_header h = { 0 };
	char text[HEADER_MAX + 1] = "";
	memcpy(text, p, n < HEADER_MAX ? n : HEADER_MAX);
	const char *s = text;
	if (strncmp(s, "====", 4))
		return h;
	s += 4;
	if (!digits(&s, &h.seconds) || *s++ != '.' || !digits(&s, &h.microseconds))
		return h;
	if (*s == '-') {
		h.compressed = s[1] == 'C';
		if (s[1] != 'C' && s[1] != 'D')
			return h;
		s += 2;
	}
	h.there = *s == '\n';
	h.bytes = (size_t)(s + 1 - text);
	return h;
}

struct err *record_inflate(const uint8_t *p, size_t n, struct strbuf *ret)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)n };
	uint8_t out[4096];
	int status = inflateInit2(&z, -MAX_WBITS);
	if (status != Z_OK)
		return err_new(ERR_UNSUPPORTED, "zlib: error %d", status);
	do {
		z.next_out = out;
		z.avail_out = sizeof(out);
		status = inflate(&z, Z_NO_FLUSH);
		strbuf_add_bytes(ret, out, sizeof(out) - z.avail_out);
	} while (status == Z_OK && ret->len < TEXT_MAX && !interrupt_pending());
	inflateEnd(&z);
	if (status == Z_STREAM_END)
		return NULL;
	if (status == Z_OK)
		return ret->len < TEXT_MAX ? interrupt_check()
					   : err_new(ERR_LIMIT, "a record of more than 16 MB");
	return err_new(ERR_FORMAT, "the record does not decompress as deflate, of %zu bytes", n);
}

size_t trace_entry_bytes(const struct abi *abi)
{
	return 2u * abi->word_bytes + 8;
}

struct trace_entry trace_entry_parse(const struct abi *abi, const uint8_t *p)
{
	uint64_t ts = get_u64(abi, p + 2 * abi->word_bytes);
	return (struct trace_entry){ .ip = get_word(abi, p),
		.parent = get_word(abi, p + abi->word_bytes),
		.time = ts >> 8,
		.cpu = ts & 0xff };
}
