"""FHIR XML to JSON by the element trees."""

import pytest

from gateway.definitions.library import core
from gateway.definitions.xml_form import read_fhir
from gateway.errors import Malformed, TooLarge, Unsupported
from gateway.model.wire import write_json

NS = 'xmlns="http://hl7.org/fhir"'


def read(inner: str, name: str = "Patient"):
    return read_fhir(f"<{name} {NS}>{inner}</{name}>".encode(), core())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<Patient/>", Malformed),
        (b"<Patient", Malformed),
        (f'<!DOCTYPE x><Patient {NS}/>'.encode(), Malformed),
        (f'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><Patient {NS}><id value="&a;"/></Patient>'.encode(), Malformed),
        (f'<?xml version="1.0" encoding="UTF-7"?><Patient {NS}/>'.encode(), Unsupported),
        (f"<?xml version='1.0' encoding='ISO-8859-1'?><Patient {NS}/>".encode(), Unsupported),
        (f"<Patient {NS}>{'<a>' * 100}{'</a>' * 100}</Patient>".encode(), TooLarge),
    ],
)  # fmt: skip
def test_refused(body, error):
    with pytest.raises(error):
        read_fhir(body, core())


def test_values_take_the_types_of_their_elements():
    made, findings = read(
        '<id value="a"/><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>a &amp; b</p></div></text>'
        '<extension url="http://example.org/x"><valueDecimal value="1.50"/></extension>'
        '<active value="true"/><name id="n"><family value="Kim"/><given value="Ha"/><given id="g"/></name><multipleBirthInteger value="2"/>'
    )
    assert findings == ()
    assert write_json(made["extension"]) == b'[{"url":"http://example.org/x","valueDecimal":1.50}]'
    assert made["active"] is True
    assert made["multipleBirthInteger"] == 2
    assert made["name"] == [{"id": "n", "family": "Kim", "given": ["Ha", None], "_given": [None, {"id": "g"}]}]
    assert made["text"]["div"] == '<div xmlns="http://www.w3.org/1999/xhtml"><p>a &amp; b</p></div>'


def test_resources_inside_resources():
    made, findings = read(
        '<type value="collection"/><entry><resource><Patient><contained><Organization><id value="o"/></Organization></contained>'
        "</Patient></resource></entry>",
        "Bundle",
    )
    assert findings == ()
    patient = made["entry"][0]["resource"]
    assert patient == {"resourceType": "Patient", "contained": [{"resourceType": "Organization", "id": "o"}]}


def test_content_references_are_followed():
    made, _ = read(
        '<status value="draft"/><item><linkId value="1"/><item><linkId value="2"/></item></item>', "Questionnaire"
    )
    assert made["item"] == [{"linkId": "1", "item": [{"linkId": "2"}]}]


@pytest.mark.parametrize(
    ("inner", "rule", "path"),
    [
        ('<active value="true" x="1"/>', "xml-attribute", "Patient.active"),
        ("<name>text<family value='a'/></name>", "xml-text", "Patient.name[0]"),
        ('<birthDate value="2020"/><active value="true"/>', "xml-order", "Patient"),
        ('<active xmlns="http://example.org" value="true"/>', "xml-namespace", "Patient.active"),
        ("<contained/>", "xml-resource", "Patient.contained[0]"),
    ],
)
def test_what_only_xml_gets_wrong(inner, rule, path):
    _, findings = read(inner)
    assert [(f.rule, f.expression) for f in findings] == [(rule, path)]


@pytest.mark.parametrize(("inner", "made"), [('<active value="yes"/>', {"active": "yes"}), ('<colour value="red"/>', {"colour": "red"}),
                                             ('<gender value="a"/><gender value="b"/>', {"gender": ["a", "b"]})])  # fmt: skip
def test_what_does_not_fit_is_left_for_the_rules(inner, made):
    assert read(inner)[0] == {"resourceType": "Patient", **made}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding):
    body = f'<Patient {NS}><name><family value="김"/></name></Patient>'.encode(encoding)
    assert read_fhir(body, core())[0]["name"] == [{"family": "김"}]


def test_comments_do_not_cut_a_text():
    made, _ = read(
        '<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">12<!-- x -->3</div></text>'
    )
    assert ">123<" in made["text"]["div"]
