"""Lists events and how many tickets are left, by an API token with the scope `events:read`.

Run it as: TICKETING_URL=https://tickets.example.org TICKETING_TOKEN=ticketing_… python list_events.py
"""

import json
import os
import urllib.request

request = urllib.request.Request(
    os.environ["TICKETING_URL"] + "/api/v1/staff/events",
    headers={"Authorization": "Bearer " + os.environ["TICKETING_TOKEN"]},
)
with urllib.request.urlopen(request, timeout=10) as answer:
    for event in json.load(answer)["events"]:
        left = sum(quota["available"] or 0 for quota in event["quotas"])
        print(event["id"], event["status"], left, event["title"], sep="\t")
