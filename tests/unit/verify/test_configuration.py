"""The configuration that evidence binds, and the one that a node shows."""

from types import SimpleNamespace
from typing import Any

import pytest

from opengradient.core.canonical import canonical_json
from opengradient.core.claims import Status
from opengradient.core.configuration import configuration_digest
from opengradient.core.digests import Domain, tagged_sha256
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.errors import AttestationError, MalformedError, UnsupportedError
from opengradient.verify.attestation.configuration import check_configuration, configuration_claim

KEY = MemorySigner(b"\x05" * 32).public_key
DOCUMENT: dict[str, Any] = {
    "version": "opengradient.node-configuration/1",
    "node": "llm_proxy_node",
    "release": "1.0",
    "settings": {"max_body_bytes": 1024, "patience_seconds": 60.0},
}
BOUND = Keyset(signing=KEY, config_digest=configuration_digest(DOCUMENT))


def test_the_digest_is_the_documented_one():
    assert BOUND.config_digest == tagged_sha256(Domain.CONFIGURATION, canonical_json(DOCUMENT))
    reordered = dict(reversed(DOCUMENT.items()))
    assert configuration_digest(reordered) == BOUND.config_digest
    changed = {**DOCUMENT, "settings": {"max_body_bytes": 1025, "patience_seconds": 60.0}}
    assert configuration_digest(changed) != BOUND.config_digest


@pytest.mark.parametrize(
    "document",
    [
        {**DOCUMENT, "extra": 1},
        {name: DOCUMENT[name] for name in ("version", "node", "release")},
        {**DOCUMENT, "settings": []},
        {**DOCUMENT, "node": 1},
        {**DOCUMENT, "release": None},
        {**DOCUMENT, "settings": {"x": "x" * 65536}},
    ],
)
def test_other_documents_have_no_digest(document):
    with pytest.raises(MalformedError) as caught:
        configuration_digest(document)
    assert caught.value.code == "configuration.malformed"


def test_versions_are_strict():
    for version in ("opengradient.node-configuration/2", None):
        with pytest.raises(UnsupportedError):
            configuration_digest({**DOCUMENT, "version": version})


def test_what_a_node_shows_must_be_what_its_evidence_binds():
    check_configuration(DOCUMENT, BOUND)
    check_configuration(None, BOUND)
    for document, keyset in (
        ({**DOCUMENT, "release": "1.1"}, BOUND),
        (DOCUMENT, Keyset(signing=KEY)),
    ):
        with pytest.raises(AttestationError) as caught:
            check_configuration(document, keyset)
        assert caught.value.code == "attestation.configuration"


def test_the_claim_is_as_good_as_the_enclave():
    def claim(keyset, *, simulated=False):
        verified: Any = SimpleNamespace(keyset=keyset, simulated=simulated)
        return configuration_claim(verified)

    assert claim(BOUND).status == Status.PROVEN
    assert claim(BOUND).detail == f"0x{BOUND.config_digest.hex()}"
    assert claim(BOUND, simulated=True).status == Status.ASSERTED
    assert claim(Keyset(signing=KEY)).status == Status.ABSENT
    assert claim(None).status == Status.ABSENT
