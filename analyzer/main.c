/* inquest: wiring. Opens the target, gives it to a session, and says by the exit status how it
 * went. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/progress.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/shell/batch.h"
#include "analyzer/shell/manual.h"
#include "analyzer/shell/options.h"
#include "analyzer/shell/plugins.h"
#include "analyzer/shell/session.h"
#include "analyzer/shell/session_internal.h"
#include "analyzer/debug/debuginfod.h"
#include "analyzer/kernel/module_debug.h"
#include "analyzer/stack/reg_file.h"
#include "analyzer/target/overrides.h"
#include "analyzer/target/target.h"

/* When several apply: the one that stands first here. */
enum status {
	STATUS_USAGE = 2,
	STATUS_NOT_OPENED = 3,
	STATUS_FAILED = 1,
	STATUS_PARTIAL = 4,
	STATUS_GOOD = 0,
};

/* One line on stderr; it may quote a dump or a file's name. */
static void say(const char *msg)
{
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_add_escaped(&b, msg, strlen(msg));
	fprintf(stderr, "inquest: %s\n", strbuf_text(&b));
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);
	return value && *value;
}

static bool want_colour(const struct options *o)
{
	const char *term = getenv("TERM");
	return o->format == OUT_TEXT && !o->no_color && !is_set("NO_COLOR") &&
	       isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

static void greet(const struct target *t)
{
	const struct dump_info *info = dump_info(t->dump);
	scoped_strbuf struct strbuf b = { 0 };
	strbuf_add_escaped(&b, info->path, strlen(info->path));
	printf("%s: %s%s%s\n", strbuf_text(&b), info->format, t->arch ? ", " : "",
		t->arch ? t->arch->name : "");
	puts("`help` lists the commands, Ctrl-D ends.");
}

static void run_script(struct session *s, const char *path, bool *failed)
{
	struct err *err = session_run_script(s, path);
	if (!err)
		return;
	say(err->msg);
	err_drop(err); /* said */
	*failed = true;
}

/* Words that hold a quote cannot be told to a command. */
static bool add_quoted(struct strbuf *line, const char *word)
{
	strbuf_addf(line, " \"%s\"", word);
	return !strpbrk(word, "\"\n");
}

/* By the command py, which a plugin has. */
static void run_python(struct session *s, const struct options *o, const char *path, bool *failed)
{
	const struct command *py;
	scoped_strbuf struct strbuf line = { 0 };
	struct err *err = session_find_command(s, "py", &py);
	strbuf_add(&line, "py -f");
	bool good = add_quoted(&line, path);
	for (size_t i = 0; i < o->narguments; i++)
		good &= add_quoted(&line, o->arguments[i]);
	if (!err && good)
		session_run_expanded(s, strbuf_text(&line));
	else
		say(err ? "--python: the plugin of Python is not there; `make install` puts it "
			  "where it is found"
			: "--python: a name or argument holds a quote or a newline");
	*failed |= err || !good;
	err_drop(err); /* said in words of our own */
}

/* Whether somebody types. */
static bool is_prompt(const struct options *o)
{
	return !o->steps.n && isatty(STDIN_FILENO);
}

/* All that was asked for; false when any of it failed. */
static bool run_all(struct session *s, const struct options *o, const struct target *t)
{
	bool failed = false;
	for (size_t i = 0; i < o->steps.n && !session_ended(s); i++) {
		const struct step *step = &o->steps.v[i];
		if (step->command)
			session_run(s, step->command);
		else if (step->python)
			run_python(s, o, step->python, &failed);
		else
			run_script(s, step->script, &failed);
		if (session_interrupted(s))
			break;
	}
	if (is_prompt(o)) {
		if (o->format == OUT_TEXT && isatty(STDOUT_FILENO))
			greet(t);
		types_index_in_background(t->types);
		session_prompt(s);
	} else if (!o->steps.n) {
		run_script(s, "-", &failed);
	}
	return !failed && !session_failed(s);
}

/* One that is refused is worth a line; one for another target is not. */
static void say_refused(const struct plugins *p)
{
	const struct plugin_entry *e;
	for (size_t i = 0; (e = plugins_get(p, i)); i++) {
		scoped_strbuf struct strbuf b = { 0 };
		strbuf_addf(&b, "plugin %s: %s", e->path, e->why ? e->why : "");
		if (e->state == PLUGIN_REFUSED)
			say(strbuf_text(&b));
	}
}

static enum status run_session(const struct options *o, struct target *t, struct plugins *p)
{
	const struct session_options so = {
		.commands = builtin_commands,
		.target = t,
		.format = o->format,
		.colour = want_colour(o),
		.address_bytes = t->abi.word_bytes,
		.arguments = o->arguments,
		.narguments = o->narguments,
		.plugins = p,
	};
	struct session *s;
	struct err *err = session_create(&so, &s);
	if (err) {
		say(err->msg);
		err_drop(err); /* said */
		return STATUS_FAILED;
	}
	interrupt_install();
	say_refused(p);
	if (!o->no_rc)
		session_run_rc(s, o->format != OUT_TEXT || !is_prompt(o));
	bool good = run_all(s, o, t);
	session_destroy(s);
	if (!good)
		return STATUS_FAILED;
	return target_partial(t) ? STATUS_PARTIAL : STATUS_GOOD;
}

/* Says the warnings from number @from on; returns how many there are. */
static size_t say_warnings(const struct target *t, size_t from)
{
	const char *warning;
	while ((warning = target_warning(t, from))) {
		say(warning);
		from++;
	}
	return from;
}

/* dump_progress_fn: one line on the terminal, written over, a few times a second. */
static void show_progress(void *cx, const char *what, uint64_t done, uint64_t total)
{
	static time_t last;
	(void)cx;
	if (done < total && time(NULL) == last)
		return;
	last = time(NULL);
	fprintf(stderr, "\r%s: %llu of %llu MB\x1b[K%s", what, (unsigned long long)(done >> 20),
		(unsigned long long)(total >> 20), done < total ? "" : "\r\x1b[K");
}

/* One line that is overwritten, and gone at the end. */
static void show_fetching(size_t got, size_t total)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (got == SIZE_MAX)
		fputs("\r\033[K", stderr);
	else if (total)
		fprintf(stderr, "\rfetching debug information: %zu of %zu MB (Ctrl-C ends it)",
			got >> 20, total >> 20);
	else
		fputs("\rfetching debug information (Ctrl-C ends it)", stderr);
}

