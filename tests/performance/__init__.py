"""What a request costs, counted: a slower way through the code fails, a busy machine does not."""
