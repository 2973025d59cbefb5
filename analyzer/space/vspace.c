/*
 * Virtual reads: a software TLB from 4 KiB pages to host pointers in front of the windows and the
 * walker. Knows no descriptor and looks for no symbol. The TLB has no lock: a space belongs to one
 * thread; threads that share a dump make a space each.
 */
#include "analyzer/space/vspace.h"

#include <stdlib.h>

#include "analyzer/base/xalloc.h"

enum { TLB_SHIFT = 12, TLB_SLOTS = 4096 };

/* One 4 KiB page of virtual addresses. @n bytes from its beginning are at @host; they may go on
 * beyond the page, as far as the leaf or window and the dump's run do. */
struct tlb_slot {
	uint64_t tag; /* page number + 1; 0: empty */
	const uint8_t *host;
	uint64_t n;
};

/*
 * A long stretch of a window that the dump has in one piece (an ELF core: all of a bank of RAM).
 * Random reads over more pages than the TLB has slots are answered from here. At most as many as
 * windows.
 */
struct stretch {
	uint64_t va, n; /* n 0: empty */
	const uint8_t *host;
};

struct vspace {
	struct dump *dump;
	struct space_facts facts;
	bool upper_half; /* which root this is, where there are two */
	uint64_t generation;
	struct stretch stretch[2];
	struct tlb_slot tlb[TLB_SLOTS];
};

struct vspace *vspace_create(struct dump *d, const struct space_facts *facts)
{
	struct vspace *vs = xcalloc(1, sizeof(*vs));

	vs->dump = d;
	vs->facts = *facts;
	vs->upper_half = facts->layout.nwindows > 0;
	vs->generation = dump_generation(d);
	return vs;
}

void vspace_destroy(struct vspace *vs)
{
	free(vs);
}

const struct space_facts *vspace_facts(const struct vspace *vs)
{
	return &vs->facts;
}

struct dump *vspace_dump(const struct vspace *vs)
{
	return vs->dump;
}

/* ---- translation ------------------------------------------------------------------------- */

static uint64_t untag(const struct vspace *vs, uint64_t va)
{
	return vs->facts.arch->untag(&vs->facts.layout, va);
}

/* Physical bytes around an address that are contiguous for certain. */
struct run {
	struct paddr pa;
	uint64_t before, n; /* below the address, and from it on */
};

/* @va is untagged. */
static enum fault_kind translate(struct vspace *vs, uint64_t va, struct run *ret)
{
	const struct arch_layout *l = &vs->facts.layout;

	for (unsigned i = 0; i < l->nwindows; i++) {
		uint64_t off = va - l->window[i].va;
		if (off >= l->window[i].size)
			continue;
		ret->pa.v = l->window[i].pa.v + off;
		ret->before = off;
		ret->n = l->window[i].size - off;
		return FAULT_NONE;
	}
	/* A root of one half knows nothing of the other, and would take its addresses for its own.
	 */
	if (l->paging.two_halves && (va >> 63) != vs->upper_half)
		return FAULT_UNMAPPED;
	struct walk w;
	walk_address(&l->paging, vs->dump, l->pgd, va, &w);
	if (w.fault != FAULT_NONE)
		return w.fault;
	uint64_t size = 1ull << w.size_shift;
	ret->pa = w.pa;
	ret->before = va & (size - 1);
	ret->n = size - ret->before;
	return FAULT_NONE;
}

enum fault_kind vspace_translate(
	struct vspace *vs, uint64_t va, struct paddr *ret_pa, uint64_t *ret_run)
{
	struct run run;
	enum fault_kind fault = translate(vs, untag(vs, va), &run);

	if (fault != FAULT_NONE)
		return fault;
	*ret_pa = run.pa;
	if (ret_run)
		*ret_run = run.n;
	return FAULT_NONE;
}

/* ---- the TLB ----------------------------------------------------------------------------- */

