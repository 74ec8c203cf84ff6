"""How records reach a broker and come back: one contract, several implementations."""
