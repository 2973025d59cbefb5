/*
 * The type database: looking types up, completing them, and finding members by path. Where types
 * come from is the provider's business.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/xalloc.h"
#include "analyzer/debug/dwarf.h"
#include "analyzer/debug/known_globals.h"
#include "analyzer/debug/lines.h"
#include "analyzer/debug/types_internal.h"

struct types *types_create(const struct abi *abi)
{
	struct types *db = xcalloc(1, sizeof(*db));
	db->abi = *abi;
	db->void_type = types_intern(db, &(struct type){ .kind = TYPE_VOID, .complete = true }, 0);
	return db;
}

void types_destroy(struct types *db)
{
	if (!db)
		return;
	types_providers_deinit(db);
	dwarf_cache_destroy(db->dwarf_cache);
	types_modules_deinit(db);
	for (size_t i = 0; i < 3; i++)
		strmap_deinit(&db->tag[i]);
	free(db->interned);
	idmap_deinit(&db->places);
	arena_deinit(&db->arena);
	free(db);
}

const struct abi *types_abi(const struct types *db)
{
	return &db->abi;
}

static struct err *not_found(const struct types *db, enum type_kind kind, const char *name)
{
	if (!types_source(db)) {
		const struct provider_slot *s = db->slot.n ? &db->slot.v[db->slot.n - 1] : NULL;
		return err_new(ERR_MISSING, "no debug information to find %s in%s%s%s%s", name,
			s ? "; " : "", s ? s->name : "", s ? " is " : "", s ? s->state : "");
	}
	bool tag = kind == TYPE_STRUCT || kind == TYPE_UNION || kind == TYPE_ENUM;
	return err_new(ERR_NOT_FOUND, "no type %s%s%s", tag ? type_kind_word(kind) : "",
		tag ? " " : "", name);
}

enum search_depth { SEARCH_QUICK, SEARCH_ALL };

/* The first provider that has it answers, unless it has several and a hint can decide. With
 * SEARCH_QUICK no scan follows where a complete provider said no. */
static struct err *search(struct types *db, enum type_kind kind, const char *name, const char *hint,
	enum search_depth depth, const struct type **ret)
{
	const struct type *t = NULL;
	bool complete = false;
	for (size_t i = 0; i < db->slot.n; i++) {
		const struct provider_slot *s = &db->slot.v[i];
		if (t && !hint)
			break;
		if (types_slot_hidden(db, i) ||
			(complete && depth == SEARCH_QUICK && s->scans && !s->module))
			continue;
		struct type_provider *p = types_provider_at(db, i);
		const struct type *found = NULL;
		struct err *e = p ? p->find(p, kind, name, hint, &found) : NULL;
		if (e)
			return e;
		t = found ? found : t;
		if (found && (!hint || !p->ambiguous || !p->ambiguous(p, kind, name)))
			break;
		complete |= p && p->complete && !found;
	}
	if (!t)
		return not_found(db, kind, name);
	*ret = t;
	return NULL;
}

struct err *types_find(struct types *db, enum type_kind kind, const char *name, const char *hint,
	const struct type **ret)
{
	return search(db, kind, name, hint, SEARCH_QUICK, ret);
}

struct err *types_find_any(
	struct types *db, const char *name, const char *hint, const struct type **ret)
{
	return search(db, TYPE_VOID, name, hint, SEARCH_QUICK, ret);
}

struct err *types_search(
	struct types *db, enum type_kind kind, const char *name, const struct type **ret)
{
	return search(db, kind, name, NULL, SEARCH_ALL, ret);
}

/* The first provider that has it answers; no scan follows where a complete one said no. */
struct err *types_find_enumerator(struct types *db, const char *name, const struct type **ret)
{
	bool complete = false;
	for (size_t i = 0; i < db->slot.n; i++) {
		const struct provider_slot *s = &db->slot.v[i];
		if (types_slot_hidden(db, i) || (complete && s->scans && !s->module))
			continue;
		struct type_provider *p = types_provider_at(db, i);
		if (!p || !p->find_enumerator)
			continue;
		struct err *e = p->find_enumerator(p, name, ret);
		if (!e || e->code != ERR_NOT_FOUND)
			return e;
		err_drop(e); /* the next one may have it */
		complete |= p->complete;
	}
	return err_new(types_source(db) ? ERR_NOT_FOUND : ERR_MISSING, "no enumerator %s", name);
}

struct module_each {
	struct types *db;
	size_t slot; /* the module's */
	types_each_fn each;
	void *cx;
};

/* Modules repeat what the kernel's headers declare: only a name that none before has counts. */
static struct err *each_of_module(void *cx, const struct type *t)
{
	const struct module_each *m = cx;
	bool complete = false;
	for (size_t i = 0; i < m->slot; i++) {
		const struct provider_slot *s = &m->db->slot.v[i];
		if (types_slot_hidden(m->db, i) || (complete && s->scans && !s->module))
			continue;
		struct type_provider *p = types_provider_at(m->db, i);
		const struct type *found = NULL;
		struct err *e = p ? p->find(p, t->kind, t->name, NULL, &found) : NULL;
		if (e || found)
			return e;
		complete |= p && p->complete;
	}
	return m->each(m->cx, t);
}

