"""Which TLS certificate a connection trusts. No system authority decides about a node."""

import ssl
from dataclasses import dataclass
from typing import Final, final

from opengradient.errors import ConfigurationError

_ATTRIBUTE: Final = "opengradient_pinned_der"


class PinMismatchError(ssl.SSLError):
    """The peer showed another certificate than the pinned one. Raised inside the handshake."""


class _PinnedObject(ssl.SSLObject):
    """A TLS connection that compares the peer's certificate before a byte of ours is sent.

    A trust anchor alone is not enough: were the pinned certificate an authority, whatever it
    signs would be accepted too.
    """

    def do_handshake(self) -> None:
        """Shake hands, then compare."""
        super().do_handshake()
        if self.getpeercert(binary_form=True) != getattr(self.context, _ATTRIBUTE):
            raise PinMismatchError("the peer's certificate is not the pinned one")


class _PinnedContext(ssl.SSLContext):
    """An SSL context that carries the one certificate it accepts."""

    opengradient_pinned_der: bytes


@final
@dataclass(frozen=True, slots=True)
class TlsPin:
    """What a connection to a node trusts.

    Attributes:
        pem: The one certificate that is accepted; None accepts any, for bootstrap only.
    """

    pem: str | None

    @classmethod
    def certificate(cls, pem: str) -> "TlsPin":
        """Trust exactly this certificate.

        Args:
            pem: One certificate in PEM.

        Raises:
            ConfigurationError: Not one certificate in PEM.
        """
        if pem.count("-----BEGIN CERTIFICATE-----") != 1:
            raise ConfigurationError("a TLS pin is exactly one certificate in PEM")
        pin = cls(pem.strip() + "\n")
        pin.context()
        return pin

    @classmethod
    def of_der(cls, certificate: bytes) -> "TlsPin":
        """Trust exactly this certificate, given in DER.

        Raises:
            ConfigurationError: Not a certificate.
        """
        return cls.certificate(ssl.DER_cert_to_PEM_cert(certificate))

    @classmethod
    def none_for_bootstrap(cls) -> "TlsPin":
        """Trust any certificate: only to fetch evidence that authenticates itself.

        The caller compares `HttpResponse.peer_certificate` with what the evidence binds.
        """
        return cls(None)

    def context(self) -> ssl.SSLContext:
        """The SSL context: TLS 1.2 or later, no system authority, no host name check.

        The name is not checked because the key is pinned: whoever holds it is the node,
        whatever address it has.

        Raises:
            ConfigurationError: The certificate cannot be read.
        """
        context = _PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False
        if self.pem is None:
            context.verify_mode = ssl.CERT_NONE
            return context
        context.verify_mode = ssl.CERT_REQUIRED
        # PARTIAL_CHAIN: a leaf that is no authority can be the anchor (X509_V_FLAG_PARTIAL_CHAIN).
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            context.load_verify_locations(cadata=self.pem)
            context.opengradient_pinned_der = ssl.PEM_cert_to_DER_cert(self.pem)
        except (ssl.SSLError, ValueError) as error:
            raise ConfigurationError(f"the TLS pin is not a certificate: {error}") from error
        context.sslobject_class = _PinnedObject
        return context
