"""How good the model is: every example is scored before it is learned."""