/* --set, before a dump is opened, which may take its time. */
static bool facts_are_good(const struct options *o)
{
	struct overrides scratch = { 0 };
	struct err *err = NULL;
	for (size_t i = 0; !err && i < o->set.n; i++)
		err = overrides_add(&scratch, o->set.v[i]);
	overrides_deinit(&scratch);
	if (!err)
		return true;
	say(err->msg);
	err_drop(err); /* said */
	return false;
}

/* --regs: what the registers are called depends on the dump's architecture. */
static struct err *take_registers(const struct options *o, struct target *t, struct reg_file **ret)
{
	*ret = NULL;
	if (!o->regs_path)
		return NULL;
	if (!t->arch)
		return err_new(
			ERR_MISSING, "--regs: the dump does not say of which architecture it is");
	struct err *err = reg_file_open(t->arch, o->regs_path, ret);
	t->given_regs = *ret;
	return err_wrap(err, "--regs");
}

static enum status run(const struct options *o, struct plugins *p)
{
	struct target *t;
	struct reg_file *registers;
	if (!facts_are_good(o))
		return STATUS_USAGE;
	interrupt_install(); /* opening may take its time */
	if (isatty(STDERR_FILENO))
		progress_show_on(stderr);
	size_t nformats, nfinders;
	const struct foreign_format *formats = plugins_formats(p, &nformats);
	const struct foreign_finder *finders = plugins_finders(p, &nfinders);
	debuginfod_set_progress(show_fetching);
	struct err *err = target_open(
		&(struct target_options){ .files = o->files,
			.nfiles = o->nfiles,
			.ram = o->ram.v,
			.nram = o->ram.n,
			.dump = { o->cache_bytes, isatty(STDERR_FILENO) ? show_progress : NULL,
				NULL, formats, nformats },
			.finders = finders,
			.nfinders = nfinders,
			.force = o->force,
			.no_cache = o->no_cache,
			.symbols_dir = o->symbols_dir,
			.set = o->set.v,
			.nset = o->set.n },
		&t);
	if (err) {
		say(err->msg);
		err_drop(err); /* said */
		return STATUS_NOT_OPENED;
	}
	module_debug_later(t, o->symbols_dir);
	size_t said = say_warnings(t, 0);
	err = take_registers(o, t, &registers);
	if (err)
		say(err->msg);
	enum status status = err ? STATUS_USAGE : run_session(o, t, p);
	err_drop(err); /* said */
	say_warnings(t, said);
	target_close(t);
	reg_file_close(registers);
	return status;
}

/* Plugins come first: some of them know formats of dumps. */
static enum status run_with_plugins(const struct options *o)
{
	struct plugins *p = plugins_create();
	struct err *err = NULL;
	plugins_load_found(p);
	for (size_t i = 0; !err && i < o->plugins.n; i++)
		err = plugins_load(p, o->plugins.v[i], NULL);
	if (err)
		say(err->msg);
	enum status status = err ? STATUS_USAGE : run(o, p);
	err_drop(err); /* said */
	plugins_destroy(p);
	return status;
}

static size_t count_commands(void)
{
	size_t n = 0;
	while (builtin_commands[n])
		n++;
	return n;
}

/* What does not need a dump. */
static void tell_about_us(enum options_verdict what)
{
	scoped_strbuf struct strbuf b = { 0 };
	if (what == OPTIONS_MANUAL)
		manual_page(builtin_commands, options_help(), &b);
	else if (what == OPTIONS_COMPLETION)
		manual_completion(builtin_commands, options_help(), &b);
	else if (what == OPTIONS_ZSH)
		manual_zsh_completion(builtin_commands, options_help(), &b);
	else if (what == OPTIONS_MARKDOWN)
		manual_markdown(builtin_commands, &b);
	else
		strbuf_addf(&b,
			"inquest %s\ntargets: arm arm64\n"
			"dumps: ELF core, kdump, flattened kdump, split dumps, LiME, AVML, raw "
			"RAM\n"
			"compression: zlib lzo snappy zstd lzma\n"
			"debug information: DWARF 2-5, BTF, kallsyms, debuginfod\n"
			"answers: text, JSON, JSON lines, CSV\n"
			"commands: %zu\nplugin ABI: %d\n",
			INQUEST_VERSION, count_commands(), PLUGIN_ABI);
	fputs(strbuf_text(&b), stdout);
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, ""); /* readline's widths; numbers stay as they are */
	struct options o;
	if (argc > 1 && !strcmp(argv[1], "triage"))
		return batch_main(argc, argv);
	enum options_verdict verdict = options_parse(argc, argv, &o);
	enum status status = verdict == OPTIONS_WRONG ? STATUS_USAGE : STATUS_GOOD;
	if (verdict == OPTIONS_RUN)
		status = run_with_plugins(&o);
	else if (verdict != OPTIONS_WRONG && verdict != OPTIONS_DONE)
		tell_about_us(verdict);
	options_deinit(&o);
	return (int)status;
}
