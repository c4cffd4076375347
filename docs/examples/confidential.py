"""Ask through a relay: the node does not learn who asks, and the relay not what."""

import sys

import anyio

import opengradient as og


async def main() -> None:
    relay = og.load_network().relay_url or sys.exit("this network names no relay")
    question = [{"role": "user", "content": "Hello"}]
    async with og.ConfidentialLLM(relay) as llm, llm.stream("og/tiny", question) as stream:
        async for chunk in stream:
            print(chunk.text, end="", flush=True)
        print("\n", stream.reply.verdict["channel"].source)


anyio.run(main)
