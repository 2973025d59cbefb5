/*
 * The bytes of pstore's zones: rings, headers of records, their compression, entries of the
 * function trace (fs/pstore/ram.c, ram_core.c). Knows no dump.
 */
#ifndef PLUGINS_RAMOOPS_ZONE_H
#define PLUGINS_RAMOOPS_ZONE_H

#include "analyzer/api.h"

enum zone_state { ZONE_GOOD, ZONE_EMPTY, ZONE_NOT_ONE, ZONE_DAMAGED };

/*
 * A ring: `size` bytes are used, and `start` is where the next one goes, so that in a full ring the
 * oldest stand there (persistent_ram_save_old). Puts them in order into @ret, which has room for
 * @n. Error correction bytes, where there are any, lie behind what size may reach. The first word
 * is the signature XORed with a number of the kind: ftrace has LINUX_VERSION_CODE, others 0. The
 * words are in the kernel's own order of bytes (struct persistent_ram_buffer, ram_core.c, 5.10 to
 * 7.2).
 */
enum zone_state zone_unroll(const struct abi *abi, const uint8_t *p, size_t n, bool any_signature,
	uint8_t *ret, size_t *ret_n);

struct record_header {
	bool there, compressed;
	uint64_t seconds, microseconds;
	size_t bytes;
};

/* "====1700000000.123456-C\n", "-D", or nothing behind the number (before v3.15 and "-C"). */
struct record_header record_header_parse(const uint8_t *p, size_t n);

/*
 * Raw deflate: crypto/deflate.c's window up to v6.5, zlib directly since then
 * (fs/pstore/platform.c). The compressed bytes end in the stream itself. ERR_FORMAT also for what
 * lzo, lz4, zstd and 842 wrote, which kernels before v6.6 could be told to use; @ret holds what
 * could be read before.
 */
struct err *record_inflate(const uint8_t *p, size_t n, struct strbuf *ret);

struct trace_entry {
	uint64_t ip, parent, time;
	unsigned cpu;
};

/*
 * struct pstore_ftrace_record (include/linux/pstore.h): two words and, since v4.10, a u64 whose low
 * 8 bits are the CPU. ARM kernels for few CPUs have the CPU in ip's low bits instead, and the time
 * unshifted; which of the two a kernel is cannot be told from the bytes.
 */
size_t trace_entry_bytes(const struct abi *abi);
struct trace_entry trace_entry_parse(const struct abi *abi, const uint8_t *p);

#endif
