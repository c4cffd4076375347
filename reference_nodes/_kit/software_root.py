"""The root certificate of one network's software enclaves, and the chains below it.

A network makes its own root once; its key lies in one file that only the owner can read. Whoever
has that file can make evidence for the network, which is why only a policy that names the root
under its ugly name accepts it.
"""

import os
import secrets
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509.oid import NameOID

from opengradient.errors import ConfigurationError
from opengradient.verify.trust import SIMULATION_MARK, UnsafeSimulatedRoot

ROOT_FILE: Final = "software-enclave-root.pem"
LEAF_LIFETIME: Final = timedelta(hours=3)
"""That of the leaf certificates of the Nitro module."""

BACKDATED: Final = timedelta(seconds=3)
"""How long before the request the Nitro module lets its leaf begin, seen in genuine documents."""

_ROOT_LIFETIME = timedelta(days=30 * 365)
# Names and lifetimes of the authorities between root and leaf in genuine documents.
_AUTHORITIES = (
    ("regional", timedelta(days=20)),
    ("zonal", timedelta(days=5)),
    ("instance", timedelta(days=1)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A leaf key with the certificates that lead to it.

    Attributes:
        leaf_key: Signs documents; lives in memory only.
        certificate: DER of the leaf.
        cabundle: DER of its issuers, the root first.
        not_before_ms: When the leaf begins, Unix milliseconds.
        not_after_ms: When the leaf ends, Unix milliseconds.
    """

    leaf_key: ec.EllipticCurvePrivateKey
    certificate: bytes
    cabundle: tuple[bytes, ...]
    not_before_ms: int
    not_after_ms: int


class SoftwareRoot:
    """A network's root of simulated trust."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        """Take a key and its self-signed certificate; see `create` and `load_or_create`."""
        self._key = key
        self._certificate = certificate

    @classmethod
    def create(cls, network: str, *, now_ms: int) -> "SoftwareRoot":
        """Make a new root in memory.

        Args:
            network: Name of the network, at most 64 characters.
            now_ms: The time, Unix milliseconds.
        """
        if not 1 <= len(network) <= 64:
            raise ConfigurationError("a network's name has 1 to 64 characters")
        key = ec.generate_private_key(ec.SECP384R1())
        name = _name(f"{SIMULATION_MARK.decode()} software enclave root", network)
        start = _time(now_ms)
        window = (start, start + _ROOT_LIFETIME)
        return cls(key, _issue(name, key.public_key(), issuer=name, issuer_key=key, window=window))

    @classmethod
    def load_or_create(cls, directory: Path, network: str, *, now_ms: int) -> "SoftwareRoot":
        """Read the root of a network's directory, or make it where there is none.

        Several processes may call this at once: all of them get the same root.

        Args:
            directory: The network's directory; made with mode 700 where it is missing.
            network: Name of the network, for a new root.
            now_ms: The time, Unix milliseconds, for a new root.

        Raises:
            ConfigurationError: The file can be read by others, or is damaged.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / ROOT_FILE
        if not path.exists():
            cls.create(network, now_ms=now_ms).save(path)
        return cls.load(path)

    @property
    def certificate(self) -> bytes:
        """DER of the root certificate; it is public."""
        return self._certificate.public_bytes(serialization.Encoding.DER)

    @property
    def network(self) -> str:
        """Name of the network."""
        unit = self._certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
        return str(unit[0].value)

    def unsafe_trust(self) -> UnsafeSimulatedRoot:
        """The entry that a policy needs to accept this network's software enclaves."""
        return UnsafeSimulatedRoot(name=self.network, certificate=self.certificate)

    def issue_chain(self, module_id: str, *, now_ms: int) -> Chain:
        """Issue a chain in Nitro's shape: root, three authorities, a leaf of three hours.

        Args:
            module_id: The enclave's name, for the leaf.
            now_ms: The time, Unix milliseconds.
        """
        start = _time(now_ms) - BACKDATED
        end = start + BACKDATED + LEAF_LIFETIME
        issuer_key, issuer = self._key, self._certificate
        cabundle = [self.certificate]
        for path_length, (label, lifetime) in zip((2, 1, 0), _AUTHORITIES, strict=True):
            key = ec.generate_private_key(ec.SECP384R1())
            issuer = _issue(
                _name(f"{SIMULATION_MARK.decode()} {label} authority", self.network),
                key.public_key(),
                issuer=issuer.subject,
                issuer_key=issuer_key,
                window=(start, start + lifetime),
                path_length=path_length,
            )
            issuer_key = key
            cabundle.append(issuer.public_bytes(serialization.Encoding.DER))
        leaf_key = ec.generate_private_key(ec.SECP384R1())
        leaf = _issue(
            _name(module_id[:64], self.network),
            leaf_key.public_key(),
            issuer=issuer.subject,
            issuer_key=issuer_key,
            window=(start, end),
            ca=False,
        )
        return Chain(
            leaf_key=leaf_key,
            certificate=leaf.public_bytes(serialization.Encoding.DER),
            cabundle=tuple(cabundle),
            not_before_ms=int(start.timestamp()) * 1000,
            not_after_ms=int(end.timestamp()) * 1000,
        )

    def save(self, path: Path) -> None:
        """Write key and certificate as one file that appears whole or not at all.

        Where the file is there already it stays as it is.
        """
        pem = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ) + self._certificate.public_bytes(serialization.Encoding.PEM)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)  # fails where another process was first; theirs is used
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    @classmethod
    def load(cls, path: Path) -> "SoftwareRoot":
        """Read what `save` wrote.

        Raises:
            ConfigurationError: The file can be read by others, or is damaged.
        """
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigurationError(f"{path} holds a key and must have mode 600")
        pem = path.read_bytes()
        try:
            key = serialization.load_pem_private_key(pem, password=None)
            certificate = x509.load_pem_x509_certificate(pem)
        except ValueError as error:
            raise ConfigurationError(f"{path} is damaged") from error
        if (
            not isinstance(key, ec.EllipticCurvePrivateKey)
            or certificate.public_key() != key.public_key()
        ):
            raise ConfigurationError(f"{path} is damaged: key and certificate do not match")
        return cls(key, certificate)


def _issue(
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    *,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    window: tuple[datetime, datetime],
    ca: bool = True,
    path_length: int | None = None,
) -> x509.Certificate:
    authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    subject_id = x509.SubjectKeyIdentifier.from_public_key(public_key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(window[0])
        .not_valid_after(window[1])
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
        .add_extension(_usage(is_leaf=not ca), critical=ca)
        .add_extension(authority_id, critical=False)
        .add_extension(subject_id, critical=False)
    )
    return builder.sign(issuer_key, SHA384())


def _usage(*, is_leaf: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=is_leaf,
        content_commitment=is_leaf,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not is_leaf,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str, network: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "OpenGradient"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, network),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _time(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms // 1000, UTC)
