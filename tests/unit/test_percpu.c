/* Per-CPU chunks in memory made by hand: every era's lists, addresses there and back, and that each
 * thing that does not fit is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/fake_percpu.h"

#define EACH(f, era)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (unsigned w = 4; w <= 8; w += 4)                                               \
			for (unsigned era = 0; era < PERCPU_ERAS && (fake_percpu(f, w, era), 1);   \
				fake_deinit(f), era++)

struct said {
	unsigned n;
	char last[200];
};

static struct err *hear(void *cx, struct err *what)
{
	struct said *s = cx;
	s->n++;
	snprintf(s->last, sizeof(s->last), "%s", what->msg);
	err_drop(what);
	return NULL;
}

static const struct percpu_areas *areas(struct fake *f)
{
	const struct percpu_areas *a;
	assert_null(percpu_areas_get(f->t, &a));
	return a;
}

static const struct percpu_chunk *chunk_at(const struct percpu_areas *a, uint64_t va)
{
	for (size_t i = 0; i < a->chunk.n; i++)
		if (a->chunk.v[i].va == va)
			return &a->chunk.v[i];
	fail_msg("no chunk at 0x%llx", (unsigned long long)va);
	return NULL;
}

static void check_chunk(struct fake *f, unsigned chunk, struct said *ret)
{
	scoped_percpu_map struct percpu_map m = { 0 };
	const struct percpu_areas *a = areas(f);
	*ret = (struct said){ 0 };
	assert_null(percpu_map_read(a, chunk_at(a, fake_va(f, fake_chunk(chunk))), &m));
	assert_null(percpu_map_check(&m, hear, ret));
}

static void healthy(void **state)
{
	(void)state;
	EACH(f, era)
	{
		const struct percpu_areas *a = areas(f);
		struct said said;
		assert_null(a->no_chunks);
		assert_int_equal(a->damage.n, 0);
		assert_int_equal(a->chunk.n, CHUNK_N);
		assert_int_equal(a->static_size, PERCPU_STATIC);
		assert_int_equal(a->chunk.v[0].kind, PERCPU_CHUNK_RESERVED);
		assert_int_equal(a->chunk.v[1].kind, PERCPU_CHUNK_FIRST);
		assert_int_equal(a->chunk.v[2].kind, PERCPU_CHUNK_MORE);
		assert_int_equal(a->chunk.v[2].slot, 1);
		for (unsigned i = 0; i < CHUNK_N; i++) {
			check_chunk(f, i, &said);
			if (said.n)
				fail_msg("%s", said.last);
		}
	}
}

static void usage(void **state)
{
	(void)state;
	EACH(f, era)
	{
		scoped_percpu_map struct percpu_map m = { 0 };
		struct percpu_usage u;
		struct percpu_area area;
		const struct percpu_areas *a = areas(f);
		assert_null(percpu_map_read(a, &a->chunk.v[1], &m));
		percpu_map_usage(&m, &u);
		assert_int_equal(u.allocations, 3);
		assert_int_equal(u.used_bytes, 0x50);
		assert_int_equal(
			u.used_bytes + u.free_bytes, PERCPU_UNIT - PERCPU_STATIC - PERCPU_RESERVED);
		assert_int_equal(u.largest_free, PERCPU_UNIT - 0x1010);
		assert_int_equal(u.populated_pages, 4);
		assert_true(percpu_map_at(&m, 0x421, &area));
		assert_true(area.allocated && area.offset == 0x420 && area.size == 0x10);
		assert_true(percpu_map_at(&m, 0x41f, &area));
		assert_true(area.allocated && area.offset == 0x400 && area.size == 0x20);
		assert_true(percpu_map_at(&m, 0x300, &area));
		assert_true(!area.allocated && area.offset == 0x300 && area.size == 0x100);
		assert_false(percpu_map_at(&m, 0x2ff, &area));
		assert_false(percpu_map_at(&m, PERCPU_UNIT, &area));
	}
}

static void expect_place(struct fake *f, uint64_t off, enum percpu_place_kind kind, unsigned cpu,
	uint64_t offset, uint64_t size)
{
	struct percpu_place p;
	bool found;
	assert_null(percpu_address_find(f->t, fake_va(f, off), &p, &found));
	assert_true(found);
	assert_false(p.is_pointer);
	assert_int_equal(p.kind, kind);
	assert_int_equal(p.cpu, cpu);
	assert_int_equal(p.offset, offset);
	assert_int_equal(p.size, size);
	uint64_t back;
	assert_null(percpu_address(f->t, p.pointer_va, p.cpu, &back));
	assert_true(back == fake_va(f, off));
}

static void places(void **state)
{
	(void)state;
	EACH(f, era)
	{
		struct percpu_place p;
		bool found;
		for (unsigned cpu = 0; cpu < 2; cpu++) {
			uint64_t unit = PERCPU_UNITS + cpu * PERCPU_UNIT,
				 more = PERCPU_MORE + cpu * PERCPU_UNIT;
			expect_place(f, unit + 0x44, PERCPU_VARIABLE, cpu, 4, 0x80);
			expect_place(f, unit + 0x108, PERCPU_FREE, cpu, 8, PERCPU_RESERVED);
			expect_place(f, unit + 0x424, PERCPU_ALLOCATED, cpu, 4, 0x10);
			expect_place(f, unit + 0xfff, PERCPU_ALLOCATED, cpu, 0xf, 0x20);
			expect_place(f, more + 0x1ffc, PERCPU_ALLOCATED, cpu, 0xffc, 0x1000);
			expect_place(f, more + 0x2000, PERCPU_FREE, cpu, 0, 0x2000);
		}
		assert_null(percpu_address_find(f->t, fake_va(f, PERCPU_START + 0x48), &p, &found));
		assert_true(found && p.is_pointer && p.kind == PERCPU_VARIABLE);
		assert_string_equal(p.symbol, "runqueues");
		assert_int_equal(p.offset, 8);
		static const uint64_t nobodys[] = { 0x50000, PERCPU_MORE + 2 * PERCPU_UNIT,
			PERCPU_MORE - 1, PERCPU_UNITS + 2 * PERCPU_UNIT, PERCPU_UNITS - 1 };
		for (size_t i = 0; i < ARRAY_SIZE(nobodys); i++) {
			assert_null(percpu_address_find(f->t, fake_va(f, nobodys[i]), &p, &found));
			assert_false(found && !p.is_pointer);
		}
		assert_null(percpu_address_find(f->t, 0, &p, &found));
		assert_false(found);
	}
}

/* One CPU: pointers are addresses. */
static void one_cpu(void **state)
{
	(void)state;
	struct fake fake, *f = &fake;
	fake_percpu(f, 4, PERCPU_7_2);
	struct symtab *full = f->t->syms;
	f->t->syms = symtab_create();
	for (size_t i = 0; i < symtab_count(full); i++) {
		struct symbol s;
		symtab_get(full, i, &s);
		if (strncmp(s.name, "__", 2))
			symtab_add(f->t->syms, s.name, s.va, s.object_size, 'D', NULL);
	}
	symtab_finish(f->t->syms);
	expect_place(f, PERCPU_UNITS + 0x424, PERCPU_ALLOCATED, 0, 4, 0x10);
	expect_place(f, PERCPU_MORE + 0x1004, PERCPU_ALLOCATED, 0, 4, 0x1000);
	symtab_destroy(full);
	fake_deinit(f);
}

