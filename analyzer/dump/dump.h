/*
 * A dump: where physical bytes come from. Files are told apart by content. What a reader found of
 * notes comes as raw bytes; what they mean is for the layers above. A read says what it got: every
 * failure is a fault kind, never silent zeroes. Knows nothing of page tables, symbols or kernels.
 */
#ifndef ANALYZER_DUMP_DUMP_H
#define ANALYZER_DUMP_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/base/err.h"
#include "analyzer/base/load.h"

/* A physical address; a type of its own so that it cannot be mixed with a virtual one. */
struct paddr {
	uint64_t v;
};

/* A run of RAM that the dump describes (some of its pages may still be excluded). */
struct dump_extent {
	struct paddr start;
	uint64_t size;
};

/* One ELF note, in the file's order. Name and bytes are borrowed from the dump. */
struct dump_note {
	const char *name; /* "CORE", "VMCOREINFO", …; terminated */
	uint32_t type;
	const uint8_t *desc;
	uint32_t desc_size;
};

struct dump_info {
	const char *path;     /* first file, as given */
	const char *format;   /* "ELF core", "kdump-compressed", "kdump-compressed, flattened" */
	const char *codecs;   /* "", "zlib", "zlib lzo": met in the pages so far known, or "" */
	uint16_t elf_machine; /* EM_ARM, EM_AARCH64; 0 when the container does not say */
	struct abi abi;	      /* as the container says; word_bytes 0 when it does not */
	uint64_t file_bytes;
	uint64_t page_bytes;		  /* granule of presence in this container; 0: none (ELF) */
	const struct dump_extent *extent; /* ascending, not overlapping */
	size_t nextents;
	const struct dump_note *note;
	size_t nnotes;
	const char *vmcoreinfo; /* its text where the container holds one, else NULL; terminated */
	const char *damage;	/* NULL, or why the dump is only open in part: one line */
	bool base_unknown; /* raw RAM of which nobody said where it lies: addresses begin at 0 */
};

struct dump;

/* One file of a dump, as a person names it. */
struct dump_file {
	const char *path;
	bool is_ram; /* raw RAM at .ram_at, whatever the file looks like */
	struct paddr ram_at;
};

/* Told now and then while something long is under way; @total 0: unknown. */
typedef void (*dump_progress_fn)(void *cx, const char *what, uint64_t done, uint64_t total);

struct dump_options {
	uint64_t cache_bytes; /* of decompressed pages; 0: a quarter of the host's memory, 8 GiB at
				 most */
	dump_progress_fn progress; /* may be NULL */
	void *progress_cx;
	const struct foreign_format
		*foreign; /* of plugins, foreign.h: asked after our own readers */
	size_t nforeign;
};

/*
 * Opens the files as one dump. ERR_IO when one cannot be read, ERR_FORMAT when it is no dump that
 * any reader knows or its headers are cut or senseless (the message names the file and the reason).
 * A dump cut after its headers opens, with info->damage set.
 */
struct err *dump_open(const char *const *paths, size_t npaths, struct dump **ret) MUST_CHECK;

/*
 * The same for files of any kind: folders that Qualcomm's tools leave, raw RAM with its address,
 * raw RAM without (info->base_unknown), files compressed as a whole. @o may be NULL.
 */
struct err *dump_open_files(const struct dump_file *files, size_t nfiles,
	const struct dump_options *o, struct dump **ret) MUST_CHECK;
void dump_close(struct dump *d);

const struct dump_info *dump_info(const struct dump *d);

/* True when the file's first bytes are a container that some reader knows, when it is packed, when
 * it may be raw RAM, or when it is a folder that holds some. An ELF file is a dump when its e_type
 * is ET_CORE. */
bool dump_recognises(const char *path);

/* Says where a dump with info->base_unknown begins; its extents move there. Before other threads
 * read. */
void dump_set_base(struct dump *d, struct paddr base);

/*
 * For scanners: the first address at or behind @pa whose bytes are there and may be anything but
 * zero. What is skipped is excluded, cut, no RAM, or zeroes that the files do not store (holes of
 * sparse files). False when nothing follows.
 */
bool dump_next_data(struct dump *d, struct paddr pa, struct paddr *ret);

/*
 * The bytes at @pa in place: *ret_p points to *ret_n > 0 of them (up to the end of the run or
 * page). They stay valid while dump_generation() does not change. Thread-safe. Stale pointers stay
 * readable until dump_close(), but may show zeroes; so whoever shares a dump between threads takes
 * the generation before mapping, and uses the bytes only if it is the same after having read them.
 */
enum fault_kind dump_map(struct dump *d, struct paddr pa, const uint8_t **ret_p, size_t *ret_n);

/* Changes whenever pointers from dump_map() have become stale (the page cache was emptied). */
uint64_t dump_generation(const struct dump *d);

/* Copies @n bytes; on a fault *ret_bad (when not NULL) is the first address that failed. */
enum fault_kind dump_try_read(
	struct dump *d, struct paddr pa, void *buf, size_t n, struct paddr *ret_bad);

/* The same with an error object. */
struct err *dump_read(struct dump *d, struct paddr pa, void *buf, size_t n) MUST_CHECK;

/* Value of KEY= in VMCOREINFO text, e.g. "OSRELEASE", "SYMBOL(swapper_pg_dir)": a malloc'ed copy in
 * *ret, false when the line or the text (NULL) is absent. */
bool vmcoreinfo_find(const char *text, const char *key, char **ret);

/* The same as a number: decimal or 0x-hex as the kernel printed it; SYMBOL() and KERNELOFFSET,
 * which it prints in bare hex, are read so. Negative decimals come as two's complement. */
bool vmcoreinfo_number(const char *text, const char *key, uint64_t *ret);

#endif
