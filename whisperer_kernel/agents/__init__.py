"""Who answers: the agents, what each has seen, and the request that a turn begins with."""
