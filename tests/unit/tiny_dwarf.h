/*
 * Builds a small ELF file with hand-made DWARF 5 sections, for tests of what compilers seldom write
 * and for fuzz seeds. Bytes are appended with the put functions; tiny_elf() wraps them up.
 */
#ifndef TESTS_UNIT_TINY_DWARF_H
#define TESTS_UNIT_TINY_DWARF_H

#include <dwarf.h>
#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct tiny {
	uint8_t b[4096];
	size_t n;
};

static inline void put8(struct tiny *t, unsigned v)
{
	if (t->n < sizeof(t->b))
		t->b[t->n++] = (uint8_t)v;
}
static inline void put16(struct tiny *t, unsigned v)
{
	put8(t, v);
	put8(t, v >> 8);
}
static inline void put32(struct tiny *t, uint32_t v)
{
	put16(t, v);
	put16(t, v >> 16);
}
static inline void puts0(struct tiny *t, const char *s)
{
	do
		put8(t, (unsigned char)*s);
	while (*s++);
}

/* One abbreviation: code, tag, children, then (attribute, form) pairs up to 0. */
static inline void put_abbrev(
	struct tiny *t, unsigned code, unsigned tag, unsigned children, const unsigned *pairs)
{
	put8(t, code);
	put8(t, tag);
	put8(t, children);
	for (; *pairs; pairs += 2) {
		put8(t, pairs[0]);
		put8(t, pairs[1]);
	}
	put16(t, 0);
}
#define ABBREV(t, code, tag, children, ...)                                                        \
	put_abbrev(t, code, tag, children, (const unsigned[]){ __VA_ARGS__, 0 })

/* A DWARF 5 unit header: 12 bytes, so that the first DIE stands at offset 12. */
static inline void put_unit_header(struct tiny *t)
{
	put32(t, 0); /* length: tiny_elf() sets it */
	put16(t, 5);
	put8(t, DW_UT_compile);
	put8(t, 8);  /* address bytes */
	put32(t, 0); /* abbreviations */
}

/* Writes the ELF file to @out (at least 16 KB); returns its size. */
static inline size_t tiny_elf(struct tiny *info, const struct tiny *abbrev, uint8_t *out)
{
	static const char names[] = "\0.debug_info\0.debug_abbrev\0.shstrtab";
	const size_t off = sizeof(Elf64_Ehdr);
	uint32_t length = (uint32_t)(info->n - 4);
	memcpy(info->b, &length, 4);
	Elf64_Shdr sh[4] = {
		{ 0 },
		{ .sh_name = 1,
			.sh_type = SHT_PROGBITS,
			.sh_offset = off,
			.sh_size = info->n,
			.sh_addralign = 1 },
		{ .sh_name = 13,
			.sh_type = SHT_PROGBITS,
			.sh_offset = off + info->n,
			.sh_size = abbrev->n,
			.sh_addralign = 1 },
		{ .sh_name = 27,
			.sh_type = SHT_STRTAB,
			.sh_offset = off + info->n + abbrev->n,
			.sh_size = sizeof(names),
			.sh_addralign = 1 },
	};
	size_t shoff = (off + info->n + abbrev->n + sizeof(names) + 7) & ~7ull;
	Elf64_Ehdr eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_AARCH64,
		.e_version = EV_CURRENT,
		.e_shoff = shoff,
		.e_ehsize = sizeof(eh),
		.e_shentsize = sizeof(sh[0]),
		.e_shnum = 4,
		.e_shstrndx = 3 };
	memset(out, 0, shoff);
	memcpy(out, &eh, sizeof(eh));
	memcpy(out + sh[1].sh_offset, info->b, info->n);
	memcpy(out + sh[2].sh_offset, abbrev->b, abbrev->n);
	memcpy(out + sh[3].sh_offset, names, sizeof(names));
	memcpy(out + shoff, sh, sizeof(sh));
	return shoff + sizeof(sh);
}

