/*
 * The DWARF provider: opens the debug information of one ELF file through libdw and answers the
 * type database's questions from its units.
 */
#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/dwarf.h"

/* The names that a type of @kind can have. */
static unsigned mask_of(enum type_kind kind)
{
	static const unsigned masks[] = {
		[TYPE_VOID] =
			1 << NAME_STRUCT | 1 << NAME_UNION | 1 << NAME_TYPEDEF | 1 << NAME_ENUM,
		[TYPE_INT] = 1 << NAME_BASE,
		[TYPE_FLOAT] = 1 << NAME_BASE,
		[TYPE_ENUM] = 1 << NAME_ENUM,
		[TYPE_STRUCT] = 1 << NAME_STRUCT,
		[TYPE_UNION] = 1 << NAME_UNION,
		[TYPE_TYPEDEF] = 1 << NAME_TYPEDEF,
	};
	return (unsigned)kind < ARRAY_SIZE(masks) ? masks[kind] : 0;
}

static struct err *find_type(struct type_provider *p, enum type_kind kind, const char *name,
	const char *hint, const struct type **ret)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	unsigned mask = mask_of(kind);
	if (!mask)
		return NULL; /* the other kinds have no names */
	Dwarf_Off off;
	Dwarf_Die die;
	struct err *e = dwarf_units_find(s, mask, name, hint, &off);
	if (!e && !off && s->alt)
		return find_type(&s->alt->provider, kind, name, hint, ret);
	if (!e && off && dwarf_offdie(s->dw, off - 1, &die)) {
		const struct type *t = dwarf_type_at(s, &die);
		if (t->kind == kind || kind == TYPE_VOID)
			*ret = t;
	}
	return e;
}

struct each_cx {
	struct dwarf_source *s;
	enum type_kind kind;
	types_each_fn each;
	void *cx;
};

static struct err *each_die(void *cx, const char *name, Dwarf_Off off)
{
	struct each_cx *c = cx;
	Dwarf_Die die;
	(void)name;
	if (!dwarf_offdie(c->s->dw, off, &die))
		return NULL;
	const struct type *t = dwarf_type_at(c->s, &die);
	struct err *e = interrupt_check();
	return e || t->kind != c->kind ? e : c->each(c->cx, t);
}

/* One type a name: the first unit that defines it has it, as find_type() would answer. */
static struct err *each_type(
	struct type_provider *p, enum type_kind kind, types_each_fn each, void *cx)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	static const enum dwarf_name names[] = { [TYPE_STRUCT] = NAME_STRUCT,
		[TYPE_UNION] = NAME_UNION,
		[TYPE_ENUM] = NAME_ENUM,
		[TYPE_TYPEDEF] = NAME_TYPEDEF };
	struct each_cx c = { s, kind, each, cx };
	struct err *e = dwarf_units_scan(s);
	if (!e && s->alt)
		e = each_type(&s->alt->provider, kind, each, cx);
	return e ? e : dwarf_units_each(s, names[kind], each_die, &c);
}

static struct err *find_enumerator(
	struct type_provider *p, const char *name, const struct type **ret)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	Dwarf_Off off;
	Dwarf_Die die;
	struct err *e = dwarf_units_find(s, 1 << NAME_ENUMERATOR, name, NULL, &off);
	if (e)
		return e;
	if (!off && s->alt)
		return find_enumerator(&s->alt->provider, name, ret);
	if (!off || !dwarf_offdie(s->dw, off - 1, &die))
		return err_new(ERR_NOT_FOUND, "no enumerator %s", name);
	const struct type *t = dwarf_type_at(s, &die);
	if (t->kind != TYPE_ENUM)
		return err_new(ERR_NOT_FOUND, "no enumerator %s", name);
	*ret = t;
	return NULL;
}

static struct err *offer_one(void *cx, const char *name, Dwarf_Off die)
{
	(void)die;
	near_offer(cx, name);
	return NULL;
}

/* What is known by now: after a search that failed that is everything. */
static void offer_names(struct type_provider *p, enum type_kind kind, struct near_names *near)
{
	static const struct {
		enum type_kind kind;
		enum dwarf_name name;
	} maps[] = { { TYPE_STRUCT, NAME_STRUCT }, { TYPE_UNION, NAME_UNION },
		{ TYPE_ENUM, NAME_ENUM }, { TYPE_TYPEDEF, NAME_TYPEDEF },
		{ TYPE_INT, NAME_ENUMERATOR } };
	struct dwarf_source *s = (struct dwarf_source *)p;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		if (kind != maps[i].kind && (kind != TYPE_VOID || maps[i].kind == TYPE_INT))
			continue;
		err_drop(dwarf_units_each(s, maps[i].name, offer_one, near)); /* has no errors */
	}
}

static struct err *find_variable(
	struct type_provider *p, const char *name, const char *hint, const struct type **ret)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	Dwarf_Off off;
	Dwarf_Die die;
	struct err *e = dwarf_units_find(s, 1 << NAME_VARIABLE, name, hint, &off);
	if (!e && off && dwarf_offdie(s->dw, off - 1, &die))
		*ret = dwarf_type_of(s, &die);
	return e;
}

static void destroy(struct type_provider *p)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	dwarf_cache_keep(s);
	dwarf_units_deinit(s);
	strmap_deinit(&s->files);
	idmap_deinit(&s->type_of);
	vec_deinit(&s->range);
	if (s->alt)
		destroy(&s->alt->provider);
	dwarf_file_close(&s->file);
	free(s);
}

