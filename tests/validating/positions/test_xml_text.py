"""Line and column of elements in XML: comments, CDATA, prefixes, UTF-16; the same element as in the JSON form."""

import pytest

from gateway.definitions.library import core
from gateway.definitions.xml_form import read_fhir
from gateway.model.report import Finding
from gateway.validating.positions import located

BUNDLE = """<?xml version="1.0" encoding="UTF-8"?>
<!-- <Patient> > " -->
<Bundle xmlns="http://hl7.org/fhir">
  <entry><fullUrl value="a>b/>"/></entry>
  <entry>
    <resource>
      <Patient>
        <text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>a<br/></p><name>x</name></div></text>
        <contained><Observation><status value='f"'/>
          <valueQuantity><value value="1"/></valueQuantity></Observation></contained>
        <name><given value="이음"/><given value="b"><extension url="u"><valueText value="1"/></extension></given></name>
        <name><?pi <name> ?><family value="&gt;"/></name>
        <gendre value="f"/><gender value="f"/>
      </Patient>
    </resource>
  </entry>
</Bundle>
"""
CASES = [  # expression, rule, found, line, column
    ("Bundle", "", "", 3, 1),
    ("Bundle.entry[0].fullUrl", "", "", 4, 10),
    ("Bundle.entry[1]", "", "", 5, 3),
    ("Bundle.entry[1].resource", "", "", 6, 5),
    ("Bundle.entry[1].resource.text.div", "", "", 8, 42),
    ("Bundle.entry[1].resource.contained[0].status", "", "", 9, 33),
    ("Bundle.entry[1].resource.contained[0].value.ofType(Quantity).value", "", "", 10, 26),
    ("Bundle.entry[1].resource.name[0].given[1]", "", "", 11, 34),
    ("Bundle.entry[1].resource.name[0].given[1].extension[0]", "", "", 11, 51),
    ("Bundle.entry[1].resource.name[0].given[1].extension[0].url", "", "", 11, 51),
    ("Bundle.entry[1].resource.name[0].given[1].extension[0].value", "", "", 11, 70),
    ("Bundle.entry[1].resource.name[1].family", "", "", 12, 29),
    ("Bundle.entry[1].resource.gender", "", "", 13, 28),
    ("Bundle.entry[1].resource", "unknown-element", "gendre", 13, 9),
    ("Bundle.entry[1].resource.photo[0]", "", "", 6, 5),
    ("Bundle.entry[5].resource", "", "", 4, 3),
]


def places(body):
    findings = tuple(Finding("error", "structure", case[0], "x", case[1], "", case[2]) for case in CASES)
    return [(f.line, f.column) for f in located(findings, body)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_places_in_every_encoding(encoding):
    body = BUNDLE.replace("UTF-8", encoding.removesuffix("-sig").upper()).encode(encoding)
    assert places(body) == [case[3:] for case in CASES]


def test_a_prefix_changes_no_place_but_its_width():
    text = BUNDLE.replace('xmlns="http://hl7.org/fhir"', 'xmlns:f="http://hl7.org/fhir"')
    text = text.replace("<", "<f:").replace("<f:/", "</f:").replace("<f:?", "<?").replace("<f:!", "<!")
    assert [line for line, _ in places(text.encode())] == [case[3] for case in CASES]


def test_a_name_like_that_of_a_resource_is_found_where_it_is_unknown():
    body = b'<Patient xmlns="http://hl7.org/fhir"><Gender value="f"/></Patient>'
    finding = Finding("error", "structure", "Patient", "x", "unknown-element", "", "Gender")
    assert [(f.line, f.column) for f in located((finding,), body)] == [(1, 38)]


@pytest.mark.parametrize("place", range(12))
def test_the_same_element_as_in_the_json_form(place):
    """The value that the JSON form has at a path stands in the tag that is pointed at."""
    names = "".join(f'<name><family value="f{i}"/><given value="g{i}"/><given value="h{i}"/></name>' for i in range(12))
    text = f'<Patient xmlns="http://hl7.org/fhir">{names}</Patient>'
    resource, _ = read_fhir(text.encode(), core())
    finding = Finding("error", "structure", f"Patient.name[{place}].given[1]", "x")
    (found,) = located((finding,), text.encode())
    assert text[found.column - 1 :].startswith(f'<given value="{resource["name"][place]["given"][1]}"')
