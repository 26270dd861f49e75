"""Notes and files of one person; calls, e-mails and texts among the notes arrive as activities."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from datetime import datetime
from html import escape
from random import Random

from workbench.sample.people import Office, Person
from workbench.sample.practices import LAST_CHANGE, workday
from workbench.sample.truth import Draft, export_time, folded, iso_time

TYPES = (
    "Clinical",
    "Phone",
    "General",
    "Clinical",
    "Email",
    "Financial",
    "Clinical",
    "Text",
    "General",
    "Referral",
    "Phone",
    "Clinical",
)
ACTIVITIES = {"Phone": "Phone", "Email": "Email", "Text": "SMS Outgoing"}
"""Note types that arrive as a sales activity, and of which type."""
TITLE_LENGTH = 60
RELATED = {"contacts": "contact", "cases": "case", "companies": "company", "appointments": "appointment"}
FILES = (
    ("Treatment Plan", "treatment-plan.pdf", "application/pdf"),
    ("Insurance Card", "Insurance card, front.png", "image/png"),
    ("Consent Form", "consent form (signed).pdf", "application/pdf"),
    ("Photo", "photo.png", "image/png"),
    ("Referral Letter", "Überweisung & report.pdf", "application/pdf"),
)
"""Category, name and kind of the files people scan; equal names are common, equal bytes never happen."""
A_FOLDER = 1000
"""Files in one folder of a delivery."""


@dataclass(frozen=True)
class Attachment:
    """A row of the index and the file it names."""

    draft: Draft
    content: bytes


def invent_note(
    office: Office,
    rng: Random,
    about: Draft,
    *,
    kind: str = "",
    author: str | None = None,
    person: Person | None = None,
) -> Draft:
    """Invent one note about a person, a case, an appointment or a company."""
    practice, words, number = office.practice, office.words["notes"], office.numbers.next("notes")
    kind = kind or TYPES[number % len(TYPES)]
    begun = max(person.draft.created if person else datetime.min, datetime(2022, 1, 3))
    written = workday(rng, begun, LAST_CHANGE)
    draft = Draft("notes", f"N-{1_000_000 + number}", about.zone)
    draft.stamp(written, written)
    draft.row |= {
        "note_id": draft.source_id,
        "note_type": kind,
        "related_object": RELATED[about.source_object],
        "related_id": about.source_id,
        "written_at": export_time(written),
        "is_private": rng.choice(("N", "N", "Y")),
        "is_signed": "Y" if kind == "Clinical" else "",
        "signed_at": export_time(written) if kind == "Clinical" else "",
    }
    draft.aim(about.links["target"] if about.source_object == "appointments" else about)
    texts = words["companies" if about.source_object == "companies" else kind]
    lines = [texts[number // len(TYPES) % len(texts)]]
    if rng.random() < 0.35:
        lines.append(rng.choice(words["more"]))
    lines = [line.format(n=rng.randrange(2, 60), tooth=rng.randrange(1, 33)) for line in lines]
    if kind in ACTIVITIES:
        _as_activity(draft, kind, lines, iso_time(written, draft.zone))
        practice.own(draft, practice.anyone(rng) if author is None else author, "author_user_id")
    else:
        draft.row["author_user_id"] = rng.choice(list(practice.users)) if author is None else author
    write_body(draft, lines, number)
    return draft


def write_body(draft: Draft, lines: list[str], number: int) -> None:
    """Write the note's lines in one of three formats; as plain text they arrive the same."""
    draft.fields["text"] = folded("\n".join(lines))
    is_rtf = number % 11 == 3 and all(ord(sign) < 0x10000 for line in lines for sign in line)
    style = "rtf" if is_rtf else "html" if number % 5 == 1 else "plain"
    draft.row |= {"body_format": style, "body": {"rtf": _rtf, "html": _html, "plain": "\n".join}[style](lines)}


def _as_activity(draft: Draft, kind: str, lines: list[str], at: str) -> None:
    draft.destination = "sales_activity"
    # A title that was cut at a blank would read differently with and without it.
    while folded("\n".join(lines))[TITLE_LENGTH - 1 : TITLE_LENGTH] == " ":
        lines[0] = f"Re: {lines[0]}"
    start = folded("\n".join(lines))[:TITLE_LENGTH]
    draft.fields |= {"title": f"{kind}: {start}", "sales_activity_type": ACTIVITIES[kind]}
    draft.fields |= {"start_date": at, "end_date": at}


def _html(lines: list[str]) -> str:
    paragraphs = []
    for line in lines:
        first, _, rest = escape(line, quote=False).partition(" ")
        paragraphs.append(f'<p class="note"><b>{first}</b> {rest}</p>'.replace("é", "&eacute;"))
    return "<div>" + "\n".join(paragraphs) + "</div>"


def _rtf(lines: list[str]) -> str:
    def typed(sign: str) -> str:
        if sign in "\\{}":
            return "\\" + sign
        return sign if ord(sign) < 128 else f"\\u{ord(sign)}?"

    body = "\\par\n".join("".join(typed(sign) for sign in line.replace("\n", " ")) for line in lines)
    return "{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0 Arial;}}\\f0\\fs20 " + body + "\\par\n}"


def invent_attachment(office: Office, rng: Random, about: Draft, person: Person) -> Attachment:
    """Invent one file of a person or of one of their cases."""
    number = office.numbers.next("attachments")
    category, name, mime = FILES[number % len(FILES)]
    draft = Draft("attachments", f"F-{800_000 + number}", about.zone)
    created = workday(rng, max(person.draft.created, datetime(2022, 1, 3)), LAST_CHANGE)
    draft.stamp(created, created)
    maker = _pdf if mime.endswith("pdf") else _png
    content = maker(f"{category} {draft.source_id} {rng.randrange(10**9)}")
    path = f"attachments/{number // A_FOLDER:04d}/{draft.source_id}.{mime[-3:]}"
    draft.put("attachment_id", draft.source_id)
    draft.row |= {
        "related_object": "case" if about.source_object == "cases" else "contact",
        "related_id": about.source_id,
        "category": category,
        "relative_path": path,
        "mime_type": mime,
        "uploaded_by_user_id": rng.choice(list(office.practice.users)),
        "description": rng.choice(("", "scanned at check-in")),
    }
    draft.put("file_name", name, to="file_name")
    draft.put("size_bytes", str(len(content)), to="size", value=len(content))
    draft.put("sha256", hashlib.sha256(content).hexdigest(), to="sha256")
    draft.aim(about)
    return Attachment(draft, content)


def _pdf(words: str) -> bytes:
    """Return a page that shows one line of text."""
    stream = f"BT /F1 12 Tf 72 720 Td ({words}) Tj ET".encode("ascii")
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    written, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(parts) + 1
    return written + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, size, len(written))
    )


def _png(words: str) -> bytes:
    """Return a picture of 4 by 4 grey points that names itself in its text block."""
    shades = hashlib.sha256(words.encode()).digest()
    rows = b"".join(b"\x00" + shades[4 * line : 4 * line + 4] for line in range(4))
    blocks = (
        (b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)),
        (b"tEXt", b"Title\x00" + words.encode("latin-1")),
        (b"IDAT", zlib.compress(rows, 0)),  # stored: the same bytes with every zlib
        (b"IEND", b""),
    )
    framed = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in blocks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)
