"""Imports that take seconds, put off until somebody needs them.

``jsonschema``, which reads every notebook's format, loads ``rfc3987_syntax`` where it is installed
(Jupyter's server brings it), and that builds three grammars when it is imported: more seconds than
a small class takes to grade, in this process and in each worker, for a format (IRIs) that no
notebook has.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

SLOW = "rfc3987_syntax"


def put_off_grammars() -> None:
    """Put a module in the slow one's place that becomes it when it is first used.

    Nothing happens where it is not installed, or loaded already.
    """
    spec = None if {SLOW, "jsonschema"} & sys.modules.keys() else find_spec(SLOW)
    if spec is None:
        return
    stand_in = ModuleType(SLOW, spec.name)
    stand_in.__spec__ = spec
    stand_in.__path__ = spec.submodule_search_locations or []

    def real() -> ModuleType:
        if sys.modules.get(SLOW) is stand_in:
            del sys.modules[SLOW]
        return importlib.import_module(SLOW)

    def is_valid_syntax(term: str, value: str) -> bool:
        return real().is_valid_syntax(term, value)

    def __getattr__(name: str) -> Any:
        if name.startswith("__"):  # the import system asks for these
            raise AttributeError(name)
        return getattr(real(), name)

    stand_in.is_valid_syntax = is_valid_syntax  # jsonschema takes this name when it is imported
    stand_in.__getattr__ = __getattr__
    sys.modules[SLOW] = stand_in
