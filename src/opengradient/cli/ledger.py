"""Asking the ledger whether a receipt's root is anchored there."""

from opengradient.chain.rpc import RpcClient
from opengradient.chain.settlement import SettlementReader
from opengradient.core.bundle import ReceiptBundle
from opengradient.errors import ChainError, InclusionError
from opengradient.transport import HttpTransport


async def anchored_roots(bundle: ReceiptBundle, url: str) -> frozenset[bytes]:
    """The receipt's root, if the ledger at `url` has it anchored under this very receipt.

    Args:
        bundle: A receipt file's content; its domain names chain and contract.
        url: JSON-RPC of the ledger.

    Raises:
        InclusionError: The file has no proof, or the contract does not confirm it.
        ChainError: No answer, or from another chain.
        ConfigurationError: Not a URL.
    """
    if bundle.inclusion is None:
        raise InclusionError("the file holds no proof of inclusion to look up on the ledger")
    domain = bundle.signed.domain
    async with HttpTransport() as http:

        async def post(body: bytes) -> bytes:
            headers = {"content-type": "application/json"}
            answer = await http.request("POST", url, headers=headers, content=body)
            if answer.status != 200:
                raise ChainError(f"{url} answered with status {answer.status}")
            return answer.body

        rpc = RpcClient(post, chain_id=domain.chain_id)
        reader = SettlementReader(rpc, domain.settlement_contract)
        await reader.verify_inclusion(bundle.signed, bundle.inclusion)
    return frozenset({bundle.inclusion.root})
