/*
 * inquest.Value: a typed object of the dump. Members are attributes, elements are items; its own
 * methods end in an underscore, so that no member's name is hidden by them. What C says of the
 * types is asked of inquest's expressions and not known here.
 */
#include "plugins/python/internal.h"

struct value_object {
	PyObject_HEAD struct api_value v;
};

bool py_is_value(PyObject *o)
{
	return PyObject_TypeCheck(o, &py_value_type);
}

static struct api_value *value_of(PyObject *o)
{
	return &((struct value_object *)o)->v;
}

PyObject *py_value_new(const struct api_value *v)
{
	struct value_object *o = PyObject_New(struct value_object, &py_value_type);
	if (o)
		o->v = *v;
	return (PyObject *)o;
}

static PyObject *evaluate(PyObject *it, const char *text)
{
	struct api_value v;
	struct err *err = api_value(py_cx()->target, value_of(it), text, &v);
	return err ? py_raise(err) : py_value_new(&v);
}

/* ---- numbers ---------------------------------------- */

PyObject *py_value_to_int(PyObject *o)
{
	struct api_value_info info = api_value_info(value_of(o));
	uint64_t number;
	if (info.kind == API_STRUCT || info.kind == API_UNION || info.kind == API_ARRAY ||
		info.kind == API_VOID) {
		PyErr_SetString(
			PyExc_TypeError, "this is no number; address_() is where it stands");
		return NULL;
	}
	struct err *err = api_value_number(py_cx()->target, value_of(o), &number);
	if (err)
		return py_raise(err);
	return info.is_signed ? PyLong_FromLongLong((int64_t)number)
			      : PyLong_FromUnsignedLongLong(number);
}

bool py_to_number(PyObject *o, uint64_t *ret)
{
	PyObject *number = PyNumber_Index(o);
	if (!number)
		return false;
	*ret = PyLong_AsUnsignedLongLongMask(number);
	Py_DECREF(number);
	return !PyErr_Occurred();
}

static PyObject *plain(PyObject *o)
{
	return py_is_value(o) ? py_value_to_int(o) : Py_NewRef(o);
}

typedef PyObject *(*binary_fn)(PyObject *, PyObject *);

static PyObject *calculate(PyObject *a, PyObject *b, binary_fn fn)
{
	PyObject *x = plain(a), *y = x ? plain(b) : NULL, *done = y ? fn(x, y) : NULL;
	Py_XDECREF(x);
	Py_XDECREF(y);
	return done;
}

/* A pointer moves by elements, and the distance of two is in elements, as C has it. */
static PyObject *move(PyObject *a, PyObject *b, char sign)
{
	char text[96];
	uint64_t n;
	bool both = py_is_value(b) && api_value_info(value_of(b)).kind == API_POINTER;
	if (!py_to_number(b, &n))
		return NULL;
	if (!both) {
		snprintf(text, sizeof(text), "it %c (%lld)", sign, (long long)n);
		return evaluate(a, text);
	}
	snprintf(text, sizeof(text), "it %c (typeof(it))0x%llxull", sign, (unsigned long long)n);
	PyObject *distance = evaluate(a, text),
		 *number = distance ? py_value_to_int(distance) : NULL;
	Py_XDECREF(distance);
	return number;
}

static bool is_pointer(PyObject *o)
{
	if (!py_is_value(o))
		return false;
	enum api_kind kind = api_value_info(value_of(o)).kind;
	return kind == API_POINTER || kind == API_ARRAY;
}

static PyObject *value_add(PyObject *a, PyObject *b)
{
	if (is_pointer(a))
		return move(a, b, '+');
	return is_pointer(b) ? move(b, a, '+') : calculate(a, b, PyNumber_Add);
}

static PyObject *value_subtract(PyObject *a, PyObject *b)
{
	return is_pointer(a) ? move(a, b, '-') : calculate(a, b, PyNumber_Subtract);
}

#define PLAIN_OPERATION(name, fn)                                                                  \
	static PyObject *name(PyObject *a, PyObject *b)                                            \
	{                                                                                          \
		return calculate(a, b, fn);                                                        \
	}
