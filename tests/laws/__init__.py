"""Laws: what holds for every input, each under the sentence of the specification that says so."""