struct err *types_each(struct types *db, enum type_kind kind, types_each_fn each, void *cx)
{
	struct module_each in_module = { .db = db, .each = each, .cx = cx };
	bool complete = false;
	struct err *e = NULL;
	if (!types_source(db))
		return err_new(ERR_MISSING, "there are no types to look through");
	for (size_t i = 0; !e && i < db->slot.n; i++) {
		const struct provider_slot *s = &db->slot.v[i];
		bool module = s->module;
		if (types_slot_hidden(db, i) || (complete && s->scans && !module))
			continue;
		struct type_provider *p = types_provider_at(db, i);
		in_module.slot = i;
		if (p && p->each)
			e = module ? p->each(p, kind, each_of_module, &in_module)
				   : p->each(p, kind, each, cx);
		complete |= p && p->complete && !module;
	}
	return e;
}

struct err *types_each_percpu(struct types *db, types_percpu_fn each, void *cx)
{
	for (size_t i = 0; i < db->slot.n; i++) {
		struct type_provider *p = db->slot.v[i].provider; /* none is opened for this */
		if (p && p->each_percpu && !db->slot.v[i].module)
			return p->each_percpu(p, each, cx);
	}
	return NULL;
}

void types_offer_names(struct types *db, enum type_kind kind, struct near_names *near)
{
	for (size_t i = 0; i < db->slot.n; i++) {
		struct type_provider *p = db->slot.v[i].provider; /* none is opened for this */
		if (p && p->offer_names)
			p->offer_names(p, kind, near);
	}
}

struct err *types_find_variable(
	struct types *db, const char *name, const char *hint, const struct type **ret)
{
	const struct type *t = NULL;
	for (size_t i = 0; i < db->slot.n && !t; i++) {
		if (types_slot_hidden(db, i))
			continue;
		struct type_provider *p = types_provider_at(db, i);
		struct err *e = p ? p->find_variable(p, name, hint, &t) : NULL;
		if (e)
			return e;
	}
	if (!t)
		t = known_global_type(db, name);
	if (!t)
		return err_new(types_source(db) ? ERR_NOT_FOUND : ERR_MISSING,
			"no debug information for a variable %s", name);
	*ret = t;
	return NULL;
}

bool types_source_line(struct types *db, uint64_t link_va, const char **ret_file, int *ret_line)
{
	for (size_t i = 0; i < db->slot.n; i++) {
		if (!types_slot_covers(db, i, link_va))
			continue;
		struct type_provider *p = types_provider_at(db, i);
		if (p && p->source_line && p->source_line(p, link_va, ret_file, ret_line))
			return true;
	}
	if (!db->modules.load)
		return false;
	types_modules_load(db);
	return types_source_line(db, link_va, ret_file, ret_line);
}

static size_t find_source_frames(
	struct types *db, uint64_t link_va, uint64_t start, struct source_frame *out)
{
	for (size_t i = 0; i < db->slot.n; i++) {
		if (!types_slot_covers(db, i, link_va))
			continue;
		struct type_provider *p = types_provider_at(db, i);
		size_t n = p && p->source_frames ? p->source_frames(p, link_va, start, out) : 0;
		if (n)
			return n;
	}
	if (!db->modules.load)
		return 0;
	types_modules_load(db);
	return find_source_frames(db, link_va, start, out);
}

/* Thousands of stacks stand at the same few places, and reading DWARF takes its time. */
struct source_place {
	uint64_t start;
	size_t n;
	struct source_frame frame[];
};

size_t types_source_frames(
	struct types *db, uint64_t link_va, uint64_t start, struct source_frame *out)
{
	enum { PLACES_MAX = 1 << 16 };
	struct source_place *place = link_va ? idmap_get(&db->places, link_va) : NULL;
	if (place && place->start == start) {
		memcpy(out, place->frame, place->n * sizeof(*out));
		return place->n;
	}
	size_t n = find_source_frames(db, link_va, start, out);
	/* What is not known may be known once more debug information is open. */
	if (!n || !link_va || place || db->places.n >= PLACES_MAX)
		return n;
	place = arena_alloc(&db->arena, sizeof(*place) + n * sizeof(*out));
	place->start = start;
	place->n = n;
	memcpy(place->frame, out, n * sizeof(*out));
	idmap_set(&db->places, link_va, place);
	return n;
}

