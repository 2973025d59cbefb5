/* Finds separate debug files: build-id first, then .gnu_debuglink. Nothing found is believed before
 * its build-id or checksum agrees. */
#include "analyzer/debug/debug_file.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/debuginfod.h"

#define SYSTEM_DEBUG_DIR "/usr/lib/debug"

struct search {
	const char *path; /* of the file whose debug file is wanted */
	const uint8_t *build_id;
	size_t build_id_bytes; /* 0: has none */
	const char *link;      /* NULL: has none */
	uint32_t link_crc;
	struct strbuf tried;
};

bool debug_file_not_needed(Elf *elf)
{
	size_t names;
	if (elf_getshdrstrndx(elf, &names))
		return false;
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr sh;
		const char *name;
		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		if (name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			return true;
	}
	return false;
}

static bool same_build_id(const struct search *s, int fd)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *id = NULL;
	ssize_t n = elf ? dwelf_elf_gnu_build_id(elf, &id) : -1;
	bool same = n > 0 && (size_t)n == s->build_id_bytes && !memcmp(id, s->build_id, (size_t)n);
	elf_end(elf);
	return same;
}

/* The link's checksum is the CRC-32 of the whole debug file (gdb's manual, "Separate Debug Files").
 */
static bool same_checksum(const struct search *s, int fd)
{
	struct stat st;
	if (fstat(fd, &st) || st.st_size <= 0)
		return false;
	size_t n = (size_t)st.st_size;
	const uint8_t *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	uint32_t crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), p, n);
	munmap((void *)p, n);
	return crc == s->link_crc;
}

static bool is_same_file(int fd, const char *path)
{
	struct stat a, b;
	return !fstat(fd, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* @candidate (taken) when it is the one; a build-id, where there is one, outweighs the checksum. */
static char *verified(struct search *s, char *candidate)
{
	scoped_free char *path = candidate;
	scoped_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	strbuf_addf(&s->tried, "%s\n", path);
	if (fd < 0 || is_same_file(fd, s->path))
		return NULL;
	bool good = s->build_id_bytes ? same_build_id(s, fd) : same_checksum(s, fd);
	return good ? take_ptr(path) : NULL;
}

static char *by_build_id(struct search *s, const char *dir)
{
	scoped_strbuf struct strbuf b = { 0 };
	if (s->build_id_bytes < 2)
		return NULL;
	strbuf_addf(&b, "%s/.build-id/%02x/", dir, s->build_id[0]);
	for (size_t i = 1; i < s->build_id_bytes; i++)
		strbuf_addf(&b, "%02x", s->build_id[i]);
	strbuf_add(&b, ".debug");
	return verified(s, strbuf_take(&b));
}

/* The folder of the file, absolute; "" when it cannot be resolved. */
static char *folder_of(const char *path)
{
	char *real = realpath(path, NULL);
	if (!real)
		return xstrdup("");
	*strrchr(real, '/') = '\0';
	return real;
}

static char *by_link(struct search *s, const char *symbols_dir)
{
	/* A name with a folder in it would lead anywhere on this host. */
	if (!s->link || !*s->link || strchr(s->link, '/'))
		return NULL;
	scoped_free char *folder = folder_of(s->path);
	char *candidates[] = {
		xasprintf("%s/%s", folder, s->link),
		xasprintf("%s/.debug/%s", folder, s->link),
		symbols_dir ? xasprintf("%s/%s", symbols_dir, s->link) : NULL,
		symbols_dir ? xasprintf("%s%s/%s", symbols_dir, folder, s->link) : NULL,
		xasprintf("%s%s/%s", SYSTEM_DEBUG_DIR, folder, s->link),
	};
	char *found = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
		if (candidates[i] && !found)
			found = verified(s, candidates[i]);
		else
			free(candidates[i]);
	}
	return found;
}

/* The last resort, since it takes the longest. */
static char *from_server(struct search *s)
{
	char *path = NULL;
	struct err *err = debuginfod_fetch(s->build_id, s->build_id_bytes, &path);
	if (err)
		strbuf_addf(&s->tried, "%s\n", err->msg);
	err_drop(err); /* said among what was tried */
	return path ? verified(s, path) : NULL;
}

char *debug_file_find_alternate(Dwarf *dw, const char *path, const char *symbols_dir)
{
	struct search s = { .path = path };
	const char *name = NULL;
	const void *id = NULL;
	ssize_t n = dwelf_dwarf_gnu_debugaltlink(dw, &name, &id);
	if (n <= 0 || !name || !*name)
		return NULL;
	s.build_id = id;
	s.build_id_bytes = (size_t)n;
	scoped_free char *folder = folder_of(path);
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	char *found = symbols_dir ? by_build_id(&s, symbols_dir) : NULL;
	if (!found)
		found = by_build_id(&s, SYSTEM_DEBUG_DIR);
	char *candidates[] = {
		*name == '/' ? xstrdup(name) : xasprintf("%s/%s", folder, name),
		*name == '/' && symbols_dir ? xasprintf("%s%s", symbols_dir, name) : NULL,
		symbols_dir ? xasprintf("%s/.dwz/%s", symbols_dir, base) : NULL,
		xasprintf("%s/.dwz/%s", folder, base),
		xasprintf("%s/.dwz/%s", SYSTEM_DEBUG_DIR, base),
	};
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
		if (candidates[i] && !found)
			found = verified(&s, candidates[i]);
		else
			free(candidates[i]);
	}
	strbuf_deinit(&s.tried);
	return found;
}

char *debug_file_find(Elf *elf, const char *path, const char *symbols_dir, char **ret_tried)
{
	struct search s = { .path = path };
	const void *id = NULL;
	GElf_Word crc = 0;
	ssize_t n = dwelf_elf_gnu_build_id(elf, &id);
	if (n > 0) {
		s.build_id = id;
		s.build_id_bytes = (size_t)n;
	}
	s.link = dwelf_elf_gnu_debuglink(elf, &crc);
	s.link_crc = crc;
	char *found = symbols_dir ? by_build_id(&s, symbols_dir) : NULL;
	if (!found)
		found = by_build_id(&s, SYSTEM_DEBUG_DIR);
	if (!found)
		found = by_link(&s, symbols_dir);
	if (!found)
		found = from_server(&s);
	if (ret_tried)
		*ret_tried = strbuf_take(&s.tried);
	strbuf_deinit(&s.tried);
	return found;
}
