/* Walks red-black trees. A struct rb_node is three words: parent with the colour in its low bits,
 * right, left; a struct rb_root is the pointer to the topmost one (include/linux/rbtree.h 4.19,
 * rbtree_types.h since 5.11; the same in all versions). */
#include "analyzer/kernel/rbtree.h"

#include <inttypes.h>

#include "analyzer/base/interrupt.h"

enum { RBTREE_NODES_MAX = 1 << 26, PARENT_COLOUR = 3 };

/* What comes next at a node. */
enum step { STEP_LEFT, STEP_SELF, STEP_RIGHT, STEP_UP };

void rbtree_iter_init(struct rbtree_iter *it, const struct target *t, uint64_t root)
{
	it->t = t;
	it->root = root;
	it->is_node = it->started = false;
	it->count = it->depth = 0;
}

void rbtree_iter_init_node(struct rbtree_iter *it, const struct target *t, uint64_t node)
{
	rbtree_iter_init(it, t, node);
	it->is_node = true;
}

static struct err *limits(const struct rbtree_iter *it)
{
	if (it->depth == RBTREE_DEPTH_MAX)
		return err_new(ERR_LIMIT, "more than %d levels deep", RBTREE_DEPTH_MAX);
	if (it->count == RBTREE_NODES_MAX)
		return err_new(ERR_LIMIT, "more than %d nodes", RBTREE_NODES_MAX);
	return NULL;
}

static bool same_place(const struct target *t, uint64_t a, uint64_t b)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	return t->arch->untag(l, a) == t->arch->untag(l, b);
}

/* Goes down to @va below @parent (0: it is the root). A node belongs to one parent only: this is
 * what ends loops and keeps nodes from coming twice. */
static struct err *enter(struct rbtree_iter *it, uint64_t va, uint64_t parent)
{
	uint8_t raw[24];
	const struct abi *abi = &it->t->abi;
	unsigned word = abi->word_bytes;
	struct err *err = limits(it);
	if (!err)
		err = vspace_read(it->t->kernel, va, raw, 3 * word);
	if (err)
		return err_wrap(err, "node 0x%" PRIx64, va);
	uint64_t said = load_uint(abi, raw, word) & ~(uint64_t)PARENT_COLOUR;
	bool any_parent = it->is_node && !it->depth;
	if (!any_parent && !same_place(it->t, said, parent))
		return err_new(ERR_FORMAT,
			"node 0x%" PRIx64 ": its parent is 0x%" PRIx64 ", not 0x%" PRIx64, va, said,
			parent);
	it->count++;
	it->stack[it->depth++] = (struct rbtree_frame){
		.va = va,
		.right = load_uint(abi, raw + word, word),
		.left = load_uint(abi, raw + 2 * word, word),
	};
	return NULL;
}

static struct err *start(struct rbtree_iter *it)
{
	uint64_t top = it->root;
	struct err *err = NULL;
	it->started = true;
	if (!it->is_node)
		err = vspace_read_word(it->t->kernel, it->root, &top);
	return err || !top ? err : enter(it, top, 0);
}

/* One step; *ret_node is set when it is at a node whose turn has come. */
static struct err *step(struct rbtree_iter *it, uint64_t *ret_node)
{
	struct rbtree_frame *f = &it->stack[it->depth - 1];
	switch ((enum step)f->step++) {
	case STEP_LEFT:
		return f->left ? enter(it, f->left, f->va) : NULL;
	case STEP_SELF:
		*ret_node = f->va;
		return NULL;
	case STEP_RIGHT:
		if (f->right && f->right == f->left)
			return err_new(ERR_FORMAT,
				"node 0x%" PRIx64 ": both children are 0x%" PRIx64, f->va,
				f->right);
		return f->right ? enter(it, f->right, f->va) : NULL;
	case STEP_UP:
	default:
		it->depth--;
		return NULL;
	}
}

struct err *rbtree_iter_next(struct rbtree_iter *it, uint64_t *ret_node, bool *ret_more)
{
	uint64_t node = 0;
	*ret_more = false;
	struct err *err = interrupt_check();
	if (!err && !it->started)
		err = start(it);
	while (!err && !node && it->depth) {
		err = step(it, &node);
		if (!err)
			err = interrupt_check();
	}
	if (err) {
		*ret_more = it->depth && err->code != ERR_LIMIT && err->code != ERR_INTERRUPTED;
		return err_wrap(err, "tree at 0x%" PRIx64, it->root);
	}
	if (node) {
		*ret_node = node;
		*ret_more = true;
	}
	return NULL;
}

void rbtree_iter_position(const struct rbtree_iter *it, struct strbuf *out)
{
	strbuf_add(out, "root");
	for (unsigned i = 0; i + 1 < it->depth; i++)
		strbuf_add(out, it->stack[i].step == STEP_LEFT + 1 ? "/l" : "/r");
}
