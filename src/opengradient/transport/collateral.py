"""Fetches what vendors sign beside evidence, from their services and never from where a prover says.

Everything that is fetched is signed by its vendor and checked by the verifiers, so neither the
service nor a mirror nor the cache on disk has to be believed. What they can do is to withhold
and to serve old data; how old it may be is for the policy to say.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, final

import anyio

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import SGX, SNP, TDX, Evidence
from opengradient.core.snp_kds import (
    kds_chain_path,
    kds_crl_path,
    kds_path,
    product_candidates,
)
from opengradient.core.snp_tcb import PRODUCTS
from opengradient.errors import (
    MalformedError,
    NotFoundError,
    ProtocolError,
    TransportError,
)
from opengradient.transport._collateral_store import (
    CollateralEntry,
    CollateralStore,
)
from opengradient.transport._collateral_vendors import (
    CollateralServices,
    Resource,
    amd_resources,
    amd_vcek,
    intel_resources,
)
from opengradient.transport.seam import Transport, TransportFactory
from opengradient.verify.attestation.intel_collateral import pck_facts

__all__ = [
    "NEEDED_BY",
    "CollateralEntry",
    "CollateralServices",
    "CollateralSource",
    "NoCollateral",
    "VendorCollateral",
]

_log = logging.getLogger("opengradient.transport")

REFRESH_AFTER_MS: Final = 24 * 60 * 60 * 1000
"""A day: Intel and AMD publish new data a few times a year, and a day late is not late for lists
that are good for a month."""

_REFRESH_PART: Final = 0.75
"""Or when three quarters of the time to its end have passed."""

_REST_MS: Final = 60_000
"""After a failure the service is not asked for this long where something valid is there."""

_SECONDS: Final = 10.0
_MAX_ANSWER_BYTES: Final = 128 * 1024
"""TCB info has some 8 KiB; Intel's longest revocation list some 20 KiB."""


class CollateralSource(Protocol):
    """Completes evidence with what its vendor signs beside it. Replaceable."""

    async def complete(self, evidence: Evidence) -> Evidence:
        """The evidence with all collateral that its kind needs, as fresh as can be had.

        Raises:
            TransportError: Code ``collateral.*``: something is missing and cannot be had.
            VerificationError: The document does not say what is needed.
        """
        ...

    def entries(self, evidence: Evidence) -> tuple[CollateralEntry, ...]:
        """What the evidence's collateral was completed from, with its age."""
        ...


@final
class NoCollateral:
    """Fetches nothing: evidence is judged with what came with it."""

    async def complete(self, evidence: Evidence) -> Evidence:
        """The evidence as it is."""
        return evidence

    def entries(self, evidence: Evidence) -> tuple[CollateralEntry, ...]:  # noqa: ARG002
        """None."""
        return ()


