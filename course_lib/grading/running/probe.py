"""What a kernel is asked about itself after its last cell. Its text runs there, in its own names.

Standard library only, and nothing that the notebook may have named anew. A notebook that wants to
deceive it can: what it finds is naive tampering, and what it says is a hint to a person.
"""

import builtins
import functools
import os
import re
import sys
import types

# Where checks get what they compare, count and measure with.
MODULES = (
    *("builtins", "math", "cmath", "time", "operator", "statistics", "random", "json", "unittest"),
    *("unittest.case", "unittest.mock", "numpy", "numpy.testing", "numpy.testing._private.utils"),
    *("numpy.linalg", "pandas", "pandas.testing", "pandas._testing", "torch", "torch.testing"),
    *("pytest", "IPython.display", "IPython.core.display_functions"),
)
BY_THEIR_NAMES = ("builtins", "math", "cmath", "time")  # an entry here has the name it stands under
OTHER_NAMES = ("__loader__", "EnvironmentError", "IOError", "WindowsError", "input")
CELL = re.compile(r"[/\\]ipykernel_\d+[/\\]|^<ipython-input")


def seen(shell):
    """Names of what the notebook has put in the place of Python's, IPython's or the kernel's."""
    own = _modules_of(shell)
    found = [f"sys.modules[{name!r}]" for name in sorted(own) if _is_known(name)]
    for name in MODULES:
        module = sys.modules.get(name)
        if isinstance(module, types.ModuleType):
            entries = vars(module).items()
            found += [f"{name}.{key}" for key, value in entries if _is_own(value, own)]
            if name in BY_THEIR_NAMES:
                found += [f"{name}.{key}" for key, value in entries if _is_misplaced(key, value)]
        elif module is not None:
            found.append(f"sys.modules[{name!r}]")
    for place, thing in _things(shell):
        found += [f"{place}.{name}" for name, value in _entries(thing) if _is_own(value, own)]
    for place, values in _lists(shell):
        found += [f"{place}: {_name(value)}" for value in values if _is_own(value, own)]
    names = shell.user_ns.get("__builtins__")
    if names is not builtins and names is not vars(builtins):
        found.append("__builtins__")
    return list(dict.fromkeys(found))


def _modules_of(shell):
    """Names of the notebook and of the modules that were handed in with it."""
    folders = {os.path.join(folder, "") for folder in (os.getcwd(), shell.starting_dir)} - {os.sep}
    starts, own = tuple(folders), {"__main__"}
    for name, module in list(sys.modules.items()):
        file = module.__dict__.get("__file__") if type(module) is types.ModuleType else None
        if type(file) is str and file.startswith(starts) and "site-packages" not in file:
            own.add(name)
    return own


def _is_known(name):
    return name != "__main__" and (name in MODULES or name in sys.stdlib_module_names)


def _is_own(value, own):
    """Whether something was made by the notebook: by its class, its module or its code."""
    kind = type(value)
    if kind is types.FunctionType:
        file = value.__code__.co_filename
        if value.__module__ == "__main__":  # so is what started the kernel
            return not os.path.isfile(file) or file.startswith(os.getcwd() + os.sep)
        return value.__module__ in own or ("ipykernel_" in file and bool(CELL.search(file)))
    if kind is types.MethodType:
        return _is_own(value.__func__, own)
    if kind is functools.partial:
        return _is_own(value.func, own)
    if kind is property:
        return _is_own(value.fget, own)
    if kind in (staticmethod, classmethod):
        return _is_own(value.__func__, own)
    if issubclass(kind, type):
        return value.__dict__.get("__module__") in own
    return kind.__module__ in own


def _is_misplaced(key, value):
    named = isinstance(value, types.BuiltinFunctionType | type)
    return named and value.__name__ != key and key not in OTHER_NAMES


def _things(shell):
    """The objects between a cell and what comes of it."""
    kernel = getattr(shell, "kernel", None)
    parts = {
        "shell": shell,
        "shell.compile": shell.compile,
        "shell.events": shell.events,
        "shell.input_transformer_manager": shell.input_transformer_manager,
        "shell.displayhook": shell.displayhook,
        "shell.display_pub": shell.display_pub,
        "shell.display_formatter": shell.display_formatter,
        "kernel": kernel,
        "kernel.session": getattr(kernel, "session", None),
        "sys.stdout": sys.stdout,
        "sys.stderr": sys.stderr,
    }
    parts |= {f"formatter {name}": one for name, one in shell.display_formatter.formatters.items()}
    return parts.items()


def _entries(thing):
    """What stands in an object, and in its classes; of classes that are not the notebook's."""
    kinds = [kind for kind in type(thing).__mro__ if kind is not object]
    for space in (getattr(thing, "__dict__", {}), *map(vars, kinds)):
        yield from list(space.items())


def _lists(shell):
    """Where IPython and Python let others have a say in what is run and shown."""
    manager = shell.input_transformer_manager
    yield "ast_transformers", shell.ast_transformers
    yield "input_transformers_post", shell.input_transformers_post
    for name in ("cleanup_transforms", "line_transforms", "token_transformers"):
        yield name, getattr(manager, name)
    for name, callbacks in shell.events.callbacks.items():
        yield f"event {name}", callbacks
    for name, one in shell.display_formatter.formatters.items():
        for printers in (one.type_printers, one.singleton_printers, one.deferred_printers):
            yield f"formatter {name}", printers.values()
    yield "custom_exceptions", [shell.CustomTB] if shell.custom_exceptions else []
    yield "shell_handlers", getattr(getattr(shell, "kernel", None), "shell_handlers", {}).values()
    yield "sys", [sys.displayhook, sys.excepthook, sys.gettrace(), sys.getprofile()]
    yield "sys.meta_path", sys.meta_path
    yield "sys.path_hooks", sys.path_hooks


def _name(value):
    value = getattr(value, "func", value)
    return getattr(value, "__qualname__", type(value).__qualname__)
