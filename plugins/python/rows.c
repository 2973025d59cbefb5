/*
 * Rows both ways: those of other commands as dicts, and those of commands written in Python as
 * inquest's. What a script prints is rows as well, so that pipes, pagers and JSON treat it as every
 * answer.
 */
#include "plugins/python/internal.h"

/* ---- from other commands ---------------------------------------- */

static PyObject *row_to_dict(const struct api_row *row);

static PyObject *list_to_rows(const struct api_row *first)
{
	PyObject *list = PyList_New(0);
	for (const struct api_row *r = first; list && r; r = api_row_next(r)) {
		PyObject *dict = row_to_dict(r);
		if (!dict || PyList_Append(list, dict))
			Py_CLEAR(list);
		Py_XDECREF(dict);
	}
	return list;
}

static PyObject *cell_to_object(const struct api_cell *c)
{
	switch (c->kind) {
	case API_CELL_UINT:
	case API_CELL_ADDRESS:
		return PyLong_FromUnsignedLongLong(c->number);
	case API_CELL_INT:
		return PyLong_FromLongLong((int64_t)c->number);
	case API_CELL_BOOL:
		return PyBool_FromLong(c->number != 0);
	case API_CELL_SECONDS:
		return PyFloat_FromDouble((double)c->number / 1e9);
	case API_CELL_TEXT:
		return PyUnicode_DecodeUTF8(c->text, (Py_ssize_t)c->bytes, "backslashreplace");
	case API_CELL_FAULT:
		return py_fault(c->fault, c->number, c->text);
	case API_CELL_LIST:
		return list_to_rows(c->list);
	default:
		return Py_NewRef(Py_None);
	}
}

static PyObject *row_to_dict(const struct api_row *row)
{
	PyObject *dict = PyDict_New();
	struct api_cell cell;
	for (size_t i = 0; dict && api_row_cell(row, i, &cell); i++) {
		PyObject *value = cell_to_object(&cell);
		if (!value || PyDict_SetItemString(dict, cell.key, value))
			Py_CLEAR(dict);
		Py_XDECREF(value);
	}
	return dict;
}

struct collecting {
	PyObject *rows, *faults;
	bool failed; /* with a Python exception set */
};

static void collect(struct collecting *c, PyObject *list, PyObject *item)
{
	if (!c->failed && (!item || PyList_Append(list, item))) {
		c->failed = true;
		interrupt_raise(); /* the command need not go on */
	}
	Py_XDECREF(item);
}

static void collect_row(void *with, const struct api_row *row)
{
	struct collecting *c = with;
	if (!c->failed)
		collect(c, c->rows, row_to_dict(row));
}

static void collect_fault(void *with, const char *message)
{
	struct collecting *c = with;
	if (!c->failed)
		collect(c, c->faults,
			PyUnicode_DecodeUTF8(
				message, (Py_ssize_t)strlen(message), "backslashreplace"));
}

/* rows(line) → (dicts, complaints) */
static PyObject *rows(PyObject *self, PyObject *args)
{
	struct collecting c = { .rows = PyList_New(0), .faults = PyList_New(0) };
	const char *line;
	size_t at;
	PyObject *both = NULL;
	(void)self;
	if (c.rows && c.faults && PyArg_ParseTuple(args, "s:rows", &line)) {
		struct err *err = api_rows(py_cx(), line, collect_row, collect_fault, &c, &at);
		if (c.failed) {
			err_drop(err); /* the exception tells more */
			interrupt_clear();
		} else if (err) {
			py_raise(err_wrap(err, "%s", line));
		} else {
			both = PyTuple_Pack(2, c.rows, c.faults);
		}
	}
	Py_XDECREF(c.rows);
	Py_XDECREF(c.faults);
	return both;
}

/* ---- of scripts ---------------------------------------- */

static const struct column line_columns[] = { { "type", .hidden = true }, { "text", .width = 0 },
	{ 0 } };
static const struct table line_table = { .layout = LAYOUT_LINES, .columns = line_columns };

