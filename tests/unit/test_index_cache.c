/* The index cache: what it gives back, what it refuses, several processes at once; and that symbols
 * and types out of it are those of the file itself (this very program's). */
#include <fcntl.h>
#include <gelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/debug/index_cache_internal.h"
#include "analyzer/debug/symtab.h"
#include "analyzer/debug/type.h"

static char home[] = "/tmp/inquest-index-XXXXXX";
static char vmlinux[64];
static const uint8_t id[20] = { 0xab, 0xcd };

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(home))
		return -1;
	setenv("XDG_CACHE_HOME", home, 1);
	snprintf(vmlinux, sizeof(vmlinux), "%s/vmlinux", home);
	close(open(vmlinux, O_CREAT | O_WRONLY, 0600));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scoped_free char *command = xasprintf("rm -rf %s", home);
	return system(command);
}

static int forget_all(void **state)
{
	(void)state;
	unsetenv("INQUEST_CACHE_MB");
	setenv("XDG_CACHE_HOME", home, 1);
	scoped_free char *command = xasprintf("rm -rf %s/inquest", home);
	return system(command);
}

static struct index_cache *open_cache(const char *file)
{
	scoped_fd int fd = open(file, O_RDONLY);
	return index_cache_open(&(struct index_key){ fd, id, sizeof(id) });
}

static void write_one(enum index_section what, const char *text)
{
	struct index_cache *c = open_cache(vmlinux);
	index_cache_put(c, what, xstrdup(text), strlen(text) + 1);
	index_cache_save(c);
	assert_string_equal(index_cache_state(c), "built");
	index_cache_close(c);
}

static void expect(enum index_section what, const char *text)
{
	struct index_cache *c = open_cache(vmlinux);
	const void *p = NULL;
	size_t n = 0;
	assert_int_equal(index_cache_section(c, what, &p, &n), text != NULL);
	if (text) {
		assert_int_equal(n, strlen(text) + 1);
		assert_memory_equal(p, text, n);
		assert_int_equal((uintptr_t)p % 8, 0);
	}
	index_cache_close(c);
}

static char *cache_path(void)
{
	struct index_cache *c = open_cache(vmlinux);
	char *path = xstrdup(index_cache_path(c));
	index_cache_close(c);
	return path;
}

/* Changes one byte of the file, @at from its end when negative. */
static void damage(off_t at)
{
	scoped_free char *path = cache_path();
	scoped_fd int fd = open(path, O_RDWR);
	char c;
	off_t place = lseek(fd, at, at < 0 ? SEEK_END : SEEK_SET);
	assert_int_equal(pread(fd, &c, 1, place), 1);
	c ^= 0x10;
	assert_int_equal(pwrite(fd, &c, 1, place), 1);
}

