/*
 * kdump-compressed headers: makedumpfile's diskdump_mod.h (struct disk_dump_header, struct
 * kdump_sub_header) and QEMU's include/sysemu/dump.h. Nothing in the file says how wide the
 * writer's longs were, how it padded or in which order its bytes are: each known layout is tried
 * and the most plausible one taken. Refuses to know where pages are.
 */
#include "analyzer/dump/kdump_header.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"

enum {
	SIGNATURE_BYTES = 8,
	VERSION_OFF = 8,
	MACHINE_OFF = 12 + 4 * 65, /* the fifth string of struct new_utsname */
	MACHINE_BYTES = 65,
	HEADER_BYTES = 464, /* up to nr_cpus of the wider layout */
	SUB_HEADER_BYTES = 104,
	/* ARM's and QEMU's blocks are pages of 4K, 16K or 64K. */
	BLOCK_MIN = 4096,
	BLOCK_MAX = 65536,
	VERSION_MAX = 32, /* 6 is the newest; a wrong byte order makes it huge */
};

_Static_assert((int)BLOCK_MAX <= (int)UNPACK_BYTES, "a page fits into the room that readers get");

/* Where the fields of the sub-header stand. */
struct sub_layout {
	uint8_t word_bytes, phys_base, split, start_pfn, end_pfn;
	uint8_t vmcoreinfo_off, vmcoreinfo_size, note_off, note_size, start64, end64, npages64;
};

static const struct sub_layout sub_64 = { 8, 0, 12, 16, 24, 32, 40, 48, 56, 80, 88, 96 };
/* 32-bit ABIs that align 8-byte integers to 8, as ARM's EABI does. */
static const struct sub_layout sub_32_padded = { 4, 0, 8, 12, 16, 24, 32, 40, 48, 72, 80, 88 };
/* i386's ABI, and QEMU's packed structs whatever its guest is. */
static const struct sub_layout sub_32_packed = { 4, 0, 8, 12, 16, 20, 28, 32, 40, 56, 64, 72 };

/*
 * block_size stands at 0x1a0 behind a struct timeval of two 32-bit longs, at 0x1ac behind one of
 * two 64-bit integers: 64-bit writers, and 32-bit ones whose time_t has 64 bits.
 */
static const struct layout {
	uint16_t block_size_off; /* status before it, then sub_hdr_size, bitmap_blocks, max_mapnr */
	const struct sub_layout *sub;
} layouts[] = {
	{ 0x1ac, &sub_64 },
	{ 0x1ac, &sub_32_padded },
	{ 0x1a0, &sub_32_padded },
	{ 0x1a0, &sub_32_packed },
};

bool kdump_header_recognises(const struct bytes *b)
{
	char sig[SIGNATURE_BYTES];
	return bytes_read(b, 0, sig, sizeof(sig)) &&
		(memcmp(sig, "KDUMP   ", sizeof(sig)) == 0 ||
			memcmp(sig, "DISKDUMP", sizeof(sig)) == 0);
}

uint64_t kdump_bitmap_off(const struct kdump_header *h)
{
	return (1 + (uint64_t)h->sub_header_blocks) * h->block_bytes;
}

uint64_t kdump_desc_off(const struct kdump_header *h)
{
	return kdump_bitmap_off(h) + (uint64_t)h->bitmap_blocks * h->block_bytes;
}

static bool main_read(const uint8_t *p, const struct layout *l, struct kdump_header *h)
{
	const struct abi *abi = &h->abi;
	const uint8_t *f = p + l->block_size_off;
	h->version = get_u32(abi, p + VERSION_OFF);
	h->status = get_u32(abi, f - 4);
	h->block_bytes = get_u32(abi, f);
	h->sub_header_blocks = get_u32(abi, f + 4);
	h->bitmap_blocks = get_u32(abi, f + 8);
	h->npages = get_u32(abi, f + 12);
	memcpy(h->machine, p + MACHINE_OFF, MACHINE_BYTES);
	bool power_of_two = (h->block_bytes & (h->block_bytes - 1)) == 0;
	return h->version <= VERSION_MAX && power_of_two && h->block_bytes >= BLOCK_MIN &&
		h->block_bytes <= BLOCK_MAX && h->sub_header_blocks > 0 && h->bitmap_blocks > 0;
}

