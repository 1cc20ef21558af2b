"""What cannot be right about userinfo endpoints is found when they are configured."""

import pytest

from kmvalidate import ConfigurationError, Network, UserInfo
from tests.test_userinfo import ENDPOINT, OTHER

CONFIGURATIONS = {
    "no endpoints": {"endpoints": {}},
    "no mapping": {"endpoints": [("Test", ENDPOINT)]},
    "http": {"endpoints": {"Test": "http://idp.example/userinfo"}},
    "no URL": {"endpoints": {"Test": None}},
    "user in URL": {"endpoints": {"Test": "https://a:b@idp.example/userinfo"}},
    "no name": {"endpoints": {"": ENDPOINT}},
    "no key manager": {"endpoints": {None: ENDPOINT}},
    "no name there": {"endpoints": {("acme", ""): ENDPOINT}},
    "no organization": {"endpoints": {("", "Test"): ENDPOINT}},
    "organization alone": {"endpoints": {("acme",): ENDPOINT}},
    "three": {"endpoints": {("acme", "Test", "x"): ENDPOINT}},
    "bytes": {"endpoints": {b"ab": ENDPOINT}},
    "twice": {"endpoints": {"Test": ENDPOINT, (None, "Test"): OTHER}},
    "no claims": {"claims": []},
    "empty claim": {"claims": [""]},
    "claims are a mapping": {"claims": {"email": True}},
    "claims are bytes": {"claims": b"email"},
    "registered claim": {"claims": ["email", "sub"]},
    "required": {"required": 1},
    "ttl": {"ttl_s": -1},
    "remember": {"remember": 1},
    "deadline": {"deadline_s": 0},
    "deadline is text": {"deadline_s": "5"},
    "cap": {"max_bytes": 0},
    "network": {"network": {}},
}


@pytest.mark.parametrize("arguments", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_what_cannot_be_right_is_no_configuration(arguments):
    """Whatever is of the wrong type, empty, ambiguous or no URL that would be asked is found when it is made."""
    with pytest.raises(ConfigurationError):
        UserInfo(**{"endpoints": {"Test": ENDPOINT}} | arguments)


def test_http_where_the_network_has_it():
    """An http URL is asked where the network waives https."""
    UserInfo({"Test": "http://idp.example/userinfo"}, network=Network(insecure_http=True))
