"""The course's own Python for the reader's browser: one small archive, named by its content."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import course_lib

from .laws import fitted_laws

LIBRARY = Path(course_lib.__file__).parent
FORMS = Path(__file__).with_name("forms")
PREFIX = "calculators-"
TABLES = ("accelerators", "grid_intensity", "cloud_prices", "sources", "training_footprints")
NEEDED = (
    "__init__.py",
    "quantities.py",
    "closed_form.py",
    "closed_band.py",
    "footprint/*.py",
    "facts/*.py",
    "facts/datapackage.json",
    *(f"facts/{table}.csv" for table in TABLES),
    *(f"facts/schemas/{table}.json" for table in TABLES),
)


def bundle() -> tuple[str, bytes]:
    """Name and content of the archive; the same sources give the same bytes."""
    files = {
        f"course_lib/{file.relative_to(LIBRARY).as_posix()}": file.read_bytes()
        for pattern in NEEDED
        for file in LIBRARY.glob(pattern)
    }
    files |= {f"forms/{file.name}": file.read_bytes() for file in FORMS.glob("*.py")}
    files["forms/laws.json"] = json.dumps(fitted_laws()).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(_entry(name), files[name], zipfile.ZIP_DEFLATED)
    content = packed.getvalue()
    return f"{PREFIX}{hashlib.sha256(content).hexdigest()[:16]}.zip", content


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))


def put(folder: Path, name: str, content: bytes) -> None:
    """Write the archive beside the site's static files; earlier ones go."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{PREFIX}*.zip"):
        if old.name != name:
            old.unlink()
    if not (folder / name).exists():
        (folder / name).write_bytes(content)
