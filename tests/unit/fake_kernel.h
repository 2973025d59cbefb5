/*
 * A target by hand, for tests of the kernel layer: physical memory of fake_memory.h behind one
 * window, symbols and types as the test declares them, for 4- and 8-byte words. Include it in one
 * file of a test program: it takes the place of dump.c.
 */
#ifndef TESTS_UNIT_FAKE_KERNEL_H
#define TESTS_UNIT_FAKE_KERNEL_H

#include <stdio.h>

#include "analyzer/debug/types_internal.h"
#include "analyzer/target/private.h"
#include "tests/unit/fake_memory.h"

/* ---- what target.c links against --------------------------------------------------------- */

struct err *dump_open(const char *const *paths, size_t npaths, struct dump **ret)
{
	(void)npaths;
	(void)ret;
	return err_new(ERR_UNSUPPORTED, "%s: a fake dump is not opened", paths[0]);
}

struct err *dump_open_files(const struct dump_file *files, size_t nfiles,
	const struct dump_options *o, struct dump **ret)
{
	(void)o;
	return dump_open(&files[0].path, nfiles, ret);
}

void dump_set_base(struct dump *d, struct paddr base)
{
	d->extent.start = base;
}

void dump_close(struct dump *d)
{
	fake_clear(d);
	free(d);
}

bool dump_recognises(const char *path)
{
	(void)path;
	return false;
}

struct err *dump_read(struct dump *d, struct paddr pa, void *buf, size_t n)
{
	enum fault_kind fault = dump_try_read(d, pa, buf, n, NULL);
	return fault ? err_fault(fault, pa.v, "0x%llx", (unsigned long long)pa.v) : NULL;
}

/* ---- types ------------------------------------------------------------------------------- */

enum { FAKE_TYPES = 32 };

struct fake_type {
	const char *name;
	const struct type *type;
	unsigned align;
	bool is_variable;
};

struct fake_provider {
	struct type_provider p; /* first: a provider is its fake */
	struct fake_type known[FAKE_TYPES];
	unsigned n;
};

struct fake {
	struct target *t;
	struct fake_provider provider;
	uint64_t base; /* first address of the window; physical 0 */
};

static struct fake_type *fake_known(struct fake_provider *p, const char *name, bool is_variable)
{
	for (unsigned i = 0; i < p->n; i++)
		if (!strcmp(p->known[i].name, name) && p->known[i].is_variable == is_variable)
			return &p->known[i];
	return NULL;
}

static struct err *fake_find_type(struct type_provider *p, enum type_kind kind, const char *name,
	const char *hint, const struct type **ret)
{
	struct fake_type *k = fake_known((struct fake_provider *)p, name, false);
	(void)kind;
	(void)hint;
	*ret = k ? k->type : NULL;
	return NULL;
}

static struct err *fake_find_variable(
	struct type_provider *p, const char *name, const char *hint, const struct type **ret)
{
	struct fake_type *k = fake_known((struct fake_provider *)p, name, true);
	(void)hint;
	*ret = k ? k->type : NULL;
	return NULL;
}

static void fake_destroy(struct type_provider *p)
{
	(void)p;
}

static struct fake_type *fake_know(
	struct fake *f, const char *name, const struct type *type, unsigned align)
{
	struct fake_type *k = &f->provider.known[f->provider.n++];
	if (f->provider.n > FAKE_TYPES)
		abort();
	*k = (struct fake_type){ .name = name, .type = type, .align = align };
	return k;
}

/* "u32", "struct x", "char[16]", "mem[7]": the type, and how it is aligned. */
static const struct type *fake_type_of(struct fake *f, const char *words, unsigned *ret_align)
{
	char name[64];
	unsigned count = 0;
	if (sscanf(words, "%63[^[:][%u]", name, &count) < 1)
		abort();
	struct fake_type *k = fake_known(&f->provider, name, false);
	if (!k)
		abort();
	*ret_align = k->align;
	return count ? types_array_of(f->t->types, k->type, count) : k->type;
}

/* Lays out "name:type" words as a C compiler does; "flags:u8:5" is a bitfield. NULL ends them. */
static void fake_struct(struct fake *f, const char *name, const char *const *words)
{
	struct types *db = f->t->types;
	unsigned n = 0, align = 1;
	uint64_t bits = 0;
	while (words[n])
		n++;
	struct type_member *m = arena_alloc(&db->arena, n * sizeof(*m));
	for (unsigned i = 0; i < n; i++) {
		unsigned own, width = 0;
		char member[64], type[64];
		if (sscanf(words[i], "%63[^:]:%63[^:]:%u", member, type, &width) < 2)
			abort();
		m[i].type = fake_type_of(f, type, &own);
		m[i].name = arena_strdup(&db->arena, member);
		m[i].bit_size = width;
		if (!width)
			bits = (bits + own * 8 - 1) / (own * 8) * (own * 8);
		m[i].bit_offset = bits;
		bits += width ? width : m[i].type->size * 8;
		align = own > align ? own : align;
	}
	struct type t = { .kind = TYPE_STRUCT,
		.name = name,
		.member = m,
		.nmembers = n,
		.complete = true,
		.size = ((bits + 7) / 8 + align - 1) / align * align };
	fake_know(f, name, types_new(db, &t), align);
}
#define FAKE_STRUCT(f, name, ...) fake_struct(f, name, (const char *const[]){ __VA_ARGS__, NULL })

