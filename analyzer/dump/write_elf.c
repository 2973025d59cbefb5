/*
 * ELF cores: the header, a PT_NOTE, and a PT_LOAD for each stretch of memory, whose p_memsz takes
 * in the excluded pages behind it, as makedumpfile -E does. What is lost has no segment.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/dump/sparse.h"
#include "analyzer/dump/write_internal.h"

enum { DATA_ALIGN = 4096 };

struct load {
	uint64_t pa, file_bytes, mem_bytes, off;
};

struct elf_out {
	bool is64;
	VEC(struct load) load;
	uint64_t notes_off, headers_bytes;
	size_t next; /* segment that the next run belongs to */
};

static void loads_make(const struct writer *w, struct elf_out *e)
{
	for (size_t i = 0; i < w->plan.n; i++) {
		const struct stretch *s = &w->plan.v[i];
		struct load *last = e->load.n ? &e->load.v[e->load.n - 1] : NULL;
		if (s->fault == FAULT_EXCLUDED && last && last->pa + last->mem_bytes == s->pa)
			last->mem_bytes += s->size;
		else if (s->fault == FAULT_EXCLUDED)
			vec_push(&e->load, ((struct load){ s->pa, 0, s->size, 0 }));
		else if (!s->fault)
			vec_push(&e->load, ((struct load){ s->pa, s->size, s->size, 0 }));
	}
}

/* ELF32 cannot hold what lies at or beyond 4 GiB, be it RAM of an LPAE machine or the file's own
 * end. */
static bool needs_64(const struct writer *w, const struct elf_out *e)
{
	const uint64_t limit = (uint64_t)1 << 32;
	uint64_t bytes = (e->load.n + 2) * 64 + w->note_bytes + 2 * DATA_ALIGN;
	for (size_t i = 0; i < e->load.n; i++) {
		const struct load *l = &e->load.v[i];
		bytes += l->file_bytes;
		if (l->pa >= limit || l->mem_bytes > limit - l->pa)
			return true;
	}
	return bytes >= limit || w->o->abi.word_bytes == 8;
}

static void place(const struct writer *w, struct elf_out *e)
{
	uint64_t phdrs = (e->load.n + 1) * (e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
	uint64_t shdrs = e->load.n + 1 >= PN_XNUM ? sizeof(Elf64_Shdr) : 0;
	e->notes_off = sizeof(Elf64_Ehdr) + shdrs + phdrs;
	uint64_t off = e->notes_off + w->note_bytes;
	for (size_t i = 0; i < e->load.n; i++) {
		off = (off + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN;
		e->load.v[i].off = off;
		off += e->load.v[i].file_bytes;
	}
	e->headers_bytes = e->notes_off + w->note_bytes;
}

#define PUT(w, is64, T, p, f, v)                                                                   \
	put_uint(w, (p) + ((is64) ? offsetof(Elf64_##T, f) : offsetof(Elf32_##T, f)), v,           \
		(is64) ? sizeof(((Elf64_##T *)0)->f) : sizeof(((Elf32_##T *)0)->f))

static void phdr_put(const struct writer *w, const struct elf_out *e, uint8_t *p, uint32_t type,
	const struct load *l)
{
	PUT(w, e->is64, Phdr, p, p_type, type);
	PUT(w, e->is64, Phdr, p, p_flags, type == PT_LOAD ? PF_R | PF_W | PF_X : 0);
	PUT(w, e->is64, Phdr, p, p_offset, l->off);
	PUT(w, e->is64, Phdr, p, p_paddr, l->pa);
	PUT(w, e->is64, Phdr, p, p_filesz, l->file_bytes);
	PUT(w, e->is64, Phdr, p, p_memsz, l->mem_bytes);
}

static void headers_fill(const struct writer *w, const struct elf_out *e, uint8_t *p)
{
	uint64_t phsize = e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	bool many = e->load.n + 1 >= PN_XNUM;
	uint64_t shoff = many ? sizeof(Elf64_Ehdr) : 0;
	uint64_t phoff = sizeof(Elf64_Ehdr) + (many ? sizeof(Elf64_Shdr) : 0);
	memcpy(p, ELFMAG, SELFMAG);
	p[EI_CLASS] = e->is64 ? ELFCLASS64 : ELFCLASS32;
	p[EI_DATA] = w->o->abi.big_endian ? ELFDATA2MSB : ELFDATA2LSB;
	p[EI_VERSION] = EV_CURRENT;
	PUT(w, e->is64, Ehdr, p, e_type, ET_CORE);
	PUT(w, e->is64, Ehdr, p, e_machine, w->o->elf_machine);
	PUT(w, e->is64, Ehdr, p, e_version, EV_CURRENT);
	PUT(w, e->is64, Ehdr, p, e_phoff, phoff);
	PUT(w, e->is64, Ehdr, p, e_shoff, shoff);
	PUT(w, e->is64, Ehdr, p, e_ehsize, e->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
	PUT(w, e->is64, Ehdr, p, e_phentsize, phsize);
	PUT(w, e->is64, Ehdr, p, e_phnum, many ? PN_XNUM : e->load.n + 1);
	if (many) {
		PUT(w, e->is64, Ehdr, p, e_shentsize,
			e->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));
		PUT(w, e->is64, Ehdr, p, e_shnum, 1);
		PUT(w, e->is64, Shdr, p + shoff, sh_info, e->load.n + 1);
	}
	const struct load notes = { .off = e->notes_off, .file_bytes = w->note_bytes };
	phdr_put(w, e, p + phoff, PT_NOTE, &notes);
	for (size_t i = 0; i < e->load.n; i++)
		phdr_put(w, e, p + phoff + (i + 1) * phsize, PT_LOAD, &e->load.v[i]);
	if (w->note_bytes)
		memcpy(p + e->notes_off, w->note, w->note_bytes);
}

static struct err *run_put(struct writer *w, const struct dump_run *run, void *cx)
{
	struct elf_out *e = cx;
	if (run->fault)
		return NULL;
	while (e->next < e->load.n &&
		run->pa.v - e->load.v[e->next].pa >= e->load.v[e->next].file_bytes)
		e->next++;
	/* The first pass saw the same bytes; only a file that changes meanwhile comes here. */
	if (e->next == e->load.n || run->pa.v < e->load.v[e->next].pa)
		return err_new(ERR_FORMAT, "the dump changed while it was read");
	const struct load *l = &e->load.v[e->next];
	w->result.memory_bytes += run->size;
	return sparse_write(w->fd, run->p, run->size, l->off + (run->pa.v - l->pa));
}

struct err *write_elf(struct writer *w)
{
	struct elf_out e = { 0 };
	scoped_free uint8_t *headers = NULL;
	loads_make(w, &e);
	e.is64 = needs_64(w, &e);
	place(w, &e);
	struct err *err = mem_alloc_array((size_t)e.headers_bytes, 1, "headers", &headers);
	if (!err) {
		headers_fill(w, &e, headers);
		err = sparse_write(w->fd, headers, (size_t)e.headers_bytes, 0);
	}
	if (!err)
		err = writer_each_run(w, run_put, &e);
	const struct load *last = e.load.n ? &e.load.v[e.load.n - 1] : NULL;
	uint64_t end = last ? last->off + last->file_bytes : e.headers_bytes;
	if (!err && ftruncate(w->fd, (off_t)(end > e.headers_bytes ? end : e.headers_bytes)))
		err = err_io(errno, "writing");
	vec_deinit(&e.load);
	return err;
}
