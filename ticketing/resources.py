"""Where the files lie that are not Python: `web` (pages) and `loadtests` (scenarios and users).

A checkout has them beside the package; a wheel carries them inside it, under an underscore.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def package_files(name: str) -> Path:
    """The folder `name` (`web` or `loadtests`). Raises `FileNotFoundError` when the install lacks it."""
    for folder in (_PACKAGE / f"_{name}", _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"this install of ticketing has no {name!r} folder")
