/*
 * mm/kasan/quarantine.c, 4.19 to 7.2: lists of nodes that lie in the freed objects' own free
 * tracks, each list with the sum of its objects' sizes. Since that sum is kept beside, it bounds
 * the walk.
 */
#include "analyzer/kernel/kasan_quarantine.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

#define QUARANTINE_HINT "mm/kasan/quarantine.c"

struct queue_raw {
	uint64_t head, tail, bytes;
	uint8_t offline;
};
static const struct view_field queue_fields[] = {
	FIELD(struct queue_raw, head, "head"), FIELD(struct queue_raw, tail, "tail"),
	FIELD(struct queue_raw, bytes, "bytes"),
	FIELD_OPTIONAL(struct queue_raw, offline, "offline"), /* since 5.11 */
};
static const struct view_spec queue_spec = { .type = "qlist_head",
	.hint = QUARANTINE_HINT,
	.fields = queue_fields,
	.nfields = ARRAY_SIZE(queue_fields) };

struct err *kasan_quarantine_read(const struct kasan *k, struct kasan_quarantine *ret)
{
	struct kasan_quarantine q = { 0 };
	const struct view *v;
	struct symbol sym;
	uint64_t n;
	if (k->mode != KASAN_GENERIC)
		return err_new(ERR_MISSING,
			"only generic KASAN has a quarantine; this kernel's mode is %s",
			kasan_mode_name(k->mode));
	struct err *err = target_view(k->t, &queue_spec, &v);
	if (!err && !symtab_find_kernel(k->t->syms, "global_quarantine", &sym))
		err = err_new(
			ERR_MISSING, "there is no symbol global_quarantine: give the vmlinux");
	if (!err)
		err = target_read_variable(k->t, "quarantine_size", 0, &q.size);
	if (err)
		return err_wrap(err, "quarantine");
	if (target_try_variable(k->t, "quarantine_max_size", &n))
		q.max_size = n;
	if (target_try_variable(k->t, "quarantine_batch_size", &n))
		q.batch_size = n;
	uint64_t bytes = sym.object_size ? sym.object_size : sym.size;
	q.nbatches = (uint32_t)(bytes / view_size(v) < 1 << 16 ? bytes / view_size(v) : 1 << 16);
	if (target_try_variable(k->t, "quarantine_head", &n))
		q.head = (uint32_t)n;
	if (target_try_variable(k->t, "quarantine_tail", &n))
		q.tail = (uint32_t)n;
	*ret = q;
	return NULL;
}

/* ---- queues ----------------------------------------------- */

struct err *kasan_queue_iter_init(struct kasan_queue_iter *it, const struct kasan *k)
{
	*it = (struct kasan_queue_iter){ .k = k };
	struct err *err = kasan_quarantine_read(k, &it->q);
	return err ? err : cpu_mask_read(k->t, CPUS_POSSIBLE, &it->cpus);
}

static struct err *read_queue(const struct kasan *k, uint64_t va, struct kasan_queue *ret)
{
	const struct view *v;
	struct queue_raw raw;
	struct err *err = target_view(k->t, &queue_spec, &v);
	if (!err)
		err = view_read(v, k->t->kernel, va, &raw);
	if (err)
		return err;
	ret->va = va;
	ret->head = raw.head;
	ret->tail = raw.tail;
	ret->bytes = raw.bytes;
	ret->offline = raw.offline;
	return NULL;
}

/* struct cpu_shrink_qlist has a lock before its list; up to 6.0 the list stands alone */
static uint64_t shrink_offset(struct target *t)
{
	uint64_t offset;
	return target_number(t, "offsetof(cpu_shrink_qlist.qlist)", &offset) ? offset : 0;
}

static struct err *next_cpu_queue(
	struct kasan_queue_iter *it, struct kasan_queue *ret, bool *ret_got)
{
	struct target *t = it->k->t;
	while ((it->cpu = cpu_mask_next(&it->cpus, it->cpu)) < CPUS_MAX) {
		bool shrink = it->shrink;
		unsigned cpu = it->cpu;
		uint64_t va;
		it->shrink = !shrink;
		it->cpu += shrink;
		if (shrink && !target_has_symbol(t, "shrink_qlist"))
			continue;
		struct err *err =
			percpu_symbol(t, shrink ? "shrink_qlist" : "cpu_quarantine", cpu, &va);
		if (!err)
			err = read_queue(it->k, va + (shrink ? shrink_offset(t) : 0), ret);
		ret->kind = shrink ? KASAN_QUEUE_SHRINK : KASAN_QUEUE_CPU;
		ret->number = cpu;
		*ret_got = !err && ret->head;
		if (err || *ret_got)
			return err_wrap(err, "quarantine of CPU %u", cpu);
	}
	return NULL;
}

