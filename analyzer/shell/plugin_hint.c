/*
 * The commands of plugins/ by name. An installed program loads its plugins itself; one that runs in
 * the folder where it was built has them in plugins/ beside it. Never looks into the current
 * folder, and loads nothing.
 */
#include "analyzer/shell/plugin_hint.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

static const struct {
	const char *command, *plugin;
} known[] = { { "py", "python" }, { "ramoops", "ramoops" }, { "kinfo", "kinfo" } };

/* "/…/plugins/NAME.so" beside the program; NULL when there is none. */
static char *built_file(const char *plugin)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	scoped_free char *path = xasprintf("%s/plugins/%s.so", self, plugin);
	return access(path, R_OK) ? NULL : take_ptr(path);
}

char *plugin_hint(const char *command)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].command, command))
			continue;
		scoped_free char *file = built_file(known[i].plugin);
		return file ? xasprintf(
				      "it comes with the plugin %s: plugin load %s, or start with "
				      "--plugin",
				      known[i].plugin, file)
			    : xasprintf("it comes with the plugin %s, which is not installed here: "
					"plugin load FILE",
				      known[i].plugin);
	}
	return NULL;
}
