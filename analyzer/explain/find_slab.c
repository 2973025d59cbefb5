/* Slab objects: cache, state, and the member of the structure that the cache is for. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/explain/explain_internal.h"
#include "analyzer/kernel/slab_object.h"
#include "analyzer/stack/bad_address.h"

/* Caches that are not named as their structure: kernel/fork.c, fs/, mm/, net/, 4.19 to 7.2. Others
 * are found by the name itself, with or without "_cache". */
static const struct {
	const char *cache, *type;
} cache_types[] = {
	{ "inode_cache", "inode" },
	{ "filp", "file" },
	{ "files_cache", "files_struct" },
	{ "fs_cache", "fs_struct" },
	{ "signal_cache", "signal_struct" },
	{ "sighand_cache", "sighand_struct" },
	{ "cred_jar", "cred" },
	{ "ext4_inode_cache", "ext4_inode_info" },
	{ "shmem_inode_cache", "shmem_inode_info" },
	{ "proc_inode_cache", "proc_inode" },
	{ "sock_inode_cache", "socket_alloc" },
	{ "kernfs_node_cache", "kernfs_node" },
	{ "radix_tree_node", "xa_node" },
	{ "skbuff_head_cache", "sk_buff" },
	{ "mnt_cache", "mount" },
	{ "bdev_cache", "bdev_inode" },
	{ "eventpoll_epi", "epitem" },
	{ "eventpoll_pwq", "eppoll_entry" },
	{ "proc_dir_entry", "proc_dir_entry" },
	{ "debug_objects_cache", "debug_obj" },
	{ "UNIX", "unix_sock" },
	{ "TCP", "tcp_sock" },
	{ "UDP", "udp_sock" },
};

static const char *type_name(const struct slab_cache *c, char *room, size_t n)
{
	static const char ending[] = "_cache";
	size_t len = strlen(c->name);
	for (size_t i = 0; i < ARRAY_SIZE(cache_types); i++)
		if (!strcmp(c->name, cache_types[i].cache))
			return cache_types[i].type;
	if (!strncmp(c->name, "kmalloc", 7))
		return NULL;
	snprintf(room, n, "%s", c->name);
	if (len > sizeof(ending) - 1 && !strcmp(c->name + len - (sizeof(ending) - 1), ending))
		room[len - (sizeof(ending) - 1)] = '\0';
	return room;
}

/* A structure that fills the objects: caches of one size are merged, and then the name is of
 * another. */
static const struct type *find_type(struct explain_cx *cx, const struct slab_cache *c)
{
	char room[sizeof(c->name)];
	const struct type *type;
	const char *name = type_name(c, room, sizeof(room));
	if (!name)
		return NULL;
	struct err *err = types_find(cx->t->types, TYPE_STRUCT, name, NULL, &type);
	if (!err)
		err = type_complete(cx->t->types, type);
	bool fits = !err && type->size && type->size <= c->object_size;
	err_drop(err); /* no such type: the cache's name says what there is */
	return fits ? type : NULL;
}

/* A name that no type has costs a search of all types: once for each cache. */
static const struct type *object_type(struct explain_cx *cx, const struct slab_cache *c)
{
	enum { TYPES_MAX = 4096 }; /* a crafted heap may have a cache for each object */
	struct explain_index *ix = cx->ix;
	for (size_t i = 0; i < ix->type.n; i++)
		if (ix->type.v[i].cache_va == c->va)
			return ix->type.v[i].type;
	struct indexed_type found = { c->va, find_type(cx, c) };
	if (ix->type.n < TYPES_MAX)
		vec_push(&ix->type, found);
	return found.type;
}

static const char *where_in(struct explain_cx *cx, const struct slab_object *o)
{
	if (o->offset < 0)
		return ", in the redzone before it";
	if ((uint64_t)o->offset >= o->cache.object_size)
		return arena_printf(cx->a, ", 0x%" PRIx64 " behind its end",
			(uint64_t)o->offset - o->cache.object_size);
	return "";
}

struct err *explain_find_slab(struct explain_cx *cx)
{
	struct slab_object o;
	scoped_strbuf struct strbuf member = { 0 };
	if (!cx->has_va || !cx->has_pa || cx->is_user)
		return NULL;
	if (cx->quick && !slab_object_try_find(cx->t, cx->va, &o))
		return NULL;
	struct err *err = cx->quick ? NULL : slab_object_find(cx->t, cx->va, &o);
	if (err && err->code == ERR_NOT_FOUND) {
		err_drop(err); /* no slab's page */
		return NULL;
	}
	if (err)
		return explain_trouble(cx, "slab objects", err);
	const struct type *type = object_type(cx, &o.cache);
	if (type && o.offset >= 0 && (uint64_t)o.offset < type->size)
		bad_address_member(cx->t->types, type, (uint64_t)o.offset, &member);
	const char *state =
		o.broken ? "state not sure, its free list is damaged" : slab_state_name(o.state);
	struct explain_row *r = explain_add(cx, EXPLAIN_SLAB, "%s%s%s%s%s, %s%s", o.cache.name,
		explain_plus(cx, o.offset), member.len ? " (" : "", strbuf_text(&member),
		member.len ? ")" : "", state, where_in(cx, &o));
	r->name = arena_strdup(cx->a, o.cache.name);
	r->type = type ? arena_printf(cx->a, "struct %s", type->name) : NULL;
	r->member = member.len ? arena_strdup(cx->a, strbuf_text(&member)) : NULL;
	r->state = slab_state_name(o.state);
	r->is_stale = o.state != SLAB_ALLOCATED;
	r->object_va = o.slab.va;
	explain_range(cx, r, o.va, o.cache.object_size);
	return NULL;
}
