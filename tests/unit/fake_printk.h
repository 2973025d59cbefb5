/* The kernel's log by hand, both eras, for unit tests and fuzz seeds: include/linux's structures as
 * kernel/printk/printk_ringbuffer.h (v6.1) and kernel/printk/printk.c (v5.4) declare them. */
#ifndef TESTS_UNIT_FAKE_PRINTK_H
#define TESTS_UNIT_FAKE_PRINTK_H

#include "analyzer/kernel/printk.h"
#include "tests/unit/fake_kernel.h"

enum {
	RING_AT = 0x1000,
	DESCS_AT = 0x2000,
	INFOS_AT = 0x8000,
	TEXT_AT = 0x40000,
	LOG_AT = 0x60000
};
enum { RESERVED, COMMITTED, FINALIZED, REUSABLE };

static inline void fake_ring_types(struct fake *f)
{
	FAKE_STRUCT(f, "desc_ring", "count_bits:u32", "descs:word", "infos:word", "head_id:atomic",
		"tail_id:atomic", "last_finalized_id:atomic");
	FAKE_STRUCT(f, "data_ring", "size_bits:u32", "data:word", "head_lpos:atomic",
		"tail_lpos:atomic");
	FAKE_STRUCT(f, "printk_ringbuffer", "desc_ring:desc_ring", "text_data_ring:data_ring",
		"fail:atomic");
	FAKE_STRUCT(f, "blk_lpos", "begin:word", "next:word");
	FAKE_STRUCT(f, "prb_desc", "state_var:atomic", "text_blk_lpos:blk_lpos");
	FAKE_STRUCT(f, "printk_info", "seq:u64", "ts_nsec:u64", "text_len:u16", "facility:u8",
		"flags:u8:5", "level:u8:3", "caller_id:u32", "dev_info:char[64]");
}

static inline uint64_t fake_id_mask(const struct fake *f)
{
	return f->t->abi.word_bytes == 8 ? UINT64_MAX >> 2 : UINT32_MAX >> 2;
}

static inline void fake_ring(
	struct fake *f, unsigned count_bits, unsigned size_bits, uint64_t tail, uint64_t head)
{
	fake_ring_types(f);
	fake_number(f, "prb", 0x100, fake_va(f, RING_AT), f->t->abi.word_bytes);
	fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.count_bits", count_bits);
	fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.descs", fake_va(f, DESCS_AT));
	fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.infos", fake_va(f, INFOS_AT));
	fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.head_id.counter",
		head & fake_id_mask(f));
	fake_set(f, "printk_ringbuffer", RING_AT, "desc_ring.tail_id.counter",
		tail & fake_id_mask(f));
	fake_set(f, "printk_ringbuffer", RING_AT, "text_data_ring.size_bits", size_bits);
	fake_set(f, "printk_ringbuffer", RING_AT, "text_data_ring.data", fake_va(f, TEXT_AT));
	for (uint64_t i = 0; i < 1ull << count_bits; i++) {
		fake_set(f, "prb_desc", DESCS_AT + i * fake_sizeof(f, "prb_desc"),
			"state_var.counter", 0);
		fake_set(f, "printk_info", INFOS_AT + i * fake_sizeof(f, "printk_info"), "seq", i);
	}
}

/* The descriptor of @id and its info; the ring has 2^@count_bits of them. */
static inline void fake_desc(struct fake *f, unsigned count_bits, uint64_t id, unsigned state,
	uint64_t begin, uint64_t next, unsigned text_len)
{
	uint64_t index = id & ((1ull << count_bits) - 1);
	uint64_t desc = DESCS_AT + index * fake_sizeof(f, "prb_desc");
	uint64_t info = INFOS_AT + index * fake_sizeof(f, "printk_info");
	unsigned shift = f->t->abi.word_bytes * 8 - 2;
	fake_set(f, "prb_desc", desc, "state_var.counter",
		(id & fake_id_mask(f)) | (uint64_t)state << shift);
	fake_set(f, "prb_desc", desc, "text_blk_lpos.begin", begin);
	fake_set(f, "prb_desc", desc, "text_blk_lpos.next", next);
	fake_set(f, "printk_info", info, "ts_nsec", 1000000000 + index);
	fake_set(f, "printk_info", info, "text_len", text_len);
	fake_set(f, "printk_info", info, "level", 3);
	fake_set(f, "printk_info", info, "flags", 2);
	fake_set(f, "printk_info", info, "facility", 1);
	fake_set(f, "printk_info", info, "caller_id", 77);
}

/* @text at text block position @lpos of a ring of 2^@size_bits bytes, behind the block's id word.
 */
static inline void fake_block(
	struct fake *f, unsigned size_bits, uint64_t lpos, uint64_t id, const char *text)
{
	uint64_t at = TEXT_AT + (lpos & ((1ull << size_bits) - 1));
	fake_put(f->t->dump, at, id, f->t->abi.word_bytes);
	fake_bytes(f, at + f->t->abi.word_bytes, text, strlen(text));
}

/* ---- the byte log ------------------------------------------------------------------------ */

static inline void fake_log(
	struct fake *f, uint32_t bytes, uint32_t first, uint32_t next, uint64_t seq)
{
	FAKE_STRUCT(f, "printk_log", "ts_nsec:u64", "len:u16", "text_len:u16", "dict_len:u16",
		"facility:u8", "flags:u8:5", "level:u8:3");
	fake_number(f, "log_buf", 0x200, fake_va(f, LOG_AT), f->t->abi.word_bytes);
	fake_number(f, "log_buf_len", 0x208, bytes, 4);
	fake_number(f, "log_first_idx", 0x210, first, 4);
	fake_number(f, "log_next_idx", 0x218, next, 4);
	fake_number(f, "log_first_seq", 0x220, seq, 8);
	*fake_at(f->t->dump, LOG_AT) = 0;
}

/* One record at @off; returns where the next one goes. Its dictionary is @dict. */
static inline uint32_t fake_log_record(
	struct fake *f, uint32_t off, const char *text, const char *dict)
{
	uint64_t at = LOG_AT + off, head = fake_sizeof(f, "printk_log");
	uint32_t len =
		(uint32_t)(head + strlen(text) + strlen(dict) + 3) & ~3u; /* LOG_ALIGN is 4 */
	fake_set(f, "printk_log", at, "ts_nsec", 5000000000 + off);
	fake_set(f, "printk_log", at, "len", len);
	fake_set(f, "printk_log", at, "text_len", strlen(text));
	fake_set(f, "printk_log", at, "dict_len", strlen(dict));
	fake_set(f, "printk_log", at, "level", 4);
	fake_bytes(f, at + head, text, strlen(text));
	fake_bytes(f, at + head + strlen(text), dict, strlen(dict));
	return off + len;
}

#endif
