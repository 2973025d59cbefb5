/* Reads ELF structures from a task's memory; every number in them is the task's own and may be
 * anything. */
#include "analyzer/stack/user_elf.h"

#include <elf.h>
#include <string.h>

#include "analyzer/base/interrupt.h"

enum { SEGMENTS_MAX = 64, DYNAMICS_MAX = 256, SYMBOLS_MAX = 1 << 17, CHAIN_MAX = 1 << 16 };

/* The members of a class's structures that are wanted here, as byte offsets: gABI, chapters 4
 * and 5. */
struct form {
	uint8_t phoff, phentsize, phnum, ehdr_bytes;
	uint8_t p_type, p_flags, p_offset, p_vaddr, p_memsz, phdr_bytes;
	uint8_t st_name, st_value, st_size, st_info, st_shndx, sym_bytes;
	uint8_t word;
};
static const struct form form32 = { 28, 42, 44, 52, 0, 24, 4, 8, 20, 32, 0, 4, 8, 12, 14, 16, 4 };
static const struct form form64 = { 32, 54, 56, 64, 0, 4, 8, 16, 40, 56, 0, 8, 16, 4, 6, 24, 8 };

static const struct form *form_of(const struct abi *abi)
{
	return abi->word_bytes == 8 ? &form64 : &form32;
}

static bool read_at(const struct user_memory *m, uint64_t va, void *buf, size_t n)
{
	return m->read(m->cx, va, buf, n);
}

static bool read_u32(const struct user_memory *m, const struct abi *abi, uint64_t va, uint32_t *ret)
{
	uint8_t raw[4];
	if (!read_at(m, va, raw, sizeof(raw)))
		return false;
	*ret = get_u32(abi, raw);
	return true;
}

/* ---- the header -------------------------------------------------------------------------- */

struct segments {
	const struct form *f;
	uint64_t dynamic, dynamic_bytes;
	bool has_load;
};

/* PT_LOAD with the lowest file offset says where offset 0 is; the others where the file ends. */
static void add_load(
	struct user_elf *io, struct segments *s, uint64_t offset, uint64_t va, uint64_t bytes)
{
	uint64_t end;
	if (__builtin_add_overflow(va, bytes, &end))
		return;
	if (!s->has_load) {
		io->bias = io->base - (va - offset);
		io->lo = va;
	}
	s->has_load = true;
	if (end > io->hi)
		io->hi = end;
}

static void add_segment(struct user_elf *io, struct segments *s, const uint8_t *p)
{
	const struct form *f = s->f;
	uint64_t offset = get_word(&io->abi, p + f->p_offset),
		 va = get_word(&io->abi, p + f->p_vaddr);
	uint64_t bytes = get_word(&io->abi, p + f->p_memsz);
	switch (get_u32(&io->abi, p + f->p_type)) {
	case PT_LOAD:
		add_load(io, s, offset, va, bytes);
		break;
	case PT_DYNAMIC:
		s->dynamic = va;
		s->dynamic_bytes = bytes;
		break;
	case PT_ARM_EXIDX:
		if (io->is_arm) {
			io->exidx = va;
			io->exidx_end = va + bytes;
		}
		break;
	}
}

/* ---- dynamic symbols --------------------------------------------------------------------- */

/* ld.so turns some of these into run-time addresses in place; the vDSO's stay as they are in the
 * file. */
static uint64_t run_time(const struct user_elf *e, uint64_t va)
{
	return va >= e->lo - e->bias && va < e->hi - e->bias ? va + e->bias : va;
}

/* DT_GNU_HASH has no count: the last chain's end is behind the last symbol. Its words: buckets,
 * first symbol, words of the filter, shift; the filter, the buckets, the chains, whose last entry
 * has bit 0 set. */
static uint32_t count_gnu(const struct user_memory *m, const struct user_elf *e, uint64_t va)
{
	uint32_t head[3], last = 0, v;
	for (unsigned i = 0; i < 3; i++)
		if (!read_u32(m, &e->abi, va + 4 * i, &head[i]))
			return 0;
	if (head[0] > SYMBOLS_MAX || head[1] > SYMBOLS_MAX || head[2] > SYMBOLS_MAX)
		return 0;
	uint64_t buckets = va + 16 + (uint64_t)head[2] * e->abi.word_bytes;
	for (uint32_t i = 0; i < head[0]; i++) {
		if (!read_u32(m, &e->abi, buckets + 4ull * i, &v) || interrupt_pending())
			return 0;
		if (v > last)
			last = v;
	}
	if (last < head[1] || last > SYMBOLS_MAX)
		return 0;
	uint64_t chains = buckets + 4ull * head[0];
	for (unsigned n = 0; n < CHAIN_MAX && last < SYMBOLS_MAX; n++, last++)
		if (!read_u32(m, &e->abi, chains + 4ull * (last - head[1]), &v) || v & 1)
			break;
	return last + 1;
}