/* @cache NULL: nothing is kept. */
static struct dwarf_source *create(
	struct types *db, const struct dwarf_file *file, struct dwarf_cache *cache)
{
	struct dwarf_source *s = xcalloc(1, sizeof(*s));
	*s = (struct dwarf_source){
		.provider = { .scans = true,
			.find = find_type,
			.find_variable = find_variable,
			.find_enumerator = find_enumerator,
			.offer_names = offer_names,
			.each = each_type,
			.complete_type = dwarf_type_complete,
			.source_line = dwarf_source_line,
			.source_frames = dwarf_source_frames,
			.destroy = destroy },
		.db = db,
		.dw = file->dw,
		.file = *file,
		.cache = cache,
	};
	dwarf_cache_open(s);
	return s;
}

static struct err *open_dw(struct types *db, const struct dwarf_file *file,
	struct dwarf_cache *cache, const char *path, struct type_provider **ret, char **ret_state)
{
	/* What is in an alternate file is not the cached file's. */
	struct dwarf_source *s = create(db, file, file->alt ? NULL : cache);
	Dwarf *dw = s->dw;
	/* The main file's handle closes both. */
	if (file->alt)
		s->alt = create(db,
			&(struct dwarf_file){
				.dw = file->alt->dw, .borrowed = true, .inflated = -1, .fd = -1 },
			NULL);
	Dwarf_Half version = 0;
	Dwarf_Off next;
	size_t header;
	if (!dwarf_next_unit(dw, 0, &next, &header, &version, NULL, NULL, NULL, NULL, NULL))
		snprintf(s->label, sizeof(s->label), "DWARF %u", version);
	if (!s->unit.n) {
		destroy(&s->provider);
		return err_new(ERR_MISSING, "%s: its debug information has no units", path);
	}
	s->provider.name = s->label;
	*ret = &s->provider;
	const char *alternate;
	const void *id;
	bool lost = !s->alt && dwelf_dwarf_gnu_debugaltlink(dw, &alternate, &id) > 0;
	scoped_free char *mended =
		file->mended ? xasprintf("; %u had a damaged header", file->mended) : NULL;
	*ret_state = xasprintf("open, %zu compile units%s%s%s", s->unit.n, mended ? mended : "",
		lost ? "; its types are incomplete without " : "", lost ? alternate : "");
	return NULL;
}

struct err *dwarf_source_open(
	struct types *db, int fd, const char *path, struct type_provider **ret, char **ret_state)
{
	struct dwarf_file file;
	struct err *err = dwarf_file_open(fd, path, db->symbols_dir, &file);
	return err ? err : open_dw(db, &file, db->dwarf_cache, path, ret, ret_state);
}

struct err *dwarf_source_open_borrowed(
	struct types *db, Dwarf *dw, const char *path, struct type_provider **ret, char **ret_state)
{
	struct dwarf_file file;
	dwarf_file_borrow(dw, path, db->symbols_dir, &file);
	return open_dw(db, &file, NULL, path, ret, ret_state);
}

/* "DWARF 5", from the first unit's header; libdw would read all of them, which costs 30 to 200 ms
 * on a vmlinux. */
static void name_version(Elf *elf, Elf_Scn *scn, bool compressed, char *label, size_t label_bytes)
{
	Elf_Data *data = compressed ? NULL : elf_rawdata(scn, NULL);
	const char *ident = elf_getident(elf, NULL);
	struct abi abi = { .big_endian = ident && ident[EI_DATA] == ELFDATA2MSB };
	snprintf(label, label_bytes, "DWARF");
	if (!data || !data->d_buf || data->d_size < 14)
		return;
	/* a unit's length, 12 bytes in the 64-bit format, then its version */
	const uint8_t *p = data->d_buf;
	unsigned version = get_u16(&abi, p + (get_u32(&abi, p) == UINT32_MAX ? 12 : 4));
	if (version >= 2 && version <= 9)
		snprintf(label, label_bytes, "DWARF %u", version);
}

/* Which DWARF the ELF file has; false when it has none. */
static bool peek(int fd, char *label, size_t label_bytes)
{
	bool found = false;
	size_t names;
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	Elf_Scn *scn = elf && !elf_getshdrstrndx(elf, &names) ? elf_nextscn(elf, NULL) : NULL;
	for (; scn && !found; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr sh;
		const char *name =
			gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
		if (!name || sh.sh_type == SHT_NOBITS ||
			(strcmp(name, ".debug_info") && strcmp(name, ".zdebug_info")))
			continue;
		found = true;
		name_version(elf, scn, sh.sh_flags & SHF_COMPRESSED || name[1] == 'z', label,
			label_bytes);
	}
	if (elf)
		elf_end(elf);
	return found;
}

struct err *types_add_dwarf(struct types *db, int fd, const char *path)
{
	char label[16];
	if (!peek(fd, label, sizeof(label))) {
		types_provider_note(db, "DWARF", path, "the file has no .debug_info");
		return err_new(
			ERR_MISSING, "%s: no debug information: it has no .debug_info", path);
	}
	types_provider_wait(db, label, path, fd);
	if (db->dwarf_cache)
		dwarf_cache_set_file(db->dwarf_cache, fd);
	return NULL;
}
