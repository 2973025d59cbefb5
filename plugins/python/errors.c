/* Errors of inquest as exceptions of Python, and back; Ctrl-C for both. */
#include "plugins/python/internal.h"

#include <signal.h>

static PyObject *error, *fault_error, *not_found, *missing, *usage;

int py_add_errors(PyObject *module)
{
	PyObject *lookup = PyTuple_New(2), *value = PyTuple_New(2);
	error = PyErr_NewExceptionWithDoc(
		"inquest.Error", "What inquest could not do.", NULL, NULL);
	if (!error || !lookup || !value)
		return -1;
	fault_error = PyErr_NewExceptionWithDoc("inquest.FaultError",
		"Memory that cannot be read: .address is where, .kind why (\"unmapped\", "
		"\"excluded\", …).",
		error, NULL);
	PyTuple_SET_ITEM(lookup, 0, Py_NewRef(error));
	PyTuple_SET_ITEM(lookup, 1, Py_NewRef(PyExc_LookupError));
	PyTuple_SET_ITEM(value, 0, Py_NewRef(error));
	PyTuple_SET_ITEM(value, 1, Py_NewRef(PyExc_ValueError));
	not_found = PyErr_NewExceptionWithDoc(
		"inquest.NotFoundError", "A name that is none.", lookup, NULL);
	missing = PyErr_NewExceptionWithDoc(
		"inquest.MissingError", "The dump lacks what this needs.", error, NULL);
	usage = PyErr_NewExceptionWithDoc(
		"inquest.UsageError", "Words that make no sense here.", value, NULL);
	Py_DECREF(lookup);
	Py_DECREF(value);
	if (!fault_error || !not_found || !missing || !usage)
		return -1;
	return PyModule_AddObjectRef(module, "Error", error) ||
	       PyModule_AddObjectRef(module, "FaultError", fault_error) ||
	       PyModule_AddObjectRef(module, "NotFoundError", not_found) ||
	       PyModule_AddObjectRef(module, "MissingError", missing) ||
	       PyModule_AddObjectRef(module, "UsageError", usage);
}

PyObject *py_fault(const char *kind, uint64_t address, const char *message)
{
	PyObject *e = PyObject_CallFunction(fault_error, "s", message);
	PyObject *at = PyLong_FromUnsignedLongLong(address), *why = PyUnicode_FromString(kind);
	if (!e || !at || !why || PyObject_SetAttrString(e, "address", at) ||
		PyObject_SetAttrString(e, "kind", why))
		Py_CLEAR(e);
	Py_XDECREF(at);
	Py_XDECREF(why);
	return e;
}

static PyObject *class_of(enum err_code code)
{
	switch (code) {
	case ERR_NOT_FOUND:
		return not_found;
	case ERR_MISSING:
		return missing;
	case ERR_USAGE:
		return usage;
	case ERR_NO_MEMORY:
		return PyExc_MemoryError;
	default:
		return error;
	}
}

PyObject *py_raise(struct err *err)
{
	if (!err)
		return NULL;
	if (err->code == ERR_INTERRUPTED) {
		/* Python's own flag is up as well, after Ctrl-C: one exception is enough. */
		interrupt_clear();
		if (!PyErr_CheckSignals())
			PyErr_SetNone(PyExc_KeyboardInterrupt);
	} else if (err->code == ERR_FAULT) {
		PyObject *e = py_fault(fault_name(err->fault), err->addr, err->msg);
		if (e)
			PyErr_SetObject(fault_error, e);
		Py_XDECREF(e);
	} else {
		PyObject *text = PyUnicode_DecodeUTF8(
			err->msg, (Py_ssize_t)strlen(err->msg), "backslashreplace");
		if (text)
			PyErr_SetObject(class_of(err->code), text);
		Py_XDECREF(text);
	}
	err_drop(err); /* Python has it now */
	return NULL;
}

/* The innermost line of a script: "script.py:12: ". What was typed, and inquest.py, have no file.
 */
static void add_place(PyObject *traceback, struct strbuf *out)
{
	scoped_strbuf struct strbuf place = { 0 };
	for (PyTracebackObject *t = (PyTracebackObject *)traceback; t; t = t->tb_next) {
		PyCodeObject *code = PyFrame_GetCode(t->tb_frame);
		const char *file = PyUnicode_AsUTF8(code->co_filename);
		const char *name = file ? strrchr(file, '/') : NULL;
		if (file && *file != '<') {
			strbuf_reset(&place);
			strbuf_addf(&place, "%s:%d: ", name ? name + 1 : file, t->tb_lineno);
		}
		Py_DECREF(code);
	}
	strbuf_add(out, strbuf_text(&place));
	PyErr_Clear();
}

