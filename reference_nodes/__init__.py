"""Reference nodes: each is service.py (typed), app.py (HTTP), config.py, __main__.py."""
