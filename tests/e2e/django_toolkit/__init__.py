"""A second kind of server that introspects: django-oauth-toolkit, in a process of its own."""
