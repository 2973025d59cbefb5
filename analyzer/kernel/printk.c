/* Reads printk's records. The ring: kernel/printk/printk_ringbuffer.h, 5.10 to 7.3; the byte log
 * before it: kernel/printk/printk.c, 4.19 to 5.9. Damaged records are counted, not fatal. */
#include "analyzer/kernel/printk.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"

#define PRINTK_HINT "kernel/printk/printk.c"

enum { RING_BITS_MAX = 28, TEXT_BYTES_MAX = 65536, BYTE_LOG_MAX = 1 << 28 };

static const struct view_field ring_fields[] = {
	FIELD(struct printk_ring, count_bits, "desc_ring.count_bits"),
	FIELD(struct printk_ring, descs, "desc_ring.descs"),
	FIELD(struct printk_ring, infos, "desc_ring.infos"),
	FIELD(struct printk_ring, head_id, "desc_ring.head_id.counter"),
	FIELD(struct printk_ring, tail_id, "desc_ring.tail_id.counter"),
	FIELD(struct printk_ring, size_bits, "text_data_ring.size_bits"),
	FIELD(struct printk_ring, data, "text_data_ring.data"),
};
static const struct view_spec ring_spec = {
	.type = "printk_ringbuffer",
	.hint = PRINTK_HINT,
	.fields = ring_fields,
	.nfields = ARRAY_SIZE(ring_fields),
};

struct desc {
	uint64_t state_var, begin, next;
};
static const struct view_field desc_fields[] = {
	FIELD(struct desc, state_var, "state_var.counter"),
	FIELD(struct desc, begin, "text_blk_lpos.begin"),
	FIELD(struct desc, next, "text_blk_lpos.next"),
};
static const struct view_spec desc_spec = {
	.type = "prb_desc",
	.hint = PRINTK_HINT,
	.fields = desc_fields,
	.nfields = ARRAY_SIZE(desc_fields),
};

struct info {
	uint64_t seq, ts_ns;
	uint16_t text_len;
	uint8_t facility, level;
	uint32_t caller_id;
};
static const struct view_field info_fields[] = {
	FIELD(struct info, seq, "seq"),
	FIELD(struct info, ts_ns, "ts_nsec"),
	FIELD(struct info, text_len, "text_len"),
	FIELD(struct info, facility, "facility"),
	FIELD(struct info, level, "level"),
	FIELD_OPTIONAL(struct info, caller_id, "caller_id"),
};
static const struct view_spec info_spec = {
	.type = "printk_info",
	.hint = PRINTK_HINT,
	.fields = info_fields,
	.nfields = ARRAY_SIZE(info_fields),
};

struct byte_record {
	uint64_t ts_ns;
	uint16_t len, text_len;
	uint8_t facility, level;
	uint32_t caller_id;
};
static const struct view_field byte_fields[] = {
	FIELD(struct byte_record, ts_ns, "ts_nsec"),
	FIELD(struct byte_record, len, "len"),
	FIELD(struct byte_record, text_len, "text_len"),
	FIELD(struct byte_record, facility, "facility"),
	FIELD(struct byte_record, level, "level"),
	FIELD_OPTIONAL(struct byte_record, caller_id, "caller_id"),
};
static const struct view_spec byte_spec = {
	.type = "printk_log",
	.hint = PRINTK_HINT,
	.fields = byte_fields,
	.nfields = ARRAY_SIZE(byte_fields),
};

/* An id is a long without its two state bits. */
static uint64_t id_mask(const struct target *t)
{
	return t->abi.word_bytes == 8 ? UINT64_MAX >> 2 : UINT32_MAX >> 2;
}

