"""A published Piano Genie as a target of earwitness, with the performances whose split is published."""
