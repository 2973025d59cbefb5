/* mm/slub.c, 4.19 to 7.2: the slab's list, the lists that CPUs took, sheaves;
 * mm/kasan/quarantine.c. */
#include "analyzer/kernel/slab_where.h"

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

struct collecting {
	struct slab_where *ret;
	unsigned n;
};

static void add(struct collecting *c, struct slab_where w)
{
	if (c->n < SLAB_WHERE_MAX)
		c->ret[c->n++] = w;
}

static bool on_list(struct target *t, const struct slab_object *o, enum slab_code code,
	uint64_t head, const struct slab_contents *contents, uint8_t *state)
{
	memset(state, 0, o->slab.objects);
	slab_freelist_mark(t, &o->cache, &o->slab, code, head, contents->bytes, state, 1);
	return state[o->index];
}

struct err *slab_where_read(struct target *t, const struct slab_object *o,
	struct slab_where ret[SLAB_WHERE_MAX], unsigned *ret_n)
{
	scoped_slab_held struct slab_held held = { 0 };
	scoped_slab_contents struct slab_contents contents = { 0 };
	scoped_err struct err *damage = NULL;
	struct collecting c = { .ret = ret };
	enum slab_code code;
	unsigned proved;
	struct err *err = slab_code_get(t, &code, &proved);
	if (!err)
		err = slab_held_read(t, &o->cache, &held, &damage);
	if (!err)
		err = slab_contents_read(t, &o->cache, &held, code, &o->slab, &contents);
	if (err)
		return err;
	scoped_free uint8_t *state = xcalloc(1, o->slab.objects);
	if (on_list(t, o, code, o->slab.freelist, &contents, state))
		add(&c, (struct slab_where){ .state = SLAB_FREE });
	for (uint32_t i = 0; i < held.ncpus; i++)
		if (held.cpu[i].slab_va == o->slab.va &&
			on_list(t, o, code, held.cpu[i].freelist, &contents, state))
			add(&c, (struct slab_where){ .state = SLAB_FREE_CPU, .owner = i });
	size_t i = slab_held_sheaved(&held, o->va);
	for (; i < held.nsheaved && held.sheaved[i].va == o->va; i++)
		add(&c, (struct slab_where){ .state = SLAB_FREE_SHEAF,
				.owner = held.sheaved[i].owner,
				.sheaf_kind = held.sheaved[i].kind,
				.sheaf_va = held.sheaved[i].sheaf_va });
	const struct slab_quarantine *q = held.quarantine;
	for (i = slab_quarantine_from(q, o->va); i < q->n && q->va[i] == o->va; i++)
		add(&c, (struct slab_where){ .state = SLAB_FREE_QUARANTINE });
	*ret_n = c.n;
	return NULL;
}

void slab_where_format(const struct slab_where *w, struct strbuf *out)
{
	if (w->state == SLAB_FREE)
		strbuf_add(out, "on its slab's free list");
	else if (w->state == SLAB_FREE_CPU)
		strbuf_addf(out, "on the list that CPU %u took off its slab", w->owner);
	else if (w->state == SLAB_FREE_QUARANTINE)
		strbuf_add(out, "in KASAN's quarantine");
	else if (w->sheaf_kind == SLAB_SHEAF_LOOSE)
		strbuf_addf(out, "in a sheaf (0x%llx) that waits for RCU or was filled in advance",
			(unsigned long long)w->sheaf_va);
	else if (w->sheaf_kind == SLAB_SHEAF_BARN)
		strbuf_addf(out, "in a sheaf (0x%llx) of node %u's barn",
			(unsigned long long)w->sheaf_va, w->owner);
	else
		strbuf_addf(out, "in CPU %u's %s (0x%llx)", w->owner,
			slab_sheaf_name(w->sheaf_kind), (unsigned long long)w->sheaf_va);
}
