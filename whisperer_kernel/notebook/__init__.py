"""Front doors in a kernel: the chat widget, magics, the Python client, the kernelspec."""
