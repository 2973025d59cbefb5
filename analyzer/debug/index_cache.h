/*
 * The cache of one kernel build: a file in the user's cache folder that holds what reading a
 * vmlinux costs time for, in a form that is used where it is mapped. Knows files, their identity
 * and sums; what the sections hold is their makers' business (vmlinux.c, symtab_image.c,
 * dwarf_index.c).
 *
 * Nothing in it is trusted: a file that is not this user's, that another build of this program
 * wrote, that belongs to another vmlinux (build-id, size, time of change), or whose sums are wrong
 * is as good as none, and is replaced. The header is summed when it is opened, each section when it
 * is first asked for (8 MB take a millisecond); what reads a section checks every offset all the
 * same, because a sum can be forged.
 *
 * Readers keep their mapping while others rename new files into place; of two writers the later one
 * wins.
 */
#ifndef ANALYZER_DEBUG_INDEX_CACHE_H
#define ANALYZER_DEBUG_INDEX_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum index_section {
	INDEX_FACTS = 1, /* vmlinux.c */
	INDEX_SYMBOLS,	 /* symtab_image.c */
	INDEX_DWARF,	 /* dwarf_index.c */
	INDEX_SECTIONS_END,
};

struct index_key {
	int fd; /* of the vmlinux; only asked for its size and time of change */
	const uint8_t *build_id;
	size_t build_id_bytes; /* 0: there is nothing to tell builds by, so no cache */
};

struct index_cache;

/*
 * Never NULL, never fails: without a usable folder or file there are no sections. INQUEST_CACHE_MB
 * in the environment limits the folder (default 1024; 0: no cache at all).
 */
struct index_cache *index_cache_open(const struct index_key *key);

/* The same with nothing read and nothing written; @why (a constant) is the state. */
struct index_cache *index_cache_none(const char *why);

void index_cache_close(struct index_cache *c);

/* The bytes of a section of the file, aligned to 8, as long as @c; false when it is not there or
 * damaged. What was put since is not seen. */
bool index_cache_section(
	struct index_cache *c, enum index_section what, const void **ret, size_t *ret_n);

/* Whether putting sections has a use. */
bool index_cache_writable(const struct index_cache *c);

/* Takes malloc'ed bytes as the section's new content, to be written by index_cache_save(). From any
 * thread. */
void index_cache_put(struct index_cache *c, enum index_section what, void *bytes, size_t n);

/* Says that a section of the file is of no use, for the state. */
void index_cache_reject(struct index_cache *c, enum index_section what);

/* Writes the file when something new was put; sections that are good already are kept. What does
 * not work (no space, no permission) is for the state only. From any thread. */
void index_cache_save(struct index_cache *c);

/* "used", "built: there was none", "not used: --no-cache", …; and the file's path, NULL without
 * one. Both live as long as @c. */
const char *index_cache_state(const struct index_cache *c);
const char *index_cache_path(const struct index_cache *c);

/* Four lanes of multiply and rotate: several bytes a cycle, where CRC-32 would cost more than it
 * saves. */
uint64_t index_sum(const void *p, size_t n);

#endif
