"""Faults of an event's body, and bodies that only look wrong: the same for every way to create one."""

SECTION = {"name": "A", "price": 100, "rows": 2, "seats_per_row": 3}
SOON = "2027-06-01T19:30:00Z"


def body(**change) -> dict:
    content = {"name": "Faust", "venue": "Town Hall", "starts_at": SOON, "currency": "EUR", "sections": [SECTION], **change}
    return {name: value for name, value in content.items() if value is not ...}


def section(**change) -> dict:
    return body(sections=[{**SECTION, **change}])


def seats(*listed: dict) -> dict:
    return body(sections=..., seats=list(listed))


# What it is, the body, and the pointers of what is wrong with it.
REFUSED = {
    "no sections": (body(sections=[]), ["/sections"]),
    "no seats": (body(sections=..., seats=[]), ["/seats"]),
    "neither": (body(sections=...), ["/sections"]),
    "both": (body(seats=[{"seat": "T1", "price": 1}]), ["/seats"]),
    "rows without seats": (section(seats_per_row=0), ["/sections/0/seats_per_row"]),
    "no rows": (section(rows=0), ["/sections/0/rows"]),
    "a seat twice": (seats({"seat": "T1", "price": 1}, {"seat": "T2", "price": 1}, {"seat": "T1", "price": 2}), ["/seats/2/seat"]),
    "a seat twice, escaped": (seats({"seat": "Ä", "price": 1}, {"seat": "\u00c4", "price": 1}), ["/seats/1/seat"]),
    "a section twice": (body(sections=[SECTION, SECTION]), ["/sections/1/name"]),
    "more than a million seats": (section(rows=1001, seats_per_row=1000), ["/sections"]),
    "more than a million seats in two sections": (
        body(sections=[{**SECTION, "name": name, "rows": 1000, "seats_per_row": 501} for name in "AB"]), ["/sections"]),
    "ten thousand million seats": (section(rows=100000, seats_per_row=100000), ["/sections"]),
    "a negative price": (section(price=-1), ["/sections/0/price"]),
    "a price that overflows": (section(price=2**63), ["/sections/0/price"]),
    "a price that no order could add up": (section(price=10**12 + 1), ["/sections/0/price"]),
    "a price with cents": (section(price=12.5), ["/sections/0/price"]),
    "a price in words": (section(price="12"), ["/sections/0/price"]),
    "a negative price of a seat": (seats({"seat": "T1", "price": -1}), ["/seats/0/price"]),
    "an unknown currency": (body(currency="ZZZ"), ["/currency"]),
    "a currency of the past": (body(currency="DEM"), ["/currency"]),
    "a currency in small letters": (body(currency="eur"), ["/currency"]),
    "a currency and a price": (body(currency="ZZZ", sections=[{**SECTION, "price": -1}]), ["/currency", "/sections/0/price"]),
    "a start in the past": (body(starts_at="2020-06-01T19:30:00Z"), ["/starts_at"]),
    "a start in the past, not backdated": (body(starts_at="2020-06-01T19:30:00Z", backdated=False), ["/starts_at"]),
    "the start of all time": (body(starts_at="1970-01-01T00:00:00Z"), ["/starts_at"]),
    "backdated in words": (body(starts_at="2020-06-01T19:30:00Z", backdated="true"), ["/backdated", "/starts_at"]),
    "a day that is not there": (body(starts_at="2027-02-30T19:30:00Z"), ["/starts_at"]),
    "on sale past the start": (body(on_sale_until="2027-06-01T19:30:00.001Z"), ["/on_sale_until"]),
    "on sale until before it begins": (body(on_sale_from="2027-05-02T00:00:00Z", on_sale_until="2027-05-01T00:00:00Z"), ["/on_sale_until"]),
    "a name of 10,000 characters": (body(name="ä" * 10000), ["/name"]),
    "a venue of 10,000 characters": (body(venue="x" * 10000), ["/venue"]),
    "no name": (body(name=""), ["/name"]),
    "a control character in the name": (body(name="Fa\x1b[31must"), ["/name"]),
    "a line feed in the name": (body(name="Fa\nust"), ["/name"]),
    "a control character of C1 in the venue": (body(venue="Town\x9bHall"), ["/venue"]),
    "a control character in a seat": (seats({"seat": "T\x071", "price": 1}), ["/seats/0/seat"]),
    "a control character in a section": (section(name="A\x7f"), ["/sections/0/name"]),
    "an unknown member": (body(**{"$where": "1"}), ["/$where"]),
}
# These are events like any other.
ACCEPTED = {
    "HTML": body(name="<script>alert(1)</script> & \"quotes\"", venue="<b>Hall</b>"),
    "operators of MongoDB": body(name="$where", venue="a.b", description="{\"$gt\": \"\"}"),
    "SQL": body(name="'; DROP TABLE sales; --", venue="100 % _all_"),
    "a name of 200 characters": body(name="𝄞" * 200),
    "the past, backdated": body(name="The past", starts_at="2020-06-01T19:30:00Z", backdated=True),
    "on sale until the start": body(name="Until the start", on_sale_until=SOON),
    "the highest price": body(name="Dear", sections=[{**SECTION, "price": 10**12}]),
    "no price": body(name="Free", sections=[{**SECTION, "price": 0}]),
    "ten thousand seats": body(name="Large", sections=[{**SECTION, "rows": 100, "seats_per_row": 100}]),
    "null for nothing": body(name="Null", description=None, on_sale_from=None, seats=None),
}
