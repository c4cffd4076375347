"""OpenGradient: verifiable AI inference."""
