"""What the columns of tables are called in a workbook, by their names in CSV."""

from collections.abc import Mapping

from ticketing.api.pages.names import N_

HEADINGS: Mapping[str, str] = {
    "order_number": N_("Order number"),
    "ticket_code": N_("Ticket code"),
    "quota": N_("Quota"),
    "status": N_("State"),
    "price": N_("Price"),
    "currency": N_("Currency"),
    "payment_method": N_("Way of payment"),
    "payment_status": N_("Payment"),
    "member": N_("Member"),
    "card": N_("Card number"),
    "organisation": N_("Organisation"),
    "channel": N_("Channel"),
    "confirmed_at": N_("Confirmed at"),
    "collected_at": N_("Collected at"),
    "shift": N_("Shift"),
    "clerk": N_("Clerk"),
    "desk": N_("Desk"),
    "opened_at": N_("Opened at"),
    "closed_at": N_("Closed at"),
    "line": N_("Line"),
    "event_id": N_("Event id"),
    "event": N_("Event"),
    "method": N_("Paid how?"),
    "count": N_("How many"),
    "amount": N_("Amount"),
    "remark": N_("Remark"),
    "card_number": N_("Card number"),
    "name": N_("Full name"),
    "pin": N_("PIN"),
    "phone": N_("Phone"),
    "reason": N_("Reason"),
    "line_number": N_("Line number"),
}
