"""A mail address: one mailbox, checked.

Plain ASCII addresses take a short way; everything else goes through email-validator, and
through the checks it lacks (65-octet local parts, look-alike domains).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_PLAIN = re.compile(
    r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@"
    r"((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}|localhost)"
)
_LOCAL_OCTETS = 64  # RFC 5321 4.5.3.1.1
_WHOLE_OCTETS = 254  # RFC 3696 erratum 1690
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_GOOGLE = frozenset({"gmail.com", "googlemail.com", "gmail.example", "googlemail.example"})


class AddressError(ValueError):
    """Why a text is not one mail address. Never holds the text."""


@dataclass(frozen=True, slots=True)
class Address:
    """`local` as written, `domain` as a lower-case A-label."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def folded(self) -> str:
        """The same for addresses that differ in case only."""
        return f"{self.local.casefold()}@{self.domain}"

    @property
    def loose(self) -> str:
        """The same for addresses that a provider's own rules hold to be one mailbox: what
        follows a plus sign, and at Google dots."""
        local, domain = self.local.casefold().split("+", 1)[0], self.domain
        if domain in _GOOGLE:
            local = local.replace(".", "")
            domain = domain.replace("googlemail", "gmail")
        return f"{local}@{domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether its mail needs RFC 6531."""
        return not self.local.isascii()


def parse_address(text: str) -> Address:
    """Exactly one mailbox without a display name. Raises AddressError with the reason."""
    match = _PLAIN.fullmatch(text)
    if match is not None and len(match[1]) <= _LOCAL_OCTETS and len(text) <= _WHOLE_OCTETS:
        domain = match[2].lower()
        if "xn--" not in domain:
            return Address(match[1], domain)
    _refuse_oddities(text)
    return _validated(text)


def _refuse_oddities(text: str) -> None:
    if not text:
        raise AddressError("no address")
    if any(ord(c) < 32 or c in "\x7f\x85\u2028\u2029" for c in text):
        raise AddressError("a control character or line break in the address")
    if _HIDDEN.search(text):
        raise AddressError("an invisible character in the address")
    if "\uff20" in text or "\ufe6b" in text:
        raise AddressError("a look-alike of '@' in the address")
    if text != text.strip():
        raise AddressError("white space around the address")
    if any(c in text for c in "<>"):
        raise AddressError("angle brackets: give the address alone, without a name")
    if any(c in text for c in ",;"):
        raise AddressError("more than one address, or a separator in it")
    if ":" in text:
        raise AddressError("a group or a scheme, not one address")
    if text.count("@") != 1:
        raise AddressError("not exactly one '@'")
    if '"' in text or "(" in text:
        raise AddressError("a quoted local part or a comment")
    if "[" in text:
        raise AddressError("an IP literal for a domain")
    if len(text.partition("@")[0].encode()) > _LOCAL_OCTETS:
        raise AddressError("a local part over 64 octets")


def _validated(text: str) -> Address:
    # imported here: most audiences never need it, and it is slow to import
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(
            text, check_deliverability=False, test_environment=True, allow_smtputf8=True
        )
    except EmailNotValidError as error:
        reason = str(error).splitlines()[0]
        # its text may quote a part of the address
        known = "the domain is not valid" if "@-sign" in reason and "after" in reason else ""
        raise AddressError(known or "not a valid address") from None
    domain = checked.ascii_domain.lower()
    _refuse_look_alikes(checked.domain, domain)
    address = Address(unicodedata.normalize("NFC", checked.local_part), domain)
    if len(str(address).encode()) > _WHOLE_OCTETS:
        raise AddressError("an address over 254 octets")
    return address


_CONFUSABLE = frozenset("асеорхуіјѕһԁԛԝӏѵ")
"""Cyrillic letters that look like Latin ones (Unicode TR 39, confusables)."""


def _refuse_look_alikes(unicode_domain: str, ascii_domain: str) -> None:
    for label in unicode_domain.split("."):
        scripts = {_script(c) for c in label if c.isalpha()}
        mixed = len(scripts & {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}) > 1
        posing = scripts == {"CYRILLIC"} and set(filter(str.isalpha, label)) <= _CONFUSABLE
        if mixed or posing:
            raise AddressError(f"a look-alike domain; it is really {ascii_domain}")


def _script(character: str) -> str:
    return unicodedata.name(character, "UNKNOWN").split(" ")[0]
