"""Manual instructions: block, override or snooze a person or a whole account, or release them from all of these."""

from __future__ import annotations

from models.contract.breaches import Answer, Person, account_person
from models.contract.time_units import DAY_MS
from models.desk.accounts import Incidents
from models.desk.contact_limits import Objection
from models.desk.decisions import Decisions
from models.desk.desk_context import DeskContext
from models.desk.dispatch import Dispatch
from models.desk.persons import Instruction, PersonFile, Standing
from models.desk.registry import Registry


class Instructions:
    """Applies instructions. They are kept in the file of the person or account; this object keeps nothing itself."""

    def __init__(
        self,
        context: DeskContext,
        registry: Registry,
        dispatch: Dispatch,
        decisions: Decisions,
        incidents: Incidents,
    ) -> None:
        self._context = context
        self._registry = registry
        self._dispatch = dispatch
        self._decisions = decisions
        self._incidents = incidents

    def take(self, heard: Answer) -> None:
        """Keep an instruction, stop the orders that it forbids, and decide again on the breaches that it may allow."""
        if heard.account_id is None:
            person, file = self._registry.file_of(heard)
        else:
            person = account_person(heard.account_id)
            file = self._registry.file_in(person, heard.lane)
        at = self._context.at(file, heard.clock)
        said = self._said(heard, at)
        if heard.status in ("blocked", "overridden", "snoozed") and said.stands(at):
            file.by_hand[heard.status] = said
        elif heard.status == "released":
            file.by_hand.clear()
        for each in [person] if heard.account_id is None else self._with_lines(person, heard.account_id):
            self._apply(each, heard, said)

    def _said(self, heard: Answer, at: int) -> Instruction:
        """The instruction of a feedback record; a block may have no end, a snooze or override gets a default one."""
        until = heard.until_ts
        if until is None and heard.status != "blocked":
            until = at + round(self._context.ruled.contact.snooze_days * DAY_MS)
        return Instruction(until, heard.by or "unknown", heard.note)

    def _with_lines(self, account: Person, account_id: str) -> list[Person]:
        """The account and all persons with a breach on one of its lines; rare enough to search all files."""
        files = self._registry.files
        return sorted({account} | {person for person, file in files.items() if _of(account_id, file)})

    def _apply(self, person: Person, heard: Answer, said: Instruction) -> None:
        file = self._registry.files[person]
        at, about = self._context.at(file), _of(heard.account_id, file)
        if heard.status in ("blocked", "snoozed"):
            if said.stands(at):
                exempt = self._context.ruled.contact.cooldown_exempt if heard.status == "snoozed" else ()
                about = [each for each in about if each.alert.kind not in exempt]
                self._dispatch.stop(file, about, Objection(heard.status, said.until), said.by, at)
        else:
            for standing in about:
                if heard.status == "released" or not standing.stopped:
                    self._decisions.again(file, standing, at)
                    self._incidents.decided(standing, at)
        self._registry.put(person)


def _of(account_id: str | None, file: PersonFile) -> list[Standing]:
    """The breaches of a person; with an account, only those on its lines."""
    breaches = [standing for _, standing in sorted(file.breaches.items())]
    return [each for each in breaches if account_id is None or each.alert.account_id == account_id]
