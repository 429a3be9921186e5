"""What agents have made in a session: plans, and reports of tests."""

from __future__ import annotations

from whisperer_kernel.plans.model import PlanChange
from whisperer_kernel.rpc import params as p
from whisperer_kernel.rpc.dispatcher import Call
from whisperer_kernel.rpc.methods.declared import Methods, method


@method("plan.list")
async def list_plans(methods: Methods, call: Call, params: p.SessionId) -> p.PlanList:
    """A session's plans, oldest first."""
    state = await methods.manager.read(params.session_id, call.connection.owner)
    return p.PlanList(plans=[*state.plans.values()])


@method("plan.read")
async def read_plan(methods: Methods, call: Call, params: p.PlanId) -> p.OnePlan:
    """One plan."""
    state = await methods.manager.read(params.session_id, call.connection.owner)
    return p.OnePlan(plan=state.plan(params.plan_id))


@method("plan.update")
async def update_plan(methods: Methods, call: Call, params: p.UpdatePlan) -> p.OnePlan:
    """Approve a plan, or say how far a step has come."""
    session = await methods.held(call, params.session_id)
    change = PlanChange(step_id=params.step_id, status=params.status, approve=params.approve)
    return p.OnePlan(plan=await session.update_plan(params.plan_id, change))


@method("tests.list")
async def list_reports(methods: Methods, call: Call, params: p.SessionId) -> p.ReportList:
    """A session's reports of tests, oldest first."""
    state = await methods.manager.read(params.session_id, call.connection.owner)
    return p.ReportList(reports=[*state.reports.values()])


@method("tests.read")
async def read_report(methods: Methods, call: Call, params: p.ReportId) -> p.OneReport:
    """One report."""
    state = await methods.manager.read(params.session_id, call.connection.owner)
    return p.OneReport(report=state.report(params.report_id))
