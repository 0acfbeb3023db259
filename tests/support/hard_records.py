"""Records that other tools change or lose: case -> records that may stand together in one file."""

from __future__ import annotations

from typing import Any

LONG = "k" * 63
NESTED: Any = 1
for _level in range(150):
    NESTED = {"down": [NESTED]}

NOTHINGS = [{}, {"v": None}, {"v": []}, {"v": {}}, {"v": ""}, {"v": 0}, {"v": False}, {"v": [None]}, {"v": [[]]}]
CHILDREN = [
    [{"a": 1}], [], None, "text", "", 7, {}, {"a": 1}, [1, 2], [{"a": 1}, 2], [{"a": 1}, None], [{"a": 1}, [{"a": 1}]],
    [[{"a": 1}]], [None], [{}], [{}, {}], [{"b": "x"}, {"b": "x"}], [{"a": None}, {}], [{"id": 1}, {"id": 1.5}, {"id": "x"}],
]  # fmt: skip

HARD: dict[str, list[dict[str, Any]]] = {
    "absent, null, empty array, empty object": NOTHINGS,
    "an array of objects apart from absent, null and empty": [*NOTHINGS, {"v": [{"a": 1}]}, {"v": [{}]}],
    "kinds in one column": [
        {"v": value}
        for value in (1, 1.5, True, False, "1", "1.0", "true", "null", "2024-01-31", 2**70, None, "", [1], {"a": 1})
    ],
    "integers of any size": [{"v": sign * number} for number in (2**53 + 1, 2**63, 2**64, 10**400) for sign in (1, -1)],
    "integers of 64 bits": [{"v": number} for number in (2**63 - 1, -(2**63), 2**53 + 1, 0)],
    "integers beside fractions": [{"v": number} for number in (0.5, 2**53 + 1, 2**63, 10**400, 450.0, 450)],
    "doubles": [
        {"v": value} for value in (0.1, 0.30000000000000004, 1.7976931348623157e308, 5e-324, 1e16, 1e22, 1e23, -0.0)
    ],
    "empty and blank text": [{"v": text} for text in ("", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", " x ")],
    "Unicode": [
        {"v": text}
        for text in ("e\u0301", "\u00e9", "\u2028\u2029", "\ufeff", "\u0001\u001f\u007f\u0085", "\U0001f600", "\uffff", "\u200b")
    ],
    "keys that differ in case or blanks only": [
        {"Name": 1, "name": 2, "NAME": 3, "name ": 4, " name": 5, "na me": 6}, {"name": 1}, {"NAME": None}, {"name ": []},
    ],
    "keys of any signs": [
        {key: key for key in ("", " ", '"', "'", "`", "[", "]]", "a.b", "$.a", "\n", "a\nb", "\\", "%s", ":a", "?", ";--")},
        {"__proto__": {"a": 1}, "constructor": None, "": {"": {"": []}}},
        {"\u0130": 1, "i\u0307": 2, "\u00df": 3, "ss": 4, "\ufb01": 5, "fi": 6, "e\u0301": 7, "\u00e9": 8},
    ],
    "long keys with one beginning": [{LONG: 1, LONG + "a": 2, LONG + "b": 3, "\u00e9" * 40: 4, "\u00e9" * 40 + "x": 5}, {LONG + "b": []}],
    "keys named like our columns": [
        {
            "id": 1, "ID": 2, "_id": 3, "data_source": 4, "created_at": 5, "updated_at": 6, "_created_at": 7, "_hash": 8,
            "_rest": {"absent": ["a"]}, "_load": 9, "_file": 10, "_parent_id": 11, "_position": 12, "absent": 13, "values": 14,
        },
        {"id": 2, "_rest": None, "items": [{"id": 1, "_parent_id": 2, "_position": "x", "_rest": {"null": ["id"]}}]},
        {"id": 3, "_rest": [], "created_at": "2024-01-31T10:00:00Z"},
    ],
    "keys named like words of SQL": [
        {word: word for word in ("select", "from", "table", "order", "group", "null", "user", "default", "rowid", "ctid")},
        {"select": [{"from": 1, "where": None}], "primary": "key"},
    ],
    "thousands of keys": [{f"key {number}": number for number in range(3000)}, {"key 2999": None}, {}],
    "deep nesting": [{"v": NESTED}, {"v": [NESTED]}],
    "what stands in place of children": [{"lines": value} for value in CHILDREN] + [{}],
    "children of children": [
        {"x": [{"y": [{"z": 1}, {"z": None}, {}]}, {"y": []}, {"y": None}, {"y": "text"}, {}]}, {"x": [{"y": [{}, [{}]]}]},
    ],
    "identical records": [{"v": 1}, {"v": 1}, {"v": 1.0}, {}, {}, {"v": 1, "l": [{"q": 1}, {"q": 1}]}, {"v": 1, "l": [{"q": 1}, {"q": 1}]}],
    "values of id that are not keys": [{"id": 1}, {"id": None}, {}, {"id": [1]}, {"id": {}}, {"id": ""}, {"id": "x" * 600}, {"id": True}],
}  # fmt: skip
