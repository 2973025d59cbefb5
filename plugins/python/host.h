/*
 * Between the plugin, which is small and always there, and the interpreter, which is mapped when
 * somebody asks for Python: python.so finds python/host.so beside itself and takes this row from
 * it.
 */
#ifndef PLUGINS_PYTHON_HOST_H
#define PLUGINS_PYTHON_HOST_H

#include "analyzer/api.h"

struct python_host {
	uint32_t abi; /* PLUGIN_ABI */
	struct err *(*expression)(struct cx *cx, const char *text);
	/* @arguments, NULL-terminated, become sys.argv behind @path. "-": standard input. */
	struct err *(*file)(struct cx *cx, const char *path, const char *const *arguments);
	struct err *(*console)(struct cx *cx);
};

/* The one symbol of host.so. */
extern const struct python_host python_host __attribute__((visibility("default")));

#endif