static void gives_back_what_was_put(void **state)
{
	(void)state;
	expect(INDEX_FACTS, NULL);
	write_one(INDEX_FACTS, "facts");
	write_one(INDEX_DWARF, "names"); /* keeps the other section */
	expect(INDEX_FACTS, "facts");
	expect(INDEX_DWARF, "names");
	expect(INDEX_SYMBOLS, NULL);
	struct stat st;
	scoped_free char *path = cache_path(), *folder = xasprintf("%s/inquest", home);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void damaged_section_costs_itself(void **state)
{
	(void)state;
	write_one(INDEX_FACTS, "facts");
	write_one(INDEX_DWARF, "names"); /* the last section */
	damage(-8);
	expect(INDEX_FACTS, "facts");
	expect(INDEX_DWARF, NULL);
	write_one(INDEX_SYMBOLS, "symbols"); /* does not carry the damage on with a good sum */
	expect(INDEX_DWARF, NULL);
	expect(INDEX_FACTS, "facts");
}

static void damaged_header_is_no_file(void **state)
{
	(void)state;
	const size_t n = sizeof(struct index_file_header);
	for (size_t at = 0; at < n; at += 7) {
		write_one(INDEX_FACTS, "facts");
		damage((off_t)at);
		expect(INDEX_FACTS, NULL);
	}
	write_one(INDEX_FACTS, "facts");
	scoped_free char *path = cache_path();
	for (off_t cut = 0; cut < 400; cut += 13) {
		write_one(INDEX_FACTS, "facts");
		assert_int_equal(truncate(path, cut), 0);
		expect(INDEX_FACTS, NULL);
	}
}

static void set_time(const char *path, time_t s)
{
	const struct timespec t[2] = { { .tv_sec = s }, { .tv_sec = s } };
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void changed_vmlinux_is_another(void **state)
{
	(void)state;
	write_one(INDEX_FACTS, "facts");
	expect(INDEX_FACTS, "facts");
	set_time(vmlinux, 1000);
	expect(INDEX_FACTS, NULL);
	write_one(INDEX_FACTS, "new facts");
	expect(INDEX_FACTS, "new facts");
	assert_int_equal(truncate(vmlinux, 1), 0);
	set_time(vmlinux, 1000);
	expect(INDEX_FACTS, NULL);
}

static void expect_unused(const char *state)
{
	struct index_cache *c = open_cache(vmlinux);
	index_cache_put(c, INDEX_FACTS, xstrdup("facts"), 6);
	index_cache_save(c);
	assert_string_equal(index_cache_state(c), state);
	index_cache_close(c);
}

static void does_without(void **state)
{
	(void)state;
	setenv("INQUEST_CACHE_MB", "0", 1);
	expect_unused("not used: INQUEST_CACHE_MB is 0");
	unsetenv("INQUEST_CACHE_MB");
	setenv("XDG_CACHE_HOME", "/dev/null", 1);
	expect_unused("not used: its folder cannot be made");
	setenv("XDG_CACHE_HOME", home, 1);
	scoped_free char *folder = xasprintf("%s/inquest", home);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	expect_unused("not used: its folder belongs to another user, or others may write there");
	assert_int_equal(chmod(folder, 0700), 0);
	struct index_cache *c = index_cache_open(&(struct index_key){ .fd = 0 });
	assert_string_equal(index_cache_state(c), "not used: the vmlinux has no build-id");
	index_cache_close(c);
	write_one(INDEX_FACTS, "facts");
	scoped_free char *path = cache_path();
	assert_int_equal(chmod(path, 0666), 0);
	expect(INDEX_FACTS, NULL);
}

static void oldest_go_first(void **state)
{
	(void)state;
	static const char *const names[] = { "new.index", "old.index", "older.index",
		"x.index.tmp-1" };
	write_one(INDEX_FACTS, "facts");
	time_t now = time(NULL);
	for (int i = 0; i < 4; i++) {
		scoped_free char *path = xasprintf("%s/inquest/%s", home, names[i]);
		close(open(path, O_CREAT | O_WRONLY, 0600));
		assert_int_equal(truncate(path, 600 << 10), 0);
		set_time(path, now - i * 2000);
	}
	setenv("INQUEST_CACHE_MB", "1", 1);
	write_one(INDEX_DWARF, "names");
	for (int i = 0; i < 4; i++) {
		scoped_free char *path = xasprintf("%s/inquest/%s", home, names[i]);
		assert_int_equal(access(path, F_OK) == 0, i == 0);
	}
	expect(INDEX_FACTS, "facts");
	struct index_cache *c = open_cache(vmlinux);
	index_cache_put(c, INDEX_SYMBOLS, xcalloc(2 << 20, 1), 2 << 20);
	index_cache_save(c);
	assert_string_equal(
		index_cache_state(c), "not written: larger than INQUEST_CACHE_MB allows");
	index_cache_close(c);
	expect(INDEX_FACTS, "facts");
}

/* Each process writes and reads: what a reader gets is whole, whoever wrote it. */
static void many_at_once(void **state)
{
	(void)state;
	enum { PROCESSES = 6, ROUNDS = 60, BYTES = 200000 };
	for (int i = 0; i < PROCESSES; i++) {
		if (fork())
			continue;
		for (int k = 0; k < ROUNDS; k++) {
			struct index_cache *c = open_cache(vmlinux);
			const uint8_t *p;
			size_t n;
			const void *bytes;
			bool there = index_cache_section(c, INDEX_DWARF, &bytes, &n);
			p = bytes;
			if (there && (n != BYTES || p[0] != p[n / 2] || p[0] != p[n - 1]))
				_exit(1);
			if (!there && strcmp(index_cache_state(c), "being built: there was none"))
				_exit(2);
			uint8_t *own = xmalloc(BYTES);
			memset(own, i + 1, BYTES);
			index_cache_put(c, INDEX_DWARF, own, BYTES);
			index_cache_save(c);
			index_cache_close(c);
		}
		_exit(0);
	}
	int status;
	while (wait(&status) > 0)
		assert_int_equal(status, 0);
	struct index_cache *c = open_cache(vmlinux);
	assert_string_equal(index_cache_state(c), "used");
	index_cache_close(c);
}

/* ---- symbols ----------------------------------------------- */

static void expect_same(const struct symbol *a, const struct symbol *b)
{
	assert_string_equal(a->name, b->name);
	assert_true(a->va == b->va && a->size == b->size && a->object_size == b->object_size);
	assert_int_equal(a->type, b->type);
}

static void symbols_are_the_files(void **state)
{
	(void)state;
	const uint64_t slide = 0x12340000;
	elf_version(EV_CURRENT);
	scoped_fd int fd = open("/proc/self/exe", O_RDONLY);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	struct symtab *read = symtab_create(), *saved = symtab_create(), *source = symtab_create();
	assert_null(symtab_add_elf(read, elf, slide));
	assert_null(symtab_add_elf(source, elf, 0));
	size_t n;
	scoped_free char *bytes = symtab_save(source, &n);
	assert_true(symtab_add_saved(saved, bytes, n, slide));
	symtab_add(read, "of_a_module", 0x100, 4, 't', "mod");
	symtab_add(saved, "of_a_module", 0x100, 4, 't', "mod");
	symtab_finish(read);
	symtab_finish(saved);
	assert_true(symtab_count(read) > 300);
	assert_int_equal(symtab_count(read), symtab_count(saved));
	for (size_t i = 0; i < symtab_count(read); i++) {
		struct symbol a, b;
		symtab_get(read, i, &a);
		symtab_get(saved, i, &b);
		expect_same(&a, &b);
		if (i)
			assert_true(symtab_find(saved, a.name, &b) && !strcmp(a.name, b.name));
	}
	struct symbol main_symbol, at;
	assert_true(symtab_find_kernel(saved, "symtab_create", &main_symbol));
	assert_true(symtab_at(saved, main_symbol.va + 1, &at));
	expect_same(&at, &main_symbol);
	/* what cannot be it */
	assert_false(symtab_add_saved(read, bytes, n - 1, slide));
	assert_false(symtab_add_saved(read, bytes, 16, slide));
	symtab_destroy(read);
	symtab_destroy(saved);
	symtab_destroy(source);
	elf_end(elf);
}

/* ---- types ----------------------------------------------- */

struct session {
	struct index_cache *cache;
	struct types *db;
};

static struct session open_types(bool cached)
{
	struct abi abi = { .word_bytes = sizeof(long) };
	static int fd = -1;
	if (fd < 0)
		fd = open("/proc/self/exe", O_RDONLY);
	struct session s = { .db = types_create(&abi) };
	s.cache = cached ? open_cache(vmlinux) : index_cache_none("not used: --no-cache");
	types_use_cache(s.db, s.cache);
	assert_null(types_add_dwarf(s.db, fd, "self"));
	return s;
}

static void close_types(struct session s)
{
	types_destroy(s.db);
	index_cache_save(s.cache);
	index_cache_close(s.cache);
}

/* Where it stands and what it says, in words. */
static char *definition(struct types *db, enum type_kind kind, const char *name, const char *hint)
{
	struct strbuf b = { 0 };
	const struct type *t;
	scoped_err struct err *e = types_find(db, kind, name, hint, &t);
	if (!e)
		e = type_define(db, t, true, &b);
	if (e)
		strbuf_add(&b, e->msg);
	return strbuf_take(&b);
}

struct names {
	VEC(char *) v;
};

static struct err *collect(void *cx, const struct type *t)
{
	struct names *names = cx;
	vec_push(&names->v, xstrdup(t->name));
	return NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct names all_names(struct types *db, enum type_kind kind)
{
	struct names names = { 0 };
	assert_null(types_each(db, kind, collect, &names));
	qsort(names.v.v, names.v.n, sizeof(char *), compare_names);
	return names;
}

static void expect_equal_types(void)
{
	static const enum type_kind kinds[] = { TYPE_STRUCT, TYPE_UNION, TYPE_ENUM, TYPE_TYPEDEF };
	struct session a = open_types(false), b = open_types(true);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct names x = all_names(a.db, kinds[k]), y = all_names(b.db, kinds[k]);
		assert_int_equal(x.v.n, y.v.n);
		assert_true(x.v.n > 0);
		for (size_t i = 0; i < x.v.n; i++) {
			scoped_free char *of_a = definition(a.db, kinds[k], x.v.v[i], NULL);
			scoped_free char *of_b = definition(b.db, kinds[k], x.v.v[i], NULL);
			assert_string_equal(x.v.v[i], y.v.v[i]);
			assert_string_equal(of_a, of_b);
			free(x.v.v[i]);
			free(y.v.v[i]);
		}
		vec_deinit(&x.v);
		vec_deinit(&y.v);
	}
	close_types(a);
	close_types(b);
}

/* A session that asked little leaves a part, which the next one's questions go beyond. */
static void types_are_the_files(void **state)
{
	(void)state;
	struct session s = open_types(true);
	scoped_free char *little = definition(s.db, TYPE_STRUCT, "abi", NULL);
	assert_non_null(strstr(little, "word_bytes"));
	close_types(s);
	struct index_cache *c = open_cache(vmlinux);
	const void *p;
	size_t part, whole;
	assert_true(index_cache_section(c, INDEX_DWARF, &p, &part));
	index_cache_close(c);
	expect_equal_types(); /* with the part; writes the whole */
	c = open_cache(vmlinux);
	assert_true(index_cache_section(c, INDEX_DWARF, &p, &whole));
	assert_true(whole > part);
	index_cache_close(c);
	expect_equal_types(); /* with the whole */
}

/* dwarf_index.c has one of this name, too. */
struct maker {
	int only_in_the_test;
};
struct maker a_maker;

static void hints_decide(void **state)
{
	(void)state;
	for (int round = 0; round < 4; round++) {
		struct session s = open_types(round > 0);
		const char *near = "unit/test_index_cache.c", *far = "debug/dwarf_index.c";
		scoped_free char *first =
			definition(s.db, TYPE_STRUCT, "maker", round & 1 ? near : far);
		scoped_free char *second =
			definition(s.db, TYPE_STRUCT, "maker", round & 1 ? far : near);
		scoped_free char *absent = definition(s.db, TYPE_STRUCT, "no_such_thing", NULL);
		assert_non_null(strstr(round & 1 ? first : second, "only_in_the_test"));
		assert_non_null(strstr(round & 1 ? second : first, "struct strbuf text"));
		assert_non_null(strstr(absent, "no type"));
		close_types(s);
	}
}

static void enumerators_are_found(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		struct session s = open_types(round > 0);
		const struct type *t;
		assert_null(types_find_enumerator(s.db, "INDEX_SYMBOLS", &t));
		assert_string_equal(t->name, "index_section");
		assert_null(type_complete(s.db, t));
		struct err *e = types_find_enumerator(s.db, "NO_SUCH_THING", &t);
		assert_int_equal(e->code, ERR_NOT_FOUND);
		err_drop(e);
		close_types(s);
	}
}

/* The whole index appears in the cache although nothing was asked, and answers. */
static void background_builds_the_whole(void **state)
{
	(void)state;
	struct session s = open_types(true);
	types_index_in_background(s.db);
	for (int i = 0; i < 1000 && strcmp(index_cache_state(s.cache), "built"); i++)
		usleep(20000);
	assert_string_equal(index_cache_state(s.cache), "built");
	scoped_free char *text = definition(s.db, TYPE_STRUCT, "session", "test_index_cache.c");
	assert_non_null(strstr(text, "struct types *db"));
	close_types(s);
	expect_equal_types();
	s = open_types(true);
	types_index_in_background(s.db); /* nothing to do; and one that is stopped at once: */
	close_types(s);
	forget_all(NULL);
	s = open_types(true);
	types_index_in_background(s.db);
	close_types(s);
}

/* A good sum over DIEs that are not what the index says: the file itself answers. */
static void lying_index_is_dropped(void **state)
{
	(void)state;
	expect_equal_types();
	struct index_cache *c = open_cache(vmlinux);
	const void *p;
	size_t n;
	assert_true(index_cache_section(c, INDEX_DWARF, &p, &n));
	/* dwarf_index.c: a header of 48 bytes, then units, ranges and names of 24 bytes each */
	uint32_t count[5]; /* units, covered, ranges, has_ranges, names */
	uint64_t *lie = xmalloc(n);
	memcpy(lie, p, n);
	memcpy(count, (const char *)p + 16, sizeof(count));
	size_t first = 6 + 3 * (count[0] + count[2]);
	assert_true((first + 3 * count[4]) * 8 < n);
	for (size_t i = 0; i < count[4]; i++)
		lie[first + 3 * i] ^= 0x11;
	index_cache_put(c, INDEX_DWARF, lie, n);
	index_cache_save(c);
	index_cache_close(c);
	struct session a = open_types(false), b = open_types(true);
	static const char *const names[] = { "abi", "session", "symbol", "err", "_IO_FILE",
		"stat" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		scoped_free char *x = definition(a.db, TYPE_STRUCT, names[i], NULL);
		scoped_free char *y = definition(b.db, TYPE_STRUCT, names[i], NULL);
		assert_string_equal(x, y);
	}
	close_types(a);
	close_types(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(gives_back_what_was_put, forget_all),
		cmocka_unit_test_setup(damaged_section_costs_itself, forget_all),
		cmocka_unit_test_setup(damaged_header_is_no_file, forget_all),
		cmocka_unit_test_setup(changed_vmlinux_is_another, forget_all),
		cmocka_unit_test_setup(does_without, forget_all),
		cmocka_unit_test_setup(oldest_go_first, forget_all),
		cmocka_unit_test_setup(many_at_once, forget_all),
		cmocka_unit_test(symbols_are_the_files),
		cmocka_unit_test_setup(types_are_the_files, forget_all),
		cmocka_unit_test_setup(hints_decide, forget_all),
		cmocka_unit_test_setup(enumerators_are_found, forget_all),
		cmocka_unit_test_setup(background_builds_the_whole, forget_all),
		cmocka_unit_test_setup(lying_index_is_dropped, forget_all),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
