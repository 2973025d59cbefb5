/* How the kernel was tainted, in letters and words, and by which modules. What a module's own marks
 * are is module_use.h's. */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/module.h"
#include "analyzer/kernel/module_use.h"
#include "analyzer/triage/triage.h"

/* By bit, the same ones since v2.6: Documentation/admin-guide/tainted-kernels.rst and
 * kernel/panic.c, taint_flags[], up to v7.2. */
static const struct {
	char letter;
	const char *meaning;
} flags[] = {
	{ 'P', "a module of a proprietary licence was loaded" },
	{ 'F', "a module was loaded by force" },
	{ 'S', "the hardware is outside of its specification" },
	{ 'R', "a module was removed by force" },
	{ 'M', "the processor reported a machine check" },
	{ 'B', "a page was found in a bad state" },
	{ 'U', "a program asked for the mark" },
	{ 'D', "the kernel has died: an oops or BUG()" },
	{ 'A', "an ACPI table was replaced" },
	{ 'W', "the kernel has warned" },
	{ 'C', "a staging driver was loaded" },
	{ 'I', "a defect of the firmware was worked around" },
	{ 'O', "a module from outside of the kernel's tree was loaded" },
	{ 'E', "a module without a signature was loaded" },
	{ 'L', "a soft lockup was seen" },
	{ 'K', "the kernel was patched as it ran" },
	{ 'X', "the distribution's own mark" },
	{ 'T', "structures are laid out at random" },
	{ 'N', "a test of the kernel's has run" },
	{ 'J', "firmware was changed through fwctl" },
};

static struct taint *find_letter(struct triage *tr, char letter)
{
	for (size_t i = 0; i < tr->facts.taint.n; i++)
		if (tr->facts.taint.v[i].letter == letter)
			return tr->facts.taint.v + i;
	return NULL;
}

static void add_module(struct triage *tr, const char *name, const char *letters)
{
	for (; *letters; letters++) {
		struct taint *taint = find_letter(tr, *letters);
		if (taint)
			taint->modules = arena_printf(&tr->arena, "%s%s%s",
				taint->modules ? taint->modules : "", taint->modules ? ", " : "",
				name);
	}
}

static struct err *ask_modules(struct triage *tr)
{
	struct module_iter it;
	struct module m;
	bool more = true;
	struct err *err = module_iter_init(&it, tr->t);
	while (!err && more) {
		scoped_strbuf struct strbuf letters = { 0 };
		err = module_iter_next(&it, &m, &more);
		if (!err && more)
			err = module_taints_format(tr->t, m.va, &letters);
		if (err && more && err->code != ERR_INTERRUPTED) {
			triage_ledger(tr, "taint", "%s", err->msg);
			err_drop(err); /* one module; the ledger has it */
			err = NULL;
		} else if (!err && more) {
			add_module(tr, m.name, strbuf_text(&letters));
		}
	}
	return err;
}

struct err *facts_read_taint(struct triage *tr)
{
	uint64_t mask = 0;
	struct err *err = target_read_variable(tr->t, "tainted_mask", 0, &mask);
	for (unsigned i = 0; !err && i < tr->t->abi.word_bytes * 8; i++) {
		bool told = i < ARRAY_SIZE(flags);
		if (mask >> i & 1)
			vec_push(&tr->facts.taint,
				((struct taint){ told ? flags[i].letter : '?',
					told ? flags[i].meaning : "a mark newer than inquest",
					NULL }));
	}
	if (!err && mask)
		err = ask_modules(tr);
	if (err && err->code != ERR_INTERRUPTED) {
		triage_ledger(tr, "taint", "%s", err->msg);
		err_drop(err); /* the ledger has it */
		err = NULL;
	}
	return err;
}
