"""Releases of LOINC and SNOMED CT: what is no release, and what a loaded one answers; with invented concepts (made.py)."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.definitions.library import library
from gateway.errors import GatewayError, Malformed, Misconfigured, TooLarge, Unsupported
from gateway.terminology.membership import Membership, Reason, Terminology
from gateway.terminology.operations import expand, lookup
from gateway.terminology.operations.asked import Asked
from gateway.terminology.releases import Stored, load_loinc, load_snomed, open_release
from gateway.terminology.releases import source as reading
from tests.terminology import made

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
VS = "http://example.org/vs"
Load = Callable[[Path, Path], int]


@pytest.fixture(scope="module")
def loinc(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    home = tmp_path_factory.mktemp("loinc")
    assert load_loinc(made.zipped(home / "Loinc.zip", made.loinc()), home / "loinc.db") == 9
    return open_release(home / "loinc.db")


@pytest.fixture(scope="module")
def snomed(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    home = tmp_path_factory.mktemp("snomed")
    assert load_snomed(made.folder(home / "release", made.snomed()), home / "snomed.db") == 7
    return open_release(home / "snomed.db")


def known(content: Stored, *filters: tuple[str, str, str], **more: Any) -> Terminology:
    rows = [{"property": name, "op": op, "value": value} for name, op, value in filters]
    part = {"system": content.url, **({"filter": rows} if rows else {}), **more}
    return Terminology(library([{"resourceType": "ValueSet", "url": VS, "compose": {"include": [part]}}]), [content])


def _zip_with(name: str) -> Callable[[Path], Path]:
    return lambda path: made.zipped(path / "r.zip", {**made.loinc(), name: "x"})


def _encrypted(path: Path) -> Path:
    source = made.zipped(path / "r.zip", made.loinc())
    body = bytearray(source.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = body.find(mark)
        while at >= 0:
            body[at + place] |= 1
            at = body.find(mark, at + 4)
    source.write_bytes(body)
    return source


def _bomb(path: Path) -> Path:
    return made.zipped(path / "r.zip", {"Loinc.csv": "LOINC_NUM\n" + "0" * 3_000_000})


def _torn(path: Path) -> Path:
    source = made.zipped(path / "r.zip", made.loinc())
    body = bytearray(source.read_bytes())
    body[100:200] = b"\0" * 100
    source.write_bytes(body)
    return source


def _text(text: str, name: str = "Loinc.csv") -> Callable[[Path], Path]:
    def build(path: Path) -> Path:
        (path / name).write_text(text, "utf-8", newline="")
        return path / name

    return build


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda path: path / "nothing.zip", Malformed),
        (lambda path: path, Malformed),
        (_zip_with("../Loinc.csv"), Malformed),
        (_zip_with("/etc/Loinc.csv"), Malformed),
        (_zip_with("a\\..\\Loinc.csv"), Malformed),
        (_zip_with("C:/Loinc.csv"), Malformed),
        (_encrypted, Unsupported),
        (_bomb, TooLarge),
        (_torn, Malformed),
        (_text("no table"), Malformed),
        (_text("NUM,NAME\r\n1,2"), Malformed),
        (_text('LOINC_NUM,NAME\r\n"1-8'), Malformed),
        (_text("LOINC_NUM,NAME\r\n1-8"), Malformed),
        (_text("LOINC_NUM\r\n" + "9" * 1_100_000), TooLarge),
    ],
)
def test_no_release_of_loinc(tmp_path: Path, build: Callable[[Path], Path], error: type[GatewayError]) -> None:
    into = tmp_path / "made.db"
    with pytest.raises(error):
        load_loinc(build(tmp_path), into)
    assert list(tmp_path.glob("made.db*")) == []


def _without(*words: str) -> made.Files:
    return {name: text for name, text in made.snomed().items() if not any(word in name for word in words)}


def _changed(word: str, old: str, new: str) -> made.Files:
    return {name: text.replace(old, new) if word in name else text for name, text in made.snomed().items()}


@pytest.mark.parametrize(
    "files",
    [
        {},
        _without("Concept"),
        _without("Relationship"),
        _without("Snapshot"),
        _changed("sct2_Concept", "moduleId", "module"),
        _changed("sct2_Concept", made.HEART, "heart"),
        _changed("sct2_Relationship", made.HEART, "9" * 19),
        _changed("sct2_Relationship", "\t" + made.IS_A, made.IS_A),
        _changed("Language", "\t12\t", "\t-1\t"),
    ],
)
def test_no_release_of_snomed(tmp_path: Path, files: made.Files) -> None:
    (tmp_path / "release").mkdir()
    with pytest.raises(Malformed):
        load_snomed(made.folder(tmp_path / "release", files), tmp_path / "made.db")
    assert list(tmp_path.glob("made.db*")) == []


def test_a_zip_with_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_MEMBERS", 3)
    for source in (made.zipped(tmp_path / "r.zip", made.loinc()), made.folder(tmp_path / "r", made.loinc())):
        with pytest.raises(TooLarge):
            load_loinc(source, tmp_path / "made.db")


def test_a_link_out_of_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("LOINC_NUM\r\n1-8\r\n")
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "Loinc.csv").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Malformed):
        load_loinc(tmp_path / "release", tmp_path / "made.db")


def test_a_failed_load_leaves_the_one_before(tmp_path: Path) -> None:
    into = tmp_path / "made.db"
    load_loinc(made.folder(tmp_path / "r", made.loinc()), into)
    with pytest.raises(Malformed):
        load_loinc(_text("no table")(tmp_path), into)
    assert open_release(into).named("718-7") is not None


@pytest.mark.parametrize(
    "build", [lambda path: None, lambda path: path.write_text("x" * 5000), lambda path: sqlite3.connect(path).close()]
)
def test_a_file_that_is_no_release_is_not_opened(tmp_path: Path, build: Callable[[Path], Any]) -> None:
    build(tmp_path / "made.db")
    with pytest.raises(Misconfigured):
        open_release(tmp_path / "made.db")


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        load_loinc(made.folder(tmp_path / "r", made.loinc()), tmp_path / "no such folder" / "made.db")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("8480-7", "out"), ("2-6", "out"), ("x", "out"), ("LP99-9", "unknown"), ("LA99-9", "unknown"), ("MTHU1", "unknown"),
        ("8480-6", "in"), ("1-8", "in"), ("LP2-9", "in"), ("LL1-9", "in"),
    ],
)  # fmt: skip
def test_codes_of_loinc(loinc: Stored, code: str, said: str) -> None:
    assert Terminology(library(), [loinc]).in_system(LOINC, code).value == said


@pytest.mark.parametrize(
    ("each", "members"),
    [
        (("no such property", "=", "x"), None),
        (("CLASS", "regex", "("), None),
        (("concept", "is-a", "LP99-9"), None),
        (("CLASS", "no-such-op", "x"), None),
        (("CLASS", "=", "BP"), "8480-6"),
        (("SCALE_TYP", "=", "QN"), "718-7 8480-6"),
        (("CLASS", "regex", "B.|HE"), "8480-6"),
        (("CLASSTYPE", "in", "1, 3"), "1-8 718-7"),
        (("CLASSTYPE", "not-in", "1"), "8480-6 LA32-8 LA33-6 LL1-9 LL2-7 LP1-1 LP2-9"),
        (("STATUS", "=", "ACTIVE"), "718-7 8480-6"),
        (("inactive", "=", "true"), "1-8"),
        (("LIST", "=", "LL1-9"), "LA32-8 LA33-6"),
        (("LIST", "exists", "true"), "LA32-8 LA33-6"),
        (("ancestor", "=", "LP1-1"), "718-7 8480-6 LP2-9"),
        (("parent", "=", "LP1-1"), "8480-6 LP2-9"),
        (("concept", "is-a", "LP2-9"), "718-7 LP2-9"),
        (("concept", "descendent-of", "LP2-9"), "718-7"),
        (("concept", "descendent-leaf", "LP1-1"), "718-7 8480-6"),
        (("concept", "is-not-a", "LP1-1"), "1-8 LA32-8 LA33-6 LL1-9 LL2-7"),
        (("concept", "generalizes", "718-7"), "718-7 LP1-1 LP2-9"),
        (("concept", "=", "718-7"), "718-7"),
        (("concept", "in", "718-7,8480-6,x"), "718-7 8480-6"),
        (("code", "regex", "LL.*"), "LL1-9 LL2-7"),
    ],
)
def test_filters_of_loinc(loinc: Stored, each: tuple[str, str, str], members: str | None) -> None:
    terminology = known(loinc, each)
    codes = [code for code in (row[0] for row in loinc._database.execute("SELECT code FROM concept")) if code]
    answers = {code: terminology.member(VS, code, LOINC) for code in codes}
    if members is None:
        assert set(answers.values()) == {Membership.UNKNOWN}
        assert terminology.expanded(VS).gaps[0].reason is Reason.NO_FILTER
        return
    assert sorted(code for code, answer in answers.items() if answer is Membership.IN) == members.split()
    assert {answer for code, answer in answers.items() if code not in members.split()} <= {Membership.OUT}
    listed = expand.expand(terminology, Asked({"url": (VS,)}), "2026-03-01")["expansion"]["contains"]
    assert sorted(row["code"] for row in listed) == members.split()


def test_names_and_properties_of_loinc(loinc: Stored) -> None:
    terminology = Terminology(library(), [loinc])
    assert loinc.version == "2.76"  # 2.9 is older
    assert terminology.display_of(LOINC, "718-7") == "Carrier in blood"
    assert terminology.display_of(LOINC, "718-7", "ko") == "혈액 운반체"
    assert terminology.display_of(LOINC, "8480-6") == 'Upper "pressure"\nof blood'
    assert terminology.display_of(LOINC, "LA33-6") == "Yes"
    assert terminology.display_differs(LOINC, "718-7", "crr") is False
    assert terminology.display_differs(LOINC, "718-7", "Sugar") is True
    assert terminology.verdict("", "1-8", LOINC).reason is Reason.INACTIVE
    answer = lookup.lookup(terminology, Asked({"system": (LOINC,), "code": ("718-7",)}))
    assert {
        "name": "property",
        "part": [{"name": "code", "valueCode": "parent"}, {"name": "value", "valueCode": "LP2-9"}],
    } in answer["parameter"]


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("http://loinc.org/vs", "2-6", "out"),
        ("http://loinc.org/vs/LL2-7", "LA32-8", "out"),
        ("http://loinc.org/vs/LG1-1", "718-7", "unknown"),
        ("http://loinc.org/vsx", "718-7", "unknown"),
        ("http://loinc.org/vs", "718-7", "in"),
        ("http://loinc.org/vs/LL1-9", "LA32-8", "in"),
        ("http://loinc.org/vs/LP2-9", "718-7", "in"),
    ],
)
def test_implied_value_sets_of_loinc(loinc: Stored, url: str, code: str, said: str) -> None:
    assert Terminology(library(), [loinc]).member(url, code, LOINC).value == said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("22298006", "out"), ("22298007", "out"), ("x", "out"), (made.UNHEARD, "unknown"), (f"{made.HEART}:{made.IS_A}={made.ROOT}", "unknown"),
        (made.HEART, "in"), (made.RETIRED, "in"), (made.OWN, "in"), (made.verhoeff("9100000110"), "out"),
    ],
)  # fmt: skip
def test_codes_of_snomed(snomed: Stored, code: str, said: str) -> None:
    assert Terminology(library(), [snomed]).in_system(SNOMED, code).value == said


@pytest.mark.parametrize(
    ("each", "members"),
    [
        (("constraint", "=", f"<< {made.HEART}"), None),
        (("concept", "is-a", "22298006"), None),
        (("concept", "is-a", made.HEART), {made.HEART, made.TWINGE}),
        (("concept", "descendent-of", made.DISEASE), {made.HEART, made.TWINGE, made.OWN}),
        (("concept", "in", made.REFSET), {made.TWINGE}),
        (("concept", "generalizes", made.HEART), {made.HEART, made.DISEASE, made.ROOT}),
        (("sufficientlyDefined", "=", "true"), {made.HEART}),
        (("inactive", "=", "true"), {made.RETIRED}),
        (("effectiveTime", "regex", "2020.*"), {made.RETIRED}),
    ],
)
def test_filters_of_snomed(snomed: Stored, each: tuple[str, str, str], members: set[str] | None) -> None:
    terminology = known(snomed, each)
    codes = (made.ROOT, made.DISEASE, made.HEART, made.TWINGE, made.RETIRED, made.OWN, made.REFSET)
    answers = {code: terminology.member(VS, code, SNOMED) for code in codes}
    if members is None:
        assert set(answers.values()) == {Membership.UNKNOWN}
    else:
        assert {code for code, answer in answers.items() if answer is Membership.IN} == members
        assert {answer for code, answer in answers.items() if code not in members} == {Membership.OUT}


def test_names_of_snomed(snomed: Stored) -> None:
    named = snomed.named(made.HEART)
    assert named is not None
    assert [d.value for d in named.designations] == [
        "Heart trouble",
        "Trouble of the heart",
        "Heart trouble (disorder)",
        "심장병",
    ]
    terminology = Terminology(library(), [snomed])
    assert terminology.display_of(SNOMED, made.HEART, "ko-KR") == "심장병"
    assert terminology.display_of(SNOMED, made.TWINGE) is None
    assert terminology.display_differs(SNOMED, made.HEART, "Heart ache") is True


def test_subsumption_in_snomed(snomed: Stored) -> None:
    terminology = Terminology(library(), [snomed])
    assert terminology.subsumes(SNOMED, made.TWINGE, made.ROOT) is False
    assert terminology.subsumes(SNOMED, made.ROOT, made.TWINGE) is True
    assert terminology.subsumes(SNOMED, made.OWN, made.TWINGE) is False
    assert terminology.subsumes(SNOMED, "22298006", made.TWINGE) is None


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("http://snomed.info/sct?fhir_vs", "22298006", "out"),
        (f"http://snomed.info/sct?fhir_vs=isa/{made.HEART}", made.ROOT, "out"),
        (f"http://snomed.info/sct?fhir_vs=ecl/<{made.HEART}", made.TWINGE, "unknown"),
        ("http://snomed.info/sct/731000124108?fhir_vs", "22298006", "unknown"),
        ("http://snomed.info/sctx?fhir_vs", made.HEART, "unknown"),
        ("http://snomed.info/sct?fhir_vs", made.HEART, "in"),
        (f"http://snomed.info/sct?fhir_vs=isa/{made.HEART}", made.TWINGE, "in"),
        (f"http://snomed.info/sct?fhir_vs=refset/{made.REFSET}", made.TWINGE, "in"),
        ("http://snomed.info/sct/900000000000207008?fhir_vs", made.HEART, "in"),
        ("http://snomed.info/sct/900000000000207008/version/20240101?fhir_vs", "22298006", "out"),
    ],
)
def test_implied_value_sets_of_snomed(snomed: Stored, url: str, code: str, said: str) -> None:
    assert Terminology(library(), [snomed]).member(url, code, SNOMED).value == said


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("http://snomed.info/sct/731000124108", "unknown"),
        ("http://snomed.info/sct/900000000000207008/version/20230101", "unknown"),
        ("http://snomed.info/sct/900000000000207008", "out"),
        ("http://snomed.info/sct/900000000000207008/version/20240101", "out"),
    ],
)
def test_another_edition_proves_no_absence(snomed: Stored, version: str, said: str) -> None:
    assert known(snomed, version=version).member(VS, "22298006", SNOMED).value == said
    assert known(snomed, version=version).member(VS, made.HEART, SNOMED) is Membership.IN


def test_an_expansion_of_a_release_is_searched_by_words(snomed: Stored) -> None:
    terminology = known(snomed, ("concept", "is-a", made.ROOT))
    asked = Asked({"url": (VS,), "filter": ("HEART trou",)})
    listed = expand.expand(terminology, asked, "2026-03-01")["expansion"]["contains"]
    assert [(row["code"], row["display"]) for row in listed] == [(made.HEART, "Heart trouble")]


def test_an_expansion_of_a_release_that_is_cut_by_another_set(snomed: Stored) -> None:
    hearts = [{"property": "concept", "op": "is-a", "value": made.HEART}]
    include = [{"system": SNOMED, "valueSet": [f"http://snomed.info/sct?fhir_vs=refset/{made.REFSET}"]}]
    for composed, codes in (
        ({"include": include}, {made.TWINGE}),
        ({"include": [{"system": SNOMED, "filter": hearts}], "exclude": include}, {made.HEART}),
        ({"include": [{"valueSet": [f"http://snomed.info/sct?fhir_vs=isa/{made.HEART}"]}]}, {made.HEART, made.TWINGE}),
    ):
        terminology = Terminology(library([{"resourceType": "ValueSet", "url": VS, "compose": composed}]), [snomed])
        listed = expand.expand(terminology, Asked({"url": (VS,)}), "2026-03-01")["expansion"]["contains"]
        assert {row["code"] for row in listed} == codes


def test_too_many_filters_are_not_applied(snomed: Stored) -> None:
    terminology = known(snomed, *(("concept", "is-a", made.ROOT),) * 500)
    assert terminology.member(VS, made.HEART, SNOMED) is Membership.UNKNOWN


def test_a_file_that_breaks_is_said_so(tmp_path: Path) -> None:
    load_loinc(made.folder(tmp_path / "r", made.loinc()), tmp_path / "made.db")
    release = open_release(tmp_path / "made.db")
    release.close()
    with pytest.raises(Misconfigured):
        release.named("718-7")


def test_a_code_that_is_no_text_of_the_release_is_none(snomed: Stored) -> None:
    assert Terminology(library(), [snomed]).in_system(SNOMED, "\ud800") is Membership.OUT


def test_inactive_codes_of_a_release_stay_out_where_the_set_says_so(snomed: Stored) -> None:
    composed = {"include": [{"system": SNOMED}], "inactive": False}
    terminology = Terminology(library([{"resourceType": "ValueSet", "url": VS, "compose": composed}]), [snomed])
    assert terminology.member(VS, made.RETIRED, SNOMED) is Membership.OUT
    assert terminology.member(VS, made.HEART, SNOMED) is Membership.IN


def test_an_edition_is_named_by_who_loads_it(tmp_path: Path) -> None:
    source = made.zipped(tmp_path / "r.zip", made.snomed())
    load_snomed(source, tmp_path / "made.db", "11000999106")
    assert open_release(tmp_path / "made.db").version == "http://snomed.info/sct/11000999106/version/20240101"
    assert zipfile.is_zipfile(source)
