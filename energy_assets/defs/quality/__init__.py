"""Quality: verdicts on inputs, and the checks that show them."""
