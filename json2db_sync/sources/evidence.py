"""Where the records of an object are, told by evidence: names of lists, of the file, keys, what stands beside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from json2db_sync.model.plan import entity_name, singular, snake
from json2db_sync.sources.file_order import without_dates
from json2db_sync.sources.files import SourceFile, stem_and_suffix
from json2db_sync.sources.layout import FileLayout
from json2db_sync.sources.records_path import RecordsPath, Step
from json2db_sync.sources.survey import Found, Member, best, fields_of_values, is_map, names_nothing


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_JUST_LISTS = _words("data records results result rows value values list elements hits docs payload response d")
"""What APIs call their list whatever is in it."""
_JUST_THINGS = _words("items content entry objects collection entities ordered_items hydra_member")
LIST_NAMES = _JUST_LISTS | _JUST_THINGS | _words("entries members documents features resources nodes")
"""What APIs call their list."""
_EMBEDDED = ("_embedded", "embedded")
_BESIDE = _words(
    "error errors message messages warning warnings included include links facets facet_counts aggregations columns "
    "fields filters sort schema meta metadata suggestions notices debug deprecations operations"
)
"""Lists that stand beside records and are none."""
_NOTHING = _words(
    "export exports data response responses page pages result results output dump download file json api answer reply "
    "body payload all full latest list part batch chunk of p pg offset cursor z utc"
)
"""Words of file names that do not say what is in the file."""
_PAGE_MARK = re.compile(r"(?:page|part|pg|p|offset|batch|chunk|v)?\d+")
_SIGNS = _words("code success error errors message msg error_code status_code return_code")
"""Keys of an answer rather than of a thing."""
_PAGING = _words(
    "total count total_count total_results total_size total_elements next next_page previous has_more page page_size "
    "pages per_page limit offset cursor paging pagination meta page_context next_page_token"
)
"""Keys of what stands around one page of a list."""
_IN_PAGES = _words("has_more next_page next_page_token next_cursor next_link per_page page_size total_pages")
"""Keys that only a page of a list has: what else it holds, its own id is none of a thing."""
_LEADS_ON = _words(
    "has_more next next_page next_page_token next_cursor next_link odata_next_link previous cursor paging pagination "
    "page_context total_pages"
)
"""Keys of a page of a list that no record has beside a list."""
_ANSWERS = _words("status ok jsonrpc odata_context odata_next_link odata_count next_link")
_AROUND_LISTS = _PAGING | _SIGNS | _BESIDE | _ANSWERS
"""Keys of what is around a list, whatever it holds."""
_LIST_KINDS = re.compile(r"(?i)(?:list|listing|collection|bundle|search_?(?:set|result))(?:page|response)?$")
_WEAK_KEYS = ("key", "number", "slug", "sku", "email")
Neighbour = Callable[[], RecordsPath | None]
"""Where the other files of an entity have their records."""


@dataclass(frozen=True)
class FileName:
    """What a file's name says of what is in it."""

    entity: str
    """Of the whole name, or as configured."""
    bare: str
    """Without page marks and words that say nothing; empty where nothing is left."""
    is_mapped: bool
    """Is the entity configured?"""

    @classmethod
    def of(cls, file: SourceFile) -> FileName:
        """Of a file."""
        stem = stem_and_suffix(file.path.name)[0]
        named = entity_name(stem)
        while (undated := without_dates(stem)) != stem:
            stem = undated
        words = [word for word in entity_name(stem).split("_") if word] if stem else []
        return cls(file.entity, "_".join(_without_marks(words)), file.entity != named)

    @property
    def family(self) -> str:
        """What it has in common with other pages."""
        return self.entity if self.is_mapped else self.bare or self.entity.rstrip("0123456789_") or self.entity

    @property
    def says_nothing(self) -> bool:
        """Does it not say what is in the file?"""
        return not self.bare and not self.is_mapped

    def is_name_of(self, key: str) -> bool:
        """Is a list called as the file, or as its entity?"""
        return singular(entity_name(key)) in {singular(self.entity), singular(self.bare)} - {""}

    def entity_of(self, name: str | None) -> str:
        """The entity of a list of this name."""
        if self.is_mapped or not name:
            return self.entity
        named = entity_name(name)
        if self.says_nothing:
            return self.entity if named in _JUST_LISTS | _JUST_THINGS | _NOTHING else named
        if self.bare == self.entity or singular(named) != singular(self.bare):
            return self.entity
        return self.bare if singular(named) == named else named


