/* Per-CPU chunks, their maps and hints from any memory. The input is pages of a fake target
 * (fake_pages.h); bits 1 and 2 of its first byte are the era. */
#include "tests/unit/fake_pages.h"
#include "tests/unit/fake_percpu.h"

static struct err *hear(void *cx, struct err *what)
{
	++*(unsigned *)cx;
	err_drop(what);
	return NULL;
}

static void look(const struct percpu_areas *a, const struct percpu_chunk *c)
{
	scoped_percpu_map struct percpu_map m = { 0 };
	struct percpu_usage u;
	struct percpu_area area;
	unsigned findings = 0;
	uint64_t sum = 0;
	struct err *err = percpu_map_read(a, c, &m);
	if (err) {
		err_drop(err);
		return;
	}
	percpu_map_usage(&m, &u);
	if (u.used_bytes + u.free_bytes != c->end - c->start || u.largest_free > u.free_bytes)
		abort();
	for (uint64_t at = c->start; percpu_map_at(&m, at, &area); at = area.offset + area.size)
		sum += area.size;
	if (sum != c->end - c->start)
		abort();
	err_drop(percpu_map_check(&m, hear, &findings)); /* md_blocks may lie anywhere */
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	const struct percpu_areas *a;
	if (!n)
		return 0;
	fake_percpu(&f, fake_pages_word(p, n), (p[0] >> 1 & 3) % PERCPU_ERAS);
	fake_pages_load(&f, p, n);
	struct err *err = percpu_areas_get(f.t, &a);
	for (size_t i = 0; !err && i < a->chunk.n && i < 64; i++) {
		struct percpu_place place;
		bool found;
		look(a, &a->chunk.v[i]);
		uint64_t va = a->chunk.v[i].base_va + a->chunk.v[i].start;
		err = percpu_address_find(f.t, va, &place, &found);
		if (!err && found && place.size && place.offset >= place.size)
			abort();
	}
	err_drop(err);
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4)
		for (enum fake_percpu_era era = 0; era < PERCPU_ERAS; era++) {
			struct fake f;
			fake_percpu(&f, word, era);
			fake_pages_add(&f, (unsigned)era << 1, add);
			fake_deinit(&f);
		}
}
