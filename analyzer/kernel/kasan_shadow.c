/* Names for shadow bytes. Which of two meanings 0xfa has, struct kasan has found out. */
#include "analyzer/kernel/kasan_shadow.h"

static const struct shadow_value {
	uint8_t value;
	enum kasan_kind kind;
	const char *name, *bug;
} values[] = {
	{ KASAN_PAGE_FREE, KASAN_PAGE, "freed page", "use-after-free" },
	{ KASAN_PAGE_REDZONE, KASAN_PAGE, "page redzone", "slab-out-of-bounds" },
	{ KASAN_SLAB_REDZONE, KASAN_SLAB, "slab redzone", "slab-out-of-bounds" },
	{ KASAN_SLAB_FREE, KASAN_SLAB, "freed object", "slab-use-after-free" },
	{ KASAN_SLAB_FREE_TRACK, KASAN_SLAB, "freed object, with its free stack",
		"slab-use-after-free" },
	{ KASAN_GLOBAL_REDZONE, KASAN_GLOBAL, "global redzone", "global-out-of-bounds" },
	{ KASAN_VMALLOC_INVALID, KASAN_VMALLOC,
		"vmalloc redzone (on a stack: variable out of scope)", "vmalloc-out-of-bounds" },
	{ KASAN_STACK_AFTER_RETURN, KASAN_STACK, "stack after return", "unknown-crash" },
	{ KASAN_STACK_PARTIAL, KASAN_STACK, "stack redzone, partial", "stack-out-of-bounds" },
	{ KASAN_STACK_RIGHT, KASAN_STACK, "stack redzone, right", "stack-out-of-bounds" },
	{ KASAN_STACK_MID, KASAN_STACK, "stack redzone, between variables", "stack-out-of-bounds" },
	{ KASAN_STACK_LEFT, KASAN_STACK, "stack redzone, left", "stack-out-of-bounds" },
	{ KASAN_ALLOCA_RIGHT, KASAN_STACK, "alloca redzone, right", "alloca-out-of-bounds" },
	{ KASAN_ALLOCA_LEFT, KASAN_STACK, "alloca redzone, left", "alloca-out-of-bounds" },
};

static const struct shadow_value *find(const struct kasan *k, uint8_t value)
{
	static const struct shadow_value old_global = { KASAN_GLOBAL_REDZONE_OLD, KASAN_GLOBAL,
		"global redzone", "global-out-of-bounds" };
	if (value == KASAN_GLOBAL_REDZONE_OLD && !k->free_track)
		return &old_global;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (values[i].value == value)
			return &values[i];
	return NULL;
}

const char *kasan_value_name(const struct kasan *k, uint8_t value)
{
	static const char *const first[] = { NULL, "first byte accessible",
		"first 2 bytes accessible", "first 3 bytes accessible", "first 4 bytes accessible",
		"first 5 bytes accessible", "first 6 bytes accessible",
		"first 7 bytes accessible" };
	if (k->mode != KASAN_GENERIC)
		return value == KASAN_TAG_INVALID  ? "no access: freed or redzone"
		       : value == KASAN_TAG_KERNEL ? "not tagged"
						   : "tag";
	if (!value)
		return "accessible";
	if (value < ARRAY_SIZE(first))
		return first[value];
	const struct shadow_value *v = find(k, value);
	return v ? v->name : "no value of KASAN's";
}

enum kasan_kind kasan_value_kind(const struct kasan *k, uint8_t value)
{
	if (k->mode != KASAN_GENERIC)
		return KASAN_TAGGED;
	if (value < 8)
		return value ? KASAN_PARTIAL : KASAN_ACCESSIBLE;
	const struct shadow_value *v = find(k, value);
	return v ? v->kind : KASAN_STRANGE;
}

const char *kasan_bug_type(const struct kasan *k, uint8_t value, uint8_t next)
{
	if (k->mode != KASAN_GENERIC)
		return "invalid-access";
	if (value && value < 8)
		value = next;
	if (value < 8)
		return "out-of-bounds";
	const struct shadow_value *v = find(k, value);
	return v ? v->bug : "unknown-crash";
}

const char *kasan_wild_bug_type(const struct kasan *k, uint64_t va)
{
	const struct arch_layout *l = &vspace_facts(k->t->kernel)->layout;
	if (va >> l->paging.page_shift == 0)
		return "null-ptr-deref";
	if (l->paging.two_halves)
		return va >> l->paging.va_bits ? "wild-memory-access" : "user-memory-access";
	return va < l->user_end ? "user-memory-access" : "wild-memory-access";
}

bool kasan_accessible(const struct kasan *k, uint64_t va, uint64_t n, uint64_t *ret_bad)
{
	unsigned tag = kasan_tag(k, va);
	uint64_t plain = kasan_untag(k, va);
	for (uint64_t at = plain; at - plain < n; at = (at | (k->granule - 1)) + 1) {
		uint8_t b;
		uint64_t good = k->granule; /* bytes of this granule */
		*ret_bad = at;
		if (!kasan_try_byte(k, at, &b))
			return false;
		if (k->mode != KASAN_GENERIC)
			good = tag == KASAN_TAG_KERNEL || b == tag ? good : 0;
		else if (b)
			good = b < 8 ? b : 0;
		uint64_t granule = at & ~(k->granule - 1ull);
		uint64_t last = plain + n - 1 - granule; /* wanted of it */
		if (last >= k->granule)
			last = k->granule - 1;
		if (at - granule >= good)
			return false;
		if (last >= good) {
			*ret_bad = granule + good;
			return false;
		}
	}
	return true;
}
