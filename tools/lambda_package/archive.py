"""The zip: the same bytes from the same files, whenever and wherever it is made."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Final

from tools.lambda_package.errors import PackageError

if TYPE_CHECKING:
    from pathlib import Path

# The earliest that a zip can say.
_TIME: Final = (1980, 1, 1, 0, 0, 0)
_READABLE: Final = 0o644 << 16
_UNIX: Final = 3
# AWS's limit for what a function and its layers take unpacked.
_UNPACKED_MAX: Final = 250 * 2**20


def write_zip(folder: Path, to: Path) -> int:
    """Write all files of a folder into a zip; returns the bytes that they take unpacked.

    Raises:
        PackageError: they take more than Lambda unpacks.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    unpacked = sum(path.stat().st_size for path in files)
    if unpacked > _UNPACKED_MAX:
        raise PackageError(
            f"{to.name} takes {unpacked / 1e6:.0f} MB unpacked, and Lambda unpacks "
            f"{_UNPACKED_MAX / 1e6:.0f} MB: put less into it, or make a container image"
        )
    to.parent.mkdir(parents=True, exist_ok=True)
    draft = to.with_suffix(".part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _TIME)
            entry.external_attr, entry.create_system = _READABLE, _UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    draft.replace(to)
    return unpacked
