"""Makes the database of a small application, an event planner: sources, cities, venues and events, in SQLite.

python make_database.py planner.db
"""

from __future__ import annotations

import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

TABLES = """
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name VARCHAR(200) NOT NULL UNIQUE,
    url TEXT NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT 1,
    reliability_score NUMERIC(3, 1),
    posting_frequency TEXT,
    event_types JSON,
    notes TEXT,
    scraping_pattern TEXT
);
CREATE TABLE cities (
    id INTEGER PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    state TEXT,
    country TEXT NOT NULL,
    timezone TEXT NOT NULL
);
CREATE TABLE venues (
    id INTEGER PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    venue_type TEXT,
    address TEXT,
    city_id INTEGER NOT NULL REFERENCES cities (id),
    description TEXT,
    opening_hours JSON,
    phone TEXT,
    email TEXT,
    website TEXT,
    admission_fee NUMERIC(8, 2),
    image_url TEXT,
    latitude REAL,
    longitude REAL
);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    title VARCHAR(300) NOT NULL,
    description TEXT,
    event_type TEXT,
    start_date DATE NOT NULL,
    start_time TIME,
    end_date DATE,
    venue_id INTEGER REFERENCES venues (id),
    source_id INTEGER REFERENCES sources (id),
    created_at DATETIME NOT NULL
);
"""
CITIES = (
    ("Washington", "DC", "United States", "America/New_York"),
    ("New York", "New York", "United States", "America/New_York"),
    ("Los Angeles", "California", "United States", "America/Los_Angeles"),
    ("San Francisco", "California", "United States", "America/Los_Angeles"),
    ("Chicago", "Illinois", "United States", "America/Chicago"),
    ("Boston", "Massachusetts", "United States", "America/New_York"),
    ("Baltimore", "Maryland", "United States", "America/New_York"),
    ("Philadelphia", "Pennsylvania", "United States", "America/New_York"),
    ("Seattle", "Washington", "United States", "America/Los_Angeles"),
    ("Princeton", "New Jersey", "United States", "America/New_York"),
    ("Montréal", "Québec", "Canada", "America/Toronto"),
    ("Toronto", "Ontario", "Canada", "America/Toronto"),
    ("London", None, "United Kingdom", "Europe/London"),
    ("Paris", None, "France", "Europe/Paris"),
    ("Zürich", None, "Switzerland", "Europe/Zurich"),
    ("Łódź", None, "Poland", "Europe/Warsaw"),
    ("Madrid", None, "Spain", "Europe/Madrid"),
    ("東京", None, "Japan", "Asia/Tokyo"),
    ("Sydney", "New South Wales", "Australia", "Australia/Sydney"),
)
KINDS = ("museum", "gallery", "theater", "park", "library", "concert hall", "landmark", "university")
TYPES = ("exhibition", "tour", "talk", "concert", "film", "workshop")
SOURCES, VENUES, EVENTS = 37, 147, 60


def make(path: Path) -> None:
    """Make the database; the same one every time.

    :raises FileExistsError: when the file is there already.
    """
    if path.exists():
        raise FileExistsError(f"{path} is there already")
    chance = random.Random(20250918)  # noqa: S311 - data for an example
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(TABLES)
        _insert(connection, "sources", (_source(chance, number) for number in range(1, SOURCES + 1)))
        _insert(connection, "cities", ((number, *city) for number, city in enumerate(CITIES, 1)))
        _insert(connection, "venues", (_venue(chance, number) for number in range(1, VENUES + 1)))
        _insert(connection, "events", (_event(chance, number) for number in range(1, EVENTS + 1)))


def _insert(connection, table, rows):
    for row in rows:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _source(chance, number):
    types = ", ".join(f'"{name}"' for name in sorted(chance.sample(TYPES, 2)))
    notes = "Baltimore Scenes: enhanced" if number == 7 else None
    score = round(chance.uniform(4, 10), 1)
    return (number, f"Source {number:02}", f"https://source{number:02}.example/events", int(chance.random() > 0.2),
            score, chance.choice(("daily", "weekly", None)), f"[{types}]", notes, None)  # fmt: skip


def _venue(chance, number):
    city = (number - 1) % len(CITIES)
    kind = chance.choice(KINDS)
    name = f"{CITIES[city][0]} {kind.title()} {number}"
    hours = '{"tue-sun": "10:00-17:30", "mon": null}' if kind in ("museum", "gallery") else None
    fee = round(chance.uniform(5, 30), 2) if kind == "museum" else None
    return (number, name, kind, f"{number} Main Street", city + 1, None, hours, f"+1 555 {number:04}", None,
            f"https://venue{number}.example", fee, None, round(chance.uniform(-40, 60), 6),
            round(chance.uniform(-120, 150), 6))  # fmt: skip


def _event(chance, number):
    kind = chance.choice(TYPES)
    day = f"2025-{chance.randint(10, 12)}-{chance.randint(1, 28):02}"
    hour = chance.choice(("10:00:00", "19:30:00", None))
    return (number, f"{kind.title()} no. {number}", None, kind, day, hour, None,
            chance.randint(1, VENUES) if chance.random() > 0.05 else None, chance.randint(1, SOURCES),
            "2025-09-18 18:46:58")  # fmt: skip


if __name__ == "__main__":
    make(Path(sys.argv[1] if len(sys.argv) > 1 else "planner.db"))