def family_of(path: Path) -> str:
    """What the name of a file has in common with those of other pages."""
    return FileName.of(SourceFile(path, path.name, entity_name(stem_and_suffix(path.name)[0]), 0, 0)).family


def _without_marks(words: list[str]) -> list[str]:
    while words and (words[-1] in _NOTHING or _PAGE_MARK.fullmatch(words[-1])):
        words = words[:-1]
    while words and (words[0] in _NOTHING or _PAGE_MARK.fullmatch(words[0])):
        words = words[1:]
    return [*words[:-1], words[-1].rstrip("0123456789") or words[-1]] if words else []


def layout_of(file: SourceFile, members: Sequence[Member], neighbour: Neighbour) -> FileLayout:
    """The layout of a file that is one object, by what it is made of.

    :param neighbour: asked where the object itself says nothing.
    """
    name = FileName.of(file)
    members, repeated = _each_key_once(members)
    itself = FileLayout("object", name.entity, repeated=repeated)
    chosen = _chosen(name, members) or _entities(name, members)
    if chosen is not None:
        return chosen
    is_page = _is_well(members) or any(snake(member.key) in _IN_PAGES for member in members)
    if has_key(name, members) and not (is_page or _is_kind_of_list(members, "type", "resourceType")):
        return itself
    likely = _likely(name, members)
    path = neighbour()
    if path is not None:
        is_there = any(member.key == next(iter(path.steps or ()), None) for member in members)
        if is_there or likely is None:
            return FileLayout("envelope", name.entity_of(path.name), path, beside=_beside(members, path))
    named = name.entity if name.is_mapped else name.bare or name.entity
    return itself if likely is None else replace(itself, kind="unclear", path=likely, named=named)


def may_be_in_page(file: SourceFile, key: str) -> bool:
    """Can a key be in a page of a list, be it that of the list or one beside?"""
    name, word = FileName.of(file), snake(key).strip("_")
    return name.says_nothing or name.is_name_of(key) or word in LIST_NAMES or word in _EMBEDDED or word in _AROUND_LISTS


def page_of(file: SourceFile, members: Sequence[Member]) -> FileLayout | None:
    """The layout of a page of a list, of an object that is one of several in a file; None for what is a record.

    Beside its list stands what leads to the next page, and nothing but what pages and answers have.
    """
    layout = layout_of(file, members, lambda: None)
    if layout.kind != "envelope" or layout.path is None or layout.lists_beside:
        return None
    beside = [snake(key).strip("_") for key in layout.beside]
    return layout if not _LEADS_ON.isdisjoint(beside) and _AROUND_LISTS.issuperset(beside) else None


def _each_key_once(members: Sequence[Member]) -> tuple[Sequence[Member], tuple[str, ...]]:
    """The members with what stands under one key together, and the keys of lists and objects that come again."""
    found: dict[str, Member] = {}
    repeated: dict[str, None] = {}
    for member in members:
        former = found.get(member.key)
        found[member.key] = former.with_again(member) if former else member
        if former and former.kind != "scalar" and former.value != member.value:
            repeated[member.key] = None
    return list(found.values()), tuple(repeated)


