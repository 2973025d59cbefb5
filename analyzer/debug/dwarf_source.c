/*
 * The DWARF provider: opens the debug information of one ELF file through libdw and answers the
 * type database's questions from its units.
 */
#include <dwarf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/dwarf.h"

static struct err *find_type(struct type_provider *p, enum type_kind kind, const char *name,
	const char *hint, const struct type **ret)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
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
	unsigned mask = (unsigned)kind < ARRAY_SIZE(masks) ? masks[kind] : 0;
	if (!mask)
		return NULL; /* the other kinds have no names */
	Dwarf_Off off;
	Dwarf_Die die;
	struct err *e = dwarf_units_find(s, mask, name, hint, &off);
	if (!e && off && dwarf_offdie(s->dw, off - 1, &die)) {
		const struct type *t = dwarf_type_at(s, &die);
		if (t->kind == kind || kind == TYPE_VOID)
			*ret = t;
	}
	return e;
}

/* One type a name: the unit that was scanned first has it, as find_type() would answer. */
static struct err *each_type(
	struct type_provider *p, enum type_kind kind, types_each_fn each, void *cx)
{
	struct dwarf_source *s = (struct dwarf_source *)p;
	static const enum dwarf_name names[] = { [TYPE_STRUCT] = NAME_STRUCT,
		[TYPE_UNION] = NAME_UNION,
		[TYPE_ENUM] = NAME_ENUM,
		[TYPE_TYPEDEF] = NAME_TYPEDEF };
	const struct strmap *map = &s->name[names[kind]];
	struct err *e = dwarf_units_scan(s);
	for (size_t i = 0; !e && i < map->cap; i++) {
		Dwarf_Die die;
		Dwarf_Off off = map->slot[i].key ? (uintptr_t)map->slot[i].value : 0;
		if (!off || !dwarf_offdie(s->dw, off - 1, &die))
			continue;
		const struct type *t = dwarf_type_at(s, &die);
		e = interrupt_check();
		if (!e && t->kind == kind)
			e = each(cx, t);
	}
	return e;
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
	for (size_t i = 0; i < NNAMES; i++)
		strmap_deinit(&s->name[i]);
	strmap_deinit(&s->files);
	idmap_deinit(&s->type_of);
	vec_deinit(&s->unit);
	vec_deinit(&s->range);
	dwarf_end(s->dw);
	free(s);
}

struct err *dwarf_source_open(
	struct types *db, int fd, const char *path, struct type_provider **ret, char **ret_state)
{
	Dwarf *dw = dwarf_begin(fd, DWARF_C_READ);
	if (!dw)
		return err_new(ERR_MISSING, "%s: no debug information: %s", path, dwarf_errmsg(-1));
	struct dwarf_source *s = xcalloc(1, sizeof(*s));
	*s = (struct dwarf_source){
		.provider = { .scans = true,
			.find = find_type,
			.find_variable = find_variable,
			.each = each_type,
			.complete_type = dwarf_type_complete,
			.source_line = dwarf_source_line,
			.destroy = destroy },
		.db = db,
		.dw = dw,
	};
	Dwarf_Half version = 0;
	Dwarf_Off next;
	size_t header;
	if (!dwarf_next_unit(dw, 0, &next, &header, &version, NULL, NULL, NULL, NULL, NULL))
		snprintf(s->label, sizeof(s->label), "DWARF %u", version);
	dwarf_units_open(s);
	if (!s->unit.n) {
		destroy(&s->provider);
		return err_new(ERR_MISSING, "%s: its debug information has no units", path);
	}
	s->provider.name = s->label;
	*ret = &s->provider;
	*ret_state = xasprintf("open, %zu compile units", s->unit.n);
	return NULL;
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
	return NULL;
}
