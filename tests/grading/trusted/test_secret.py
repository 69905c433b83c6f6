"""The secret of hidden inputs: made once, kept private, never told."""

import os
import subprocess
import sys

import pytest

from course_lib.grading.trusted.secret import (
    VARIABLE,
    SecretError,
    default_path,
    draw,
    fingerprint,
    read_secret,
)
from tests.grading.trusted.material import hand_in


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def test_it_is_made_once_with_a_word_and_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / "settings" / "secret"
    first, told = read_secret(path)
    assert len(first) >= 32 and str(path) in told and "Keep it" in told
    assert path.stat().st_mode & 0o077 == 0
    assert read_secret(path) == (first, "")
    assert first.decode() not in told
    other, _ = read_secret(tmp_path / "another")
    assert other != first


def test_the_variable_goes_before_the_file(tmp_path, monkeypatch):
    path = tmp_path / "secret"
    monkeypatch.setenv(VARIABLE, "a secret in a variable")
    assert read_secret(path) == (b"a secret in a variable", "")
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "short", "   \n"])
def test_a_short_secret_is_refused(tmp_path, monkeypatch, text):
    path = tmp_path / "secret"
    path.write_text(text)
    with pytest.raises(SecretError, match="at least 16"):
        read_secret(path)
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(SecretError, match=VARIABLE):
        read_secret(path)


def test_where_none_can_be_made_the_message_says_where(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretError, match="cannot be used"):
        read_secret(tmp_path / "file" / "secret")


def test_it_lies_in_the_users_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_path() == tmp_path / "counting-the-cost" / "secret"


def test_a_fingerprint_tells_secrets_apart_and_nothing_else():
    assert fingerprint(b"one secret of many") != fingerprint(b"another secret here")
    assert "one secret" not in fingerprint(b"one secret of many")


def test_names_that_run_together_are_not_confused():
    one, other = draw(b"s" * 16, "ab", "c"), draw(b"s" * 16, "a", "bc")
    assert one.integers(2**60) != other.integers(2**60)


@pytest.mark.needs("sandbox")
def test_the_command_says_that_it_made_one(new_course, tmp_path):
    folder = new_course()
    hand_in(folder, "ada")
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "course_lib.cli", "grade", "ps1"],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stderr)
    secret = (tmp_path / "counting-the-cost" / "secret").read_text().strip()
    assert "A secret for hidden inputs was made" in said[0] and "was made" not in said[1]
    kept = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert secret.encode() not in kept
