/*
 * The list of providers behind a type database: their order, when each is opened, and what is said
 * of them. What they answer is types.c's business.
 */
#include <pthread.h>
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
		if (s->module || (!s->provider && !s->waits) || strstr(db->source, s->name))
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

void types_provider_wait_module(struct types *db, const char *name, struct types_module *m)
{
	insert(db, (struct provider_slot){ .name = xstrdup(name),
			   .origin = xstrdup(m->origin),
			   .state = xstrdup("not opened yet"),
			   .waits = true,
			   .scans = true,
			   .fd = -1,
			   .module = m });
}

/* One opening, done by its thread and read after that was joined. */
struct open_ahead {
	pthread_t thread;
	struct types *db;
	const char *origin;
	int fd;
	struct type_provider *provider;
	char *state;
	struct err *err;
};

static void *run_ahead(void *arg)
{
	struct open_ahead *a = arg;
	a->err = dwarf_source_open(a->db, a->fd, a->origin, &a->provider, &a->state);
	return NULL;
}

void types_open_ahead(struct types *db)
{
	struct provider_slot *s = db->slot.n ? &db->slot.v[0] : NULL;
	if (!s || !s->waits || s->ahead)
		return;
	struct open_ahead *a = xcalloc(1, sizeof(*a));
	*a = (struct open_ahead){ .db = db, .origin = s->origin, .fd = s->fd };
	if (pthread_create(&a->thread, NULL, run_ahead, a)) {
		free(a); /* no thread to be had: it is opened when it is asked */
		return;
	}
	s->ahead = a;
}

static struct err *open_module(struct types *db, struct provider_slot *s, char **ret_state)
{
	Dwarf *dw;
	struct err *err = s->module->open(s->module->cx, &dw);
	return err ? err : dwarf_source_open_borrowed(db, dw, s->origin, &s->provider, ret_state);
}

/* The opening's result, whichever thread it runs on. */
static struct err *finish_open(struct types *db, struct provider_slot *s, char **ret_state)
{
	struct open_ahead *a = s->ahead;
	if (s->module)
		return open_module(db, s, ret_state);
	if (!a)
		return dwarf_source_open(db, s->fd, s->origin, &s->provider, ret_state);
	pthread_join(a->thread, NULL);
	struct err *err = a->err;
	s->provider = a->provider;
	*ret_state = a->state;
	s->ahead = NULL;
	free(a);
	return err;
}

static void open_slot(struct types *db, struct provider_slot *s)
{
	char *state = NULL;
	s->waits = false;
	struct err *e = finish_open(db, s, &state);
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
		if (s->ahead)
			open_slot(db, s);
		types_cfi_close(s);
		if (s->provider)
			s->provider->destroy(s->provider);
		free(s->name);
		free(s->origin);
		free(s->state);
		free(s->module);
	}
	vec_deinit(&db->slot);
}

const char *types_source(const struct types *db)
{
	return db->source[0] ? db->source : NULL;
}

bool types_whole(const struct types *db)
{
	for (size_t i = 0; i < db->slot.n; i++) {
		const struct provider_slot *s = &db->slot.v[i];
		if (s->waits || (s->provider && (s->provider->complete || s->provider->scans)))
			return true;
	}
	/* A damaged BTF is not complete, but all there is. */
	return db->slot.n && strcmp(db->source, "VMCOREINFO") && db->source[0];
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
			.module = s->module != NULL,
		};
	}
	return db->slot.n;
}
