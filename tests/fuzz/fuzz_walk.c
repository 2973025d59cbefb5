/*
 * Hostile page tables: the input is physical memory, and every form walks it. The dump below takes
 * the place of analyzer/dump. A walk reads at most one entry a level; both walkers agree; reads
 * through a space, with its TLB, give what the walk says.
 */
#include <stdlib.h>

#include "analyzer/space/pieces.h"
#include "analyzer/space/vspace.h"
#include "arch/arm/arm.h"
#include "arch/arm64/arm64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_seed(void (*add)(const uint8_t *, size_t));

enum { BASE = 0x40000000, CHUNK = 1024, HEADER = 32 };

struct dump {
	struct dump_info info;
	struct dump_extent extent;
	const uint8_t *data;
	size_t size;
	unsigned nreads;
};

/* Physical addresses fold onto the few bytes there are, so that tables lead to tables. */
enum fault_kind dump_map(struct dump *d, struct paddr pa, const uint8_t **ret_p, size_t *ret_n)
{
	uint64_t off = pa.v % 0x10000;

	d->nreads++;
	if (pa.v < BASE || off >= d->size)
		return FAULT_BEYOND;
	*ret_p = d->data + off;
	*ret_n = CHUNK - off % CHUNK < d->size - off ? CHUNK - off % CHUNK : d->size - off;
	return FAULT_NONE;
}

enum fault_kind dump_try_read(
	struct dump *d, struct paddr pa, void *buf, size_t n, struct paddr *ret_bad)
{
	for (size_t done = 0; done < n;) {
		const uint8_t *p;
		size_t have;
		struct paddr at = { pa.v + done };
		enum fault_kind fault = dump_map(d, at, &p, &have);
		if (fault) {
			if (ret_bad)
				*ret_bad = at;
			return fault;
		}
		have = have < n - done ? have : n - done;
		memcpy((uint8_t *)buf + done, p, have);
		done += have;
	}
	return FAULT_NONE;
}

uint64_t dump_generation(const struct dump *d)
{
	return d->nreads / 7; /* often */
}

const struct dump_info *dump_info(const struct dump *d)
{
	return &d->info;
}

static bool pick(uint8_t which, struct paging *ret)
{
	static const uint8_t form[][2] = { { 12, 39 }, { 12, 48 }, { 12, 52 }, { 14, 36 },
		{ 14, 47 }, { 14, 48 }, { 14, 52 }, { 16, 42 }, { 16, 48 }, { 16, 52 } };

	if (which < 10)
		return arm64_paging(form[which][0], form[which][1], ret);
	*ret = which == 10 ? arm_paging_short : which == 11 ? arm_paging_short_hw : arm_paging_lpae;
	return which <= 12;
}

static void check(struct dump *d, const struct paging *p, uint64_t va)
{
	struct paddr root = { BASE }, pa = { 0 };
	struct walk w;
	struct strbuf words = { 0 };

	d->nreads = 0;
	walk_address(p, d, root, va, &w);
	if (d->nreads > 2u * p->nlevels)
		abort();
	for (unsigned i = 0; i < w.nsteps; i++)
		p->describe(p, w.step[i].level, w.step[i].raw, &words);
	strbuf_deinit(&words);
	if (paging_probe(p, d, root, va, &pa) != (w.fault == FAULT_NONE))
		abort();
	if (w.fault == FAULT_NONE && (pa.v != w.pa.v || w.size_shift < 12 || w.size_shift > 42))
		abort();
	struct space_facts f = {
		.arch = p->two_halves ? &arch_arm64 : &arch_arm,
		.abi = { p->two_halves ? 8 : 4, p->big_endian },
		.layout = { .paging = *p, .pgd = root, .nwindows = va >> 63 },
	};
	struct vspace *vs = vspace_create(d, &f);
	uint8_t got[40], want[40];
	uint64_t bad;
	struct paddr at = w.pa;
	enum fault_kind fault = vspace_try_read(vs, va, got, 8, &bad);
	if (w.fault == FAULT_NONE && (va & 0xfff) <= 0xff8 && fault == FAULT_NONE) {
		if (dump_try_read(d, at, want, 8, NULL) != FAULT_NONE || memcmp(got, want, 8))
			abort();
	}
	if (w.fault != FAULT_NONE && arch_arm64.untag(NULL, va) == va && fault == FAULT_NONE)
		abort();
	fault = vspace_try_read(vs, va - 16, got, sizeof(got), &bad);
	if (fault != FAULT_NONE && bad - (va - 16) >= sizeof(got))
		abort();
	vspace_destroy(vs);
}

/* Whole tables: runs ascend without overlap, each byte that is mapped is where a walk finds it, and
 * any table ends. Entries are shown in all their words. */