PLAIN_OPERATION(value_multiply, PyNumber_Multiply)
PLAIN_OPERATION(value_remainder, PyNumber_Remainder)
PLAIN_OPERATION(value_divide, PyNumber_TrueDivide)
PLAIN_OPERATION(value_floor, PyNumber_FloorDivide)
PLAIN_OPERATION(value_and, PyNumber_And)
PLAIN_OPERATION(value_or, PyNumber_Or)
PLAIN_OPERATION(value_xor, PyNumber_Xor)
PLAIN_OPERATION(value_left, PyNumber_Lshift)
PLAIN_OPERATION(value_right, PyNumber_Rshift)

static PyObject *one(PyObject *o, PyObject *(*fn)(PyObject *))
{
	PyObject *x = py_value_to_int(o), *done = x ? fn(x) : NULL;
	Py_XDECREF(x);
	return done;
}

static PyObject *value_negative(PyObject *o)
{
	return one(o, PyNumber_Negative);
}

static PyObject *value_invert(PyObject *o)
{
	return one(o, PyNumber_Invert);
}

/* Objects are there; numbers and pointers may be 0. */
static int value_bool(PyObject *o)
{
	enum api_kind kind = api_value_info(value_of(o)).kind;
	if (kind == API_STRUCT || kind == API_UNION || kind == API_ARRAY)
		return 1;
	PyObject *x = py_value_to_int(o);
	int yes = x ? PyObject_IsTrue(x) : -1;
	Py_XDECREF(x);
	return yes;
}

static PyNumberMethods value_number = {
	.nb_add = value_add,
	.nb_subtract = value_subtract,
	.nb_multiply = value_multiply,
	.nb_remainder = value_remainder,
	.nb_true_divide = value_divide,
	.nb_floor_divide = value_floor,
	.nb_and = value_and,
	.nb_or = value_or,
	.nb_xor = value_xor,
	.nb_lshift = value_left,
	.nb_rshift = value_right,
	.nb_negative = value_negative,
	.nb_invert = value_invert,
	.nb_bool = value_bool,
	.nb_int = py_value_to_int,
	.nb_index = py_value_to_int,
};

/* ---- text ---------------------------------------- */

static PyObject *text_of(const struct strbuf *b)
{
	return PyUnicode_DecodeUTF8(strbuf_text(b), (Py_ssize_t)b->len, "backslashreplace");
}

static PyObject *value_str(PyObject *o)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = api_value_print(py_cx()->target, value_of(o), false, &b);
	return err ? py_raise(err) : text_of(&b);
}

static PyObject *value_repr(PyObject *o)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct api_value_info info = api_value_info(value_of(o));
	strbuf_add_char(&b, '(');
	api_value_type(value_of(o), &b);
	strbuf_add_char(&b, ')');
	if (info.kind == API_STRUCT || info.kind == API_UNION) {
		strbuf_addf(&b, " at 0x%llx", (unsigned long long)info.va);
		return text_of(&b);
	}
	struct err *err = api_value_print(py_cx()->target, value_of(o), false, &b);
	return err ? py_raise(err) : text_of(&b);
}

/* The characters of an array, or behind a pointer, up to the 0. */
static struct err *read_characters(PyObject *o, size_t max, struct strbuf *out)
{
	struct target *t = py_cx()->target;
	struct api_value_info info = api_value_info(value_of(o));
	uint64_t va = info.va;
	struct err *err = NULL;
	if (info.kind == API_POINTER)
		err = api_value_number(t, value_of(o), &va);
	else if (info.kind != API_ARRAY || !info.in_memory)
		err = err_new(ERR_USAGE, "this is neither an array nor a pointer");
	else if (info.bytes && info.bytes < max)
		max = info.bytes;
	for (size_t i = 0; !err && i < max; i++) {
		char c;
		err = api_read(t, va + i, &c, 1);
		if (!err && !c)
			break;
		if (!err)
			strbuf_add_char(out, c);
	}
	return err;
}

enum { TEXT_MAX = 4096 };

static PyObject *value_string(PyObject *o, PyObject *args)
{
	scoped_strbuf struct strbuf b = { 0 };
	Py_ssize_t max = TEXT_MAX;
	if (!PyArg_ParseTuple(args, "|n:string_", &max))
		return NULL;
	struct err *err = read_characters(o, max < 0 ? 0 : (size_t)max, &b);
	return err ? py_raise(err) : text_of(&b);
}

static PyObject *compare_text(PyObject *o, PyObject *text, int op)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct err *err = read_characters(o, TEXT_MAX, &b);
	if (err)
		return py_raise(err);
	PyObject *ours = text_of(&b), *done = ours ? PyObject_RichCompare(ours, text, op) : NULL;
	Py_XDECREF(ours);
	return done;
}

