"""The isolated side of a test run: the process that is started, the wall around it, and what is said through it."""
