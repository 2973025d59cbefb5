/* Flame graphs of any names: the document stays well-formed. The input is stacks of names: NUL ends
 * a name, an empty one ends a stack. */
#include "analyzer/base/arena.h"
#include "analyzer/out/flame.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/xml_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct flame_name stack[64];
	struct arena names = { 0 };
	struct strbuf out = { 0 };
	size_t depth = 0;
	struct flame *f = flame_create("stacks", "tasks");
	for (size_t at = 0; at < n && at < 4096;) {
		size_t len = strnlen((const char *)p + at, n - at);
		if (len && depth < 64) {
			char *name = arena_strndup(&names, (const char *)p + at, len);
			stack[depth].name = name;
			stack[depth].group = len % 3 ? NULL : name;
			depth++;
		} else {
			flame_add(f, stack, depth, 1 + len % 5);
			depth = 0;
		}
		at += len + 1;
	}
	flame_add(f, stack, depth, 1);
	flame_draw(f, &out);
	if (xml_wrong(strbuf_text(&out), out.len))
		abort();
	strbuf_deinit(&out);
	flame_destroy(f);
	arena_deinit(&names);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const char plain[] = "entry\0read\0pipe_read\0\0entry\0write\0\0other";
	static const char markup[] =
		"</title>\0<g a=\"b\">\0&amp;\0\0]]>\0<![CDATA[\0\xef\xbf\xbe\0'";
	add((const uint8_t *)plain, sizeof(plain));
	add((const uint8_t *)markup, sizeof(markup));
}
