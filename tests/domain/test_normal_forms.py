"""Layer: tests. The one writing of addresses and domains."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.state.addresses import normal_address, normal_domain, normal_email


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("A.Example.", "a.example"),
        ("a.example..", "a.example"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("XN--BCHER-KVA.Example", "bücher.example"),
        ("www.xn--mller-kva.xn--bcher-kva.example", "www.müller.bücher.example"),
        ("ｂü\uff43her\uff0eexample", "bücher.example"),
        ("xn--strae-oqa.example", "straße.example"),  # Another domain than strasse.example.
        ("STRAẞE.example", "straße.example"),
        ("ΣΑΣ.example", "σασ.example"),  # noqa: RUF001  each letter by itself
        ("xn--.example", "xn--.example"),  # What encodes nothing stays as it is.
        ("xn--abc-.example", "xn--abc-.example"),
        ("xn--99999999.example", "xn--99999999.example"),
        ("xn--BCHER-kva\u00fc.example", "xn--bcher-kvaü.example"),
        ("xn--" + "a" * 1_000 + "-kva", "xn--" + "a" * 1_000 + "-kva"),
        ("\ufeff \u200ba.example\u2060\ufeff ", "a.example"),
    ],
)
def test_h33_a_domain_has_one_writing(written: str, stored: str) -> None:
    assert normal_domain(written) == stored
    assert normal_email(f"Ann@{written}") == f"ann@{stored}"


@pytest.mark.parametrize("written", ["straße.example", "strasse.example", "σας.example", "σασ.example"])  # noqa: RUF001
def test_h33_letters_that_are_not_the_same_make_domains_that_are_not(written: str) -> None:
    assert normal_domain(written) == written


@pytest.mark.parametrize("nothing", ["", " ", ".", "\u3002", "\ufeff", "\u200b . "])
def test_h33_what_has_no_letter_is_no_domain_and_no_part_of_an_address(nothing: str) -> None:
    with pytest.raises(ValueError, match="expected a domain"):
        normal_domain(nothing)
    with pytest.raises(ValueError, match="expected an address"):
        normal_email(f"ann@{nothing}")


def test_what_is_suppressed_need_not_be_an_address() -> None:
    assert normal_address(" +32 470 \ufeff") == "+32 470"
    assert normal_address("Jose\u0301@X.example.") == "josé@x.example"


@given(st.text(max_size=20), st.text(max_size=20))
def test_h38_what_is_stored_is_its_own_writing(local: str, host: str) -> None:
    for read, text in ((normal_email, f"{local}@{host}"), (normal_domain, host), (normal_domain, f"xn--{host}")):
        try:
            stored = read(text)
        except ValueError:
            continue
        assert read(stored) == stored
        assert read(unicodedata.normalize("NFD", text)) == stored


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_h33_an_encoded_label_and_what_it_says_are_one_domain_or_it_stays_encoded(label: str) -> None:
    encoded = f"xn--{label.encode('punycode').decode('ascii')}.example"
    stored = normal_domain(encoded)
    stored.encode()  # No half characters.
    assert stored in {normal_domain(encoded.lower()), normal_domain(f"{label}.example")}
