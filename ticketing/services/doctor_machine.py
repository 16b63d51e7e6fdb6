"""The doctor's look at the machine: the secret and who can read it, the disks, and what lies on them."""

import shlex
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import disk_usage

from ticketing.services.findings import Check, check

SECRET_CHARACTERS_MIN = 32
SECRET_VARIETY_MIN = 10
"""Different characters that a random secret of that length surely has."""

RANDOM = "$(python3 -c 'import secrets; print(secrets.token_urlsafe(36))')"
"""What a shell makes a fresh secret of."""

DISK_FREE_MIN = 1 << 30  # bytes
MOUNTS = Path("/proc/mounts")

_PLACEHOLDERS = ("changeme", "change-me", "change_me", "your-secret", "your_secret", "yoursecret", "example")
_OVER_A_NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "fuse.sshfs",
    "ceph",
    "glusterfs",
    "fuse.glusterfs",
}


def look_at_secret(secret: str, data_dir: Path) -> Iterator[Check]:
    """Whether the secret can be guessed or read."""
    yield check(
        "secret",
        len(secret) >= SECRET_CHARACTERS_MIN and not _is_guessable(secret),
        f"{len(secret)} characters" + (", easily guessed" if _is_guessable(secret) else ""),
        f"who guesses it signs in as anybody: take {SECRET_CHARACTERS_MIN} random characters or more before the first "
        "card is loaded; with cards loaded, a new secret knows none of them",
        f"export TICKETING_SECRET_KEY={RANDOM}",
    )
    for name, path in (("secret file", data_dir / "secret.key"), ("data directory", data_dir)):
        if path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
            command = f"chmod go-rwx {shlex.quote(str(path))}"
            yield check(
                name, mode & 0o077 == 0, f"mode {mode:o}", "others on this machine can read it", command
            )


def look_at_disks(folders: Sequence[Path]) -> Iterator[Check]:
    """Whether there is room, on a disk of this machine."""
    on_disk = {folder.stat().st_dev: folder for folder in reversed(folders) if folder.is_dir()}
    for folder in sorted(on_disk.values(), key=folders.index):
        quoted = shlex.quote(str(folder))
        free = disk_usage(folder).free
        yield check(
            "disk",
            free >= DISK_FREE_MIN,
            f"{free / (1 << 30):.1f} GiB free on {folder}",
            "a full disk stops the sale: make room; this shows what takes it",
            f"du -xh {quoted} | sort -h | tail",
        )
        kind = file_system_of(folder)
        yield check(
            "file system",
            kind not in _OVER_A_NETWORK,
            f"{kind} on {folder}",
            "SQLite and Valkey count on locks and syncs that a network does not give: move it to a disk of this "
            "machine, with `ticketing up` stopped",
            f"cp -a {quoted} /var/lib/ticketing && export TICKETING_DATA_DIR=/var/lib/ticketing",
        )


def file_system_of(folder: Path) -> str:
    """The kind of file system that a folder lies on; empty where the machine does not say."""
    if not MOUNTS.exists():
        return ""
    path, best = folder.resolve(), (-1, "")
    for line in MOUNTS.read_text(errors="replace").splitlines():
        _, point, kind, *_ = line.split()
        mounted = Path(point.replace("\\040", " "))
        if path.is_relative_to(mounted):
            best = max(
                (len(mounted.parts), kind), best, key=lambda found: found[0]
            )  # the later one lies over
    return best[1]


def _is_guessable(secret: str) -> bool:
    plain = secret.lower()
    return len(set(secret)) < SECRET_VARIETY_MIN or any(word in plain for word in _PLACEHOLDERS)