static struct err *ring_init(struct printk_iter *it, uint64_t prb)
{
	const struct view *view;
	struct err *err = target_view(it->t, &ring_spec, &view);
	if (!err)
		err = view_read(view, it->t->kernel, prb, &it->ring);
	if (err)
		return err;
	if (it->ring.count_bits > RING_BITS_MAX || it->ring.size_bits > RING_BITS_MAX)
		return err_new(ERR_FORMAT, "printk ring of 2^%u records and 2^%u bytes: no ring looks "
			"like this", it->ring.count_bits, it->ring.size_bits);
	uint64_t mask = id_mask(it->t);
	it->id = it->ring.tail_id & mask;
	it->left = ((it->ring.head_id - it->ring.tail_id) & mask) + 1;
	if (it->left > 1ull << it->ring.count_bits)
		it->left = 1ull << it->ring.count_bits;
	it->is_ring = true;
	return NULL;
}

static struct err *byte_log_init(struct printk_iter *it)
{
	struct err *err = target_read_variable(it->t, "log_buf", 0, &it->log.buf);
	if (!err)
		err = target_read_variable(it->t, "log_buf_len", 4, &it->log.bytes);
	if (!err)
		err = target_read_variable(it->t, "log_first_idx", 4, &it->log.first);
	if (!err)
		err = target_read_variable(it->t, "log_next_idx", 4, &it->log.next);
	if (err)
		return err;
	if (it->log.bytes > BYTE_LOG_MAX || it->log.first >= it->log.bytes ||
		it->log.next >= it->log.bytes)
		return err_new(ERR_FORMAT, "log_buf's indices lie outside of its %" PRIu64 " bytes",
			it->log.bytes);
	target_try_variable(it->t, "log_first_seq", &it->seq);
	it->id = it->log.first;
	it->left = it->log.bytes; /* each record moves on by at least one byte */
	return NULL;
}

struct err *printk_iter_init(struct printk_iter *it, struct target *t)
{
	*it = (struct printk_iter){ .t = t };
	struct err *err = target_need_kernel(t);
	uint64_t prb;
	if (err)
		return err;
	if (target_has_symbol(t, "prb")) {
		err = target_read_variable(t, "prb", 0, &prb);
		if (!err)
			err = ring_init(it, prb);
	} else if (target_has_symbol(t, "log_first_idx")) {
		err = byte_log_init(it);
	} else {
		err = err_new(ERR_MISSING, "neither symbol prb (since v5.10) nor log_first_idx (before)");
	}
	return err_wrap(err, "printk log");
}

/* Where the text of a block lies; false: it has none, or it makes no sense. A block that would wrap
 * is stored at the start of the ring; lpos with both low bits set mark blocks without data. */
static bool block_text(const struct printk_iter *it, const struct desc *d, uint64_t *ret_off,
	uint64_t *ret_max)
{
	uint64_t size = 1ull << it->ring.size_bits, word = it->t->abi.word_bytes;
	uint64_t begin = d->begin, next = d->next;
	*ret_off = *ret_max = 0;
	if ((begin & 1) && (next & 1))
		return true;
	uint64_t first = begin & (size - 1), last = (next - 1) & (size - 1);
	if (begin >> it->ring.size_bits != (next - 1) >> it->ring.size_bits)
		first = 0;
	if (last < first || last - first + 1 < word)
		return false;
	*ret_off = first + word;
	*ret_max = last - first + 1 - word;
	return true;
}

static bool read_text(struct printk_iter *it, uint64_t va, size_t n)
{
	strbuf_reset(&it->text);
	strbuf_pad(&it->text, ' ', n);
	return !n || vspace_try_read(it->t->kernel, va, it->text.s, n, NULL) == FAULT_NONE;
}

enum ring_verdict { RECORD_GOOD, RECORD_NONE, RECORD_BAD };

/* The descriptor of @id. One that was recycled (or, first of all, never used), or that its writer had
 * not committed when the machine died, holds no record. */
