"""The inside of one block: text with emphasis, links and `{{ variables }}`, parsed once per locale.

Responsible for what may stand in a segment, and for it being only that: no expression, no
filter, no raw HTML, no unlisted link. A translation goes through the same gate as its source.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from severally.model.notice import ValueType, Variable
from severally.notice.naming import hosts_in, undeclared

_BRACES = re.compile(r"\{\{(.*?)\}\}|\{\{|\}\}|\{%.*?(?:%\}|$)|\{#.*?#\}", re.DOTALL)
_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*")
_HTML = re.compile(r"<[A-Za-z/!?][^>]*>?")
VALUE = "\ufffc"
"""Stands for a value in `Inline.words` (U+FFFC, object replacement)."""
_MARK = "zqslot{}zq"
_MARKED = re.compile(r"zqslot(\d+)zq")
_ADDRESS = re.compile(r"[^\s<>()\"',;:@]+@[^\s<>()\"',;:@]+")
_SENTENCE = ".!?。、，！？؟،…"
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_UNSEEN = re.compile("[\u200b\u2060\ufeff\u00ad\U000e0000-\U000e007f]")
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")
_STRAY = re.compile(r"\*\*|__|\]\(|`|(?<![\w*])\*(?=\S)")
_LONGEST = 20_000
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of tokens of one kind: `text` (words), `slot` (a variable), `open`/`close` of
    `strong`, `em`, `link`, or `code`, `break`, `image` (`value` is its text). `target` holds a
    link's or picture's target as marked text."""

    kind: str
    value: str = ""
    target: str = ""


@dataclass(slots=True)
class Inline:
    """A parsed text and everything wrong with it (problem, cure).

    `words` is what a person reads, each value as `\ufffc`.
    """

    spans: list[Span] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    addresses: set[str] = field(default_factory=set)
    words: str = ""
    problems: list[tuple[str, str]] = field(default_factory=list)


