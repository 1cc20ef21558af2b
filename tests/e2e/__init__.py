"""The package against a real OpenID provider, over real HTTP. Run with ``pytest tests/e2e``."""
