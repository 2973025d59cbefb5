/*
 * What panic() said, from where it formatted it: its static buffer (kernel/panic.c, panic()
 * from 4.19 on, vpanic() of 6.15 and later), which outlives the log. Else the log's last such line.
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/system.h"
#include "analyzer/stack/locals.h"
#include "analyzer/triage/triage.h"

enum { BUFFER_BYTES = 1024 };

/* The text at @va, if it is one: printable, ended, not empty. Its last newline is dropped. */
static const char *text_at(struct triage *tr, uint64_t va)
{
	char buf[BUFFER_BYTES + 1] = { 0 };
	if (vspace_try_read(tr->t->kernel, va, buf, BUFFER_BYTES, NULL) != FAULT_NONE)
		return NULL;
	size_t n = strnlen(buf, BUFFER_BYTES);
	while (n && buf[n - 1] == '\n')
		n--;
	if (!n || n == BUFFER_BYTES)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)buf[i] < ' ' && buf[i] != '\n' && buf[i] != '\t')
			return NULL;
	return arena_strndup(&tr->arena, buf, n);
}

/* By panic()'s own description of its variable. */
static const char *by_variable(struct triage *tr, size_t frame)
{
	struct variable_scope *scope;
	size_t n;
	struct err *err =
		frame_variables(tr->t, &tr->facts.calls.trace, frame, &tr->arena, &scope, &n);
	if (err) {
		err_drop(err); /* no debug information: the symbols are tried next */
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < scope[i].nvariables; k++) {
			const struct variable *v = scope[i].variable + k;
			if (v->name && !strcmp(v->name, "buf") && v->state == VARIABLE_PLACE)
				return text_at(tr, v->va);
		}
	return NULL;
}

/* By the symbols that such a variable can have: "buf", "buf.3". Only when a single one of them
 * holds text. */
static const char *by_symbol(struct triage *tr)
{
	const char *found = NULL;
	for (size_t i = 0, n = symtab_count(tr->t->syms); i < n; i++) {
		struct symbol s;
		symtab_get(tr->t->syms, i, &s);
		if (s.module || (s.type != 'b' && s.type != 'd') || s.size < BUFFER_BYTES ||
			(strcmp(s.name, "buf") != 0 && strncmp(s.name, "buf.", 4) != 0))
			continue;
		const char *text = text_at(tr, s.va);
		if (text && found)
			return NULL;
		found = text ? text : found;
	}
	return found;
}

void facts_panic_text(struct triage *tr)
{
	struct facts *f = &tr->facts;
	if (f->end != END_PANIC)
		return;
	size_t call = calls_find(&f->calls, "vpanic", 0);
	if (call == SIZE_MAX)
		call = calls_find(&f->calls, "panic", 0);
	if (call != SIZE_MAX)
		f->panic_text = by_variable(tr, f->calls.call[call].frame);
	if (!f->panic_text)
		f->panic_text = by_symbol(tr);
	f->panic_text_source = "panic()'s own buffer";
	if (f->panic_text)
		return;
	struct err *err = system_panic_message(tr->t, &tr->arena, &f->panic_text);
	err_drop(err); /* no log: the ledger says so already */
	f->panic_text_source = f->panic_text ? "the log" : NULL;
}
