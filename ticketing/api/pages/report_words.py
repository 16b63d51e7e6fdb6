"""The words for what reports call by code."""

from collections.abc import Mapping

from ticketing.api.pages.names import N_

REPORTS: Mapping[str, str] = {
    "settlement": N_("Settlement"),
    "participation": N_("Use of the card"),
    "attendance": N_("Attendance"),
    "demand": N_("Demand"),
}

SETTLEMENT_LINES: Mapping[str, str] = {
    "collected": N_("Collected: owed"),
    "collected_at_other_times": N_("Collected on other days"),
    "waiting": N_("Not collected yet"),
    "void": N_("Void"),
    "refund_due": N_("Void, refund due"),
    "refunded": N_("Void, refunded"),
}
