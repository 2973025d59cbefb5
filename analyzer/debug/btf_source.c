/*
 * The BTF provider: takes BTF from an ELF section or from bytes of a dump and answers the type
 * database's questions from it.
 */
#include "analyzer/debug/btf_source.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

static bool is_of_kind(enum btf_kind kind, enum type_kind wanted)
{
	switch (wanted) {
	case TYPE_INT:
		return kind == BTF_INT;
	case TYPE_FLOAT:
		return kind == BTF_FLOAT;
	case TYPE_STRUCT:
		return kind == BTF_STRUCT;
	case TYPE_UNION:
		return kind == BTF_UNION;
	case TYPE_TYPEDEF:
		return kind == BTF_TYPEDEF;
	case TYPE_ENUM:
		return kind == BTF_ENUM || kind == BTF_ENUM64;
	default:
		return false;
	}
}

/* What TYPE_VOID stands for in a search. */
static bool is_named_kind(enum btf_kind kind)
{
	return is_of_kind(kind, TYPE_STRUCT) || is_of_kind(kind, TYPE_UNION) ||
	       is_of_kind(kind, TYPE_TYPEDEF) || is_of_kind(kind, TYPE_ENUM);
}

/* The lowest id of this kind and name, 0: none. Of several the first is taken: writers go through
 * the kernel's units in link order, so it is init/'s and kernel/'s before a driver's. */
static uint32_t find_id(const struct btf_source *s, enum type_kind kind, const char *name)
{
	struct btf_record r;
	uint32_t id = 0;
	while (btf_next_named(&s->btf, name, &id, &r))
		if (is_of_kind(r.kind, kind))
			return id;
	return 0;
}

/* For TYPE_VOID: which of the four kinds @name is. */
static enum type_kind settle_kind(const struct btf_source *s, enum type_kind kind, const char *name)
{
	static const enum type_kind order[] = { TYPE_STRUCT, TYPE_UNION, TYPE_TYPEDEF, TYPE_ENUM };
	for (size_t i = 0; kind == TYPE_VOID && i < ARRAY_SIZE(order); i++)
		if (find_id(s, order[i], name))
			return order[i];
	return kind;
}

static struct err *find_type(struct type_provider *p, enum type_kind kind, const char *name,
	const char *hint, const struct type **ret)
{
	struct btf_source *s = (struct btf_source *)p;
	(void)hint; /* BTF has no units: see ambiguous() */
	uint32_t id = find_id(s, settle_kind(s, kind, name), name);
	if (id)
		*ret = btf_type(s, id);
	return NULL;
}

static bool ambiguous(struct type_provider *p, enum type_kind kind, const char *name)
{
	const struct btf_source *s = (const struct btf_source *)p;
	struct btf_record r;
	uint32_t id = 0;
	unsigned n = 0;
	kind = settle_kind(s, kind, name);
	while (n < 2 && btf_next_named(&s->btf, name, &id, &r))
		n += is_of_kind(r.kind, kind);
	return n > 1;
}

/* The ids of this BTF itself: a module's base answers for its own. */
static struct err *each_type(
	struct type_provider *p, enum type_kind kind, types_each_fn each, void *cx)
{
	struct btf_source *s = (struct btf_source *)p;
	struct err *e = NULL;
	for (uint32_t id = s->btf.first_id; !e && id < btf_end_id(&s->btf); id++) {
		struct btf_record r;
		if (!btf_get(&s->btf, id, &r) || !r.name || !is_of_kind(r.kind, kind))
			continue;
		const struct type *t = btf_type(s, id);
		e = interrupt_check();
		if (!e && t->kind == kind && !t->declaration)
			e = each(cx, t);
	}
	return e;
}

static struct err *find_variable(
	struct type_provider *p, const char *name, const char *hint, const struct type **ret)
{
	struct btf_source *s = (struct btf_source *)p;
	struct btf_record r;
	uint32_t id = 0;
	(void)hint;
	while (btf_next_named(&s->btf, name, &id, &r)) {
		if (r.kind == BTF_VAR) {
			*ret = btf_type(s, r.size_or_type);
			break;
		}
	}
	return NULL;
}

