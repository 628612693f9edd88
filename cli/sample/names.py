"""Layer: cli. What sample people, companies and their dealings are called, from all over Europe."""

import unicodedata
from typing import Final, NamedTuple


class City(NamedTuple):
    """A city, its country, and how phone numbers and languages begin there."""

    name: str
    country: str
    dial: str
    language: str


FIRST_NAMES: Final = tuple(
    (
        "Anke Annelies Bart Beatriz Björn Brúnó Céline Chloé Clémence Daniël Dieter Dóra Eline Élodie Emre Eoghan "
        "Eva Fien Françoise Freja Geert Gijs Gülşen Hanna Håkon Hélène Ilse Inès Ioana Iñaki Jasper Jelle Joëlle "
        "Jörg José Jürgen Katarzyna Kevin Koen Lærke Laurène Lotte Łukasz Maartje Małgorzata Maëlle Marieke Márton "
        "Matthijs Mehmet Mieke Mónica Nathalie Niamh Noémie Núria Ólafur Óscar Paweł Pieter Raphaël René Roos Rúben "
        "Sabine Saskia Seán Siobhán Sofía Søren Stijn Šárka Thérèse Thijs Tomáš Ümit Valérie Veerle Wies Willem "
        "Wouter Yasmina Zoë Žaneta"
    ).split()
)
LAST_NAMES: Final = (
    *(
        "Åkesson Ångström Baert Bakker Bauer Berger Bergström Bogaert Bouchard Brown Çelik Claes Côté Czerny Dąbrowski "
        "Dubois Dupré Dvořák Eriksson Fernández Ferreira Fischer Gärtner García Gonçalves Groß Håkansson Hendrickx "
        "Horváth Ibáñez Jansen Janssens Jørgensen Kowalczyk Kovács Kraus Lambrecht Lefèvre Lindqvist López Łukasik "
        "Maes Martínez Mertens Michiels Müller Murphy Nagy Nguyễn Nielsen Novák Núñez Ødegård Öztürk Pauwels Peeters "
        "Pérez Petit Popescu Rodríguez Røed Sánchez Schäfer Schröder Šimek Smet Söderberg Szabó Sørensen Thomas "
        "Vermeulen Verstraete Wagner Weiß Willems Wójcik Yılmaz Żak Ziółkowski"
    ).split(),
    "van der Meer",
    "van der Linden",
    "van der Veen",
    "Van der Auwera",
    "van den Berg",
    "Van den Broeck",
    "van 't Hof",
    "de Vries",
    "De Clercq",
    "de la Cruz",
    "ter Horst",
    "dos Santos",
    "O'Brien",
    "Ó Súilleabháin",
    "Müller-Lüdenscheidt",
)
CITIES: Final = (
    City("Gent", "Belgium", "+32 9", "nl"),
    City("Brugge", "Belgium", "+32 50", "nl"),
    City("Antwerpen", "Belgium", "+32 3", "nl"),
    City("Liège", "Belgium", "+32 4", "fr"),
    City("Namur", "Belgium", "+32 81", "fr"),
    City("Amsterdam", "Netherlands", "+31 20", "nl"),
    City("Utrecht", "Netherlands", "+31 30", "nl"),
    City("'s-Hertogenbosch", "Netherlands", "+31 73", "nl"),
    City("Köln", "Germany", "+49 221", "de"),
    City("München", "Germany", "+49 89", "de"),
    City("Besançon", "France", "+33 3", "fr"),
    City("Orléans", "France", "+33 2", "fr"),
    City("Malmö", "Sweden", "+46 40", "sv"),
    City("Tromsø", "Norway", "+47 77", "no"),
    City("Århus", "Denmark", "+45 86", "da"),
    City("Kraków", "Poland", "+48 12", "pl"),
    City("Łódź", "Poland", "+48 42", "pl"),
    City("Győr", "Hungary", "+36 96", "hu"),
    City("Plzeň", "Czechia", "+420 37", "cs"),
    City("A Coruña", "Spain", "+34 981", "es"),
    City("Évora", "Portugal", "+351 266", "pt"),
    City("Dún Laoghaire", "Ireland", "+353 1", "en"),
)
JOB_TITLES: Final = (
    "Owner",
    "Office manager",
    "Directrice commerciale",
    "Hoofd inkoop",
    "Einkäufer",
    "IT-beheerder",
    "Responsable qualité",
    "Marketing manager",
    "Kierownik produkcji",
    "Site engineer",
    "CFO",
)
TRADES: Final = (
    "Bakkerij",
    "Brasserie",
    "Bouwgroep",
    "Drukkerij",
    "Garage",
    "Tuincentrum",
    "Transports",
    "Logistik",
    "Möbel",
    "Elektro",
    "Fietsen",
    "Kwekerij",
    "Installatie",
    "Brouwerij",
    "Ateliers",
    "Consulting",
    "Metaal",
    "Software",
    "Optiek",
    "Apotheek",
)
FORMS_OF_COMPANY: Final = ("", "", "", " NV", " BV", " SA", " GmbH", " AB", " & Zonen", " & Fils")
INDUSTRIES: Final = ("FOOD", "CONSTRUCTION", "RETAIL", "LOGISTICS", "MANUFACTURING", "HEALTHCARE", "SOFTWARE")
SOURCES: Final = (
    "ORGANIC_SEARCH",
    "PAID_SEARCH",
    "DIRECT_TRAFFIC",
    "REFERRALS",
    "SOCIAL_MEDIA",
    "EMAIL_MARKETING",
    "OFFLINE",
)
CAMPAIGNS: Final = ("spring-2024", "beurs Kortrijk", "kerstactie", "salon de Liège", "webinar-07", "partner")
DEALS: Final = ("Renewal", "New fleet", "Website", "Annual contract", "Pilot", "Extra licences", "Onderhoud")
DEAL_STAGES: Final = ("appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost")
TICKETS: Final = ("Invoice shows the old address", "Login fails", "Levering te laat", "Kapotte doos", "Refund")
SUBJECTS: Final = {
    "note": ("Prefers to be called in the morning", "Belt terug na de vakantie", "Asked for references"),
    "call": ("Intake", "Follow-up on the offer", "Rappel facture"),
    "email": ("Re: offerte", "Your question about delivery", "Angebot 2025"),
    "meeting": ("Demo on site", "Kennismaking", "Quarterly review"),
    "task": ("Send the contract", "Check the VAT number", "Prijslijst nasturen"),
}
BODIES: Final = ("", "See the attachment.", "Met dank, tot dinsdag.", "À bientôt !", "Details in the shared folder.")

# Letters that no accent can be taken from.
_LETTERS: Final = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "ß": "ss", "ı": "i", "đ": "d", "'": "", " ": ""}
)


def ascii_of(text: str) -> str:
    """Write a name as people do who lack its letters: no accents, no blanks."""
    folded = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(ch for ch in folded if ch.isascii())