static void read_dynamic(const struct user_memory *m, struct user_elf *io, const struct segments *s)
{
	unsigned word = io->abi.word_bytes;
	uint64_t hash = 0, gnu_hash = 0, n = s->dynamic_bytes / (2 * word);
	uint32_t count;
	for (uint64_t i = 0; i < n && i < DYNAMICS_MAX; i++) {
		uint8_t raw[16];
		if (!read_at(m, s->dynamic + io->bias + i * 2 * word, raw, 2 * word))
			return;
		uint64_t tag = get_word(&io->abi, raw), v = get_word(&io->abi, raw + word);
		if (tag == DT_NULL)
			break;
		if (tag == DT_SYMTAB)
			io->symtab = run_time(io, v);
		else if (tag == DT_STRTAB)
			io->strtab = run_time(io, v);
		else if (tag == DT_STRSZ)
			io->strtab_bytes = v;
		else if (tag == DT_HASH)
			hash = run_time(io, v);
		else if (tag == DT_GNU_HASH)
			gnu_hash = run_time(io, v);
	}
	if (hash && read_u32(m, &io->abi, hash + 4, &count))
		io->nsyms = count;
	else if (gnu_hash)
		io->nsyms = count_gnu(m, io, gnu_hash);
	if (io->nsyms > SYMBOLS_MAX)
		io->nsyms = SYMBOLS_MAX;
}

bool user_elf_read(
	const struct user_memory *m, const struct abi *abi, uint64_t base, struct user_elf *ret)
{
	struct user_elf e = { .abi = *abi, .base = base };
	struct segments s = { .f = form_of(abi) };
	uint8_t raw[64];
	if (!read_at(m, base, raw, s.f->ehdr_bytes) || memcmp(raw, ELFMAG, SELFMAG) ||
		raw[EI_CLASS] != (abi->word_bytes == 8 ? ELFCLASS64 : ELFCLASS32))
		return false;
	e.is_arm = get_u16(abi, raw + 18) == EM_ARM;
	uint64_t phoff = get_word(abi, raw + s.f->phoff);
	unsigned entry = get_u16(abi, raw + s.f->phentsize), n = get_u16(abi, raw + s.f->phnum);
	if (entry < s.f->phdr_bytes || n > SEGMENTS_MAX || phoff > UINT32_MAX)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (!read_at(m, base + phoff + (uint64_t)i * entry, raw, s.f->phdr_bytes))
			return false;
		add_segment(&e, &s, raw);
	}
	if (!s.has_load)
		return false;
	uint64_t mask = abi->word_bytes == 8 ? UINT64_MAX : UINT32_MAX;
	e.lo = (e.lo + e.bias) & mask;
	e.hi = (e.hi + e.bias) & mask;
	if (e.exidx_end > e.exidx) {
		e.exidx = (e.exidx + e.bias) & mask;
		e.exidx_end = (e.exidx_end + e.bias) & mask;
	}
	if (e.exidx_end < e.exidx || e.exidx < e.lo || e.exidx_end > e.hi)
		e.exidx = e.exidx_end = 0;
	if (s.dynamic)
		read_dynamic(m, &e, &s);
	*ret = e;
	return true;
}

/* A name that is not empty; it may end where memory does. */
static bool read_name(const struct user_memory *m, uint64_t va, char *buf, size_t bytes)
{
	size_t n = 0;
	while (n + 1 < bytes && read_at(m, va + n, &buf[n], 1) && buf[n])
		n++;
	buf[n] = '\0';
	return n > 0;
}

static bool covers(
	const struct user_elf *e, const uint8_t *sym, uint64_t va, struct user_symbol *ret)
{
	const struct form *f = form_of(&e->abi);
	unsigned type = sym[f->st_info] & 15;
	if ((type != STT_FUNC && type != STT_GNU_IFUNC) ||
		get_u16(&e->abi, sym + f->st_shndx) == SHN_UNDEF)
		return false;
	ret->va = get_word(&e->abi, sym + f->st_value) + e->bias;
	ret->size = get_word(&e->abi, sym + f->st_size);
	if (e->is_arm)
		ret->va &= 0xfffffffe;
	return va >= ret->va && va - ret->va < ret->size;
}

bool user_elf_symbol(
	const struct user_memory *m, const struct user_elf *e, uint64_t va, struct user_symbol *ret)
{
	enum { AT_ONCE = 64, SYM_MAX = 24 };
	const struct form *f = form_of(&e->abi);
	uint8_t raw[AT_ONCE * SYM_MAX];
	if (!e->symtab || !e->strtab)
		return false;
	for (uint32_t i = 0; i < e->nsyms && !interrupt_pending(); i += AT_ONCE) {
		uint32_t n = e->nsyms - i < AT_ONCE ? e->nsyms - i : AT_ONCE;
		if (!read_at(m, e->symtab + (uint64_t)i * f->sym_bytes, raw,
			    (size_t)n * f->sym_bytes))
			return false;
		for (uint32_t k = 0; k < n; k++) {
			const uint8_t *sym = raw + (size_t)k * f->sym_bytes;
			struct user_symbol found;
			uint32_t name = get_u32(&e->abi, sym + f->st_name);
			if (!covers(e, sym, va, &found) || name >= e->strtab_bytes)
				continue;
			if (!read_name(m, e->strtab + name, found.name, sizeof(found.name)))
				continue;
			*ret = found;
			return true;
		}
	}
	return false;
}
