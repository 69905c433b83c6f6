"""The secret from which hidden inputs are drawn. It is never in the repository, nor in a kernel."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import numpy as np

VARIABLE = "COURSE_SECRET"
SHORTEST = 16  # characters


class SecretError(Exception):
    """The secret cannot be used; the message says what to do."""


def default_path() -> Path:
    """Where the secret is kept where the variable is not set: the user's configuration folder."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "counting-the-cost" / "secret"


def read_secret(path: Path | None = None) -> tuple[bytes, str]:
    """The course's secret, made on first use.

    Parameters
    ----------
    path : Path, optional
        A file; `default_path` by default. The variable ``COURSE_SECRET`` goes before it.

    Returns
    -------
    bytes, str
        The secret, and what to tell the instructor about it: nothing, or that it was made now.

    Raises
    ------
    SecretError
        If it is too short, or cannot be read or made.
    """
    given = os.environ.get(VARIABLE)
    if given is not None:
        return _long_enough(given, f"the variable {VARIABLE}"), ""
    path = path or default_path()
    try:
        if path.exists():
            return _long_enough(path.read_text(encoding="ascii"), str(path)), ""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = secrets.token_hex(32)
        with open(path, "x", encoding="ascii", opener=_private) as file:
            file.write(made + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"the course's secret in {path} cannot be used: {error}") from error
    return made.encode(), (
        f"A secret for hidden inputs was made: {path}. Keep it, and keep it to yourself: with "
        "another one, students graded again get other inputs."
    )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _long_enough(text: str, where: str) -> bytes:
    secret = text.strip().encode()
    if len(secret) < SHORTEST:
        raise SecretError(
            f"the secret in {where} has {len(secret)} characters; at least {SHORTEST} are needed"
        )
    return secret


def draw(secret: bytes, *about: str) -> np.random.Generator:
    """Random numbers for one question of one submission; without the secret, nobody knows them.

    >>> numbers = [draw(b"s", "ps1", name).integers(2**60) for name in ("ada", "ada", "bob")]
    >>> bool(numbers[0] == numbers[1]), bool(numbers[0] == numbers[2])
    (True, False)
    """
    return np.random.default_rng(int.from_bytes(_mac(secret, "inputs", *about), "big"))


def fingerprint(secret: bytes) -> str:
    """A name for the secret that does not tell it."""
    return _mac(secret, "fingerprint").hex()


def _mac(secret: bytes, *about: str) -> bytes:
    parts = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in about)
    return hmac.digest(secret, parts, hashlib.sha256)
