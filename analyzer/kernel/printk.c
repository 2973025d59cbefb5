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

enum { COMMITTED = 1, FINALIZED = 2 };

static unsigned state_of(const struct target *t, const struct desc *d)
{
	return (unsigned)(d->state_var >> (t->abi.word_bytes * 8u - 2)) & 3;
}

/*
 * Head or tail id is damaged, for they are further apart than there are descriptors. The
 * descriptors know their ids themselves: the newest and the oldest of those that stand where their
 * id belongs.
 */
static struct err *find_ids(struct printk_iter *it, uint64_t count)
{
	const struct view *view;
	uint64_t mask = id_mask(it->t), first = 0, oldest = 0, newest = 0;
	bool any = false;
	struct err *err = target_view(it->t, &desc_spec, &view);
	for (uint64_t i = 0; !err && i < count; i++) {
		struct desc d;
		err = interrupt_check();
		if (err || !view_try_read(
				   view, it->t->kernel, it->ring.descs + i * view_size(view), &d))
			continue;
		uint64_t id = d.state_var & mask;
		unsigned state = state_of(it->t, &d);
		if ((id & (count - 1)) != i || (state != COMMITTED && state != FINALIZED))
			continue;
		/* Ids wrap: what counts is the way from the first one seen, to either side. */
		if (!any) {
			first = id;
			oldest = newest = mask / 2;
		}
		any = true;
		uint64_t away = (id - first + mask / 2) & mask;
		oldest = away < oldest ? away : oldest;
		newest = away > newest ? away : newest;
	}
	if (err)
		return err;
	if (!any)
		return err_new(ERR_FORMAT,
			"head id %" PRIu64 " and tail id %" PRIu64 " cannot be of one "
			"ring of %" PRIu64 " records, and none of these is in use",
			it->ring.head_id & mask, it->ring.tail_id & mask, count);
	it->left = newest - oldest < count ? newest - oldest + 1 : count;
	it->id = (first + newest - mask / 2 - it->left + 1) & mask;
	it->ids_damaged = true;
	return NULL;
}

/* A ring that the dump's memory cannot hold is none; so its size bounds the walk. */
static bool ring_fits(const struct printk_iter *it)
{
	const struct dump_info *info = dump_info(it->t->dump);
	uint64_t ram = 0;
	for (size_t i = 0; i < info->nextents; i++)
		ram += info->extent[i].size;
	return it->ring.count_bits <= RING_BITS_MAX && it->ring.size_bits <= RING_BITS_MAX &&
	       1ull << it->ring.count_bits <= ram / 64 && 1ull << it->ring.size_bits <= ram;
}

static struct err *ring_init(struct printk_iter *it, uint64_t prb)
{
	const struct view *view;
	struct err *err = target_view(it->t, &ring_spec, &view);
	if (!err)
		err = view_read(view, it->t->kernel, prb, &it->ring);
	if (err)
		return err;
	if (!ring_fits(it))
		return err_new(ERR_FORMAT,
			"printk ring of 2^%u records and 2^%u bytes: no ring looks "
			"like this",
			it->ring.count_bits, it->ring.size_bits);
	uint64_t mask = id_mask(it->t), count = 1ull << it->ring.count_bits;
	it->is_ring = true;
	it->id = it->ring.tail_id & mask;
	it->left = ((it->ring.head_id - it->ring.tail_id) & mask) + 1;
	it->claimed = it->left - 1;
	return it->left > count ? find_ids(it, count) : NULL;
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
	it->id = it->log.first;
	it->left = it->log.bytes; /* all records together are no longer than the log */
	return target_read_variable(it->t, "log_first_seq", 8, &it->seq);
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
		err = err_new(
			ERR_MISSING, "neither symbol prb (since v5.10) nor log_first_idx (before)");
	}
	return err_wrap(err, "printk log");
}

/* Where the text of a block lies; false: it was lost, or the block makes no sense. A block that
 * would wrap is stored at the start of the ring; positions with bit 0 set mark blocks without data:
 * 3 an empty line, 1 a record whose text found no room (NO_LPOS, FAILED_LPOS in
 * printk_ringbuffer.h). */
