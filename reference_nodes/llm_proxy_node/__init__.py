"""The LLM proxy node: requests in OpenAI's format to the providers, with a receipt for each."""