/* One of two million may be a dump's joke; no kernel has 100,000. */
enum { MAX_ENUMERATORS = 1 << 21 };

/* From the highest id, so that the lowest enum stays. */
static struct err *index_enumerators(struct btf_source *s)
{
	size_t budget = MAX_ENUMERATORS;
	for (uint32_t id = btf_end_id(&s->btf); id-- > s->btf.first_id;) {
		struct btf_record r;
		if (!btf_get(&s->btf, id, &r) || !is_of_kind(r.kind, TYPE_ENUM))
			continue;
		struct err *e = interrupt_check();
		if (e)
			return e;
		for (uint32_t i = 0; i < r.vlen && i < TYPE_MAX_MEMBERS && budget; i++, budget--) {
			const char *name = btf_get_constant(&s->btf, &r, i, false).name;
			if (name)
				strmap_set(&s->enumerators, name, (void *)(uintptr_t)id);
		}
	}
	s->enumerators_made = true;
	return NULL;
}

static struct err *find_enumerator(
	struct type_provider *p, const char *name, const struct type **ret)
{
	struct btf_source *s = (struct btf_source *)p;
	struct err *e = s->enumerators_made ? NULL : index_enumerators(s);
	if (e)
		return e;
	uint32_t id = (uint32_t)(uintptr_t)strmap_get(&s->enumerators, name);
	if (!id)
		return err_new(ERR_NOT_FOUND, "no enumerator %s", name);
	*ret = btf_type(s, id);
	return NULL;
}

static void offer_names(struct type_provider *p, enum type_kind kind, struct near_names *near)
{
	struct btf_source *s = (struct btf_source *)p;
	for (size_t i = 0; kind == TYPE_INT && i < s->enumerators.cap; i++)
		if (s->enumerators.slot[i].key)
			near_offer(near, s->enumerators.slot[i].key);
	for (uint32_t id = s->btf.first_id; kind != TYPE_INT && id < btf_end_id(&s->btf); id++) {
		struct btf_record r;
		if (!btf_get(&s->btf, id, &r) || !r.name)
			continue;
		if (kind == TYPE_VOID ? is_named_kind(r.kind) : is_of_kind(r.kind, kind))
			near_offer(near, r.name);
	}
}

/* pahole counts from the section's start, which is where __per_cpu_start stands
 * (include/asm-generic/vmlinux.lds.h, PERCPU_INPUT(), all versions). A module's BTF has no section
 * of this name. */
static struct err *each_percpu(struct type_provider *p, types_percpu_fn each, void *cx)
{
	struct btf_source *s = (struct btf_source *)p;
	struct err *e = NULL;
	struct btf_record r, v;
	/* sections stand at the end */
	for (uint32_t id = btf_end_id(&s->btf); !s->base && !e && id-- > s->btf.first_id;) {
		if (!btf_get(&s->btf, id, &r) || r.kind != BTF_DATASEC || !r.name ||
			strcmp(r.name, ".data..percpu"))
			continue;
		for (uint32_t i = 0; !e && i < r.vlen; i++) {
			struct btf_section_entry at = btf_get_section_entry(&s->btf, &r, i);
			if (btf_get(&s->btf, at.variable, &v) && v.kind == BTF_VAR && v.name)
				e = each(cx, v.name, at.offset, at.bytes);
		}
		return e;
	}
	return NULL;
}

static void destroy(struct type_provider *p)
{
	struct btf_source *s = (struct btf_source *)p;
	btf_close(&s->btf);
	strmap_deinit(&s->enumerators);
	free(s->made);
	free(s);
}

/* BTF does not say how wide pointers are, but every kernel has this type. */
static struct err *check_word(const struct btf_source *s)
{
	struct btf_record r;
	uint32_t id = find_id(s, TYPE_INT, "long unsigned int");
	if (!id || !btf_get(&s->btf, id, &r) || r.size_or_type == s->db->abi.word_bytes)
		return NULL;
	return err_new(ERR_MISMATCH, "BTF of a %u-bit machine, the target has %u bits",
		r.size_or_type * 8u, s->db->abi.word_bytes * 8u);
}

