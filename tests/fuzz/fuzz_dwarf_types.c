/* DWARF from any bytes: every type that can be found is completed, written out and searched. */
#include <dwarf.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/lines.h"
#include "analyzer/debug/type.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tiny_dwarf.h"

static void use_type(struct types *db, const struct type *t)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct field_ref f;
	err_drop(type_complete(db, t));
	type_declare(t, "x", &b);
	err_drop(type_define(db, t, true, &b));
	err_drop(type_field(db, t, "nothing", &f));
	err_drop(type_field(db, t, "a", &f));
	err_drop(type_field(db, t, "[1]", &f));
	if (t->nmembers && t->member[0].name)
		err_drop(type_field(db, t, t->member[0].name, &f));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const names[] = { "int", "cycle_t", "self_t", "ouroboros", "bits",
		"huge", "outside", "nowhere", "spec_var", "decl_var" };
	struct abi abi = { .word_bytes = 8 };
	scoped_fd int fd = tiny_fd(p, n);
	if (fd < 0)
		return 0;
	struct types *db = types_create(&abi);
	struct err *e = types_add_dwarf(db, fd, "fuzz");
	for (size_t i = 0; !e && i < ARRAY_SIZE(names); i++) {
		const struct type *t;
		const char *file;
		int line;
		struct source_frame frame[SOURCE_FRAMES_MAX];
		for (enum type_kind k = TYPE_VOID; k <= TYPE_TYPEDEF; k++) {
			struct err *absent = types_find(db, k, names[i], "odd.c", &t);
			if (!absent)
				use_type(db, t);
			err_drop(absent);
		}
		struct err *absent = types_find_variable(db, names[i], NULL, &t);
		if (!absent)
			use_type(db, t);
		err_drop(absent);
		types_source_line(db, 0x1000 * i, &file, &line);
		types_source_frames(db, 0x1000 * i, 0x1000 * i - 4, frame);
	}
	err_drop(e);
	types_destroy(db);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	uint8_t elf[16384];
	add(elf, tiny_odd_unit(elf));
}