/* ---- findings ----------------------------------------------------- */

static void hints(void **state)
{
	static const struct {
		const char *path;
		uint64_t v;
		const char *word;
	} bad[] = { { "contig_hint", 1000, "contig_hint" }, { "contig_hint", 1, "contig_hint" },
		{ "contig_hint_start", 250, "in use" },
		{ "contig_hint_start", (uint64_t)-8, "in use" }, { "left_free", 1, "left_free" },
		{ "right_free", 1, "right_free" }, { "first_free", 500, "first_free" },
		{ "first_free", (uint64_t)-1, "first_free" } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		EACH(f, era)
		{
			struct said said;
			fake_set(f, "pcpu_block_md", PERCPU_MAPS + 0x800, bad[i].path, bad[i].v);
			check_chunk(f, CHUNK_FIRST, &said);
			if (said.n != 1 || !strstr(said.last, bad[i].word) ||
				!strstr(said.last, "block 0"))
				fail_msg("%s: %u, \"%s\"", bad[i].path, said.n, said.last);
		}
}

static void counts(void **state)
{
	(void)state;
	EACH(f, era)
	{
		struct said said;
		fake_set(f, "pcpu_chunk", fake_chunk(CHUNK_MORE), "free_bytes", 16);
		check_chunk(f, CHUNK_MORE, &said);
		assert_int_equal(said.n, 1);
		assert_non_null(strstr(said.last, "free_bytes is 16, its map says 12288"));
		fake_set(f, "pcpu_chunk", fake_chunk(CHUNK_FIRST), "nr_populated", 3);
		check_chunk(f, CHUNK_MORE, &said);
	}
	EACH(f, era)
	{
		struct said said;
		fake_set(f, "pcpu_chunk", fake_chunk(CHUNK_FIRST), "nr_populated", 3);
		check_chunk(f, CHUNK_FIRST, &said);
		assert_int_equal(said.n, 1);
		assert_non_null(strstr(said.last, "nr_populated is 3, its map says 4"));
	}
	EACH(f, era)
	{
		struct said said;
		fake_set(f, "pcpu_chunk", fake_chunk(CHUNK_MORE),
			era == PERCPU_4_19 ? "contig_bits" : "chunk_md.contig_hint", 4000);
		check_chunk(f, CHUNK_MORE, &said);
		assert_int_equal(said.n, 1);
		assert_non_null(strstr(said.last, "contig_hint is 4000, its map says 2048"));
	}
}

static void bounds(void **state)
{
	(void)state;
	EACH(f, era)
	{
		struct said said;
		*fake_at(f->t->dump, PERCPU_MAPS + CHUNK_MORE * 0x1000 + 0x400 + 0x2000 / 4 / 8) =
			0;
		check_chunk(f, CHUNK_MORE, &said);
		assert_int_equal(said.n, 1);
		assert_non_null(strstr(said.last, "offset 0x2000: an allocation ends"));
	}
}

/* ---- hostile ------------------------------------------------------ */

static void expect_damage(struct fake *f, size_t chunks, const char *word)
{
	const struct percpu_areas *a = areas(f);
	assert_null(a->no_chunks);
	assert_int_equal(a->chunk.n, chunks);
	for (size_t i = 0; i < a->damage.n; i++)
		if (strstr(a->damage.v[i]->msg, word))
			return;
	fail_msg("%zu findings lack \"%s\"", a->damage.n, word);
}

static void lists(void **state)
{
	(void)state;
	EACH(f, era)
	{
		fake_set(f, "pcpu_chunk", fake_chunk(CHUNK_FIRST), "list.next",
			fake_va(f, fake_chunk(CHUNK_FIRST)));
		expect_damage(f, CHUNK_N, "slot 2");
	}
	EACH(f, era)
	{
		fake_set(f, "pcpu_chunk", fake_chunk(CHUNK_FIRST), "list.next", 0x10);
		expect_damage(f, CHUNK_N, "slot 2");
	}
	EACH(f, era)
	{
		uint64_t head = PERCPU_LISTS + 2 * 2ull * w;
		fake_put(f->t->dump, head, fake_va(f, head), w);
		expect_damage(f, CHUNK_N, "the first chunk is on no list");
	}
	EACH(f, era)
	{
		fake_set(f, "pcpu_chunk", fake_chunk(CHUNK_MORE), "base_addr",
			fake_va(f, PERCPU_UNITS + 0x1000));
		expect_damage(f, CHUNK_N, "overlap");
	}
}

static void fields(void **state)
{
	static const struct {
		const char *path;
		uint64_t v;
		const char *word;
	} bad[] = { { "nr_pages", 0x7fffffff, "pages in a unit" },
		{ "nr_pages", 0, "pages in a unit" },
		{ "nr_pages", (uint64_t)-1, "pages in a unit" }, { "base_addr", 0, "is no page" },
		{ "base_addr", 0x1234, "is no page" },
		{ "start_offset", (uint64_t)-4, "its own part" },
		{ "start_offset", 6, "its own part" }, { "end_offset", 0x4000, "its own part" },
		{ "end_offset", 2, "its own part" } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		EACH(f, era)
		{
			fake_set(f, "pcpu_chunk", fake_chunk(CHUNK_MORE), bad[i].path, bad[i].v);
			expect_damage(f, CHUNK_N - 1, bad[i].word);
		}
}

/* A unit's size is not known where its symbol is not: then there is a limit all the same. */
static void no_unit_size(void **state)
{
	(void)state;
	EACH(f, era)
	{
		fake_put(f->t->dump, 0x450, 0, 4);
		fake_set(f, "pcpu_chunk", fake_chunk(CHUNK_MORE), "nr_pages", 0x7fffffff);
		expect_damage(f, CHUNK_N - 1, "pages in a unit");
	}
}

static void offsets(void **state)
{
	(void)state;
	EACH(f, era)
	{
		fake_number(f, "pcpu_unit_offsets", 0x460, fake_va(f, 0x480), w);
		fake_put(f->t->dump, 0x480, 0, w);
		fake_put(f->t->dump, 0x480 + w, 0x8000, w);
		expect_damage(f, CHUNK_N, "CPU 1: __per_cpu_offset");
	}
}

/* Then static variables are known all the same. */
static void no_chunks(void **state)
{
	(void)state;
	EACH(f, era)
	{
		fake_put(f->t->dump, 0x420, 0xffff, 4);
		const struct percpu_areas *a = areas(f);
		assert_non_null(a->no_chunks);
		assert_non_null(strstr(a->no_chunks->msg, "pcpu_nr_slots is 65535"));
		expect_place(f, PERCPU_UNITS + PERCPU_UNIT + 0x44, PERCPU_VARIABLE, 1, 4, 0x80);
		struct percpu_place p;
		bool found;
		assert_null(percpu_address_find(f->t, fake_va(f, PERCPU_MORE), &p, &found));
		assert_false(found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),
		cmocka_unit_test(usage),
		cmocka_unit_test(places),
		cmocka_unit_test(one_cpu),
		cmocka_unit_test(hints),
		cmocka_unit_test(counts),
		cmocka_unit_test(bounds),
		cmocka_unit_test(lists),
		cmocka_unit_test(fields),
		cmocka_unit_test(no_unit_size),
		cmocka_unit_test(offsets),
		cmocka_unit_test(no_chunks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
