/* slub check: findings in words. */
#include <inttypes.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/slab_check.h"
#include "analyzer/shell/slub_rows.h"

static const struct column check_columns[] = { { "cache", .width = 24 },
	{ "slab", .width = WIDTH_ADDRESS }, { "object", .width = WIDTH_ADDRESS },
	{ "kind", .hidden = true }, { "first", .hidden = true }, { "last", .hidden = true },
	{ "finding" }, { 0 } };
const struct table slub_check_table = { .layout = LAYOUT_TABLE, .columns = check_columns };

static void describe_damage(struct cx *cx, const struct slab_finding *f)
{
	const struct slab_damage *d = &f->damage;
	const char *whose = f->kind == SLAB_FINDING_TAIL       ? "behind the last object"
			    : f->state == SLAB_ALLOCATED       ? "of an allocated object"
			    : f->state == SLAB_FREE_QUARANTINE ? "of an object in quarantine"
							       : "of a free object";
	out_int(cx->out, "first", d->first);
	out_int(cx->out, "last", d->last);
	out_strf(cx->out, "finding",
		"%s %s: bytes %" PRId64 " to %" PRId64 ", expected 0x%02x, found 0x%02x", d->what,
		whose, d->first, d->last, d->expected, d->found);
}

static void describe_list(struct cx *cx, const struct slab_finding *f)
{
	const struct slab_chain *c = &f->chain;
	const char *how = c->end == SLAB_CHAIN_TWICE ? "has an object twice" : "leads astray";
	if (c->link_va)
		out_strf(cx->out, "finding",
			"the free list %s: 0x%" PRIx64 ", which stands at 0x%" PRIx64, how, c->link,
			c->link_va);
	else
		out_strf(cx->out, "finding", "the free list %s: its head is 0x%" PRIx64, how,
			c->link);
}

static void describe(struct cx *cx, const struct slab_finding *f)
{
	switch (f->kind) {
	case SLAB_FINDING_GIVEN_UP:
		out_str(cx->out, "finding",
			"the kernel found damage here and gave the slab up: all counted as in use");
		break;
	case SLAB_FINDING_CHAIN:
		describe_list(cx, f);
		break;
	case SLAB_FINDING_LENGTH:
		out_strf(cx->out, "finding",
			"the free list is not as long as the counter says: %" PRIu64
			" free, counted %" PRIu64,
			f->found, f->said);
		break;
	case SLAB_FINDING_DAMAGE:
	case SLAB_FINDING_TAIL:
		describe_damage(cx, f);
		break;
	case SLAB_FINDING_POINTER:
		out_strf(cx->out, "finding",
			"the free pointer behind it leads to 0x%" PRIx64 ", which is no "
			"object of the slab",
			f->found);
		break;
	case SLAB_FINDING_TWICE:
		out_strf(cx->out, "finding",
			"free in two places at once (%s): freed twice? slub obj tells "
			"where",
			slab_state_name(f->state));
		break;
	case SLAB_FINDING_STRAY:
		out_strf(cx->out, "finding",
			"the sheaf 0x%" PRIx64 " holds it, but it is no object of this cache",
			f->found);
		break;
	case SLAB_FINDING_COUNT:
		out_strf(cx->out, "finding", "node %u: %s is %" PRIu64 ", but there are %" PRIu64,
			f->node, f->what, f->said, f->found);
		break;
	case SLAB_FINDING_LIST:
		out_strf(cx->out, "finding", "node %u: the list of %s slabs breaks off: %s",
			f->node, f->what, f->error);
		break;
	case SLAB_FINDING_UNLISTED:
		out_strf(cx->out, "finding",
			"%" PRIu64 " slabs of a cache (0x%" PRIx64 ") that is not on the list "
			"slab_caches%s%s",
			f->found, f->cache->va, f->error ? ": " : "", f->error ? f->error : "");
		break;
	}
}

static struct err *show(void *to, const struct slab_finding *f)
{
	static const char *const kind[] = { "given-up", "list", "length", "damage", "slab-padding",
		"free-pointer", "twice", "stray", "count", "node-list", "unlisted" };
	struct cx *cx = to;
	out_row(cx->out);
	out_str(cx->out, "cache", *f->cache->name ? f->cache->name : "?");
	if (f->slab_va)
		out_addr(cx->out, "slab", f->slab_va);
	if (f->object_va)
		out_addr(cx->out, "object", f->object_va);
	out_str(cx->out, "kind", kind[f->kind]);
	describe(cx, f);
	return NULL;
}

static void complain(void *to, struct err *err)
{
	struct cx *cx = to;
	out_complain(cx->out, err);
}

struct err *slub_show_check(struct cx *cx, const char *cache)
{
	scoped_slab_heap struct slab_heap h = { 0 };
	struct err *err = slab_heap_read(cx->target, &h);
	bool any = false;
	uint64_t objects = 0;
	if (err)
		return err;
	out_table(cx->out, &slub_check_table);
	for (size_t i = 0; !err && i < h.ncaches; i++) {
		if (cache && strcmp(h.cache[i].name, cache) != 0)
			continue;
		any = true;
		err = slab_check_cache(&h, &h.cache[i], show, complain, cx, &objects);
	}
	if (!err && cache && !any)
		err = err_new(ERR_NOT_FOUND, "no cache is called %s: slub lists them", cache);
	if (!err && !cache)
		err = slab_check_unlisted(&h, show, cx);
	if (!err && h.damage)
		out_complain(cx->out, take_ptr(h.damage));
	out_nothing(cx->out, "no damage in %" PRIu64 " objects%s%s", objects, cache ? " of " : "",
		cache ? cache : "");
	return err;
}
