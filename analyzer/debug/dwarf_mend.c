/* Unit headers of .debug_info: DWARF 2 to 5, 32-bit form (kernels have no other). */
#include "analyzer/debug/dwarf_mend.h"

#include <dwarf.h>
#include <gelf.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/load.h"

enum {
	LENGTH_BYTES = 4,
	HEADER_BYTES = 12, /* of the longest form that matters: version 5 */
	MENDED_MAX = 1000, /* what has more damage is no chain of units */
};

struct units {
	struct abi abi;
	uint8_t *at;
	uint64_t bytes, abbrev_bytes;
};

/* Whether a unit's header stands at @at, whatever it says of its length. */
static bool is_header(const struct units *u, uint64_t at)
{
	if (at + HEADER_BYTES > u->bytes)
		return false;
	const uint8_t *p = u->at + at;
	uint16_t version = get_u16(&u->abi, p + 4);
	bool newer = version == 5;
	uint32_t abbrev = get_u32(&u->abi, p + (newer ? 8 : 6));
	uint8_t address_bytes = p[newer ? 7 : 10];
	if (version < 2 || version > 5 ||
		(newer && (p[6] < DW_UT_compile || p[6] > DW_UT_split_type)))
		return false;
	return (address_bytes == 4 || address_bytes == 8) && abbrev < u->abbrev_bytes;
}

/* Where the unit at @at says that the next one begins; 0: nowhere. */
static uint64_t next_unit(const struct units *u, uint64_t at)
{
	if (at + LENGTH_BYTES > u->bytes)
		return 0;
	uint32_t length = get_u32(&u->abi, u->at + at);
	if (length < HEADER_BYTES - LENGTH_BYTES || length > u->bytes - at - LENGTH_BYTES)
		return 0;
	return at + LENGTH_BYTES + length;
}

static bool is_boundary(const struct units *u, uint64_t at)
{
	return at == u->bytes || is_header(u, at);
}

/* The next place behind @at where a header stands whose length leads to another; the section's end
 * when there is none. */
static uint64_t find_unit(const struct units *u, uint64_t at)
{
	for (at += HEADER_BYTES; at + HEADER_BYTES <= u->bytes; at++) {
		if (!(at & 0xffff) && interrupt_pending())
			break; /* the rest is lost, and the user wants no more of it */
		if (!is_header(u, at))
			continue;
		uint64_t next = next_unit(u, at);
		if (next && is_boundary(u, next))
			return at;
	}
	return u->bytes;
}

/* A length is right that leads to a header or the end; also to a damaged header whose own length
 * does. */
static bool length_is_right(const struct units *u, uint64_t at)
{
	uint64_t next = next_unit(u, at);
	if (!next || is_boundary(u, next))
		return next != 0;
	uint64_t behind = next_unit(u, next);
	return behind && is_boundary(u, behind);
}

static void set_length(const struct units *u, uint64_t at, uint32_t length)
{
	for (unsigned i = 0; i < LENGTH_BYTES; i++)
		u->at[at + i] =
			(uint8_t)(length >> 8 * (u->abi.big_endian ? LENGTH_BYTES - 1 - i : i));
}

/* libdw reads all headers up to the one it is asked for, and stops at a damaged one: an empty unit
 * of version 4 takes its place. */
static void make_empty(const struct units *u, uint64_t at)
{
	uint8_t *p = u->at + at + LENGTH_BYTES;
	memset(p, 0, HEADER_BYTES - LENGTH_BYTES);
	p[u->abi.big_endian ? 1 : 0] = 4;
	p[6] = (uint8_t)u->abi.word_bytes; /* behind it: no first DIE */
}

static unsigned mend(struct units *u)
{
	unsigned mended = 0;
	uint64_t at = 0;
	if (u->bytes < HEADER_BYTES || get_u32(&u->abi, u->at) == 0xffffffffu)
		return 0; /* empty, or the 64-bit form from its beginning */
	while (at + LENGTH_BYTES <= u->bytes && mended < MENDED_MAX) {
		if (!length_is_right(u, at)) {
			set_length(u, at, (uint32_t)(find_unit(u, at) - at - LENGTH_BYTES));
			mended++;
		}
		uint64_t next = next_unit(u, at);
		if (!next)
			break; /* too short a rest to be a unit */
		if (!is_header(u, at)) {
			make_empty(u, at);
			mended++;
		}
		at = next;
	}
	return mended;
}

static Elf_Scn *find_section(Elf *elf, const char *name, GElf_Shdr *ret)
{
	size_t names;
	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		const char *own =
			gelf_getshdr(scn, ret) ? elf_strptr(elf, names, ret->sh_name) : NULL;
		if (own && !strcmp(own, name))
			return scn;
	}
	return NULL;
}

/* What libdw decompresses itself, and what a relocatable file still has to fill in, is left alone.
 */
static unsigned mend_elf(Elf *elf)
{
	GElf_Ehdr eh;
	GElf_Shdr info, abbrev;
	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh))
		return 0;
	Elf_Scn *scn = find_section(elf, ".debug_info", &info);
	if (!scn || info.sh_flags & SHF_COMPRESSED ||
		!find_section(elf, ".debug_abbrev", &abbrev) || abbrev.sh_flags & SHF_COMPRESSED ||
		eh.e_type == ET_REL)
		return 0;
	Elf_Data *data = elf_rawdata(scn, NULL);
	if (!data || !data->d_buf)
		return 0;
	struct units u = {
		.abi = { .word_bytes = eh.e_ident[EI_CLASS] == ELFCLASS64 ? 8 : 4,
			.big_endian = eh.e_ident[EI_DATA] == ELFDATA2MSB },
		.at = data->d_buf,
		.bytes = data->d_size,
		.abbrev_bytes = abbrev.sh_size,
	};
	return mend(&u);
}

Dwarf *dwarf_begin_mended(int fd, Elf **ret_elf, unsigned *ret_mended)
{
	elf_version(EV_CURRENT);
	/* Private: what is written stays in this process. */
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	unsigned mended = elf ? mend_elf(elf) : 0;
	Dwarf *dw = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
	if (!dw) {
		elf_end(elf);
		elf = NULL;
	}
	*ret_elf = elf;
	if (ret_mended)
		*ret_mended = mended;
	return dw;
}
