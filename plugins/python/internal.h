/*
 * What the interpreter's files share. Python code runs inside a command only, so there is always
 * one context; the interpreter is one for the process, and so is this state.
 */
#ifndef PLUGINS_PYTHON_INTERNAL_H
#define PLUGINS_PYTHON_INTERNAL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "analyzer/api.h"

/* Of the innermost command that runs Python. */
struct cx *py_cx(void);

/* Before and after Python code; nested calls are fine. */
struct cx *py_enter(struct cx *cx);
void py_leave(struct cx *before);

/* ---- errors.c ---------------------------------------- */

/* Makes a Python exception of @err, which it takes; NULL is fine and raises nothing. Returns NULL.
 */
PyObject *py_raise(struct err *err);

/* The other way: takes the exception that is set. */
struct err *py_take_error(void);

/* An error that stands in a row as a value: an instance of inquest.FaultError. New reference. */
PyObject *py_fault(const char *kind, uint64_t address, const char *message);

/* inquest.Error and its kin, into the module. */
int py_add_errors(PyObject *module);

/* Ctrl-C as Python knows it, from py_signals_begin() to py_signals_end(). */
PyObject *py_interrupted(PyObject *self, PyObject *args);
void py_signals_init(void);
void py_signals_begin(void);
void py_signals_end(void);

/* ---- value.c ---------------------------------------- */

extern PyTypeObject py_value_type;
PyObject *py_value_new(const struct api_value *v);
bool py_is_value(PyObject *o);

/* The number of an int or a value; false with an exception set. Negative ones are taken modulo
 * 2^64. */
bool py_to_number(PyObject *o, uint64_t *ret);

/* The value's number as a Python int, with its sign. */
PyObject *py_value_to_int(PyObject *o);

/* ---- rows.c ---------------------------------------- */

extern PyMethodDef py_row_methods[];

/* ---- module.c ---------------------------------------- */

PyMODINIT_FUNC py_module_init(void);

#endif
