/* Collecting claims, and what can be said about them without an architecture's help. */
#include "analyzer/target/claims.h"

#include "analyzer/base/scope.h"
#include "analyzer/target/private.h"

struct err *claims_add(struct claims *c, const struct kernel_claim *says)
{
	if (!says->text_pa)
		return err_new(ERR_USAGE, "a claim without text_pa cannot be proved");
	if (c->v.n >= CLAIMS_MAX)
		return err_new(ERR_LIMIT, "more than %d claims", CLAIMS_MAX);
	vec_push(&c->v, ((struct claim){ c->finder, *says }));
	return NULL;
}

struct err *claims_collect(struct target *t, const struct foreign_finder *finders, size_t n)
{
	struct claims *c = &t->priv->claims;
	c->v.n = 0;
	for (size_t i = 0; i < n; i++) {
		size_t before = c->v.n;
		c->finder = finders[i].name;
		struct err *err = finders[i].find(finders[i].cx, t, c);
		if (err && err->code == ERR_INTERRUPTED)
			return err;
		if (err || c->v.n == before)
			attempts_add(&t->priv->attempts, c->finder, ATTEMPT_NOTHING, NULL, "%s",
				err ? err->msg : "");
		err_drop(err); /* said; other finders may do */
	}
	return NULL;
}

void claims_deinit(struct claims *c)
{
	vec_deinit(&c->v);
}

bool claim_voffset(const struct target *t, const struct claim *c, uint64_t *ret)
{
	struct symbol s = { .va = c->says.text_va };
	if (!s.va && !symtab_find_kernel(t->syms, "_text", &s))
		return false; /* _stext is at no fixed distance from it */
	*ret = s.va - c->says.text_pa;
	return true;
}

void claims_check_root(struct target *t, const struct arch_layout *l)
{
	const struct claims *c = &t->priv->claims;
	for (size_t i = 0; i < c->v.n; i++) {
		uint64_t root = c->v.v[i].says.root_pa;
		if (root)
			attempts_add(&t->priv->attempts, c->v.v[i].finder,
				root == l->pgd.v ? ATTEMPT_PROVED : ATTEMPT_REFUTED,
				root == l->pgd.v ? "it maps the image"
						 : "another table maps the image",
				"page table at physical 0x%" PRIx64, root);
	}
}