/* makedumpfile and QEMU count vmcoreinfo and notes into the sub-header's blocks. */
static bool range_plausible(const struct kdump_header *h, const struct kdump_range *r)
{
	if (r->size == 0 && r->off == 0)
		return true;
	return r->off >= h->block_bytes && range_inside(r->off, r->size, kdump_bitmap_off(h));
}

/* Fills @h's part of the sub-header at @p; returns how much of it makes sense. */
static unsigned sub_read(const uint8_t *p, const struct sub_layout *l, struct kdump_header *h)
{
	const struct abi *abi = &h->abi;
	unsigned score = 0;
	h->phys_base = get_word(abi, p + l->phys_base);
	if (h->version >= 2) {
		h->split = get_u32(abi, p + l->split);
		h->start_pfn = get_word(abi, p + l->start_pfn);
		h->end_pfn = get_word(abi, p + l->end_pfn);
		score += h->split <= 1;
	}
	if (h->version >= 3) {
		h->vmcoreinfo.off = get_u64(abi, p + l->vmcoreinfo_off);
		h->vmcoreinfo.size = get_word(abi, p + l->vmcoreinfo_size);
		score += range_plausible(h, &h->vmcoreinfo);
	}
	if (h->version >= 4) {
		h->notes.off = get_u64(abi, p + l->note_off);
		h->notes.size = get_word(abi, p + l->note_size);
		score += range_plausible(h, &h->notes);
	}
	if (h->version >= 6) {
		h->start_pfn = get_u64(abi, p + l->start64);
		h->end_pfn = get_u64(abi, p + l->end64);
		uint64_t npages = get_u64(abi, p + l->npages64);
		/* The old field holds the low half, or all ones when it does not fit. */
		bool agree = npages && ((uint32_t)npages == h->npages ||
			(h->npages == UINT32_MAX && npages > UINT32_MAX));
		if (agree) {
			h->npages = npages;
			score += 4;
		}
	}
	return score;
}

/* One bitmap at least has a bit for each page. */
static bool bitmap_fits(const struct kdump_header *h)
{
	uint64_t bits = (uint64_t)h->bitmap_blocks * h->block_bytes * 8;
	return h->npages && h->npages <= bits && h->npages <= UINT64_MAX / BLOCK_MAX;
}

/* Reads the file as layout @l; false when it cannot be that one. */
static bool layout_try(const struct bytes *b, const uint8_t *header, const struct layout *l,
	bool big_endian, struct kdump_header *ret, unsigned *ret_score)
{
	struct kdump_header h = { .abi = { l->sub->word_bytes, big_endian } };
	uint8_t sub[SUB_HEADER_BYTES] = { 0 };
	*ret_score = 0;
	if (!main_read(header, l, &h))
		return false;
	/* The older diskdump's sub-header is another structure, of nothing that is needed. */
	bool is_kdump = header[0] == 'K';
	if (is_kdump && h.version >= 1 && bytes_read(b, h.block_bytes, sub, sizeof(sub)))
		*ret_score = sub_read(sub, l->sub, &h);
	if (!bitmap_fits(&h))
		return false;
	*ret = h;
	return true;
}

struct err *kdump_header_read(const struct bytes *b, struct kdump_header *ret)
{
	uint8_t header[HEADER_BYTES];
	if (!bytes_read(b, 0, header, sizeof(header)))
		return err_new(ERR_FORMAT, "cut inside its header");
	bool found = false;
	unsigned best = 0;
	for (unsigned k = 0; k < 2 * ARRAY_SIZE(layouts); k++) {
		struct kdump_header h;
		unsigned score;
		if (!layout_try(b, header, &layouts[k / 2], k % 2, &h, &score))
			continue;
		if (!found || score > best)
			*ret = h;
		best = !found || score > best ? score : best;
		found = true;
	}
	if (!found)
		return err_new(ERR_FORMAT,
			"its kdump header makes no sense in any layout (block size %" PRIu32
			" or %" PRIu32 ")",
			load_u32le(header + 0x1a0), load_u32le(header + 0x1ac));
	if (!range_inside(0, kdump_bitmap_off(ret), bytes_size(b)))
		return err_new(ERR_FORMAT, "cut inside its sub-header");
	return NULL;
}
