/*
 * The list of providers behind a type database: their order, when each is opened, and what is said
 * of them. What they answer is types.c's business.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/xalloc.h"
#include "analyzer/debug/types_internal.h"

/* "BTF + DWARF 5": each name once, of what is usable. */
static void describe(struct types *db)
{
	size_t n = 0;
	db->source[0] = '\0';
	for (size_t i = 0; i < db->slot.n; i++) {
		const struct provider_slot *s = &db->slot.v[i];
		if ((!s->provider && !s->waits) || strstr(db->source, s->name))
			continue;
		int added = snprintf(
			db->source + n, sizeof(db->source) - n, "%s%s", n ? " + " : "", s->name);
		n += added > 0 && (size_t)added < sizeof(db->source) - n ? (size_t)added : 0;
	}
}

/* Fast ones stand before those that scan, each group in the order of adding. */
static void insert(struct types *db, struct provider_slot slot)
{
	vec_push(&db->slot, slot);
	size_t at = db->slot.n - 1;
	for (; at && !slot.scans && db->slot.v[at - 1].scans; at--)
		db->slot.v[at] = db->slot.v[at - 1];
	db->slot.v[at] = slot;
	describe(db);
}

void types_provider_add(struct types *db, struct type_provider *p, const char *origin, char *state)
{
	insert(db, (struct provider_slot){ .name = xstrdup(p->name),
			   .origin = xstrdup(origin),
			   .state = state,
			   .provider = p,
			   .scans = p->scans });
}

void types_provider_note(struct types *db, const char *name, const char *origin, const char *why)
{
	insert(db, (struct provider_slot){ .name = xstrdup(name),
			   .origin = xstrdup(origin),
			   .state = xasprintf("not usable: %s", why) });
}

void types_provider_wait(struct types *db, const char *name, const char *origin, int fd)
{
	insert(db, (struct provider_slot){ .name = xstrdup(name),
			   .origin = xstrdup(origin),
			   .state = xstrdup("not opened yet"),
			   .waits = true,
			   .scans = true,
			   .fd = fd });
}

static void open_slot(struct types *db, struct provider_slot *s)
{
	char *state = NULL;
	s->waits = false;
	struct err *e = dwarf_source_open(db, s->fd, s->origin, &s->provider, &state);
	if (e) {
		state = xasprintf("not usable: %s", e->msg);
		err_drop(e); /* kept in words: the other providers and what needs no types go on */
	} else {
		free(s->name);
		s->name = xstrdup(s->provider->name);
	}
	free(s->state);
	s->state = state;
	describe(db);
}

struct type_provider *types_provider_at(struct types *db, size_t i)
{
	struct provider_slot *s = &db->slot.v[i];
	if (s->waits)
		open_slot(db, s);
	return s->provider;
}

void types_providers_deinit(struct types *db)
{
	/* Backwards: a module's BTF leans on the one before it. */
	for (size_t i = db->slot.n; i--;) {
		struct provider_slot *s = &db->slot.v[i];
		if (s->provider)
			s->provider->destroy(s->provider);
		free(s->name);
		free(s->origin);
		free(s->state);
	}
	vec_deinit(&db->slot);
}

const char *types_source(const struct types *db)
{
	return db->source[0] ? db->source : NULL;
}

size_t types_providers(const struct types *db, struct types_provider_info *out, size_t max)
{
	for (size_t i = 0; i < db->slot.n && i < max; i++) {
		const struct provider_slot *s = &db->slot.v[i];
		out[i] = (struct types_provider_info){
			.name = s->name,
			.origin = s->origin,
			.state = s->state,
			.usable = s->provider || s->waits,
		};
	}
	return db->slot.n;
}
