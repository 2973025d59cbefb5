/* _inquest, the module of C functions below inquest.py: values, memory and symbols of the dump. */
#include "plugins/python/internal.h"

enum { READ_MAX = 1 << 30 };

static PyObject *value(PyObject *self, PyObject *args)
{
	const char *text;
	struct api_value v;
	(void)self;
	if (!PyArg_ParseTuple(args, "s:value", &text))
		return NULL;
	struct err *err = api_value(py_cx()->target, NULL, text, &v);
	return err ? py_raise(err) : py_value_new(&v);
}

static PyObject *value_at(PyObject *self, PyObject *args)
{
	const char *type;
	PyObject *where;
	uint64_t va;
	struct api_value v;
	(void)self;
	if (!PyArg_ParseTuple(args, "sO:value_at", &type, &where) || !py_to_number(where, &va))
		return NULL;
	struct err *err = api_value_at(py_cx()->target, type, va, &v);
	return err ? py_raise(err) : py_value_new(&v);
}

typedef struct err *(*read_fn)(struct target *t, uint64_t at, void *buf, size_t n);

static PyObject *read_bytes(PyObject *args, read_fn fn)
{
	PyObject *where;
	Py_ssize_t n;
	uint64_t at;
	if (!PyArg_ParseTuple(args, "On", &where, &n) || !py_to_number(where, &at))
		return NULL;
	if (n < 0 || n > READ_MAX) {
		PyErr_Format(PyExc_ValueError, "0 to %d bytes can be read at a time", READ_MAX);
		return NULL;
	}
	PyObject *bytes = PyBytes_FromStringAndSize(NULL, n);
	struct err *err =
		bytes && n ? fn(py_cx()->target, at, PyBytes_AS_STRING(bytes), (size_t)n) : NULL;
	if (!err)
		return bytes;
	Py_DECREF(bytes);
	return py_raise(err);
}

static PyObject *read_virtual(PyObject *self, PyObject *args)
{
	(void)self;
	return read_bytes(args, api_read);
}

static PyObject *read_physical(PyObject *self, PyObject *args)
{
	(void)self;
	return read_bytes(args, api_read_physical);
}

static PyObject *symbol(PyObject *self, PyObject *args)
{
	const char *name;
	uint64_t va;
	(void)self;
	if (!PyArg_ParseTuple(args, "s:symbol", &name))
		return NULL;
	if (!api_has_symbol(py_cx()->target, name))
		return py_raise(err_new(ERR_NOT_FOUND, "no symbol %s", name));
	struct err *err = api_symbol(py_cx()->target, name, &va);
	return err ? py_raise(err) : PyLong_FromUnsignedLongLong(va);
}

static PyObject *symbol_text(PyObject *self, PyObject *where)
{
	scoped_strbuf struct strbuf b = { 0 };
	uint64_t va;
	(void)self;
	if (!py_to_number(where, &va))
		return NULL;
	if (!api_symbol_text(py_cx()->target, va, &b))
		Py_RETURN_NONE;
	return PyUnicode_DecodeUTF8(strbuf_text(&b), (Py_ssize_t)b.len, "backslashreplace");
}

static PyObject *architecture(PyObject *self, PyObject *args)
{
	(void)self, (void)args;
	return Py_BuildValue("z", api_architecture(py_cx()->target));
}

static PyObject *word_bytes(PyObject *self, PyObject *args)
{
	(void)self, (void)args;
	return PyLong_FromLong(api_abi(py_cx()->target)->word_bytes);
}

static PyMethodDef methods[] = {
	{ "value", value, METH_VARARGS, NULL },
	{ "value_at", value_at, METH_VARARGS, NULL },
	{ "read", read_virtual, METH_VARARGS, NULL },
	{ "read_physical", read_physical, METH_VARARGS, NULL },
	{ "symbol", symbol, METH_VARARGS, NULL },
	{ "symbol_text", symbol_text, METH_O, NULL },
	{ "architecture", architecture, METH_NOARGS, NULL },
	{ "interrupted", py_interrupted, METH_VARARGS, NULL },
	{ "word_bytes", word_bytes, METH_NOARGS, NULL },
	{ 0 },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_inquest",
	.m_size = -1,
	.m_methods = methods,
};

PyMODINIT_FUNC py_module_init(void)
{
	PyObject *m = PyModule_Create(&definition);
	if (!m || PyType_Ready(&py_value_type) || PyModule_AddFunctions(m, py_row_methods) ||
		py_add_errors(m) || PyModule_AddObjectRef(m, "Value", (PyObject *)&py_value_type))
		Py_CLEAR(m);
	return m;
}
