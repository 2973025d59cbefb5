/* A plugin's rows by themselves: complete, well named, not too many. Clashes are the registry's
 * business. */
#ifndef ANALYZER_SHELL_PLUGIN_CHECK_H
#define ANALYZER_SHELL_PLUGIN_CHECK_H

#include "analyzer/shell/plugin.h"

/* ERR_FORMAT names the row and what it lacks. */
struct err *plugin_check(const struct plugin *g) MUST_CHECK;

/* One command, as a plugin adds it while it runs. */
struct err *plugin_check_command(const struct command *c) MUST_CHECK;

#endif
