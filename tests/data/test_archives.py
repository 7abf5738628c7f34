import bz2
import errno
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path
from random import Random

import pytest

from pipeline.common import limits
from pipeline.common.errors import UserError
from pipeline.data import archives
from pipeline.data.archives import BrokenArchive, unpack, unpack_tar, unpack_zip, zip_member


def pack(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)


def test_a_tar_is_unpacked(tmp_path):
    pack(tmp_path / "a.tar.gz", {"train": b"x", "sub/dev": b"y"})
    assert [p.name for p in unpack_tar(tmp_path / "a.tar.gz", tmp_path / "in")] == ["dev", "train"]


@pytest.mark.parametrize(
    "members", [{"../escaped": b"x"}, {"/tmp/escaped-absolute/../../../escaped": b"x"}, {"link": "../../outside"}]
)
def test_a_tar_cannot_leave_its_folder(tmp_path, members):
    (tmp_path / "deep").mkdir()
    pack(tmp_path / "a.tar.gz", members)
    with pytest.raises(UserError, match=r"a.tar.gz: refused"):
        unpack_tar(tmp_path / "a.tar.gz", tmp_path / "deep" / "in")
    inside = tmp_path / "deep" / "in"
    assert {p for p in tmp_path.rglob("*") if inside not in (p, *p.parents)} == {
        tmp_path / "a.tar.gz",
        tmp_path / "deep",
    }
    assert not any(p.is_symlink() for p in inside.rglob("*"))


@pytest.mark.parametrize("keep", [0, 10, 60])
def test_a_broken_tar_is_refused(tmp_path, keep):
    pack(tmp_path / "a.tar.gz", {"train": os.urandom(5000)})
    (tmp_path / "a.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:keep])
    with pytest.raises(UserError, match=r"a.tar.gz: not a whole tar archive"):
        unpack_tar(tmp_path / "a.tar.gz", tmp_path / "in")


def test_a_member_of_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr("panx/qu.tar.gz", b"x")
        zipped.writestr("panx/../../es.tar.gz", b"y")
    assert zip_member(tmp_path / "a.zip", "qu.tar.gz", tmp_path / "out") == ["es.tar.gz", "qu.tar.gz"]
    assert (tmp_path / "out").read_bytes() == b"x"
    zip_member(tmp_path / "a.zip", "jv.tar.gz", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-30])
    with pytest.raises(UserError, match=r"a.zip: not a whole zip archive"):
        zip_member(tmp_path / "a.zip", "qu.tar.gz", tmp_path / "out2")


# ------------------------------------------------------------------------------------------------------------ zip archives


def pack_zip(path, members, method=zipfile.ZIP_DEFLATED):
    """Write a zip archive of `(name, content)`; names are kept as they are, however odd."""
    with zipfile.ZipFile(path, "w", method) as zipped:
        for name, content in members:
            info = zipfile.ZipInfo("x")
            info.filename = name
            zipped.writestr(info, content, method)
    return path


