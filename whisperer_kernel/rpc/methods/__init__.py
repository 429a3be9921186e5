"""The methods of the protocol, by subject; what each takes and returns stands in its signature."""

# Imported for what they declare.
from whisperer_kernel.rpc.methods import agents, messages, metrics, models, plans, providers, sessions, tools  # noqa: F401
from whisperer_kernel.rpc.methods.declared import Methods as Methods, Notebook as Notebook, _declared as _declared
