"""Files that others wait for: there as a whole, or not yet."""

import secrets
from pathlib import Path


def put_whole(file: Path, content: bytes) -> None:
    """Write a file that only its owner reads, in place of the one before; nobody sees half of it."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(file)
