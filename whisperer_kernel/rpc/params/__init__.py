"""What each method takes and returns, exactly as it stands on the wire, by subject."""

from whisperer_kernel.rpc.params.agents import (
    AgentDescription as AgentDescription,
)
from whisperer_kernel.rpc.params.agents import (
    AgentList as AgentList,
)
from whisperer_kernel.rpc.params.agents import (
    CurrentAgent as CurrentAgent,
)
from whisperer_kernel.rpc.params.agents import (
    HandedOff as HandedOff,
)
from whisperer_kernel.rpc.params.agents import (
    Handoff as Handoff,
)
from whisperer_kernel.rpc.params.agents import (
    SwitchAgent as SwitchAgent,
)
from whisperer_kernel.rpc.params.agents import (
    Switched as Switched,
)
from whisperer_kernel.rpc.params.base import (
    ModelName as ModelName,
)
from whisperer_kernel.rpc.params.base import (
    NoParams as NoParams,
)
from whisperer_kernel.rpc.params.base import (
    OptionalSessionId as OptionalSessionId,
)
from whisperer_kernel.rpc.params.base import (
    PageSize as PageSize,
)
from whisperer_kernel.rpc.params.base import (
    SessionId as SessionId,
)
from whisperer_kernel.rpc.params.base import (
    Snake as Snake,
)
from whisperer_kernel.rpc.params.base import (
    Status as Status,
)
from whisperer_kernel.rpc.params.base import (
    Text as Text,
)
from whisperer_kernel.rpc.params.base import (
    Wire as Wire,
)
from whisperer_kernel.rpc.params.messages import (
    Cancel as Cancel,
)
from whisperer_kernel.rpc.params.messages import (
    Cancelled as Cancelled,
)
from whisperer_kernel.rpc.params.messages import (
    CellItem as CellItem,
)
from whisperer_kernel.rpc.params.messages import (
    CommandOutput as CommandOutput,
)
from whisperer_kernel.rpc.params.messages import (
    ContextItem as ContextItem,
)
from whisperer_kernel.rpc.params.messages import (
    DispatchCommand as DispatchCommand,
)
from whisperer_kernel.rpc.params.messages import (
    Echo as Echo,
)
from whisperer_kernel.rpc.params.messages import (
    FileItem as FileItem,
)
from whisperer_kernel.rpc.params.messages import (
    SelectionItem as SelectionItem,
)
from whisperer_kernel.rpc.params.messages import (
    SendUserMessage as SendUserMessage,
)
from whisperer_kernel.rpc.params.messages import (
    Sent as Sent,
)
from whisperer_kernel.rpc.params.messages import (
    TextItem as TextItem,
)
from whisperer_kernel.rpc.params.messages import (
    VariableItem as VariableItem,
)
from whisperer_kernel.rpc.params.models import (
    Model as Model,
)
from whisperer_kernel.rpc.params.models import (
    ModelList as ModelList,
)
from whisperer_kernel.rpc.params.models import (
    SetModel as SetModel,
)
from whisperer_kernel.rpc.params.plans import (
    OnePlan as OnePlan,
)
from whisperer_kernel.rpc.params.plans import (
    OneReport as OneReport,
)
from whisperer_kernel.rpc.params.plans import (
    PlanId as PlanId,
)
from whisperer_kernel.rpc.params.plans import (
    PlanList as PlanList,
)
from whisperer_kernel.rpc.params.plans import (
    ReportId as ReportId,
)
from whisperer_kernel.rpc.params.plans import (
    ReportList as ReportList,
)
from whisperer_kernel.rpc.params.plans import (
    UpdatePlan as UpdatePlan,
)
from whisperer_kernel.rpc.params.sessions import (
    Clear as Clear,
)
from whisperer_kernel.rpc.params.sessions import (
    History as History,
)
from whisperer_kernel.rpc.params.sessions import (
    ListSessions as ListSessions,
)
from whisperer_kernel.rpc.params.sessions import (
    Messages as Messages,
)
from whisperer_kernel.rpc.params.sessions import (
    ModeSet as ModeSet,
)
from whisperer_kernel.rpc.params.sessions import (
    Pending as Pending,
)
from whisperer_kernel.rpc.params.sessions import (
    Resumed as Resumed,
)
from whisperer_kernel.rpc.params.sessions import (
    ResumeSession as ResumeSession,
)
from whisperer_kernel.rpc.params.sessions import (
    SessionInfo as SessionInfo,
)
from whisperer_kernel.rpc.params.sessions import (
    SessionList as SessionList,
)
from whisperer_kernel.rpc.params.sessions import (
    SessionParams as SessionParams,
)
from whisperer_kernel.rpc.params.sessions import (
    SetMode as SetMode,
)
from whisperer_kernel.rpc.params.sessions import (
    Snapshot as Snapshot,
)
from whisperer_kernel.rpc.params.sessions import (
    Started as Started,
)
from whisperer_kernel.rpc.params.sessions import (
    StartSession as StartSession,
)
from whisperer_kernel.rpc.params.tools import (
    AttachKernel as AttachKernel,
)
from whisperer_kernel.rpc.params.tools import (
    ClientTool as ClientTool,
)
from whisperer_kernel.rpc.params.tools import (
    KernelAttached as KernelAttached,
)
from whisperer_kernel.rpc.params.tools import (
    Permit as Permit,
)
from whisperer_kernel.rpc.params.tools import (
    ProvideToolResult as ProvideToolResult,
)
