"""Segments: the files of a journal, how records stand in them, and who may touch them.

A segment belongs to the process that holds its advisory lock. The kernel drops the lock with the last descriptor, so
a lock that can be had says that the owner is gone, whatever became of its pid.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no flock; without it nobody could tell a live journal from an orphan
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".segment"
SEGMENT_BYTES = 1 << 20

# 0xFF occurs nowhere in UTF-8, so no payload contains the mark and a reader finds the next record after damage.
_MARK = b"\xffmux"
_HEAD = struct.Struct("<4sII")
_TRIES = 5

_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter

SUPPORTED = fcntl is not None


def frame(payload: bytes) -> bytes:
    """A record as it stands in a segment: mark, length, checksum, payload."""
    return _HEAD.pack(_MARK, len(payload), zlib.crc32(payload)) + payload


def read_frames(data: bytes) -> tuple[list[bytes], int]:
    """The whole records in ``data``, and how many damaged ones lie before the last whole one.

    What follows the last whole record is either room not yet used or the record that was being written when the
    process died; both are dropped.
    """
    found: list[bytes] = []
    damaged = torn = 0
    at = data.find(_MARK)
    while at >= 0:
        end = at + _HEAD.size
        whole = False
        if end <= len(data):
            _, length, checksum = _HEAD.unpack_from(data, at)
            payload = data[end : end + length]
            whole = 0 < len(payload) == length and zlib.crc32(payload) == checksum
        if whole:
            found.append(payload)
            damaged, torn = damaged + torn, 0
            at = data.find(_MARK, end + length)
        else:
            torn += 1
            at = data.find(_MARK, at + 1)
    return found, damaged


def allocate(descriptor: int, size: int) -> None:
    """Give a file its disk blocks now, so that a disk that fills up later does not matter. Raises OSError.

    File systems that copy on write (btrfs, ZFS, APFS) may still need room when the blocks are first written.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    elif os.pwrite(descriptor, bytes(size), 0) < size:  # macOS has no such call
        raise OSError("the disk is full")


class Segment:
    """One file being written. ``writers`` holds one entry for each append under way (see ``Journal.append``).

    The descriptor is closed when the last reference goes: an append holds one, so it can never write into a
    descriptor number that was closed under it and given to another file.
    """

    __slots__ = ("descriptor", "doubtful", "open_ids", "path", "roll_ticket", "size", "used", "writers")

    def __init__(self, directory: Path, size: int = SEGMENT_BYTES, fill: Callable[[int, int], None] = allocate) -> None:
        self.descriptor = -1
        self.descriptor, self.path = _create(directory)
        self.size, self.used = size, 0
        self.writers: list[None] = []
        self.roll_ticket: list[None] = [None]
        self.open_ids: set[str] = set()
        self.doubtful = False  # whether an append was interrupted, so that a record may stand here and nowhere else
        try:
            fill(self.descriptor, size)
        except OSError:
            self.unlink()
            raise

    def write(self, record: bytes) -> bool:
        """Append a record with one system call; False if the disk did not take all of it.

        Not O_APPEND: that would write behind the preallocated room. The file offset belongs to the open file, starts
        at 0, and write() reads and advances it in one step that excludes other writes (POSIX.1-2017 2.9.7 "Thread
        Interactions with Regular File Operations"; Linux since 3.14, macOS and the BSDs by an offset lock). So the
        kernel hands out the places, and no lock of ours is needed.
        """
        try:
            written = os.write(self.descriptor, record)
        except OSError:
            return False
        self.used += written  # may lose a race: then the segment ends a record later, past its preallocated room
        return written == len(record)

    def sync(self) -> bool:
        """Wait until the disk has it; False if the disk says it has not."""
        try:
            _sync(self.descriptor)
        except OSError:
            return False
        return True

    def read(self) -> bytes:
        return os.pread(self.descriptor, os.fstat(self.descriptor).st_size, 0)

    def unlink(self) -> None:
        self.path.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Close without unlinking: the file stays for whoever it belongs to."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):  # not if an exception came before the constructor's first line
            self.abandon()


def _create(directory: Path) -> tuple[int, Path]:
    """A new, locked file. A recovery may find it between its creation and its lock, and take it for an orphan: then
    it is locked by another or already unlinked, and we make a new one.
    """
    for _ in range(_TRIES):
        path = directory / f"{os.urandom(16).hex()}{SUFFIX}"  # as unique as a UUID, without 9 ms for importing uuid
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if _lock(descriptor) and os.fstat(descriptor).st_nlink:
                return descriptor, path
        except OSError:
            path.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise OSError(f"cannot lock a new journal segment in {directory}")


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Orphan:
    """A segment whose owner is gone, locked by us while we read it."""

    __slots__ = ("_descriptor", "path")

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor, self.path = descriptor, path

    def read(self) -> bytes:
        size = os.fstat(self._descriptor).st_size
        return os.pread(self._descriptor, size, 0)

    def release(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def unlink(self) -> None:
        """Unlink, then let go: in this order nobody else can take the file in between."""
        self.path.unlink(missing_ok=True)
        self.release()

    def set_aside(self) -> None:
        """Keep a file that could not be read in full under a name that no recovery looks for."""
        self.path.rename(self.path.with_suffix(".damaged"))
        self.release()


def orphans(directory: Path) -> Iterator[Orphan]:
    """The segments in ``directory`` whose owners are gone, locked one by one as they are asked for."""
    if not SUPPORTED:
        return
    try:
        paths = sorted(directory.glob(f"*{SUFFIX}"))
    except OSError:
        return
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDWR)
        except OSError:  # recovered by another process in the meantime, or not ours to read
            continue
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            yield Orphan(descriptor, path)
        else:
            os.close(descriptor)
