"""The methods of the protocol, by subject; what each takes and returns stands in its signature."""

# Imported for what they declare.
from whisperer_kernel.rpc.methods import agents, messages, models, plans, sessions, tools  # noqa: F401
from whisperer_kernel.rpc.methods.declared import Methods as Methods
from whisperer_kernel.rpc.methods.declared import Notebook as Notebook
from whisperer_kernel.rpc.methods.declared import _declared as _declared
