/* Overrides against what memory proved: a wrong one is said, and ignored unless --force. */
#ifndef ANALYZER_TARGET_OVERRIDE_CHECK_H
#define ANALYZER_TARGET_OVERRIDE_CHECK_H

#include "analyzer/target/target.h"

/* After the finders: where they found nothing, the overrides place the image, if they can; where
 * they did, they check kimage_voffset and kaslr. With --force t->image becomes what the overrides
 * say. */
void override_check_image(struct target *t);

/*
 * @io is what memory proves. Overrides that differ are warned of and switched off; with --force the
 * linear map and the root become what they say. What changes the form of the tables cannot be
 * patched in: then t->priv->overrides_count is set, and the layout is to be made again with them.
 */
void override_check_layout(struct target *t, struct arch_layout *io);

/* Whether @l, made again, is as the overrides say. */
bool override_obeyed(const struct target *t, const struct arch_layout *l);

#endif
