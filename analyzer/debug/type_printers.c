/* The list of printers, and which of them is at work. Knows no type. */
#include "analyzer/debug/type_printers.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/base/vec.h"

enum { NESTED_MAX = 8, TYPEDEFS_MAX = 32 };

struct at_work {
	const struct type_printer *printer;
	uint64_t va;
};

struct type_printers {
	VEC(const struct type_printer *) all;
	struct at_work now[NESTED_MAX];
	size_t nnow;
};

struct type_printers *type_printers_create(void)
{
	return xcalloc(1, sizeof(struct type_printers));
}

void type_printers_destroy(struct type_printers *p)
{
	if (!p)
		return;
	vec_deinit(&p->all);
	free(p);
}

struct err *type_printers_add(struct type_printers *p, const struct type_printer *printer)
{
	for (size_t i = 0; i < p->all.n; i++)
		if (!strcmp(p->all.v[i]->type, printer->type))
			return err_new(
				ERR_MISMATCH, "there is a printer of %s already", printer->type);
	vec_push(&p->all, printer);
	return NULL;
}

void type_printers_remove(struct type_printers *p, const struct type_printer *printer)
{
	for (size_t i = 0; i < p->all.n; i++) {
		if (p->all.v[i] != printer)
			continue;
		memmove(&p->all.v[i], &p->all.v[i + 1], (--p->all.n - i) * sizeof(p->all.v[0]));
		return;
	}
}

static bool is_named(const struct type *t, const char *name)
{
	const char *word = t->kind == TYPE_STRUCT  ? "struct "
			   : t->kind == TYPE_UNION ? "union "
						   : "";
	size_t n = strlen(word);
	return t->name && !strncmp(name, word, n) && !strcmp(name + n, t->name);
}

/* A typedef's own printer stands before that of what it names. */
static const struct type_printer *find(const struct type_printers *p, const struct type *t)
{
	for (unsigned depth = 0; t && depth < TYPEDEFS_MAX; depth++, t = t->target) {
		bool has_name =
			t->kind == TYPE_TYPEDEF || t->kind == TYPE_STRUCT || t->kind == TYPE_UNION;
		for (size_t i = 0; has_name && i < p->all.n; i++)
			if (is_named(t, p->all.v[i]->type))
				return p->all.v[i];
		if (t->kind != TYPE_TYPEDEF && t->kind != TYPE_QUALIFIED)
			break;
	}
	return NULL;
}

static bool is_at_work(
	const struct type_printers *p, const struct type_printer *printer, uint64_t va)
{
	if (p->nnow == NESTED_MAX)
		return true;
	for (size_t i = 0; i < p->nnow; i++)
		if (p->now[i].printer == printer && p->now[i].va == va)
			return true;
	return false;
}

bool type_printers_print(
	struct type_printers *p, const struct type *t, uint64_t va, struct strbuf *out)
{
	const struct type_printer *printer = p && p->all.n ? find(p, t) : NULL;
	bool done = false;
	if (!printer || is_at_work(p, printer, va))
		return false;
	scoped_strbuf struct strbuf text = { 0 };
	p->now[p->nnow++] = (struct at_work){ printer, va };
	scoped_err struct err *err = printer->print(printer->cx, va, &text, &done);
	p->nnow--;
	if (err && err->code == ERR_INTERRUPTED)
		return false; /* the flag is still up: who asked looks at it next */
	if (err)
		strbuf_addf(
			out, "<%s>", err->code == ERR_FAULT ? fault_text(err->fault) : err->msg);
	for (size_t i = 0; !err && done && i < text.len; i++)
		strbuf_add_char(out, text.s[i] == '\n' ? ' ' : text.s[i]);
	return err || done;
}