static bool block_text(
	const struct printk_iter *it, const struct desc *d, uint64_t *ret_off, uint64_t *ret_max)
{
	enum { NO_LPOS = 3 };
	uint64_t size = 1ull << it->ring.size_bits, word = it->t->abi.word_bytes;
	uint64_t long_mask = word == 8 ? UINT64_MAX : UINT32_MAX;
	uint64_t begin = d->begin, end = (d->next - 1) & long_mask;
	*ret_off = *ret_max = 0;
	if ((begin & 1) && (d->next & 1))
		return begin == NO_LPOS && d->next == NO_LPOS;
	uint64_t first = begin & (size - 1), last = end & (size - 1);
	uint64_t wraps = ((end - last) - (begin - first)) & long_mask;
	if (wraps == size)
		first = 0;
	else if (wraps)
		return false;
	if (last < first || last - first + 1 < word || first % word)
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

/* The newest ids are taken before their descriptors are marked: one for each CPU that is about to
 * print. */
static bool may_be_unmarked(const struct printk_iter *it, const struct desc *d, uint64_t id)
{
	enum { WRITERS_MAX = 64 };
	uint64_t mask = id_mask(it->t), before = (id - (1ull << it->ring.count_bits)) & mask;
	return it->left < WRITERS_MAX && ((d->state_var & mask) == before || !d->state_var);
}

/* The descriptor of @id. One that was recycled (or, first of all, never used), or that its writer
 * had not committed when the machine died, holds no record. */
static enum ring_verdict ring_record(struct printk_iter *it, const struct view *desc_view,
	const struct view *info_view, uint64_t id, struct printk_record *ret)
{
	uint64_t low = (1ull << it->ring.count_bits) - 1, index = id & low, off, max;
	struct desc d;
	struct info info = { 0 };
	if (!view_try_read(
		    desc_view, it->t->kernel, it->ring.descs + index * view_size(desc_view), &d) ||
		!view_try_read(info_view, it->t->kernel,
			it->ring.infos + index * view_size(info_view), &info))
		return RECORD_BAD;
	unsigned state = state_of(it->t, &d);
	if ((d.state_var & id_mask(it->t)) != id)
		return may_be_unmarked(it, &d, id) ? RECORD_NONE : RECORD_BAD;
	if (state != COMMITTED && state != FINALIZED)
		return RECORD_NONE;
	/* prb_reserve(): sequence numbers go with the index. */
	if ((info.seq & low) != index || !block_text(it, &d, &off, &max))
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

/* What the records themselves could not say; once. */
static struct err *ring_end(struct printk_iter *it)
{
	uint64_t mask = id_mask(it->t);
	if (it->ids_damaged) {
		it->ids_damaged = false;
		return err_new(ERR_FORMAT,
			"the ring's head id %" PRIu64 " or tail id %" PRIu64 " is "
			"damaged: the records were found by their own ids",
			it->ring.head_id & mask, it->ring.tail_id & mask);
	}
	if (it->claimed && !it->good) {
		uint64_t claimed = it->claimed;
		it->claimed = 0;
		return err_new(ERR_FORMAT,
			"none of the printk ring's %" PRIu64 " records is where it "
			"should be",
			claimed);
	}
	return NULL;
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
			it->good++;
			*ret_more = true;
			return NULL;
		}
		it->lost += verdict == RECORD_BAD;
		err = interrupt_check();
	}
	return err ? err : ring_end(it);
}

static struct err *byte_log_damaged(const struct printk_iter *it)
{
	return err_new(ERR_FORMAT,
		"printk record at offset %" PRIu64 " is damaged; the log ends here", it->id);
}

static struct err *byte_log_next(struct printk_iter *it, struct printk_record *ret, bool *ret_more)
{
	const struct view *view;
	struct byte_record r;
	struct err *err = target_view(it->t, &byte_spec, &view);
	if (err || it->id == it->log.next)
		return err;
	if (!it->left)
		return byte_log_damaged(it);
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
		return byte_log_damaged(it);
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
