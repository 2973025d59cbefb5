/* What KASAN's shadow bytes mean: mm/kasan/kasan.h, 4.19 to 7.2. Knows values, no addresses. */
#ifndef ANALYZER_KERNEL_KASAN_SHADOW_H
#define ANALYZER_KERNEL_KASAN_SHADOW_H

#include "analyzer/kernel/kasan.h"

/* Generic mode; 0x01 to 0x07: so many bytes of the granule may be touched. */
enum {
	KASAN_PAGE_FREE = 0xff,
	KASAN_PAGE_REDZONE = 0xfe,
	KASAN_SLAB_REDZONE = 0xfc,
	KASAN_SLAB_FREE = 0xfb,
	KASAN_SLAB_FREE_TRACK = 0xfa,	 /* since 5.8 */
	KASAN_GLOBAL_REDZONE_OLD = 0xfa, /* before */
	KASAN_GLOBAL_REDZONE = 0xf9,
	KASAN_VMALLOC_INVALID =
		0xf8, /* since 5.5; the compiler's too, for variables out of scope */
	KASAN_STACK_AFTER_RETURN = 0xf5,
	KASAN_STACK_PARTIAL = 0xf4,
	KASAN_STACK_RIGHT = 0xf3,
	KASAN_STACK_MID = 0xf2,
	KASAN_STACK_LEFT = 0xf1,
	KASAN_ALLOCA_RIGHT = 0xcb,
	KASAN_ALLOCA_LEFT = 0xca,
};

/* Tag modes. */
enum { KASAN_TAG_INVALID = 0xfe, KASAN_TAG_KERNEL = 0xff };

enum kasan_kind {
	KASAN_ACCESSIBLE, /* all of the granule */
	KASAN_PARTIAL,	  /* its first bytes */
	KASAN_TAGGED,	  /* a tag: pointers need the same one */
	KASAN_PAGE,	  /* freed or a redzone of the page allocator's */
	KASAN_SLAB,	  /* freed or a redzone of a slab object */
	KASAN_GLOBAL,
	KASAN_STACK,
	KASAN_VMALLOC,
	KASAN_STRANGE, /* no value of this kernel's */
};

/* "freed object", "slab redzone", … */
const char *kasan_value_name(const struct kasan *k, uint8_t value);
enum kasan_kind kasan_value_kind(const struct kasan *k, uint8_t value);

/* The kernel's word for an access that hits @value, with @next the shadow byte behind it:
 * "slab-out-of-bounds", "use-after-free", … (get_shadow_bug_type() in mm/kasan/report_generic.c).
 */
const char *kasan_bug_type(const struct kasan *k, uint8_t value, uint8_t next);

/* The same for an address that has no shadow: get_wild_bug_type(). */
const char *kasan_wild_bug_type(const struct kasan *k, uint64_t va);

/* Whether the @n bytes from @va on may be touched; *ret_bad is the first that may not. Bytes
 * without readable shadow count as bad. Generic mode, or tag modes with the pointer's tag in @va.
 */
bool kasan_accessible(const struct kasan *k, uint64_t va, uint64_t n, uint64_t *ret_bad);

#endif
