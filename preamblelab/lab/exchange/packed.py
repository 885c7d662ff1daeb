"""Members of a zip file as bytes, within limits; also those that are packed with zstandard."""

import struct
import zipfile
import zlib
from pathlib import Path
from typing import Final

from preamblelab.errors import MissingExtraError, SpecError
from preamblelab.lab.exchange.row_files import MAX_BYTES, MAX_RATIO, RATIO_COUNTS_FROM

ZSTANDARD: Final = 93
"""The method's number in the zip format (APPNOTE 4.4.5); Python reads it from 3.14 on."""
_HEADER: Final = struct.Struct("<4s5H3I2H")


class Packed:
    """A zip file whose members are read whole."""

    def __init__(self, path: Path) -> None:
        """Read the list of members.

        Raises:
            SpecError: it is no zip file, or it unpacks to more than a file may hold.
        """
        self.shown = str(path)
        try:
            self._file = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise SpecError(f"{self.shown}: cannot be read as a zip file: {error}") from None
        total = sum(info.file_size for info in self._file.infolist())
        packed = path.stat().st_size
        if total > MAX_BYTES or (total > RATIO_COUNTS_FROM and total > MAX_RATIO * packed):
            self.close()
            raise SpecError(f"{self.shown}: unpacks to {total:,} bytes; it is not read")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def names(self) -> list[str]:
        """Names of the members."""
        return self._file.namelist()

    def read(self, name: str) -> bytes:
        """One member.

        Raises:
            SpecError: it is damaged, or larger than the list of members says.
            MissingExtraError: it is packed with zstandard, which is not installed.
        """
        info = self._file.getinfo(name)
        try:
            if info.compress_type != ZSTANDARD:
                return self._file.read(info)
            content = _zstandard(self._raw(info), info.file_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
            raise SpecError(f"{self.shown}: {name}: damaged or unknown packing: {error}") from None
        if zlib.crc32(content) != info.CRC:
            raise SpecError(f"{self.shown}: {name}: damaged: its checksum does not fit")
        return content

    def _raw(self, info: zipfile.ZipInfo) -> bytes:
        """The packed bytes: they begin behind a header whose length only the header knows."""
        stream = self._file.fp
        if stream is None:
            raise ValueError("the file is closed")
        stream.seek(info.header_offset)
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size:
            raise ValueError("it ends too early")
        *_, name_length, extra_length = _HEADER.unpack(header)
        stream.seek(info.header_offset + _HEADER.size + name_length + extra_length)
        return stream.read(info.compress_size)


def _zstandard(packed: bytes, size: int) -> bytes:
    try:
        import zstandard
    except ImportError:
        raise MissingExtraError(
            "this log is packed with zstandard: pip install 'preamblelab[inspect]'"
        ) from None
    try:
        with zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(packed) as reader:
            content = reader.read(size + 1)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
    if len(content) != size:
        raise ValueError(f"{len(content):,} bytes instead of {size:,}")
    return content