def inside(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("method", METHODS)
def test_a_zip_is_unpacked_into_an_emptied_folder(tmp_path, method):
    members = [("sub/", b""), ("sub/dev.tsv", b"y"), ("train.tsv", b"x" * 1000), ("ünï.tsv", b""), ("a..b/..c", b"z")]
    pack_zip(tmp_path / "a.zip", members, method)
    (tmp_path / "in" / "old").mkdir(parents=True)
    (tmp_path / "in" / "old" / "file").write_text("old")
    found = unpack_zip(tmp_path / "a.zip", tmp_path / "in")
    assert [p.relative_to(tmp_path / "in").as_posix() for p in found] == [
        "a..b/..c",
        "sub/dev.tsv",
        "train.tsv",
        "ünï.tsv",
    ]
    assert inside(tmp_path / "in") == {name: content for name, content in members if name != "sub/"}


def test_backslashes_part_folders(tmp_path):
    pack_zip(tmp_path / "a.zip", [("sub\\", b""), ("sub\\deep\\dev.tsv", b"y"), ("sub/../train.tsv", b"x")])
    unpack_zip(tmp_path / "a.zip", tmp_path / "in")
    assert inside(tmp_path / "in") == {"sub/deep/dev.tsv": b"y", "train.tsv": b"x"}


@pytest.mark.parametrize(
    "name",
    [
        *("../escaped", "../../escaped", "sub/../../escaped", "./../escaped", "/escaped", "//escaped", "..", "../"),
        *("..\\escaped", "sub\\..\\..\\escaped", "\\escaped", "..\\", "../in2/escaped", "../in-other"),
    ],
)
def test_a_zip_cannot_leave_its_folder(tmp_path, name):
    (tmp_path / "deep").mkdir()
    pack_zip(tmp_path / "a.zip", [("train", b"x"), (name, b"evil")])
    with pytest.raises(BrokenArchive, match=r"a.zip: refused: '.*' would be written outside its folder"):
        unpack_zip(tmp_path / "a.zip", tmp_path / "deep" / "in")
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")} == {
        "a.zip",
        "deep",
    }, "nothing of it stays"
    assert not Path("/escaped").exists()


def test_an_absolute_path_is_refused(tmp_path):
    target = tmp_path / "target"
    pack_zip(tmp_path / "a.zip", [(str(target), b"evil")])
    with pytest.raises(BrokenArchive, match=r"would be written outside"):
        unpack_zip(tmp_path / "a.zip", tmp_path / "in")
    assert not target.exists()


