"""What each method takes and returns, exactly as it stands on the wire, by subject."""

from whisperer_kernel.rpc.params.agents import (
    AgentDescription as AgentDescription,
    AgentList as AgentList,
    CurrentAgent as CurrentAgent,
    HandedOff as HandedOff,
    Handoff as Handoff,
    SwitchAgent as SwitchAgent,
    Switched as Switched,
)
from whisperer_kernel.rpc.params.base import (
    ModelName as ModelName,
    NoParams as NoParams,
    OptionalSessionId as OptionalSessionId,
    PageSize as PageSize,
    SessionFilter as SessionFilter,
    SessionId as SessionId,
    Snake as Snake,
    Status as Status,
    Text as Text,
    Wire as Wire,
)
from whisperer_kernel.rpc.params.messages import (
    Cancel as Cancel,
    Cancelled as Cancelled,
    CellItem as CellItem,
    CommandOutput as CommandOutput,
    ContextItem as ContextItem,
    DispatchCommand as DispatchCommand,
    Echo as Echo,
    FileItem as FileItem,
    SelectionItem as SelectionItem,
    SendUserMessage as SendUserMessage,
    Sent as Sent,
    TextItem as TextItem,
    VariableItem as VariableItem,
)
from whisperer_kernel.rpc.params.metrics import Latency as Latency, SessionMetrics as SessionMetrics
from whisperer_kernel.rpc.params.models import (
    Model as Model,
    ModelList as ModelList,
    SetModel as SetModel,
)
from whisperer_kernel.rpc.params.plans import (
    OnePlan as OnePlan,
    OneReport as OneReport,
    PlanId as PlanId,
    PlanList as PlanList,
    ReportId as ReportId,
    ReportList as ReportList,
    UpdatePlan as UpdatePlan,
)
from whisperer_kernel.rpc.params.providers import (
    Selected as Selected,
    SelectProvider as SelectProvider,
    SetKey as SetKey,
    TestProvider as TestProvider,
)
from whisperer_kernel.rpc.params.sessions import (
    Clear as Clear,
    Export as Export,
    ExportedText as ExportedText,
    History as History,
    ListSessions as ListSessions,
    Messages as Messages,
    ModeSet as ModeSet,
    Pending as Pending,
    Resumed as Resumed,
    ResumeSession as ResumeSession,
    SessionInfo as SessionInfo,
    SessionList as SessionList,
    SessionParams as SessionParams,
    SetMode as SetMode,
    Snapshot as Snapshot,
    Started as Started,
    StartSession as StartSession,
)
from whisperer_kernel.rpc.params.tools import (
    AttachKernel as AttachKernel,
    ClientTool as ClientTool,
    KernelAttached as KernelAttached,
    Permit as Permit,
    ProvideToolResult as ProvideToolResult,
)