static struct tlb_slot *slot_of(struct vspace *vs, uint64_t page)
{
	/* The upper bits keep the linear map's and the stacks' pages of one offset apart. */
	return &vs->tlb[(page ^ page >> 12 ^ page >> 24) & (TLB_SLOTS - 1)];
}

/* The dump has emptied its page cache: all host pointers are stale. */
static void flush_if_stale(struct vspace *vs)
{
	uint64_t now = dump_generation(vs->dump);

	if (now == vs->generation)
		return;
	memset(vs->tlb, 0, sizeof(vs->tlb));
	memset(vs->stretch, 0, sizeof(vs->stretch));
	vs->generation = now;
}

/* Remembers the whole piece around @va, which is at @run and @host, where it is long. */
static void remember_stretch(
	struct vspace *vs, uint64_t va, const struct run *run, const uint8_t *host)
{
	enum { WORTH_BYTES = 1 << 20 };
	const struct arch_layout *l = &vs->facts.layout;
	const struct dump_info *info = dump_info(vs->dump);
	unsigned w = 0;

	while (w < l->nwindows && va - l->window[w].va >= l->window[w].size)
		w++;
	if (w == l->nwindows)
		return;
	for (size_t i = 0; i < info->nextents; i++) {
		uint64_t in = run->pa.v - info->extent[i].start.v;
		if (in >= info->extent[i].size)
			continue;
		const uint8_t *first;
		size_t n;
		uint64_t back = in < run->before ? in : run->before;
		if (dump_map(vs->dump, (struct paddr){ run->pa.v - back }, &first, &n) !=
				FAULT_NONE ||
			n <= back || first + back != host)
			return;
		uint64_t have = back + run->n < n ? back + run->n : n;
		if (have >= WORTH_BYTES)
			vs->stretch[w] = (struct stretch){ va - back, have, first };
		return;
	}
}

/*
 * Bytes at @va that the TLB does not have. They come from the page's beginning where the dump has
 * that, so that the slot serves the whole page; else, where a run of the dump begins inside the
 * page, straight from @va and without a slot.
 */
static enum fault_kind fill(struct vspace *vs, uint64_t va, const uint8_t **ret_p, uint64_t *ret_n)
{
	uint64_t off = va & ((1u << TLB_SHIFT) - 1);
	struct run run;
	const uint8_t *host;
	size_t n;
	enum fault_kind fault = translate(vs, va, &run);

	if (fault != FAULT_NONE)
		return fault;
	struct paddr first = { run.pa.v - off };
	bool whole =
		run.before >= off && dump_map(vs->dump, first, &host, &n) == FAULT_NONE && n > off;
	if (whole) {
		host += off;
		n -= off;
	} else {
		fault = dump_map(vs->dump, run.pa, &host, &n);
		if (fault != FAULT_NONE)
			return fault;
	}
	*ret_p = host;
	*ret_n = n < run.n ? n : run.n;
	/* The walk and the mapping above may have emptied the cache; @host is newer than that. */
	flush_if_stale(vs);
	if (whole && n >= 1 << 20)
		remember_stretch(vs, va, &run, host);
	if (whole)
		*slot_of(vs, va >> TLB_SHIFT) = (struct tlb_slot){
			.tag = (va >> TLB_SHIFT) + 1,
			.host = host - off,
			.n = *ret_n + off,
		};
	return FAULT_NONE;
}

/* @va is untagged; *ret_n > 0 bytes on success. */
static inline enum fault_kind lookup(
	struct vspace *vs, uint64_t va, const uint8_t **ret_p, uint64_t *ret_n)
{
	uint64_t off = va & ((1u << TLB_SHIFT) - 1);
	const struct tlb_slot *s = slot_of(vs, va >> TLB_SHIFT);

