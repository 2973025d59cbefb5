/* slub owners: the stacks that hold most of the slab heap. */
#include "analyzer/base/scope.h"
#include "analyzer/kernel/slab_owner.h"
#include "analyzer/kernel/stack_depot.h"
#include "analyzer/shell/slub_rows.h"
#include "analyzer/shell/stack_rows.h"

static const struct column owner_columns[] = { { "bytes" }, { "objects" }, { "cache" },
	{ "caches", .hidden = true }, { "oldest" }, { "newest" },
	{ "oldest_object", .title = "OLDEST OBJECT" }, { "pid" }, { "handle", .hidden = true },
	{ "caller", .list = &stack_rows_table }, { "frames", .list = &stack_rows_table },
	{ "note" }, { 0 } };
const struct table slub_owner_table = { .layout = LAYOUT_HEADLINE, .columns = owner_columns };

static void show_frames(struct cx *cx, const struct slab_owner *o)
{
	uint64_t pc[STACK_DEPOT_FRAMES_MAX];
	const uint64_t *frame = o->pc;
	size_t n = o->nframes;
	bool in_stack = !o->caller;
	if (o->handle) {
		struct err *err =
			stack_depot_fetch(cx->target, o->handle, pc, STACK_DEPOT_FRAMES_MAX, &n);
		if (err) {
			out_complain(cx->out, err);
			n = 0;
		}
		frame = pc;
	}
	/* on arm saved frames may begin above the caller */
	for (size_t i = 0; i < n; i++)
		in_stack |= frame[i] == o->caller;
	if (!in_stack)
		stack_rows_show(cx, "caller", &o->caller, 1);
	stack_rows_show(cx, "frames", frame, n);
}

static void show_owner(struct cx *cx, const struct slab_owner *o)
{
	out_row(cx->out);
	out_bytes(cx->out, "bytes", o->bytes);
	out_uint(cx->out, "objects", o->objects);
	if (o->ncaches > 1)
		out_strf(cx->out, "cache", "%s and %u more", o->cache->name, o->ncaches - 1);
	else
		out_str(cx->out, "cache", o->cache->name);
	out_uint(cx->out, "caches", o->ncaches);
	if (o->has_age) {
		out_seconds(cx->out, "oldest", o->oldest_ns);
		out_seconds(cx->out, "newest", o->newest_ns);
		out_addr(cx->out, "oldest_object", o->oldest_va);
	}
	out_uint(cx->out, "pid", o->pid);
	if (o->handle)
		out_hex(cx->out, "handle", o->handle);
	show_frames(cx, o);
}

static const struct slab_cache *cache_of(const struct slab_heap *h, const char *name)
{
	for (size_t i = 0; name && i < h->ncaches; i++)
		if (!strcmp(h->cache[i].name, name))
			return &h->cache[i];
	return NULL;
}

struct err *slub_show_owners(struct cx *cx, const char *name, uint64_t most)
{
	scoped_slab_heap struct slab_heap h = { 0 };
	scoped_slab_owners struct slab_owners all = { 0 };
	struct err *err = slab_heap_read(cx->target, &h);
	const struct slab_cache *only = err ? NULL : cache_of(&h, name);
	if (!err && name && !only)
		err = err_new(ERR_NOT_FOUND, "no cache is called %s: slub lists them", name);
	if (!err)
		err = slab_owners_read(&h, only, &all);
	if (err)
		return err;
	if (!all.n)
		return err_new(ERR_MISSING, "%s keeps no tracks: slub_debug=U and generic KASAN do",
			only ? only->name : "this kernel");
	out_table(cx->out, &slub_owner_table);
	for (size_t i = 0; i < all.n && i < most; i++)
		show_owner(cx, &all.owner[i]);
	if (all.unknown_objects) {
		out_row(cx->out);
		out_bytes(cx->out, "bytes", all.unknown_bytes);
		out_uint(cx->out, "objects", all.unknown_objects);
		out_strf(cx->out, "note", "nobody knows who: no track (%u caches keep none)",
			all.silent);
	}
	return NULL;
}
