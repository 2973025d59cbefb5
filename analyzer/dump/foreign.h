/*
 * Containers that others know: a format looks at a file's first bytes and says where in the file
 * which physical memory lies. It gets at the file through the functions below only, and what it
 * says is checked before it counts: ranges stand in the file and nowhere twice.
 */
#ifndef ANALYZER_DUMP_FOREIGN_H
#define ANALYZER_DUMP_FOREIGN_H

#include "analyzer/dump/dump.h"

enum { FOREIGN_HEAD_BYTES = 4096, FOREIGN_RANGES_MAX = 1 << 20 };

struct foreign_file; /* one that is being opened */

struct foreign_format {
	const char *name; /* for people, in `sys` */
	bool (*recognises)(void *cx, const uint8_t *head, size_t n, uint64_t file_bytes);
	struct err *(*open)(void *cx, struct foreign_file *f);
	void *cx;
};

/* Whether one of @o's formats (both may be NULL) takes the file. */
bool foreign_recognises(const struct dump_options *o, const char *path);

uint64_t foreign_bytes(const struct foreign_file *f);

/* Exactly @n bytes at @at; ERR_FORMAT when they are not all there. */
struct err *foreign_read(const struct foreign_file *f, uint64_t at, void *buf, size_t n) MUST_CHECK;

/* @n bytes of RAM at @pa stand at @at of the file. What the file lacks of them is cut off.
 * ERR_FORMAT when there are none, when they go over the end of all addresses, when the file ends
 * before them. */
struct err *foreign_add_range(
	struct foreign_file *f, uint64_t pa, uint64_t n, uint64_t at) MUST_CHECK;

/* What the container says of the machine: EM_ARM or EM_AARCH64. */
void foreign_set_machine(struct foreign_file *f, uint16_t elf_machine, const struct abi *abi);

/* VMCOREINFO's text, copied; the first one stays. */
void foreign_add_vmcoreinfo(struct foreign_file *f, const char *text, size_t n);

#endif
