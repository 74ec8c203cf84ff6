"""Dead letters: what is in them, and what an operator does with them."""
