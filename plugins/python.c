/*
 * py: Python over the dump. This file only knows where the interpreter is kept and when it is
 * wanted, so that a start without Python maps none of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/api.h"
#include "plugins/python/host.h"

enum { PATH_BYTES = 4096 };

/* A plugin is mapped as /proc/self/fd/N; the link leads to its file. */
static struct err *find_host(char *path, size_t n)
{
	Dl_info info;
	if (!dladdr((void *)find_host, &info) || !info.dli_fname)
		return err_new(ERR_MISSING, "the dynamic linker does not know this plugin's file");
	ssize_t got = readlink(info.dli_fname, path, n - 1);
	if (got > 0)
		path[got] = '\0';
	else
		snprintf(path, n, "%s", info.dli_fname);
	char *slash = strrchr(path, '/');
	size_t at = slash ? (size_t)(slash - path) + 1 : 0;
	if ((size_t)snprintf(path + at, n - at, "python/host.so") >= n - at)
		return err_new(ERR_LIMIT, "the plugin's path is too long");
	return NULL;
}

/* As inquest asks of plugins: who could change the file could do anything. */
static struct err *check_owner(const char *path)
{
	struct stat st;
	if (stat(path, &st))
		return err_io(errno, "%s", path);
	if (st.st_mode & S_IWOTH || (st.st_uid != 0 && st.st_uid != geteuid()))
		return err_new(ERR_MISMATCH,
			"%s: anyone may write to it, or it belongs to another user", path);
	return NULL;
}

/* Extension modules of Python expect its symbols to be there for everybody. */
static struct err *open_host(const struct python_host **ret)
{
	static const struct python_host *host;
	char path[PATH_BYTES];
	struct err *err = NULL;
	if (!host) {
		err = find_host(path, sizeof(path));
		if (!err)
			err = check_owner(path);
		void *handle = err ? NULL : dlopen(path, RTLD_NOW | RTLD_GLOBAL);
		const struct python_host *found = handle ? dlsym(handle, "python_host") : NULL;
		if (!err && !found)
			err = err_new(ERR_MISSING, "Python is not there: %s", dlerror());
		else if (!err && found->abi != PLUGIN_ABI)
			err = err_new(
				ERR_MISMATCH, "%s: built for plugin ABI %u", path, found->abi);
		if (err)
			return err;
		host = found;
	}
	*ret = host;
	return NULL;
}

/* -f FILE [ARGUMENT…] */
static struct err *run_file(struct cx *cx, const struct python_host *host, const struct args *a)
{
	int n = args_count(a);
	const char **arguments = calloc((size_t)n + 1, sizeof(*arguments));
	if (!arguments)
		return err_new(ERR_NO_MEMORY, "%d arguments", n);
	for (int i = 0; i < n; i++)
		arguments[i] = args_get(a, i);
	struct err *err = host->file(cx, args_option(a, 'f'), arguments);
	free(arguments);
	return err;
}

static struct err *py_run(struct cx *cx, const struct args *a)
{
	const struct python_host *host;
	const char *rest = args_rest(a, 0);
	struct err *err = open_host(&host);
	if (err)
		return err;
	if (args_option(a, 'f'))
		return run_file(cx, host, a);
	if (*rest == '<')
		return host->file(
			cx, rest + 1 + strspn(rest + 1, " \t"), (const char *const[]){ NULL });
	if (*rest)
		return host->expression(cx, rest);
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return host->console(cx);
	return args_error(a, 0, "an expression is missing, or -f FILE");
}

static const struct column text_columns[] = { { "type", .hidden = true }, { "text", .width = 0 },
	{ 0 } };
static const struct table text_table = { .layout = LAYOUT_LINES, .columns = text_columns };

static const struct option py_options[] = {
	{ 'f', "FILE", "run a script; its arguments follow, sys.argv has them" }, { 0 }
};

static const char *const py_examples[] = {
	"py prog[\"init_task\"].comm\tan object by its name, and a member",
	"py [t.pid for t in walk(\"task\") if t.mm]\twhat walkers find",
	"py sum(r[\"rss\"] or 0 for r in command(\"ps\"))\trows of another command",
	"py -f script.py a b\ta script with arguments",
	"py < script.py\tone without",
	"py\tat a terminal: a console, Ctrl-D leaves it",
	NULL,
};

static const struct command py = {
	.name = "py",
	.summary = "Python over the dump: an expression, a script, a console",
	.usage = "[EXPRESSION|< FILE|-f FILE [ARGUMENT…]]",
	.details = "The module inquest is imported, and all of its names: prog, walk, command, "
		   "define, cast,\n"
		   "read, symbol, FaultError and more; docs/python.md has them. What a script "
		   "prints become\n"
		   "lines of the answer. > and | stand in parentheses, else they redirect.",
	.options = py_options,
	.examples = py_examples,
	.max_args = -1,
	.expression = true,
	.rows = &text_table,
	.run = py_run,
};

static const struct command *const commands[] = { &py, NULL };

const struct plugin plugin = {
	PLUGIN_BUILT_BY,
	.name = "python",
	.version = "1",
	.summary = "Python over the dump",
	.commands = commands,
};
