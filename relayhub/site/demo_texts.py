"""The words of the Demo workspace: invented people, breads and letters."""

from __future__ import annotations

FIRST_NAMES = (
    "Ada", "Bo", "Clara", "David", "Elif", "Freja", "Goran", "Hanna", "Ines", "Jonas", "Karin", "Liam", "Maja",
    "Nils", "Olga", "Pavel", "Rosa", "Sven", "Tove", "Uma", "Vera", "Wim", "Yara", "Zoe",
)
LAST_NAMES = (
    "Ahlgren", "Berg", "Costa", "Dahl", "Eriksen", "Farkas", "Grant", "Holm", "Iversen", "Jensen", "Koch",
    "Lindqvist", "Moreau", "Novak", "Olsen", "Petrov", "Quist", "Rossi", "Schmidt", "Thomsen", "Weber",
)
TOWNS = ("Harbour Town", "Mill Bridge", "Oakfield", "Northgate", "Lakeside")
BREADS = ("Rye", "Sourdough", "Cinnamon roll", "Baguette", "Seed loaf")

#: Name, subject, body.
CAMPAIGNS = (
    ("Mid-week sourdough", "Sourdough on Wednesdays, {{ contact.first_name }}",
     "<p>From this week we bake a second batch of sourdough on Wednesday afternoons.</p>"
     "<p><a href='https://northwind-bakery.example/sourdough'>See the loaves</a></p>"),
    ("Cinnamon rolls are back", "Cinnamon rolls are back",
     "<p>They are back, still warm at eight.</p>"
     "<p><a href='https://northwind-bakery.example/rolls'>Order a box</a> or read "
     "<a href='https://northwind-bakery.example/recipe'>how we make them</a>.</p>"),
    ("Saturday rye pre-order", "Your rye for Saturday",
     "<p>Rye sells out by ten. Put yours aside until Friday at noon.</p>"
     "<p><a href='https://northwind-bakery.example/rye'>Put one aside</a></p>"),
)

RESET = (
    "Somebody, probably you, asked to set a new password for your account at Northwind Bakery.\n\n"
    "https://northwind-bakery.example/reset\n\nIf it was not you, nothing needs to be done.\n"
)


def receipt(name: str, number: int) -> str:
    """The text of an order's receipt."""
    return (
        f"Hello {name},\n\nthank you for order {number}.\n\n1 rye loaf        6.50\n2 cinnamon rolls  7.00\n\n"
        "Pick it up at 4 Mill Lane from 8 in the morning.\n\nNorthwind Bakery\n"
    )


def page(title: str, body: str) -> str:
    """A plain newsletter page around a body."""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<style>body{margin:0;background:#f6f1e7;color:#2a2420;font:16px/24px Georgia,serif}"
        ".card{max-width:560px;margin:0 auto;padding:32px;background:#ffffff}h1{font-size:24px;margin:0 0 16px}"
        "a{color:#8a3b12}</style>"
        f"<title>{title}</title></head><body><div class='card'><h1>{title}</h1>"
        "<p>Dear {{ contact.first_name }},</p>"
        f"{body}<p>Your bakers</p></div></body></html>"
    )
