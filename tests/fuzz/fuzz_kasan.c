/* KASAN's metadata from any memory: objects and tracks, the quarantine, frames, global descriptors.
 * The input is pages of a fake target (fake_pages.h) over a sound one; its first bytes also are a
 * frame's description. */
#include "tests/unit/fake_kasan.h"
#include "tests/unit/fake_pages.h"

static void read_objects(const struct kasan *k)
{
	for (uint64_t off = SLAB_AT - 0x100; off < SLAB_AT + SLAB_BYTES + 0x100; off += 0x1f0) {
		struct kasan_object o;
		struct kasan_tracks t;
		uint64_t va = k->t->kernel ? vspace_facts(k->t->kernel)->layout.window[0].va + off
					   : 0,
			 bad;
		struct err *err = kasan_object_find(k, va, &o);
		if (!err && o.index >= o.nobjects)
			abort();
		if (!err)
			err = kasan_tracks_read(k, &o, &t);
		err_drop(err);
		kasan_accessible(k, va, 300, &bad);
	}
}

static void walk_quarantine(const struct kasan *k)
{
	struct kasan_queue_iter *it = xcalloc(1, sizeof(*it));
	struct kasan_queue q;
	bool more = true;
	struct err *err = kasan_queue_iter_init(it, k);
	for (unsigned i = 0; !err && more && i < 100; i++) {
		struct kasan_queued_iter queued;
		bool left = true;
		err = kasan_queue_iter_next(it, &q, &more);
		if (err || !more)
			break;
		kasan_queued_iter_init(&queued, k, &q);
		for (unsigned n = 0; left && n < 5000; n++) {
			struct kasan_object o;
			err_drop(kasan_queued_iter_next(&queued, &o, &left)); /* each one's own */
		}
	}
	err_drop(err);
	free(it);
}

static void read_variables(struct fake *f, const struct kasan *k)
{
	struct kasan_frame *fr = xcalloc(1, sizeof(*fr));
	struct kasan_global g;
	for (unsigned at = 0; at < 0x200; at += 0x28) {
		struct err *err =
			kasan_frame_find(k, fake_va(f, STACK_AT + at), fake_va(f, STACK_AT), fr);
		if (!err && fr->nvariables > KASAN_FRAME_VARIABLES_MAX)
			abort();
		err_drop(err);
	}
	err_drop(kasan_global_find(k, fake_va(f, GLOBAL_AT + 10), &g));
	free(fr);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	struct kasan k;
	if (!n)
		return 0;
	size_t len = n < 300 ? n : 300;
	char *text = xcalloc(1, len + 1);
	struct kasan_frame *fr = xcalloc(1, sizeof(*fr));
	memcpy(text, p, len);
	if (kasan_frame_parse(text, fr))
		kasan_frame_variable(fr, 40);
	free(fr);
	free(text);
	fake_kasan(&f, fake_pages_word(p, n), &k);
	fake_pages_load(&f, p, n);
	read_objects(&k);
	walk_quarantine(&k);
	read_variables(&f, &k);
	fake_deinit(&f);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const char text[] = "2 32 12 6 buf:42 64 3 5 x y:7";
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake f;
		struct kasan k;
		fake_kasan(&f, word, &k);
		fake_pages_add(&f, 0, add);
		fake_deinit(&f);
	}
	add((const uint8_t *)text, sizeof(text));
}
