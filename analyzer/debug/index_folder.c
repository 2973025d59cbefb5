/* The folder of cache files: where it is, whose it may be, and which files go when it grows too
 * large. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/index_cache_internal.h"

enum { DEFAULT_LIMIT_MB = 1024, ABANDONED_S = 3600 };

uint64_t index_folder_limit(void)
{
	const char *text = getenv("INQUEST_CACHE_MB");
	char *end;
	if (!text || !*text)
		return (uint64_t)DEFAULT_LIMIT_MB << 20;
	errno = 0;
	unsigned long long mb = strtoull(text, &end, 10);
	if (errno || *end || mb > UINT32_MAX)
		return (uint64_t)DEFAULT_LIMIT_MB << 20;
	return (uint64_t)mb << 20;
}

/* The XDG base directory specification: a relative path is to be ignored. */
static char *cache_home(void)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	if (xdg && xdg[0] == '/')
		return xstrdup(xdg);
	return home && home[0] == '/' ? xasprintf("%s/.cache", home) : NULL;
}

char *index_folder_open(const char **ret_why)
{
	scoped_free char *home = cache_home();
	struct stat st;
	*ret_why = "not used: neither XDG_CACHE_HOME nor HOME says where";
	if (!home)
		return NULL;
	scoped_free char *folder = xasprintf("%s/inquest", home);
	*ret_why = "not used: its folder cannot be made";
	if (mkdir(folder, 0700) && errno == ENOENT) {
		mkdir(home, 0700); /* when that fails, the next line does */
		mkdir(folder, 0700);
	}
	if (stat(folder, &st) || !S_ISDIR(st.st_mode))
		return NULL;
	*ret_why = "not used: its folder belongs to another user, or others may write there";
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return NULL;
	return take_ptr(folder);
}

struct cached_file {
	char *name;
	uint64_t bytes;
	time_t used;
};

static int older_first(const void *x, const void *y)
{
	const struct cached_file *a = x, *b = y;
	return a->used < b->used ? -1 : a->used > b->used;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);
	return n >= m && !strcmp(name + n - m, suffix);
}

/* Readers that have a removed file mapped keep it. */
void index_folder_trim(const char *folder, uint64_t limit_bytes, const char *keep)
{
	VEC(struct cached_file) files = { 0 };
	uint64_t total = 0;
	time_t now = time(NULL);
	DIR *dir = opendir(folder);
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		struct stat st;
		bool index = has_suffix(entry->d_name, ".index");
		if ((!index && !strstr(entry->d_name, ".index.tmp-")) ||
			fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
			!S_ISREG(st.st_mode))
			continue;
		if (!index) { /* being written, unless its writer died */
			if (now - st.st_mtime > ABANDONED_S)
				unlinkat(dirfd(dir), entry->d_name, 0);
			continue;
		}
		total += (uint64_t)st.st_size;
		struct cached_file f = { xstrdup(entry->d_name), (uint64_t)st.st_size,
			st.st_mtime };
		vec_push(&files, f);
	}
	if (files.n)
		qsort(files.v, files.n, sizeof(*files.v), older_first);
	for (size_t i = 0; i < files.n; i++) {
		if (total > limit_bytes && strcmp(files.v[i].name, keep) != 0 &&
			!unlinkat(dirfd(dir), files.v[i].name, 0))
			total -= files.v[i].bytes;
		free(files.v[i].name);
	}
	vec_deinit(&files);
	if (dir)
		closedir(dir);
}