static PyObject *emit(PyObject *args, bool block)
{
	const char *text, *type = NULL;
	Py_ssize_t n;
	if (!PyArg_ParseTuple(args, "s#|z", &text, &n, &type))
		return NULL;
	out_table(py_cx()->out, &line_table);
	out_row(py_cx()->out);
	out_str(py_cx()->out, "type", type);
	if (block)
		out_block(py_cx()->out, "text", text);
	else
		out_str_n(py_cx()->out, "text", text, (size_t)n);
	struct err *err = interrupt_check(); /* nobody reads any more, or Ctrl-C */
	if (err)
		return py_raise(err);
	Py_RETURN_NONE;
}

/* line(text): what a script printed. block(text, type): a value of several lines. */
static PyObject *line(PyObject *self, PyObject *args)
{
	(void)self;
	return emit(args, false);
}

static PyObject *block(PyObject *self, PyObject *args)
{
	(void)self;
	return emit(args, true);
}

static PyObject *complain(PyObject *self, PyObject *args)
{
	const char *text;
	(void)self;
	if (!PyArg_ParseTuple(args, "s:complain", &text))
		return NULL;
	out_complain(py_cx()->out, err_new(ERR_FORMAT, "%s", text));
	Py_RETURN_NONE;
}

/* ---- of commands written in Python ---------------------------------------- */

enum { COLUMNS_MAX = 64, EXAMPLES = 2 };

/* Never freed: rows and the list of what may crash point into it. */
struct python_command {
	struct command c;
	struct column column[COLUMNS_MAX + 1];
	char kind[COLUMNS_MAX]; /* first letter of the column's kind */
	struct table table;
	PyObject *function;
};

static void emit_cell(struct out *o, const char *key, char kind, PyObject *value)
{
	uint64_t number;
	PyObject *text;
	if (value == Py_None)
		return;
	if (kind == 's' || PyUnicode_Check(value)) {
		text = PyObject_Str(value);
		Py_ssize_t n = 0;
		const char *words = text ? PyUnicode_AsUTF8AndSize(text, &n) : NULL;
		if (words)
			out_str_n(o, key, words, (size_t)n);
		Py_XDECREF(text);
	} else if (kind == 'f') {
		double seconds = PyFloat_AsDouble(value);
		if (!PyErr_Occurred())
			out_seconds(o, key, (uint64_t)(seconds * 1e9));
	} else if (kind == 't') {
		int yes = PyObject_IsTrue(value);
		if (yes >= 0)
			out_bool(o, key, yes);
	} else if (py_to_number(value, &number)) {
		if (kind == 'a')
			out_addr(o, key, number);
		else if (kind == 'x')
			out_hex(o, key, number);
		else if (kind == 'i')
			out_int(o, key, (int64_t)number);
		else if (kind == 'b')
			out_bytes(o, key, number);
		else
			out_uint(o, key, number);
	}
}

/* A value whose memory cannot be read costs its cell and nothing else. */
static struct err *emit_value(struct out *o, const char *key, char kind, PyObject *value)
{
	if (PyExceptionInstance_Check(value))
		PyErr_SetObject((PyObject *)Py_TYPE(value), value);
	else
		emit_cell(o, key, kind, value);
	if (!PyErr_Occurred())
		return NULL;
	struct err *err = py_take_error();
	if (!err || err->code != ERR_FAULT)
		return err;
	out_fault(o, key, err);
	return NULL;
}

/* A dict by keys, or a tuple or list in the columns' order. */
static struct err *emit_row(const struct python_command *p, PyObject *row)
{
	struct out *o = py_cx()->out;
	struct err *err = interrupt_check();
	bool dict = PyDict_Check(row);
	PyObject *items =
		dict || err ? NULL : PySequence_Fast(row, "a row is a dict, a tuple or a list");
	if (err)
		return err;
	if (!dict && !items)
		return py_take_error();
	out_table(o, &p->table);
	out_row(o);
	for (size_t i = 0; !err && p->column[i].key; i++) {
		PyObject *value = dict ? PyDict_GetItemString(row, p->column[i].key)
				  : i < (size_t)PySequence_Fast_GET_SIZE(items)
					  ? PySequence_Fast_GET_ITEM(items, (Py_ssize_t)i)
					  : NULL;
		if (value)
			err = emit_value(o, p->column[i].key, p->kind[i], value);
	}
	Py_XDECREF(items);
	return err;
}

