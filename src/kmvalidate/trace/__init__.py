"""
What was done with a token, step by step, for a person who asks why.

Rules kept here: noting a step never raises, whatever it is given, and nothing that was noted shows the token.
"""

from kmvalidate.trace._explanation import Explanation, Step
from kmvalidate.trace._text import printable
from kmvalidate.trace._trace import Trace

__all__ = ["Explanation", "Step", "Trace", "printable"]
