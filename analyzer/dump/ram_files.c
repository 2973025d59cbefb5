/*
 * Names and tables of raw RAM files (quic/qualcomm-linux-ramdump-parser-v2,
 * linux-ramdump-parser-v2's parser_util and ramdump.py, tell which ones there are). A name beats
 * dump_info.txt, which beats load.cmm. Refuses to know what is in the files.
 */
#include "analyzer/dump/ram_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "analyzer/base/number.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/strbuf.h"

enum { TABLE_BYTES_MAX = 1 << 20, FILES_MAX = 256 };

void ram_files_deinit(struct ram_files *f)
{
	for (size_t i = 0; i < f->file.n; i++)
		free(f->file.v[i].name);
	vec_deinit(&f->file);
	free(f->missing);
	f->missing = NULL;
}

static bool begins(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

/* DDRCS0_0.BIN, EBI1CS1.BIN, VMDDR0.BIN: a known word, then digits, C, S and underscores. Anything
 * that ends in IMEM.BIN. Other files of such a folder hold no RAM of Linux (RPM, PMIC, cache
 * contents). */
static bool is_ram_name(const char *name)
{
	static const char *const words[] = { "DDR", "EBI", "VMDDR" };
	size_t n = strlen(name);
	if (n < 5 || strcasecmp(name + n - 4, ".BIN") != 0)
		return false;
	if (n >= 8 && strcasecmp(name + n - 8, "IMEM.BIN") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t k = strlen(words[i]);
		if (begins(name, words[i]) && n - 4 > k &&
			k + strspn(name + k, "0123456789_CScs") == n - 4)
			return true;
	}
	return false;
}

/* A hexadecimal number with 0x at *s, which moves behind it. */
static bool take_hex(const char **s, uint64_t *ret)
{
	const char *p = *s;
	char digits[17];
	size_t n = 0;
	if (!begins(p, "0x"))
		return false;
	for (p += 2; isxdigit((unsigned char)*p); p++) {
		if (n == 16)
			return false;
		digits[n++] = *p;
	}
	digits[n] = '\0';
	*s = p;
	return n && number_parse_hex(digits, ret);
}

/* dram_cs0_0x80000000--0x9fffffff.lst: the first and the last byte. */
static bool name_place(const char *name, struct ram_place *ret)
{
	uint64_t v[2];
	unsigned n = 0;
	if (!begins(name, "dram_cs") && !begins(name, "ocimem"))
		return false;
	for (const char *p = name; *p && n < 2;)
		if (take_hex(&p, &v[n]))
			n++;
		else
			p++;
	if (n < 2 || v[1] <= v[0] || v[1] - v[0] == UINT64_MAX)
		return false;
	*ret = (struct ram_place){ .known = true, .pa = v[0], .size = v[1] - v[0] + 1 };
	return true;
}

/* ---- tables ------------------------------------------------------------- */

enum { WORDS_MAX = 8 };

struct words {
	char *word[WORDS_MAX];
	size_t n; /* all of them, also those beyond WORDS_MAX */
	char *last;
};

/* Splits the next line of @text, a copy that is cut up; false at its end. */
static bool next_line(char **text, struct words *ret)
{
	char *save, *line = strsep(text, "\n");
	if (!line)
		return false;
	*ret = (struct words){ 0 };
	for (char *w = strtok_r(line, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save)) {
		if (ret->n < WORDS_MAX)
			ret->word[ret->n] = w;
		ret->last = w;
		ret->n++;
	}
	return true;
}

static bool is_listed(const struct ram_files *f, const char *name)
{
	for (size_t i = 0; i < f->file.n; i++)
		if (strcasecmp(f->file.v[i].name, name) == 0)
			return true;
	return false;
}

static void keep(struct ram_files *f, const char *name, struct ram_place place)
{
	if (f->file.n < FILES_MAX && !is_listed(f, name) && !strchr(name, '/'))
		vec_push(&f->file, ((struct ram_file){ xstrdup(name), place }));
}

/* "1 0x80000000 1073741824 DDR CS0 DDRCS0.BIN": the second word is the address, the third the size
 * in decimal, the last one the file. */
void ram_files_parse_info(const char *text, size_t n, struct ram_files *ret)
{
	scoped_free char *copy = xstrndup(text, n);
	char *at = copy;
	struct words w;
	while (next_line(&at, &w)) {
		uint64_t pa, size;
		if (w.n < 4 || !is_ram_name(w.last) || !number_parse_hex(w.word[1], &pa) ||
			!number_parse(w.word[2], &size) || size == 0)
			continue;
		keep(ret, w.last, (struct ram_place){ true, pa, size });
	}
}

/* "d.load.binary DDRCS0.BIN 0x80000000 /noclear": lines of four words. */
void ram_files_parse_cmm(const char *text, size_t n, struct ram_files *ret)
{
	scoped_free char *copy = xstrndup(text, n);
	char *at = copy;
	struct words w;
	while (next_line(&at, &w)) {
		uint64_t pa;
		if (w.n == 4 && is_ram_name(w.word[1]) && number_parse_hex(w.word[2], &pa))
			keep(ret, w.word[1], (struct ram_place){ true, pa, 0 });
	}
}

/* ---- folders ------------------------------------------------------------- */

/* A text file of the folder, or NULL. */
static char *text_read(int dir, const char *name, size_t *ret_n)
{
	scoped_fd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > TABLE_BYTES_MAX)
		return NULL;
	char *text = xcalloc((size_t)st.st_size + 1, 1);
	ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
	*ret_n = n > 0 ? (size_t)n : 0;
	return text;
}