class InlineParser:
    """`variables` are those declared, `hosts` those listed."""

    def __init__(self, variables: dict[str, Variable], hosts: tuple[str, ...]) -> None:
        self._variables = variables
        self._hosts = hosts
        self._markdown = MarkdownIt("commonmark", {"html": False})
        self._markdown.disable("text_join")  # keeps `\\*`, which is meant, apart from a stray `*`
        self._markdown.validateLink = lambda url: True  # type: ignore[method-assign]

    def parse(self, text: str, kind: str = "paragraph") -> Inline:
        """`kind` is the block's (`model` of `source`), or `plain` for a subject or preheader,
        where nothing but words and variables may stand."""
        result = Inline()
        self._refuse_characters(text, result)
        marked = self._mark(text, result)
        if kind == "plain":
            _spans_of(marked, result)
            result.words = _MARKED.sub(VALUE, marked)
            return result
        if _HTML.search(marked):
            result.problems.append(("raw HTML", "write Markdown; a '<' alone is &lt;"))
        tokens = self._markdown.parseInline(marked)[0].children or []
        self._walk(tokens, kind, result)
        self._check_shape(kind, result)
        for match in _ADDRESS.finditer(marked):
            result.addresses.add(match[0].lower().strip(_SENTENCE))
        return result

    def _refuse_characters(self, text: str, result: Inline) -> None:
        if len(text) > _LONGEST:
            result.problems.append((f"more than {_LONGEST:,} characters", "split it into blocks"))
        if _CONTROL.search(text):
            result.problems.append(("a control character", "remove it"))
        if _BIDI.search(text):
            result.problems.append(
                ("an invisible character that turns the writing direction", "remove it")
            )
        if unseen := _UNSEEN.search(text):
            result.problems.append((f"the invisible character U+{ord(unseen[0]):04X}", "remove it"))
        if _PRIVATE_USE.search(text) or _MARKED.search(text):
            result.problems.append(("a private-use character or the word zqslot", "change it"))

    def _check_shape(self, kind: str, result: Inline) -> None:
        shape = [span for span in result.spans if span.kind != "text" or span.value.strip()]
        kinds = [(span.kind, span.value) for span in shape]
        if kind == "image" and [each for each, _ in kinds] != ["image"]:
            result.problems.append(
                ("more than the one picture", "write ![What it shows](https://…)")
            )
        elif kind == "button" and (
            ("open", "link") not in kinds[:1]
            or kinds[-1:] != [("close", "link")]
            or kinds.count(("open", "link")) != 1
        ):
            result.problems.append(("a button that is not one link", "write [Text](https://…)"))

    def _mark(self, text: str, result: Inline) -> str:
        """`{{ name }}` as a word that Markdown leaves alone; anything else in braces refused."""

        def mark(match: re.Match[str]) -> str:
            name = _NAME.fullmatch(match[1]) if match[1] is not None else None
            if name is None:
                result.problems.append(
                    (f"{_shown(match[0])} is not a variable", _only_names(match))
                )
                return ""
            if name[1] not in self._variables:
                result.problems.append(undeclared(name[1], self._variables))
                return ""
            result.variables.append(name[1])
            return _MARK.format(len(result.variables) - 1)

        return _BRACES.sub(mark, text)

    def _walk(self, tokens: list[Token], kind: str, result: Inline) -> None:
        link: tuple[str, list[str]] | None = None
        for token in tokens:
            match token.type:
                case "text":
                    _spans_of(token.content, result)
                    self._read_words(token.content, result)
                    if link is not None:
                        link[1].append(token.content)
                case "text_special":
                    result.spans.append(Span("text", token.content))
                    result.words += token.content
                    if link is not None:
                        link[1].append(token.content)
                case "softbreak":
                    result.spans.append(Span("text", "\n"))
                    result.words += "\n"
                case "hardbreak":
                    result.spans.append(Span("break"))
                    result.words += "\n"
                case "code_inline":
                    self._code(token.content, result)
                    if link is not None:
                        link[1].append(token.content)
                case "strong_open" | "em_open":
                    result.spans.append(Span("open", token.type.split("_")[0]))
                case "strong_close" | "em_close":
                    result.spans.append(Span("close", token.type.split("_")[0]))
                case "link_open":
                    target = str(token.attrs.get("href", ""))
                    link = (target, [])
                    result.targets.append(self._plain_target(target, result))
                    result.spans.append(Span("open", "link", target))
                    if token.attrs.get("title"):
                        result.problems.append(("a link with a title", "nobody sees it: remove it"))
                case "link_close":
                    if link is not None:
                        self._check_link(link[0], "".join(link[1]), result)
                    link = None
                    result.spans.append(Span("close", "link"))
                case "image" if kind == "image":
                    self._image(token, result)
                case "image":
                    result.problems.append(
                        ("a picture inside a text", "give it a paragraph of its own")
                    )
                case _:
                    result.problems.append((f"{token.type} is not allowed", "write plain text"))

    def _read_words(self, marked: str, result: Inline) -> None:
        """Markup that is left in the words was not understood, and would be read as it is."""
        stray = _STRAY.search(marked)
        if stray is not None:
            result.problems.append(
                (
                    f"broken markup: {_shown(stray[0])!r} would be shown as it stands",
                    "close it; ** must touch a word or a space, not punctuation; "
                    "a sign that is meant is written with a \\ before it",
                )
            )
        for host, named in hosts_in(_MARKED.sub(VALUE, marked)):
            if named and host not in self._hosts:
                result.problems.append(
                    (
                        f"the address of {host}, which link_hosts does not list",
                        "mail programs make a link of it: list the host or remove it",
                    )
                )
        result.words += _MARKED.sub(VALUE, marked)

    def _code(self, content: str, result: Inline) -> None:
        if _MARKED.search(content):
            result.problems.append(("a variable in `code`", "take the backquotes away"))
            return
        result.spans.append(Span("code", content))
        result.words += content

    def _image(self, token: Token, result: Inline) -> None:
        target = str(token.attrs.get("src", ""))
        result.targets.append(self._plain_target(target, result))
        words = token.content
        if not words.strip():
            result.problems.append(
                ("a picture without text", "say what it shows, for those who do not see it")
            )
        if urllib.parse.urlsplit(target).scheme == "mailto":
            result.problems.append(("a picture at a mail address", "write https://…"))
        self._check_link(target, "", result)
        result.spans.append(Span("image", words, target))
        result.words += _MARKED.sub(VALUE, words)

    def _plain_target(self, target: str, result: Inline) -> str:
        return _MARKED.sub(lambda m: "{{" + result.variables[int(m[1])] + "}}", target)

    def _check_link(self, target: str, text: str, result: Inline) -> None:
        whole = _MARKED.fullmatch(target)
        if whole is not None:
            name = result.variables[int(whole[1])]
            if self._variables[name].type is not ValueType.URL:
                result.problems.append(
                    (f"{name} is a whole link but not of type url", 'declare it with type = "url"')
                )
            return
        parts = urllib.parse.urlsplit(target)
        if parts.scheme == "mailto":
            if not parts.path or _MARKED.search(target) or parts.query:
                result.problems.append(("a mailto link that is not one plain address", ""))
            return
        host = (parts.hostname or "").lower()
        if parts.scheme not in ("https", "http") or not host or _MARKED.search(parts.netloc):
            result.problems.append(
                (
                    f"a link that is not https: {_shown(target)}",
                    "link to https://… on a listed host",
                )
            )
        elif "@" in urllib.parse.unquote(target):
            result.problems.append(("a link that holds an '@'", "link without user names"))
        elif host not in self._hosts:
            result.problems.append(
                (f"a link to {host}, which link_hosts does not list", "add it there or correct it")
            )
        else:
            self._check_text(host, text, result)

    def _check_text(self, host: str, text: str, result: Inline) -> None:
        for shown, _ in hosts_in(text):
            if shown != host:
                result.problems.append(
                    (
                        f"the link text shows {shown} but leads to {host}",
                        "show words, or the host it leads to",
                    )
                )


def _spans_of(marked: str, result: Inline) -> None:
    at = 0
    for match in _MARKED.finditer(marked):
        if match.start() > at:
            result.spans.append(Span("text", marked[at : match.start()]))
        result.spans.append(Span("slot", result.variables[int(match[1])]))
        at = match.end()
    if at < len(marked):
        result.spans.append(Span("text", marked[at:]))


def target_parts(target: str, variables: list[str]) -> list[tuple[str, bool]]:
    """A marked link target as (literal or variable name, is it a variable)."""
    parts: list[tuple[str, bool]] = []
    at = 0
    for match in _MARKED.finditer(target):
        if match.start() > at:
            parts.append((target[at : match.start()], False))
        parts.append((variables[int(match[1])], True))
        at = match.end()
    if at < len(target):
        parts.append((target[at:], False))
    return parts


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."


def _only_names(match: re.Match[str]) -> str:
    inside = match[1] or ""
    if "|" in inside:
        return "there are no filters: a value is formatted by its type and always escaped"
    if match[0].startswith("{%"):
        return "there are no statements: a notice is text and {{ variables }}"
    return "write {{ name }} with a declared name; there are no expressions"
