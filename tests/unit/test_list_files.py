"""Is a list read as its publisher wrote it, whatever the format, and is a file that means harm refused in words?"""

from __future__ import annotations

from datetime import date

import pytest

from succession.anonymity.sources.source_file import ImportRefused
from succession.disclosure.lists import from_xml, records
from succession.disclosure.lists.reading import read_bytes, read_list
from succession.disclosure.lists.records import ListRecord, country_of, day_of
from succession.i18n import translate

CSV = """一覧（架空）
No.,企業名,別名,国名又は地域名,懸念区分,種別,生年月日,法人番号
1,架空貿易有限公司,"Kakuu Trading; K Trading",中国,核,法人,,91-KAKUU 1
2,Ivan Vydumanov,,Russian Federation,核、ミサイル,個人,1960-05-01,
3,,x,,,,,
4,貨物船ゆめ号,,,,船舶,,
"""
UN = """<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="2026-11-20T00:00:00.000Z"><INDIVIDUALS>
<INDIVIDUAL><DATAID>111</DATAID><VERSIONNUM>1</VERSIONNUM><FIRST_NAME>HONG</FIRST_NAME><SECOND_NAME>GIL DONG</SECOND_NAME>
<UN_LIST_TYPE>Invented</UN_LIST_TYPE><REFERENCE_NUMBER>XXi.001</REFERENCE_NUMBER><LISTED_ON>2016-03-02</LISTED_ON>
<NAME_ORIGINAL_SCRIPT>홍길동</NAME_ORIGINAL_SCRIPT><NATIONALITY><VALUE>Democratic People's Republic of Korea</VALUE></NATIONALITY>
<INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Hong Kil Tong</ALIAS_NAME></INDIVIDUAL_ALIAS>
<INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>The Tiger</ALIAS_NAME></INDIVIDUAL_ALIAS>
<INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
<INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1960</FROM_YEAR><TO_YEAR>1962</TO_YEAR></INDIVIDUAL_DATE_OF_BIRTH>
<INDIVIDUAL_DOCUMENT><TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT><NUMBER>pp 1234</NUMBER></INDIVIDUAL_DOCUMENT></INDIVIDUAL></INDIVIDUALS>
<ENTITIES><ENTITY><DATAID>222</DATAID><FIRST_NAME>PHANTOM TRADING HOUSE</FIRST_NAME><ENTITY_ALIAS><QUALITY>f.k.a.</QUALITY>
<ALIAS_NAME>Phantom Shipping</ALIAS_NAME></ENTITY_ALIAS><ENTITY_ADDRESS><COUNTRY>Atlantis</COUNTRY></ENTITY_ADDRESS></ENTITY></ENTITIES>
</CONSOLIDATED_LIST>"""
OFAC = """<?xml version="1.0"?><sdnList xmlns="http://list.example/sdn"><publshInformation><Publish_Date>11/20/2026</Publish_Date>
<Record_Count>3</Record_Count></publshInformation>
<sdnEntry><uid>36</uid><lastName>MIRAGE FINANCE CORPORATION</lastName><sdnType>Entity</sdnType><programList><program>FICTION</program></programList>
<akaList><aka><uid>1</uid><type>a.k.a.</type><category>strong</category><lastName>MFC</lastName></aka></akaList>
<addressList><address><uid>9</uid><country>Panama</country></address></addressList></sdnEntry>
<sdnEntry><uid>37</uid><firstName>Ivan</firstName><lastName>VYDUMANOV</lastName><sdnType>Individual</sdnType>
<programList><program>FICTION</program><program>FABLE</program></programList>
<akaList><aka><uid>2</uid><type>a.k.a.</type><category>weak</category><lastName>THE CAPTAIN</lastName></aka></akaList>
<nationalityList><nationality><uid>3</uid><country>Russia</country></nationality></nationalityList>
<dateOfBirthList><dateOfBirthItem><uid>4</uid><dateOfBirth>circa 10 Dec 1960</dateOfBirth></dateOfBirthItem></dateOfBirthList>
<idList><id><uid>5</uid><idType>Tax ID</idType><idNumber>77 01</idNumber></id></idList></sdnEntry>
<sdnEntry><uid>38</uid><lastName>DREAM</lastName><sdnType>Vessel</sdnType></sdnEntry></sdnList>"""
GENERIC = "<Liste><Eintrag nr='1'><Nr>7</Nr><Namen><Voll>Fabel Werke AG</Voll></Namen><Alias>Fabel</Alias><Art>Firma</Art><Land>DE</Land></Eintrag></Liste>"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_a_csv_in_japanese_is_read_in_either_encoding(encoding):
    reading = read_bytes(CSV.encode(encoding), "csv", {})
    firm, person = reading.records
    assert firm == ListRecord("1", "架空貿易有限公司", "organisation", ("Kakuu Trading", "K Trading"), (), ("CN",), (), ("91-KAKUU1",), "核", None)
    assert (person.kind, person.countries, person.birth_years, person.reason) == ("person", ("RU",), (1960,), "核、ミサイル")
    assert [(left.where, translate(left.reason, "en")) for left in reading.left] == [(5, "It has no name.")]
    assert dict(reading.skipped) == {"船舶": 1} and reading.columns["name"] == "企業名"