/* Structs are equal when they are the same object. */
static PyObject *place_or_number(PyObject *o)
{
	if (!py_is_value(o))
		return Py_NewRef(o);
	struct api_value_info info = api_value_info(value_of(o));
	bool whole = info.kind == API_STRUCT || info.kind == API_UNION || info.kind == API_ARRAY;
	return whole ? PyLong_FromUnsignedLongLong(info.va) : py_value_to_int(o);
}

static PyObject *value_compare(PyObject *a, PyObject *b, int op)
{
	if (PyUnicode_Check(b))
		return compare_text(a, b, op);
	if (!py_is_value(b) && !PyNumber_Check(b))
		Py_RETURN_NOTIMPLEMENTED;
	PyObject *x = place_or_number(a), *y = x ? place_or_number(b) : NULL;
	PyObject *done = y ? PyObject_RichCompare(x, y, op) : NULL;
	Py_XDECREF(x);
	Py_XDECREF(y);
	return done;
}

static Py_hash_t value_hash(PyObject *o)
{
	PyObject *x = place_or_number(o);
	Py_hash_t hash = x ? PyObject_Hash(x) : -1;
	Py_XDECREF(x);
	return hash;
}

/* ---- members and elements ---------------------------------------- */

static PyObject *member(PyObject *o, const char *name)
{
	scoped_strbuf struct strbuf b = { 0 };
	for (const char *p = name; *p; p++) {
		if (Py_ISALNUM(*p) || strchr("_.[]", *p))
			continue;
		PyErr_Format(PyExc_AttributeError, "%s is no member's name", name);
		return NULL;
	}
	strbuf_addf(&b, "it.%s", name);
	return evaluate(o, strbuf_text(&b));
}

/* As Python wants it for hasattr() and getattr() with a default; faults stay faults. */
static PyObject *value_getattro(PyObject *o, PyObject *name)
{
	PyObject *found = PyObject_GenericGetAttr(o, name);
	const char *text = PyUnicode_AsUTF8(name);
	if (found || !text || !PyErr_ExceptionMatches(PyExc_AttributeError) ||
		!strncmp(text, "__", 2))
		return found;
	PyErr_Clear();
	found = member(o, text);
	if (found || !(PyErr_ExceptionMatches(PyExc_ValueError) ||
			     PyErr_ExceptionMatches(PyExc_LookupError)))
		return found;
	PyObject *type, *value, *traceback, *words;
	PyErr_Fetch(&type, &value, &traceback);
	words = value ? PyObject_Str(value) : NULL;
	PyErr_Clear();
	PyErr_SetObject(PyExc_AttributeError, words ? words : name);
	Py_XDECREF(words);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(traceback);
	return NULL;
}

static PyObject *value_item(PyObject *o, PyObject *key)
{
	struct api_value_info info = api_value_info(value_of(o));
	char text[48];
	if (PyUnicode_Check(key))
		return member(o, PyUnicode_AsUTF8(key));
	Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError);
	if (i == -1 && PyErr_Occurred())
		return NULL;
	if (info.kind == API_ARRAY && info.count && (i < 0 || (uint64_t)i >= info.count)) {
		PyErr_Format(PyExc_IndexError, "the array has %llu elements",
			(unsigned long long)info.count);
		return NULL;
	}
	snprintf(text, sizeof(text), "it[%lld]", (long long)i);
	return evaluate(o, text);
}

static Py_ssize_t value_length(PyObject *o)
{
	struct api_value_info info = api_value_info(value_of(o));
	if (info.kind == API_ARRAY)
		return (Py_ssize_t)info.count;
	PyErr_SetString(PyExc_TypeError, "only arrays have a length");
	return -1;
}

/* Through value_item(), whose IndexError ends it. */
static PyObject *value_iter(PyObject *o)
{
	return value_length(o) < 0 ? NULL : PySeqIter_New(o);
}

static PyObject *value_sequence_item(PyObject *o, Py_ssize_t i)
{
	PyObject *key = PyLong_FromSsize_t(i), *found = key ? value_item(o, key) : NULL;
	Py_XDECREF(key);
	return found;
}

static PyMappingMethods value_mapping = { .mp_length = value_length, .mp_subscript = value_item };
static PySequenceMethods value_sequence = { .sq_length = value_length,
	.sq_item = value_sequence_item };

