"""Small releases of LOINC and SNOMED CT with invented concepts, in the form of the real ones, for the tests of the loaders."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

Files = Mapping[str, str]

IS_A, FULL, SYNONYM = "116680003", "900000000000003001", "900000000000013009"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
US, GB = "900000000000509007", "900000000000508004"
MODULE, PRIMITIVE, DEFINED = "900000000000207008", "900000000000074008", "900000000000073002"


def verhoeff(stem: str) -> str:
    """The stem with its check digit: the one of ten that the grammar takes."""
    from gateway.terminology.grammars import snomed_identifier

    return next(stem + digit for digit in "0123456789" if snomed_identifier(stem + digit) is not False)


ROOT, DISEASE, HEART, TWINGE, RETIRED = (verhoeff(f"{n}00") for n in (1000, 2000, 3000, 4000, 5000))
OWN = verhoeff("123100000110")  # of an extension, in the namespace 1000001
UNHEARD = verhoeff("123100000210")  # of another one
REFSET = verhoeff("600000")


def table(rows: Iterable[Sequence[str]], *, tabs: bool = False) -> str:
    """Rows as CSV, every value quoted, or separated by tabs."""
    if tabs:
        return "".join("\t".join(row) + "\r\n" for row in rows)
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


def loinc() -> Files:
    """Two active numbers, one deprecated; answers, hierarchy, a Korean variant."""
    heads = ["LOINC_NUM", "COMPONENT", "PROPERTY", "SYSTEM", "SCALE_TYP", "CLASS", "VersionLastChanged", "STATUS"]
    heads += ["CONSUMER_NAME", "CLASSTYPE", "SHORTNAME", "LONG_COMMON_NAME", "DisplayName"]
    rows = [
        [
            "8480-6",
            "Pressure, upper",
            "Pres",
            "Art",
            "Qn",
            "BP",
            "2.76",
            "ACTIVE",
            "",
            "2",
            "BP up",
            'Upper "pressure"\nof blood',
            "",
        ],
        [
            "718-7",
            "Carrier",
            "MCnc",
            "Bld",
            "Qn",
            "HEM",
            "2.9",
            "ACTIVE",
            "Iron carrier",
            "1",
            "Crr",
            "Carrier in blood",
            "Carrier",
        ],
        ["1-8", "Old one", "Prid", "Ser", "Nom", "CHEM", "1.0", "DEPRECATED", "", "1", "Old", "An old one", ""],
    ]
    answers = [
        ["AnswerListId", "AnswerListName", "AnswerStringId", "DisplayText"],
        ["LL1-9", "Yes or no", "LA33-6", "Yes"],
        ["LL1-9", "Yes or no", "LA32-8", "No"],
        ["LL2-7", "Yes alone", "LA33-6", "Yes"],
    ]
    hierarchy = [
        ["PATH_TO_ROOT", "SEQUENCE", "IMMEDIATE_PARENT", "CODE", "CODE_TEXT"],
        ["", "1", "", "LP1-1", "Everything"],
        ["LP1-1", "1", "LP1-1", "LP2-9", "Of blood"],
        ["LP1-1.LP2-9", "1", "LP2-9", "718-7", "Carrier in blood"],
        ["LP1-1", "2", "LP1-1", "8480-6", "Upper pressure"],
    ]
    variant = [["LOINC_NUM", "LONG_COMMON_NAME"], ["718-7", "혈액 운반체"]]
    return {
        "Release/LoincTable/Loinc.csv": "\ufeff" + table([heads, *rows]),
        "Release/AccessoryFiles/AnswerFile/AnswerList.csv": table(answers),
        "Release/AccessoryFiles/ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv": table(hierarchy),
        "Release/AccessoryFiles/LinguisticVariants/koKR22LinguisticVariant.csv": table(variant),
        "Release/LoincTableCore/LoincTableCore.csv": table([["LOINC_NUM"], ["999999-9"]]),
    }


def snomed() -> Files:
    """Everything ⊃ disease ⊃ heart ⊃ twinge, one retired, one of an extension; names in English and Korean; one reference set."""
    time = "20240101"
    active = [
        (ROOT, PRIMITIVE),
        (DISEASE, PRIMITIVE),
        (HEART, DEFINED),
        (TWINGE, PRIMITIVE),
        (OWN, PRIMITIVE),
        (REFSET, PRIMITIVE),
    ]
    concepts = [
        ["id", "effectiveTime", "active", "moduleId", "definitionStatusId"],
        *([code, time, "1", MODULE, status] for code, status in active),
        [RETIRED, "20200731", "0", MODULE, PRIMITIVE],
    ]
    links = [(DISEASE, ROOT), (HEART, DISEASE), (TWINGE, HEART), (OWN, DISEASE), (REFSET, ROOT)]
    related = [
        [
            "id",
            "effectiveTime",
            "active",
            "moduleId",
            "sourceId",
            "destinationId",
            "relationshipGroup",
            "typeId",
            "characteristicTypeId",
            "modifierId",
        ],
        *([str(n), time, "1", MODULE, child, parent, "0", IS_A, "0", "0"] for n, (child, parent) in enumerate(links)),
        ["7", time, "0", MODULE, TWINGE, ROOT, "0", IS_A, "0", "0"],
        ["8", time, "1", MODULE, TWINGE, OWN, "0", "363698007", "0", "0"],
    ]
    described = [
        [
            "id",
            "effectiveTime",
            "active",
            "moduleId",
            "conceptId",
            "languageCode",
            "typeId",
            "term",
            "caseSignificanceId",
        ],
        ["11", time, "1", MODULE, HEART, "en", FULL, "Heart trouble (disorder)", "0"],
        ["12", time, "1", MODULE, HEART, "en", SYNONYM, "Trouble of the heart", "0"],
        ["13", time, "1", MODULE, HEART, "en", SYNONYM, "Heart trouble", "0"],
        ["14", time, "0", MODULE, HEART, "en", SYNONYM, "Heart ache", "0"],
        ["16", time, "1", MODULE, RETIRED, "en", FULL, "Retired (disorder)", "0"],
    ]
    korean = [described[0], ["15", time, "1", MODULE, HEART, "ko", SYNONYM, "심장병", "0"]]
    language = [
        ["id", "effectiveTime", "active", "moduleId", "refsetId", "referencedComponentId", "acceptabilityId"],
        ["a", time, "1", MODULE, GB, "12", PREFERRED],
        ["b", time, "1", MODULE, US, "12", ACCEPTABLE],
        ["c", time, "1", MODULE, US, "13", PREFERRED],
        ["d", time, "1", MODULE, GB, "13", ACCEPTABLE],
        ["e", time, "0", MODULE, US, "12", PREFERRED],
    ]
    simple = [
        ["id", "effectiveTime", "active", "moduleId", "refsetId", "referencedComponentId"],
        ["x", time, "1", MODULE, REFSET, TWINGE],
        ["y", time, "0", MODULE, REFSET, HEART],
    ]
    top = "Release/Snapshot"
    return {
        f"{top}/Terminology/sct2_Concept_Snapshot_INT_{time}.txt": table(concepts, tabs=True),
        f"{top}/Terminology/sct2_Relationship_Snapshot_INT_{time}.txt": table(related, tabs=True),
        f"{top}/Terminology/sct2_Description_Snapshot-en_INT_{time}.txt": table(described, tabs=True),
        f"{top}/Terminology/sct2_Description_Snapshot-ko_KR_{time}.txt": table(korean, tabs=True),
        f"{top}/Refset/Language/der2_cRefset_LanguageSnapshot-en_INT_{time}.txt": table(language, tabs=True),
        f"{top}/Refset/Content/der2_Refset_SimpleSnapshot_INT_{time}.txt": table(simple, tabs=True),
        "Release/Full/Terminology/sct2_Concept_Full_INT_20240101.txt": "not read",
        "Release/Readme.txt": "not read",
    }


def folder(root: Path, files: Files) -> Path:
    """The files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def zipped(path: Path, files: Files) -> Path:
    """The files in a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
    return path
