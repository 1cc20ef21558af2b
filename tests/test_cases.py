"""What checks and backend JWTs look at: a good token, a call, and what is known of both."""

import pytest

from kmvalidate.apis import ApiCall
from kmvalidate.cases import Case
from kmvalidate.subscriptions import NO_GRANT
from tests.chain.making import APP, MENU, api, called, case, grant
from tests.signing import NOW, validator, with_claims


def test_a_case_says_what_it_is_made_of():
    """A case has the token, the call and the time, and what follows from the call and the client."""
    call = api(organization="acme").call("GET", "/menu")
    made = case(call, grant(key_type="SANDBOX"))
    assert (made.api, made.resources, made.organization, made.now) == (call.api, (MENU,), "acme", NOW)
    assert (made.application, made.key_type, made.token.subject) == (APP, "SANDBOX", "alice")


def test_a_case_of_which_nothing_is_known():
    """Without an API, a client and an answer about the user there is none of them, and nothing is made up."""
    made = Case(validator().authenticate(with_claims()), ApiCall(), NOW)
    assert (made.api, made.organization, made.application, made.key_type) == (None, None, None, None)
    assert (made.grant, made.user_claims, len(made.resources)) == (NO_GRANT, None, 1)
    assert case(api().call("GET", "/nix")).resources == ()


def test_nobody_changes_a_case():
    """No member of a case can be put in place of another."""
    made = case()
    for name in ("token", "call", "now", "grant", "user_claims"):
        with pytest.raises(AttributeError):
            setattr(made, name, None)


def test_a_case_shows_no_token():
    """The repr of a case has neither the token's parts nor its claims."""
    bearer = with_claims(sub="alice-the-secret")
    made = Case(validator().authenticate(bearer), called(), NOW, grant(), {"email": "alice@secret.example"})
    shown = [repr(made), str(made), *(str(one) for one in made.__rich_repr__())]
    assert not [text for text in shown if "secret" in text or any(part in text for part in bearer.split("."))]
    assert repr(made).startswith("Case(token=VerifiedToken(key_manager='Test'")
