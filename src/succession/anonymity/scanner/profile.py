"""Which words of a profile must never stand in a published text?"""

from __future__ import annotations

from collections.abc import Iterable

from succession.anonymity.scanner.findings import Own
from succession.listings.profile import Business, Identity, PersonName, Profile


def own_of(identity: Identity | None, business: Business | None) -> Own:
    """What identity and business say of the company; drafts may lack anything."""
    identity, business = identity or Identity(), business or Business()
    people = [person for person in (identity.representative, *(identity.family_names or ())) if person]
    sites = identity.sites or ()
    return Own(
        names=_words(
            (identity.name, identity.name_en), identity.former_names, identity.brands, business.products
        ),
        kana=_words((identity.name_kana,)),
        romaji=_words((identity.name_romaji, identity.name_en)),
        people=_words(each for person in people for each in _spellings(person)),
        places=_words(
            (business.municipality,), (site.address for site in sites), (site.label for site in sites)
        ),
        identifiers=_words(
            (identity.corporate_number, identity.internal_key), identity.phones, identity.urls, identity.email_domains,
            (site.postal_code for site in sites),
        ),
        others=_words(identity.main_customers, identity.main_suppliers, identity.group_companies),
    )  # fmt: skip


def own_of_profile(profile: Profile) -> Own:
    """The same with what the other blocks hold: permits, intellectual property, lenders, real estate."""
    own = own_of(profile.identity, profile.business)
    permits, rights = profile.permits or (), profile.intellectual_property or ()
    beneficiaries = (each.beneficiary for right in rights for each in right.encumbrances or ())
    return Own(
        names=_words(own.names, (right.title for right in rights)),
        kana=own.kana,
        romaji=own.romaji,
        people=own.people,
        places=_words(own.places, (each.address for each in profile.real_estate or ())),
        identifiers=_words(own.identifiers, (each.number for each in permits), (each.number for each in rights)),
        others=_words(
            own.others,
            (guarantee.lender for guarantee in profile.guarantees or ()),
            (right.owner_of_record for right in rights),
            beneficiaries,
        ),
    )



def _spellings(person: PersonName) -> tuple[str | None, ...]:
    return person.name, person.name_kana, person.name_romaji


def _words(*groups: Iterable[str | None] | None) -> tuple[str, ...]:
    """Each word once, in the order given; blanks and fields not answered left out."""
    return tuple(dict.fromkeys(word.strip() for group in groups for word in group or () if word and word.strip()))
