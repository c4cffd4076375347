"""Seals provider keys to an attested HPKE key, and opens them inside (RFC 9180, base mode)."""

from opengradient.core.keys import Signer
from opengradient.core.receipts import ReceiptDomain
from opengradient.core.sealed_keys import NO_CONFIGURATION, KeysHeader, ProviderKeys, SealedKeys
from opengradient.errors import AttestationError, ChannelError, VerificationError
from opengradient.transport.ohttp import GatewayKey
from opengradient.transport.ohttp._hpke import open_with, recipient, sender
from opengradient.verify.node import VerifiedNode


def seal_keys(
    keys: ProviderKeys,
    *,
    node: VerifiedNode,
    operator: Signer,
    sequence: int,
    expires_at_ms: int,
) -> SealedKeys:
    """Seal keys to a node whose evidence was verified, and sign them.

    Args:
        keys: The keys.
        node: The verified node; its fresh evidence is named in the message.
        operator: Signs for the address that the node's configuration names.
        sequence: Greater than that of every earlier message to this node.
        expires_at_ms: Until when the node is to take them, Unix milliseconds.

    Raises:
        AttestationError: Code ``keys.no_hpke``: the evidence binds no key to seal to.
        ChannelError: The HPKE key is none that a secret can be agreed with.
    """
    hpke = node.keyset.hpke
    if hpke is None:
        raise AttestationError("the evidence binds no HPKE key", code="keys.no_hpke")
    header = KeysHeader(
        node_id=node.node_id,
        evidence_digest=node.fresh.evidence_digest,
        config_digest=node.keyset.config_digest or NO_CONFIGURATION,
        key_id=hpke.key_id,
        sequence=sequence,
        expires_at_ms=expires_at_ms,
    )
    enc, context = sender(hpke, header.info(), None)
    ciphertext = context.seal(keys.encode())
    digest = header.signing_digest(node.domain, enc + ciphertext)
    return SealedKeys(
        header=header, enc=enc, ciphertext=ciphertext, signature=operator.sign(digest)
    )


def open_keys(sealed: SealedKeys, key: GatewayKey) -> ProviderKeys:
    """Open sealed keys; who signed them is checked before.

    Args:
        sealed: The message.
        key: The HPKE key that it names.

    Raises:
        VerificationError: Code ``keys.unopened``: not sealed to this key with this header.
        MalformedError: Code ``keys.malformed``.
    """
    try:
        context = recipient(key.public, key.private_key, sealed.enc, sealed.header.info())
        plain = open_with(context, sealed.ciphertext)
    except ChannelError as error:
        raise VerificationError(
            "the keys are not sealed to this node's HPKE key", code="keys.unopened"
        ) from error
    return ProviderKeys.parse(plain)


def check_operator(sealed: SealedKeys, *, domain: ReceiptDomain, operator: bytes) -> None:
    """Require the operator's signature.

    Args:
        sealed: The message.
        domain: Where the node's receipts belong.
        operator: The 20-byte address that the attested configuration names.

    Raises:
        VerificationError: Code ``keys.operator``; ``receipt.signature`` where no key can have
            made the signature.
    """
    signer = sealed.signer(domain)
    if signer != operator:
        raise VerificationError(
            "the keys are signed by another than the operator",
            code="keys.operator",
            expected="0x" + operator.hex(),
            actual="0x" + signer.hex(),
        )
