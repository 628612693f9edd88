"""Layer: cli. Checks that only the user could have written a file; any other is used only if named.

Root's files count as the user's own: root can change everything anyway. An access list that lets others write
shows as a writable group, and so counts as one.
"""

import os
import stat
from pathlib import Path


def doubt(path: Path, *, user: int | None = None) -> str | None:
    """Return why others could have made or changed the file at `path`; None where only the user could.

    The file may be absent: then only its folder counts. A link is followed, and the folder it leads to counts too.
    """
    user = os.geteuid() if user is None else user
    try:
        real = Path(os.path.realpath(path))
        looked_at = dict.fromkeys((path.parent, real.parent, path))
        return next((why for each in looked_at if (why := _doubt(each, user))), None)
    except OSError as error:
        return f"it cannot be looked at ({error.strerror})"


def _doubt(path: Path, user: int) -> str | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    name = "the current folder" if path == Path() else str(path)
    if status.st_uid not in {0, user}:
        return f"{name} belongs to another user"
    if status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and not _is_private(status.st_gid, user)):
        return f"other users can write to {name}"
    return None


def _is_private(group: int, user: int) -> bool:
    """Whether the group is the user's alone, as many systems make one for each user, with a umask that trusts it."""
    import grp  # noqa: PLC0415  most files are writable by no group
    import pwd  # noqa: PLC0415

    try:
        known, members = pwd.getpwuid(user), grp.getgrgid(group)
    except KeyError:
        return False
    return known.pw_gid == group and members.gr_name == known.pw_name and set(members.gr_mem) <= {known.pw_name}
