/*
 * One object looked at closely: its slot's bytes, what is damaged there, and what the damage says
 * of whoever did it. A guess is a guess: it says what the bytes speak for.
 */
#ifndef ANALYZER_KERNEL_SLAB_INSPECT_H
#define ANALYZER_KERNEL_SLAB_INSPECT_H

#include "analyzer/kernel/slab_damage.h"
#include "analyzer/kernel/slab_object.h"

struct slab_inspect {
	struct slab_object object;
	struct slab_layout layout;
	uint8_t *slot; /* cache.size bytes, from the left redzone on */
	bool has_orig;
	uint32_t orig_size; /* what kmalloc() was asked for; without it object_size */
	struct slab_damage damage[SLAB_DAMAGE_MAX];
	unsigned ndamage;
};

struct err *slab_inspect_read(
	struct target *t, const struct slab_object *o, struct slab_inspect *ret) MUST_CHECK;
void slab_inspect_deinit(struct slab_inspect *i);
#define scoped_slab_inspect __attribute__((cleanup(slab_inspect_deinit)))

enum slab_guess_kind {
	SLAB_GUESS_OVERFLOW,   /* who used .object_va wrote .bytes past its end */
	SLAB_GUESS_UNDERFLOW,  /* … wrote .bytes before it */
	SLAB_GUESS_AFTER_FREE, /* who once had .object_va wrote at .offset, after it was freed */
	SLAB_GUESS_STRAY,      /* bytes of a redzone, away from any object's end */
	SLAB_GUESS_WRONG_FREE, /* .pointer was freed, which is no object's address: a free pointer
				* stands where only that puts one */
};

struct slab_guess {
	enum slab_guess_kind kind;
	uint64_t object_va, pointer;
	int64_t offset;
	uint64_t bytes;
	bool at_least; /* the last byte seen is the last that can be seen */
};

enum { SLAB_GUESSES_MAX = 4 };

/* @left and @right, the objects beside it, may be NULL. Returns how many guesses. */
unsigned slab_inspect_guess(const struct slab_inspect *i, const struct slab_inspect *left,
	const struct slab_inspect *right, struct slab_guess ret[SLAB_GUESSES_MAX]);

/* On kernels with hardened lists: adds WRONG_FREE. The encoded pointer is mixed with its own
 * address, so that chance does not make one. */
unsigned slab_inspect_wrong_frees(
	struct target *t, const struct slab_inspect *i, struct slab_guess *ret, unsigned max);

/* What damage wrote, as far as it can be read: the longest text of at least four letters ("" none),
 * and words that are addresses of the kernel's. */
enum { SLAB_TRACE_POINTERS = 4 };
struct slab_traces {
	char text[64];
	uint64_t pointer[SLAB_TRACE_POINTERS];
	unsigned npointers;
};
void slab_inspect_traces(struct target *t, const struct slab_inspect *i, struct slab_traces *ret);

#endif
