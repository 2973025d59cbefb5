/* Which plugin of those that come with the program has a command, for who types it without that
 * plugin. */
#ifndef ANALYZER_SHELL_PLUGIN_HINT_H
#define ANALYZER_SHELL_PLUGIN_HINT_H

/* "it comes with the plugin python: plugin load /…/python.so" for the name of such a command; NULL
 * for others. free() it. */
char *plugin_hint(const char *command);

#endif
