"""Who answers: providers, how one is chosen, and the loop that asks it."""
