"""A pydantic model in, an instance of it out; the answer behind it is verified first."""

import anyio
from pydantic import BaseModel

import opengradient as og


class City(BaseModel):
    name: str
    population: int


async def main() -> None:
    async with og.LLM() as llm:
        reply = await llm.chat(
            "openai/gpt-5-mini",
            [{"role": "user", "content": "The largest city of France?"}],
            response_format=City,
        )
        city = reply.parsed
        print(city.name, city.population)


anyio.run(main)
