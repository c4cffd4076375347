"""From what a node presents to a channel: each step broken alone."""

import base64
import dataclasses
import functools
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from opengradient.core.configuration import configuration_digest
from opengradient.core.digests import ZERO32, sha256
from opengradient.core.evidence import NITRO, Evidence
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import HpkeKey, Keyset
from opengradient.core.modes import ChannelKind
from opengradient.core.nitriding import encode_user_data
from opengradient.core.node_evidence import NodeEvidence
from opengradient.core.receipts import ReceiptDomain
from opengradient.errors import (
    AttestationError,
    FreshnessError,
    MalformedError,
    OpenGradientError,
    VerificationError,
)
from opengradient.verify.node import VerifiedNode, certificate_spki, verify_node
from tests.unit.verify import nitro_forge as forge
from tests.unit.verify.nitro_forge import NOW, POLICY, SIGNER
from tests.unit.verify.test_configuration import DOCUMENT as CONFIGURATION

NONCE = b"n" * 32
DOMAIN = ReceiptDomain(chain_id=7, settlement_contract=b"\7" * 20)
OTHER = MemorySigner(b"\x09" * 32)


@functools.cache
def certificate(number: int = 1) -> x509.Certificate:
    key = ec.derive_private_key(number, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), number)
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=9))
    return builder.sign(key, SHA256())


def der(number: int = 1) -> bytes:
    return certificate(number).public_bytes(Encoding.DER)


def pem(number: int = 1) -> str:
    return certificate(number).public_bytes(Encoding.PEM).decode()


@functools.cache
def rsa_key(number: int = 0) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(65537, 2**2047 + 2 * number + 1).public_key()


def spki(key) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def rsa_pem(number: int = 0) -> str:
    return rsa_key(number).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


RSA_HASH = sha256(spki(rsa_key()))
KEYSET = Keyset(
    signing=SIGNER.public_key,
    tls_spki_sha256=sha256(spki(certificate().public_key())),
    legacy_rsa_spki_sha256=RSA_HASH,
)
USER_DATA = encode_user_data(tls_certificate_der=der(), signing_key_der=spki(rsa_key()))


def evidence(keyset: Keyset | None = KEYSET, nonce: bytes | None = None) -> Evidence:
    key = keyset.encode() if keyset else None
    document = forge.document(public_key=key, nonce=nonce, user_data=USER_DATA)
    return Evidence(kind=NITRO, document=document)


def presented(**changes) -> NodeEvidence:
    right = NodeEvidence(
        node_id=SIGNER.public_key.node_id,
        standing=evidence(),
        fresh=evidence(nonce=NONCE),
        tls_certificate=pem(),
        legacy_signing_key=rsa_pem(),
        domain=DOMAIN,
    )
    return dataclasses.replace(right, **changes)


def check(made: NodeEvidence, **changes) -> VerifiedNode:
    known = {
        "nonce": NONCE,
        "peer_certificate": der(),
        "policy": POLICY,
        "now_ms": NOW,
        "domain": DOMAIN,
    }
    return verify_node(made, **{**known, **changes})


def refused(code, made, error=VerificationError, **changes):
    with pytest.raises(error) as caught:
        check(made, **changes)
    assert caught.value.code == code
    return caught.value


def test_a_right_node():
    node = check(presented())
    assert node.keyset == KEYSET
    assert node.node_id == SIGNER.public_key.node_id
    assert node.channel == (ChannelKind.TLS, KEYSET.tls_spki_sha256)
    assert node.certificate == der()
    assert node.legacy_key == spki(rsa_key())
    assert node.domain == DOMAIN
    assert node.fresh.nonce_checked
    assert not node.standing.nonce_checked
    with pytest.raises(TypeError):
        dataclasses.replace(node, seal=object())


def test_what_may_be_missing():
    plain = check(presented(), peer_certificate=None)
    assert plain.channel == (ChannelKind.NONE, ZERO32)
    assert plain.certificate is None
    assert check(presented(tls_certificate=None)).certificate == der()
    assert check(presented(legacy_signing_key=None)).legacy_key is None
    assert check(presented(), domain=None).domain == DOMAIN


def test_fresh_evidence_is_needed_and_answers_our_nonce():
    refused("attestation.freshness", presented(fresh=None), FreshnessError)
    refused("nitro.nonce.absent", presented(fresh=evidence()))
    refused("nitro.nonce.mismatch", presented(fresh=evidence(nonce=b"m" * 32)))


