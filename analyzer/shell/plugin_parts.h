/*
 * Printers, dump readers, bootstrap finders and triage rules of plugins as the layers below know
 * them. Each call goes through running.h, so that a crash names the plugin.
 */
#ifndef ANALYZER_SHELL_PLUGIN_PARTS_H
#define ANALYZER_SHELL_PLUGIN_PARTS_H

#include "analyzer/base/vec.h"
#include "analyzer/debug/type_printers.h"
#include "analyzer/dump/foreign.h"
#include "analyzer/shell/plugin.h"
#include "analyzer/target/claims.h"
#include "analyzer/triage/foreign.h"

/* A printer at work for one target. */
struct bound_printer {
	struct type_printer printer; /* .cx is this */
	const struct plugin_printer *row;
	struct target *target;
};

struct plugin_parts {
	VEC(struct foreign_format) formats;
	VEC(struct foreign_finder) finders;
	VEC(struct bound_printer *) bound;
	struct type_printers *printers;
};

void plugin_parts_init(struct plugin_parts *p);
void plugin_parts_deinit(struct plugin_parts *p);

/* What works before a dump is open. */
void plugin_parts_add_early(struct plugin_parts *p, const struct plugin *g);

/* ERR_MISMATCH: a type has a printer already; then none of them was added. */
struct err *plugin_parts_add_printers(
	struct plugin_parts *p, const struct plugin *g, struct target *t) MUST_CHECK;
void plugin_parts_remove_printers(struct plugin_parts *p, const struct plugin *g);

/* analyzer/shell/api_triage.c: @with is the plugin_rule. */
struct err *plugin_rule_run(const void *with, struct triage *tr) MUST_CHECK;

/* One rule. ERR_MISMATCH: a rule has its name. */
struct err *plugin_parts_add_rule(
	const struct plugin *g, const struct plugin_rule *r, struct target *t) MUST_CHECK;
void plugin_parts_remove_rules(const struct plugin *g, struct target *t);

#endif
