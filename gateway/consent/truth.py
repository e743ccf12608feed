"""The truth tables beside a site's policies (`policies/*.cases.yaml`): requests, and what the policies are expected to say of them.

A table stands beside the file it is about (`rules.cases.yaml` beside `rules.yaml`), and covers it: each statute with a case that it
lets out and one that names it and is let out by nothing of it, each prohibition and each row of `handling` with one that it decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.consent.decision import decide
from gateway.consent.question import listed
from gateway.model.agreement import Site
from gateway.site.schema import schema_problems
from gateway.site.text import CASES, Problem, Unreadable, Written, read_yaml

_FACETS = ("who", "whom", "where", "why", "how")
Row = tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]  # case, request, what is decided


def truth_problems(site: Site) -> tuple[Problem, ...]:
    """0..* problems, each with its file and line: a table of wrong form, a case that comes out otherwise, a rule that no case covers."""
    folder = site.root / "policies"
    files = sorted(path for path in folder.iterdir() if path.name.endswith(CASES)) if folder.is_dir() else ()
    return tuple(problem for path in files for problem in _of(site, path))


def _of(site: Site, path: Path) -> Iterator[Problem]:
    beside = path.with_name(path.name.removesuffix(CASES) + ".yaml")
    try:
        table = read_yaml(site.root, path)
        rules = read_yaml(site.root, beside) if beside.is_file() else None
    except Unreadable as unreadable:
        yield unreadable.problem
        return
    if rules is None:
        yield Problem(table.file, 1, "There is no file of policies of this name beside it.")
        return
    found = (*schema_problems(table, "cases"), *_twice(table))
    yield from found
    if not found:
        rows = [_decided(site, table.value.get("base", {}), case) for case in table.value["cases"]]
        yield from _wrong(table, rows)
        yield from _uncovered(rules, rows)


def _twice(table: Written) -> Iterator[Problem]:
    cases = table.value.get("cases") if isinstance(table.value, dict) else None
    seen: set[Any] = set()
    for number, case in enumerate(cases if isinstance(cases, list) else ()):
        name = case.get("id") if isinstance(case, dict) else None
        if name is not None and str(name) in seen:
            yield table.problem(f"cases[{number}].id: this id is there twice.", "cases", number, "id")
        seen.add(str(name))


def _decided(site: Site, base: Mapping[str, Any], case: Mapping[str, Any]) -> Row:
    request = _request(base, case.get("request", {}))
    given = {
        "implicitPolicy": case.get("implicit", site.implicit_policy),
        "consents": case.get("consents", []),
        "guardianships": [],
    }
    return case, request, decide(request, given, site.register)


def _request(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = {name: {**base.get(name, {}), **own.get(name, {})} for name in _FACETS}
    return {**merged, **{name: own.get(name, base.get(name)) for name in ("when", "what")}}


def _wrong(table: Written, rows: Sequence[Row]) -> Iterator[Problem]:
    for number, (case, _, result) in enumerate(rows):
        told = {**result, "changes": sorted({_change(one) for of in result.get("changes", {}).values() for one in of})}
        for name, wanted in case["expect"].items():
            found = told[name]
            if (sorted(wanted) != sorted(found)) if isinstance(wanted, list) else wanted != found:
                said = f"{name} {', '.join(found) or 'none'}" if isinstance(found, list) else f"{name} {found}"
                yield table.problem(
                    f"cases[{number}] ({case['id']}): the policies say {said}.", "cases", number, "expect", name
                )


def _change(row: Mapping[str, str]) -> str:
    return f"{row['type']}.{row['path']} {row['how']}"


def _uncovered(rules: Written, rows: Sequence[Row]) -> Iterator[Problem]:
    value = rules.value if isinstance(rules.value, dict) else {}
    for number, row in enumerate(value.get("statutes", ())):
        name = f"statute:{row['id']}"
        if not any(name in result["reason"].split("+") and result["released"] for _, _, result in rows):
            yield rules.problem(
                f"{row['id']}: no case of the truth table is let out by this statute.", "statutes", number
            )
        if not any(
            row["id"] in listed(asked["why"].get("legalBasis")) and name not in result["reason"].split("+")
            for _, asked, result in rows
        ):
            yield rules.problem(
                f"{row['id']}: no case of the truth table names this statute in vain.", "statutes", number
            )
    for number, row in enumerate(value.get("prohibitions", ())):
        if not any(result["reason"] == f"prohibited:{row['id']}" for _, _, result in rows):
            yield rules.problem(
                f"{row['id']}: no case of the truth table is prohibited by this.", "prohibitions", number
            )
    for number, row in enumerate(value.get("handling", ())):
        if not any(_change(row) in case["expect"].get("changes", ()) for case, _, _ in rows):
            yield rules.problem(f"{row['id']}: no case of the truth table expects this change.", "handling", number)


__all__ = ["truth_problems"]