/* The bytes as a file without a name. */
static inline int tiny_fd(const uint8_t *bytes, size_t n)
{
	int fd = memfd_create("tiny", 0);
	if (fd >= 0 && write(fd, bytes, n) != (ssize_t)n) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/*
 * A unit "odd.c" with what is hard: a typedef that is its own target (cycle_t), a pointer to
 * itself, a struct that holds itself (ouroboros), bitfields in both forms (bits), an array of 2^62
 * elements (huge), a member far outside of its struct (outside), a flexible array (flex), a
 * declared-only struct (nowhere), variables in declaration and specification form.
 */
static inline size_t tiny_odd_unit(uint8_t *out)
{
	struct tiny ab = { 0 }, in = { 0 };
	ABBREV(&ab, 1, DW_TAG_compile_unit, 1, DW_AT_name, DW_FORM_string);
	ABBREV(&ab, 2, DW_TAG_base_type, 0, DW_AT_name, DW_FORM_string, DW_AT_byte_size,
		DW_FORM_data1, DW_AT_encoding, DW_FORM_data1);
	ABBREV(&ab, 3, DW_TAG_typedef, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4);
	ABBREV(&ab, 4, DW_TAG_pointer_type, 0, DW_AT_type, DW_FORM_ref4);
	ABBREV(&ab, 5, DW_TAG_structure_type, 1, DW_AT_name, DW_FORM_string, DW_AT_byte_size,
		DW_FORM_data1);
	ABBREV(&ab, 6, DW_TAG_member, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
		DW_AT_data_member_location, DW_FORM_data4);
	ABBREV(&ab, 7, DW_TAG_member, 0, DW_AT_type, DW_FORM_ref4, DW_AT_data_member_location,
		DW_FORM_data1);
	ABBREV(&ab, 8, DW_TAG_member, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
		DW_AT_bit_size, DW_FORM_data1, DW_AT_data_bit_offset, DW_FORM_data1);
	ABBREV(&ab, 9, DW_TAG_member, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
		DW_AT_byte_size, DW_FORM_data1, DW_AT_bit_size, DW_FORM_data1, DW_AT_bit_offset,
		DW_FORM_data1, DW_AT_data_member_location, DW_FORM_data1);
	ABBREV(&ab, 10, DW_TAG_array_type, 1, DW_AT_type, DW_FORM_ref4);
	ABBREV(&ab, 11, DW_TAG_subrange_type, 0, DW_AT_upper_bound, DW_FORM_data4);
	ABBREV(&ab, 12, DW_TAG_subrange_type, 0, DW_AT_count, DW_FORM_data1);
	ABBREV(&ab, 13, DW_TAG_structure_type, 0, DW_AT_name, DW_FORM_string, DW_AT_declaration,
		DW_FORM_flag_present);
	ABBREV(&ab, 14, DW_TAG_variable, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
		DW_AT_declaration, DW_FORM_flag_present);
	ABBREV(&ab, 15, DW_TAG_variable, 0, DW_AT_specification, DW_FORM_ref4);
	put8(&ab, 0);

	put_unit_header(&in);
	put8(&in, 1), puts0(&in, "odd.c");
	uint32_t int_at = (uint32_t)in.n;
	put8(&in, 2), puts0(&in, "int"), put8(&in, 4), put8(&in, DW_ATE_signed);
	uint32_t cycle_at = (uint32_t)in.n;
	put8(&in, 3), puts0(&in, "cycle_t"), put32(&in, cycle_at);
	uint32_t self_at = (uint32_t)in.n;
	put8(&in, 4), put32(&in, self_at);
	put8(&in, 3), puts0(&in, "self_t"), put32(&in, self_at);
	uint32_t ouro_at = (uint32_t)in.n;
	put8(&in, 5), puts0(&in, "ouroboros"), put8(&in, 8);
	put8(&in, 7), put32(&in, ouro_at), put8(&in, 0);
	put8(&in, 7), put32(&in, ouro_at), put8(&in, 0);
	put8(&in, 6), puts0(&in, "x"), put32(&in, int_at), put32(&in, 4);
	put8(&in, 0);
	put8(&in, 5), puts0(&in, "bits"), put8(&in, 8);
	put8(&in, 8), puts0(&in, "a"), put32(&in, int_at), put8(&in, 3), put8(&in, 5);
	put8(&in, 9), puts0(&in, "b"), put32(&in, int_at), put8(&in, 4), put8(&in, 7),
		put8(&in, 20), put8(&in, 4);
	put8(&in, 0);
	uint32_t huge_at = (uint32_t)in.n;
	put8(&in, 10), put32(&in, int_at);
	put8(&in, 11), put32(&in, 0x7ffffffe);
	put8(&in, 11), put32(&in, 0x7ffffffe), put8(&in, 0);
	put8(&in, 3), puts0(&in, "huge"), put32(&in, huge_at);
	uint32_t flex_at = (uint32_t)in.n;
	put8(&in, 10), put32(&in, int_at), put8(&in, 12), put8(&in, 0), put8(&in, 0);
	put8(&in, 5), puts0(&in, "outside"), put8(&in, 8);
	put8(&in, 6), puts0(&in, "far"), put32(&in, int_at), put32(&in, 0xfffffff0);
	put8(&in, 6), puts0(&in, "flex"), put32(&in, flex_at), put32(&in, 8);
	put8(&in, 0);
	uint32_t nowhere_at = (uint32_t)in.n;
	put8(&in, 13), puts0(&in, "nowhere");
	uint32_t var_at = (uint32_t)in.n;
	put8(&in, 14), puts0(&in, "spec_var"), put32(&in, int_at);
	put8(&in, 15), put32(&in, var_at);
	put8(&in, 14), puts0(&in, "decl_var"), put32(&in, nowhere_at);
	put8(&in, 0);
	return tiny_elf(&in, &ab, out);
}

#endif
