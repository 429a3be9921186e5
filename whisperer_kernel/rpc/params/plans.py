"""Plans, and reports of tests."""

from __future__ import annotations

from whisperer_kernel.plans.model import Plan, StepStatus
from whisperer_kernel.rpc.params.base import Text, Wire
from whisperer_kernel.verify.report import Report


class PlanList(Wire, omit_defaults=False):
    """A session's plans, oldest first."""

    plans: list[Plan]


class PlanId(Wire):
    """One plan."""

    session_id: Text
    plan_id: Text


class UpdatePlan(PlanId):
    """A step's new status, with its ``stepId``; ``approve``: whether the plan is to be followed."""

    step_id: Text | None = None
    status: StepStatus | None = None
    approve: bool | None = None


class OnePlan(Wire, omit_defaults=False):
    """The whole plan."""

    plan: Plan


class ReportList(Wire, omit_defaults=False):
    """A session's reports of tests, oldest first."""

    reports: list[Report]


class ReportId(Wire):
    """One report."""

    session_id: Text
    report_id: Text


class OneReport(Wire, omit_defaults=False):
    """The whole report."""

    report: Report
