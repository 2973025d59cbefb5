/* Expressions and type names from any bytes, for both word sizes, over the odd types of
 * tiny_dwarf.h and a small memory. */
#include <dwarf.h>

#include "analyzer/base/scope.h"
#include "analyzer/debug/address.h"
#include "analyzer/debug/expr.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_vspace.h"
#include "tests/unit/tiny_dwarf.h"

static const struct value_style style = { .max_elements = 20 };

static struct err *call_plus(void *cx, const struct expr_call *c, struct value *ret)
{
	(void)cx;
	*ret = c->arg[0];
	return expr_load(c->env, ret);
}

/* Parses and evaluates; what comes of it is printed, kept, and asked for its truth. */
static void evaluate(const struct debug_env *env, const char *text, enum expr_flags flags)
{
	struct arena a = { 0 };
	scoped_strbuf struct strbuf out = { 0 };
	const struct expr *x;
	struct value v;
	bool truth;
	size_t at = 0;
	struct err *e = expr_parse(env, &a, text, flags, &x, &at);
	if (!e)
		e = expr_eval(env, x, &v, &at);
	if (at > strlen(text))
		__builtin_trap(); /* errors point into the text */
	if (!e) {
		expr_state_remember(env->state, &v);
		e = value_format(env, &v, &style, &out);
	}
	err_drop(e);
	if (!e && out.len) {
		e = expr_truth(env, &v, &truth);
		err_drop(e);
		e = expr_eval_type(env, x, &v, &at);
		err_drop(e);
	}
	arena_deinit(&a);
}

/* What was kept is forgotten after each input, so that one input is one story. */
static void story(struct types *db, struct symtab *st, struct vspace *vs, const char *text)
{
	struct debug_env env = { .vs = vs, .types = db, .syms = st, .state = expr_state_create() };
	expr_state_add_function(
		env.state, &(struct expr_function){ "plus", "plus(A, B)", 1, 2, call_plus, NULL });
	uint64_t va;
	const struct type *t;
	scoped_strbuf struct strbuf out = { 0 };
	evaluate(&env, text, EXPR_C);
	evaluate(&env, text, EXPR_CALCULATOR);
	err_drop(address_parse(&env, text, &va));
	struct err *e = expr_parse_type(&env, text, &t);
	if (!e) {
		type_declare(t, "x", &out);
		e = value_format(&env, &(struct value){ .type = t, .va = 0x1008 }, &style, &out);
	}
	err_drop(e);
	expr_state_destroy(env.state);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct types *db, *narrow;
	static struct symtab *st;
	static const uint8_t memory[256] = { 1, 2, 3, 0x10, 0x10 };
	struct vspace vs = { .facts.abi = { .word_bytes = 8 },
		.nregions = 1,
		.region = { { 0x1000, sizeof(memory), memory } } };
	if (!db) {
		uint8_t elf[16384];
		db = types_create(&vs.facts.abi);
		err_drop(types_add_dwarf(db, tiny_fd(elf, tiny_odd_unit(elf)), "odd"));
		narrow = types_create(&(struct abi){ .word_bytes = 4 });
		st = symtab_create();
		symtab_add(st, "spec_var", 0x1000, 4, 'D', NULL);
		symtab_add(st, "decl_var", 0x1010, 4, 'D', NULL);
		symtab_add(st, "code", 0x1080, 4, 'T', NULL);
		symtab_finish(st);
	}
	scoped_strbuf struct strbuf text = { 0 };
	strbuf_add_bytes(&text, p, n);
	story(db, st, &vs, strbuf_text(&text));
	vs.facts.abi.word_bytes = 4;
	story(narrow, st, &vs, strbuf_text(&text));
	return 0;
}

void fuzz_seed(fuzz_add_fn add)
{
	static const char *const seeds[] = { "spec_var", "&spec_var", "(struct bits *)4096",
		"((struct outside *)0x1008)->flex[2]", "*(struct ouroboros *)0x1000", "(huge *)0",
		"code", "struct ouroboros *[3]", "const unsigned long *volatile", "decl_var.x",
		"(self_t)5", "*(*(self_t *)0x1000)", "1 ? (short)-2 >> 1 : 3u",
		"$a = spec_var ^ ~0x10ull", "offsetof(struct bits, a)",
		"container_of(&spec_var, struct outside, far)->flex[-1..2]",
		"\"a\\x41\\n\" == (char *)4096",
		"sizeof(struct bits) * 3 <= 1 && !spec_var || 'c' != 07", "plus(spec_var, $)",
		"((char *)4096)[0]@9", "(void (*)(int))code", "(__int128)-1 / 7 % 3",
		"-9223372036854775807ll / -1 << 3", "(unsigned __int128)1 << 127", "4k - c0de + 1m",
		"code+0x10", "*(__int128 *)4096", "(int *)8 - (int *)4" };
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		add((const uint8_t *)seeds[i], strlen(seeds[i]));
}
