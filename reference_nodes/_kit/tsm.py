"""Evidence of a confidential VM, Intel TDX or AMD SEV-SNP, from its Linux kernel.

The interface is configfs-tsm (Documentation/ABI/testing/configfs-tsm, Linux 6.7): a folder made
below ``report`` is one request. What is written to ``inblob`` is signed by the hardware, and comes
back in ``outblob``; ``generation`` counts the writes. Two things are not in that document: the
kernel takes what was written when the file is closed, and no error of it reaches the writer
(fs/configfs/file.c, configfs_release_bin_file). So the generation is what says that it was taken.
"""

import errno
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol, final

import anyio
from anyio import to_thread

from opengradient.core.collateral import Collateral
from opengradient.core.digests import equal
from opengradient.core.evidence import SNP, TDX, Evidence
from opengradient.core.intel_reports import parse_td_report
from opengradient.core.keyset import Keyset
from opengradient.core.report_data import report_data
from opengradient.core.snp_report import parse_report
from opengradient.core.tdx_quote import TEE_TDX, parse_quote
from opengradient.errors import AttestationError, ConfigurationError, MalformedError
from reference_nodes._kit.snp_table import host_collateral

_log = logging.getLogger("opengradient.node")

FOLDER: Final = Path("/sys/kernel/config/tsm/report")
"""Where configfs is mounted on every distribution that mounts it."""

KINDS: Final = {"tdx_guest": TDX, "sev_guest": SNP}
"""The kernel's names for its providers, to kinds of evidence."""

_MAX_BYTES: Final = 256 * 1024
"""The kernel's own bound is 32 KiB (TSM_OUTBLOB_MAX); newer ones let tables be larger."""

_ATTEMPTS: Final = 6
_AGAIN: Final = frozenset({errno.EBUSY, errno.EAGAIN, errno.EINTR})
"""A quote is under way still (EBUSY, tdx-guest.c), or somebody wrote meanwhile (EWOULDBLOCK)."""


class TsmFiles(Protocol):
    """The folder of requests. Every method blocks, and raises `OSError` as the kernel does."""

    def make(self, name: str) -> None:
        """Make a request's folder."""
        ...

    def write(self, name: str, item: str, data: bytes) -> None:
        """Write one file of it, at once, and close it."""
        ...

    def read(self, name: str, item: str) -> bytes:
        """Read one file of it."""
        ...

    def remove(self, name: str) -> None:
        """Remove a request's folder."""
        ...


@final
class ConfigfsFiles:
    """The kernel's folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Work below `folder`."""
        self._folder = folder

    def make(self, name: str) -> None:
        """See `TsmFiles.make`."""
        (self._folder / name).mkdir(mode=0o700)

    def write(self, name: str, item: str, data: bytes) -> None:
        """See `TsmFiles.write`; files of configfs are there, and are neither made nor cut."""
        descriptor = os.open(self._folder / name / item, os.O_WRONLY)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.EIO, "not all of it was written")
        finally:
            os.close(descriptor)

    def read(self, name: str, item: str) -> bytes:
        """See `TsmFiles.read`; files of configfs do not say how large they are."""
        with (self._folder / name / item).open("rb", buffering=0) as file:
            parts: list[bytes] = []
            left = _MAX_BYTES
            while part := file.read(left + 1):
                left -= len(part)
                if left < 0:
                    raise OSError(errno.EFBIG, f"{item} is too large")
                parts.append(part)
        return b"".join(parts)

    def remove(self, name: str) -> None:
        """See `TsmFiles.remove`; the kernel removes the files with the folder."""
        (self._folder / name).rmdir()


class _Made(NamedTuple):
    """What the kernel gave for one request."""

    document: bytes
    table: bytes