static struct err *exit_error(PyObject *value)
{
	PyObject *code = value ? PyObject_GetAttrString(value, "code") : NULL;
	struct err *err = NULL;
	if (code && code != Py_None && !(PyLong_Check(code) && PyLong_AsLong(code) == 0)) {
		PyObject *text = PyObject_Str(code);
		const char *words = text ? PyUnicode_AsUTF8(text) : NULL;
		err = err_new(ERR_FORMAT, "%s%s",
			PyLong_Check(code) ? "the script ended with " : "",
			words ? words : "an unknown status");
		Py_XDECREF(text);
	}
	Py_XDECREF(code);
	PyErr_Clear();
	return err;
}

static struct err *fault_to_err(PyObject *value, const char *words)
{
	PyObject *at = PyObject_GetAttrString(value, "address");
	PyObject *why = PyObject_GetAttrString(value, "kind");
	const char *kind = why ? PyUnicode_AsUTF8(why) : NULL;
	struct err *err = err_new(ERR_FAULT, "%s", words);
	err->addr = at ? PyLong_AsUnsignedLongLongMask(at) : 0;
	err->fault = FAULT_UNMAPPED;
	for (enum fault_kind k = FAULT_UNMAPPED; kind && k <= FAULT_CORRUPT; k++)
		if (!strcmp(kind, fault_name(k)))
			err->fault = k;
	Py_XDECREF(at);
	Py_XDECREF(why);
	PyErr_Clear();
	return err;
}

struct err *py_take_error(void)
{
	PyObject *type, *value, *traceback;
	struct err *err;
	PyErr_Fetch(&type, &value, &traceback);
	if (!type)
		return err_new(ERR_FORMAT, "Python failed without a reason");
	PyErr_NormalizeException(&type, &value, &traceback);
	if (PyErr_GivenExceptionMatches(type, PyExc_KeyboardInterrupt)) {
		interrupt_raise();
		err = interrupt_check();
	} else if (PyErr_GivenExceptionMatches(type, PyExc_SystemExit)) {
		err = exit_error(value);
	} else {
		scoped_strbuf struct strbuf b = { 0 };
		PyObject *text = value ? PyObject_Str(value) : NULL;
		const char *words = text ? PyUnicode_AsUTF8(text) : NULL;
		add_place(traceback, &b);
		strbuf_addf(&b, "%s", ((PyTypeObject *)type)->tp_name);
		for (; words && (*words == ' ' || *words == '\n'); words++)
			;
		if (words && *words)
			strbuf_addf(&b, ": %s", words);
		for (size_t i = 0; i < b.len; i++)
			b.s[i] = b.s[i] == '\n' ? ' ' : b.s[i];
		err = PyErr_GivenExceptionMatches(type, fault_error)
			      ? fault_to_err(value, strbuf_text(&b))
			      : err_new(ERR_FORMAT, "%s", strbuf_text(&b));
		Py_XDECREF(text);
	}
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(traceback);
	PyErr_Clear();
	return err;
}

/* ---- Ctrl-C ---------------------------------------- */

static struct sigaction ours, python;

/* What Python calls between two of its steps. A script that catches the exception goes on as if
 * nothing had been; py_take_error() tells the session of one that does not. */
PyObject *py_interrupted(PyObject *self, PyObject *args)
{
	(void)self, (void)args;
	interrupt_clear();
	PyErr_SetNone(PyExc_KeyboardInterrupt);
	return NULL;
}

/* Both are told: iterators of inquest look at its flag, Python's loops at theirs. */
static void on_interrupt(int sig)
{
	interrupt_raise();
	PyErr_SetInterruptEx(sig);
}

/* Python must have a handler of its own to be interrupted at all; it is not the one that is called.
 */
void py_signals_init(void)
{
	struct sigaction before;
	sigaction(SIGINT, NULL, &before);
	PyObject *done =
		PyRun_String("__import__('signal').signal(2, __import__('_inquest').interrupted)",
			Py_eval_input, PyEval_GetBuiltins(), NULL);
	if (!done)
		PyErr_Clear(); /* Ctrl-C then ends what asks inquest for anything, and not bare
				  loops */
	Py_XDECREF(done);
	sigaction(SIGINT, &before, NULL);
	python = (struct sigaction){ .sa_handler = on_interrupt }; /* reads from the terminal end */
}

void py_signals_begin(void)
{
	struct sigaction before;
	sigaction(SIGINT, &python, &before);
	if (before.sa_handler != on_interrupt)
		ours = before;
}

void py_signals_end(void)
{
	sigaction(SIGINT, &ours, NULL);
}
