"""The translators' round: update, status, export, programs nobody here wrote, import."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.servers import judges
from tests.workshop import Workshop, rows

import severally

NOTICE = "notices/index-change"
SAMPLE = Path(severally.__file__).parent / "app" / "sample" / NOTICE
SENTENCE = "Funding is still exchanged every eight hours."
CHANGED = "Funding is still exchanged every eight hours, without a break."
DECLARED = (SAMPLE / "notice.toml").read_text("utf-8").partition("\nlocales = [")[2]
LOCALES = tuple(re.findall(r'"([\w-]+)"', DECLARED.partition("]")[0]))[1:]
PLURAL = """\
You have {n, plural, one {**# order**} other {**# orders**}} at **{{ account }}**, see
[your orders](https://exchange.example/orders). {#orders}

![A chart of the index](https://exchange.example/chart.png) {#chart}

| Name | Value |
|---|---|
| Index | {{ account }} |

"""
GERMAN = (
    "Sie haben {n, plural, one {**# Auftrag**} other {**# Aufträge**}} bei **{{ account }}**, "
    "siehe [Ihre Aufträge](https://exchange.example/orders)."
)
ORDERS = (
    "You have {n, plural, one {**# order**} other {**# orders**}} at **{{ account }}**, "
    "see [your orders](https://exchange.example/orders)."
)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "shop")


def rich(shop: Workshop) -> None:
    """Something of everything: a plural, a picture, a table without ids, a comment."""
    shop.edit(f"{NOTICE}/body.md", "## What you can do", PLURAL + "## What you can do")
    shop.edit(f"{NOTICE}/notice.toml", "[variables.account]", NUMBER + "[variables.account]")
    shop.edit(f"{NOTICE}/body.md", SENTENCE, CHANGED)
    assert shop.run("translate", "update", "index-change").code == 0


NUMBER = '[variables.n]\ntype = "integer"\n\n'


def line_of(shop: Workshop, locale: str) -> dict[str, object]:
    said = shop.run("translate", "status", "index-change", "--json").said
    return next(line for line in said["catalogues"] if line["locale"] == locale)


def catalogues(shop: Workshop) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (shop.root / NOTICE / "locales").iterdir()}


def test_one_changed_sentence_is_one_stale_segment_in_each_locale(shop: Workshop) -> None:
    shop.edit(f"{NOTICE}/body.md", SENTENCE, CHANGED)
    for updated in (False, True):
        if updated:
            assert shop.run("translate", "update", "index-change").code == 0
        for locale in LOCALES:
            line = line_of(shop, locale)
            assert (line["translated"], line["stale"], line["missing"]) == (16, 1, 0)
            assert line["words"] == len(CHANGED.split())
        said = shop.run("translate", "status", "index-change").out
        assert "ja: 1 stale, 10 words left" in said
        checked = shop.run("check", "index-change", "--json").said
        assert not checked["sound"]
        assert [(f["locale"], f["segment"]) for f in checked["findings"]] == [
            (locale, "funding") for locale in LOCALES
        ]
        assert shop.send(shop.customers(rows(3))).code == 3
    german = (shop.root / NOTICE / "locales" / "de.po").read_text("utf-8")
    assert f'#| msgid "{SENTENCE}"' in german


def test_an_update_is_stable_and_a_moved_block_keeps_its_translation(shop: Workshop) -> None:
    assert shop.run("translate", "update", "index-change").code == 0
    before = catalogues(shop)
    assert shop.run("translate", "update", "index-change", "--json").said["written"] == []
    assert catalogues(shop) == before
    body = shop.root / NOTICE / "body.md"
    first, rest = body.read_text("utf-8").split("\n\n", 1)
    body.write_text(f"{rest.rstrip()}\n\n{first}\n", "utf-8")
    assert line_of(shop, "ru")["translated"] == 17


def test_blocks_get_ids_once_and_keep_what_was_translated(shop: Workshop) -> None:
    body = shop.root / NOTICE / "body.md"
    shop.edit(f"{NOTICE}/body.md", " {#why}", "")
    nameless = shop.run("translate", "export", "index-change", "--out", shop.root / "out")
    assert nameless.code == 3
    assert "a block without an id" in nameless.everything
    said = shop.run("translate", "update", "index-change", "--json").said
    assert said["named"] == 1
    assert "account with us. {#you-receive-this-message}" in body.read_text("utf-8")
    assert line_of(shop, "de")["missing"] == 1
    assert line_of(shop, "de")["offered"] == 1  # it is still in the memory, word for word
    shop.edit(f"{NOTICE}/locales/de.po", "#, fuzzy\n", "")
    assert line_of(shop, "de")["missing"] == 0


def test_the_memory_offers_and_never_counts(shop: Workshop) -> None:
    other = second(shop)
    said = shop.run("translate", "status", "second", "--json").said
    for line in said["catalogues"]:
        assert (line["translated"], line["missing"], line["offered"]) == (0, 17, 17)
    german = (other / "locales" / "de.po").read_text("utf-8")
    assert "#. memory: the same text in index-change, segment 'heading'" in german
    assert "% the same in index-change, segment 'funding'" in german
    assert shop.run("check", "second").code == 3


def second(shop: Workshop) -> Path:
    """A notice nearly the same, whose catalogues hold nothing but the memory's offers."""
    other = shop.root / "notices" / "second"
    shutil.copytree(shop.root / NOTICE, other)
    shutil.rmtree(other / "locales")
    text = (other / "body.md").read_text("utf-8")
    (other / "body.md").write_text(text.replace("every eight hours", "every nine hours"), "utf-8")
    assert shop.run("translate", "update", "second").code == 0
    return other


def test_work_on_an_offer_is_kept_and_an_offer_left_alone_stays_one(
    shop: Workshop, tmp_path: Path
) -> None:
    german = second(shop) / "locales" / "de.po"
    out = ("translate", "export", "second", "--locale", "de", "--out", tmp_path)
    assert shop.run(*out).code == 0
    file = tmp_path / "second.de.po"
    half = "alle acht Stunden, noch zu prüfen"
    file.write_text(file.read_text("utf-8").replace("alle acht Stunden", half), "utf-8")
    taken = shop.run("translate", "import", "second", file, "--json")
    assert taken.code == 0, taken.everything
    (line,) = [each for each in taken.said["catalogues"] if each["locale"] == "de"]
    assert (line["stale"], line["missing"], line["offered"]) == (1, 16, 16)
    assert half in german.read_text("utf-8")
    german.write_text(german.read_text("utf-8").replace("Was sich ändert", "Was neu ist"), "utf-8")
    assert shop.run("translate", "update", "second").code == 0
    assert half in german.read_text("utf-8")
    assert "Was neu ist" in german.read_text("utf-8")
    said = shop.run("check", "second").out
    assert "segment 'what': the translation is missing: what stands there is the memory's" in said


def test_a_file_of_another_notice_is_refused_in_one_line(shop: Workshop, tmp_path: Path) -> None:
    other = shop.root / "notices" / "fees"
    other.mkdir()
    toml = (shop.root / NOTICE / "notice.toml").read_text("utf-8")
    toml = re.sub(r"(?m)^preheader.*|Our price index", "", toml)
    (other / "notice.toml").write_text(toml, "utf-8")
    (other / "body.md").write_text("Our fees change. {#heading}\n", "utf-8")
    assert shop.run("translate", "export", "index-change", "--out", tmp_path).code == 0
    refused = shop.run("translate", "import", "fees", tmp_path / "index-change.de.po", "--json")
    assert refused.code == 3
    (finding,) = refused.said["findings"]
    assert finding["where"] == "index-change.de.po:1"
    assert "it calls itself 'Severally sample'" in finding["problem"]


@pytest.mark.server("gettext")
def test_msgfmt_is_content_with_every_catalogue_and_export(shop: Workshop) -> None:
    rich(shop)
    out = shop.root / "out"
    assert shop.run("translate", "export", "index-change", "--out", out).code == 0
    files = [*(shop.root / NOTICE / "locales").glob("*.po"), *out.glob("*.po")]
    assert len(files) == 2 * len(LOCALES)
    assert {file.name: judges.msgfmt(file) for file in files} == {f.name: "" for f in files}


@pytest.mark.server("schemas")
@pytest.mark.parametrize("version", ["1.2", "2.0"])
def test_xliff_is_valid_by_the_schema_of_oasis(shop: Workshop, version: str) -> None:
    rich(shop)
    out = shop.root / "out"
    format = ("--format", f"xliff{version}")
    assert shop.run("translate", "export", "index-change", *format, "--out", out).code == 0
    for file in sorted(out.iterdir()):
        assert judges.schema_errors(file, version) == [], file.name
    broken = next(out.glob("*.de.xlf"))
    broken.write_text(broken.read_text("utf-8").replace("<source>", "<sauce>", 1))
    broken.write_text(broken.read_text("utf-8").replace("</source>", "</sauce>", 1))
    assert judges.schema_errors(broken, version)


@pytest.mark.server("gettext")
def test_po_through_gettexts_own_programs_loses_nothing(shop: Workshop, tmp_path: Path) -> None:
    rich(shop)
    out = tmp_path / "out"
    assert shop.run("translate", "export", "index-change", "--out", out).code == 0
    file, sorted_, back = out / "index-change.de.po", tmp_path / "s.po", tmp_path / "back.de.po"
    judges.gettext("msgcat", "--sort-output", "--width=60", file, "-o", sorted_)
    judges.gettext("msgattrib", "--clear-fuzzy", "--translated", sorted_, "-o", back)
    before = catalogues(shop)
    taken = shop.run("translate", "import", "index-change", back, "--json")
    assert taken.code == 0, taken.everything
    assert {name for name, data in catalogues(shop).items() if data != before[name]} == {"de.po"}
    line = line_of(shop, "de")
    assert (line["stale"], line["translated"]) == (0, 17)
    again = tmp_path / "again"
    assert shop.run("translate", "export", "index-change", "--out", again).code == 0
    for name in LOCALES:
        if name != "de":
            file = f"index-change.{name}.po"
            assert (again / file).read_bytes() == (out / file).read_bytes()


@pytest.mark.server("toolkit")
@pytest.mark.parametrize("format", ["po", "xliff1.2", "xliff2.0"])
def test_files_edited_by_the_translate_toolkit_come_back_whole(
    shop: Workshop, tmp_path: Path, format: str
) -> None:
    rich(shop)
    out = tmp_path / "out"
    export = ("translate", "export", "index-change", "--locale", "de", "--format", format)
    assert shop.run(*export, "--out", out).code == 0
    (file,) = out.iterdir()
    before = line_of(shop, "de")
    texts = [("Name", "Name"), ("Value", "Wert"), (ORDERS, GERMAN)]
    if format == "xliff2.0":
        del texts[2]  # the toolkit does not show placeholders of 2.0 in a source
    judges.toolkit_edit(file, texts)
    taken = shop.run("translate", "import", "index-change", file, "--json")
    assert taken.code == 0, taken.everything
    assert taken.said["files"][0]["changed"] == len(texts)
    after = line_of(shop, "de")
    assert after["translated"] == before["translated"] + len(texts)  # type: ignore[operator]
    german = (shop.root / NOTICE / "locales" / "de.po").read_text("utf-8")
    assert all(f'msgstr "{text}"' in german for _, text in texts)


@pytest.mark.server("toolkit")
def test_pofilter_finds_our_exports_clean(shop: Workshop, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert shop.run("translate", "export", "index-change", "--out", out).code == 0
    tests = ("--test=variables", "--test=xmltags", "--test=escapes", "--test=numbers")
    errors = tmp_path / "errors"
    judges.toolkit("pofilter", "--nofuzzy", *tests, out, errors)
    found = subprocess.run(["grep", "-rc", "^msgctxt", errors], capture_output=True, text=True)
    assert found.stdout == ""


def test_an_import_that_does_not_fit_keeps_nothing(shop: Workshop, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for format in ("po", "xliff1.2", "xliff2.0"):
        export = ("translate", "export", "index-change", "--format", format, "--out", out / format)
        assert shop.run(*export).code == 0
    before = catalogues(shop)
    good = out / "xliff2.0" / "index-change.ja.xlf"
    bad = out / "po" / "index-change.de.po"
    text = bad.read_text("utf-8")
    text = text.replace("Guten Tag {{ first_name }}", "Guten Tag {{ first_nam }}")
    text = re.sub(r"mehr als 3\s?%", "mehr als 5 %", text)
    text = text.replace('msgctxt "todo"', 'msgctxt "toddo"')
    text = text.replace('msgid "What it means for you"', 'msgid "What it meant for you"')
    bad.write_text(text, "utf-8")
    good.write_text(
        good.read_text("utf-8").replace("価格指数の算出方法を変更します", "価格指数を変更します"),
        "utf-8",
    )
    refused = shop.run("translate", "import", "index-change", good, bad, "--json")
    assert refused.code == 3
    assert catalogues(shop) == before
    found = {f["segment"]: f for f in refused.said["findings"]}
    assert found.keys() == {"greeting", "outliers", "toddo", "meaning"}
    assert found["greeting"]["cure"] == "did you mean 'first_name'?"
    assert "'3', the translation '5'" in found["outliers"]["problem"]
    assert found["toddo"]["cure"] == "did you mean 'todo'?"
    assert "not today's" in found["meaning"]["problem"]
    lines = text.splitlines()
    for segment, finding in found.items():
        name, line = finding["where"].split(":")
        assert name == bad.name
        assert any(f'"{segment}"' in line for line in lines[int(line) - 2 : int(line)])
    assert shop.run("translate", "import", "index-change", good).code == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xlf", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "document t"),
        ("a.xlf", "<xliff", "not XML"),
        ("a.xlf", "<html/>", "neither XLIFF 1.2 nor XLIFF 2.0"),
        ("a.po", "hello world\n", "not a line of a PO file"),
        ("a.txt", "", "neither .po, .xlf nor .xliff"),
        ("a.po", 'msgid ""\nmsgstr "Language: sv\\n"\n\nmsgid "x"\nmsgstr "y"\n', "'sv', which"),
    ],
)
def test_a_file_that_is_none_is_refused(
    shop: Workshop, tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    before = catalogues(shop)
    refused = shop.run("translate", "import", "index-change", tmp_path / name)
    assert refused.code == 3, refused.everything
    assert said in refused.everything
    assert "root:" not in refused.everything
    assert "Traceback" not in refused.everything
    assert catalogues(shop) == before
