"""Sends a list of cards, CSV or XLSX, and follows it to its end, by an API token with the scope `cards:import`.

Run it as: TICKETING_URL=https://tickets.example.org TICKETING_TOKEN=ticketing_… python import_cards.py cards.csv
It ends with 1 when lines were refused: mend those and send the list again; what is in already stays as it is.
"""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path


def call(path, body=None):
    headers = {"Authorization": "Bearer " + os.environ["TICKETING_TOKEN"]}
    if body is not None:
        headers["Content-Type"] = "application/octet-stream"
    request = urllib.request.Request(os.environ["TICKETING_URL"] + path, body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


sent = call("/api/v1/staff/cards/import", Path(sys.argv[1]).read_bytes())["id"]
while True:
    seen = call("/api/v1/staff/imports/" + sent)
    print(seen["state"], seen["lines_done"], "of", seen["lines"])
    if seen["state"] in ("imported", "failed", "dropped"):
        break
    time.sleep(1)
for line in seen["refusals"]:
    print("line", line["line"], line["reason"])
sys.exit(seen["failure"] or int(seen["refused"] > 0))
