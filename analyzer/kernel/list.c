/* Walks a list_head ring by its pointers; next is the first word, prev the second
 * (include/linux/types.h, all versions). */
#include "analyzer/kernel/list.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

enum { LIST_NODES_MAX = 1 << 26 };

void list_iter_init(struct list_iter *it, const struct target *t, uint64_t head)
{
	*it = (struct list_iter){ .t = t, .head = head, .pos = head, .mark = head, .mark_at = 2 };
}

void list_iter_init_backwards(struct list_iter *it, const struct target *t, uint64_t head)
{
	list_iter_init(it, t, head);
	it->backwards = true;
}

uint64_t list_entry(const struct target *t, uint64_t node, uint64_t offset)
{
	uint64_t va = node - offset;
	return t->abi.word_bytes == 4 ? (uint32_t)va : va;
}

struct err *list_iter_next(struct list_iter *it, uint64_t *ret_node, bool *ret_more)
{
	uint64_t next;
	*ret_more = false;
	struct err *err = interrupt_check();
	if (!err)
		err = vspace_read_word(it->t->kernel,
			it->pos + (it->backwards ? it->t->abi.word_bytes : 0), &next);
	if (err)
		return err_wrap(err, "list at 0x%" PRIx64 ", node %" PRIu64, it->head, it->count);
	if (next == it->head)
		return NULL;
	it->count++;
	if (it->count > LIST_NODES_MAX)
		return err_new(ERR_LIMIT, "list at 0x%" PRIx64 ": more than %d nodes", it->head,
			LIST_NODES_MAX);
	if (next == it->mark || next == it->pos)
		return err_new(ERR_LIMIT, "list at 0x%" PRIx64 ": loops at node 0x%" PRIx64
			" without coming back to its head", it->head, next);
	if (it->count == it->mark_at) {
		it->mark = next;
		it->mark_at *= 2;
	}
	it->pos = next;
	*ret_node = next;
	*ret_more = true;
	return NULL;
}
