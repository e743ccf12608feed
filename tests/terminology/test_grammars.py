"""Codes by the form of their system: what is surely none, what may be one, what surely is one."""

import pytest

from gateway.terminology.grammars import grammars, judged, kind_of, published
from gateway.terminology.languages import tag_parts

MIME, LANGUAGE, COUNTRY = "urn:ietf:bcp:13", "urn:ietf:bcp:47", "urn:iso:std:iso:3166"
SUBDIVISION, CURRENCY = "urn:iso:std:iso:3166:-2", "urn:iso:std:iso:4217"
SNOMED, LOINC, RXNORM = "http://snomed.info/sct", "http://loinc.org", "http://www.nlm.nih.gov/research/umls/rxnorm"


@pytest.mark.parametrize(
    ("system", "codes"),
    [
        (MIME, ("", "text plain", "text/", "/plain", "a/b/c", "text/pl(ain", "text/플레인", ";q=1")),
        (
            LANGUAGE,
            [
                *(
                    "",
                    "a",
                    "ko_KR",
                    "ko-",
                    "-ko",
                    "xx",
                    "en-XB1",
                    "toolonglanguage",
                    "en-Latn-Latn",
                    "en-u",
                    "en-u-ca-u-ca",
                    "x",
                ),
                *("x-", "en-x", "de-1996-1996", "한국어", "ko KR", "en-" * 100 + "US", "i-nothing", "en-ZQ", "korean"),
            ],
        ),
        (COUNTRY, ("", "kr", "Korea", "KRX", "ABA", "000", "41", "AB", "OO")),
        (SUBDIVISION, ("", "KR", "KR-", "KR-1111", "QQ1-1", "BB1", "OO-1", "KR-1.")),
        (CURRENCY, ("", "won", "krw", "KRWW", "ABC", "₩")),
        (SNOMED, ("", "73211008", "22298007", "0123456", "12345", "7" * 19, "abc", "754786011", "７３２１１００９")),
        (LOINC, ("", "8480-7", "8480", "8480-", "-6", "12345678-1", "abc-6", "８４８０-6")),
        (RXNORM, ("", "123456789", "12a", "-1")),
    ],
)
def test_surely_none(system, codes):
    assert [code for code in codes if judged(system, code) is not False] == []


@pytest.mark.parametrize(
    ("system", "codes"),
    [
        (MIME, ("image", "chemical/x-pdb", "x-world/x-3dmf")),
        (COUNTRY, ("XK", "AN", "ZZ", "AA", "QM", "XZ", "UK", "AAB", "ZZZ", "QNA", "901", "SCG")),
        (SUBDIVISION, ("KR-11", "US-CA", "XK-1")),
        (CURRENCY, ("DEM", "FRF")),
        (SNOMED, ("73211009", "22298006", "73211009 |Diabetes mellitus|", "73211009:363698007=113331007")),
        (LOINC, ("8480-6", "LP7839-6", "LA6576-8", "LL379-9", "MTHU000998")),
        (RXNORM, ("313782",)),
        ("http://example.org/unheard-of", ("", "anything", "x" * 1000)),
    ],
)
def test_may_be_one(system, codes):
    assert [code for code in codes if judged(system, code) is not None] == []


@pytest.mark.parametrize(
    ("system", "codes"),
    [
        (MIME, ("text/plain", "text/plain; charset=utf-8", "application/fhir+json;fhirVersion=4.0", "Image/PNG")),
        (
            LANGUAGE,
            [
                *("ko", "KO-kr", "en-US", "zh-Hant-TW", "zh-yue", "sl-rozaj-biske", "es-419", "de-DE-u-co-phonebk", "x-mine"),
                *("i-klingon", "qaa", "en-QM", "sgn-BE-FR", "en-a-bbb-x-c", "und", "art-lojban", "de-1996"),
            ],
        ),
        (COUNTRY, ("KR", "KOR", "410", "004")),
        (CURRENCY, ("KRW", "XXX")),
    ],
)  # fmt: skip
def test_surely_one(system, codes):
    assert [code for code in codes if judged(system, code) is not True] == []


def test_every_row_has_its_check_and_lists_are_whole():
    assert len(grammars()) >= 10
    assert len(published(COUNTRY) or ()) == 3 * 249
    assert len(published(CURRENCY) or ()) > 150
    assert published(SNOMED) is None
    assert kind_of("http://unitsofmeasure.org") == "unit"
    assert kind_of("http://example.org/unheard-of") == ""


def test_a_tag_falls_into_its_parts():
    assert tag_parts("zh-cmn-Hans-CN-1996-u-ca-gregory-x-a-b") == {
        "language": "zh", "ext-lang": "cmn", "script": "hans", "region": "cn", "variant": "1996", "extension": "u-ca-gregory",
        "private-use": "a-b",
    }  # fmt: skip
    assert tag_parts("x-a") == {"private-use": "a"}
    assert tag_parts("i-klingon") == {"grandfathered": "i-klingon"}
    assert tag_parts("ko_KR") is None
