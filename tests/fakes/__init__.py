"""Stand-ins for what Whisperer talks to, on real sockets."""
