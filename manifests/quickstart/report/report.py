"""Ranks the airports of each hour by mean delay. NDJSON in, NDJSON out; argument: fewest flights that count."""

import json
import sys

fewest = int(sys.argv[1])
hours = {}
for line in sys.stdin:
    row = json.loads(line)
    if row["flights"] >= fewest:
        hours.setdefault(row["hour"], []).append(row)

for hour in sorted(hours):
    rows = sorted(hours[hour], key=lambda row: (-row["delay"], row["origin"]))
    for rank, row in enumerate(rows, start=1):
        print(json.dumps({
            "hour": hour,
            "rank": rank,
            "origin": row["origin"],
            "city": row["city"],
            "flights": row["flights"],
            "late": round(100 * row["late"] / row["flights"], 1),
            "delay": round(row["delay"], 2),
            "worst": row["worst"],
        }))
print(f"{len(hours)} hours, {sum(map(len, hours.values()))} rows", file=sys.stderr)
