"""A kernel dump from Python: docs/python.md. The half of the module that is Python; the rest is _inquest."""

import sys as _sys

import _inquest
from _inquest import (Error, FaultError, MissingError, NotFoundError, UsageError, Value, architecture, complain, read,
                      read_physical, symbol, symbol_text, word_bytes)

__all__ = ["Error", "FaultError", "MissingError", "NotFoundError", "Rows", "UsageError", "Value", "address_of",
           "architecture", "cast", "command", "complain", "container_of", "define", "deref", "evaluate", "object_at",
           "prog", "read", "read_physical", "sizeof", "symbol", "symbol_text", "walk", "word_bytes"]


# ---- values ----------------------------------------------------------------------------------------------------------

class _Program:
    """The kernel of the dump: prog["init_task"] is the variable of that name."""

    def __getitem__(self, name):
        if not name.isidentifier():
            raise KeyError(name)
        try:
            return _inquest.value(name)
        except (LookupError, ValueError) as error:
            raise KeyError(str(error)) from None

    def __contains__(self, name):
        try:
            self[name]
        except KeyError:
            return False
        return True

    def __repr__(self):
        return f"<the kernel of an {architecture()} dump>"


prog = _Program()


def evaluate(text):
    """The value of a C expression, as the command p reads it."""
    return _inquest.value(text)


def object_at(type, address):
    """The object of a type ("struct page") at an address."""
    return _inquest.value_at(type, address)


def cast(type, value):
    """The value, or an int, as another type."""
    if isinstance(value, Value):
        return value.cast_(type)
    return _inquest.value(f"({type}){value & 0xffffffffffffffff:#x}ull")


def address_of(value):
    return value.address_of_()


def deref(value):
    return value.deref_()


def sizeof(type_or_value):
    if isinstance(type_or_value, Value):
        return type_or_value.size_
    return int(_inquest.value(f"sizeof({type_or_value})"))


def container_of(pointer, type, member):
    """The object of the type around the member that a pointer points to."""
    return _inquest.value(f"*container_of((void *){int(pointer):#x}ull, {type}, {member})")


# ---- rows of commands ------------------------------------------------------------------------------------------------

class Rows(list):
    """A command's rows as dicts; .faults is what it complained of beside them."""

    def __init__(self, rows, faults):
        super().__init__(rows)
        self.faults = faults


def command(line):
    """Runs a command with its stages and gives its rows: command('ps | where state == "D"')."""
    return Rows(*_inquest.rows(line))


def walk(walker, *arguments):
    """The objects that a walker finds: for task in walk("task"). `walk` at the prompt lists the walkers."""
    words = [f"{int(a):#x}" if isinstance(a, (int, Value)) and not _is_whole(a) else
             f"{a.address_():#x}" if isinstance(a, Value) else str(a) for a in arguments]
    rows, faults = _inquest.rows(" ".join(["walk", walker, *words]))
    for fault in faults:
        complain(fault)
    for row in rows:
        yield _inquest.value_at(row["type"], row["address"])


def _is_whole(value):
    return isinstance(value, Value) and value.type_.split()[0] in ("struct", "union") and "*" not in value.type_


# ---- commands --------------------------------------------------------------------------------------------------------

_KINDS = {"str": ("s", 0, False), "uint": ("u", 8, True), "int": ("i", 8, True), "hex": ("x", 12, True),
          "addr": ("a", 255, False), "bytes": ("b", 8, True), "bool": ("t", 5, False), "seconds": ("f", 12, True)}
_defined = {}


def _column(words):
    key, _, rest = words.partition(":")
    kind, _, width = rest.partition(":")
    letter, usual, right = _KINDS[kind or "str"]
    return key, letter, int(width or usual), right


def define(name, columns, summary=None, usage="", min_args=0, max_args=None):
    """Makes a command of a function that gives rows: dicts, or tuples in the columns' order. A column is "KEY",
    "KEY:KIND" or "KEY:KIND:WIDTH"; kinds are str uint int hex addr bytes bool seconds."""
    def add(function):
        most = max_args if max_args is not None else -1 if usage else 0
        words = summary or (function.__doc__ or "a command of a script").strip().splitlines()[0]
        if name in _defined:
            _inquest.remove_command(_defined.pop(name))
        _defined[name] = _inquest.add_command(name, words, usage, [_column(c) for c in columns], function, min_args,
                                              most)
        return function
    return add


# ---- what the command py calls ---------------------------------------------------------------------------------------

class _Lines:
    """sys.stdout while a script runs: each line printed is a row of the answer."""

    encoding, errors, newlines = "utf-8", "backslashreplace", None

    def __init__(self):
        self.rest = ""

    def write(self, text):
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            _inquest.line(line.encode("utf-8", "backslashreplace").decode())
        return len(text)

    def flush(self):
        pass

    def finish(self):
        if self.rest:
            self.write("\n")

    def isatty(self):
        return False

    def writable(self):
        return True


class _Printing:
    def __enter__(self):
        self.before = _sys.stdout
        _sys.stdout = self.lines = _Lines()

    def __exit__(self, *_):
        _sys.stdout = self.before
        self.before.flush()
        self.lines.finish()


def _names():
    return _sys.modules["__main__"].__dict__


def _run_expression(text):
    with _Printing():
        try:
            code = compile(text, "<py>", "eval")
        except SyntaxError:
            exec(compile(text + "\n", "<py>", "single"), _names())
            return
        value = eval(code, _names())
        if value is None:
            return
        _names()["_"] = value
        if isinstance(value, Value):
            _inquest.block(str(value), value.type_)
        else:
            _inquest.block(repr(value).encode("utf-8", "backslashreplace").decode(), type(value).__name__)


def _run_file(path, arguments):
    if path == "-":
        text = _sys.stdin.read()
    else:
        with open(path, "rb") as file:
            text = file.read()
    before = _sys.argv, list(_sys.path)
    _sys.argv = [path, *arguments]
    if path != "-":
        import os
        _sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    names = {"__name__": "__main__", "__file__": path, "__builtins__": __builtins__}
    names.update({name: globals()[name] for name in __all__})
    try:
        with _Printing():
            exec(compile(text, path, "exec"), names)
    finally:
        _sys.argv, _sys.path[:] = before


class _Editor:
    """The console's lines in the library that edits the prompt's: its history goes aside and comes back."""

    kept = []

    def __init__(self, names):
        try:
            import readline
            import rlcompleter
        except ImportError:     # not every Python has it: then lines are typed as they come
            readline = None
        self.library = readline
        if readline:
            self.others = self._take()
            self._give(_Editor.kept)
            readline.set_completer(rlcompleter.Completer(names).complete)
            readline.parse_and_bind("tab: complete")

    def _take(self):
        lines = [self.library.get_history_item(i + 1) for i in range(self.library.get_current_history_length())]
        self.library.clear_history()
        return lines

    def _give(self, lines):
        for line in lines:
            self.library.add_history(line)

    def end(self):
        if self.library:
            _Editor.kept = self._take()
            self._give(self.others)
            self.library.set_completer(None)


def _run_console():
    import code
    names = _names()
    lines = _Editor(names)
    try:
        code.InteractiveConsole(names).interact("Python over the dump; Ctrl-D goes back.", "")
    except SystemExit:
        pass
    finally:
        lines.end()
