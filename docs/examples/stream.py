"""Show an answer as it comes; it ends in a verified reply, or raises."""

import anyio

import opengradient as og


async def main() -> None:
    question = [{"role": "user", "content": "What does a receipt prove?"}]
    async with og.LLM() as llm, llm.stream("og/tiny", question) as stream:
        async for chunk in stream:
            print(chunk.text, end="", flush=True)
        print("\n", stream.reply.verdict["stream"].detail)


anyio.run(main)
