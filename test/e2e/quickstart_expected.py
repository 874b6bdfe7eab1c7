"""What the quickstart must find, worked out a second time and by other means: plain Python, whole files in memory.

Usage: quickstart_expected.py FOLDER-OF-VEGA-DATASETS; prints one JSON document.
"""

import collections
import csv
import json
import os
import re
import sys

folder = sys.argv[1]


def load(name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


def is_integer(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value)


def delays():
    with open(os.path.join(folder, "airports.csv"), encoding="utf-8", newline="") as file:
        airports = {row["iata"]: row for row in csv.DictReader(file)}
    dead = collections.Counter()
    groups = collections.defaultdict(list)
    for flight in load("flights-20k.json"):
        if flight["delay"] > 300 or flight["delay"] < -120:
            dead["valid out_of_range $.delay"] += 1
        elif flight["distance"] < 60:
            dead["valid out_of_range $.distance"] += 1
        else:
            hour = int(flight["date"].split(" ")[1].split(":")[0])
            groups[hour, flight["origin"]].append(flight["delay"])
    rows = []
    for hour in sorted({hour for hour, _ in groups}):
        table = []
        for (at, origin), minutes in groups.items():
            if at == hour and len(minutes) >= 5:
                table.append((sum(minutes) / len(minutes), origin, minutes))
        table.sort(key=lambda entry: (-entry[0], entry[1]))
        for rank, (mean, origin, minutes) in enumerate(table, start=1):
            airport = airports.get(origin)
            rows.append({
                "hour": hour,
                "rank": rank,
                "origin": origin,
                "city": f"{airport['city']}, {airport['state']}" if airport else "unknown",
                "flights": len(minutes),
                "late": round(100 * len([m for m in minutes if m > 15]) / len(minutes), 1),
                "delay": round(mean, 2),
                "worst": max(minutes),
            })
    return {"rows": rows, "dead": dead}


def genres():
    dead = collections.Counter()
    titles = set()
    groups = collections.defaultdict(list)
    for movie in load("movies.json"):
        if not isinstance(movie["Title"], str):
            dead["valid wrong_type $.Title"] += 1
        elif not is_integer(movie["US Gross"]):
            dead['valid wrong_type $["US Gross"]'] += 1
        elif not is_integer(movie["Production Budget"]):
            dead['valid wrong_type $["Production Budget"]'] += 1
        elif not re.fullmatch(r"[A-Z][a-z]{2} \d\d \d{4}", movie["Release Date"]) or int(movie["Release Date"][-4:]) > 2011:
            dead['valid no_match $["Release Date"]'] += 1
        elif movie["Title"] in titles:
            dead["unique duplicate $.Title"] += 1
        else:
            titles.add(movie["Title"])
            groups[movie["Major Genre"] or "unknown"].append(movie)
    rows = []
    for genre, movies in sorted(groups.items()):
        ratings = [movie["IMDB Rating"] for movie in movies if movie["IMDB Rating"] is not None]
        rows.append({
            "genre": genre,
            "movies": len(movies),
            "gross": sum(movie["US Gross"] for movie in movies),
            "budget": sum(movie["Production Budget"] for movie in movies),
            "rating": sum(ratings) / len(ratings) if ratings else None,
        })
    return {"rows": rows, "dead": dead}


json.dump({"delays": delays(), "genres": genres()}, sys.stdout)
