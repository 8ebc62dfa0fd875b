"""Sunsets and sunrises by astral (https://github.com/sffjunkie/astral, NOAA's formulas): writes cases.json beside itself.

A case is a night from local noon to local noon at a place; null where the sun does not set or rise in it.
"""

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from astral import Observer
from astral.sun import sunrise, sunset

PLACES = [
    ("Paris", "Europe/Paris", 48.85, 2.35),
    ("Toronto", "America/Toronto", 43.65, -79.38),
    ("Manaus", "America/Manaus", -3.1, -60.02),
    ("Sydney", "Australia/Sydney", -33.87, 151.21),
    ("Kashgar, by Beijing's clock", "Asia/Shanghai", 39.47, 75.99),
    ("Fiji, by UTC", "UTC", -18.14, 178.44),
    ("Ushuaia", "America/Argentina/Ushuaia", -54.8, -68.3),
    ("Tromsø", "Europe/Oslo", 69.65, 18.96),
    ("Oulu", "Europe/Helsinki", 65.01, 25.47),
]
# Changes of clocks, solstices, equinoxes, a leap day.
NIGHTS = ["2020-02-29", "2025-03-08", "2025-03-20", "2025-03-29", "2025-06-21", "2025-09-22", "2025-10-25", "2025-11-01", "2025-12-21"]


def events(find, observer, start, end):
    """All instants that `find` gives for the days around, within [start, end)."""
    found = []
    for day in range(-1, 3):
        try:
            found.append(find(observer, date=(start + timedelta(days=day)).date(), tzinfo=timezone.utc))
        except ValueError:
            pass
    return sorted(t for t in set(found) if start <= t < end)


def main():
    cases = []
    for name, zone, latitude, longitude in PLACES:
        for text in NIGHTS:
            night = date.fromisoformat(text)
            noon = lambda day: datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).astimezone(timezone.utc)
            start, end = noon(night), noon(night + timedelta(days=1))
            observer = Observer(latitude, longitude)
            sets, rises = events(sunset, observer, start, end), events(sunrise, observer, start, end)
            cases.append({
                "place": name, "zone": zone, "latitude": latitude, "longitude": longitude, "night": text,
                "sunset": round(sets[0].timestamp()) if sets else None, "sunrise": round(rises[-1].timestamp()) if rises else None,
            })
    Path(__file__).with_name("cases.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")


main()
