/*
 * KASAN: which of its modes this kernel was built with, and where the shadow of an address lies.
 * What the shadow's values mean is kasan_shadow.h's, what stands beside objects is kasan_meta.h's.
 */
#ifndef ANALYZER_KERNEL_KASAN_H
#define ANALYZER_KERNEL_KASAN_H

#include "analyzer/target/target.h"

enum kasan_mode { KASAN_GENERIC, KASAN_SW_TAGS, KASAN_HW_TAGS };

enum kasan_backing {
	KASAN_REAL,	/* shadow memory of its own */
	KASAN_ZERO,	/* the one page that all memory without a shadow of its own shares */
	KASAN_UNMAPPED, /* no shadow: an access here would fault */
	KASAN_OUTSIDE,	/* an address that has no place in the shadow: user space, the shadow's own
			   hole */
};

struct kasan {
	struct target *t;
	enum kasan_mode mode;
	unsigned scale;	  /* shift: 3 generic, 4 tags */
	unsigned granule; /* bytes that one shadow byte stands for */
	/* Not with HW_TAGS, whose tags are no memory: */
	uint64_t offset;     /* shadow = (address >> scale) + offset */
	uint64_t start, end; /* of the shadow; end is the byte behind the last */
	uint64_t zero_va;    /* kasan_early_shadow_page; 0: not known */
	uint64_t zero_pa;
	const char *source; /* what said where it is */
	const char *proof;  /* which known object's shadow agrees; NULL: none could be looked at */
	bool free_track;    /* 0xfa marks a freed object with its free stack; else (up to 5.7) a
			     * global's    redzone */
};

/* ERR_MISSING: this kernel has no KASAN, or nothing tells. ERR_FORMAT: it has, but no place for the
 * shadow agrees with what is known of some objects. */
struct err *kasan_init(struct target *t, struct kasan *ret) MUST_CHECK;

/* "generic", "sw_tags", "hw_tags": as CONFIG_KASAN_* has it. */
const char *kasan_mode_name(enum kasan_mode mode);

/* Whether memory that is not described by the dump would be needed: ERR_UNSUPPORTED for HW_TAGS. */
struct err *kasan_need_shadow(const struct kasan *k) MUST_CHECK;

/* Without the tag of the tag modes, and as wide as the target's addresses. */
uint64_t kasan_untag(const struct kasan *k, uint64_t va);
unsigned kasan_tag(const struct kasan *k, uint64_t va); /* 0xff: none */

/* The shadow byte's address of @va, and the first address that a shadow byte stands for. */
uint64_t kasan_to_shadow(const struct kasan *k, uint64_t va);
uint64_t kasan_from_shadow(const struct kasan *k, uint64_t shadow_va);

/* Whether @va is high enough to have a shadow (addr_has_metadata() in mm/kasan/kasan.h). */
bool kasan_covers(const struct kasan *k, uint64_t va);

/* What stands behind @va's shadow byte; *ret_fault (may be NULL) when UNMAPPED. */
enum kasan_backing kasan_backing(const struct kasan *k, uint64_t va, enum fault_kind *ret_fault);
const char *kasan_backing_name(enum kasan_backing b);

bool kasan_try_byte(const struct kasan *k, uint64_t va, uint8_t *ret);

/* @n shadow bytes from @va's on. */
struct err *kasan_read(const struct kasan *k, uint64_t va, uint8_t *buf, size_t n) MUST_CHECK;

#endif