def _chosen(name: FileName, members: Sequence[Member]) -> FileLayout | None:
    """The list that holds the records, where there is evidence for one."""
    lists = [member for member in members if member.may_be_records]
    keyed, is_answer = has_key(name, members), _is_answer(members, with_status=True)
    own = [member for member in members if member.may_be_list and name.is_name_of(member.key)]
    own = [member for member in own if member.objects or is_answer or not keyed]
    full = [member for member in lists if member.objects and snake(member.key).strip("_") not in _BESIDE]
    if own:
        longest = max(own, key=lambda member: member.objects)
        return _envelope(name, members, longest, [member for member in full if member is not longest])
    if any(member.key == "type" and member.value == "FeatureCollection" for member in members):
        features = [member for member in lists if member.key == "features"]
        if features:
            return _envelope(name, members, features[0])
    if not keyed:
        named = [member for member in lists if snake(member.key) in LIST_NAMES]
        listed = [member for member in named if member.objects]
        just_lists = len(lists) == len(members) and not (listed and all(snake(m.key) in _JUST_LISTS for m in listed))
        if len(full) > 1 and just_lists:
            return None
        if len(listed) == 1:
            return _envelope(name, members, listed[0], [member for member in full if member is not listed[0]])
        if named and not full:
            return _envelope(name, members, named[0])
        nulls = [member for member in members if member.may_be_list and snake(member.key) in LIST_NAMES]
        is_well = _is_well(members) or any(snake(member.key) in _PAGING for member in members)
        if nulls and not lists and is_well:
            return _envelope(name, members, nulls[0])
        if not lists and (embedded := _embedded(members)):
            path = RecordsPath.of_keys(*embedded)
            return FileLayout("envelope", name.entity_of(path.name), path, beside=_beside(members, path))
    only = full if full or not is_answer else [member for member in lists if snake(member.key) not in _BESIDE]
    if name.says_nothing and len(only) == 1 and (is_answer or not keyed):
        return _envelope(name, members, only[0])
    return None


def _envelope(name: FileName, members: Sequence[Member], at: Member, others: Sequence[Member] = ()) -> FileLayout:
    path = at.path
    beside = _beside(members, path)
    doubtful = tuple(member.key for member in others if _holds_keys(member))
    inside = at.found.steps if at.found and at.objects else ()
    likelier = RecordsPath.of_keys(at.key, *inside) if inside else None
    return FileLayout("envelope", name.entity_of(at.key), path, (), frozenset(), beside, doubtful, likelier=likelier)


def _holds_keys(member: Member) -> bool:
    """Are the first objects of a list told apart by keys, as records are?"""
    first = member.value[0] if isinstance(member.value, list) and member.value else None
    keys = map(snake, first) if isinstance(first, dict) else ()
    return first is None or not _ids(entity_name(member.key)).isdisjoint(keys)


def _beside(members: Sequence[Member], path: RecordsPath) -> dict[str, object]:
    first = next(iter(path.steps or ()), None)
    return {member.key: member.value for member in members if member.key != first}


def _embedded(members: Sequence[Member]) -> tuple[str, str] | None:
    """The only list in what HAL calls ``_embedded``."""
    for member in members:
        if member.key in _EMBEDDED and isinstance(member.value, dict):
            within = [key for key in member.keys if isinstance(member.value.get(key, []), list)]
            if len(within) == 1 and len(member.keys) == 1:
                return member.key, within[0]
    return None


def _entities(name: FileName, members: Sequence[Member]) -> FileLayout | None:
    """An object of nothing but lists of objects, under names that are entities."""
    if not all(member.may_be_records and member.objects == member.elements for member in members):
        return None
    if not any(member.objects for member in members) or any(names_nothing([member.key]) for member in members):
        return None
    lists = [member for member in members if snake(member.key) not in _BESIDE]
    if not any(member.objects for member in lists):
        lists = list(members)
    names = frozenset(entity_name(member.key) for member in lists)
    keys = dict.fromkeys(member.key for member in lists)
    beside = {member.key: member.value for member in members if member.key not in keys}
    return FileLayout("entities", name.entity, lists=tuple(keys), entities=names, beside=beside)


def _ids(entity: str) -> frozenset[str]:
    """What the key of a thing is called, whatever else it holds."""
    named = {f"{word}_id" for word in (entity, singular(entity)) if word}
    return frozenset({"id", "_id", "uuid", "guid", *named})


def has_key(name: FileName, members: Sequence[Member]) -> bool:
    """Has the object a key of its own, so that it is a thing?"""
    if any(member.key == "jsonrpc" for member in members) or _is_kind_of_list(members, "kind", "object", "@type"):
        return False
    keys = {snake(member.key): member.value for member in members if member.value not in (None, "", {}, [])}
    own = _ids(name.entity) | _ids(name.bare)
    texts = [keys[word] for word in _WEAK_KEYS if isinstance(keys.get(word), str)]
    return any(word in keys for word in own) or any(not str(text).isdigit() for text in texts)


