"""Each kind of file that was once read wrong in silence: whatever is in it, all is right or it is asked about."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.errors import Refused
from app.evaluate.sheet import answers
from app.replay.conversion import Conversion
from app.tables.column_guess import ColumnMapper, Told
from app.tables.column_names import NAMES, bare, known_names
from app.tables.decimals_and_dates import Evidence, UnitEvidence
from app.tables.encoding import SYLLABLES, encoding_of
from app.tables.fields import Field, Reading, Sort, fields_of, reader
from app.tables.id_evidence import IdEvidence
from app.tables.quantities import SECONDS
from app.tables.recording import Recording
from app.tables.reject import Reject, RejectReason
from app.tables.times import LocalTime, ReadTime, moment
from models.contract.events import CALLS

NOW = round(datetime(2026, 11, 29, tzinfo=UTC).timestamp() * 1000)
DAYS = st.dates(date(2024, 1, 1), date(2026, 11, 29))
WHEN = Field("ts", Sort.TIME, required=True)
AMOUNT = Field("amount", Sort.MONEY, required=True)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kinds") / "log.csv"


def way_of(field: Field, cells: list[str], now_ms: int | None = None) -> str | None:
    """The way in which a column of these cells is read; None where it is asked."""
    evidence = Evidence(field, "log.csv", cells, now_ms=now_ms, commas=False)
    for row, cell in enumerate(cells, 2):
        evidence.look(row, cell)
    try:
        return evidence.settled()
    except Refused:
        return None


@given(st.lists(DAYS, min_size=1, max_size=20), st.sampled_from(["day", "month"]), st.sampled_from("/-."))
def test_dates_are_read_as_they_were_written_or_asked_about(days: list[date], order: str, mark: str) -> None:
    assume(mark != "." or order == "day")  # dotted dates are day first
    form = f"%d{mark}%m{mark}%Y" if order == "day" else f"%m{mark}%d{mark}%Y"
    way = way_of(WHEN, [f"{day:{form}}" for day in days], NOW)
    for day in days if way else []:
        read = moment(f"{day:{form}}", LocalTime(first=way))  # type: ignore[arg-type]
        assert read == ReadTime((day - date(1970, 1, 1)).days * 86_400_000, "date")
    tells = any(day.day > 12 for day in days) or (mark == "." and order == "day")
    assert not tells or way == order


@given(st.lists(DAYS, min_size=2, max_size=20, unique=True), st.sampled_from("/-."))
def test_a_year_of_two_digits_in_front_is_read_as_a_year_or_asked_about(days: list[date], mark: str) -> None:
    form = f"%y{mark}%m{mark}%d"
    cells = [f"{day:{form}}" for day in days]
    assume(len({cell[:2] for cell in cells}) < len({cell[-2:] for cell in cells}))  # else nothing shows it
    assert way_of(WHEN, cells, NOW) in ("year", None)


@given(st.integers(201, 2_000), st.sampled_from(["day", "month"]), st.dates(date(2026, 1, 13), date(2027, 12, 31)))
def test_one_wrong_date_turns_no_file(rows: int, order: str, wrong: date) -> None:
    forms = ("%d/%m/%Y", "%m/%d/%Y") if order == "day" else ("%m/%d/%Y", "%d/%m/%Y")
    cells = [f"{date(2026, 3, 1 + n % 2):{forms[0]}}" for n in range(rows)]
    assert way_of(WHEN, [*cells, f"{wrong:{forms[1]}}"], NOW) in (order, None)


@given(
    st.lists(st.decimals(0, 10**7, places=3), min_size=1, max_size=10), st.sampled_from([".,", ",.", ", ", ".'", ",'"])
)
def test_amounts_are_read_as_they_were_written_or_asked_about(amounts: list, marks: str) -> None:  # type: ignore[type-arg]
    cells = [f"{amount:,.3f}".replace(",", "\0").replace(".", marks[0]).replace("\0", marks[1]) for amount in amounts]
    way = way_of(AMOUNT, cells)
    if way:
        read = reader(AMOUNT, Reading("telecom.billing.v1", LocalTime(), mark=way))  # type: ignore[arg-type]
        assert [read(cell) for cell in cells] == [float(amount) for amount in amounts]
    assert way or all(amount < 1000 and amount >= 1 for amount in amounts), "1,234 is asked about, and nothing else"


@given(
    st.lists(st.text("ÄÖÜäöüßéèçñáíóúâêô", min_size=1, max_size=1), min_size=12), st.sampled_from(["cp1252", "latin-1"])
)
def test_western_letters_between_others_are_letters_or_asked_about(letters: list[str], encoding: str) -> None:
    text = "".join(f"M{letter}ller-{n}\n" for n, letter in enumerate(letters))
    content = text.encode(encoding)
    try:
        assert content.decode(encoding_of("log.csv", lambda: io.BytesIO(content))) == text
    except Refused:
        assert any(letter.isupper() or letter == "ñ" for letter in letters), "no Western word has such a one in there"


WESTERN = (
    "José Müller Peña Zürich £ €5 “quotes” „Orange“ «Orange» O’Neil l’amour Joe’s aujourd’hui Noël Citroën "
    "Tromsø Øst Malmö Straße Übung Ätna São Conceição ações Señor MUÑOZ PERÚ JOSÉ père Liège lumière où août œuvre "
    "cœur caffè cioè Forlì più città Èlia Škoda Miloš Žižek 1ª N°5 ¿Qué? Île ÉCOLE école Søren"
)
ELSEWHERE = {
    "cp850": "José Perú Peña Malmö Köln Übung Ätna São Ramón città Orléans MÜLLER Düsseldorf Größe Tromsø Ørsted",
    "mac_roman": "José Perú Peña Malmö Köln Österreich São Ramón Martínez Düsseldorf Größe Orléans Märkte",
    "cp1250": "Česká Kučera Kovač Dvořák Příbram Plzeň Němec Łódź Gdańsk Michał złoty Śląsk Győr idő Bucureşti",
    "iso8859_2": "Česká Łódź Gdańsk Śląsk środa Kovač Győr",
    "cp1254": "Doğan şişli Işık Çağrı Gülşen",
}


@given(st.lists(st.sampled_from(WESTERN.split()), min_size=1, max_size=20))
def test_western_words_are_read_without_a_question(words: list[str]) -> None:
    content = ("name\nJosé Müller\n" + "".join(f"{word}\n" for word in words)).encode("cp1252")
    assert encoding_of("log.csv", lambda: io.BytesIO(content)) == "cp1252"


@given(
    st.sampled_from(sorted(ELSEWHERE)).flatmap(
        lambda encoding: st.tuples(
            st.just(encoding), st.lists(st.sampled_from(ELSEWHERE[encoding].split()), min_size=1, max_size=20)
        )
    )
)
def test_words_of_other_encodings_are_asked_about_in_both_readings(case: tuple[str, list[str]]) -> None:
    encoding, words = case
    content = ("name\n" + "".join(f"{word}\n" for word in words)).encode(encoding)
    assume(any(not word.isascii() for word in words))
    with pytest.raises(Refused) as refused:
        encoding_of("log.csv", lambda: io.BytesIO(content))
    shown = "\n".join(refused.value.advice)
    assert "--encoding cp1252 " in shown
    assert f"--encoding {encoding} " in shown
    assert any(word in shown for word in words)


@given(st.sampled_from(["utf-8", "UTF8", "utf-16-le", "utf-16-be", "utf-32-le"]), st.booleans(), st.booleans())
def test_the_mark_of_an_encoding_that_was_given_is_no_part_of_a_name(
    path: Path, encoding: str, marked: bool, as_json: bool
) -> None:
    text = '{"churned": "ü", "b": "2"}\n' if as_json else "churned,b\nü,2\n"
    path.write_bytes(("\ufeff" * marked + text).encode(encoding))
    recording = Recording(path, encoding=encoding)
    assert (recording.columns, [list(row.cells) for row in recording.rows()]) == (("churned", "b"), [["ü", "2"]])


@given(st.lists(st.integers(1, 86_399), min_size=1, max_size=20), st.integers(6, 12), st.sampled_from(".,"))
def test_shares_of_a_day_are_never_seconds(seconds: list[int], digits: int, mark: str) -> None:
    field = fields_of(CALLS)["duration_s"]
    evidence = UnitEvidence(field, "log.csv", seconds=True)
    days = reader(field, Reading(CALLS, LocalTime(), SECONDS["days"], mark="comma" if mark == "," else "point"))
    for row, each in enumerate(seconds, 2):
        cell = f"{each / 86_400:.{digits}f}".replace(".", mark)
        evidence.look(row, cell)
        assert days(cell) == each
    with pytest.raises(Refused, match="what is row"):
        evidence.settle("comma" if mark == "," else "point")


HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=2, max_size=8)


@given(
    st.lists(HAN, min_size=1, max_size=20), st.sampled_from(["gb18030", "utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
)
def test_chinese_is_read_as_it_was_written_or_asked_about(words: list[str], encoding: str) -> None:
    text = "号码,时间,名称\r\n" + "".join(
        f"138001380{n:02d},2026-05-01 08:00:00,{word}\r\n" for n, word in enumerate(words)
    )
    content = text.encode(encoding)
    try:
        found = encoding_of("log.csv", lambda: io.BytesIO(content))
    except Refused:
        assert encoding == "gb18030", "the others say what they are"
    else:
        assert content.decode(found).removeprefix("\ufeff") == text


HANGUL = st.text(sorted(SYLLABLES), min_size=2, max_size=4)


@given(st.lists(HANGUL, min_size=1, max_size=40), st.sampled_from(["euc-kr", "cp949"]))
@example(["창호"], "euc-kr")  # its bytes are valid UTF-8
def test_korean_is_never_read_as_chinese(words: list[str], encoding: str) -> None:
    content = ("msisdn,name\n" + "".join(f"1,{word}\n" for word in words)).encode(encoding)
    try:
        found = encoding_of("log.csv", lambda: io.BytesIO(content))
    except Refused:
        return
    assert found == "utf-8"
    assert content.decode()


ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Asia/Kolkata"])


@given(st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1)), ZONES)  # noqa: DTZ001 - in UTC
def test_what_a_clock_shows_is_its_moment_unless_it_shows_it_twice(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    true = at.replace(tzinfo=UTC, microsecond=0)
    shown = true.astimezone(zone)
    read = moment(f"{shown:%Y-%m-%d %H:%M:%S}", LocalTime(zone=zone))
    twice = shown.replace(fold=0).utcoffset() != shown.replace(fold=1).utcoffset()
    if twice:
        assert isinstance(read, Reject)
    else:
        assert read == ReadTime(round(true.timestamp() * 1000), "local time")


@given(st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1)), ZONES)  # noqa: DTZ001 - as a file has it
def test_what_no_clock_shows_is_no_time(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    at = at.replace(microsecond=0)
    exists = at.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == at
    assert exists or isinstance(moment(f"{at:%Y-%m-%d %H:%M:%S}", LocalTime(zone=zone)), Reject)


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - in UTC
    st.integers(-47, 56),
    st.sampled_from(["{s}{h:02d}:{m:02d}", "{s}{h:02d}{m:02d}", "{s}{h}", "UTC{s}{h}", "GMT{s}{h:02d}:{m:02d}"]),
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %I:%M:%S %p"]),
)
def test_a_zone_beside_a_time_is_its_zone(at: datetime, quarters: int, zone: str, form: str) -> None:
    if zone.endswith("{h}"):
        quarters -= quarters % 4
    true = at.replace(tzinfo=UTC, microsecond=0)
    shown = (true + timedelta(minutes=15 * quarters)).strftime(form)
    hours, rest = divmod(abs(quarters), 4)
    said = zone.format(s="-" if quarters < 0 else "+", h=hours, m=15 * rest)
    read = moment(f"{shown} {said}", LocalTime(first="day"))
    assert read == ReadTime(round(true.timestamp() * 1000), "time with a zone")


@given(
    st.lists(st.lists(st.text("abc", min_size=1, max_size=3), max_size=4), min_size=1, max_size=4),
    st.lists(st.sampled_from(["Total", "SUMME:", "合计", "Average"]), max_size=2),
    st.sampled_from(",;\t"),
)
def test_files_put_together_and_summed_up_are_their_rows(
    path: Path, files: list[list[str]], sums: list[str], separator: str
) -> None:
    assume(any(files))
    lines = [separator.join(row) for names in files for row in (["name", "n"], *([name, "1"] for name in names))]
    path.write_text("\n".join([*lines, *(f"{name}{separator}9" for name in sums)]) + "\n", encoding="utf-8")
    rows = list(Recording(path).rows())
    assert [row.cells[0] for row in rows if row.reject is None] == [name for names in files for name in names]
    why = [row.reject.reason for row in rows if row.reject is not None]
    assert why == [RejectReason.HEADER] * (len(files) - 1) + [RejectReason.SUM] * len(sums)


@given(st.integers(20_000, 73_000), st.integers(0, 86_399), st.sampled_from(".,"))
def test_days_of_a_spreadsheet_are_those_days(day: int, second: int, mark: str) -> None:
    read = moment(f"{day + second / 86_400:.9f}".replace(".", mark), LocalTime())
    assert isinstance(read, ReadTime)
    expected = datetime(1899, 12, 30, tzinfo=UTC) + timedelta(days=day, seconds=second)
    assert abs(read.ms - expected.timestamp() * 1000) < 100


@given(st.integers(10**10, 10**19), st.sampled_from(["{}.0", "{},00", "{:.6E}", "{:.2e}"]))
def test_a_number_that_became_a_float_is_no_id(number: int, form: str) -> None:
    read = reader(fields_of(CALLS)["subscriber_id"], Reading(CALLS, LocalTime()))
    text = form.format(number)
    found = read(text)
    assert isinstance(found, Reject)
    assert found.reason is RejectReason.MANGLED_ID
    assert read(str(number)) == str(number)


HEADER = ["subscriber_id", "ts", "direction", "duration_s", "peer_network", "peer_operator"]
CELLS = st.text("abc,;\"'\n ü", max_size=6)


@given(st.lists(CELLS, min_size=1, max_size=8), st.integers(0, 8), st.sampled_from(",;\t"), st.integers(0, 3))
def test_a_quote_that_stays_open_costs_its_own_row_and_no_other(
    path: Path, names: list[str], broken: int, separator: str, skip: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    starts = []
    for _ in range(skip):
        out.write("Report;of,calls\n")
    writer.writerow(HEADER)
    for n, name in enumerate(names):
        if n == broken:
            starts.append(out.getvalue().count("\n") + 1)
            out.write(separator.join(["broken", "2026-05-01", "outgoing", "1", "on_net", '"open']) + "\n")
        writer.writerow([f"s-{n}", "2026-05-01", "outgoing", "1", "on_net", name])
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    rows = list(Recording(path, separator=separator, skip=skip).rows())
    whole = [row.cells[5] for row in rows if row.reject is None]
    bad = [row.number for row in rows if row.reject is not None]
    if not starts:
        assert (whole, bad) == (names, [])
    elif all(set(name) <= set("abc ü") for name in names):
        assert (whole, bad) == (names, starts), "other quotes may close it, where all of the file allows that"


@given(
    st.sampled_from([",", ";", "\t", "|"]),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
def test_the_line_that_names_the_separator_is_no_row(
    path: Path, separator: str, quoted: bool, skip: int, encoding: str
) -> None:
    line = f'"sep={separator}"' if quoted else f"sep={separator}"
    text = "Report\n" * skip + f"{line}\n{separator.join(HEADER)}\n{separator.join('abcdef')}\n"
    path.write_bytes(text.encode(encoding))
    recording = Recording(path, skip=skip)
    assert (recording.columns, [list(row.cells) for row in recording.rows()]) == (tuple(HEADER), [list("abcdef")])


@given(
    st.lists(
        st.tuples(st.sampled_from(["call", "text", "MMS", "voice"]), st.sampled_from(["", "0", "12", "-", "1 item"])),
        min_size=1,
    )
)
def test_an_sms_is_never_refused_for_its_duration(path: Path, calls: list[tuple[str, str]]) -> None:
    rows = [f"s,2026-05-01,out,{kind},{duration},on_net" for kind, duration in calls]
    path.write_text("\n".join(["subscriber_id,ts,direction,kind,duration_s,peer_network", *rows]) + "\n")
    recording = Recording(path)
    convert = Conversion(ColumnMapper(recording, CALLS, Told(), LocalTime()).map(), NOW)
    made = [convert.records(row) for row in recording.rows()]
    for (kind, duration), found in zip(calls, made, strict=True):
        assert isinstance(found, Reject) == (kind in ("call", "voice") and not duration.isdecimal())


BLANK = re.compile(r' *|" *" *')
TITLES = st.lists(st.text('xyz01,;" ', max_size=12), max_size=6)


@given(TITLES, st.lists(st.integers(1, 10**11), min_size=1, max_size=5), st.sampled_from(",;\t"))
@example([" "], [1], ",")
def test_titles_in_front_of_a_table_are_skipped_when_told_and_else_asked_about(
    path: Path, titles: list[str], numbers: list[int], separator: str
) -> None:
    rows = [separator.join([f"s{n}", "2026-05-01", "outgoing", "1", "on_net", "x"]) for n in numbers]
    path.write_text("\n".join([*titles, separator.join(HEADER), *rows]) + "\n")
    recording = Recording(path, skip=len(titles))
    convert = Conversion(ColumnMapper(recording, CALLS, Told(), LocalTime()).map(), NOW)
    made = [convert.records(row) for row in recording.rows()]
    assert [[record.subscriber_id for record in each] for each in made] == [[f"s{n}"] for n in numbers]  # type: ignore[union-attr]
    try:
        unskipped = Recording(path)
    except Refused:
        return
    if not all(BLANK.fullmatch(title) for title in titles):
        assert unskipped.preamble(known_names(CALLS)) == len(titles)
        assert ColumnMapper(unskipped, CALLS, Told(), LocalTime()).map().missing
    else:
        assert unskipped.columns == recording.columns


CALL = {
    "subscriber_id": "138",
    "ts": "2026-05-01 08:00:00",
    "direction": "MTC",
    "duration_s": "60",
    "peer_network": "on-net",
}
WRITTEN = [str, str.upper, str.title, lambda name: name.replace("_", " "), lambda name: name.title().replace("_", "")]


@given(
    st.fixed_dictionaries({name: st.sampled_from(NAMES[CALLS][name].split()) for name in CALL}),
    st.permutations(list(CALL)),
    st.sampled_from(WRITTEN),
)
def test_every_name_of_a_switch_is_known_in_every_place_and_spelling(
    path: Path, named: dict[str, str], order: list[str], spelling: Callable[[str], str]
) -> None:
    header = [spelling(named[name]) for name in order]
    assume(len(set(map(bare, header))) == len(header))
    path.write_text(",".join(header) + "\n" + ",".join(CALL[name] for name in order) + "\n", encoding="utf-8")
    mapping = ColumnMapper(Recording(path), CALLS, Told(), LocalTime()).map()
    assert {each.field.name: each.columns for each in mapping.sources} == {n: (order.index(n),) for n in CALL}


FORMS = ["{}", "+86{}", "0086-{}", "0{}"]
PARTY = st.tuples(st.integers(0, 3), st.sampled_from(FORMS)).map(lambda of: of[1].format(13_800_138_000 + of[0]))


@given(
    st.lists(
        st.tuples(PARTY, st.one_of(PARTY, st.just("")), st.sampled_from(["on_net", "off_net"])), min_size=1, max_size=6
    ),
    st.lists(st.sampled_from(["", "outgoing", "incoming"]), min_size=6, max_size=6),
    st.integers(0, 1),
)
def test_a_row_of_both_parties_is_an_event_of_each_or_the_file_is_asked_about(
    path: Path, calls: list[tuple[str, str, str]], directions: list[str], late: int
) -> None:
    # Calls that say nothing new, to push the others behind the first thousand rows.
    rows = [(("s", "", "off_net"), "")] * (1_001 * late) + list(zip(calls, directions, strict=False))
    lines = [f"{a},{b},{way},2026-05-01,5,{net}" for (a, b, net), way in rows]
    path.write_text("\n".join(["caller_number,called_number,direction,start,billsec,peer_network", *lines]) + "\n")
    recording = Recording(path)
    forms = {number for a, b, _ in calls for number in (a, b) if number}
    two_forms = len({number[-11:] for number in forms}) < len(forms)
    try:
        mapping = ColumnMapper(recording, CALLS, Told(both_parties=True), LocalTime()).map()
    except Refused:
        assert two_forms or "incoming" in directions[: len(calls)]
        return
    assert not two_forms
    assert "incoming" not in directions[: len(calls)]
    convert, found = Conversion(mapping, NOW), []
    for row in list(recording.rows())[1_001 * late :]:
        made = convert.records(row)
        assert not isinstance(made, Reject)
        found += [(json.loads(each.value)["direction"], each.subscriber_id) for each in made]
    assert found == [
        each for a, b, net in calls for each in [("outgoing", a), *([("incoming", b)] if b and net == "on_net" else [])]
    ]


@given(
    st.lists(st.one_of(PARTY, st.sampled_from(["10086", "460001234567890", "s-1", ""])), min_size=1, max_size=20),
    st.integers(1, 40),
)
def test_numbers_in_two_forms_are_found_wherever_they_stand(numbers: list[str], round_of: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.tables.id_evidence._FIRST_ROUND", round_of)
        read = reader(fields_of(CALLS)["subscriber_id"], Reading(CALLS, LocalTime()))
        evidence = IdEvidence("log.csv", (), read, of_subscribers=True, several_forms=True)
        for row, number in enumerate(numbers * 3, 2):
            evidence.look(row, number)
    forms = {number for number in numbers if len(number) > 6 and number[:2] != "46"}
    if len({number[-11:] for number in forms}) == len(forms):
        evidence.settle()
        return
    with pytest.raises(Refused) as refused:
        evidence.settle()
    one, other = re.findall("'(.*?)'", refused.value.message)
    assert {one, other} <= forms
    assert one != other
    assert one[-11:] == other[-11:]


LABELS = st.sampled_from(["gone", "Gone", "here", "1", "1.0", "0", "", " ", "n/a", "-", "NULL", "none"])


@given(st.lists(LABELS, min_size=1, max_size=30), st.sampled_from(["gone", "1", "1.0", "-"]))
def test_whoever_has_the_word_left_and_a_blank_is_nobody(labels: list[str], positive: str) -> None:
    same = {"gone": ["gone", "Gone"], "1": ["1", "1.0"], "1.0": ["1", "1.0"], "-": ["-"]}[positive]
    known = [label in same or label not in ("", " ", "n/a", "-", "NULL") for label in labels]
    left = [label in same for label in labels]
    try:
        found = answers(labels, "left", positive)
    except Refused:
        assert sum(left) in (0, sum(known))
        return
    assert found.known.tolist() == known
    assert found.left.tolist() == left
    assert sorted(found.words) == sorted(set(labels) & set(same))