static PyObject *arguments_of(const struct args *a)
{
	PyObject *tuple = PyTuple_New(args_count(a));
	for (int i = 0; tuple && i < args_count(a); i++) {
		const char *text = args_get(a, i);
		PyObject *one =
			PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape");
		if (one)
			PyTuple_SET_ITEM(tuple, i, one);
		else
			Py_CLEAR(tuple);
	}
	return tuple;
}

static struct err *emit_all(const struct python_command *p, PyObject *answer)
{
	struct err *err = NULL;
	PyObject *row, *it = answer == Py_None ? NULL : PyObject_GetIter(answer);
	while (!err && it && (row = PyIter_Next(it))) {
		err = emit_row(p, row);
		Py_DECREF(row);
	}
	Py_XDECREF(it);
	if (!err && PyErr_Occurred())
		err = py_take_error();
	PyErr_Clear();
	return err;
}

static struct err *command_run(struct cx *cx, const struct args *a)
{
	const struct python_command *p = (const struct python_command *)api_running_command();
	struct cx *before = py_enter(cx);
	PyObject *arguments = arguments_of(a);
	PyObject *answer = arguments ? PyObject_CallObject(p->function, arguments) : NULL;
	struct err *err = answer ? emit_all(p, answer) : py_take_error();
	Py_XDECREF(answer);
	Py_XDECREF(arguments);
	py_leave(before);
	return err;
}

static bool take_columns(struct python_command *p, PyObject *columns)
{
	Py_ssize_t n = PySequence_Size(columns);
	if (n < 1 || n > COLUMNS_MAX) {
		PyErr_Format(PyExc_ValueError, "a command has 1 to %d columns", COLUMNS_MAX);
		return false;
	}
	for (Py_ssize_t i = 0; i < n; i++) {
		PyObject *one = PySequence_GetItem(columns, i);
		const char *key, *kind;
		int width, right;
		bool good = one && PyArg_ParseTuple(one, "ssip", &key, &kind, &width, &right);
		if (good) {
			p->column[i] = (struct column){ .key = strdup(key),
				.width = (uint8_t)width,
				.align = right ? ALIGN_RIGHT : ALIGN_LEFT };
			p->kind[i] = *kind;
		}
		Py_XDECREF(one);
		if (!good)
			return false;
	}
	p->table = (struct table){ .layout = LAYOUT_TABLE, .columns = p->column };
	return true;
}

/* add_command(name, summary, usage, columns, function, min_args, max_args) → its handle */
static PyObject *add_command(PyObject *self, PyObject *args)
{
	const char *name, *summary, *usage;
	PyObject *columns, *function;
	int min_args, max_args;
	(void)self;
	if (!PyArg_ParseTuple(args, "sssOOii:add_command", &name, &summary, &usage, &columns,
		    &function, &min_args, &max_args))
		return NULL;
	struct python_command *p = calloc(1, sizeof(*p));
	if (!p)
		return PyErr_NoMemory();
	if (!take_columns(p, columns)) {
		free(p);
		return NULL;
	}
	p->function = Py_NewRef(function);
	p->c = (struct command){ .name = strdup(name),
		.summary = strdup(summary),
		.usage = strdup(usage),
		.min_args = min_args,
		.max_args = max_args,
		.rows = &p->table,
		.run = command_run };
	struct err *err = api_add_command(py_cx(), &p->c, "python");
	return err ? py_raise(err) : PyCapsule_New(p, "inquest.command", NULL);
}

static PyObject *remove_command(PyObject *self, PyObject *capsule)
{
	struct python_command *p = PyCapsule_GetPointer(capsule, "inquest.command");
	(void)self;
	if (!p)
		return NULL;
	api_remove_command(py_cx(), &p->c);
	Py_RETURN_NONE;
}

PyMethodDef py_row_methods[] = {
	{ "rows", rows, METH_VARARGS, NULL },
	{ "line", line, METH_VARARGS, NULL },
	{ "block", block, METH_VARARGS, NULL },
	{ "complain", complain, METH_VARARGS, NULL },
	{ "add_command", add_command, METH_VARARGS, NULL },
	{ "remove_command", remove_command, METH_O, NULL },
	{ 0 },
};
