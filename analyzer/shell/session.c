/* What a session holds, and who may ask for it. Lines run in session_run.c. */
#include "analyzer/shell/session_state.h"

#include <signal.h>
#include <stdlib.h>

#include "analyzer/debug/expr.h"
#include "analyzer/kernel/percpu_expr.h"
#include "analyzer/shell/plugins.h"
#include "analyzer/target/target.h"

/* crash has these from the start. Which of them are no commands here is the registry's to say. */
static void add_known_aliases(struct session *s)
{
	static const char *const known[][2] = { { "px", "p -x" }, { "pd", "p -d" },
		{ "hex", "set radix 16" }, { "dec", "set radix 10" }, { "sf", "set scroll off" },
		{ "sn", "set scroll on" }, { "g", "gdb" }, { "man", "help" }, { "dmesg", "log" },
		{ "last", "ps -l" } };
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!registry_has(&s->registry, known[i][0]))
			err_drop(aliases_set(
				&s->aliases, &s->registry, known[i][0], known[i][1])); /* a word */
	}
}

struct err *session_create(const struct session_options *o, struct session **ret)
{
	struct session *s = xcalloc(1, sizeof(*s));
	s->target = o->target;
	s->expr_state = expr_state_create();
	if (s->target) {
		s->target->debug.state = s->expr_state;
		percpu_expr_register(s->expr_state, s->target);
	}
	s->to = o->to ? o->to : stdout;
	s->errors = o->errors ? o->errors : stderr;
	s->carets = o->format != OUT_JSON && o->format != OUT_JSONL;
	s->arguments = o->arguments;
	s->narguments = o->narguments;
	s->out = out_create(o->format, s->to, o->colour);
	out_set_errors(s->out, s->errors);
	if (o->address_bytes)
		out_set_address_bytes(s->out, o->address_bytes);
	signal(SIGPIPE,
		SIG_IGN); /* a reader that goes away is an EPIPE, not the end of the session */
	for (size_t i = 0; o->commands[i]; i++) {
		struct err *err = registry_add(&s->registry, o->commands[i]);
		if (err) {
			session_destroy(s);
			return err;
		}
	}
	for (size_t i = 0; builtin_walkers[i]; i++) {
		struct err *err = registry_add_walker(&s->registry, builtin_walkers[i]);
		if (err) {
			session_destroy(s);
			return err;
		}
	}
	add_known_aliases(s);
	s->own_plugins = !o->plugins;
	s->plugins = o->plugins ? o->plugins : plugins_create();
	plugins_bind(s->plugins, &s->registry, s->target);
	*ret = s;
	return NULL;
}

void session_destroy(struct session *s)
{
	if (!s)
		return;
	if (s->target)
		s->target->debug.state = NULL;
	expr_state_destroy(s->expr_state);
	out_destroy(s->out);
	if (s->plugins)
		plugins_unbind(s->plugins);
	if (s->own_plugins)
		plugins_destroy(s->plugins);
	registry_deinit(&s->registry);
	aliases_deinit(&s->aliases);
	arena_deinit(&s->arena);
	free(s);
}

bool session_alias(const struct session *s, size_t i, const char **ret_name, const char **ret_line)
{
	if (i >= s->aliases.all.n)
		return false;
	*ret_name = s->aliases.all.v[i].name;
	*ret_line = s->aliases.all.v[i].line;
	return true;
}

struct err *session_set_alias(struct session *s, const char *name, const char *line)
{
	return aliases_set(&s->aliases, &s->registry, name, line);
}

void session_set_pager(struct session *s, const char *command)
{
	s->pager = command;
}

struct settings *session_settings(struct session *s)
{
	return &s->settings;
}

bool session_paged(const struct session *s)
{
	return !s->settings.unpaged;
}

void session_set_paged(struct session *s, bool yes)
{
	s->settings.unpaged = !yes;
}

bool session_line_failed(const struct session *s)
{
	return s->line_failed;
}

void session_begin_line(struct session *s)
{
	s->line_failed = false;
}

bool session_interrupted(const struct session *s)
{
	return s->interrupted;
}

bool session_ended(const struct session *s)
{
	return s->ended;
}

bool session_failed(const struct session *s)
{
	return s->failed;
}

const struct registry *session_registry(const struct session *s)
{
	return &s->registry;
}

struct target *session_target(const struct session *s)
{
	return s->target;
}

const struct command *session_command(const struct session *s, size_t i)
{
	return i < s->registry.commands.n ? s->registry.commands.v[i] : NULL;
}

struct err *session_find_command(
	const struct session *s, const char *name, const struct command **ret)
{
	return registry_find(&s->registry, name, ret);
}

const struct walker *session_walker(const struct session *s, size_t i)
{
	return i < s->registry.walkers.n ? s->registry.walkers.v[i] : NULL;
}

struct err *session_find_walker(
	const struct session *s, const char *name, const struct walker **ret)
{
	return registry_find_walker(&s->registry, name, ret);
}

struct plugins *session_plugins(struct session *s)
{
	return s->plugins;
}

uint64_t session_task_va(const struct session *s)
{
	return s->task_va;
}

void session_set_task_va(struct session *s, uint64_t va)
{
	s->task_va = va;
}

struct selected_frame *session_selected_frame(struct session *s)
{
	return &s->frame;
}

void session_quit(struct session *s)
{
	s->ended = true;
}