def test_both_documents_pass_the_policy():
    stranger = Evidence(kind=NITRO, document=forge.document(cabundle=forge.CHAIN[1:-1]))
    refused("x509.root", presented(fresh=stranger))
    refused("x509.root", presented(standing=stranger))
    old = forge.document(public_key=KEYSET.encode(), user_data=USER_DATA, timestamp=1)
    refused("nitro.timestamp.stale", presented(standing=Evidence(kind=NITRO, document=old)))
    refused("x509.expired", presented(), now_ms=NOW + 2 * forge.HOUR)


def test_both_bind_the_same_keys():
    other = dataclasses.replace(KEYSET, signing=OTHER.public_key)
    error = refused("attestation.binding", presented(standing=evidence(other)), AttestationError)
    assert error.step == "keyset"
    fresh = presented(fresh=evidence(other, NONCE))
    assert refused("attestation.binding", fresh).step == "keyset"
    neither = presented(standing=evidence(None), fresh=evidence(None, NONCE))
    assert refused("attestation.binding", neither).step == "keyset"


def test_the_id_is_that_of_the_key():
    error = refused("receipt.node_id", presented(node_id=OTHER.public_key.node_id))
    assert error.expected == SIGNER.public_key.node_id.hex()
    assert error.actual == OTHER.public_key.node_id.hex()


def test_the_peer_holds_the_attested_tls_key():
    refused("attestation.binding", presented(), peer_certificate=der(2))
    refused("attestation.binding", presented(), peer_certificate=b"no certificate")
    error = refused("attestation.binding", presented(tls_certificate=pem(2)))
    assert error.step == "tls"
    refused("format.malformed", presented(tls_certificate="no certificate"), MalformedError)
    # Without TLS there is nothing to compare with.
    assert check(presented(tls_certificate=pem(2)), peer_certificate=None).certificate is None
    without = dataclasses.replace(KEYSET, tls_spki_sha256=None)
    bare = presented(standing=evidence(without), fresh=evidence(without, NONCE))
    refused("attestation.binding", bare)


def test_the_rsa_key_is_the_attested_one():
    refused("attestation.binding", presented(legacy_signing_key=rsa_pem(1)))
    refused("format.malformed", presented(legacy_signing_key="no key"), MalformedError)


@pytest.mark.parametrize(
    "domain",
    [
        ReceiptDomain(chain_id=8, settlement_contract=DOMAIN.settlement_contract),
        ReceiptDomain(chain_id=7, settlement_contract=bytes(20)),
    ],
)
def test_the_network_is_ours(domain):
    refused("receipt.domain", presented(domain=domain))


def test_odd_certificates_give_typed_errors():
    """Past bug: a version that X.509 does not have was no typed error."""
    odd = der().replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x7f")
    assert odd != der()
    refused("attestation.binding", presented(), peer_certificate=odd)
    body = base64.b64encode(odd).decode()
    text = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    refused("format.malformed", presented(tls_certificate=text), MalformedError)


def test_a_certificate_s_key():
    assert certificate_spki(der()) == spki(certificate().public_key())
    with pytest.raises(OpenGradientError) as caught:
        certificate_spki(b"")
    assert caught.value.code == "attestation.binding"


def test_a_confidential_channel_needs_an_attested_hpke_key():
    hpke = HpkeKey(key_id=1, public_key=b"\x05" * 32)
    keyset = dataclasses.replace(KEYSET, hpke=hpke)
    able = presented(standing=evidence(keyset), fresh=evidence(keyset, NONCE))
    assert check(able, confidential=True).channel == (ChannelKind.HPKE, hpke.digest())
    assert check(able).channel == (ChannelKind.TLS, KEYSET.tls_spki_sha256)
    assert refused("attestation.binding", presented(), confidential=True).step == "hpke"


def test_the_configuration_shown_is_the_one_that_is_bound():
    keyset = dataclasses.replace(KEYSET, config_digest=configuration_digest(CONFIGURATION))
    able = presented(standing=evidence(keyset), fresh=evidence(keyset, NONCE))
    assert check(dataclasses.replace(able, configuration=CONFIGURATION)).keyset == keyset
    other = {**CONFIGURATION, "settings": {"log": "all"}}
    refused("attestation.configuration", dataclasses.replace(able, configuration=other))
    refused("attestation.configuration", presented(configuration=CONFIGURATION))
