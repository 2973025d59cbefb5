/* The client library behind three of its functions. Knows nothing of what is in the files. */
#include "analyzer/debug/debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/interrupt.h"

/* elfutils/debuginfod.h, since 0.178; not included, because building must not need it. */
struct client;
struct library {
	void *handle;
	struct client *(*begin)(void);
	int (*find)(struct client *c, const unsigned char *build_id, int n, char **path);
	void (*set_progress)(struct client *c, int (*fn)(struct client *c, long a, long b));
	void (*end)(struct client *c);
};

/* Of the process, as the terminal is. */
static debuginfod_progress_fn shown;

void debuginfod_set_progress(debuginfod_progress_fn progress)
{
	shown = progress;
}

static int progress(struct client *c, long got, long total)
{
	(void)c;
	if (shown && got >= 0)
		shown((size_t)got, total > 0 ? (size_t)total : 0);
	return interrupt_pending();
}

static struct err *open_library(struct library *l)
{
	l->handle = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!l->handle)
		return err_new(
			ERR_MISSING, "DEBUGINFOD_URLS is set, but there is no libdebuginfod.so.1");
	*(void **)&l->begin = dlsym(l->handle, "debuginfod_begin");
	*(void **)&l->find = dlsym(l->handle, "debuginfod_find_debuginfo");
	*(void **)&l->set_progress = dlsym(l->handle, "debuginfod_set_progressfn");
	*(void **)&l->end = dlsym(l->handle, "debuginfod_end");
	if (l->begin && l->find && l->set_progress && l->end)
		return NULL;
	return err_new(ERR_MISSING, "libdebuginfod.so.1 lacks what it should have");
}

static struct err *fetch(const struct library *l, const uint8_t *build_id, size_t n, char **ret)
{
	char *path = NULL;
	struct client *c = l->begin();
	if (!c)
		return err_new(ERR_IO, "debuginfod: its client does not start");
	l->set_progress(c, progress);
	int fd = l->find(c, build_id, (int)n, &path);
	l->end(c);
	if (shown)
		shown(SIZE_MAX, 0);
	if (fd >= 0) {
		close(fd);
		*ret = path;
		return NULL;
	}
	struct err *err = interrupt_check();
	if (err)
		return err;
	if (fd == -ENOENT)
		return err_new(ERR_NOT_FOUND, "debuginfod: no server has this build-id");
	return err_io(-fd, "debuginfod");
}

struct err *debuginfod_fetch(const uint8_t *build_id, size_t n, char **ret)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct library l = { 0 };
	*ret = NULL;
	if (!urls || !*urls || !n || n > 64)
		return NULL;
	struct err *err = open_library(&l);
	/* It stays loaded: libcurl's threads may outlive a call. */
	return err ? err : fetch(&l, build_id, n, ret);
}
