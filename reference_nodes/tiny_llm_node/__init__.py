"""A very small language model of our own behind OpenAI's protocol: an upstream that needs no key."""
