"""Test vectors that nobody of this project wrote, run through the library's own code."""