def test_a_link_in_a_zip_leads_nowhere(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr(info, "..")
        zipped.writestr("link2", "x")
    unpack_zip(tmp_path / "a.zip", tmp_path / "in")
    assert inside(tmp_path / "in") == {"link": b"..", "link2": b"x"} and not (tmp_path / "in" / "link").is_symlink()
    pack_zip(tmp_path / "b.zip", [("link", b".."), ("link/escaped", b"x")])
    with pytest.raises(BrokenArchive):
        unpack_zip(tmp_path / "b.zip", tmp_path / "in")


@pytest.mark.parametrize(
    "members",
    [
        [("a", b"x"), ("a/b", b"y")],  # a file where a folder must be
        [("a/b", b"y"), ("a", b"x")],
        [("", b"x")],
        [(".", b"x")],
        [("a/..", b"x")],
        [("n" * 300, b"x")],
    ],
)
def test_names_that_cannot_be_written_are_the_archives_fault(tmp_path, members):
    pack_zip(tmp_path / "a.zip", members)
    with pytest.raises(BrokenArchive, match=r"a.zip: "):
        unpack_zip(tmp_path / "a.zip", tmp_path / "in")


def test_a_full_disk_is_not(tmp_path, monkeypatch):
    def full(source, target, length):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    pack_zip(tmp_path / "a.zip", [("train", b"x")])
    monkeypatch.setattr(archives.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left on device"):
        unpack_zip(tmp_path / "a.zip", tmp_path / "in")


@pytest.mark.parametrize("method", METHODS)
def test_a_truncated_zip_is_refused_wherever_it_ends(tmp_path, method):
    pack_zip(tmp_path / "whole.zip", [("train", os.urandom(2000)), ("dev", b"y" * 2000)], method)
    whole = (tmp_path / "whole.zip").read_bytes()
    for keep in (0, 1, 10, 100, len(whole) // 2, len(whole) - 60, len(whole) - 1):
        (tmp_path / "a.zip").write_bytes(whole[:keep])
        with pytest.raises(BrokenArchive, match=r"a.zip: not a whole zip archive"):
            unpack_zip(tmp_path / "a.zip", tmp_path / "in")


@pytest.mark.parametrize("method", METHODS)
def test_spoilt_bytes_are_refused_or_harmless(tmp_path, method):
    """A byte changed: the archive is refused as broken or unpacks inside its folder, and nothing else happens."""
    content = bytes(range(40)) + b"tagged line\n" * 3
    pack_zip(tmp_path / "whole.zip", [("sub/train", content), ("ünï", b"x")], method)
    whole, refused, random = (tmp_path / "whole.zip").read_bytes(), 0, Random(0)
    places = range(0, len(whole), 2)
    (tmp_path / "deep").mkdir()
    for at in places:
        spoilt = bytearray(whole)
        spoilt[at] ^= random.randrange(1, 256)
        (tmp_path / "a.zip").write_bytes(spoilt)
        try:
            unpack_zip(tmp_path / "a.zip", tmp_path / "deep" / "in")
        except BrokenArchive:
            refused += 1
            assert not (tmp_path / "deep" / "in").exists(), at
        assert {p.name for p in tmp_path.iterdir()} <= {"a.zip", "whole.zip", "deep"}, at
        assert {p.name for p in (tmp_path / "deep").iterdir()} <= {"in"}, at
    assert refused > len(places) / 2


def test_an_encrypted_zip_says_so(tmp_path):
    pack_zip(tmp_path / "a.zip", [("train.tsv", b"x")])
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[6] |= 1  # the flag, in the member's own header and in the directory
    content[content.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(
        BrokenArchive, match=r"a.zip: 'train.tsv' is encrypted; unpack it yourself and use source folder"
    ):
        unpack_zip(tmp_path / "a.zip", tmp_path / "in")


def test_archives_are_told_by_their_content(tmp_path):
    pack_zip(tmp_path / "download", [("train", b"zipped")])
    pack(tmp_path / "strange.zip", {"train": b"tarred"})
    pack_zip(tmp_path / "DATA.ZIP", [])
    assert [p.read_bytes() for p in unpack(tmp_path / "download", tmp_path / "in")] == [b"zipped"]
    assert [p.read_bytes() for p in unpack(tmp_path / "strange.zip", tmp_path / "in")] == [b"tarred"]
    assert unpack(tmp_path / "DATA.ZIP", tmp_path / "in") == []
    (tmp_path / "page.zip").write_text("<html>")
    with pytest.raises(BrokenArchive, match=r"page.zip: not a whole zip archive"):
        unpack(tmp_path / "page.zip", tmp_path / "in")
    (tmp_path / "page").write_text("<html>")
    with pytest.raises(BrokenArchive, match=r"page: not a whole tar archive"):
        unpack(tmp_path / "page", tmp_path / "in")


# ------------------------------------------------------------------------------------------------ damage, links, devices, size


def tarred(members):
    """The bytes of a plain tar of `TarInfo`s with their content."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return held.getvalue()


def of_kind(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("packing", PACKERS)
def test_a_damaged_tar_is_refused_wherever_the_damage_is(tmp_path, packing):
    whole = PACKERS[packing](tarred([(tarfile.TarInfo("train"), Random(0).randbytes(3000))]))
    archive = tmp_path / f"a.tar.{packing}"
    archive.write_bytes(whole)
    assert [path.name for path in unpack_tar(archive, tmp_path / "in")] == ["train"]
    for at in (*range(12, len(whole) - 8, 97), len(whole) - 6):
        spoilt = bytearray(whole)
        spoilt[at] ^= 16
        archive.write_bytes(spoilt)
        with pytest.raises(BrokenArchive, match=rf"a.tar.{packing}: "):
            unpack_tar(archive, tmp_path / "in")
        assert not (tmp_path / "in").exists(), at


def test_the_checksum_of_a_gzip_file_is_read(tmp_path):
    whole = bytearray(gzip.compress(tarred([(tarfile.TarInfo("train"), b"x" * 100)])))
    whole[-8] ^= 1  # the checksum itself: every member is as it was
    (tmp_path / "a.tar.gz").write_bytes(whole)
    with pytest.raises(BrokenArchive, match=r"a.tar.gz: not a whole tar archive .damaged.*CRC"):
        unpack_tar(tmp_path / "a.tar.gz", tmp_path / "in")


def test_a_hard_link_leads_to_a_member_or_is_refused(tmp_path):
    there = [(tarfile.TarInfo("train"), b"x"), (of_kind("dev", tarfile.LNKTYPE, "train"), b"")]
    (tmp_path / "a.tar").write_bytes(tarred(there))
    assert [path.read_bytes() for path in unpack_tar(tmp_path / "a.tar", tmp_path / "in")] == [b"x", b"x"]
    (tmp_path / "a.tar").write_bytes(tarred(there[1:]))
    with pytest.raises(BrokenArchive, match=r"a.tar: refused: a link to a member that it does not hold: .*train"):
        unpack_tar(tmp_path / "a.tar", tmp_path / "in")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(tmp_path, kind):
    (tmp_path / "a.tar").write_bytes(tarred([(of_kind("dev/null", kind), b"")]))
    with pytest.raises(BrokenArchive, match=r"a.tar: refused: .*special file"):
        unpack_tar(tmp_path / "a.tar", tmp_path / "in")


@pytest.mark.parametrize("packing", PACKERS)
def test_a_tar_of_far_more_than_it_is_packed_into_is_refused_early(tmp_path, packing, monkeypatch):
    monkeypatch.setattr(limits, "FREE", 1 << 16)
    (tmp_path / "a.tar").write_bytes(PACKERS[packing](tarred([(tarfile.TarInfo("zeros"), bytes(1 << 22))])))
    with pytest.raises(
        BrokenArchive, match=r"a.tar: refused: [\d,]+ bytes unpack to more than [\d,]+ .the limits: 64 GiB"
    ):
        unpack_tar(tmp_path / "a.tar", tmp_path / "in")
    assert not (tmp_path / "in").exists()


def test_zeros_behind_the_last_member_are_bounded_too(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FREE", 1 << 16)
    (tmp_path / "a.tar").write_bytes(gzip.compress(tarred([(tarfile.TarInfo("a"), b"x")]) + bytes(1 << 23)))
    with pytest.raises(BrokenArchive, match=r"refused: .* unpack to more than"):
        unpack_tar(tmp_path / "a.tar", tmp_path / "in")


def test_a_zip_of_far_more_than_it_is_packed_into_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FREE", 1 << 16)
    pack_zip(tmp_path / "a.zip", [("zeros", bytes(1 << 22))])
    for call in (
        lambda: unpack_zip(tmp_path / "a.zip", tmp_path / "in"),
        lambda: zip_member(tmp_path / "a.zip", "zeros", tmp_path / "out"),
    ):
        with pytest.raises(BrokenArchive, match=r"a.zip: refused: [\d,]+ bytes unpack to more than"):
            call()
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip"}


def test_an_archive_of_too_many_members_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MEMBERS", 3)
    names = [str(number) for number in range(4)]
    (tmp_path / "a.tar").write_bytes(tarred([(tarfile.TarInfo(name), b"") for name in names]))
    pack_zip(tmp_path / "a.zip", [(name, b"") for name in names])
    for archive in ("a.tar", "a.zip"):
        with pytest.raises(BrokenArchive, match="refused: more than 3 files and folders"):
            unpack(tmp_path / archive, tmp_path / "in")
    assert {path.name for path in tmp_path.iterdir()} == {"a.tar", "a.zip"}


def test_a_member_that_is_damaged_is_not_copied(tmp_path):
    pack_zip(tmp_path / "a.zip", [("qu.tar.gz", b"unpacked bytes")], zipfile.ZIP_STORED)
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[content.index(b"unpacked")] ^= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(BrokenArchive, match="Bad CRC-32"):
        zip_member(tmp_path / "a.zip", "qu.tar.gz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_long_name_makes_no_long_message(tmp_path):
    pack_zip(tmp_path / "a.zip", [("../" + "n" * 60_000, b"x")])
    (tmp_path / "a.tar").write_bytes(tarred([(tarfile.TarInfo("../" + "n" * 60_000), b"x")]))
    for archive in ("a.tar", "a.zip"):
        with pytest.raises(BrokenArchive, match="refused") as refused:
            unpack(tmp_path / archive, tmp_path / "in")
        assert len(str(refused.value)) < 1000
