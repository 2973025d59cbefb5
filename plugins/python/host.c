/*
 * The interpreter inside: started at its first use, kept until the program ends, and entered by
 * commands only. What Python does with the dump is module.c's.
 */
#include "plugins/python/host.h"
#include "plugins/python/internal.h"

#include <stdio.h>

static struct cx *now;

struct cx *py_cx(void)
{
	return now;
}

/* ---- starting it ---------------------------------------- */

/* inquest.py is part of this file: there is nothing else to install. */
__asm__(".section .rodata\n"
	".global inquest_py\n.hidden inquest_py\n"
	"inquest_py: .incbin \"plugins/python/inquest.py\"\n"
	".byte 0\n"
	".previous\n");
extern const char inquest_py[];

/* The system's Python as it is: no environment variables, no signal handlers of its own. */
static struct err *start(void)
{
	PyConfig config;
	PyConfig_InitIsolatedConfig(&config);
	config.install_signal_handlers = 0;
	config.user_site_directory = 1;
	config.write_bytecode = 0;
	PyImport_AppendInittab("_inquest", py_module_init);
	PyStatus status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	if (PyStatus_Exception(status))
		return err_new(ERR_MISSING, "Python does not start: %s",
			status.err_msg ? status.err_msg : "no reason given");
	return NULL;
}

static struct err *load_module(void)
{
	PyObject *code = Py_CompileString(inquest_py, "<inquest>", Py_file_input);
	PyObject *module = code ? PyImport_ExecCodeModule("inquest", code) : NULL;
	PyObject *done = module ? PyRun_String("from inquest import *", Py_file_input,
					  PyModule_GetDict(PyImport_AddModule("__main__")), NULL)
				: NULL;
	struct err *err = done ? NULL : py_take_error();
	Py_XDECREF(code);
	Py_XDECREF(module);
	Py_XDECREF(done);
	return err;
}

/* The handler of Ctrl-C is in place before py_enter() puts ours over it. */
static struct err *ready(void)
{
	static bool started, loaded;
	struct err *err = started ? NULL : start();
	started |= !err; /* the interpreter starts once, whether our module loads or not */
	if (err || loaded)
		return err;
	err = load_module();
	if (!err)
		py_signals_init();
	loaded = !err;
	return err;
}

struct cx *py_enter(struct cx *cx)
{
	struct cx *before = now;
	now = cx;
	if (!before)
		py_signals_begin();
	return before;
}

void py_leave(struct cx *before)
{
	now = before;
	if (!before)
		py_signals_end();
}

/* ---- running it ---------------------------------------- */

/* Calls a function of inquest.py; it answers by rows. */
static struct err *call(
	struct cx *cx, const char *function, PyObject *(*make)(const void *), const void *with)
{
	struct err *err = ready();
	struct cx *before = py_enter(cx);
	PyObject *module = err ? NULL : PyImport_ImportModule("inquest");
	PyObject *fn = module ? PyObject_GetAttrString(module, function) : NULL;
	PyObject *arguments = fn ? make(with) : NULL;
	PyObject *done = arguments ? PyObject_CallObject(fn, arguments) : NULL;
	if (!err && !done)
		err = py_take_error();
	Py_XDECREF(done);
	Py_XDECREF(arguments);
	Py_XDECREF(fn);
	Py_XDECREF(module);
	py_leave(before);
	return err;
}

static PyObject *one_text(const void *text)
{
	return Py_BuildValue("(N)", PyUnicode_DecodeFSDefault(text));
}

static struct err *run_expression(struct cx *cx, const char *text)
{
	return call(cx, "_run_expression", one_text, text);
}

struct file_call {
	const char *path;
	const char *const *arguments;
};

static PyObject *file_arguments(const void *with)
{
	const struct file_call *c = with;
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && c->arguments[i]; i++) {
		PyObject *one = PyUnicode_DecodeFSDefault(c->arguments[i]);
		if (!one || PyList_Append(list, one))
			Py_CLEAR(list);
		Py_XDECREF(one);
	}
	return list ? Py_BuildValue("(NN)", PyUnicode_DecodeFSDefault(c->path), list) : NULL;
}

static struct err *run_file(struct cx *cx, const char *path, const char *const *arguments)
{
	return call(cx, "_run_file", file_arguments, &(struct file_call){ path, arguments });
}

static PyObject *nothing(const void *with)
{
	(void)with;
	return PyTuple_New(0);
}

static struct err *run_console(struct cx *cx)
{
	fflush(stdout);
	return call(cx, "_run_console", nothing, NULL);
}

const struct python_host python_host = { PLUGIN_ABI, run_expression, run_file, run_console };
