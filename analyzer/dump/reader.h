/*
 * What a container format implements, and the bytes it reads from. For the files of this folder
 * only.
 */
#ifndef ANALYZER_DUMP_READER_H
#define ANALYZER_DUMP_READER_H

#include "analyzer/base/arena.h"
#include "analyzer/base/vec.h"
#include "analyzer/dump/codec.h"
#include "analyzer/dump/dump.h"

/*
 * The content of one file, mmap'ed. A makedumpfile "flattened" stream presents the bytes of the
 * file that it would unfold to, through the same two calls.
 */
struct bytes;

struct err *bytes_open(const char *path, struct bytes **ret) MUST_CHECK;

/* The same; a file that is compressed as a whole (gzip, xz, zstd) is unpacked first, into a cache
 * of files, and bytes_path() stays the name that was given. @o may be NULL. */
struct err *bytes_open_packed(
	const char *path, const struct dump_options *o, struct bytes **ret) MUST_CHECK;
void bytes_close(struct bytes *b);
const char *bytes_path(const struct bytes *b);
uint64_t bytes_size(const struct bytes *b);	 /* of the unfolded content */
uint64_t bytes_file_size(const struct bytes *b); /* on disk */
bool bytes_flattened(const struct bytes *b);
const char *bytes_packing(const struct bytes *b); /* "gzip", …, NULL: not packed */
bool bytes_cut(const struct bytes *b);		  /* a flattened stream without its end marker, or
						   * a packed one that ends early */

/* Up to *n bytes at @off in place; false when there are none. *n shrinks to what is contiguous.
 * What a whole flattened stream never wrote is zero, in a cut one it is not there. So
 * bytes_size() may be far larger than bytes_file_size(): bound allocations by the latter. */
bool bytes_map(const struct bytes *b, uint64_t off, const uint8_t **ret_p, size_t *n);

/* The first offset at or behind @off that may hold anything but zeroes: file systems know the holes
 * of sparse files. False when there is none. */
bool bytes_next_data(const struct bytes *b, uint64_t off, uint64_t *ret);

/* Copies exactly @n bytes, false when they are not all there. */
bool bytes_read(const struct bytes *b, uint64_t off, void *buf, size_t n);

/* Zeroes that a container does not store. */
enum { DUMP_ZEROES_BYTES = 65536 };
extern const uint8_t dump_zeroes[DUMP_ZEROES_BYTES];

/* Where the caller or the names of files say that a raw file lies. */
struct ram_place {
	bool known;
	uint64_t pa;
	uint64_t size; /* that it should have; 0: unknown */
};

struct dump {
	struct dump_info info; /* pointers below own what info borrows */
	const struct dump_reader *reader;
	const struct foreign_format *foreign; /* where the reader is foreign_reader */
	void *state;			      /* the reader's */
	struct bytes **file;
	struct ram_place *ram; /* of each file; raw only */
	size_t nfiles;
	VEC(struct dump_extent) extents;
	VEC(struct dump_note) notes;
	struct arena arena;	    /* note names, copies of notes that are not contiguous */
	uint64_t generation;	    /* atomic */
	uint64_t cache_limit_bytes; /* of decompressed pages; tests set it after dump_open() */
	dump_progress_fn progress;  /* of dump_options; may be NULL */
	void *progress_cx;
	char *vmcoreinfo;
	char *damage;
	char *format;
	char *codecs;
};

struct dump_reader {
	const char *name;
	/* Looks at the first bytes only. On false, *ret_why may be set to words that follow the
	 * file's name: "is an ELF file, but …" (a constant string). */
	bool (*recognises)(const struct bytes *b, const char **ret_why);
	/* Fills d->info, extents, notes and state from d->file. Its errors do not name the file;
	 * all that it leaves in @d is released by close, also after an error. */
	struct err *(*open)(struct dump *d);
	/* As dump_map(); any number of threads at once. Besides, with a fault other than
	 * FAULT_BEYOND *ret_n > 0 is how many bytes share it. */
	enum fault_kind (*map)(struct dump *d, uint64_t pa, const uint8_t **ret_p, size_t *ret_n);
	/* As map(), past the page cache: what must be decompressed goes to @room, of UNPACK_BYTES.
	 * NULL where map() is always in place. */
	enum fault_kind (*unpack)(struct dump *d, uint64_t pa, struct codec *codec, uint8_t *room,
		const uint8_t **ret_p, size_t *ret_n);
	/* As dump_next_data(). */
	bool (*next_data)(struct dump *d, uint64_t pa, uint64_t *ret);
	/* d->state may be NULL. */
	void (*close)(struct dump *d);
};

enum { UNPACK_BYTES = 65536 }; /* the largest unit of any codec here */

extern const struct dump_reader elf_core_reader;
extern const struct dump_reader kdump_reader;
extern const struct dump_reader lime_reader;
extern const struct dump_reader avml_reader;
extern const struct dump_reader raw_reader; /* recognises nothing: the caller has to say so */

/* Splits PT_NOTE bytes (padded to 4, in ELF64 too) into d->notes; senseless sizes end it with
 * damage noted. @p must outlive @d's notes. Picks the VMCOREINFO text into d->vmcoreinfo. */
void notes_parse(struct dump *d, const uint8_t *p, size_t n, const struct abi *abi);

/* The same for @size bytes at @off of @b; what is not in the file becomes damage. */
void notes_load(
	struct dump *d, const struct bytes *b, uint64_t off, uint64_t size, const struct abi *abi);

/* Copies VMCOREINFO text; the first one stays. */
void vmcoreinfo_keep(struct dump *d, const uint8_t *p, size_t n);

/* Records that the dump is open only in part; the first reason stays. */
void dump_damaged(struct dump *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
