"""Ask a question, read what was proven, keep the receipt."""

import anyio

import opengradient as og


async def main() -> None:
    async with og.LLM() as llm:
        reply = await llm.chat(
            model="og/tiny",
            messages=[{"role": "user", "content": "What is the capital of France?"}],
        )
        print(reply.text)
        for claim in reply.verdict:
            print(f"{claim.status:9} {claim.name}: {claim.source}")
        proof = await reply.settlement.wait()
        print("settled under root", proof.root.hex())
        reply.receipt.save("receipt.json")


anyio.run(main)