static enum ring_verdict ring_record(struct printk_iter *it, const struct view *desc_view,
	const struct view *info_view, uint64_t id, struct printk_record *ret)
{
	enum { COMMITTED = 1, FINALIZED = 2 };
	unsigned state_shift = it->t->abi.word_bytes * 8u - 2;
	uint64_t index = id & ((1ull << it->ring.count_bits) - 1), off, max;
	struct desc d;
	struct info info = { 0 };
	if (!view_try_read(desc_view, it->t->kernel,
		    it->ring.descs + index * view_size(desc_view), &d) ||
		!view_try_read(info_view, it->t->kernel,
			it->ring.infos + index * view_size(info_view), &info))
		return RECORD_BAD;
	unsigned state = (unsigned)(d.state_var >> state_shift) & 3;
	if ((d.state_var & id_mask(it->t)) != id || (state != COMMITTED && state != FINALIZED))
		return RECORD_NONE;
	if (!block_text(it, &d, &off, &max))
		return RECORD_BAD;
	size_t n = info.text_len < max ? info.text_len : (size_t)max;
	if (!read_text(it, it->ring.data + off, n))
		return RECORD_BAD;
	*ret = (struct printk_record){
		.seq = info.seq,
		.ts_ns = info.ts_ns,
		.level = info.level,
		.facility = info.facility,
		.caller_id = info.caller_id,
		.text = strbuf_text(&it->text),
		.text_bytes = n,
	};
	return RECORD_GOOD;
}

static struct err *ring_next(struct printk_iter *it, struct printk_record *ret, bool *ret_more)
{
	const struct view *desc_view, *info_view;
	struct err *err = target_view(it->t, &desc_spec, &desc_view);
	if (!err)
		err = target_view(it->t, &info_spec, &info_view);
	while (!err && it->left) {
		uint64_t id = it->id;
		it->id = (it->id + 1) & id_mask(it->t);
		it->left--;
		enum ring_verdict verdict = ring_record(it, desc_view, info_view, id, ret);
		if (verdict == RECORD_GOOD) {
			*ret_more = true;
			return NULL;
		}
		it->lost += verdict == RECORD_BAD;
		err = interrupt_check();
	}
	return err;
}

static struct err *byte_log_next(struct printk_iter *it, struct printk_record *ret, bool *ret_more)
{
	const struct view *view;
	struct byte_record r;
	struct err *err = target_view(it->t, &byte_spec, &view);
	if (err || !it->left || it->id == it->log.next)
		return err;
	err = view_read(view, it->t->kernel, it->log.buf + it->id, &r);
	if (!err && !r.len) { /* the rest of the buffer is unused */
		it->id = 0;
		if (it->id == it->log.next)
			return NULL;
		err = view_read(view, it->t->kernel, it->log.buf, &r);
	}
	if (err)
		return err;
	uint64_t text = it->log.buf + it->id + view_size(view);
	if (r.len < view_size(view) || r.text_len > r.len - view_size(view) ||
		r.len > it->log.bytes - it->id || !read_text(it, text, r.text_len))
		return err_new(ERR_FORMAT, "printk record at offset %" PRIu64 " is damaged; the log "
			"ends here", it->id);
	it->left = it->left > r.len ? it->left - r.len : 0;
	it->id += r.len;
	*ret = (struct printk_record){
		.seq = it->seq++,
		.ts_ns = r.ts_ns,
		.level = r.level,
		.facility = r.facility,
		.caller_id = r.caller_id,
		.text = strbuf_text(&it->text),
		.text_bytes = r.text_len,
	};
	*ret_more = true;
	return NULL;
}

struct err *printk_iter_next(struct printk_iter *it, struct printk_record *ret, bool *ret_more)
{
	*ret_more = false;
	struct err *err = interrupt_check();
	if (err)
		return err;
	return it->is_ring ? ring_next(it, ret, ret_more) : byte_log_next(it, ret, ret_more);
}

void printk_iter_deinit(struct printk_iter *it)
{
	strbuf_deinit(&it->text);
}
