/* What higher layers keep with a target. Knows nothing of what it is. */
#include "analyzer/target/private.h"

void *target_kept(const struct target *t, const void *key)
{
	for (size_t i = 0; i < t->priv->kept.n; i++)
		if (t->priv->kept.v[i].key == key)
			return t->priv->kept.v[i].what;
	return NULL;
}

void target_keep(struct target *t, const void *key, void *what, void (*destroy)(void *what))
{
	vec_push(&t->priv->kept, ((struct kept){ key, what, destroy }));
}

void target_drop_kept(struct target *t)
{
	while (t->priv->kept.n) {
		struct kept *k = &t->priv->kept.v[--t->priv->kept.n];
		k->destroy(k->what);
	}
	vec_deinit(&t->priv->kept);
}