static struct err *check_some(const struct btf_source *s)
{
	if (s->btf.offset.n)
		return NULL;
	return err_new(ERR_FORMAT, "BTF: it has no types%s%s", s->btf.damage ? ": " : "",
		s->btf.damage ? s->btf.damage : "");
}

static char *describe(const struct btf *b)
{
	struct strbuf text = { 0 };
	strbuf_addf(&text, "%zu types, %u variables", b->offset.n, b->nvariables);
	if (b->damage)
		strbuf_addf(&text, "; cut short: %s", b->damage);
	return strbuf_take(&text);
}

static struct err *open_source(struct types *db, const void *bytes, size_t n,
	struct btf_source *base, struct btf_source **ret)
{
	struct btf_source *s = xcalloc(1, sizeof(*s));
	*s = (struct btf_source){
		.provider = { .name = "BTF",
			.deduplicated = true,
			.find = find_type,
			.ambiguous = ambiguous,
			.find_variable = find_variable,
			.find_enumerator = find_enumerator,
			.each_percpu = each_percpu,
			.offer_names = offer_names,
			.each = each_type,
			.complete_type = btf_type_complete,
			.destroy = destroy },
		.db = db,
		.base = base,
	};
	struct err *e = btf_open(bytes, n, base ? &base->btf : NULL, &s->btf);
	if (!e)
		e = check_some(s);
	if (!e)
		e = check_word(s);
	if (!e)
		e = mem_alloc_array(s->btf.offset.n, sizeof(*s->made), "BTF's types", &s->made);
	if (e) {
		destroy(&s->provider);
		return e;
	}
	s->provider.complete = !base && !s->btf.damage;
	*ret = s;
	return NULL;
}

static struct err *add(
	struct types *db, const void *bytes, size_t n, struct btf_source *base, const char *origin)
{
	struct btf_source *s;
	struct err *e = open_source(db, bytes, n, base, &s);
	if (e) {
		types_provider_note(db, "BTF", origin, e->msg);
		return err_wrap(e, "%s", origin);
	}
	types_provider_add(db, &s->provider, origin, describe(&s->btf));
	return NULL;
}

struct err *types_add_btf(struct types *db, const void *bytes, size_t n, const char *origin)
{
	return add(db, bytes, n, NULL, origin);
}

struct err *types_add_btf_part(
	struct types *db, const void *bytes, size_t n, const char *name, const char *origin)
{
	struct btf_source *s;
	struct err *e = open_source(db, bytes, n, NULL, &s);
	if (e)
		return err_wrap(e, "%s", origin);
	s->provider.name = name;
	s->provider.complete = false;
	types_provider_add(db, &s->provider, origin, describe(&s->btf));
	return NULL;
}

struct err *types_add_btf_module(struct types *db, const void *bytes, size_t n, const char *origin)
{
	for (size_t i = 0; i < db->slot.n; i++) {
		struct type_provider *p = db->slot.v[i].provider;
		struct btf_source *s = (struct btf_source *)p;
		if (p && p->find == find_type && !s->base && !strcmp(p->name, "BTF"))
			return add(db, bytes, n, s, origin);
	}
	types_provider_note(db, "BTF", origin, "the kernel's own BTF is not there");
	return err_new(ERR_MISSING, "%s: a module's BTF needs the kernel's", origin);
}

struct err *types_add_btf_elf(struct types *db, Elf *elf, const char *path)
{
	size_t names;
	Elf_Scn *scn = elf_getshdrstrndx(elf, &names) ? NULL : elf_nextscn(elf, NULL);
	for (; scn; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr sh;
		const char *name =
			gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
		if (!name || strcmp(name, ".BTF") || sh.sh_type == SHT_NOBITS)
			continue;
		Elf_Data *data = sh.sh_flags & SHF_COMPRESSED ? NULL : elf_rawdata(scn, NULL);
		if (data && data->d_buf)
			return types_add_btf(db, data->d_buf, data->d_size, path);
		types_provider_note(db, "BTF", path, "section .BTF cannot be read");
		return err_new(ERR_FORMAT, "%s: section .BTF cannot be read", path);
	}
	types_provider_note(db, "BTF", path, "the file has no section .BTF");
	return err_new(ERR_MISSING, "%s: no section .BTF", path);
}
