"""The certificates that a host may hand to its SEV-SNP guest beside a report.

Layout: AMD publication 56421, "SEV-ES Guest-Hypervisor Communication Block Standardization",
section 4.1.8.1: entries of GUID, offset and length in front, the last one zero, then the data. A
GUID's bytes stand in the order of its text (RFC 4122); numbers are little-endian. The host
writes all of it: nothing here is believed, and verifiers check every item by AMD's signature.
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Final

from opengradient.core.collateral import Collateral
from opengradient.core.snp_report import VLEK
from opengradient.errors import MalformedError

_ENTRY_BYTES: Final = 24
_GUID_BYTES: Final = 16

VCEK_GUID: Final = uuid.UUID("63da758d-e664-4564-adc5-f4b93be8accd").bytes
VLEK_GUID: Final = uuid.UUID("a8074bc2-a25a-483e-aae6-39c045a0b8a1").bytes
ASK_GUID: Final = uuid.UUID("4ab7b379-bbac-4fe4-a02f-05aef327c782").bytes
CRL_GUID: Final = uuid.UUID("92f81bc3-5811-4d3d-97ff-d19f88dc67ea").bytes

_VLEK_AUTHORITY: Final = b"SEV-VLEK-"
"""How the name of the authority behind VLEKs begins; there is one GUID for it and the other."""


def host_collateral(table: bytes, signer: str) -> Collateral:
    """What of a host's table belongs to a report.

    Args:
        table: The table; empty where the host gives none.
        signer: ``"vcek"`` or ``"vlek"``, as the report names its signer.

    Raises:
        MalformedError: Code ``enclave.certificates``: it is no such table.
    """
    found = read_table(table)
    with_vlek = signer == VLEK
    items = {
        "vlek" if with_vlek else "vcek": found.get(VLEK_GUID if with_vlek else VCEK_GUID),
        "crl": found.get(CRL_GUID),
    }
    authority = found.get(ASK_GUID, b"")
    if with_vlek == (_VLEK_AUTHORITY in authority):
        items["asvk" if with_vlek else "ask"] = authority
    return Collateral.of({name: data for name, data in items.items() if data})


def read_table(table: bytes) -> Mapping[bytes, bytes]:
    """GUID to data.

    Raises:
        MalformedError: Code ``enclave.certificates``: it has no end, an entry points outside, or
            a GUID comes twice.
    """
    found: dict[bytes, bytes] = {}
    for guid, data in _entries(table):
        if guid in found:
            raise _malformed("an entry comes twice")
        found[guid] = data
    return found


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not any(table):
        return
    for start in range(0, len(table) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        entry = table[start : start + _ENTRY_BYTES]
        if not any(entry):
            return
        offset, size = (int.from_bytes(entry[at : at + 4], "little") for at in (16, 20))
        if offset + size > len(table):
            raise _malformed("an entry points outside")
        yield entry[:_GUID_BYTES], table[offset : offset + size]
    raise _malformed("it has no end")


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"the host's certificate table: {why}", code="enclave.certificates")
