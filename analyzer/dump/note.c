/*
 * ELF notes: {namesz, descsz, type} words, the name and the descriptor, each padded to four bytes.
 * Linux and QEMU pad so in ELF64 too (fs/proc/kcore.c, kernel/vmcore_info.c, QEMU dump/dump.c),
 * whatever p_align says. Refuses to know what a descriptor means, but for the VMCOREINFO text.
 */
#include "analyzer/dump/reader.h"

#include <inttypes.h>
#include <string.h>

enum { NOTE_HEADER_BYTES = 12 };

static uint64_t padded(uint64_t n)
{
	return (n + 3) & ~(uint64_t)3;
}

/* A line of it that is not there means that something is not so: half a text is worse than none,
 * and the kernel has its own copy in memory. */
void vmcoreinfo_keep(struct dump *d, const uint8_t *p, size_t n)
{
	if (d->vmcoreinfo || !n)
		return;
	for (size_t i = 0; i < n && p[i]; i++) {
		if ((p[i] >= ' ' && p[i] <= '~') || strchr("\n\r\t", p[i]))
			continue;
		dump_damaged(d, "VMCOREINFO is no text at byte %zu of %zu, and left aside", i, n);
		return;
	}
	d->vmcoreinfo = xstrndup((const char *)p, n);
}

/* Keeps one note; false when its sizes run over the end. *at moves behind it. */
static bool note_parse(
	struct dump *d, const uint8_t *p, size_t n, size_t *at, const struct abi *abi)
{
	uint64_t name_size = get_u32(abi, p + *at), desc_size = get_u32(abi, p + *at + 4);
	uint32_t type = get_u32(abi, p + *at + 8);
	uint64_t name_at = *at + NOTE_HEADER_BYTES;
	uint64_t desc_at = name_at + padded(name_size);
	if (!range_inside(desc_at, desc_size, n))
		return false;
	uint64_t end = desc_at + padded(desc_size);
	*at = end < n ? (size_t)end : n; /* the last one's padding may be missing */
	if (!name_size && !desc_size && !type)
		return true; /* kernel/crash_core.c final_note(): ends one CPU's buffer */
	struct dump_note note = {
		.name = arena_strndup(&d->arena, (const char *)p + name_at, (size_t)name_size),
		.type = type,
		.desc = p + desc_at,
		.desc_size = (uint32_t)desc_size,
	};
	vec_push(&d->notes, note);
	if (type == 0 && strcmp(note.name, "VMCOREINFO") == 0)
		vmcoreinfo_keep(d, note.desc, note.desc_size);
	return true;
}

void notes_parse(struct dump *d, const uint8_t *p, size_t n, const struct abi *abi)
{
	for (size_t at = 0; range_inside(at, NOTE_HEADER_BYTES, n);) {
		size_t start = at;
		if (!note_parse(d, p, n, &at, abi)) {
			dump_damaged(d, "the note at byte %zu of %zu runs over the notes' end",
				start, n);
			return;
		}
	}
}

void notes_load(
	struct dump *d, const struct bytes *b, uint64_t off, uint64_t size, const struct abi *abi)
{
	uint64_t have = off < bytes_size(b) ? bytes_size(b) - off : 0;
	if (have < size)
		dump_damaged(
			d, "%" PRIu64 " of %" PRIu64 " bytes of notes are in the file", have, size);
	/* A hole of a flattened stream is of any length: the file's own size is the bound. */
	have = have < size ? have : size;
	if (have == 0 || have > bytes_file_size(b))
		return;
	const uint8_t *p;
	size_t n = (size_t)have;
	if (bytes_map(b, off, &p, &n) && n == have) {
		notes_parse(d, p, n, abi);
		return;
	}
	uint8_t *copy = arena_alloc(&d->arena, (size_t)have);
	if (bytes_read(b, off, copy, (size_t)have))
		notes_parse(d, copy, (size_t)have, abi);
	else
		dump_damaged(d, "the notes are not all in the file");
}