/* The folder's own spelling of a name that a table spells in another case. */
static char *spelled(DIR *dir, const char *name)
{
	struct dirent *e;
	rewinddir(dir);
	while ((e = readdir(dir)))
		if (strcasecmp(e->d_name, name) == 0)
			return xstrdup(e->d_name);
	return NULL;
}

static void names_list(DIR *dir, struct ram_files *ret)
{
	struct dirent *e;
	struct ram_place place;
	rewinddir(dir);
	while ((e = readdir(dir)))
		if (name_place(e->d_name, &place))
			keep(ret, e->d_name, place);
}

/* The files that the tables name and that are there. */
static void present_only(DIR *dir, struct ram_files *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->file.n; i++) {
		char *name = spelled(dir, f->file.v[i].name), *old = f->file.v[i].name;
		f->file.v[i].name = name;
		if (name)
			f->file.v[n++] = f->file.v[i];
		else if (!f->missing)
			f->missing = xstrdup(old);
		free(old);
	}
	f->file.n = n;
}

void ram_files_list(const char *path, struct ram_files *ret)
{
	static const struct {
		const char *name;
		void (*parse)(const char *text, size_t n, struct ram_files *ret);
	} tables[] = { { "dump_info.txt", ram_files_parse_info },
		{ "load.cmm", ram_files_parse_cmm } };
	*ret = (struct ram_files){ 0 };
	DIR *dir = opendir(path);
	if (!dir)
		return;
	names_list(dir, ret);
	for (size_t i = 0; i < ARRAY_SIZE(tables) && !ret->file.n; i++) {
		scoped_free char *name = spelled(dir, tables[i].name);
		size_t n;
		scoped_free char *text = name ? text_read(dirfd(dir), name, &n) : NULL;
		if (text)
			tables[i].parse(text, n, ret);
	}
	present_only(dir, ret);
	closedir(dir);
}

bool ram_files_find(const char *path, struct ram_place *ret)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	scoped_free char *dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	struct ram_files all;
	bool found = false;
	if (name_place(name, ret))
		return true;
	if (!is_ram_name(name))
		return false;
	ram_files_list(dir, &all);
	for (size_t i = 0; i < all.file.n && !found; i++) {
		found = strcmp(all.file.v[i].name, name) == 0;
		if (found)
			*ret = all.file.v[i].place;
	}
	ram_files_deinit(&all);
	return found;
}
