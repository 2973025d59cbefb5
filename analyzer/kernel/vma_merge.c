/*
 * Why two neighbouring areas are not one: the tests of vma_merge() and its helpers, in their order
 * (mm/mmap.c up to 6.9, mm/vma.c later). What changed between versions is said at the test.
 */
#include "analyzer/kernel/vma.h"

#include <inttypes.h>

#include "analyzer/kernel/page.h"

/* include/linux/mm.h: VM_SPECIAL is IO, DONTEXPAND, PFNMAP and MIXEDMAP */
static const uint64_t special_flags = 1u << 14 | 1u << 18 | 1u << 10 | 1u << 28;
static const uint64_t softdirty_flag = 1u << 27;

static void add_reason(struct strbuf *out, size_t begin, const char *reason)
{
	strbuf_addf(out, "%s%s", out->len > begin ? "; " : "", reason);
}

/* The list of anon_vma_chains has one member. */
static bool is_singular(const struct vma *v)
{
	return v->chain_next == v->chain_prev && v->chain_next != v->chain_va;
}

/*
 * is_mergeable_anon_vma(): the same anon_vma is fine; where one of the two has none, the other's
 * must not be shared with a parent or a child.
 */
static bool anon_vmas_fit(const struct vma *a, const struct vma *b)
{
	const struct vma *with = a->anon_vma ? a : b;
	if (a->anon_vma && b->anon_vma)
		return a->anon_vma == b->anon_vma;
	return !with->anon_vma || is_singular(with);
}

static void compare_flags(struct target *t, const struct vma *v, const struct vma *next,
	struct strbuf *out, size_t begin)
{
	scoped_strbuf struct strbuf text = { 0 };
	uint64_t differ = (v->flags ^ next->flags) & ~softdirty_flag;
	uint64_t special = (v->flags | next->flags) & special_flags;
	if (special) {
		strbuf_add(&text, "special: ");
		vma_flags_names(t, special, &text);
		add_reason(out, begin, strbuf_text(&text));
		strbuf_reset(&text);
	}
	if (differ) {
		strbuf_add(&text, "flags differ: ");
		vma_flags_names(t, differ, &text);
		add_reason(out, begin, strbuf_text(&text));
	}
}

static struct err *compare_names(struct target *t, const struct vma *v, const struct vma *next,
	struct strbuf *out, size_t begin)
{
	scoped_strbuf struct strbuf a = { 0 }, b = { 0 };
	if (v->anon_name == next->anon_name || v->file || next->file)
		return NULL;
	struct err *err = vma_anon_name_format(t, v, &a);
	if (!err)
		err = vma_anon_name_format(t, next, &b);
	if (!err && strcmp(strbuf_text(&a), strbuf_text(&b)))
		add_reason(out, begin, "their names differ");
	return err;
}

struct err *vma_merge_obstacles(
	struct target *t, const struct vma *v, const struct vma *next, struct strbuf *out)
{
	size_t begin = out->len;
	uint64_t pages = (v->end - v->start) >> page_shift(t);
	if (v->end != next->start)
		add_reason(out, begin, "there is a gap between them");
	compare_flags(t, v, next, out, begin);
	/* By pointer: equal policies at two places are rare, and would be one (mpol_equal()
	 * compares). */
	if (v->policy != next->policy)
		add_reason(out, begin, "their memory policies differ");
	if (v->file != next->file)
		add_reason(out, begin, "they map different files");
	if (v->userfaultfd != next->userfaultfd)
		add_reason(out, begin, "userfaultfd contexts differ");
	struct err *err = compare_names(t, v, next, out, begin);
	if (err)
		return err;
	if (!anon_vmas_fit(v, next))
		add_reason(out, begin,
			v->anon_vma && next->anon_vma
				? "their anon_vmas differ"
				: "the anon_vma is shared with another process");
	if (v->pgoff + pages != next->pgoff)
		add_reason(out, begin,
			v->file || next->file ? "the file offsets do not follow on"
					      : "the page offsets do not follow on: one was moved "
						"or began elsewhere");
	return NULL;
}