def _is_answer(members: Sequence[Member], *, with_status: bool = False) -> bool:
    """Does it speak of a request rather than of a thing?"""
    keys = {snake(member.key): member.value for member in members}
    well = with_status and str(keys.get("status", "")).lower() in ("ok", "success", "200")
    return well or bool(_SIGNS & keys.keys())


def _is_well(members: Sequence[Member]) -> bool:
    """Does it say that a request went well, as no thing does?"""
    keys = {snake(member.key): member.value for member in members}
    is_coded = keys.get("code") in (0, "0") and not keys.keys().isdisjoint(("message", "msg"))
    return is_coded or True in (keys.get("ok"), keys.get("success")) or str(keys.get("status")).lower() == "ok"


def tells_of_errors(beside: Mapping[str, object]) -> bool:
    """Does what stands beside a list say that the request failed?"""
    keys = {snake(key): value for key, value in beside.items()}
    return keys.get("ok") is False or any(keys.get(word) for word in ("error", "errors", "fault"))


def _is_kind_of_list(members: Sequence[Member], *keys: str) -> bool:
    """Does it call itself a list?"""
    said = (str(member.value) for member in members if member.key in keys and member.kind == "scalar")
    return any(_LIST_KINDS.search(text) for text in said)


def _likely(name: FileName, members: Sequence[Member]) -> RecordsPath | None:
    """Where records could be in an object that could be something around them; None where it holds none."""
    lists = any(member.may_be_records and member.objects for member in members)
    by_ids = lists and names_nothing(member.key for member in members)
    if by_ids or is_map([(member.key, member.keys) for member in members], likely=2):
        return RecordsPath.of_keys(Step.VALUES)
    doubtful = [member for member in members if _is_beside(member.key)]
    others = [member for member in members if member not in doubtful]
    objects = [member for member in others if member.kind == "object" and member.keys]
    if not lists and (thing := _thing(name, objects, is_answer=_is_answer(members))):
        return RecordsPath.of_keys(*thing)
    if found := _best_list(others):
        return RecordsPath.of_keys(*found.steps)
    if len(objects) == 1:
        inner = objects[0]
        if name.is_name_of(inner.key) or snake(inner.key) in LIST_NAMES or _is_answer(members):
            return RecordsPath.of_keys(inner.key, *_within(inner.value))
    if nulls := [member for member in members if member.value is None and snake(member.key) in LIST_NAMES]:
        return nulls[0].path if doubtful else None
    found = _best_list(doubtful)
    return RecordsPath.of_keys(*found.steps) if found else None


def _is_beside(key: str) -> bool:
    """Does this stand beside records, by its name?"""
    word = snake(key).strip("_")
    return word in _BESIDE or word in _PAGING or key.startswith(("@", "$"))


def _thing(name: FileName, objects: Sequence[Member], *, is_answer: bool) -> tuple[str | Step, ...]:
    """The way to the object with a key of its own that this is around; empty where there is none."""
    things = [one for one in objects if not _ids(entity_name(one.key)).isdisjoint(map(snake, one.keys))]
    for one in things:
        if name.is_name_of(one.key) or snake(one.key) in LIST_NAMES:
            return (one.key,)
    if things and (is_answer or len(things) == len(objects)):
        return (things[0].key,)
    if len(objects) != 1 or not isinstance(objects[0].value, dict) or objects[0].found:
        return ()
    inner = [Member.of(key, value) for key, value in objects[0].value.items() if isinstance(value, dict) and value]
    within = _thing(name, [one for one in inner if not _is_beside(one.key)], is_answer=is_answer)
    if within and is_map(fields_of_values(objects[0].value), likely=2):
        within = (Step.VALUES,)
    return (objects[0].key, *within) if within else ()


def _within(value: object) -> tuple[str | Step, ...]:
    """Where the records are in an object that stands in the place of a list."""
    if not isinstance(value, dict) or is_map(fields_of_values(value), likely=2):
        return (Step.VALUES,) if isinstance(value, dict) else ()
    for key, inner in value.items():
        if inner == [] and (key == "edges" or snake(key) in LIST_NAMES):
            return (key, Step.EACH, "node") if key == "edges" else (key,)
        if below := _within(inner):
            return (key, *below)
    return ()


def _best_list(members: Iterable[Member]) -> Found | None:
    return best(member.found.below(member.key) for member in members if member.found)