def test_a_csv_with_headings_of_its_own_is_mapped():
    text = b"Wer;Sonst noch;Woher\nFabel Werke AG;Fabel | Fabelwerk;Germany\n"
    with pytest.raises(ImportRefused, match="No row names a column of names"):
        read_bytes(text, "csv", {})
    (record,) = read_bytes(text, "csv", {"name": "Wer", "alias": "Sonst noch", "country": "Woher"}).records
    assert (record.name, record.aliases, record.countries) == ("Fabel Werke AG", ("Fabel", "Fabelwerk"), ("DE",))
    with pytest.raises(ImportRefused, match="There is no column colour"):
        read_bytes(text, "csv", {"colour": "Wer"})


def test_the_consolidated_list_of_the_united_nations():
    reading = read_bytes(UN.encode(), "un_xml", {})
    person, firm = reading.records
    assert reading.as_of == date(2026, 11, 20) and dict(reading.unknown_countries) == {"atlantis": 1}
    assert person == ListRecord("111", "HONG GIL DONG", "person", ("홍길동", "Hong Kil Tong"), ("The Tiger",), ("KP",), (1960, 1962), ("PP1234",),
                                "Invented", date(2016, 3, 2))
    assert (firm.name, firm.kind, firm.aliases, firm.countries) == ("PHANTOM TRADING HOUSE", "organisation", ("Phantom Shipping",), ())


def test_the_list_of_ofac_in_whatever_namespace():
    reading = read_bytes(OFAC.encode(), "ofac_xml", {})
    firm, person = reading.records
    assert reading.as_of == date(2026, 11, 20) and dict(reading.skipped) == {"Vessel": 1}
    assert (firm.name, firm.aliases, firm.countries, firm.reason) == ("MIRAGE FINANCE CORPORATION", ("MFC",), ("PA",), "FICTION")
    assert person == ListRecord("37", "Ivan VYDUMANOV", "person", (), ("THE CAPTAIN",), ("RU",), (1960,), ("7701",), "FICTION, FABLE", None)


def test_any_other_list_by_a_mapping():
    mapping = {"record": "Eintrag", "ref": "Nr", "name": "Namen/Voll", "alias": "Alias", "kind": "Art", "country": "Land"}
    (record,) = read_bytes(GENERIC.encode(), "generic_xml", mapping).records
    assert (record.ref, record.name, record.aliases, record.kind, record.countries) == ("7", "Fabel Werke AG", ("Fabel",), "organisation", ("DE",))
    for wrong, said in (({"name": "Voll"}, "The mapping names"), (mapping | {"colour": "x"}, "There is no column colour"),
                        (mapping | {"record": "Zeile"}, "The file holds no element called Zeile")):
        with pytest.raises(ImportRefused, match=said):
            read_bytes(GENERIC.encode(), "generic_xml", wrong)