struct err *type_complete(struct types *db, const struct type *t)
{
	if (t->complete)
		return NULL;
	struct type *own = (struct type *)t;
	struct type_node *node = (struct type_node *)own;
	if (t->declaration) {
		/* Finding a definition of this name turns the declaration itself into it. */
		const struct type *found;
		struct err *e = t->name ? types_find(db, t->kind, t->name, NULL, &found)
					: err_new(ERR_MISSING, "an anonymous type without a body");
		if (e)
			return err_wrap(e, "%s %s is only declared", type_kind_word(t->kind),
				t->name ? t->name : "{...}");
		if (t->declaration)
			return err_new(ERR_MISSING, "%s %s is only declared",
				type_kind_word(t->kind), t->name);
		if (t->complete)
			return NULL;
	}
	if (!node->provider || node->completing)
		return err_new(
			ERR_FORMAT, "the members of %s cannot be read", t->name ? t->name : "?");
	node->completing = true;
	struct err *e = node->provider->complete_type(node->provider, own);
	node->completing = false;
	if (!e)
		own->complete = true;
	return e;
}

const struct type *type_strip(const struct type *t)
{
	for (unsigned i = 0; i < TYPE_MAX_DEPTH && t->target; i++) {
		if (t->kind != TYPE_TYPEDEF && t->kind != TYPE_QUALIFIED)
			break;
		t = t->target;
	}
	return t;
}

/* ---- members by path ----------------------------------------------- */

/* Looks for @name among the members of @t and, through anonymous ones, below them. @budget ends
 * what a struct that contains itself would make endless. */
static struct err *find_member(struct types *db, const struct type *t, const char *name, size_t len,
	unsigned *budget, struct field_ref *io, bool *ret_found)
{
	struct err *e = type_complete(db, t);
	if (e)
		return e;
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->member[i];
		if (!m->name || *m->name != *name || strncmp(m->name, name, len) || m->name[len])
			continue;
		*io = (struct field_ref){ m->type, io->bit_offset + m->bit_offset, m->bit_size };
		*ret_found = true;
		return NULL;
	}
	for (uint32_t i = 0; i < t->nmembers && *budget; i++) {
		const struct type_member *m = &t->member[i];
		const struct type *inner = m->name ? NULL : type_strip(m->type);
		if (!inner || (inner->kind != TYPE_STRUCT && inner->kind != TYPE_UNION))
			continue;
		struct field_ref at = { inner, io->bit_offset + m->bit_offset, 0 };
		--*budget;
		e = find_member(db, inner, name, len, budget, &at, ret_found);
		if (e || *ret_found) {
			*io = at;
			return e;
		}
	}
	return NULL;
}

static struct err *step_member(struct types *db, const char **io_path, struct field_ref *io)
{
	const char *name = *io_path;
	size_t len = 0;
	while (isalnum((unsigned char)name[len]) || name[len] == '_' || name[len] == '$')
		len++;
	if (!len)
		return err_new(ERR_USAGE, "a member's name is missing at \"%s\"", name);
	const struct type *t = type_strip(io->type);
	if (io->bit_size || (t->kind != TYPE_STRUCT && t->kind != TYPE_UNION)) {
		scoped_strbuf struct strbuf b = { 0 };
		type_declare(io->type, NULL, &b);
		return err_new(ERR_USAGE, "%s has no members, so no %.*s", strbuf_text(&b),
			(int)len, name);
	}
	bool found = false;
	unsigned budget = 4096;
	struct err *e = find_member(db, t, name, len, &budget, io, &found);
	if (!e && !found)
		e = err_new(ERR_NOT_FOUND, "%s %s has no member %.*s", type_kind_word(t->kind),
			t->name ? t->name : "{...}", (int)len, name);
	*io_path = name + len;
	return e;
}

static struct err *step_index(const char **io_path, struct field_ref *io)
{
	char *end;
	unsigned long long i = strtoull(*io_path + 1, &end, 0);
	if (end == *io_path + 1 || *end != ']')
		return err_new(ERR_USAGE, "\"%s\" is no array index", *io_path);
	const struct type *t = type_strip(io->type);
	if (io->bit_size || t->kind != TYPE_ARRAY)
		return err_new(ERR_USAGE, "an index on what is no array, at \"%s\"", *io_path);
	uint64_t bits;
	if ((t->count && i >= t->count) || __builtin_mul_overflow(t->target->size * 8, i, &bits) ||
		__builtin_add_overflow(io->bit_offset, bits, &io->bit_offset))
		return err_new(ERR_USAGE, "index %llu is beyond the array's %llu elements", i,
			(unsigned long long)t->count);
	io->type = t->target;
	*io_path = end + 1;
	return NULL;
}

struct err *type_field(
	struct types *db, const struct type *t, const char *path, struct field_ref *ret)
{
	struct field_ref at = { .type = t };
	for (const char *p = path; *p || p == path;) {
		if (*p == '.' && p != path)
			p++;
		struct err *e = *p == '[' ? step_index(&p, &at) : step_member(db, &p, &at);
		if (e)
			return e;
	}
	*ret = at;
	return NULL;
}