struct err *kasan_queue_iter_next(
	struct kasan_queue_iter *it, struct kasan_queue *ret, bool *ret_more)
{
	const struct view *v;
	uint64_t va;
	bool got = false;
	struct err *err = next_cpu_queue(it, ret, &got);
	*ret_more = got || (err && err->code != ERR_INTERRUPTED);
	if (err || got)
		return err;
	err = target_symbol(it->k->t, "global_quarantine", &va);
	if (!err)
		err = target_view(it->k->t, &queue_spec, &v);
	while (!err && it->batch < it->q.nbatches) {
		unsigned batch = it->batch++;
		err = read_queue(it->k, va + batch * view_size(v), ret);
		ret->kind = KASAN_QUEUE_GLOBAL;
		ret->number = batch;
		if (!err && ret->head) {
			*ret_more = true;
			return NULL;
		}
	}
	return err_wrap(err, "global_quarantine");
}

/* ---- objects ----------------------------------------------- */

void kasan_queued_iter_init(
	struct kasan_queued_iter *it, const struct kasan *k, const struct kasan_queue *queue)
{
	*it = (struct kasan_queued_iter){ .k = k, .queue = *queue, .node = queue->head };
}

static const char *kind_name(const struct kasan_queue *q)
{
	return q->kind == KASAN_QUEUE_GLOBAL   ? "batch"
	       : q->kind == KASAN_QUEUE_SHRINK ? "shrinking queue of CPU"
					       : "queue of CPU";
}

static struct err *at_end(struct kasan_queued_iter *it)
{
	const struct kasan_queue *q = &it->queue;
	if (it->last != q->tail)
		return err_new(ERR_FORMAT,
			"quarantine, %s %u: ends at 0x%" PRIx64 ", not at its tail 0x%" PRIx64,
			kind_name(q), q->number, it->last, q->tail);
	if (it->seen_bytes != q->bytes)
		return err_new(ERR_FORMAT,
			"quarantine, %s %u: objects of %" PRIu64 " bytes, but it counts "
			"%" PRIu64,
			kind_name(q), q->number, it->seen_bytes, q->bytes);
	return NULL;
}

struct err *kasan_queued_iter_next(
	struct kasan_queued_iter *it, struct kasan_object *ret, bool *ret_more)
{
	const struct kasan_queue *q = &it->queue;
	uint64_t node = it->node, next;
	*ret_more = false;
	struct err *err = it->count % 1024 ? NULL : interrupt_check();
	if (err)
		return err;
	if (!node)
		return at_end(it);
	/* a longer list than this runs in a circle; no object is smaller than a word, should none
	 * be found */
	if (it->seen_bytes > q->bytes || it->count > q->bytes / it->k->t->abi.word_bytes) {
		it->node = 0;
		return err_new(ERR_LIMIT,
			"quarantine, %s %u: longer than its %" PRIu64 " bytes allow", kind_name(q),
			q->number, q->bytes);
	}
	err = vspace_read_word(it->k->t->kernel, node, &next);
	if (err)
		return err_wrap(
			err, "quarantine, %s %u, node 0x%" PRIx64, kind_name(q), q->number, node);
	it->count++;
	it->last = node;
	it->node = node == q->tail ? 0 : next;
	*ret_more = true;
	err = kasan_object_find(it->k, node, ret);
	if (err)
		return err_wrap(err, "quarantine, %s %u", kind_name(q), q->number);
	it->seen_bytes += ret->cache.size;
	if (!ret->cache.has_free_meta || node != ret->va + ret->cache.free_meta_offset)
		return err_new(ERR_FORMAT,
			"quarantine, %s %u: 0x%" PRIx64 " is not where %s objects have "
			"their link",
			kind_name(q), q->number, node, ret->cache.name);
	return NULL;
}
