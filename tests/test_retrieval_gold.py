"""The gold sets for retrieval keep the rules that their README states."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from rag.exchange.reading import read_lore

ROOT = Path(__file__).parent.parent
GOLD = ROOT / "benchmarks" / "retrieval"


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


ENTRIES = rows(GOLD / "large_world" / "entries.jsonl")
REQUESTS = rows(GOLD / "large_world" / "requests.jsonl")
SAMPLE_REQUESTS = rows(GOLD / "sample_world.jsonl")
SAMPLE_ENTRIES = [
    {"name": entry.name, "aliases": entry.aliases, "always_on": entry.always_on, "from_chapter": None}
    for entry in read_lore(ROOT / "data" / "samples" / "world").entries
]
both_sets = pytest.mark.parametrize(
    ("requests", "entries"), [(REQUESTS, ENTRIES), (SAMPLE_REQUESTS, SAMPLE_ENTRIES)], ids=["large", "sample"]
)


def holds(entry, chapter):
    if chapter is None:
        return True
    first, last = entry.get("from_chapter"), entry.get("to_chapter")
    return (first is None or first <= chapter) and (last is None or chapter <= last)


def stands_in(text, name, case=0):
    article, rest = ("[Tt]he ", name[4:]) if name.lower().startswith("the ") else ("", name)
    return re.search(rf"(?<![\w-]){article}{re.escape(rest)}(?![\w-])", text, case) is not None


def alias_stands_in(text, entry):
    return any(stands_in(text, alias, re.IGNORECASE) for alias in entry["aliases"])


def named_in(text, entry):
    return stands_in(text, entry["name"]) or alias_stands_in(text, entry)


def test_the_large_world_is_large_and_its_names_are_unique():
    names = [entry["name"] for entry in ENTRIES]
    assert len(names) >= 300
    assert len({name.casefold() for name in names}) == len(names)
    assert 1 <= sum(entry["always_on"] for entry in ENTRIES) <= 2
    kinds = Counter(entry["kind"] for entry in ENTRIES)
    assert set(kinds) == {"character", "place", "thing", "rule", "event"}
    assert min(kinds.values()) >= 30


def test_every_entry_is_complete_and_of_the_stated_length():
    for entry in ENTRIES:
        fields = {"name", "kind", "aliases", "text", "links", "always_on", "from_chapter", "to_chapter"}
        assert set(entry) == fields, entry["name"]
        assert 30 <= len(entry["text"].split()) <= 90, entry["name"]
        assert entry["from_chapter"] is None or entry["from_chapter"] > 1, entry["name"]
        assert (entry["from_chapter"] or 1) <= (entry["to_chapter"] or 30) <= 30, entry["name"]
    texts = [entry["text"] for entry in ENTRIES]
    assert len(set(texts)) == len(texts)


def test_every_link_leads_to_another_entry():
    names = {entry["name"] for entry in ENTRIES}
    for entry in ENTRIES:
        assert entry["links"], entry["name"]
        assert set(entry["links"]) <= names - {entry["name"]}, entry["name"]


def test_an_alias_that_is_the_name_of_another_entry_belongs_to_the_same_thing_at_another_time():
    by_name = {entry["name"]: entry for entry in ENTRIES}
    for entry in ENTRIES:
        for alias in entry["aliases"]:
            other = by_name.get(alias)
            if other is not None:
                together = [chapter for chapter in range(1, 31) if holds(entry, chapter) and holds(other, chapter)]
                assert not together, (entry["name"], alias, together)


def test_there_are_enough_requests_of_each_kind():
    kinds = Counter(request["kind"] for request in REQUESTS)
    assert len(REQUESTS) >= 200
    assert all(
        kinds[kind] >= least for kind, least in dict(name=50, alias=40, paraphrase=50, pronoun=30, trap=30).items()
    )
    assert sum(kinds.values()) == sum(kinds[kind] for kind in ("name", "alias", "paraphrase", "pronoun", "trap"))
    assert len(SAMPLE_REQUESTS) == 40


@both_sets
def test_no_request_is_repeated_and_each_is_of_a_scene_request_s_length(requests, entries):
    texts = [re.sub(r"\W+", " ", request["request"]).casefold() for request in requests]
    assert len(set(texts)) == len(texts)
    assert all(10 <= len(text.split()) <= 65 for text in texts)


@both_sets
def test_needed_entries_exist_hold_at_the_chapter_and_are_at_most_five(requests, entries):
    by_name = {entry["name"]: entry for entry in entries}
    for request in requests:
        needed = request["needed"]
        assert 1 <= len(needed) <= 5 and len(set(needed)) == len(needed), request["request"]
        for name in needed:
            assert name in by_name, (name, request["request"])
            assert not by_name[name]["always_on"], (name, request["request"])
            assert holds(by_name[name], request["chapter"]), (name, request["chapter"], request["request"])


def test_forbidden_entries_exist_and_do_not_hold_at_the_chapter():
    by_name = {entry["name"]: entry for entry in ENTRIES}
    for request in REQUESTS:
        assert bool(request["forbidden"]) == (request["kind"] == "trap"), request["request"]
        for name in request["forbidden"]:
            assert name in by_name, (name, request["request"])
            assert not holds(by_name[name], request["chapter"]), (name, request["chapter"], request["request"])


def test_most_traps_tempt_with_what_has_not_happened_yet():
    by_name = {entry["name"]: entry for entry in ENTRIES}
    early = [
        request
        for request in REQUESTS
        if any((by_name[name]["from_chapter"] or 1) > request["chapter"] for name in request["forbidden"])
    ]
    assert len(early) >= 30


@both_sets
def test_an_entry_named_in_full_is_needed(requests, entries):
    by_name = {entry["name"]: entry for entry in entries}
    for request in requests:
        text = f"{request['context']} {request['request']}"
        terms = [term for name in request["needed"] for term in (name, *by_name[name]["aliases"])]
        for term in sorted(terms, key=len, reverse=True):
            text = re.sub(rf"\b{re.escape(term)}(?!\w)", "~", text, flags=re.IGNORECASE)
        for entry in entries:
            if entry["name"] not in request["needed"] and not entry["always_on"] and holds(entry, request["chapter"]):
                assert not stands_in(text, entry["name"]), (entry["name"], request["request"])


@both_sets
def test_each_kind_of_request_is_what_it_says(requests, entries):
    by_name = {entry["name"]: entry for entry in entries}
    for request in requests:
        text, context = request["request"], request["context"]
        needed = [by_name[name] for name in request["needed"]]
        if request["kind"] == "name":
            assert any(stands_in(text, entry["name"]) for entry in needed), text
        elif request["kind"] == "alias":
            assert any(alias_stands_in(text, entry) and not stands_in(text, entry["name"]) for entry in needed), text
        elif request["kind"] == "paraphrase":
            assert any(not named_in(text, entry) for entry in needed), text
        elif request["kind"] == "pronoun":
            assert any(named_in(context, entry) and not named_in(text, entry) for entry in needed), text
        assert bool(context) == (request["kind"] == "pronoun"), text
