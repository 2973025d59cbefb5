/* Local variables by DWARF of any bytes, over registers and memory of any content: each is read and
 * shown. */
#include <stdlib.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/variables.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_vspace.h"
#include "tests/unit/tiny_variables.h"

bool vspace_try_word(struct vspace *vs, uint64_t va, uint64_t *ret)
{
	return vspace_try_uint(vs, va, vs->facts.abi.word_bytes, ret);
}

static void use(const struct variables_env *env)
{
	struct arena arena = { 0 };
	struct variable_scope *scope;
	size_t n;
	struct err *err = variables_read(env, 0, &arena, &scope, &n);
	for (size_t i = 0; !err && i < n; i++) {
		for (size_t k = 0; !err && k < scope[i].nvariables; k++) {
			scoped_strbuf struct strbuf text = { 0 };
			err_drop(variable_format(env->debug, &scope[i].variable[k],
				&(struct value_style){ 0 }, &text));
			if (!text.len)
				abort(); /* shown as nothing */
		}
	}
	err_drop(err);
	arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint64_t place[] = { VARS_CALLEE + 4, VARS_INLINED + 4, VARS_INLINED + 0x14,
		VARS_CALLER };
	scoped_fd int fd = tiny_fd(p, n);
	if (fd < 0)
		return 0;
	struct vspace vs = { .nregions = 1, .region = { { 0x8000, n, p } } };
	vs.facts.abi.word_bytes = 8;
	struct types *db = types_create(&vs.facts.abi);
	struct err *err = types_add_dwarf(db, fd, "fuzz");
	const struct debug_env debug = { .vs = &vs, .types = db };
	struct variables_frame frame[2] = { { .exact = true },
		{ .pc = VARS_RETURN, .lookup_pc = VARS_RETURN - 1 } };
	for (unsigned i = 0; i <= arch_arm64.reg_pc; i++)
		for (unsigned k = 0; k < 2; k++)
			if (i % 4 != 3)
				regs_set(&frame[k].regs, i, 0x8000 + 8 * i);
	for (size_t i = 0; !err && i < ARRAY_SIZE(place); i++) {
		frame[0].pc = frame[0].lookup_pc = place[i];
		const struct variables_env env = {
			.debug = &debug, .arch = &arch_arm64, .frame = frame, .nframes = 2
		};
		use(&env);
		types_noreturn(db, place[i]);
	}
	err_drop(err);
	types_destroy(db);
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	uint8_t elf[16384];
	add(elf, tiny_variables(elf, 1));
	add(elf, tiny_variables(elf, 0));
}
