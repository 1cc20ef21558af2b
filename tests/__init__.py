"""The tests; a package so that they can share what plays the other side."""