_LAUGHS = "".join(f'<!ENTITY l{n} "{"&l" + str(n - 1) + ";" if n else "lol"}{"&l" + str(n - 1) + ";" if n else "lol"}">' for n in range(30))
HOSTILE = {
    "entities that multiply": (f"<!DOCTYPE x [{_LAUGHS}]><CONSOLIDATED_LIST>&l29;</CONSOLIDATED_LIST>", "declares a document type"),
    "a file from elsewhere": ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><CONSOLIDATED_LIST>&e;</CONSOLIDATED_LIST>', "declares a document type"),
    "a document type alone": ('<!DOCTYPE x SYSTEM "http://list.example/x.dtd"><CONSOLIDATED_LIST/>', "declares a document type"),
    "nested without end": ("<CONSOLIDATED_LIST>" + "<a>" * 5000 + "</a>" * 5000 + "</CONSOLIDATED_LIST>", "nested deeper"),
    "a record without end": ("<CONSOLIDATED_LIST><ENTITY>" + "<a/>" * 30_000 + "</ENTITY></CONSOLIDATED_LIST>", "a record is longer"),
    "cut in the middle": (UN[:900], "not well-formed"),
    "no XML at all": ("name,kind\nx,y\n", "not well-formed"),
    "an encoding nobody knows": ('<?xml version="1.0" encoding="x-none"?><CONSOLIDATED_LIST/>', "not well-formed"),
    "no record in it": ("<CONSOLIDATED_LIST><OTHER/></CONSOLIDATED_LIST>", "holds no element called"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_means_harm_or_is_broken_is_refused_in_words(what):
    text, said = HOSTILE[what]
    with pytest.raises(ImportRefused, match=said):
        read_bytes(text.encode(), "un_xml", {})


@pytest.mark.parametrize("raw", [b"name\n\x00x\n", "name\n髙\n".encode("utf-16"), b"PK\x03\x04....", "name\nあ\n".encode() + "い\n".encode("cp932") * 3 + b"\xff\xff\n",
                                 b'name\n"open\n', b""])
def test_a_csv_that_is_no_text_is_refused_in_words(raw):
    with pytest.raises(ImportRefused):
        read_bytes(raw, "csv", {})


def test_bytes_that_are_not_what_the_xml_says_are_refused():
    with pytest.raises(ImportRefused, match="not well-formed"):
        read_bytes(OFAC.replace("Ivan", "髙橋").encode("cp932"), "ofac_xml", {})


def test_an_xml_file_larger_than_any_list_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(from_xml, "FILE_BYTES_MOST", 100)
    (tmp_path / "list.xml").write_text(UN)
    with pytest.raises(ImportRefused, match="larger than"):
        read_list(tmp_path / "list.xml", "un_xml", {})


def test_a_stream_keeps_one_record_at_a_time(tmp_path):
    import tracemalloc

    def peak(count):
        entry = "<ENTITY><DATAID>{}</DATAID><FIRST_NAME>PHANTOM {}</FIRST_NAME><COMMENTS1>" + "x" * 2000 + "</COMMENTS1></ENTITY>"
        path = tmp_path / f"{count}.xml"
        path.write_text("<CONSOLIDATED_LIST><ENTITIES>" + "".join(entry.format(n, n) for n in range(count)) + "</ENTITIES></CONSOLIDATED_LIST>")
        tracemalloc.start()
        assert len(read_list(path, "un_xml", {}).records) == count
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    few, many = peak(200), peak(2_000)
    assert many - few < 1_800 * 2_000 / 2, "comments of every record were kept"


def test_repeated_numbers_name_the_first_and_hashes_stand_in_where_there_are_none():
    reading = read_bytes(b"id,name\n1,One\n1,Two\n,Three\n,Three\n,Four\n", "csv", {})
    assert [record.name for record in reading.records] == ["One", "Three", "Four"]
    assert len({record.ref for record in reading.records}) == 3


@pytest.mark.parametrize(("written", "day"), [("2026-11-30", date(2026, 11, 30)), ("2026/1/2", date(2026, 1, 2)), ("2026年11月30日", date(2026, 11, 30)),
                                              ("11/30/2026", date(2026, 11, 30)), ("20261130", date(2026, 11, 30)), ("2026-13-01", None), ("soon", None)])
def test_days_as_lists_write_them(written, day):
    assert day_of(written) == day


def test_countries_as_lists_write_them():
    assert [country_of(each) for each in ("Iran (Islamic Republic of)", "ロシア", "KP", "Korea, North", "Atlantis", "")] == ["IR", "RU", "KP", "KP", None, None]


def test_names_that_are_too_long_or_too_many_are_left_out():
    for fields in ({"name": "x" * (records.NAME_MOST + 1)}, {"name": "x", "aliases": [f"y{n}" for n in range(records.ALIASES_MOST + 1)]}, {"name": "---"}):
        with pytest.raises(records.Refused):
            records.make_record(ref=None, kind="person", **fields)
    assert records.make_record(ref=None, kind="person", name="A\u202eB\n C\u0000").name == "A B C"
