from rag.retrieval.keys import KeyPatterns


def everything(entry: str) -> bool:
    return True


def test_a_regular_expression_finds_its_entry_and_says_what_it_matched() -> None:
    keys = KeyPatterns()
    keys.add("ferry", "/ferr(y|ies)/i")
    (match,) = keys.find("All FERRIES stay.", everything)
    assert (match.entry, match.written) == ("ferry", "FERRIES")
    assert keys.find("All FERRIES stay.", lambda entry: False) == []
    keys.drop("ferry", "/ferr(y|ies)/i")
    assert keys.find("All FERRIES stay.", everything) == []


def test_what_is_no_regular_expression_is_named() -> None:
    keys = KeyPatterns()
    keys.add("a", "/(unclosed/")
    keys.add("b", "/x/q")
    assert keys.find("(unclosed x", everything) == []
    assert [fault.entry for fault in keys.faults] == ["a", "b"]
    assert all("no regular expression" in fault.reason for fault in keys.faults)


def test_a_catastrophic_pattern_is_stopped_and_switched_off() -> None:
    keys = KeyPatterns()
    keys.add("bad", "/(a|aa)+$/")
    keys.add("good", "/b/")
    text = "a" * 200 + "b"
    assert [match.entry for match in keys.find(text, everything)] == ["good"]
    (fault,) = keys.faults
    assert fault.entry == "bad" and "switched off" in fault.reason
    keys.drop("bad", "/(a|aa)+$/")
    assert keys.faults == []
