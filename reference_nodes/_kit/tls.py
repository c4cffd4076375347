"""A listener's TLS key that can be replaced while it listens.

New handshakes get the new key. Connections that stand go on under the key they were made with,
and know which: receipts name it.
"""

import os
import ssl
import tempfile
from pathlib import Path
from typing import Final, final

from opengradient.errors import ConfigurationError
from reference_nodes._kit.credentials import TlsCredentials

MEMORY_FOLDER: Final = Path("/dev/shm")  # noqa: S108  (what is made in it has mode 700)


class _KeyedContext(ssl.SSLContext):
    """An SSL context that knows its key."""

    spki_sha256: bytes


def tls_context(credentials: TlsCredentials) -> ssl.SSLContext:
    """A server's TLS context for one key.

    The ssl module reads keys from files only, so the key stands for a moment in a file that
    only this user can read, in memory where the system has a memory file system.

    Raises:
        ConfigurationError: The file cannot be written, or key and certificate do not fit.
    """
    context = _KeyedContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.spki_sha256 = credentials.spki_sha256
    memory = MEMORY_FOLDER
    folder = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    try:
        with tempfile.TemporaryDirectory(prefix="opengradient-", dir=folder) as name:
            path = Path(name) / "tls.pem"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(credentials.key_pem + credentials.certificate_pem.encode())
            context.load_cert_chain(path)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(f"the TLS key cannot be used: {error}") from error
    return context


@final
class LiveTls:
    """The TLS side of a listener.

    Sessions are never resumed: a resumed one would not prove that the server holds the key of
    its present certificate.
    """

    def __init__(self, credentials: TlsCredentials) -> None:
        """Begin with a key.

        Raises:
            ConfigurationError: As `tls_context`.
        """
        self._current = tls_context(credentials)
        listener = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        listener.minimum_version = ssl.TLSVersion.TLSv1_2
        listener.options |= ssl.OP_NO_TICKET
        listener.num_tickets = 0
        listener.sni_callback = self._choose
        self.context: Final = listener

    def use(self, context: ssl.SSLContext) -> None:
        """Take another key for the handshakes to come: a context by `tls_context`."""
        spki_of(context)
        self._current = context

    def is_current(self, spki_sha256: bytes) -> bool:
        """Whether new handshakes get this key."""
        return spki_of(self._current) == spki_sha256

    def _choose(
        self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _: ssl.SSLContext
    ) -> None:
        # Called for each handshake, with a server name in it or without (OpenSSL,
        # SSL_CTX_set_tlsext_servername_callback(3)).
        connection.context = self._current


def spki_of(context: ssl.SSLContext) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo of a context made by `tls_context`."""
    if not isinstance(context, _KeyedContext):
        raise TypeError("a TLS context that knows its key")
    return context.spki_sha256
