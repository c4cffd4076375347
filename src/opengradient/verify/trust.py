"""Roots that vouch for evidence: the embedded one, and the type that names another.

A root is compared byte for byte with the first certificate of the evidence. Where it comes from a
software enclave it is an `UnsafeSimulatedRoot`: another type, with a name that says what it is.
"""

import base64
import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, final

from opengradient.core.digests import sha256
from opengradient.core.evidence import NITRO, NVIDIA, SGX, SNP, SOFTWARE, TDX
from opengradient.errors import ConfigurationError
from opengradient.verify._roots.amd import AMD_ARKS
from opengradient.verify._roots.intel import INTEL_SGX_ROOT_PEM
from opengradient.verify._roots.nvidia import NVIDIA_DEVICE_ROOT_PEM

HARDWARE_KINDS: Final = (NITRO, TDX, SNP)
"""What a policy for hardware accepts unless it says else; SGX enclaves are small programs and no
machines for a node, so they are named by whoever wants them."""

_log = logging.getLogger("opengradient.verify")

SIMULATION_MARK: Final = b"SIMULATED"
"""Stands in the subject of every software enclave's root, so that none passes for hardware."""

AWS_NITRO_ROOT_SHA256: Final = bytes.fromhex(
    "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"
)
"""SHA-256 of the DER below, as AWS publishes it.

Source: docs.aws.amazon.com/enclaves/latest/user/verify-root.html and
aws-nitro-enclaves.amazonaws.com/AWS_NitroEnclaves_Root-G1.zip
"""

