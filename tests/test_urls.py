"""Which URLs are fetched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.errors import ConfigurationError
from kmvalidate.urls import checked_url, origin

PLAIN = [
    "https://idp.example",
    "https://idp.example/",
    "https://idp.example/realms/acme/.well-known/openid-configuration",
    "https://idp.example:8443/keys?tenant=a%20b&v=1",
    "https://IDP.example/keys",
    "https://my_idp.example/keys",
    "https://wso2_is:9443/oauth2/jwks",
    "https://127.0.0.1/keys",
    "https://[2606:2800::1]/keys",
    "https://[::ffff:127.0.0.1]:8443/keys",
    "https://1.example/keys",
]

ODD = [
    None,
    b"https://idp.example",
    "",
    "idp.example",
    "//idp.example/keys",
    "https:/idp.example",
    "https:idp.example",
    "https://",
    "https:///keys",
    "http://idp.example/keys",
    "file:///etc/passwd",
    "data:application/json,{}",
    "ftp://idp.example/keys",
    "https://user@idp.example/keys",
    "https://user:pw@idp.example/keys",
    "https://@idp.example/keys",
    "https://idp.example/keys#fragment",
    "https://idp.example/keys#",
    "https://idp.example\\@evil.example/keys",
    "https://idp.example/ke ys",
    " https://idp.example/keys",
    "https://idp.example/keys\n",
    "https://idp.example/\tkeys",
    "https://idp.example/\x00",
    "https://idp.example/schlüssel",
    "https://\u0131dp.example/keys",
    "https://idp.example:99999/keys",
    "https://idp.example:-1/keys",
    "https://idp.example:x/keys",
    "https://idp.example:/keys",
    "https://idp..example/keys",
    "https://.example/keys",
    "https://idp.example./keys",
    "https://-idp.example/keys",
    "https://idp%2eexample/keys",
    "https://idp.example%00.evil.example/keys",
    "https://[::1/keys",
    "https://[fe80::1%25eth0]/keys",
    "https://[v1.a]/keys",
    "https://2130706433/keys",
    "https://0x7f000001/keys",
    "https://0177.0.0.1/keys",
    "https://127.1/keys",
    "https://0/keys",
    "https://" + "a" * 2050,
]


@pytest.mark.parametrize("url", PLAIN)
def test_a_plain_absolute_https_url_is_fetched(url):
    """A plain absolute https URL is taken apart and means what was written."""
    assert checked_url(url).geturl() == url


@pytest.mark.parametrize("url", ODD, ids=repr)
def test_an_odd_url_is_not_fetched(url):
    """Everything but a plain absolute https URL is refused, and not repeated in the message."""
    with pytest.raises(ConfigurationError) as refused:
        checked_url(url)
    assert not url or str(url) not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("idp.example/keys", "no scheme"),
        ("//idp.example/keys", "no scheme"),
        ("http://idp.example/keys", "http"),
        ("FTP://idp.example/keys", "ftp"),
        ("httpss://idp.example/keys", "httpss"),
    ],
)
def test_another_scheme_is_named(url, scheme):
    """Whoever wrote another scheme than https, or none, reads in the error which one it was."""
    with pytest.raises(ConfigurationError) as refused:
        checked_url(url)
    waived = "; Network(insecure_http=True) waives that" if scheme == "http" else ""
    assert str(refused.value) == f"a URL starts with https:// (this one: {scheme}){waived}"


def test_http_is_fetched_by_those_who_said_so():
    """An http URL is accepted with insecure_http, and no other scheme is."""
    assert checked_url("http://idp.example/keys", insecure_http=True).scheme == "http"
    with pytest.raises(ConfigurationError):
        checked_url("ftp://idp.example/keys", insecure_http=True)


def test_a_query_is_refused_where_none_belongs():
    """A URL with a query is refused when allow_query is false, and one without is not."""
    assert checked_url("https://idp.example/keys", allow_query=False).path == "/keys"
    with pytest.raises(ConfigurationError, match="query"):
        checked_url("https://idp.example/keys?a=b", allow_query=False)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://IDP.example/keys", ("idp.example", 443)),
        ("http://idp.example/keys", ("idp.example", 80)),
        ("https://idp.example:8443/keys", ("idp.example", 8443)),
        ("https://[::1]:8443/", ("::1", 8443)),
    ],
)
def test_the_origin_is_host_and_port(url, expected):
    """The origin has the host in lower case and the port, that of the scheme when none is written."""
    assert origin(checked_url(url, insecure_http=True)) == expected


@given(st.text(max_size=40), st.sampled_from(["", "https://", "https://idp.example/", "https://[", "https://a:"]))
def test_no_string_raises_anything_else(text, start):
    """Whatever the string is, it is taken apart or refused with ConfigurationError."""
    try:
        parts = checked_url(start + text)
    except ConfigurationError:
        return
    assert parts.scheme == "https"
    assert parts.hostname