static inline void fake_variable(struct fake *f, const char *name, const char *type)
{
	unsigned align;
	const struct type *t = fake_type_of(f, type, &align);
	fake_know(f, name, t, align)->is_variable = true;
}

static void fake_base_types(struct fake *f)
{
	static const struct {
		const char *name;
		unsigned size;
		bool is_signed;
	} base[] = { { "u8", 1, false }, { "char", 1, false }, { "u16", 2, false },
		{ "u32", 4, false }, { "u64", 8, false }, { "s64", 8, true },
		{ "word", 0, false } };
	for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++) {
		unsigned size = base[i].size ? base[i].size : f->t->abi.word_bytes;
		struct type content = { .kind = TYPE_INT,
			.name = base[i].name,
			.size = size,
			.is_signed = base[i].is_signed,
			.complete = true };
		fake_know(f, base[i].name, types_intern(f->t->types, &content, 1), size);
	}
	FAKE_STRUCT(f, "list", "next:word", "prev:word");
	FAKE_STRUCT(f, "atomic", "counter:word");
}

/* ---- the target -------------------------------------------------------------------------- */

static void fake_init(struct fake *f, unsigned word_bytes)
{
	memset(f, 0, sizeof(*f));
	struct target *t = f->t = xcalloc(1, sizeof(*t));
	f->base = word_bytes == 8 ? 0xffff800000000000ull : 0xc0000000ull;
	t->priv = xcalloc(1, sizeof(*t->priv));
	t->syms = symtab_create();
	t->abi.word_bytes = (uint8_t)word_bytes;
	t->arch = word_bytes == 8 ? &arch_arm64 : &arch_arm;
	t->dump = xcalloc(1, sizeof(*t->dump));
	t->dump->extent.size = 1 << 30;
	t->dump->info.extent = &t->dump->extent;
	t->dump->info.nextents = 1;
	t->types = types_create(&t->abi);
	f->provider.p = (struct type_provider){ .name = "fake",
		.complete = true,
		.find = fake_find_type,
		.find_variable = fake_find_variable,
		.destroy = fake_destroy };
	types_provider_add(t->types, &f->provider.p, "by hand", xstrdup("complete"));
	struct space_facts facts = { .arch = t->arch,
		.abi = t->abi,
		.layout = { .nwindows = 1, .window = { { "all", f->base, 1 << 30, { 0 } } } } };
	facts.layout.paging.va_bits = word_bytes == 8 ? 48 : 32;
	facts.layout.paging.two_halves = word_bytes == 8;
	facts.layout.paging.page_shift = 12;
	t->kernel = vspace_create(t->dump, &facts);
	fake_base_types(f);
}

static inline void fake_deinit(struct fake *f)
{
	target_close(f->t);
}

static inline uint64_t fake_va(const struct fake *f, uint64_t off)
{
	return f->base + off;
}

/* A kernel symbol at @off of the window. */
static inline void fake_symbol(struct fake *f, const char *name, uint64_t off, uint64_t size)
{
	symtab_add(f->t->syms, name, fake_va(f, off), size, 'D', NULL);
	symtab_finish(f->t->syms);
}

/* A symbol and its value. */
static inline void fake_number(
	struct fake *f, const char *name, uint64_t off, uint64_t v, unsigned n)
{
	fake_symbol(f, name, off, n);
	fake_put(f->t->dump, off, v, n);
}

static inline uint64_t fake_sizeof(struct fake *f, const char *type)
{
	return fake_known(&f->provider, type, false)->type->size;
}

static inline uint64_t fake_offsetof(struct fake *f, const char *type, const char *path)
{
	struct field_ref field;
	struct err *err =
		type_field(f->t->types, fake_known(&f->provider, type, false)->type, path, &field);
	if (err)
		abort();
	return field.bit_offset / 8;
}

/* Member @path of the @type at @off becomes @v. */
static inline void fake_set(
	struct fake *f, const char *type, uint64_t off, const char *path, uint64_t v)
{
	struct field_ref field;
	struct err *err =
		type_field(f->t->types, fake_known(&f->provider, type, false)->type, path, &field);
	if (err)
		abort();
	uint64_t at = off + field.bit_offset / 8;
	unsigned shift = field.bit_offset % 8, bits = field.bit_size;
	if (!bits)
		fake_put(f->t->dump, at, v, (unsigned)field.type->size);
	else /* within a byte */
		*fake_at(f->t->dump, at) =
			(uint8_t)((*fake_at(f->t->dump, at) & ~(((1u << bits) - 1) << shift)) |
				  (v & ((1u << bits) - 1)) << shift);
}

static inline void fake_bytes(struct fake *f, uint64_t off, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*fake_at(f->t->dump, off + i) = ((const uint8_t *)p)[i];
}

#endif
