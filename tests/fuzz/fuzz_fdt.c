/* Device tree blobs of any bytes: every event's name and value lies within the input. */
#include "analyzer/kernel/fdt.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/fdt_build.h"

struct seen {
	const uint8_t *p;
	size_t n;
	unsigned depth;
};

static void fail_if(bool wrong)
{
	if (wrong)
		abort();
}

static bool is_inside(const struct seen *s, const void *p, size_t n)
{
	const uint8_t *b = p;
	return b >= s->p && b <= s->p + s->n && n <= (size_t)(s->p + s->n - b);
}

static struct err *look(void *cx, const struct device_tree_event *e)
{
	struct seen *s = cx;
	struct strbuf text = { 0 };
	switch (e->kind) {
	case DEVICE_TREE_RESERVE:
		break;
	case DEVICE_TREE_NODE:
		fail_if(e->depth != s->depth++ || !is_inside(s, e->name, strlen(e->name) + 1));
		break;
	case DEVICE_TREE_PROPERTY:
		fail_if(e->depth + 1 != s->depth || !is_inside(s, e->name, strlen(e->name) + 1) ||
			!is_inside(s, e->value, e->length));
		device_tree_value_format(e->value, e->length, &text);
		fail_if(!text.len != !e->length);
		break;
	case DEVICE_TREE_END:
		fail_if(e->depth != --s->depth);
		break;
	}
	fail_if(s->depth > DEVICE_TREE_DEPTH_MAX);
	strbuf_deinit(&text);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	/* a copy of its own, so that a byte beyond the end is seen */
	uint8_t *copy = malloc(n ? n : 1);
	struct seen s = { copy, n, 0 };
	memcpy(copy, p, n);
	struct err *err = fdt_walk(copy, n, look, &s);
	fail_if(err ? !err->msg[0] : s.depth != 0);
	err_drop(err);
	free(copy);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	struct fdt_build b;
	fdt_build_small(&b);
	add(b.bytes, b.n);
}
