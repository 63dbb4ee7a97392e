"""The words of the Demo workspace: invented people, breads and letters."""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "northwind-bakery.example"
SHOP_DOMAIN = f"shop.{DOMAIN}"
NEWSLETTER_FROM = f"Northwind Bakery <hello@{DOMAIN}>"
ORDERS_FROM = f"Northwind Bakery <orders@{DOMAIN}>"
SHOP_FROM = f"Northwind Shop <hello@{SHOP_DOMAIN}>"

FIRST_NAMES = (
    "Ada", "Bo", "Clara", "David", "Elif", "Freja", "Goran", "Hanna", "Ines", "Jonas", "Karin", "Liam", "Maja",
    "Nils", "Olga", "Pavel", "Rosa", "Sven", "Tove", "Uma", "Vera", "Wim", "Yara", "Zoë", "Łukasz", "Jürgen",
)
LAST_NAMES = (
    "Ahlgren", "Berg", "Costa", "Dahl", "Eriksen", "Farkas", "Grant", "Holm", "Iversen", "Jensen", "Koch",
    "Lindqvist", "Moreau", "Novak", "Olsen", "Petrov", "Quist", "Rossi", "Schmidt", "Thomsen", "Weber",
)
TOWNS = ("Harbour Town", "Mill Bridge", "Oakfield", "Northgate", "Lakeside")
BREADS = ("Rye", "Sourdough", "Cinnamon roll", "Baguette", "Seed loaf")
LANGUAGES = ("en", "en", "en", "de", "fr", "es", "pl", "")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A newsletter: what it says, and how much people liked it (1 = as usual)."""

    name: str
    subject: str
    preheader: str
    title: str
    text: str
    button: str
    path: str
    #: Title, text, words of the link, path.
    stories: tuple[tuple[str, str, str, str], ...] = ()
    appeal: float = 1.0


WEDNESDAYS = Letter(
    name="Sourdough on Wednesdays", subject="Sourdough on Wednesdays, {{ contact.first_name }}",
    preheader="A second batch, out of the oven at three", title="A second batch on Wednesdays",
    text="From this week we bake sourdough twice on Wednesdays. The second loaves come out at three, in time for "
         "supper, and they are still warm when school ends.",
    button="See the loaves", path="sourdough",
    stories=(("How long does it keep?", "Four days in a paper bag, cut side down.", "Read the note", "keeping-bread"),),
    appeal=1.05,
)
ROLLS = Letter(
    name="Cinnamon rolls are back", subject="Cinnamon rolls are back", preheader="Still warm at eight",
    title="They are back, still warm at eight",
    text="You asked, we listened. Cinnamon rolls are in the window again, every morning but Monday.",
    button="Order a box", path="rolls",
    stories=(("How we make them", "Butter, cardamom, and no hurry.", "The recipe", "recipe"),
             ("For the office", "Boxes of twelve by bicycle, before nine.", "Office boxes", "office")),
    appeal=1.35,
)
STARTER = Letter(
    name="How we feed the starter", subject="Meet Ingrid, our starter", preheader="She is older than the bakery",
    title="Ingrid is eleven years old",
    text="Every loaf begins with her. We feed her twice a day, flour and water and patience, and never on the phone.",
    button="Ask for a jar of her", path="starter", appeal=0.9,
)
RYE = Letter(
    name="Saturday rye pre-order", subject="Your rye for Saturday", preheader="Put aside until Friday noon",
    title="Put your rye aside",
    text="Rye sells out by ten. Tell us until Friday at noon and yours waits behind the counter.",
    button="Put one aside", path="rye", appeal=1.5,
)
MORNING = Letter(
    name="The morning shift", subject="Who bakes your bread at three in the morning",
    preheader="Tove, Goran and a lot of coffee", title="Three in the morning",
    text="Tove and Goran have had the morning shift for six years. They told us what they listen to.",
    button="Read the interview", path="morning-shift",
    stories=(("We are hiring", "One more pair of hands, from four to eleven.", "The job", "jobs"),), appeal=0.85,
)
FAIR = Letter(
    name="Nice to meet you at the fair", subject="It was nice to meet you at the fair",
    preheader="A rye loaf on us", title="A rye loaf on us",
    text="You left us your address at the market fair. Show this mail in the shop and take a small rye home.",
    button="Where to find us", path="find-us", appeal=0.45,
)
SEEDS = Letter(
    name="The new seed loaf", subject="Seven seeds, one loaf", preheader="Baked for the first time on Friday",
    title="Seven seeds, one loaf",
    text="Sunflower, pumpkin, flax, sesame, poppy, millet and a little chia. It took us eleven attempts.",
    button="Taste it first", path="seed-loaf", appeal=1.1,
)
BAGUETTES = Letter(
    name="Baguettes twice a day", subject="Baguettes, twice a day from now on", preheader="At seven and at four",
    title="Baguettes, twice a day",
    text="A baguette is at its best for four hours. So now there are two batches: at seven and at four.",
    button="The baking plan", path="plan",
    stories=(("Yesterday’s bread", "Half price until ten, for toast and soup.", "What is left", "yesterday"),),
)
HOURS = Letter(
    name="New opening hours", subject="We open at six from Monday", preheader="An hour earlier, every weekday",
    title="Open from six",
    text="From Monday the door opens at six on weekdays. Saturdays stay at seven, and Sundays we sleep.",
    button="All opening hours", path="hours", appeal=1.2,
)
COURSE = Letter(
    name="Bread course for beginners", subject="Bake your first loaf with us", preheader="Eight places, two evenings",
    title="Two evenings, one loaf",
    text="Eight places, two evenings, and you take your own starter home. Bring an apron.",
    button="Take a place", path="course",
    stories=(("For children", "Rolls in the shape of anything, Sunday at ten.", "Children’s hour", "children"),),
    appeal=1.15,
)
APPLES = Letter(
    name="Apple cake, while they last", subject="Apple cake, while the apples last",
    preheader="From Karin’s orchard in Oakfield", title="Apple cake",
    text="Karin brought forty crates. We bake apple cake until they are gone, which will be in about two weeks.",
    button="Put a cake aside", path="apple-cake",
)
OVEN = Letter(
    name="The new oven", subject="Our new oven came through the window",
    preheader="It took nine people and a crane", title="Nine people and a crane",
    text="The door was too small, so the oven came in through the window. It bakes two hundred loaves at once.",
    button="See the pictures", path="oven",
    stories=(("Come and look", "Open bakery on Sunday from ten to noon.", "Open bakery", "open-bakery"),), appeal=1.05,
)
HAMPERS = Letter(
    name="Hampers from the shop", subject="Hampers, packed by hand", preheader="Delivered to your door",
    title="A hamper, packed by hand",
    text="Rye crisps, jam, a jar of Ingrid and a tea towel. Order in the shop and we bring it to the door.",
    button="See the hampers", path="hampers", appeal=0.9,
)
HOLIDAYS = Letter(
    name="Holiday pre-orders", subject="Holiday bread: order until the 15th", preheader="Stollen, crackers, big rye",
    title="Holiday bread",
    text="Stollen, crispbread and the big rye. Order until the 15th and name your hour to pick it up.",
    button="Choose yours", path="holidays",
)

_STYLE = """\
    <style>
      body { margin: 0; background: #f6f1e7; color: #2a2420; font: 16px/25px Georgia, serif; }
      .page { max-width: 560px; margin: 0 auto; background: #ffffff; }
      .head { padding: 20px 32px; background: #8a3b12; color: #ffffff;
              font: bold 17px/24px Helvetica, Arial, sans-serif; }
      .body { padding: 28px 32px; }
      h1 { margin: 0 0 12px; font-size: 26px; line-height: 34px; }
      h2 { margin: 28px 0 4px; font-size: 18px; line-height: 26px; }
      p { margin: 0 0 16px; }
      a { color: #8a3b12; }
      .button { display: inline-block; padding: 12px 22px; border-radius: 6px; background: #8a3b12; color: #ffffff;
                text-decoration: none; font: bold 15px/20px Helvetica, Arial, sans-serif; }
      .small { padding: 20px 32px 36px; color: #6b6057; font: 12px/19px Helvetica, Arial, sans-serif; }
      @media (prefers-color-scheme: dark) {
        body { background: #1d1a17; color: #ece5da; }
        .page { background: #28231f; }
        a { color: #f0a878; }
        .button { color: #ffffff; }
        .small { color: #b5a99b; }
      }
    </style>"""


def newsletter(letter: Letter) -> str:
    """The HTML of a newsletter, as a person would write and read it."""
    stories = "".join(
        f"""
        <h2>{title}</h2>
        <p>{text} <a href="https://{DOMAIN}/{path}">{words}</a></p>"""
        for title, text, words, path in letter.stories
    )
    return f"""\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{letter.title}</title>
{_STYLE}
  </head>
  <body>
    <div class="page">
      <div class="head">Northwind Bakery</div>
      <div class="body">
        <h1>{letter.title}</h1>
        <p>Hello {{{{ contact.first_name }}}},</p>
        <p>{letter.text}</p>
        <p><a class="button" href="https://{DOMAIN}/{letter.path}">{letter.button}</a></p>{stories}
      </div>
      <div class="small">
        You get this because you joined our list as {{{{ contact.email }}}}.<br>
        <a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a> ·
        <a href="{{{{ preferences_url }}}}">Choose what you get</a> ·
        <a href="{{{{ view_url }}}}">View in browser</a><br>
        Northwind Bakery, 4 Mill Lane, 2100 Harbour Town
      </div>
    </div>
  </body>
</html>
"""


def _letter(title: str, body: str) -> str:
    return f"""\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
{_STYLE}
  </head>
  <body>
    <div class="page">
      <div class="head">Northwind Bakery</div>
      <div class="body">
        <h1>{title}</h1>
{body}
      </div>
      <div class="small">Northwind Bakery, 4 Mill Lane, 2100 Harbour Town</div>
    </div>
  </body>
</html>
"""


def receipt(name: str, number: int, items: tuple[tuple[str, int], ...]) -> str:
    """The text of an order's receipt; prices in cents."""
    lines = "\n".join(f"{title:<22}{cents / 100:>6.2f}" for title, cents in items)
    return (
        f"Hello {name},\n\nthank you for order {number}.\n\n{lines}\n{'Total':<22}{_total(items)}\n\n"
        "Pick it up at 4 Mill Lane from 8 in the morning.\n\nNorthwind Bakery\n"
    )


def receipt_html(name: str, number: int, items: tuple[tuple[str, int], ...]) -> str:
    """The same as HTML."""
    rows = "\n".join(
        f'          <tr><td>{title}</td><td align="right">{cents / 100:.2f}</td></tr>' for title, cents in items
    )
    return _letter(
        f"Thank you for order {number}",
        f"""\
        <p>Hello {name}, we put this aside for you:</p>
        <table role="presentation" width="100%" cellpadding="4">
{rows}
          <tr><td><b>Total</b></td><td align="right"><b>{_total(items)}</b></td></tr>
        </table>
        <p>Pick it up at 4 Mill Lane from 8 in the morning.</p>""",
    )


def _total(items: tuple[tuple[str, int], ...]) -> str:
    return f"{sum(cents for _, cents in items) / 100:>6.2f}".strip()


RESET = (
    "Somebody, probably you, asked to set a new password for your account at Northwind Bakery.\n\n"
    f"https://{DOMAIN}/reset\n\nThe link works for an hour. If it was not you, nothing needs to be done.\n"
)
RESET_HTML = _letter(
    "Set a new password",
    f"""\
        <p>Somebody, probably you, asked to set a new password for your account.</p>
        <p><a class="button" href="https://{DOMAIN}/reset">Set a new password</a></p>
        <p>The link works for an hour. If it was not you, nothing needs to be done.</p>""",
)

#: What is sold, in cents.
PRICES = (("Rye loaf", 650), ("Sourdough loaf", 720), ("Cinnamon roll", 350), ("Baguette", 290), ("Seed loaf", 690),
          ("Apple cake", 2400), ("Box of rolls", 3800))

WELCOME_SOURCE = f"""\
<mjml>
  <mj-head>
    <mj-attributes>
      <mj-all font-family="Georgia, serif" />
      <mj-text font-size="16px" line-height="26px" color="#2a2420" padding="8px 32px" />
      <mj-button background-color="#8a3b12" color="#ffffff" border-radius="6px" padding="16px 32px" align="left" />
    </mj-attributes>
  </mj-head>
  <mj-body background-color="#f6f1e7" width="600px">
    <mj-section background-color="#8a3b12" padding="20px 0">
      <mj-column>
        <mj-text font-size="18px" font-weight="700" color="#ffffff">Northwind Bakery</mj-text>
      </mj-column>
    </mj-section>
    <mj-section background-color="#ffffff" padding="24px 0 28px">
      <mj-column>
        <mj-text font-size="26px" line-height="34px" font-weight="700">Welcome, {{{{ contact.first_name }}}}</mj-text>
        <mj-text>You hear from us once a week: what is in the oven, and now and then a recipe.</mj-text>
        <mj-button href="https://{DOMAIN}/hours">When we are open</mj-button>
      </mj-column>
    </mj-section>
    <mj-section padding="20px 0 40px">
      <mj-column>
        <mj-text font-size="12px" line-height="19px" color="#6b6057">
          <a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a> · <a href="{{{{ view_url }}}}">View in browser</a><br />
          Northwind Bakery, 4 Mill Lane, 2100 Harbour Town
        </mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""


def price_list() -> bytes:
    """A small PDF: the price list that receipts of the sandbox carry."""
    lines = ["Northwind Bakery: price list", *(f"{title}: {cents / 100:.2f}" for title, cents in PRICES)]
    drawn = "\n".join(f"({line}) Tj T*" for line in lines)
    stream = f"BT /F1 14 Tf 60 760 Td 22 TL\n{drawn}\nET".encode()
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    made, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return made + b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, table, len(objects) + 1, len(made)
    )