static void check_runs(struct dump *d, const struct paging *p, uint64_t va, bool by_attributes)
{
	struct table_runs_options o = { va & ~0xffffffull, va | 0xffffff, by_attributes,
		by_attributes };
	struct table_runs *it = table_runs_create(p, d, (struct paddr){ BASE }, &o);
	struct table_run r;
	uint64_t at = o.lo;
	bool more = true;
	struct err *err = NULL;

	for (unsigned n = 0; n < 2000; n++) {
		err = table_runs_next(it, &r, &more);
		if (err || !more)
			break;
		if (!r.size || r.va < at || r.va + (r.size - 1) < r.va ||
			r.va + (r.size - 1) > o.last)
			abort();
		struct walk w;
		walk_address(p, d, (struct paddr){ BASE }, r.va, &w);
		/* What is missing of a table is told in pieces: the memory here is cut anywhere. */
		bool cut = r.kind == RUN_BROKEN && r.fault != FAULT_CORRUPT;
		if (!cut && (r.kind == RUN_MAPPED) != (w.fault == FAULT_NONE))
			abort();
		if (r.kind == RUN_MAPPED && w.pa.v != r.pa.v)
			abort();
		struct pte_swap swap;
		if (p->swap)
			p->swap(p, r.raw, &swap);
		if (p->domain)
			p->domain(r.raw);
		at = r.va + r.size;
		if (!at)
			break;
	}
	err_drop(err);
	table_runs_destroy(it);
}

/* Pieces of RAM behind a space go up, and lie where reads find them. */
static void check_pieces(struct dump *d, const struct paging *p, uint64_t va)
{
	struct space_facts f = {
		.arch = p->two_halves ? &arch_arm64 : &arch_arm,
		.abi = { p->two_halves ? 8 : 4, p->big_endian },
		.layout = { .paging = *p, .pgd = { BASE }, .nwindows = va >> 63 },
	};
	uint64_t lo = va & ~0xffffull, at = lo;
	struct pieces *it = pieces_of_space(d, &f, lo, lo + 0xffff);
	struct sweep_piece piece;
	bool more = true;
	struct err *err = NULL;

	for (unsigned n = 0; n < 5000 && !(err = pieces_next(it, &piece, &more)) && more; n++) {
		if (piece.addr < at || !piece.size || piece.size > 0x10000 - (piece.addr - lo))
			abort();
		at = piece.addr + piece.size;
	}
	err_drop(err);
	pieces_destroy(it);
}

static bool no_number(void *cx, const char *key, uint64_t *ret)
{
	const uint8_t *b = cx;

	*ret = key[0] == 's'   ? load_u64le(b + 16)
	       : key[0] == 'P' ? 1ull << (12 + b[24] % 5)
			       : b[25];
	return b[26] & 1 << (key[0] % 8);
}

/* The finders on the same memory: whatever they answer is proved, so the proof must hold. */
static void check_layout(struct dump *d, const uint8_t *header)
{
	const struct kernel_image image = { 0, load_u64le(header + 8), { BASE + 0x1000 }, 0x4000 };
	const struct arch *arch = header[1] & 1 ? &arch_arm : &arch_arm64;
	const struct arch_env env = {
		.cx = (void *)header, .symbol = no_number, .number = no_number
	};
	struct arch_layout l;
	struct err *err = arch->layout(&env, d, &image, &l);

	if (!err && (!l.paging.decode || l.nwindows > 2))
		abort();
	err_drop(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dump d = { .extent = { { BASE }, 0x10000 } };
	struct paging p;

	if (size < HEADER + 64 || size > 0x10000 || !pick(data[0] % 13, &p))
		return 0;
	d.info.extent = &d.extent;
	d.info.nextents = 1;
	d.data = data + HEADER;
	d.size = size - HEADER;
	p.big_endian = data[1] & 2;
	p.swap_form = data[2] & 3;
	check(&d, &p, load_u64le(data + 8));
	if (paging_canonical(&p, load_u64le(data + 8))) {
		check_runs(&d, &p, load_u64le(data + 8), data[1] & 8);
		check_pieces(&d, &p, load_u64le(data + 8));
	}
	if (data[1] & 4)
		check_layout(&d, data);
	return 0;
}

void fuzz_seed(void (*add)(const uint8_t *, size_t))
{
	uint8_t b[HEADER + 8192] = { 0 };

	for (uint8_t which = 0; which < 13; which++) {
		b[0] = which;
		b[1] = which & 4;
		memset(b + 8, which < 10 ? 0xff : 0, 8);
		memcpy(b + 8, "\x34\x12\x00\xc0", 4);
		for (unsigned i = HEADER; i < sizeof(b); i += 8)
			memcpy(b + i, "\x03\x07\x00\x40\x00\x00\x00\x00", 8);
		add(b, sizeof(b));
	}
}