AWS_NITRO_ROOT_PEM: Final = """\
-----BEGIN CERTIFICATE-----
MIICETCCAZagAwIBAgIRAPkxdWgbkK/hHUbMtOTn+FYwCgYIKoZIzj0EAwMwSTEL
MAkGA1UEBhMCVVMxDzANBgNVBAoMBkFtYXpvbjEMMAoGA1UECwwDQVdTMRswGQYD
VQQDDBJhd3Mubml0cm8tZW5jbGF2ZXMwHhcNMTkxMDI4MTMyODA1WhcNNDkxMDI4
MTQyODA1WjBJMQswCQYDVQQGEwJVUzEPMA0GA1UECgwGQW1hem9uMQwwCgYDVQQL
DANBV1MxGzAZBgNVBAMMEmF3cy5uaXRyby1lbmNsYXZlczB2MBAGByqGSM49AgEG
BSuBBAAiA2IABPwCVOumCMHzaHDimtqQvkY4MpJzbolL//Zy2YlES1BR5TSksfbb
48C8WBoyt7F2Bw7eEtaaP+ohG2bnUs990d0JX28TcPQXCEPZ3BABIeTPYwEoCWZE
h8l5YoQwTcU/9KNCMEAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUkCW1DdkF
R+eWw5b6cp3PmanfS5YwDgYDVR0PAQH/BAQDAgGGMAoGCCqGSM49BAMDA2kAMGYC
MQCjfy+Rocm9Xue4YnwWmNJVA44fA0P5W2OpYow9OYCVRaEevL8uO1XYru5xtMPW
rfMCMQCi85sWBbJwKKXdS6BptQFuZbT73o/gBh1qUxl/nNr12UO8Yfwr6wPLb+6N
IwLz3/Y=
-----END CERTIFICATE-----
"""
"""CN=aws.nitro-enclaves, valid from 2019-10-28 to 2049-10-28, ECDSA P-384."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedRoot:
    """A root of a hardware vendor.

    Attributes:
        kind: Kind of evidence that it vouches for, for example ``"aws-nitro"``.
        name: For people: it stands in the verdict.
        certificate: DER of the root certificate.
    """

    kind: str
    name: str
    certificate: bytes

    def __post_init__(self) -> None:
        """Refuse a simulated root in the place of a hardware root.

        Raises:
            ConfigurationError: Code ``policy.simulated_root``.
        """
        if self.kind == SOFTWARE or SIMULATION_MARK in self.certificate:
            raise ConfigurationError(
                "a software enclave's root is no hardware root: name it as UnsafeSimulatedRoot",
                code="policy.simulated_root",
            )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hex."""
        return sha256(self.certificate).hex()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UnsafeSimulatedRoot:
    """The root of one network's software enclaves. It proves nothing about hardware.

    Making one logs a warning.

    Attributes:
        name: Name of the network.
        certificate: DER of the root certificate.
    """

    name: str
    certificate: bytes

    def __post_init__(self) -> None:
        """Say loudly what this is.

        Raises:
            ConfigurationError: Code ``policy.simulated_root`` where the certificate is not marked
                as simulated.
        """
        if SIMULATION_MARK not in self.certificate:
            raise ConfigurationError(
                "not the root of a software enclave", code="policy.simulated_root"
            )
        _log.warning(
            "UNSAFE: accepting software enclaves of network %r: their evidence proves nothing "
            "about hardware",
            self.name,
        )

    @property
    def kind(self) -> str:
        """Kind of evidence that it vouches for: ``"software-enclave"`` and no other."""
        return SOFTWARE

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hex."""
        return sha256(self.certificate).hex()


def nvidia_device_root() -> TrustedRoot:
    """The root "NVIDIA Device Identity CA" that this release embeds; it vouches for GPUs."""
    body = "".join(NVIDIA_DEVICE_ROOT_PEM.split("\n")[1:-2])
    certificate = base64.b64decode(body, validate=True)
    return TrustedRoot(kind=NVIDIA, name="NVIDIA Device Identity CA", certificate=certificate)


def aws_nitro_root() -> TrustedRoot:
    """The root "AWS Nitro Enclaves G1" that this release embeds."""
    return TrustedRoot(
        kind=NITRO, name="AWS Nitro Enclaves G1", certificate=_der(AWS_NITRO_ROOT_PEM)
    )


def amd_ark(product: str) -> TrustedRoot:
    """The ARK of one product line of AMD SEV-SNP, as this release embeds it.

    No default policy names Milan's: arXiv 2605.12990 reports that the seed of its root key can be
    extracted by software, and with it any report forged. Who still trusts it names it here.

    Args:
        product: ``"Milan"``, ``"Genoa"`` or ``"Turin"``.

    Raises:
        ConfigurationError: No such product line.
    """
    encoded = AMD_ARKS.get(product)
    if encoded is None:
        raise ConfigurationError(f"no ARK of {product!r} is embedded; known: {sorted(AMD_ARKS)}")
    return TrustedRoot(kind=SNP, name=f"AMD ARK {product}", certificate=_decode(encoded))


def _decode(encoded: str) -> bytes:
    return base64.b64decode("".join(encoded.split()), validate=True)


def intel_sgx_root(kind: str = TDX) -> TrustedRoot:
    """The root "Intel SGX Root CA" that this release embeds; it vouches for TDX as well as SGX.

    Args:
        kind: The kind of evidence that it is to vouch for, ``"intel-tdx"`` or ``"intel-sgx"``.

    Raises:
        ConfigurationError: It is another kind.
    """
    if kind not in (TDX, SGX):
        raise ConfigurationError(f"Intel's root does not vouch for {kind!r}")
    return TrustedRoot(kind=kind, name="Intel SGX Root CA", certificate=_der(INTEL_SGX_ROOT_PEM))


def _der(pem: str) -> bytes:
    return base64.b64decode("".join(pem.split("\n")[1:-2]), validate=True)


def hardware_roots(kinds: Collection[str] = HARDWARE_KINDS) -> tuple[TrustedRoot, ...]:
    """The roots that this release accepts for kinds of hardware evidence.

    AMD Milan's is not among them: see `amd_ark`.

    Args:
        kinds: Any of ``aws-nitro``, ``intel-tdx``, ``intel-sgx`` and ``amd-sev-snp``.

    Raises:
        ConfigurationError: Another kind. Tokens are a service's word: pin its keys in the settings
            of the kind.
    """
    known = {
        NITRO: (aws_nitro_root(),),
        TDX: (intel_sgx_root(TDX),),
        SGX: (intel_sgx_root(SGX),),
        SNP: (amd_ark("Genoa"), amd_ark("Turin")),
    }
    unknown = [kind for kind in kinds if kind not in known]
    if unknown:
        raise ConfigurationError(
            f"no hardware root vouches for {', '.join(unknown)}; there are {', '.join(known)}"
        )
    return tuple(root for kind in kinds for root in known[kind])