	flush_if_stale(vs);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t in = va - vs->stretch[i].va;
		if (in >= vs->stretch[i].n)
			continue;
		*ret_p = vs->stretch[i].host + in;
		*ret_n = vs->stretch[i].n - in;
		return FAULT_NONE;
	}
	if (s->tag != (va >> TLB_SHIFT) + 1 || s->n <= off)
		return fill(vs, va, ret_p, ret_n);
	*ret_p = s->host + off;
	*ret_n = s->n - off;
	return FAULT_NONE;
}

/* ---- reads ------------------------------------------------------------------------------- */

enum fault_kind vspace_map(struct vspace *vs, uint64_t va, const uint8_t **ret_p, size_t *ret_n)
{
	const uint8_t *p;
	uint64_t n;
	enum fault_kind fault = lookup(vs, untag(vs, va), &p, &n);

	if (fault != FAULT_NONE)
		return fault;
	*ret_p = p;
	*ret_n = n;
	return FAULT_NONE;
}

enum fault_kind vspace_try_read(
	struct vspace *vs, uint64_t va, void *buf, size_t n, uint64_t *ret_bad)
{
	uint8_t *to = buf;

	for (size_t done = 0; done < n;) {
		const uint8_t *p;
		uint64_t have;
		enum fault_kind fault = lookup(vs, untag(vs, va + done), &p, &have);
		if (fault != FAULT_NONE) {
			if (ret_bad)
				*ret_bad = va + done;
			return fault;
		}
		size_t take = have < n - done ? have : n - done;
		memcpy(to + done, p, take);
		done += take;
	}
	return FAULT_NONE;
}

bool vspace_try_uint(struct vspace *vs, uint64_t va, unsigned bytes, uint64_t *ret)
{
	uint8_t raw[8];

	if (bytes > sizeof(raw) || vspace_try_read(vs, va, raw, bytes, NULL) != FAULT_NONE)
		return false;
	*ret = load_uint(&vs->facts.abi, raw, bytes);
	return true;
}

bool vspace_try_word(struct vspace *vs, uint64_t va, uint64_t *ret)
{
	return vspace_try_uint(vs, va, vs->facts.abi.word_bytes, ret);
}

struct err *vspace_read(struct vspace *vs, uint64_t va, void *buf, size_t n)
{
	uint64_t bad;
	enum fault_kind fault = vspace_try_read(vs, va, buf, n, &bad);

	if (fault == FAULT_NONE)
		return NULL;
	return err_fault(fault, bad, "0x%llx", (unsigned long long)bad);
}

struct err *vspace_read_uint(struct vspace *vs, uint64_t va, unsigned bytes, uint64_t *ret)
{
	uint8_t raw[8];

	if (bytes < 1 || bytes > sizeof(raw))
		return err_new(ERR_FORMAT, "0x%llx: an integer of %u bytes", (unsigned long long)va,
			bytes);
	struct err *err = vspace_read(vs, va, raw, bytes);
	if (!err)
		*ret = load_uint(&vs->facts.abi, raw, bytes);
	return err;
}

struct err *vspace_read_word(struct vspace *vs, uint64_t va, uint64_t *ret)
{
	return vspace_read_uint(vs, va, vs->facts.abi.word_bytes, ret);
}

struct err *vspace_read_str(struct vspace *vs, uint64_t va, char *buf, size_t max)
{
	size_t done = 0;

	while (done + 1 < max) {
		const uint8_t *p;
		uint64_t have;
		enum fault_kind fault = lookup(vs, untag(vs, va + done), &p, &have);
		if (fault != FAULT_NONE)
			return err_fault(
				fault, va + done, "0x%llx", (unsigned long long)(va + done));
		size_t take = have < max - 1 - done ? have : max - 1 - done;
		const uint8_t *nul = memchr(p, 0, take);
		if (nul)
			take = nul - p;
		memcpy(buf + done, p, take);
		done += take;
		if (nul)
			break;
	}
	if (max)
		buf[done] = 0;
	return NULL;
}