@final
class TsmEnclave:
    """Evidence by the kernel's configfs-tsm."""

    def __init__(self, files: TsmFiles | None = None, *, pause: float = 0.1) -> None:
        """Ask the kernel which hardware this is; no report is made for that.

        Args:
            files: The kernel's folder if None.
            pause: Seconds before a report is asked for again; each next one is twice as long.

        Raises:
            ConfigurationError: Code ``enclave.unavailable``: there is no such folder, no right to
                use it, or hardware that this release makes no evidence of.
        """
        self._files = files or ConfigfsFiles()
        self._pause = pause
        self._one = anyio.Lock()
        with self._request() as name:
            provider = self._read(name, "provider").decode(errors="replace").strip()
        self._provider = provider
        if provider not in KINDS:
            raise ConfigurationError(
                f"no evidence is known of the kernel's provider {provider[:32]!r}",
                code="enclave.unavailable",
            )

    @property
    def kind(self) -> str:
        """``"intel-tdx"`` or ``"amd-sev-snp"``."""
        return KINDS[self._provider]

    async def attest(
        self,
        *,
        keyset: Keyset | None = None,
        user_data: bytes | None = None,  # noqa: ARG002 - 64 bytes have no room for it
        nonce: bytes | None = None,
    ) -> Evidence:
        """Have the hardware sign the keyset's digest and the nonce's; one report at a time.

        Args:
            keyset: Goes beside the report, as runtime data.
            user_data: Is left out: the keyset names the same keys.
            nonce: 1 to 512 bytes; None for standing evidence.

        Raises:
            ConfigurationError: Code ``enclave.unavailable`` where the kernel does not answer,
                ``enclave.refused`` where it makes no report, or one of a version that this
                release does not know; or no keyset, or a nonce too long.
        """
        if keyset is None:
            raise ConfigurationError("a report without keyset would bind nothing")
        wanted = report_data(keyset.digest(), nonce)
        async with self._one:
            made = await self._made(wanted)
        try:
            signed, collateral = _understood(made, self.kind)
        except (MalformedError, AttestationError) as error:
            raise ConfigurationError(
                f"the kernel gave what no verifier would take: {error.message}",
                code="enclave.refused",
            ) from error
        if not equal(signed, wanted):
            raise ConfigurationError(
                "the kernel gave a report of something else", code="enclave.refused"
            )
        return Evidence(
            kind=self.kind,
            document=made.document,
            runtime_data=keyset.encode(),
            collateral=collateral,
        )

    async def _made(self, wanted: bytes) -> _Made:
        for attempt in range(_ATTEMPTS):
            if attempt:
                await anyio.sleep(self._pause * 2 ** (attempt - 1))
            made = await to_thread.run_sync(self._attempt, wanted)
            if made is not None:
                return made
        raise ConfigurationError(
            f"the kernel made no report in {_ATTEMPTS} attempts", code="enclave.refused"
        )

    def _attempt(self, wanted: bytes) -> _Made | None:
        """One request; None where it is to be made again."""
        with self._request() as name:
            try:
                before = int(self._files.read(name, "generation"))
                self._files.write(name, "inblob", wanted)
                made = _Made(self._files.read(name, "outblob"), self._table(name))
                after = int(self._files.read(name, "generation"))
            except (OSError, ValueError) as error:
                if isinstance(error, OSError) and error.errno in _AGAIN:
                    return None
                raise ConfigurationError(
                    f"the kernel made no report: {error}", code="enclave.refused"
                ) from error
        # Ours was one write. Another number: it was not taken, or somebody else's was too.
        return made if after == before + 1 else None

    def _table(self, name: str) -> bytes:
        try:
            return self._files.read(name, "auxblob")
        except FileNotFoundError:
            return b""

    def _read(self, name: str, item: str) -> bytes:
        try:
            return self._files.read(name, item)
        except OSError as error:
            raise _unavailable(error) from error

    @contextmanager
    def _request(self) -> Iterator[str]:
        name = f"opengradient-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            self._files.make(name)
        except OSError as error:
            raise _unavailable(error) from error
        try:
            yield name
        finally:
            try:
                self._files.remove(name)
            except OSError as error:
                _log.warning("a request stays in the kernel", extra={"code": error.errno})


def _understood(made: _Made, kind: str) -> tuple[bytes, Collateral]:
    """REPORT_DATA of the document, and what the host gave beside it."""
    if kind == TDX:
        quote = parse_quote(made.document, TEE_TDX)
        return parse_td_report(quote.body).report_data, Collateral()
    report = parse_report(made.document)
    try:
        return report.report_data, host_collateral(made.table, report.signer)
    except MalformedError as error:
        # The host's, who can as well give none: whoever verifies then asks AMD.
        _log.warning("certificates of the host are left out", extra={"code": error.code})
        return report.report_data, Collateral()


def _unavailable(error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"the kernel's configfs-tsm did not answer: {error}", code="enclave.unavailable"
    )
