/* Local variables: scopes, every kind of location that needs DIEs, values at entry, and how they
 * are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/variables.h"
#include "tests/unit/fake_vspace.h"
#include "tests/unit/tiny_variables.h"

bool vspace_try_word(struct vspace *vs, uint64_t va, uint64_t *ret)
{
	return vspace_try_uint(vs, va, vs->facts.abi.word_bytes, ret);
}

enum { FRAME = 0x8000, SLIDE = 0x10000 };
static const uint32_t stack[8] = { 0, 0, 77, 0 };
static struct vspace vs = { .facts = { .abi = { .word_bytes = 8 } },
	.nregions = 1,
	.region = { { FRAME, sizeof(stack), stack } } };

struct fixture {
	int fd;
	struct types *db;
	struct debug_env debug;
	struct arena arena;
	struct variables_frame frame[2];
	struct variables_env env;
	struct variable_scope *scope;
	size_t nscopes;
};

/* The callee at @pc below the caller, both known as far as a call leaves them. */
static void open_at(struct fixture *f, uint64_t pc, int calls_callee)
{
	uint8_t elf[16384];
	*f = (struct fixture){ .fd = tiny_fd(elf, tiny_variables(elf, calls_callee)) };
	f->db = types_create(&vs.facts.abi);
	assert_null(types_add_dwarf(f->db, f->fd, "vars"));
	f->debug = (struct debug_env){ .vs = &vs, .types = f->db };
	f->frame[0] = (struct variables_frame){
		.pc = pc + SLIDE, .lookup_pc = pc + SLIDE, .exact = true
	};
	f->frame[1] = (struct variables_frame){ .pc = VARS_RETURN + SLIDE,
		.lookup_pc = VARS_RETURN - 1 + SLIDE };
	regs_set(&f->frame[0].regs, 19, 1234);
	regs_set(&f->frame[0].regs, 29, FRAME);
	regs_set(&f->frame[1].regs, 20, 40);
	f->env = (struct variables_env){ .debug = &f->debug,
		.arch = &arch_arm64,
		.slide = SLIDE,
		.frame = f->frame,
		.nframes = 2 };
}

static void close_it(struct fixture *f)
{
	types_destroy(f->db);
	close(f->fd);
	arena_deinit(&f->arena);
}

static void read_it(struct fixture *f)
{
	assert_null(variables_read(&f->env, 0, &f->arena, &f->scope, &f->nscopes));
}

static const struct variable *find(const struct fixture *f, size_t scope, const char *name)
{
	for (size_t i = 0; i < f->scope[scope].nvariables; i++)
		if (!strcmp(f->scope[scope].variable[i].name, name))
			return &f->scope[scope].variable[i];
	fail_msg("no %s", name);
	return NULL;
}

static void shows(struct fixture *f, const char *name, enum variable_state state, const char *want)
{
	scoped_strbuf struct strbuf text = { 0 };
	const struct variable *v = find(f, f->nscopes - 1, name);
	assert_null(variable_format(&f->debug, v, &(struct value_style){ 0 }, &text));
	if (v->state != state || strcmp(strbuf_text(&text), want))
		fail_msg("%s: %s (state %d, %s)", name, strbuf_text(&text), v->state,
			v->why ? v->why : "");
}

static void each_kind(void **state)
{
	(void)state;
	struct fixture f;
	open_at(&f, VARS_CALLEE + 4, 1);
	read_it(&f);
	assert_int_equal(f.nscopes, 1);
	assert_string_equal(f.scope[0].function, "callee");
	assert_false(f.scope[0].inlined);
	assert_int_equal(f.scope[0].nvariables, 13);
	assert_true(find(&f, 0, "reg")->parameter && !find(&f, 0, "place")->parameter);
	shows(&f, "reg", VARIABLE_BYTES, "1234");
	shows(&f, "entry", VARIABLE_BYTES, "42");
	shows(&f, "unsaid", VARIABLE_ABSENT, "<optimised out>");
	shows(&f, "place", VARIABLE_PLACE, "77");
	assert_int_equal(find(&f, 0, "place")->va, FRAME + 8);
	shows(&f, "pair", VARIABLE_BYTES, "{ .a = 1234, .b = <optimised out> }");
	shows(&f, "nest", VARIABLE_BYTES, "{ .p = <optimised out>, .c = 1234 }");
	shows(&f, "lost", VARIABLE_ABSENT, "<optimised out>");
	shows(&f, "fault", VARIABLE_FAULT, "<not mapped>");
	shows(&f, "typed", VARIABLE_BYTES, "-2");
	shows(&f, "large", VARIABLE_BYTES, "128");
	shows(&f, "negative", VARIABLE_BYTES, "-2");
	shows(&f, "gone", VARIABLE_ABSENT, "<optimised out>");
	assert_int_equal(find(&f, 0, "bad")->state, VARIABLE_BAD);
	close_it(&f);
}

static void scopes_within(void **state)
{
	(void)state;
	struct fixture f;
	open_at(&f, VARS_INLINED + 4, 1);
	read_it(&f);
	assert_int_equal(f.nscopes, 2);
	assert_true(f.scope[0].inlined && !f.scope[1].inlined);
	assert_string_equal(f.scope[0].function, "helper");
	assert_int_equal(f.scope[0].nvariables, 1);
	scoped_strbuf struct strbuf text = { 0 };
	assert_null(
		variable_format(&f.debug, find(&f, 0, "arg"), &(struct value_style){ 0 }, &text));
	assert_string_equal(strbuf_text(&text), "1235");
	shows(&f, "inner", VARIABLE_BYTES, "7");
	/* behind the inlined function, still in the block */
	f.frame[0].lookup_pc = VARS_INLINED + 0x14 + SLIDE;
	read_it(&f);
	assert_int_equal(f.nscopes, 1);
	shows(&f, "inner", VARIABLE_BYTES, "7");
	f.frame[0].lookup_pc = VARS_INLINED + 0x24 + SLIDE;
	read_it(&f);
	assert_int_equal(f.scope[0].nvariables, 13);
	f.frame[0].lookup_pc = 0x5000 + SLIDE;
	read_it(&f);
	assert_int_equal(f.nscopes, 0);
	close_it(&f);
}

/* A value at entry is believed only of the call that led here. */
static void doubtful_callers(void **state)
{
	(void)state;
	struct fixture f;
	open_at(&f, VARS_CALLEE + 4, 0);
	read_it(&f);
	shows(&f, "entry", VARIABLE_ABSENT, "<optimised out>"); /* the call was of helper */
	close_it(&f);
	open_at(&f, VARS_CALLEE + 4, 1);
	f.frame[1].pc += 4; /* no call returns there */
	read_it(&f);
	shows(&f, "entry", VARIABLE_ABSENT, "<optimised out>");
	f.frame[1].pc -= 4;
	f.frame[1].exact = true; /* an exception, no call */
	read_it(&f);
	shows(&f, "entry", VARIABLE_ABSENT, "<optimised out>");
	f.frame[1].exact = false;
	f.frame[1].regs.valid = 0; /* what the caller had in x20 is lost */
	read_it(&f);
	shows(&f, "entry", VARIABLE_ABSENT, "<optimised out>");
	f.env.nframes = 1;
	read_it(&f);
	shows(&f, "entry", VARIABLE_ABSENT, "<optimised out>");
	close_it(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind),
		cmocka_unit_test(scopes_within),
		cmocka_unit_test(doubtful_callers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
