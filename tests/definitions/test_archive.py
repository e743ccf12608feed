"""Archives are read within limits, and nothing in them reaches outside."""

import gzip
import io
import tarfile

import pytest

from gateway.definitions import archive
from gateway.definitions.archive import members
from gateway.errors import Malformed, TooLarge, Unsupported


def packed(*entries: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            tar.addfile(info, io.BytesIO(entry[1]))
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["../x.json", "package/../../x.json", "/package/x.json", "package\\..\\x.json"])
def test_names_that_leave_the_package_are_refused(name):
    with pytest.raises(Malformed):
        list(members(packed((name, b"{}"))))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(kind):
    info = tarfile.TarInfo("package/x.json")
    info.type, info.linkname = kind, "/etc/hostname"
    with pytest.raises(Unsupported):
        list(members(packed(info)))


def test_a_size_over_the_limit_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBER", 10)
    with pytest.raises(TooLarge):
        list(members(packed(("package/x.json", b"{}" + b" " * 20))))


def test_the_sum_of_sizes_is_limited(monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL", 3)
    with pytest.raises(TooLarge):
        list(members(packed(("package/x.json", b"{}"), ("package/y.json", b"{}"))))


@pytest.mark.parametrize(
    "body",
    [b"", b"no archive", gzip.compress(b"no tar inside this"), packed(("package/x.json", b"{}"))[:-20]],
    ids=["empty", "plain", "no tar inside", "cut short"],
)
def test_broken_archives_are_malformed(body):
    with pytest.raises(Malformed):
        list(members(body))


def test_only_json_directly_in_the_package_is_read():
    body = packed(
        ("package/a.json", b"1"), ("package/example/b.json", b"2"), ("package/c.txt", b"3"), ("other/d.json", b"4")
    )
    assert list(members(body)) == [("a.json", b"1")]
