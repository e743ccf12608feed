"""The attack catalogue, one by one: where each attack is tried, or which door it would need that is not there.

The rows of facade_rows.py carry the number of their attack; what is listed here by name is a test elsewhere. Nothing is listed that is
not there: names are looked up in the files, and a door that an attack would need must not have been built meanwhile.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from gateway.app import described
from tests.flows.facade_rows import ROWS

TESTS = Path(__file__).parents[1]
CATALOGUE = Path(__file__).parents[3] / "shared" / "notes" / "attacks.md"

# the attack: "file::test" …, besides the rows of the façade that carry its number
ELSEWHERE = {
    "A4": ("flows/test_facade.py::test_get_and_post_are_the_same",),
    "A15": ("flows/test_facade.py::test_pages_are_as_many_in_both_worlds_and_none_is_empty",),
    "A16": ("flows/test_facade.py::test_a_link_is_the_callers_own_and_says_nothing",
            "flows/test_facade.py::test_a_withdrawal_ends_every_link_and_every_answer"),
    "A17": ("flows/test_facade_consents.py::test_one_version_that_is_withheld_takes_the_others_with_it",
            "flows/test_facade.py::test_a_history_is_whole"),
    "A18": ("flows/test_facade_consents.py::test_what_a_version_says_counts_when_its_label_is_lost", "flows/test_unlabelling.py"),
    "A19": ("flows/test_facade.py::test_get_and_post_are_the_same",),
    "A20": ("flows/test_other_doors.py::test_a_document_reference_leads_nowhere",),
    "A22": ("flows/test_other_doors.py::test_a_document_reference_leads_nowhere",),
    "A24": ("flows/test_facade.py::test_a_batch_is_decided_entry_by_entry", "flows/test_facade.py::test_what_is_no_batch_of_questions"),
    "A33": ("inbound/test_keysets.py", "flows/test_client_keys.py", "flows/test_deliveries.py"),
    "A35": ("flows/test_attacks.py::test_a_bundle_cannot_merge_people",
            "flows/test_attacks.py::test_a_merge_by_a_national_number_waits_for_a_person"),
    "A38": ("flows/test_facade.py::test_what_is_shown_of_a_resource",),
    "A39": ("consent/test_words.py", "consent/test_obligations.py", "flows/test_attacks.py::test_words_of_the_sender_stay_behind"),
    "A42": ("flows/test_tokens.py::test_a_purpose_narrows_what_is_read", "flows/test_tokens.py::test_attack_on_an_assertion"),
    "A43": ("flows/test_emergencies.py",),
    "A44": ("flows/test_tokens.py::test_attack_on_an_assertion", "flows/test_bound_tokens.py", "flows/test_foreign_tokens.py"),
    "A45": ("flows/test_facade_consents.py::test_consents_together",),
    "A46": ("flows/test_facade_consents.py::test_a_withdrawal_is_felt_on_another_node_at_once",),
    "A47": ("flows/test_other_doors.py::test_what_a_result_says_in_words_stays_with_the_hospital",
            "flows/test_doors_alike.py::test_a_query_of_hl7_v2_is_answered_by_nobody"),
    "A51": ("flows/test_other_doors.py::test_a_replay_after_a_withdrawal_sends_nothing",),
    "A52": ("flows/test_doors_alike.py::test_validation_does_not_tell_what_is_kept",
            "flows/test_other_doors.py::test_what_an_address_holds_is_not_logged"),
    "A53": ("flows/test_other_doors.py::test_who_operates_the_gateway_reads_no_record",),
    "A54": ("flows/test_facade.py::test_metadata_is_what_the_caller_may_ask",),
    "A55": ("flows/test_facade.py::test_an_entity_tag_is_no_oracle",),
    "A58": ("flows/test_facade.py::test_a_path_is_what_it_says",),
}  # fmt: skip

# the attack: what is not built yet, and what a path of it would hold
NO_SURFACE = {
    "A31": ("bulk export", "export"),
    "A32": ("subscriptions", "ubscription"),
    "A48": ("documents of C-CDA", "cda"),
    "A49": ("the registry of DCI", "registry"),
    "A50": ("entities of NGSI-LD", "entities"),
    "A56": ("releases of public data", "release"),
}


@cache
def doors() -> str:
    return " ".join(described()["paths"])


def by_rows() -> set[str]:
    return {row.id.partition("-")[0] for row in ROWS}


def test_every_attack_of_the_catalogue_is_tried_or_has_no_door() -> None:
    if not CATALOGUE.exists():
        pytest.skip("the catalogue is not at hand")
    listed = set(re.findall(r"^\| (A\d+) \|", CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed
    assert listed - by_rows() - ELSEWHERE.keys() - NO_SURFACE.keys() == set()


@pytest.mark.parametrize("attack", ELSEWHERE)
def test_what_is_listed_is_there(attack: str) -> None:
    for place in ELSEWHERE[attack]:
        file, _, name = place.partition("::")
        text = (TESTS / file).read_text(encoding="utf-8")
        assert f"def {name or 'test_'}" in text, place


@pytest.mark.parametrize("attack", NO_SURFACE)
def test_what_has_no_door_still_has_none(attack: str) -> None:
    assert attack not in by_rows() | ELSEWHERE.keys()
    assert NO_SURFACE[attack][1] not in doors()
