"""What do the letters we send say? One table of templates; `compose` turns one into a subject and a plain-text body.

A letter carries what its reader needs to act and no more: mail is read by strangers on the way. Nothing confidential of
a company goes into one, only a link that asks who is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from succession.days import JAPAN
from succession.i18n import Message, _, format_date, format_yen, translate


@dataclass(frozen=True)
class Letter:
    """`subject`, `body`: English msgids with `{name}` fields; the body ends without a greeting or signature."""

    subject: str
    body: str


LETTERS: dict[str, Letter] = {
    # accounts
    "confirm_registration": Letter(
        _("Confirm your registration"),
        _("{organisation_name} was registered with this address. To confirm it and choose your password, open:\n\n{link}\n\n"
          "The link works once, until {until_at}. The organisation can do nothing before the operator has verified it. "
          "If you do not know of this, do nothing: without the link nothing happens."),
    ),
    "already_registered": Letter(
        _("Somebody registered with your address"),
        _("This address was used to register an organisation, but it has an account already, so nothing was changed. "
          "If it was you, sign in, or choose a new password at:\n\n{link}\n\nIf it was not you, nothing needs to be done."),
    ),
    "invitation": Letter(
        _("You are invited to {organisation_name}"),
        _("{inviter} invites you to work for {organisation_name}. To accept and choose your password, open:\n\n{link}\n\n"
          "The link works once, until {until_at}. If you do not know of this, do nothing."),
    ),
    "password_reset": Letter(
        _("Choose a new password"),
        _("To choose a new password, open:\n\n{link}\n\nThe link works once, until {until_at}. "
          "If you did not ask for it, do nothing: your password stays as it is."),
    ),
    "password_changed": Letter(
        _("Your password was changed"),
        _("The password of your account was changed and every session was ended. If it was not you, choose a new one at:"
          "\n\n{link}\n\nand tell your administrator."),
    ),
    "second_factor_set_up": Letter(
        _("An authenticator app was set up"),
        _("An authenticator app was set up for your account. From now on its code is asked for when you sign in. "
          "If it was not you, tell your administrator at once."),
    ),
    "recovery_code_used": Letter(
        _("A recovery code was used"),
        _("One of your recovery codes was used in place of a code of your authenticator app. It does not work again. "
          "If it was not you, tell your administrator at once."),
    ),
    "second_factor_reset": Letter(
        _("Your second factor was ended"),
        _("An administrator or the operator ended the second factor of your account, and your sessions with it. When you sign in "
          "next, you set up an authenticator app anew. If you did not ask for it, tell your administrator at once."),
    ),
    "organisation_verified": Letter(
        _("Your organisation has been verified"),
        _("{organisation_name} has been verified by the operator. You can begin."),
    ),
    "organisation_refused": Letter(
        _("Your organisation could not be verified"),
        _("{organisation_name} could not be verified. What was missing can be read, corrected and submitted again at:\n\n{link}"),
    ),
    "organisation_suspended": Letter(
        _("Your organisation has been suspended"),
        _("{organisation_name} has been suspended by the operator: nothing but its account can be used. The reason can be read "
          "at:\n\n{link}"),
    ),
    # the desk and representation: no word of a company, and to the acquirer no word of what was declined
    "brief_filed": Letter(
        _("A brief was filed with your desk"),
        _("An acquirer filed a brief with your desk. To read it and see which companies might meet it, sign in:\n\n{link}"),
    ),
    "introduction_proposed": Letter(
        _("A desk introduces an acquirer to you"),
        _("An agency desk introduces an acquirer for one of your listings. Nothing of the company is disclosed unless you accept, "
          "and then only step by step. To read the brief and decide, sign in:\n\n{link}"),
    ),
    "introduction_accepted": Letter(
        _("Your introduction was accepted"),
        _("The intermediary accepted your introduction and opened a disclosure request for the acquirer:\n\n{link}"),
    ),
    "introduction_declined": Letter(
        _("Your introduction was declined"),
        _("The intermediary declined your introduction. The reason is given at:\n\n{link}\n\nThe acquirer is told nothing of it."),
    ),
    "introduced_to_seller": Letter(
        _("A desk introduced you to an intermediary"),
        _("An intermediary accepted to talk with you about a company that the desk found for your brief. You can read its teaser, "
          "and a disclosure request is open:\n\n{link}"),
    ),
    "representation_recorded": Letter(
        _("An intermediary says that it acts for you"),
        _("An intermediary recorded that it represents you. This has no effect before an administrator of yours confirms it. "
          "To confirm or to end it, sign in:\n\n{link}"),
    ),
    "representation_confirmed": Letter(
        _("The acquirer confirmed that you represent it"),
        _("You can now search and open requests for this acquirer. It signs its non-disclosure agreements itself, and you are "
          "bound by them:\n\n{link}"),
    ),
    "representation_ended": Letter(
        _("A representation has ended"),
        _("The other side ended a representation. From now on nothing can be done under it:\n\n{link}"),
    ),
    # to the owner: no word of the company, and none of a buyer
    "owner_teaser": Letter(
        _("A text for you to decide on"),
        _("Dear {name},\n\nYour adviser has prepared a short text without your company's name and asks whether it may be shown, and to "
          "whom. To read it and to decide, open:\n\n{link}\n\nOpening it changes nothing. The link works once, until {until_at}. "
          "You can also answer on paper: ask your adviser."),
    ),
    "owner_approved": Letter(
        _("Your approval was recorded"),
        _("Dear {name},\n\nYour approval was recorded. If you change your mind, open:\n\n{link}\n\nthere you can withdraw it, and the text "
          "comes down at once. The link works once, until {until_at}; after that the same page sends you a new one."),
    ),
    "owner_link_again": Letter(
        _("Your link"),
        _("Dear {name},\n\nhere is a new link, as you or your adviser asked for:\n\n{link}\n\nIt works once, until {until_at}. "
          "Earlier links no longer work. If you did not ask for it, do nothing."),
    ),
    # to the intermediary, of what the owner did
    "owner_decided": Letter(
        _("An owner has decided on a text"),
        _("An owner has answered a question about a teaser. The answer can be read at:\n\n{link}"),
    ),
    "consent_withdrawn": Letter(
        _("An owner has withdrawn a consent"),
        _("An owner has withdrawn a consent. The teaser was taken down at once. To see which, sign in:\n\n{link}"),
    ),
    "owner_name_clear": Letter(
        _("A question for you to decide on"),
        _("Dear {name},\n\nYour adviser asks whether one buyer may learn your company's name. To read who it is and to decide, open:\n\n"
          "{link}\n\nOpening it changes nothing, and nothing is told to the buyer unless you agree. The link works once, until {until_at}. "
          "You can also answer on paper: ask your adviser."),
    ),
    "owner_name_cleared": Letter(
        _("Your consent was recorded"),
        _("Dear {name},\n\nYour consent was recorded. If you change your mind, open:\n\n{link}\n\nthere you can take it back, and the buyer "
          "can read nothing more from then on. The link works once, until {until_at}; after that the same page sends you a new one."),
    ),
    "owner_screening": Letter(
        _("A buyer was checked once more"),
        _("Dear {name},\n\na buyer you know of was compared with the lists once more. To read the outcome, open:\n\n{link}\n\nYou need not do "
          "anything. The link can be opened until {until_at}."),
    ),
    "owner_code": Letter(
        _("Your six-digit number"),
        _("Dear {name},\n\nyour six-digit number is:\n\n{code}\n\nType it on the page you have open. It can be used once, for 15 minutes. "
          "Tell it to nobody, not even to your adviser. If you did not ask for it, do nothing: without the number nothing happens."),
    ),
    # disclosure: under the project name only
    "request_opened": Letter(
        _("A buyer asks about one of your teasers"),
        _("A buyer has asked about the company behind one of your teasers. The request is called project {project}. To see who asks, "
          "and to screen the buyer, sign in."),
    ),
    "request_not_successful": Letter(
        _("Project {project} has been concluded"),
        _("Thank you for your interest. Project {project} could not be taken further. Other teasers remain open to you."),
    ),
    "nda_offered": Letter(
        _("Project {project}: a non-disclosure agreement is ready"),
        _("For project {project} a non-disclosure agreement is ready to be read and signed. Sign in to do so."),
    ),
    "nda_signed": Letter(
        _("Project {project}: the non-disclosure agreement was signed"),
        _("The buyer of project {project} has signed the non-disclosure agreement. The next step is to ask the owner."),
    ),
    "nda_code": Letter(
        _("Project {project}: your code"),
        _("Your code to sign for project {project} is:\n\n{code}\n\nIt works once, within 15 minutes, and shows that it is you who signs. "
          "Give it to nobody. If you did not ask for it, do nothing: without it nothing is signed."),
    ),
    "nda_to_countersign": Letter(
        _("Project {project}: your countersignature is needed"),
        _("The buyer of project {project} has signed. The agreement, or its renewal, is in force once you have signed as well. "
          "Sign in to do so."),
    ),
    "nda_countersigned": Letter(
        _("Project {project}: the non-disclosure agreement is in force"),
        _("For project {project} the non-disclosure agreement is in force between both sides. Sign in to read it; the sealed document "
          "can be fetched there a moment later."),
    ),
    "nda_named": Letter(
        _("Project {project}: please read and acknowledge the non-disclosure agreement"),
        _("You were named as one of those who may read about project {project}. Before you can, read the non-disclosure agreement of your "
          "organisation and acknowledge that it binds you. Sign in to do so."),
    ),
    "nda_paper_entered": Letter(
        _("Project {project}: a signed paper was handed in"),
        _("For project {project} a non-disclosure agreement on a party's own paper was handed in. It counts once somebody of your "
          "organisation who did not hand it in has read and confirmed it. Sign in to do so."),
    ),
    "nda_paper_refused": Letter(
        _("Project {project}: the paper was not confirmed"),
        _("For project {project} the paper that was handed in was not confirmed. Sign in to see what is open to you."),
    ),
    "nda_expires": Letter(
        _("Project {project}: the non-disclosure agreement ends on {ends_on}"),
        _("The non-disclosure agreement of project {project} ends on {ends_on}. Nothing can be read after that day unless it is renewed "
          "under the same terms. To read and sign the renewal, open:\n\n{link}"),
    ),
    "nda_renewed": Letter(
        _("Project {project}: the non-disclosure agreement was renewed"),
        _("The buyer of project {project} has renewed the non-disclosure agreement under the same terms. What was released keeps the day "
          "on which it ends."),
    ),
    "nda_ended": Letter(
        _("Project {project}: no more information will be provided"),
        _("For project {project} no more information will be provided. The duties of secrecy you signed go on as agreed there."),
    ),
    "owner_answered": Letter(
        _("Project {project}: the owner has answered"),
        _("The owner has answered the question about project {project}. Sign in to read the answer."),
    ),
    "released": Letter(
        _("Project {project}: there is something to read"),
        _("For project {project} information was released to you. Sign in to read it. Every reading is recorded, for the company to see."),
    ),
    "access_ended": Letter(
        _("Project {project}: access has ended"),
        _("Your access to the information of project {project} has ended. The duties of secrecy you signed go on as agreed there."),
    ),
    "owner_folder": Letter(
        _("A question for you to decide on"),
        _("Dear {name},\n\nYour adviser asks whether one buyer may be shown some documents of your company. To read which and to decide, "
          "open:\n\n{link}\n\nOpening it changes nothing, and nothing is shown to the buyer unless you agree. The link works once, until "
          "{until_at}. You can also answer on paper: ask your adviser."),
    ),
    "owner_folder_allowed": Letter(
        _("Your answer was recorded"),
        _("Dear {name},\n\nYour answer was recorded. If you change your mind, open:\n\n{link}\n\nthere you can take it back, and the buyer "
          "can read these documents no more from then on. The link works once, until {until_at}; after that the same page sends you a "
          "new one."),
    ),
    "clean_team_named": Letter(
        _("Project {project}: the buyer named a member of its clean team"),
        _("The buyer of project {project} has named somebody who shall read for it. Sign in to read who it is, and to accept or not."),
    ),
    "clean_team_accepted": Letter(
        _("Project {project}: a member of your clean team was accepted"),
        _("For project {project} a member of your clean team was accepted. Sign in to read who it is."),
    ),
    "ledger_checkpoint": Letter(
        _("Please keep this letter: state of the disclosure records"),
        _("Everything recorded of your projects so far has been sealed together with all other records. With this letter anybody can show "
          "later that nothing of it was changed or removed. You need to do nothing but keep it.\n\nNumber: {number}\nSealed: {signed_at}\n"
          "Fingerprint of all records (SHA-256): {root}\nSignature (Ed25519): {signature}\nKey: {key}\n\n"
          "The proof that your own records are among them can be read with your account."),
    ),
    # screening: no word of whom it is about
    "screening_waits": Letter(
        _("Project {project}: a screening waits for a second person"),
        _("For project {project} records with a similar name were found, and a colleague says that they are somebody else. A second person reads "
          "the same records before it counts. Sign in to do so."),
    ),
    "screening_review_waits": Letter(
        _("A screening waits for a reviewer"),
        _("A firm with one member has proposed to clear records with a similar name. A reviewer of the operator reads them before it counts. "
          "Sign in to do so."),
    ),
    "screening_alert": Letter(
        _("Project {project}: a list names something new"),
        _("For project {project} a list, or what the buyer declared, has changed, and a record with a similar name was found that nobody has "
          "looked at. Sign in to read it and to decide. Until then no agreement can be offered or recorded, and where the very name stands on a "
          "sanctions list, nothing can be read."),
    ),
    # adverse events: to the buyer, never who reported it
    "adverse_event_notified": Letter(
        _("Something is held against your organisation"),
        _("The operator has received a report about your organisation. What is held against it, and what may follow, can be read after signing "
          "in. You can object until {until_on}; nothing is decided and nobody else reads of it before that."),
    ),
    "adverse_event_objected": Letter(
        _("A buyer has objected"),
        _("A buyer has answered to what is held against it. Sign in to read the answer before deciding."),
    ),
    "adverse_event_decided": Letter(
        _("A decision about your organisation"),
        _("Two persons of the operator have decided on what was held against your organisation. Sign in to read what, and why."),
    ),
    # holds: to the operator, and to an intermediary that asked to go on; no word of which company, buyer or project
    "hold_opened": Letter(
        _("A release waits for a person"),
        _("A release would leave too few companies to hide among, or could not be counted. Two persons decide whether it goes out. "
          "Sign in to read what was shown so far."),
    ),
    "hold_released": Letter(
        _("You can go on"),
        _("A step that waited for a person at the operator can be taken now. Sign in and take it again."),
    ),
    "hold_refused": Letter(
        _("A step cannot be taken"),
        _("A step that waited for a person at the operator was not allowed: too few companies would have been left. The operator "
          "can tell you more."),
    ),
    "question_asked": Letter(
        _("Project {project}: a question was asked"),
        _("The buyer in project {project} has asked a question. Sign in to read and answer it."),
    ),
    "question_answered": Letter(
        _("Project {project}: a question was answered"),
        _("A question of yours in project {project} has been answered. Sign in to read it."),
    ),
    # deals
    "deal_moved": Letter(
        _("Project {project}: a step was recorded"),
        _("In project {project} the other side has recorded a step. Sign in to read it and to see what is open to you now."),
    ),
    "deal_unparked": Letter(
        _("Project {project} can go on"),
        _("The exclusive negotiation that held project {project} back has ended. Sign in to see what is open to you now."),
    ),
    # alerts: titles of published teasers, to who may see them; no reference and no name of a search in a subject
    "alert_found": Letter(
        _("New companies for a saved search: {count}"),
        _("Your saved search \"{name}\" has found something new ({count}):\n\n{lines}\n\nAt most ten are listed here. To read more, "
          "sign in and search. To get no more letters for this search, open:\n\n{unsubscribe_link}"),
    ),
    "alert_digest": Letter(
        _("New companies for your saved searches"),
        _("Your saved searches have found something new:\n\n{lines}\n\nAt most ten of each are listed here. To read more, or to change "
          "one of them, sign in. To get no more letters for the saved searches named above, open:\n\n{unsubscribe_link}"),
    ),
    # listings, market, disclosure, deals: each slice adds its own below
}

_SIGNATURE = _("This letter was sent by succession, a marketplace for the succession of companies. Please do not reply to it.")
_MOMENT = _("{day}, {time} Japan time")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]+")


def compose(template: str, params: Mapping[str, object], locale: str) -> tuple[str, str]:
    """(subject, body) in `locale`. KeyError for a template that is not in LETTERS.

    Params are plain JSON values. A name tells the form: `_yen` is money, `_on` an ISO date, `_at` an ISO timestamp
    (shown in Japanese time, which is where the deadline is). What people typed cannot add lines or headers.
    """
    letter = LETTERS[template]
    shown = {name: _shown(name, value, locale) for name, value in params.items()}
    subject = translate(Message(letter.subject, shown), locale)
    body = translate(Message(letter.body, shown), locale)
    return " ".join(subject.split()), f"{body}\n\n-- \n{translate(_SIGNATURE, locale)}\n"


def _shown(name: str, value: object, locale: str) -> object:
    if isinstance(value, list):  # lines, each of them one
        return "\n".join(str(_shown(name, each, locale)) for each in value)
    if name.endswith("_yen") and isinstance(value, int):
        return format_yen(value, locale)
    if name.endswith("_on") and isinstance(value, str):
        return format_date(date.fromisoformat(value), locale)
    if name.endswith("_at") and isinstance(value, str):
        there = datetime.fromisoformat(value).astimezone(JAPAN)
        return Message(_MOMENT, {"day": there.date(), "time": f"{there:%H:%M}"})
    return " ".join(_CONTROL.sub(" ", value).split()) if isinstance(value, str) else value