static PyObject *value_members(PyObject *o, PyObject *args)
{
	PyObject *list = PyList_New(0);
	const char *name;
	(void)args;
	for (size_t i = 0; list; i++) {
		struct err *err = api_value_member(py_cx()->target, value_of(o), i, &name);
		if (err) {
			Py_DECREF(list);
			return py_raise(err);
		}
		if (!name)
			break;
		PyObject *text = *name ? PyUnicode_FromString(name) : NULL;
		if (text && PyList_Append(list, text))
			Py_CLEAR(list);
		Py_XDECREF(text);
	}
	return list;
}

/* ---- its own methods ---------------------------------------- */

static PyObject *value_address(PyObject *o, PyObject *args)
{
	struct api_value_info info = api_value_info(value_of(o));
	(void)args;
	if (info.in_memory)
		return PyLong_FromUnsignedLongLong(info.va);
	PyErr_SetString(PyExc_ValueError, "this value is not in memory");
	return NULL;
}

static PyObject *value_address_of(PyObject *o, PyObject *args)
{
	(void)args;
	return evaluate(o, "&it");
}

static PyObject *value_value(PyObject *o, PyObject *args)
{
	(void)args;
	return py_value_to_int(o);
}

static PyObject *value_deref(PyObject *o, PyObject *args)
{
	(void)args;
	return evaluate(o, "*it");
}

static PyObject *value_cast(PyObject *o, PyObject *type)
{
	scoped_strbuf struct strbuf b = { 0 };
	const char *name = PyUnicode_AsUTF8(type);
	if (!name)
		return NULL;
	strbuf_addf(&b, "(%s)it", name);
	return evaluate(o, strbuf_text(&b));
}

static PyObject *value_eval(PyObject *o, PyObject *text)
{
	const char *words = PyUnicode_AsUTF8(text);
	return words ? evaluate(o, words) : NULL;
}

static PyObject *value_member_method(PyObject *o, PyObject *name)
{
	const char *text = PyUnicode_AsUTF8(name);
	return text ? member(o, text) : NULL;
}

static PyObject *value_get_type(PyObject *o, void *closure)
{
	scoped_strbuf struct strbuf b = { 0 };
	(void)closure;
	api_value_type(value_of(o), &b);
	return text_of(&b);
}

static PyObject *value_get_size(PyObject *o, void *closure)
{
	(void)closure;
	return PyLong_FromUnsignedLongLong(api_value_info(value_of(o)).bytes);
}

static PyMethodDef value_methods[] = {
	{ "address_", value_address, METH_NOARGS, "where it stands, as an int" },
	{ "address_of_", value_address_of, METH_NOARGS, "a pointer to it, C's &" },
	{ "deref_", value_deref, METH_NOARGS, "what it points to, C's *" },
	{ "cast_", value_cast, METH_O, "as another type: cast_(\"struct page *\")" },
	{ "eval_", value_eval, METH_O, "a C expression in which `it` is this" },
	{ "member_", value_member_method, METH_O,
		"a member by name or path: member_(\"se.vruntime\")" },
	{ "members_", value_members, METH_NOARGS, "the members' names" },
	{ "string_", value_string, METH_VARARGS,
		"the characters up to the 0, as str; string_(64): at most" },
	{ "value_", value_value, METH_NOARGS, "its number, as int() gives it" },
	{ 0 },
};

static PyGetSetDef value_getset[] = {
	{ "type_", value_get_type, NULL, "the type as C writes it", NULL },
	{ "size_", value_get_size, NULL, "bytes; 0 where there are none", NULL },
	{ 0 },
};

PyTypeObject py_value_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "inquest.Value",
	.tp_doc = "An object of the dump: members are attributes, elements are items, int() is its "
		  "number and "
		  "str() what p prints. Its own methods end in an underscore.",
	.tp_basicsize = sizeof(struct value_object),
	.tp_flags = Py_TPFLAGS_DEFAULT,
	.tp_getattro = value_getattro,
	.tp_as_number = &value_number,
	.tp_as_mapping = &value_mapping,
	.tp_as_sequence = &value_sequence,
	.tp_str = value_str,
	.tp_repr = value_repr,
	.tp_richcompare = value_compare,
	.tp_hash = value_hash,
	.tp_iter = value_iter,
	.tp_methods = value_methods,
	.tp_getset = value_getset,
};