@final
class VendorCollateral:
    """Asks Intel's and AMD's services, and keeps what they gave.

    What is kept is used until a day has passed or its end comes near; then the service is asked
    again. Where it cannot be reached, what is kept is used for as long as its vendor lets it; then
    what came with the evidence is; and where there is neither, nothing is accepted.
    """

    def __init__(
        self,
        *,
        transports: TransportFactory,
        clock: Callable[[], int],
        services: CollateralServices | None = None,
        folder: Path | None = None,
        timeout: float = _SECONDS,
        refresh_after_ms: int = REFRESH_AFTER_MS,
    ) -> None:
        """Nothing is fetched before it is needed.

        Args:
            transports: Makes the way to the services.
            clock: Unix milliseconds.
            services: Where to ask; the vendors themselves if None.
            folder: Where to keep what was fetched; None for memory only.
            timeout: Seconds per request.
            refresh_after_ms: Ask again after this time, milliseconds.
        """
        self._transports = transports
        self._clock = clock
        self._services = services or CollateralServices()
        self._store = CollateralStore(folder)
        self._timeout = timeout
        self._refresh_after_ms = refresh_after_ms
        self._under_way: dict[str, anyio.Lock] = {}
        self._rests_until_ms: dict[str, int] = {}

    async def complete(self, evidence: Evidence) -> Evidence:
        """See `CollateralSource.complete`."""
        if evidence.kind not in _NEEDS:
            return evidence
        try:
            entries = await _NEEDS[evidence.kind](self, evidence)
        except TransportError as error:
            if not evidence.collateral:
                raise
            _log.warning("%s; evidence is judged with the collateral that came with it", error)
            return evidence
        fetched = {name: data for entry in entries for name, data in entry.items.items()}
        merged = evidence.collateral.merged(Collateral.of(fetched))
        return Evidence(
            kind=evidence.kind,
            document=evidence.document,
            runtime_data=evidence.runtime_data,
            collateral=merged,
        )

    def entries(self, evidence: Evidence) -> tuple[CollateralEntry, ...]:
        """See `CollateralSource.entries`."""
        items = dict(evidence.collateral.items)
        return tuple(
            entry
            for entry in self._store.all()
            if all(items.get(name) == data for name, data in entry.items.items())
        )

    async def _all(self, resources: tuple[Resource, ...]) -> tuple[CollateralEntry, ...]:
        """Every resource, asked for at once."""
        found: dict[str, CollateralEntry] = {}
        failed: list[TransportError] = []

        async def get(resource: Resource) -> None:
            try:
                found[resource.key] = await self._get(resource)
            except TransportError as error:
                failed.append(error)

        async with anyio.create_task_group() as group:
            for resource in resources:
                group.start_soon(get, resource)
        if failed:
            raise failed[0]
        return tuple(found[resource.key] for resource in resources)

    async def _get(self, resource: Resource) -> CollateralEntry:
        """One resource: from memory, from disk, or from the service; one request at a time."""
        known = self._store.remembered(resource.key)
        if known is not None and self._is_fresh(known):
            return known
        with self._turn(resource.key) as lock:
            async with lock:
                known = self._store.remembered(resource.key) or await self._from_disk(resource)
                if known is not None and self._is_fresh(known):
                    return known
                return await self._renewed(resource, known)

    @contextmanager
    def _turn(self, key: str) -> Iterator[anyio.Lock]:
        lock = self._under_way.setdefault(key, anyio.Lock())
        try:
            yield lock
        finally:
            if not lock.statistics().locked:
                self._under_way.pop(key, None)

    def _is_fresh(self, entry: CollateralEntry) -> bool:
        now_ms = self._clock()
        if not entry.is_valid(now_ms):
            return False
        life = int(_REFRESH_PART * (entry.valid_until_ms - entry.fetched_at_ms))
        refresh_at = entry.fetched_at_ms + min(self._refresh_after_ms, life)
        return now_ms < max(refresh_at, self._rests_until_ms.get(entry.key, 0))

    async def _from_disk(self, resource: Resource) -> CollateralEntry | None:
        stored = await self._store.load(resource.key)
        if stored is None:
            return None
        try:
            until = resource.until(stored.items)
        except ProtocolError as error:
            _log.warning("kept collateral %s is not used: %s", resource.key, error)
            return None
        entry = CollateralEntry(
            key=resource.key,
            items=stored.items,
            # Not trusted for more than showing an age: a file from the future is as old as now.
            fetched_at_ms=min(stored.fetched_at_ms, self._clock()),
            valid_until_ms=until,
        )
        self._store.remember(entry)
        return entry

    async def _renewed(self, resource: Resource, known: CollateralEntry | None) -> CollateralEntry:
        try:
            fetched = await self._fetch(resource)
        except TransportError as error:
            now_ms = self._clock()
            if known is None or not known.is_valid(now_ms):
                raise
            _log.warning("collateral %s is not renewed: %s", resource.key, error)
            self._rests_until_ms[resource.key] = now_ms + _REST_MS
            return known
        self._rests_until_ms.pop(resource.key, None)
        if known is not None and known.valid_until_ms > fetched.valid_until_ms:
            _log.warning("a service gave older collateral than before: %s", resource.key)
            return known
        await self._store.save(fetched)
        return fetched

    async def _fetch(self, resource: Resource) -> CollateralEntry:
        transport: Transport = self._transports(None)
        try:
            answer = await transport.request(
                "GET", resource.url, timeout=self._timeout, max_bytes=_MAX_ANSWER_BYTES
            )
        except TransportError as error:
            code = "too_large" if error.code == "transport.too_large" else "unavailable"
            raise TransportError(
                f"collateral cannot be fetched: {error.message}", code=f"collateral.{code}"
            ) from error
        finally:
            await transport.aclose()
        if answer.status == 404:
            raise NotFoundError(
                f"{resource.url}: the vendor's service does not know this platform",
                status=404,
                code="collateral.unknown_platform",
            )
        if answer.status != 200:
            raise TransportError(
                f"{resource.url}: status {answer.status}", code="collateral.unavailable"
            )
        items = resource.read(answer)
        now_ms = self._clock()
        entry = CollateralEntry(
            key=resource.key,
            items=items,
            fetched_at_ms=now_ms,
            valid_until_ms=resource.until(items),
        )
        if not entry.is_valid(now_ms):
            raise TransportError(
                f"{resource.url}: what the service gives is out of date", code="collateral.expired"
            )
        return entry

    async def _intel(self, evidence: Evidence) -> tuple[CollateralEntry, ...]:
        fmspc, ca = pck_facts(evidence.document)
        tee = "tdx" if evidence.kind == TDX else "sgx"
        return await self._all(intel_resources(self._services, tee=tee, fmspc=fmspc, ca=ca))

    async def _amd(self, evidence: Evidence) -> tuple[CollateralEntry, ...]:
        vlek = evidence.collateral.get("vlek")
        if vlek is not None:
            product = next((p for p in PRODUCTS if f"SEV-VLEK-{p}".encode() in vlek), None)
            if product is None:
                raise MalformedError("a VLEK of no known product line", code="snp.kds")
            return await self._all(self._line("vlek", product))
        candidates = product_candidates(evidence.document)
        for number, product in enumerate(candidates, 1):
            path = kds_path(evidence.document, product)
            try:
                own = await self._get(amd_vcek(self._services, path))
            except NotFoundError:
                if number == len(candidates):
                    raise
                continue
            return (own, *await self._all(self._line("vcek", product)))
        raise MalformedError("a report of no known product line", code="snp.kds")

    def _line(self, signer: str, product: str) -> tuple[Resource, ...]:
        return amd_resources(
            self._services,
            signer=signer,
            product=product,
            chain_path=kds_chain_path(product, signer),
            crl_path=kds_crl_path(product, signer),
        )


_Need = Callable[[VendorCollateral, Evidence], Awaitable[tuple[CollateralEntry, ...]]]

_NEEDS: Final[Mapping[str, _Need]] = {
    TDX: VendorCollateral._intel,  # noqa: SLF001
    SGX: VendorCollateral._intel,  # noqa: SLF001
    SNP: VendorCollateral._amd,  # noqa: SLF001
}
"""Kind of evidence to what it needs; the others need nothing."""

NEEDED_BY: Final = frozenset(_NEEDS)
"""Kinds of evidence that are judged with collateral."""
