"""JSON-RPC 2.0 over anything that carries text: the dispatcher, the methods, their description."""
